"""CanaryAlb: two sides behind an Application Load Balancer; the engine moves traffic between them, step by step."""

import re
from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .account_arns import foreign_place
from .canary_arguments import refuse_arguments
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.spans import Span
from .engine.strategy import Strategy
from .engine.target_settings import Compute
from .guardrail_alarms import AlarmThresholds
from .hooks import Hook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .rollout_dashboard import RolloutDashboard
from .rollout_limits import RolloutLimits
from .target_name import target_name
from .targets import Targets
from .two_sides import DEFAULT_BAKE, DEFAULT_STRATEGY, TestRoutes, TwoSides


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
        self._sides = TwoSides(
            self,
            target=self.target,
            blue=blue,
            green=green,
            ingress=ingress,
            strategy=strategy,
            bake=bake,
            guardrails=guardrails,
            hooks=hooks,
            stickiness=stickiness,
            test_traffic=test_traffic,
            expected_traffic=expected_traffic,
            limits=limits or RolloutLimits(),
            vpc=vpc,
        )
        self.load_balancer, self.listener = self._sides.load_balancer, self._sides.listener
        self.live_rule = self._sides.routes.live_rule
        self.candidate_rules = self._sides.routes.candidate_rules
        self.url, self.dns_name = self._sides.routes.url, self._sides.routes.address.dns_name
        self.engine = self._sides.engine

    @property
    def blue(self) -> elbv2.IApplicationTargetGroup:
        """The blue side's target group."""
        return self._sides.blue.group

    @property
    def green(self) -> elbv2.IApplicationTargetGroup:
        """The green side's target group."""
        return self._sides.green.group

    def start_on_push(self, repository: ecr.IRepository, tag_pattern: str = "*") -> None:
        """Start a rollout for every image that is pushed to `repository` with a tag like `tag_pattern`.

        `*` in the pattern stands for any text. The release is named by its tag, and runs by its digest.

        Raises ConfigurationError unless both sides are ECS services, which alone run images; for a repository of
        another account or region; and when it is called again.
        """
        if {self._sides.blue.settings.compute, self._sides.green.settings.compute} != {Compute.ECS}:
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
        return self._sides.add_dashboard(self.target)
