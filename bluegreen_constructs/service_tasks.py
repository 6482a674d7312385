"""What the tasks of a service run: a task definition made for a `Container`, or one of the user's own."""

from dataclasses import dataclass
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from .acknowledgements import acknowledge
from .container import Container
from .engine.errors import ConfigurationError
from .tasks import Tasks

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html#ecs-exec-required-iam-permissions
_OPEN_SHELL = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]


@dataclass(frozen=True)
class ServiceTasks:
    """A task definition, and the container in it that the load balancer talks to.

    port_name: of its port, as Service Connect calls it (empty: nobody calls it so).
    """

    definition: ecs.TaskDefinition
    container: str
    port: int
    port_name: str = ""

    @staticmethod
    def of(
        scope: Construct,
        name: str,
        container: Container | None,
        given: ecs.TaskDefinition | None,
        tasks: Tasks,
        *,
        family: str | None = None,
    ) -> "ServiceTasks":
        """Make the task definition for `container`, which is called `name` (dots as hyphens), or read the given one.

        family: of the one that is made (default: as the CDK makes it, of the ids above the service in the code).

        Raises ConfigurationError unless exactly one of both is given, for what Fargate does not have, and for a task
        definition without a container that has a port.
        """
        if (container is None) == (given is None):
            raise ConfigurationError(
                f"EcsBlueGreenService {scope.node.path} has {'neither' if container is None else 'both'} container and "
                "task_definition: give one of them"
            )
        found = _read(given, tasks) if given is not None else None
        if container is not None:
            found = _made(scope, name.replace(".", "-"), container, tasks, family)
        assert found is not None  # noqa: S101 -- for the type checker: one of the two is given
        if given is not None and not (given.is_ec2_compatible if tasks.on_ec2 else given.is_fargate_compatible):
            runs, made_for = ("EC2", "Fargate") if tasks.on_ec2 else ("Fargate", "EC2")
            raise ConfigurationError(
                f"EcsBlueGreenService {scope.node.path} runs on {runs}, its task definition is for {made_for}: give an "
                "EC2 task definition with Tasks(capacity=Capacity.ec2(...)), and only with it"
            )
        if given is not None and tasks.on_ec2 and given.network_mode != ecs.NetworkMode.AWS_VPC:
            raise ConfigurationError(
                f"task definition {given.node.path} is in the network mode {given.network_mode.value.lower()}, where "
                "tasks of both sides have no addresses of their own: give network_mode=NetworkMode.AWS_VPC"
            )
        # A revision that is deregistered cannot be gone back to: CloudFormation would do so when the next one is made.
        found.definition.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        if given is not None and tasks.execute_command:
            _allow_shells(given)
        return found


def _made(scope: Construct, name: str, container: Container, tasks: Tasks, family: str | None) -> ServiceTasks:
    definition = task_definition_for(scope, name, container, tasks, family=family)
    return ServiceTasks(definition, name, container.port, _port_name(tasks, name) or "")


