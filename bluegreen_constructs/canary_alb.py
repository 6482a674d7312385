"""CanaryAlb: two sides behind an Application Load Balancer; the engine moves traffic between them, step by step."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .account_arns import foreign_place
from .canary_arguments import refuse_arguments
from .canary_guardrails import asked_of_the_engine
from .canary_hooks import hook_settings
from .canary_plan import refuse_plan, refuse_sides, state_power
from .canary_routes import CanaryRoutes
from .canary_side import CanarySide, joined
from .candidate_route import CandidateRoute
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.spans import Span, as_timedelta
from .engine.strategy import Split, Step, Steps, Strategy
from .engine.target_settings import Compute, TargetSettings
from .guardrail_alarms import AlarmThresholds, SideMetrics
from .hooks import Hook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .rollout_dashboard import RolloutDashboard
from .rollout_engine import RolloutEngine
from .rollout_limits import RolloutLimits
from .service_load_balancer import ServiceLoadBalancer
from .side_network import SideNetwork
from .target_name import target_name
from .targets import Targets
from .test_traffic import TestTraffic

DEFAULT_STRATEGY = Steps(
    [Step(1, timedelta(minutes=5)), Step(10, timedelta(minutes=10)), Step(50, timedelta(minutes=10))]
)
DEFAULT_BAKE = timedelta(minutes=15)

TestRoutes: TypeAlias = TestTraffic | CandidateRoute | Sequence[TestTraffic | CandidateRoute]


class CanaryAlb(Construct):
    """Two sides behind a load balancer, and a rule whose weights only the engine moves.

    `bluegreen start STACK/ID --release NAME` puts a release on the side that is out of use, tests it, gives it traffic
    as `strategy` says, compares it with live all the while, and goes back at the first objection. Then the sides have
    changed their roles. No stack update moves live traffic: the template knows neither weights nor which side is live.

    blue, green: the sides. Blue is live at the beginning, unless green is `Targets.adopted(...)`.
    ingress: how requests reach them: a load balancer of its own, or a rule on a listener that exists. `grace` means
        nothing here: how long a release may take to be healthy is `RolloutLimits(prepare=…)`.
    strategy: `Steps`, `Canary`, `Linear` or `AllAtOnce` (default: 1 % for 5 minutes, 10 % and 50 % for 10 minutes
        each), or `Split`, which stays until somebody promotes or aborts it.
    bake: how long going back stays one call after the last step (default 15 minutes); a part of the traffic stays on
        live meanwhile (`RolloutLimits(hold_back=…)`).
    guardrails: what must stay true (default: `ErrorComparison()`): comparisons with live, an `AbsoluteFloor`, an
        `AlarmGuardrail`, or `AlarmThresholds` for built-in alarms over both sides. An alarm aborts at once; one over
        both sides also goes off when live is at fault.
    hooks: `HttpSmokeTest`, `LambdaHook` and `Approval`, asked in this order before production traffic.
    stickiness: how long a client stays on its side (default: each request is weighed anew). An A/B test needs it.
    test_traffic: which requests always reach the candidate: `TestTraffic` or `CandidateRoute`, one or several (default:
        the header `x-bluegreen-test` with a generated value; an empty list for none).
    expected_traffic: what the plan is checked against at synth; one that cannot see its own margin is refused.
    limits: time-outs, and what stays on live during the bake.
    vpc: where the sides are, if neither they nor the load balancer say so.

    Raises ConfigurationError at synth for what ELB, IAM or the engine would refuse later.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        blue: Targets,
        green: Targets,
        ingress: Ingress,
        strategy: Strategy = DEFAULT_STRATEGY,
        bake: Span = DEFAULT_BAKE,
        guardrails: Sequence[Guardrail | AlarmThresholds] = (ErrorComparison(),),
        hooks: Sequence[Hook] = (),
        stickiness: Span | None = None,
        test_traffic: TestRoutes | None = None,
        expected_traffic: ExpectedTraffic | None = None,
        limits: RolloutLimits | None = None,
        vpc: ec2.IVpc | None = None,
    ) -> None:
        """Make the sides, the rules and what they need, and let the stack's engine run their rollouts."""
        super().__init__(scope, id)
        self.target = target_name(self)
        refuse_arguments(
            self.node.path,
            blue=blue,
            green=green,
            ingress=ingress,
            limits=limits,
            traffic=expected_traffic,
            routes=test_traffic,
            guardrails=guardrails,
            hooks=hooks,
        )
        limits = limits or RolloutLimits()
        baked = as_timedelta(bake, "bake")
        routes = _routes(test_traffic)
        refuse_sides(self, blue, green, ingress, hooks)
        refuse_plan(
            self,
            strategy,
            limits=limits,
            bake=baked,
            guardrails=guardrails,
            is_sticky=stickiness is not None,
            has_routes=bool(routes),
        )
        state_power(self, strategy, guardrails, is_sticky=stickiness is not None, traffic=expected_traffic)
        network = SideNetwork(self, vpc, ingress, (blue, green))
        self._blue = CanarySide(self, "Blue", targets=blue, ingress=ingress, network=network)
        self._green = CanarySide(self, "Green", targets=green, ingress=ingress, network=network)
        balancer = None
        if ingress.listener is None:
            balancer = ServiceLoadBalancer(self, vpc=network.vpc, ingress=ingress)
        self.load_balancer = None if balancer is None else balancer.resource
        self._routes = CanaryRoutes(
            self,
            "Routes",
            ingress=ingress,
            load_balancer=balancer,
            routes=routes,
            blue=self._blue,
            green=self._green,
            adopted=self._blue if blue.is_adopted else self._green if green.is_adopted else None,
            stickiness=stickiness,
        )
        self.live_rule = self._routes.live_rule
        self.candidate_rules = self._routes.candidate_rules
        self.listener = self.live_rule.listener
        self.url = self._routes.url
        self.dns_name = self._routes.address.dns_name
        self._open_ways()
        self._metrics = SideMetrics(
            load_balancer=self._routes.address.load_balancer_full_name,
            blue=self._blue.settings.metric_name,
            green=self._green.settings.metric_name,
            shares_load_balancer=balancer is None or ingress.load_balancer is not None,
        )
        self.engine = RolloutEngine.of(self)
        asked = hook_settings(self, hooks, self._routes, network)
        settings = TargetSettings(
            target=self.target,
            rule_arn=self.live_rule.rule_arn,
            load_balancer=self._routes.address.load_balancer_full_name,
            blue=self._blue.settings,
            green=self._green.settings,
            steps=strategy.steps(),
            split=strategy.percent if isinstance(strategy, Split) else None,
            test_rule_arns=tuple(rule.rule_arn for rule in self.candidate_rules),
            guardrails=asked_of_the_engine(
                self, guardrails, self._metrics, target=self.target, grace_seconds=ingress.grace_seconds
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
            metric_lag=limits.span("metric_lag"),
            retained=limits.retained,
            shares_load_balancer=self._metrics.shares_load_balancer,
        )
        functions = [hook.function_arn for hook in asked if not hook.is_approval]
        self.engine.run(self, settings, {**joined(self._blue, self._green), "hook function": functions})
        self._outputs()

    @property
    def blue(self) -> elbv2.IApplicationTargetGroup:
        """The blue side's target group."""
        return self._blue.group

    @property
    def green(self) -> elbv2.IApplicationTargetGroup:
        """The green side's target group."""
        return self._green.group

    def start_on_push(self, repository: ecr.IRepository, tag_pattern: str = "*") -> None:
        """Start a rollout for every image that is pushed to `repository` with a tag like `tag_pattern`.

        `*` in the pattern stands for any text. The release is named by its tag, and runs by its digest.

        Raises ConfigurationError unless both sides are ECS services, which alone run images; for a repository of
        another account or region; and when it is called again.
        """
        if {self._blue.settings.compute, self._green.settings.compute} != {Compute.ECS}:
            raise ConfigurationError(
                f"{self.node.path} has sides that run no images: start_on_push needs ECS services on both, start "
                "others with bluegreen start"
            )
        if not re.fullmatch(r"[A-Za-z0-9_.*-]{1,128}", tag_pattern) or "**" in tag_pattern:
            raise ConfigurationError(
                f"{self.node.path} has the tag pattern {tag_pattern!r}: give letters, digits, dots, hyphens, _ and "
                "single *, such as 'v*'"
            )
        if self.node.try_find_child("PushRule") is not None:
            raise ConfigurationError(
                f"{self.node.path} starts a rollout on pushes already: call start_on_push once, for one repository"
            )
        place = foreign_place(self, repository.repository_arn, repository.env)
        if place is not None:
            raise ConfigurationError(
                f"{self.node.path} has a repository in {place}, whose pushes are announced there alone: give one of "
                "the stack's own account and region, such as a replica"
            )
        self.engine.start_on_push(self, self.target, repository, tag_pattern)

    def add_dashboard(self) -> RolloutDashboard:
        """A CloudWatch dashboard of both sides; what it costs is on CloudWatch's price list.

        Raises ConfigurationError when it is called again.
        """
        if self.node.try_find_child("Dashboard") is not None:
            raise ConfigurationError(f"{self.node.path} has a dashboard already: call add_dashboard once")
        return RolloutDashboard(self, "Dashboard", target=self.target, metrics=self._metrics)

    def _open_ways(self) -> None:
        """Addresses have no security group that the load balancer's could name."""
        for side in (self._blue, self._green):
            for address, port in side.addresses:
                peer = ec2.Peer.ipv6(f"{address}/128") if ":" in address else ec2.Peer.ipv4(f"{address}/32")
                self.listener.connections.allow_to(peer, ec2.Port.tcp(port), "targets")

    def _outputs(self) -> None:
        cdk.CfnOutput(self, "Target", value=self.target, description="the name for the bluegreen command")
        what = "the live rule, for bluegreen abort --rule when Parameter Store does not answer: keep it outside AWS"
        cdk.CfnOutput(self, "LiveRule", value=self.live_rule.rule_arn, description=what)
        if self.dns_name is not None:
            cdk.CfnOutput(self, "DnsName", value=self.dns_name, description="the load balancer's own name")
        if self.url is not None:
            cdk.CfnOutput(self, "Url", value=self.url, description="where users reach the service")
        if self._routes.secret_arn is not None:
            what = "the secret with the value that takes a request to the candidate"
            cdk.CfnOutput(self, "CandidateValue", value=self._routes.secret_arn, description=what)


def _routes(given: TestRoutes | None) -> list[CandidateRoute]:
    if given is None:
        return [CandidateRoute.header()]
    routes = [given] if isinstance(given, TestTraffic | CandidateRoute) else given
    return [CandidateRoute.from_test_traffic(one) if isinstance(one, TestTraffic) else one for one in routes]
