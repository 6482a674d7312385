"""CanarySide: one side of a CanaryAlb: its target group, what is attached to it, and what the engine may do there."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_elasticloadbalancingv2_targets as attachments
from constructs import Construct, IValidation

from . import auto_scaling_side, ecs_side
from .engine.aws.resource_kinds import Kind
from .engine.errors import ConfigurationError
from .engine.target_settings import Compute, SideSettings
from .ingress import Ingress
from .side_network import SideNetwork
from .targets import EcsService, TargetKind, Targets

_PROTOCOLS = {
    "HTTP1": elbv2.ApplicationProtocolVersion.HTTP1,
    "HTTP2": elbv2.ApplicationProtocolVersion.HTTP2,
    "GRPC": elbv2.ApplicationProtocolVersion.GRPC,
}
_HEALTH_SECONDS, _HEALTH_TIMEOUT_SECONDS = 10, 5
_HEALTHY_AFTER, _UNHEALTHY_AFTER = 2, 3


class CanarySide(Construct):
    """A side. `settings` is what the engine has to know of it, `resources` what it has to act on there."""

    def __init__(self, scope: Construct, id: str, *, targets: Targets, ingress: Ingress, network: SideNetwork) -> None:
        """Make the target group, unless the targets are one, and attach the targets.

        Raises ConfigurationError for compute that a stack update would change behind the engine's back.
        """
        super().__init__(scope, id)
        self._targets = targets
        self.resources: dict[Kind, Sequence[str]] = {}
        self.group = self._group(ingress, network)
        self.settings = self._settings()
        self.node.add_validation(_Unchanged(self))

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Addresses and their port, which no security group of this stack stands for."""
        return tuple((address, self._targets.port or 0) for address in self._targets.addresses)

    @property
    def members(self) -> frozenset[str]:
        """Addresses and ids of instances (CloudFormation values), which only one side may have."""
        return frozenset((*self._targets.addresses, *(one.instance_id for one in self._targets.instances)))

    def changes(self) -> list[str]:
        """What was done to the compute since, of which the engine does not know, a sentence each."""
        service, group = self._targets.ecs_service, self._targets.auto_scaling_group
        if service is not None:
            return ecs_side.changed_since(service, scalable=self.settings.scalable, allowed=self.resources)
        return [] if group is None else auto_scaling_side.changed_since(group)

    def _group(self, ingress: Ingress, network: SideNetwork) -> elbv2.IApplicationTargetGroup:
        source, kind = self._targets.source, self._targets.kind
        if kind is TargetKind.GROUP:
            return source  # type: ignore[return-value] # its kind says that it is a target group
        if kind is TargetKind.FUNCTION:
            return elbv2.ApplicationTargetGroup(
                self,
                "Group",
                target_type=elbv2.TargetType.LAMBDA,
                targets=[attachments.LambdaTarget(source)],  # type: ignore[arg-type] # its kind says that it is a function
            )
        targets = self._targets
        group = elbv2.ApplicationTargetGroup(
            self,
            "Group",
            vpc=network.vpc,
            # ECS registers tasks with their own port; were it given here, a changed port would replace the group.
            port=80 if kind is TargetKind.ECS else targets.port,
            protocol=elbv2.ApplicationProtocol.HTTPS if targets.tls else elbv2.ApplicationProtocol.HTTP,
            protocol_version=_PROTOCOLS[targets.protocol],
            target_type=self._target_type(kind),
            ip_address_type=self._address_type(ingress),
            deregistration_delay=cdk.Duration.seconds(ingress.drain_seconds),
            health_check=self._health_check(ingress),
        )
        self._attach(group)
        return group

    def _health_check(self, ingress: Ingress) -> elbv2.HealthCheck:
        is_grpc = self._targets.protocol == "GRPC"
        codes = self._targets.health_codes or ("0" if is_grpc else "200")
        if is_grpc and not ingress.health_path.strip("/"):
            raise ConfigurationError(
                f"{self.node.path} speaks gRPC and Ingress health_path is {ingress.health_path!r}: give the method to "
                "call, such as '/grpc.health.v1.Health/Check'"
            )
        return elbv2.HealthCheck(
            path=ingress.health_path,
            healthy_grpc_codes=codes if is_grpc else None,
            healthy_http_codes=None if is_grpc else codes,
            interval=cdk.Duration.seconds(_HEALTH_SECONDS),
            timeout=cdk.Duration.seconds(_HEALTH_TIMEOUT_SECONDS),
            healthy_threshold_count=_HEALTHY_AFTER,
            unhealthy_threshold_count=_UNHEALTHY_AFTER,
        )

    def _target_type(self, kind: TargetKind) -> elbv2.TargetType:
        service = self._targets.ecs_service
        has_addresses = kind is TargetKind.ADDRESSES or (
            service is not None and service.task_definition.network_mode == ecs.NetworkMode.AWS_VPC
        )
        return elbv2.TargetType.IP if has_addresses else elbv2.TargetType.INSTANCE

    def _address_type(self, ingress: Ingress) -> elbv2.TargetGroupIpAddressType | None:
        if not any(":" in address for address in self._targets.addresses):
            return None
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
        if ingress.listener is None and ingress.load_balancer is None and not ingress.dual_stack:
            raise ConfigurationError(
                f"{self.node.path} has IPv6 addresses behind a load balancer that has none: give "
                "Ingress(dual_stack=True)"
            )
        return elbv2.TargetGroupIpAddressType.IPV6

    def _attach(self, group: elbv2.ApplicationTargetGroup) -> None:
        targets = self._targets
        if targets.ecs_service is not None:
            container = self._container(targets.ecs_service)
            group.add_target(
                targets.ecs_service.load_balancer_target(
                    container_name=container.container_name, container_port=targets.port or container.container_port
                )
            )
        elif targets.auto_scaling_group is not None:
            targets.auto_scaling_group.attach_to_application_target_group(group)
        elif targets.kind is TargetKind.ADDRESSES:
            # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html
            zone = "all" if targets.outside_vpc else None
            group.add_target(*(attachments.IpTarget(address, availability_zone=zone) for address in targets.addresses))
        else:
            group.add_target(*map(_instance, targets.instances))

    def _settings(self) -> SideSettings:
        group_arn, metric_name = self.group.target_group_arn, _metric_name(self.group)
        targets = self._targets
        if targets.ecs_service is not None:
            service = targets.ecs_service
            ecs_side.refuse_service(service)
            ecs_side.leave_releases_to_the_engine(service)
            self.resources = ecs_side.service_resources(service)
            return SideSettings(
                group_arn,
                metric_name,
                Compute.ECS,
                cluster=service.cluster.cluster_name,
                service=service.service_name,
                container=self._container(service).container_name,
                scalable=ecs_side.is_scalable(service),
            )
        if targets.auto_scaling_group is not None:
            auto_scaling_side.refuse_group(targets.auto_scaling_group)
            auto_scaling_side.leave_versions_to_the_engine(targets.auto_scaling_group)
            self.resources = auto_scaling_side.group_resources(targets.auto_scaling_group)
            name = targets.auto_scaling_group.auto_scaling_group_name
            return SideSettings(
                group_arn,
                metric_name,
                Compute.AUTO_SCALING,
                auto_scaling_group=name,
                named=targets.named,
                warm_pool=targets.warm_pool,
            )
        compute = Compute.LAMBDA if targets.kind is TargetKind.FUNCTION else Compute.FIXED
        return SideSettings(group_arn, metric_name, compute)

    def _container(self, service: EcsService) -> ecs.ContainerDefinition:
        definition, name = service.task_definition, self._targets.container
        container = definition.default_container if name is None else definition.find_container(name)
        if container is None or (self._targets.port is None and not container.port_mappings):
            raise ConfigurationError(
                f"{service.node.path} has no container {name or 'with a port'}: add it to the task definition before, "
                "with port_mappings=[PortMapping(container_port=8080)]"
            )
        return container


