"""CanarySide: one side of a CanaryAlb: its target group, what is attached to it, and what the engine may do there."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_elasticloadbalancingv2_targets as attachments
from constructs import Construct

from .account_arns import arn_here
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
SCALABLE_TARGETS = "scalable-target/*"


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

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Addresses and their port, which no security group of this stack stands for."""
        return tuple((address, self._targets.port or 0) for address in self._targets.addresses)

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
            group.add_target(*(attachments.IpTarget(address) for address in targets.addresses))
        else:
            group.add_target(*map(_instance, targets.instances))

    def _settings(self) -> SideSettings:
        group_arn, metric_name = self.group.target_group_arn, _metric_name(self.group)
        targets = self._targets
        if targets.ecs_service is not None:
            service = targets.ecs_service
            self._refuse_service(service)
            scalable = service.node.try_find_child("TaskCount") is not None
            self._allow_service(service, scalable=scalable)
            return SideSettings(
                group_arn,
                metric_name,
                Compute.ECS,
                cluster=service.cluster.cluster_name,
                service=service.service_name,
                container=self._container(service).container_name,
                scalable=scalable,
            )
        if targets.auto_scaling_group is not None:
            self._allow_auto_scaling(targets.auto_scaling_group)
            name = targets.auto_scaling_group.auto_scaling_group_name
            return SideSettings(group_arn, metric_name, Compute.AUTO_SCALING, auto_scaling_group=name)
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

    def _refuse_service(self, service: EcsService) -> None:
        resource = service.node.default_child
        if not isinstance(resource, ecs.CfnService):
            return
        if resource.desired_count is not None:
            raise ConfigurationError(
                f"{service.node.path} has desired_count {resource.desired_count:g} in the template, and every edit of "
                "the service would put it back: leave it out, and say how many by auto_scale_task_count(min_capacity=…)"
            )
        if not service.is_using_ecs_deployment_controller():
            raise ConfigurationError(
                f"{service.node.path} is not deployed by Amazon ECS's own rolling deployments: leave its "
                "deployment_controller out"
            )

    def _allow_service(self, service: EcsService, *, scalable: bool) -> None:
        definition = service.task_definition
        roles = [definition.task_role.role_arn]
        if definition.execution_role is not None:
            roles.append(definition.execution_role.role_arn)
        self.resources = {
            "ecs service": [service.service_arn],
            "task definition": [arn_here("ecs", f"task-definition/{definition.family}:*")],
            "task role": roles,
            "scalable target": [arn_here("application-autoscaling", SCALABLE_TARGETS)] if scalable else [],
        }

    def _allow_auto_scaling(self, group: autoscaling.AutoScalingGroup) -> None:
        resource = group.node.default_child
        template = _launch_template(resource) if isinstance(resource, autoscaling.CfnAutoScalingGroup) else None
        if template is None:
            raise ConfigurationError(
                f"{group.node.path} has no launch template, whose versions are its releases: give it "
                "launch_template=…, or set the feature flag "
                "@aws-cdk/aws-autoscaling:generateLaunchTemplateInsteadOfLaunchConfig"
            )
        policy = resource.cfn_options.update_policy if isinstance(resource, cdk.CfnResource) else None
        if policy is not None and (policy.auto_scaling_rolling_update or policy.auto_scaling_replacing_update):
            raise ConfigurationError(
                f"{group.node.path} has an update policy, by which a stack update replaces instances that are live: "
                "leave it out, the engine puts releases there"
            )
        self.resources = {
            "auto scaling group": [
                arn_here("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{group.auto_scaling_group_name}")
            ],
            "launched from template": [arn_here("ec2", f"launch-template/{template}")],
            "instance role": _instance_roles(group),
        }


def _instance(instance: ec2.IInstance) -> elbv2.IApplicationLoadBalancerTarget:
    """An instance of this app brings its security group along; of an imported one only the id is known."""
    if isinstance(instance, ec2.Instance):
        return attachments.InstanceTarget(instance)
    return attachments.InstanceIdTarget(instance.instance_id)


def _launch_template(resource: autoscaling.CfnAutoScalingGroup) -> str | None:
    """The id of the launch template (a CloudFormation value)."""
    found = resource.launch_template
    mixed = resource.mixed_instances_policy
    if found is None and isinstance(mixed, autoscaling.CfnAutoScalingGroup.MixedInstancesPolicyProperty):
        of_mixed = mixed.launch_template
        if isinstance(of_mixed, autoscaling.CfnAutoScalingGroup.LaunchTemplateProperty):
            found = of_mixed.launch_template_specification
    if isinstance(found, autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty):
        return found.launch_template_id
    return None


def _instance_roles(group: autoscaling.AutoScalingGroup) -> list[str]:
    try:
        return [group.role.role_arn]
    except RuntimeError:  # a launch template without a role of its own has none to pass on
        return []


def _metric_name(group: elbv2.IApplicationTargetGroup) -> str:
    """A target group's name in CloudWatch dimensions, `targetgroup/name/id`, the last part of its ARN."""
    if isinstance(group, elbv2.ApplicationTargetGroup):
        return group.target_group_full_name
    return cdk.Fn.select(5, cdk.Fn.split(":", group.target_group_arn))


def joined(*sides: CanarySide) -> Mapping[Kind, Sequence[str]]:
    """What the engine has to act on at all sides, each once."""
    kinds = {kind: None for side in sides for kind in side.resources}
    return {kind: list(dict.fromkeys(arn for side in sides for arn in side.resources.get(kind, ()))) for kind in kinds}
