"""AWS::ECS::Service as this library writes it, or writes it over a service that is adopted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnResource
from aws_cdk import aws_ecs as ecs
from constructs import Construct, IDependable

from .acknowledgements import acknowledge_lint
from .adoption import properties_of
from .engine.errors import ConfigurationError
from .service_tasks import ServiceTasks
from .subnet_choice import Network
from .tasks import ServiceConnect, Tasks


@dataclass(frozen=True)
class ServiceShape:
    """What the service is told: where it runs, what runs, between which groups and rules ECS moves the traffic.

    security_group_id: not used of an adopted service, which has its own. desired_count: None when scaling decides.
    waits_for: what has to be there first and is named as a text only: the alarms, and a cluster with its providers.
    rules: production's, then the test rule. role_arn: by which ECS moves them (empty where CodeDeploy does).
    test_header: name and value of the header that test traffic carries (None: a listener of its own).
    """

    cluster_name: str
    served: ServiceTasks
    tasks: Tasks
    network: Network
    security_group_id: str
    desired_count: int | None
    grace_seconds: int
    group_arns: tuple[str, str]
    rules: tuple[object, ...]
    live_rule: CfnResource
    waits_for: Sequence[IDependable]
    role_arn: str
    test_header: tuple[str, str] | None


def service_resource(
    scope: Construct, *, adopted: ecs.CfnService | None, shape: ServiceShape, deployment: Mapping[str, object] | None
) -> ecs.CfnService:
    """Make the service, or turn the adopted one into a blue/green one: its logical id and name stay.

    deployment: how releases are rolled out; None for an adopted service that rolls for now, as its pattern says.

    The L1, because the L2 can neither take a rule made by a custom resource, nor write empty lists, nor keep the alarms
    given at construction together with later ones.
    """
    advanced = {
        "AlternateTargetGroupArn": shape.group_arns[1],
        "ProductionListenerRule": shape.rules[0],
        "TestListenerRule": shape.rules[1],
        "RoleArn": shape.role_arn,
    }
    if adopted is None:
        return _made(scope, shape, dict(deployment or {}), advanced)
    if deployment is None:
        _let_roll(adopted, shape.live_rule)
    else:
        adopted.add_property_override("DeploymentConfiguration", dict(deployment))
        # Of the pattern's entry only what is missing: its list is not complete before synth.
        adopted.add_property_override("LoadBalancers.0.AdvancedConfiguration", advanced)
    if shape.tasks.execute_command:
        adopted.enable_execute_command = True
    adopted.node.add_dependency(*shape.waits_for)
    return adopted


def _made(
    scope: Construct, shape: ServiceShape, deployment: dict[str, object], advanced: dict[str, object]
) -> ecs.CfnService:
    tasks, served = shape.tasks, shape.served
    service = ecs.CfnService(
        scope,
        "Resource",
        cluster=shape.cluster_name,
        task_definition=served.definition.task_definition_arn,
        launch_type="FARGATE" if tasks.capacity is None else None,
        capacity_provider_strategy=None if tasks.capacity is None else tasks.capacity.to_cloudformation(),
        desired_count=shape.desired_count,
        health_check_grace_period_seconds=shape.grace_seconds,
        propagate_tags="SERVICE",
        enable_ecs_managed_tags=True,
        # Written out: UpdateService keeps what an update leaves away, and with it the way into the tasks.
        enable_execute_command=tasks.execute_command,
        deployment_controller={"type": "ECS"},
        network_configuration=_network(shape),
        service_connect_configuration=None
        if tasks.service_connect is None
        else _connected(tasks.service_connect, served, shape.test_header),
    )
    # As an override: empty lists, which the CDK would leave out, are what takes a removed hook or alarm away.
    balancer = {
        "ContainerName": served.container,
        "ContainerPort": served.port,
        "TargetGroupArn": shape.group_arns[0],
        "AdvancedConfiguration": advanced,
    }
    service.add_override("Properties", {"DeploymentConfiguration": deployment, "LoadBalancers": [balancer]})
    # The roles' policies must be there before the first task, and as long as the last one.
    service.node.add_dependency(*_roles(served), *shape.waits_for)
    return service


def code_deployed_service(scope: Construct, shape: ServiceShape) -> ecs.CfnService:
    """Make the service for AWS CodeDeploy, and with nothing in it that a release or a rollout changes.

    Amazon ECS refuses almost every change of it: CloudFormation names all properties when one has changed, and with
    them the task definition. So it names the family, no count, and no deployment configuration. What it depends on is
    named one by one, because a dependency more is a change, too (aws-cdk#25777).
    """
    served = shape.served
    service = ecs.CfnService(
        scope,
        "Resource",
        cluster=shape.cluster_name,
        task_definition=served.definition.family,
        launch_type="FARGATE",
        health_check_grace_period_seconds=shape.grace_seconds,
        propagate_tags="SERVICE",
        enable_ecs_managed_tags=True,
        enable_execute_command=shape.tasks.execute_command,
        deployment_controller={"type": "CODE_DEPLOY"},
        network_configuration=_network(shape),
        load_balancers=[
            {
                "containerName": served.container,
                "containerPort": served.port,
                "targetGroupArn": shape.group_arns[0],
            }
        ],
    )
    definition = served.definition.node.default_child
    if isinstance(definition, ecs.CfnTaskDefinition):
        definition.node.add_dependency(*_roles(served))
        acknowledge_lint(
            definition,
            "W3005",
            "the dependency on a role is for the policy that a later grant makes beside it; naming the policy was "
            "considered, and there is none before the grant",
        )
        service.add_resource_dependency(definition)
    service.node.add_dependency(*shape.waits_for)
    return service


def _network(shape: ServiceShape) -> dict[str, object]:
    return {
        "awsvpcConfiguration": {
            # EC2 instances give a task's interface no public address.
            "assignPublicIp": "ENABLED" if shape.network.has_public and not shape.tasks.on_ec2 else "DISABLED",
            "securityGroups": [shape.security_group_id],
            "subnets": list(shape.network.subnet_ids),
        }
    }


def _roles(served: ServiceTasks) -> list[IDependable]:
    roles = [served.definition.task_role, served.definition.execution_role]
    return [role for role in roles if role is not None]


def _let_roll(adopted: ecs.CfnService, live_rule: CfnResource) -> None:
    """Have the service deploy as its pattern says, with nothing of the rollouts left in it.

    UpdateService keeps what an update leaves away: after the construct is removed, its hooks, its circuit breaker and
    alarms that are deleted by then would go on deciding deployments.
    """
    off = {"Enable": False, "Rollback": False}
    written = {"Strategy": "ROLLING", "LifecycleHooks": [], "Alarms": {"AlarmNames": [], **off}}
    own = properties_of(adopted).get("deploymentConfiguration")
    if not (isinstance(own, Mapping) and own.get("deploymentCircuitBreaker")):
        written["DeploymentCircuitBreaker"] = off
    adopted.add_property_override("DeploymentConfiguration", written)
    # The rule's update is what finds out which side serves.
    adopted.add_resource_dependency(live_rule)


def _connected(connect: ServiceConnect, served: ServiceTasks, test_header: tuple[str, str] | None) -> dict[str, object]:
    found: dict[str, object] = {"enabled": True, "namespace": connect.namespace}
    if connect.name is None:
        return found
    if test_header is None:
        raise ConfigurationError(
            f"Service Connect calls {connect.name} by name, and its test traffic is told apart by a header: use "
            "TestTraffic.header()"
        )
    name, value = test_header
    alias = {
        "port": connect.port or served.port,
        "dnsName": connect.name,
        "testTrafficRules": {"header": {"name": name, "value": {"exact": value}}},
    }
    found["services"] = [{"portName": served.port_name, "clientAliases": [alias]}]
    return found
