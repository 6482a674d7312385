"""ClusterSwitch: two EKS clusters behind one load balancer; the engine moves a service from one to the other."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .canary_arguments import refuse_arguments
from .cluster_side import ClusterSide, refuse_clusters
from .cluster_targets import ClusterTargets
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.spans import Span
from .engine.strategy import Strategy
from .engine.target_settings import SIDES, Side
from .guardrail_alarms import AlarmThresholds
from .hooks import Hook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .rollout_dashboard import RolloutDashboard
from .rollout_limits import RolloutLimits
from .side_network import SideNetwork
from .target_name import target_name
from .targets import Targets
from .two_sides import DEFAULT_BAKE, DEFAULT_STRATEGY, TestRoutes, TwoSides


class ClusterSwitch(Construct):
    """A service in two clusters, and a rule whose weights only the engine moves.

    For another version of Kubernetes, or to move a service from one cluster to another. `bluegreen start STACK/ID
    --release NAME` waits until the cluster that is out of use has as many healthy pods as live, gives it traffic as
    `strategy` says, compares it with live all the while, and goes back at the first objection. Then the sides have
    changed their roles. No stack update moves live traffic: the template knows neither weights nor which side is live.

    What runs in the clusters is yours to deploy, and how many pods of it: the engine starts none, and stops none.

    blue, green: the sides, in one VPC; blue is live at the beginning. None for a side without a cluster, before there
        is a second one, or when the former one is given up.
    ingress: how requests reach them, as of a `CanaryAlb`; `drain` has to be shorter than the pods' preStop.
    strategy, bake, guardrails, hooks, stickiness, test_traffic, expected_traffic, limits: as of a `CanaryAlb`.
    vpc: where the clusters are, if they do not say so.

    Raises ConfigurationError at synth for what ELB, IAM, Kubernetes or the engine would refuse later.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        blue: ClusterSide | None,
        green: ClusterSide | None,
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
        """Make the target groups, the rules, what registers the pods, and let the stack's engine run the rollouts."""
        super().__init__(scope, id)
        self.target = target_name(self)
        refuse_clusters(self, blue, green, vpc)
        if not isinstance(ingress, Ingress):
            raise ConfigurationError(f"{self.node.path} has the ingress {type(ingress).__name__}: give Ingress(…)")
        known = (vpc, *(side.cluster.vpc for side in (blue, green) if side is not None))
        network = SideNetwork(self, next((one for one in known if one is not None), None), ingress, ()).vpc
        self._targets: dict[Side, ClusterTargets] = {
            name: ClusterTargets(self, f"{name.capitalize()}Cluster", side=side, ingress=ingress, vpc=network)
            for name, side in zip(SIDES, (blue, green), strict=True)
        }
        sides = {name: Targets.of(one.group) for name, one in self._targets.items()}
        refuse_arguments(
            self.node.path,
            blue=sides["blue"],
            green=sides["green"],
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
            blue=sides["blue"],
            green=sides["green"],
            ingress=ingress,
            strategy=strategy,
            bake=bake,
            guardrails=guardrails,
            hooks=hooks,
            stickiness=stickiness,
            test_traffic=test_traffic,
            expected_traffic=expected_traffic,
            limits=limits or RolloutLimits(),
            vpc=network,
        )
        self.load_balancer, self.listener = self._sides.load_balancer, self._sides.listener
        self.live_rule = self._sides.routes.live_rule
        self.candidate_rules = self._sides.routes.candidate_rules
        self.url, self.dns_name = self._sides.routes.url, self._sides.routes.address.dns_name
        self.engine = self._sides.engine
        for one in self._targets.values():
            one.bind(self.listener)
        if blue is None or green is None:
            self._keep_live("green" if blue is None else "blue")

    @property
    def blue(self) -> elbv2.IApplicationTargetGroup:
        """The blue side's target group."""
        return self._targets["blue"].group

    @property
    def green(self) -> elbv2.IApplicationTargetGroup:
        """The green side's target group."""
        return self._targets["green"].group

    def add_dashboard(self) -> RolloutDashboard:
        """A CloudWatch dashboard of both sides; what it costs is on CloudWatch's price list.

        Raises ConfigurationError when it is called again.
        """
        return self._sides.add_dashboard(self.target)

    def _keep_live(self, side: Side) -> None:
        """Have an update refused that takes the pods off the side that serves (I8), before any binding goes."""
        self.live_rule.resource.add_property_override("MustServe", self._targets[side].group.target_group_arn)