@jsii.implements(IValidation)
class _Unchanged:
    """Asked by CDK when it synthesises the app: by then all is done to the compute that the app does."""

    def __init__(self, side: CanarySide) -> None:
        self._side = side

    def validate(self) -> list[str]:
        return self._side.changes()


def _instance(instance: ec2.IInstance) -> elbv2.IApplicationLoadBalancerTarget:
    """An instance of this app brings its security group along; of an imported one only the id is known."""
    if isinstance(instance, ec2.Instance):
        return attachments.InstanceTarget(instance)
    return attachments.InstanceIdTarget(instance.instance_id)


def _metric_name(group: elbv2.IApplicationTargetGroup) -> str:
    """A target group's name in CloudWatch dimensions, `targetgroup/name/id`, the last part of its ARN."""
    if isinstance(group, elbv2.ApplicationTargetGroup):
        return group.target_group_full_name
    return cdk.Fn.select(5, cdk.Fn.split(":", group.target_group_arn))


def joined(*sides: CanarySide) -> Mapping[Kind, Sequence[str]]:
    """What the engine has to act on at all sides, each once.

    Raises ConfigurationError for sides that share what only one of them may have.
    """
    for one, other in combinations(sides, 2):
        _refuse_shared(one, other)
    kinds = {kind: None for side in sides for kind in side.resources}
    return {kind: list(dict.fromkeys(arn for side in sides for arn in side.resources.get(kind, ()))) for kind in kinds}


# What a release on one side would change for the other as well.
_OF_ONE_SIDE: Mapping[Kind, str] = {
    "task definition": "one task definition (family), of which a release is a revision: make two",
    "launch template": "one launch template, whose default version is a side's release: make two",
}


def _refuse_shared(one: CanarySide, other: CanarySide) -> None:
    found = [
        what
        for kind, what in _OF_ONE_SIDE.items()
        if set(one.resources.get(kind, ())) & set(other.resources.get(kind, ()))
    ]
    both = one.members & other.members
    shared = ", ".join(sorted({"an instance" if cdk.Token.is_unresolved(member) else member for member in both}))
    if shared:
        found.append(f"{shared} on both: give each instance or address to one side")
    if found:
        raise ConfigurationError(f"{one.node.path} and {other.node.path} have {found[0]}")
