"""The two target groups of a service's sides."""

from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .ingress import Ingress
from .metric_names import target_group_name
from .service_place import ServicePlace


class ServiceGroups:
    """Blue and green: made alike for the service, or given with its rules, or by the service that is adopted."""

    def __init__(
        self,
        scope: Construct,
        arns: tuple[str, str],
        given: tuple[elbv2.IApplicationTargetGroup, ...] = (),
    ) -> None:
        """Hold the groups with these ARNs, and what metrics call them."""
        self._scope, self.arns = scope, arns
        self.metric_names = target_group_name(arns[0]), target_group_name(arns[1])
        self._views = dict(zip(("Blue", "Green"), given, strict=False))

    @staticmethod
    def of(scope: Construct, place: ServicePlace) -> "ServiceGroups":
        """The groups of the given rules, or new ones."""
        rules = place.ingress.rules
        if rules is not None:
            return ServiceGroups.given(scope, rules.production.blue, rules.production.green)
        return ServiceGroups(scope, (_made(scope, "Blue", place), _made(scope, "Green", place)))

    @staticmethod
    def given(
        scope: Construct, blue: elbv2.IApplicationTargetGroup, green: elbv2.IApplicationTargetGroup
    ) -> "ServiceGroups":
        """Groups that are there already."""
        return ServiceGroups(scope, (blue.target_group_arn, green.target_group_arn), (blue, green))

    def view(self, side: str, listener_arn: str) -> elbv2.IApplicationTargetGroup:
        """A group as the CDK's own construct, made when somebody wants it: few services need its many answers."""
        if side not in self._views:
            self._views[side] = elbv2.ApplicationTargetGroup.from_target_group_attributes(
                self._scope,
                f"{side}Group",
                target_group_arn=self.arns[("Blue", "Green").index(side)],
                load_balancer_arns=listener_arn,
            )
        return self._views[side]


def _made(scope: Construct, side: str, place: ServicePlace) -> str:
    return tasks_target_group(Construct(scope, side), vpc_id=place.vpc_id, ingress=place.ingress).ref


def tasks_target_group(scope: Construct, *, vpc_id: str, ingress: Ingress) -> elbv2.CfnTargetGroup:
    """A group without targets; ECS registers the tasks.

    Its port is a default that no target uses, for ECS registers tasks with the container's. Were it the container's, a
    changed port would replace the group under the live rule.
    """
    return elbv2.CfnTargetGroup(
        scope,
        "Resource",
        vpc_id=vpc_id,
        port=80,
        protocol="HTTP",
        target_type="ip",
        health_check_path=ingress.health_path,
        health_check_interval_seconds=10,
        health_check_timeout_seconds=5,
        healthy_threshold_count=2,
        unhealthy_threshold_count=3,
        matcher={"httpCode": "200"},
        target_group_attributes=[
            {"key": "deregistration_delay.timeout_seconds", "value": str(ingress.drain_seconds)},
            {"key": "stickiness.enabled", "value": "false"},
        ],
    )
