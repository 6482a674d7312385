"""Ec2BlueGreenFleet: two Auto Scaling groups behind a load balancer; releases go live from one to the other."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import jsii
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from constructs import Construct

from .code_deploy import CodeDeploy
from .code_deploy_agent import agent_script
from .code_deploy_fleet import CodeDeployFleet
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import Guardrail
from .engine.spans import Span
from .engine.strategy import Strategy
from .engine.target_settings import SIDES, Side
from .fleet_checks import (
    WholeUserData,
    alarms_only,
    bake_under_code_deploy,
    refuse_fleet,
    refuse_grace,
    refuse_under_code_deploy,
)
from .fleet_group import FleetGroup
from .fleet_instances import FleetInstances
from .fleet_lifecycle import answering_script, let_instances_answer, wait_seconds
from .fleet_role import instance_role
from .fleet_targets import fleet_targets
from .guardrail_alarms import AlarmThresholds
from .hooks import Hook
from .ingress import Ingress
from .planning.expected_traffic import ExpectedTraffic
from .release_artefact import boot_script
from .rollout_dashboard import RolloutDashboard
from .rollout_engine import RolloutEngine
from .rollout_limits import RolloutLimits
from .scaling import Scaling
from .target_name import target_name
from .traffic_rule import TrafficRule
from .two_sides import DEFAULT_BAKE, DEFAULT_STRATEGY, TestRoutes, TwoSides


@jsii.implements(ec2.IConnectable)
class Ec2BlueGreenFleet(Construct):
    """A service on EC2 instances with two sides, between which the engine moves the traffic.

    `bluegreen start STACK/ID --release …` brings the side that is out of use to the release and to live's number of
    instances, waits until all of them are healthy, gives it traffic as `strategy` says, compares it with live all the
    while, and goes back at the first objection. After the bake the sides have changed their roles, and the former live
    side is scaled in, once it has had no requests for two minutes; `RolloutLimits(keep=…)` keeps it warm longer. No
    stack update moves live traffic or launches another release: an edit of the instances is shipped, and judged, with
    the next release.

    What a release is, `instances` says: an archive in S3 by its name, an image (`--image ami-…`), or a version of the
    side's launch template (`--release 7`).

    vpc: where it is. instances: what the instances are. ingress: how requests reach them; `grace` is how long an
        instance may boot before a failed health check has it replaced (default 5 minutes), less than
        `RolloutLimits(prepare=…)`.
    strategy: `Steps`, `Canary`, `Linear`, `AllAtOnce` or `Split` (default: 1 % for 5 minutes, 10 % and 50 % for 10).
    bake: how long going back stays one call after the last step (default 15 minutes).
    guardrails: what must stay true, as of a `CanaryAlb` (default: `ErrorComparison()`); under CodeDeploy
        `AlarmGuardrail` only. hooks, test_traffic, expected_traffic, limits: as of a `CanaryAlb`.
    scaling: how many instances a side has (default 2), and on what it scales; both sides start with the least number.
    controller: `CodeDeploy(...)`, if AWS CodeDeploy is to install releases and move the instances in and out of one
        target group, instead of the engine. Until the first deployment nothing serves; an instance that Auto Scaling
        replaces has no release until the next one.

    Raises ConfigurationError at synth for what EC2, Auto Scaling, ELB, CodeDeploy or the engine would refuse later.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        instances: FleetInstances,
        ingress: Ingress,
        strategy: Strategy | None = None,
        bake: Span | None = None,
        guardrails: Sequence[Guardrail | AlarmThresholds] | None = None,
        hooks: Sequence[Hook] = (),
        scaling: Scaling | None = None,
        test_traffic: TestRoutes | None = None,
        expected_traffic: ExpectedTraffic | None = None,
        limits: RolloutLimits | None = None,
        controller: CodeDeploy | None = None,
    ) -> None:
        """Make both sides, and who moves the traffic between them."""
        super().__init__(scope, id)
        self.target = target_name(self)
        self.artefact = instances.artefact
        """Where the archives of its releases lie; None when its releases are none."""
        scaling = scaling or Scaling()
        if controller is not None:
            others = {
                "strategy": strategy,
                "hooks": hooks,
                "test_traffic": test_traffic,
                "expected_traffic": expected_traffic,
                "limits": limits,
            }
            refuse_under_code_deploy(
                self.node.path, controller, instances=instances, ingress=ingress, scaling=scaling, given=others
            )
        ingress = ingress.for_instances()
        if controller is None:
            refuse_fleet(self.node.path, instances, scaling)
            refuse_grace(self.node.path, ingress, limits or RolloutLimits())
        self.node.add_validation(WholeUserData(instances))
        hook_seconds = wait_seconds(ingress.grace_seconds) if instances.is_stopped_in_pool else None
        self.role: iam.Role = instance_role(self, instances, has_agent=controller is not None)
        if hook_seconds is not None:
            let_instances_answer(self, self.role)
        self.security_group = ec2.SecurityGroup(
            self, "Instances", vpc=vpc, description=f"the instances of both sides of {self.target}"
        )
        self._groups = {
            side: FleetGroup(
                self,
                f"{side.capitalize()}Instances",
                side=side,
                fleet=self.target,
                instances=instances,
                scaling=scaling,
                vpc=vpc,
                role=self.role,
                user_data=_user_data(instances, hook_seconds, has_agent=controller is not None),
                security_group=self.security_group,
                # CodeDeploy's instances are in the target group only while they serve.
                grace_seconds=ingress.grace_seconds if controller is None else None,
                hook_seconds=hook_seconds,
            )
            for side in SIDES
        }
        self._sides: TwoSides | None = None
        self._deployed: CodeDeployFleet | None = None
        if controller is not None:
            self._deployed = CodeDeployFleet(
                self,
                target=self.target,
                controller=controller,
                ingress=ingress,
                instances=instances,
                groups=tuple(self._groups.values()),
                guardrails=alarms_only(self.node.path, guardrails or ()),
                bake=bake_under_code_deploy(self.node.path, controller, bake, DEFAULT_BAKE),
                size=scaling.min,
                vpc=vpc,
            )
            self.load_balancer, self.listener = self._deployed.load_balancer, self._deployed.listener
            return
        self._sides = TwoSides(
            self,
            target=self.target,
            blue=fleet_targets(self._groups["blue"].group, instances),
            green=fleet_targets(self._groups["green"].group, instances),
            ingress=ingress,
            strategy=strategy or DEFAULT_STRATEGY,
            bake=DEFAULT_BAKE if bake is None else bake,
            guardrails=(ErrorComparison(),) if guardrails is None else guardrails,
            hooks=hooks,
            stickiness=None,
            test_traffic=test_traffic,
            expected_traffic=expected_traffic,
            limits=limits or RolloutLimits(),
            vpc=vpc,
        )
        self.load_balancer, self.listener = self._sides.load_balancer, self._sides.listener
        for one in self._groups.values():
            one.scale(scaling)

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the instances, for `connections.allow_to(database, ...)`."""
        return self.security_group.connections

    @property
    def blue_group(self) -> autoscaling.AutoScalingGroup:
        """The blue side's Auto Scaling group."""
        return self._groups["blue"].group

    @property
    def green_group(self) -> autoscaling.AutoScalingGroup:
        """The green side's Auto Scaling group."""
        return self._groups["green"].group

    @property
    def blue(self) -> elbv2.IApplicationTargetGroup:
        """The blue side's target group; under CodeDeploy the one of both."""
        return self._run.blue.group if self._deployed is None else self._deployed.group

    @property
    def green(self) -> elbv2.IApplicationTargetGroup:
        """The green side's target group; under CodeDeploy the one of both."""
        return self._run.green.group if self._deployed is None else self._deployed.group

    @property
    def live_rule(self) -> TrafficRule:
        """The rule whose weights the engine moves. Raises ConfigurationError under CodeDeploy, which has none."""
        return self._run.routes.live_rule

    @property
    def engine(self) -> RolloutEngine:
        """The stack's engine, which runs the rollouts. Raises ConfigurationError under CodeDeploy."""
        return self._run.engine

    @property
    def url(self) -> str | None:
        """Where users reach the service: its host, else the load balancer's own name; None when neither is known."""
        return self._run.routes.url if self._deployed is None else self._deployed.url

    @property
    def deployment_groups(self) -> Mapping[Side, str]:
        """CodeDeploy's deployment groups by the side that they deploy from; none when the engine runs the rollouts."""
        groups = {} if self._deployed is None else self._deployed.deployment_groups
        return {side: group.ref for side, group in groups.items()}

    @property
    def code_deploy_application(self) -> str | None:
        """The name of CodeDeploy's application; None when the engine runs the rollouts."""
        return None if self._deployed is None else self._deployed.application.ref

    @property
    def deployment_configuration(self) -> str | None:
        """The name of CodeDeploy's deployment configuration; None when the engine runs the rollouts."""
        return None if self._deployed is None else self._deployed.configuration

    @property
    def approval_and_bake(self) -> tuple[timedelta, timedelta]:
        """How long a deployment by CodeDeploy waits for an answer, and for the former side's end afterwards."""
        none = timedelta()
        return (none, none) if self._deployed is None else (self._deployed.approval, self._deployed.bake)

    def add_dashboard(self) -> RolloutDashboard:
        """A CloudWatch dashboard of both sides; what it costs is on CloudWatch's price list.

        Raises ConfigurationError when it is called again, and under CodeDeploy.
        """
        return self._run.add_dashboard(self.target)

    @property
    def _run(self) -> TwoSides:
        if self._sides is None:
            raise ConfigurationError(
                f"{self.node.path} is deployed by CodeDeploy and has no rollouts of the engine: leave controller out "
                "for them"
            )
        return self._sides


def _user_data(instances: FleetInstances, hook_seconds: int | None, *, has_agent: bool) -> ec2.UserData:
    if has_agent:
        return ec2.UserData.custom(agent_script())
    if instances.artefact is not None:
        afterwards = "" if hook_seconds is None else answering_script(instances.port, hook_seconds)
        return ec2.UserData.custom(boot_script(instances.artefact, instances.port, afterwards))
    return instances.user_data or ec2.UserData.for_linux()
