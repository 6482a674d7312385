"""What a CanaryAlb refuses at synth, and what it says there about its plan."""

from collections.abc import Sequence
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail, LatencyComparison, MetricComparison
from .engine.smoke_test import HttpSmokeTest
from .engine.strategy import AllAtOnce, Split, Strategy
from .guardrail_alarms import AlarmThresholds
from .hooks import Hook
from .ingress import Ingress
from .known_listener import default_groups, is_internet_facing, resolved
from .plan_check import check_plan
from .planning.expected_traffic import ExpectedTraffic
from .rollout_limits import RolloutLimits
from .targets import Targets

_COMPARISONS = (ErrorComparison, LatencyComparison, MetricComparison)
_UNSTUCK = "bluegreen-constructs:split-without-stickiness"


def refuse_sides(scope: Construct, blue: Targets, green: Targets, ingress: Ingress, hooks: Sequence[Hook]) -> None:
    """Refuse sides that are one, that the listener cannot speak to, or of which none or both would be live."""
    path = scope.node.path
    _refuse_reach(path, ingress)
    if ingress.rules is not None:
        raise ConfigurationError(f"{path} was given Ingress(rules=…): give the listener and a priority instead")
    if blue.source is green.source or (blue.runs is not None and blue.runs is green.runs):
        raise ConfigurationError(f"{path} has the same targets as blue and as green: give it two sides")
    is_encrypted = ingress.certificate is not None or (ingress.listener is not None and not ingress.plain_http)
    for side in (blue, green):
        if side.protocol != "HTTP1" and not is_encrypted:
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
            raise ConfigurationError(
                f"{path} has {side.protocol} targets behind a plain HTTP listener: give Ingress(certificate=…), ELB "
                "speaks HTTP/2 and gRPC to targets only for HTTPS listeners"
            )
    if any(_speaks_grpc(side) for side in (blue, green)) and any(isinstance(hook, HttpSmokeTest) for hook in hooks):
        raise ConfigurationError(
            f"{path} has gRPC targets and an HttpSmokeTest, which speaks HTTP/1.1 and would always fail: give a "
            "LambdaHook whose function makes a gRPC call"
        )
    if blue.is_adopted and green.is_adopted:
        raise ConfigurationError(
            f"{path} has two adopted sides: adopt the group that serves now, and give the other by Targets.of"
        )
    if not blue.is_adopted and not green.is_adopted:
        if ingress.listener is not None and ingress.host is None and not ingress.paths:
            raise ConfigurationError(
                f"{path} has a listener and neither a host nor paths, and would take every request of the listener "
                "that no rule before it takes: give Ingress(host=…) or paths, or paths=('/*',) if that is what you want"
            )
        return
    if ingress.listener is None:
        raise ConfigurationError(
            f"{path} adopts a target group without its listener: give Ingress(listener=…, priority=…)"
        )
    if ingress.host is not None or ingress.paths:
        raise ConfigurationError(
            f"{path} adopts a default action, which takes every request, and has a host or paths: leave them out"
        )
    _refuse_adoption(path, blue if blue.is_adopted else green, ingress.listener)


def _refuse_reach(path: str, ingress: Ingress) -> None:
    known = is_internet_facing(ingress)
    if known is not None and known != ingress.internet_facing:
        raise ConfigurationError(
            f"{path} has an ingress with internet_facing={ingress.internet_facing} on a load balancer that is "
            f"{'internet-facing' if known else 'internal'}: give Ingress(internet_facing={known})"
        )


def _refuse_adoption(path: str, side: Targets, listener: elbv2.IApplicationListener) -> None:
    groups = default_groups(listener)
    if groups is None or not hasattr(side.source, "target_group_arn"):
        return
    if groups != [resolved(listener, side.source.target_group_arn)]:
        raise ConfigurationError(
            f"{path} adopts a target group that is not all that {listener.node.path} forwards to by default, so that "
            "the new rule would move traffic: adopt the one group that serves now, or give Ingress(host=…) and "
            "Targets.of"
        )


def _speaks_grpc(side: Targets) -> bool:
    source: object = side.source
    group = source.node.default_child if isinstance(source, elbv2.ApplicationTargetGroup) else None
    return side.protocol == "GRPC" or (isinstance(group, elbv2.CfnTargetGroup) and group.protocol_version == "GRPC")


def refuse_plan(
    scope: Construct,
    strategy: Strategy,
    *,
    limits: RolloutLimits,
    bake: timedelta,
    guardrails: Sequence[Guardrail | AlarmThresholds],
    is_sticky: bool,
    has_routes: bool,
) -> None:
    """Refuse a plan that nobody judges, that cannot be judged, or that cannot be done in time."""
    path = scope.node.path
    if not isinstance(strategy, Strategy):
        raise ConfigurationError(
            f"{path} has the strategy {strategy!r}: give Steps, Canary, Linear, AllAtOnce or Split"
        )
    if not guardrails:
        raise ConfigurationError(
            f"{path} has no guardrails, so that nothing would ever stop a bad release: give [ErrorComparison()] or an "
            "AlarmGuardrail"
        )
    if isinstance(strategy, AllAtOnce) and not limits.hold_back:
        compared = next((one for one in guardrails if isinstance(one, _COMPARISONS)), None)
        if compared is not None:
            raise ConfigurationError(
                f"{path} has AllAtOnce and RolloutLimits(hold_back=0), so that {type(compared).__name__} never sees a "
                "minute with requests on both sides: leave hold_back out, or give an AbsoluteFloor or an AlarmGuardrail"
            )
    if is_sticky and not has_routes:
        # A sticky rule with all traffic on one side does not name the other one.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        raise ConfigurationError(
            f"{path} has stickiness and test_traffic=[]: no rule would name the side that is out of use, and a target "
            "group that no rule names is never healthy; leave test_traffic out, or give a CandidateRoute"
        )
    limits.refuse(path, strategy, bake)


def state_power(
    scope: Construct,
    strategy: Strategy,
    guardrails: Sequence[Guardrail | AlarmThresholds],
    *,
    is_sticky: bool,
    traffic: ExpectedTraffic | None,
) -> None:
    """Say what the plan can see, refuse one that cannot see its own margin (`check_plan`).

    A Split has no step that ends, and AllAtOnce none that compares: nothing is said about their power.
    """
    if isinstance(strategy, Split):
        if not is_sticky:
            cdk.Annotations.of(scope).add_warning_v2(
                _UNSTUCK,
                "a Split without stickiness weighs each request anew, so that a user meets both versions: give "
                "stickiness=timedelta(days=1) for an A/B test, or acknowledge this warning",
            )
    elif not isinstance(strategy, AllAtOnce):
        judged = [one for one in guardrails if not isinstance(one, AlarmThresholds)]
        check_plan(scope, strategy=strategy, guardrails=judged, traffic=traffic)
