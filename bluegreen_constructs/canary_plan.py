"""What a CanaryAlb refuses at synth, and what it says there about its plan."""

from collections.abc import Sequence
from datetime import timedelta

import aws_cdk as cdk
from constructs import Construct

from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.strategy import AllAtOnce, Split, Strategy
from .guardrail_alarms import AlarmThresholds
from .ingress import Ingress
from .plan_check import check_plan
from .planning.expected_traffic import ExpectedTraffic
from .rollout_limits import RolloutLimits
from .targets import Targets

_UNSTUCK = "bluegreen-constructs:split-without-stickiness"


def refuse_sides(scope: Construct, blue: Targets, green: Targets, ingress: Ingress) -> None:
    """Refuse sides that are one, that the listener cannot speak to, or of which none or both would be live."""
    path = scope.node.path
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
    if blue.is_adopted and green.is_adopted:
        raise ConfigurationError(
            f"{path} has two adopted sides: adopt the group that serves now, and give the other by Targets.of"
        )
    if not blue.is_adopted and not green.is_adopted:
        return
    if ingress.listener is None:
        raise ConfigurationError(
            f"{path} adopts a target group without its listener: give Ingress(listener=…, priority=…)"
        )
    if ingress.host is not None or ingress.paths:
        raise ConfigurationError(
            f"{path} adopts a default action, which takes every request, and has a host or paths: leave them out"
        )


def refuse_plan(
    scope: Construct,
    strategy: Strategy,
    *,
    limits: RolloutLimits,
    bake: timedelta,
    guardrails: Sequence[Guardrail | AlarmThresholds],
) -> None:
    """Refuse a plan that nobody judges, or that cannot be done in time."""
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
