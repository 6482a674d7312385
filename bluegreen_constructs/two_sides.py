"""TwoSides: all that a construct has whose two sides the engine moves traffic between: groups, rules, settings."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .canary_guardrails import asked_of_the_engine
from .canary_hooks import hook_settings
from .canary_plan import refuse_plan, refuse_sides, state_power
from .canary_routes import CanaryRoutes
from .canary_side import CanarySide, joined
from .candidate_route import CandidateRoute
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.spans import Span, as_timedelta
from .engine.strategy import Split, Step, Steps, Strategy
from .engine.target_settings import TargetSettings
from .guardrail_alarms import AlarmThresholds, SideMetrics
from .hooks import Hook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .rollout_dashboard import RolloutDashboard
from .rollout_engine import RolloutEngine
from .rollout_limits import RolloutLimits
from .service_load_balancer import ServiceLoadBalancer
from .side_network import SideNetwork
from .targets import Targets
from .test_traffic import TestTraffic

DEFAULT_STRATEGY = Steps(
    [Step(1, timedelta(minutes=5)), Step(10, timedelta(minutes=10)), Step(50, timedelta(minutes=10))]
)
DEFAULT_BAKE = timedelta(minutes=15)

TestRoutes: TypeAlias = TestTraffic | CandidateRoute | Sequence[TestTraffic | CandidateRoute]


class TwoSides:
    """The sides, the rules between them, and what the stack's engine is told of them; made inside `scope`."""

    def __init__(
        self,
        scope: Construct,
        *,
        target: str,
        blue: Targets,
        green: Targets,
        ingress: Ingress,
        strategy: Strategy,
        bake: Span,
        guardrails: Sequence[Guardrail | AlarmThresholds],
        hooks: Sequence[Hook],
        stickiness: Span | None,
        test_traffic: TestRoutes | None,
        expected_traffic: ExpectedTraffic | None,
        limits: RolloutLimits,
        vpc: ec2.IVpc | None,
    ) -> None:
        """Make them. Raises ConfigurationError for what ELB, IAM or the engine would refuse later."""
        self._scope = scope
        baked = as_timedelta(bake, "bake")
        routes = _routes(test_traffic)
        refuse_sides(scope, blue, green, ingress, hooks)
        refuse_plan(
            scope,
            strategy,
            limits=limits,
            bake=baked,
            guardrails=guardrails,
            is_sticky=stickiness is not None,
            has_routes=bool(routes),
        )
        state_power(scope, strategy, guardrails, is_sticky=stickiness is not None, traffic=expected_traffic)
        network = SideNetwork(scope, vpc, ingress, (blue, green))
        self.blue = CanarySide(scope, "Blue", targets=blue, ingress=ingress, network=network)
        self.green = CanarySide(scope, "Green", targets=green, ingress=ingress, network=network)
        balancer = None
        if ingress.listener is None:
            balancer = ServiceLoadBalancer(scope, vpc=network.vpc, ingress=ingress)
        self.load_balancer = None if balancer is None else balancer.resource
        self.routes = CanaryRoutes(
            scope,
            "Routes",
            ingress=ingress,
            load_balancer=balancer,
            routes=routes,
            blue=self.blue,
            green=self.green,
            adopted=self.blue if blue.is_adopted else self.green if green.is_adopted else None,
            stickiness=stickiness,
        )
        self.listener = self.routes.live_rule.listener
        self._open_ways()
        self.metrics = SideMetrics(
            load_balancer=self.routes.address.load_balancer_full_name,
            blue=self.blue.settings.metric_name,
            green=self.green.settings.metric_name,
            shares_load_balancer=balancer is None or ingress.load_balancer is not None,
        )
        self.engine = RolloutEngine.of(scope)
        asked = hook_settings(scope, hooks, self.routes, network)
        settings = TargetSettings(
            target=target,
            rule_arn=self.routes.live_rule.rule_arn,
            load_balancer=self.routes.address.load_balancer_full_name,
            blue=self.blue.settings,
            green=self.green.settings,
            steps=strategy.steps(),
            split=strategy.percent if isinstance(strategy, Split) else None,
            test_rule_arns=tuple(rule.rule_arn for rule in self.routes.candidate_rules),
            guardrails=asked_of_the_engine(
                scope, guardrails, self.metrics, target=target, grace_seconds=ingress.grace_seconds
            ),
            hooks=asked,
            stickiness_seconds=None if stickiness is None else round(as_timedelta(stickiness, "").total_seconds()),
            bake=baked,
            hold_back=limits.hold_back,
            patience=limits.span("patience"),
            hold_timeout=limits.span("hold"),
            prepare_timeout=limits.span("prepare"),
            restore_timeout=limits.span("restore"),
            deadline=limits.deadline_of(strategy),
            drain_timeout=limits.span("drain"),
            keep=limits.span("keep"),
            metric_lag=limits.span("metric_lag"),
            retained=limits.retained,
            shares_load_balancer=self.metrics.shares_load_balancer,
        )
        functions = [hook.function_arn for hook in asked if not hook.is_approval]
        self.engine.run(scope, settings, {**joined(self.blue, self.green), "hook function": functions})
        self._outputs(target)

    def add_dashboard(self, target: str) -> RolloutDashboard:
        """A dashboard of both sides. Raises ConfigurationError when there is one already."""
        if self._scope.node.try_find_child("Dashboard") is not None:
            raise ConfigurationError(f"{self._scope.node.path} has a dashboard already: call add_dashboard once")
        return RolloutDashboard(self._scope, "Dashboard", target=target, metrics=self.metrics)

    def _open_ways(self) -> None:
        """Addresses have no security group that the load balancer's could name."""
        for side in (self.blue, self.green):
            for address, port in side.addresses:
                peer = ec2.Peer.ipv6(f"{address}/128") if ":" in address else ec2.Peer.ipv4(f"{address}/32")
                self.listener.connections.allow_to(peer, ec2.Port.tcp(port), "targets")

    def _outputs(self, target: str) -> None:
        routes, scope = self.routes, self._scope
        cdk.CfnOutput(scope, "Target", value=target, description="the name for the bluegreen command")
        what = "the live rule, for bluegreen abort --rule when Parameter Store does not answer: keep it outside AWS"
        cdk.CfnOutput(scope, "LiveRule", value=routes.live_rule.rule_arn, description=what)
        if routes.address.dns_name is not None:
            what = "the load balancer's own name"
            cdk.CfnOutput(scope, "DnsName", value=routes.address.dns_name, description=what)
        if routes.url is not None:
            cdk.CfnOutput(scope, "Url", value=routes.url, description="where users reach the service")
        if routes.secret_arn is not None:
            what = "the secret with the value that takes a request to the candidate"
            cdk.CfnOutput(scope, "CandidateValue", value=routes.secret_arn, description=what)


def _routes(given: TestRoutes | None) -> list[CandidateRoute]:
    if given is None:
        return [CandidateRoute.header()]
    routes = [given] if isinstance(given, TestTraffic | CandidateRoute) else given
    return [CandidateRoute.from_test_traffic(one) if isinstance(one, TestTraffic) else one for one in routes]