def task_definition_for(
    scope: Construct,
    name: str,
    container: Container,
    tasks: Tasks,
    *,
    family: str | None = None,
    task_role: iam.IRole | None = None,
    stream_prefix: str | None = None,
) -> ecs.TaskDefinition:
    """A task definition with one container, called `name`, and a log group.

    family, task_role: as the CDK makes them unless given. stream_prefix: of the log streams (default: `name`).

    Raises ConfigurationError for what Fargate does not have.
    """
    definition = _without_containers(scope, container, tasks, family=family, task_role=task_role)
    log_group = logs.LogGroup(
        scope, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    definition.add_container(
        name,
        image=container.image,
        command=None if container.command is None else list(container.command),
        environment=dict(container.environment) or None,
        secrets=dict(container.secrets) or None,
        port_mappings=[_port(container.port, _port_name(tasks, name))],
        stop_timeout=_seconds(container.stop_seconds),
        gpu_count=container.gpus or None,
        logging=ecs.LogDrivers.aws_logs(stream_prefix=stream_prefix or name, log_group=log_group),
    )
    if isinstance(container.image, ecs.EcrImage | ecs.AssetImage) and definition.execution_role is not None:
        acknowledge(
            definition.execution_role,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken takes no resource, and pulling is limited to the image's repository; an "
            "image from a public registry was considered and would escape the account's scanning",
        )
    if container.environment:
        acknowledge(
            definition,
            "AwsSolutions-ECS2",
            "plain settings only: secrets have their own argument, which reads them from Secrets Manager or "
            "Parameter Store when a task starts; reading settings from there too was considered and would make a "
            "change of settings invisible in the diff that starts the rollout",
        )
    if tasks.execute_command:
        _allow_shells(definition)
    return definition


def _without_containers(
    scope: Construct, container: Container, tasks: Tasks, *, family: str | None, task_role: iam.IRole | None
) -> ecs.TaskDefinition:
    """The task definition for EC2 or Fargate, as large as its container."""
    if tasks.on_ec2:
        return ecs.TaskDefinition(
            scope,
            "TaskDefinition",
            compatibility=ecs.Compatibility.EC2,
            network_mode=ecs.NetworkMode.AWS_VPC,
            family=family,
            task_role=task_role,
            cpu=str(container.cpu),
            memory_mib=str(container.memory_mib),
        )
    container.refuse_on_fargate()
    return ecs.FargateTaskDefinition(
        scope,
        "TaskDefinition",
        family=family,
        task_role=task_role,
        cpu=container.cpu,
        memory_limit_mib=container.memory_mib,
        runtime_platform=_platform(container.architecture),
    )


def _read(definition: ecs.TaskDefinition, tasks: Tasks) -> ServiceTasks:
    container = definition.default_container
    if container is None or not container.port_mappings:
        raise ConfigurationError(
            f"task definition {definition.node.path} has no container with a port: add the application's container "
            "first, with port_mappings=[PortMapping(container_port=8080)]"
        )
    name = ""
    if tasks.service_connect is not None and tasks.service_connect.name is not None:
        name = container.port_mappings[0].name or ""
        if not name:
            raise ConfigurationError(
                f"task definition {definition.node.path} has a port without a name, and Service Connect knows a port "
                "by its name only: give PortMapping(name=...)"
            )
        if container.port_mappings[0].app_protocol is None:
            raise ConfigurationError(
                f"task definition {definition.node.path} has a port without app_protocol, which Service Connect takes "
                "for TCP, where it sees no test header: give PortMapping(app_protocol=AppProtocol.http)"
            )
    return ServiceTasks(definition, container.container_name, int(container.container_port), name)


def _port(number: int, name: str | None) -> ecs.PortMapping:
    if name is None:
        return ecs.PortMapping(container_port=number)
    # Service Connect sees no header in TCP, its default, and never lets the protocol be changed.
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
    protocol = ecs.AppProtocol.http
    return ecs.PortMapping(container_port=number, name=name, app_protocol=protocol)  # type: ignore[arg-type] # of jsii


def _port_name(tasks: Tasks, container: str) -> str | None:
    """In the letters that ECS takes; only Service Connect asks for one."""
    if tasks.service_connect is None or tasks.service_connect.name is None:
        return None
    return container.lower().replace("_", "-")


def _allow_shells(definition: ecs.TaskDefinition) -> None:
    definition.add_to_task_role_policy(iam.PolicyStatement(actions=_OPEN_SHELL, resources=["*"]))
    acknowledge(
        definition.task_role,
        "AwsSolutions-IAM5[Resource::*]",
        "the channels of Session Manager have no ARNs; no shell was the alternative, and Tasks(execute_command=False) "
        "is the default",
    )


@cache
def _platform(architecture: ecs.CpuArchitecture | None) -> ecs.RuntimePlatform:
    return ecs.RuntimePlatform(
        cpu_architecture=architecture or ecs.CpuArchitecture.X86_64,
        operating_system_family=ecs.OperatingSystemFamily.LINUX,
    )


@cache
def _seconds(seconds: int) -> cdk.Duration:
    return cdk.Duration.seconds(seconds)
