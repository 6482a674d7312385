"""In which VPC the sides of a CanaryAlb are, as far as their constructs say."""

from collections.abc import Sequence
from functools import cached_property

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .engine.errors import ConfigurationError
from .ingress import Ingress
from .targets import Targets


class SideNetwork:
    """The VPC of a CanaryAlb, looked for when it is first needed: ready groups on a given listener need none."""

    def __init__(self, scope: Construct, given: ec2.IVpc | None, ingress: Ingress, sides: Sequence[Targets]) -> None:
        """Look for it in this order: as given, of the load balancer, of a cluster, with the instances' subnets."""
        self._scope = scope
        self._given = given
        self._ingress = ingress
        self._sides = sides

    @cached_property
    def vpc(self) -> ec2.IVpc:
        """The VPC; raises ConfigurationError when nobody says it."""
        known = self._given or _of_load_balancer(self._ingress)
        if known is not None:
            return known
        for side in self._sides:
            if side.ecs_service is not None:
                return side.ecs_service.cluster.vpc
        subnets = {subnet for side in self._sides for subnet in _subnets(side)}
        if subnets:
            for node in self._scope.node.root.node.find_all():
                # An imported VPC is of no class of its own; only a VPC can select subnets.
                if hasattr(node, "select_subnets") and subnets & _subnets_of(node):  # type: ignore[arg-type] # it has the shape
                    return node  # type: ignore[return-value] # it has the shape
        raise ConfigurationError(f"{self._scope.node.path} does not know its VPC: give vpc=…")


def _of_load_balancer(ingress: Ingress) -> ec2.IVpc | None:
    if ingress.load_balancer is not None:
        return ingress.load_balancer.vpc
    if isinstance(ingress.listener, elbv2.ApplicationListener):
        return ingress.listener.load_balancer.vpc
    return None


def _subnets(side: Targets) -> list[str]:
    """The subnets that a side's instances are in (CloudFormation values)."""
    found: list[str] = []
    group = side.auto_scaling_group
    if group is not None:
        resource = group.node.default_child
        if isinstance(resource, autoscaling.CfnAutoScalingGroup):
            found += resource.vpc_zone_identifier or []
    for instance in side.instances:
        if isinstance(instance, ec2.Instance):
            found.append(str(instance.instance.subnet_id))
    return found


def _subnets_of(vpc: ec2.IVpc) -> set[str]:
    return {subnet.subnet_id for subnet in (*vpc.public_subnets, *vpc.private_subnets, *vpc.isolated_subnets)}
