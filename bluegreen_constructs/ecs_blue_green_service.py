"""EcsBlueGreenService: a Fargate service whose releases Amazon ECS rolls out itself, blue/green, behind an ALB."""

from collections.abc import Sequence
from datetime import timedelta

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from .acknowledgements import acknowledge
from .container import Container
from .ecs_deployment_configuration import EcsDeployment, LifecycleHook
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail
from .engine.smoke_test import HttpSmokeTest
from .engine.spans import Span, as_timedelta
from .engine.strategy import Canary, Strategy
from .guardrail_alarms import AlarmThresholds, GuardrailAlarms, SideMetrics
from .hooks import SmokeTestHook
from .ingress import Ingress
from .request_scaling import scale_on_requests
from .scaling import Scaling
from .service_load_balancer import ServiceLoadBalancer
from .service_routes import ServiceRoutes
from .test_traffic import TestTraffic

DEFAULT_STRATEGY = Canary(percent=10, bake=timedelta(minutes=5))
DEFAULT_BAKE = timedelta(minutes=10)

# What Amazon ECS does to a load balancer during a deployment.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
_TARGET_ACTIONS = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
_DESCRIBE_ACTIONS = [
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
]


@jsii.implements(ec2.IConnectable)
class EcsBlueGreenService(Construct):
    """A Fargate service with two sides behind a load balancer; Amazon ECS moves the traffic between them.

    A stack update with a new image starts a deployment: tasks on the idle side, test traffic to them, smoke tests,
    then production traffic as `strategy` says, then the final `bake`. `cdk deploy` waits for its end. An alarm, a
    failed test or tasks that do not start bring all traffic back to the live side and fail the update.

    The listener rules are made by `TrafficRule`, so no stack update ever moves live traffic.

    cluster, vpc: where it runs; a cluster that exists, or a VPC in which a cluster is made (default: a VPC of its own
        over two zones, with flow logs and a NAT gateway in each; in a stack with a fixed account the CDK looks up its
        zones).
    container, or task_definition: what runs. A task definition's default container needs a port mapping.
    ingress: how requests reach it.
    strategy: `AllAtOnce`, `Canary` or `Linear` (default: 10 % for 5 minutes, then all).
    bake: how long both sides stay up after the last step (default 10 minutes). When it ends, going back is a new
        deployment instead of one call.
    alarms: when the built-in alarms go off. guardrails: alarms of your own that also stop a deployment.
    hooks: smoke tests sent to the candidate by the test route before it gets production traffic.
    scaling: how many tasks. test_traffic: how the candidate is reached (default: a header).
    circuit_breaker: whether tasks that keep failing to start end the deployment (default True); without it a
        deployment whose tasks crash goes on until CloudFormation gives up after hours.
    subnets: where tasks run (default: private subnets); in public ones they get public addresses.

    Raises ConfigurationError at synth for what Amazon ECS, ELB or CloudFormation would refuse at deploy.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingress: Ingress,
        container: Container | None = None,
        task_definition: ecs.FargateTaskDefinition | None = None,
        cluster: ecs.ICluster | None = None,
        vpc: ec2.IVpc | None = None,
        subnets: ec2.SubnetSelection | None = None,
        strategy: Strategy = DEFAULT_STRATEGY,
        bake: Span = DEFAULT_BAKE,
        alarms: AlarmThresholds | None = None,
        guardrails: Sequence[AlarmGuardrail] = (),
        hooks: Sequence[HttpSmokeTest] = (),
        scaling: Scaling | None = None,
        test_traffic: TestTraffic | None = None,
        circuit_breaker: bool = True,
    ) -> None:
        """Make the service and everything it needs that was not given."""
        super().__init__(scope, id)
        deployment = EcsDeployment(strategy, as_timedelta(bake, "bake"))
        scaling = scaling or Scaling()
        self.cluster = self._cluster(cluster, vpc)
        self.task_definition = self._task_definition(container, task_definition)
        port, container_name = _served_by(self.task_definition)

        self._security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=self.cluster.vpc, description="tasks of both sides"
        )
        self._connections = ec2.Connections(security_groups=[self._security_group], default_port=ec2.Port.tcp(port))
        self.blue, self.green = self._sides(ingress)
        balancer = None
        if ingress.listener is None and ingress.rules is None:
            balancer = ServiceLoadBalancer(self, "LoadBalancer", vpc=self.cluster.vpc, ingress=ingress)
        self.load_balancer = None if balancer is None else balancer.resource
        routes = ServiceRoutes(
            self,
            "Routes",
            ingress=ingress,
            load_balancer=balancer,
            test_traffic=test_traffic or TestTraffic.header(),
            blue=self.blue,
            green=self.green,
        )
        self.production_rule = routes.production_rule
        self.test_rule = routes.test_rule
        self.listener = self.production_rule.listener
        self._connections.allow_from(self.listener, ec2.Port.tcp(port), "requests from the load balancer")
        self.url = routes.url
        self.test_url = routes.test_url
        self.test_header = routes.test_header

        metrics = SideMetrics(
            load_balancer=routes.load_balancer_full_name,
            blue=_full_name(self.blue),
            green=_full_name(self.green),
            shares_load_balancer=balancer is None or ingress.load_balancer is not None,
        )
        self.alarms = GuardrailAlarms(
            self,
            "Alarms",
            metrics=metrics,
            thresholds=alarms or AlarmThresholds(),
            guardrails=guardrails,
            grace_seconds=ingress.grace_seconds,
        )
        deployment.refuse_blind(len(self.alarms.names))
        selected = _selected(self.cluster.vpc, subnets)
        lifecycle_hooks: list[LifecycleHook] = []
        if hooks:
            smoke_tests = SmokeTestHook(
                self,
                "SmokeTest",
                checks=hooks,
                route=routes.test_route(),
                vpc=self.cluster.vpc,
                subnet_ids=selected.subnet_ids,
            )
            routes.admit_tests(smoke_tests)
            lifecycle_hooks.append(smoke_tests.lifecycle_hook)

        self.resource = self._service(
            subnets=selected,
            container_name=container_name,
            port=port,
            desired_count=scaling.min if scaling.requests_per_target is None else None,
            grace_seconds=ingress.grace_seconds,
            configuration=deployment.to_cloudformation(
                alarm_names=self.alarms.names, hooks=lifecycle_hooks, circuit_breaker=circuit_breaker
            ),
        )
        self.service_name: str = self.resource.attr_name
        self.target_name = cdk.Fn.join("/", [self.cluster.cluster_name, self.service_name])
        if scaling.requests_per_target is not None:
            scale_on_requests(
                self,
                scaling,
                cluster_name=self.cluster.cluster_name,
                service_name=self.service_name,
                metrics=metrics,
            )
        self._outputs()

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the tasks, for `connections.allow_to(database, ...)`."""
        return self._connections

    @property
    def task_role(self) -> iam.IRole:
        """What the application may do; grant to it."""
        return self.task_definition.task_role

    def _cluster(self, cluster: ecs.ICluster | None, vpc: ec2.IVpc | None) -> ecs.ICluster:
        if cluster is not None and vpc is not None:
            raise ConfigurationError(
                f"EcsBlueGreenService {self.node.path} has both cluster and vpc: give the cluster to run in, or the "
                "vpc in which to make one"
            )
        found = cluster or ecs.Cluster(
            self,
            "Cluster",
            vpc=vpc or ec2.Vpc(self, "Vpc", max_azs=2, flow_logs={"All": ec2.FlowLogOptions()}),
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        if len(found.vpc.availability_zones) < 2:
            raise ConfigurationError(
                f"EcsBlueGreenService {self.node.path} is in a VPC with one zone: an Application Load Balancer needs "
                "subnets in two zones or more"
            )
        return found

    def _task_definition(
        self, container: Container | None, task_definition: ecs.FargateTaskDefinition | None
    ) -> ecs.FargateTaskDefinition:
        if (container is None) == (task_definition is None):
            raise ConfigurationError(
                f"EcsBlueGreenService {self.node.path} has {'neither' if container is None else 'both'} container and "
                "task_definition: give one of them"
            )
        if task_definition is not None:
            return task_definition
        assert container is not None  # noqa: S101 -- for the type checker: exactly one of the two is given
        definition = ecs.FargateTaskDefinition(
            self,
            "TaskDefinition",
            cpu=container.cpu,
            memory_limit_mib=container.memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=container.architecture or ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        definition.add_container(
            self.node.id,
            image=container.image,
            command=None if container.command is None else list(container.command),
            environment=dict(container.environment) or None,
            secrets=dict(container.secrets) or None,
            port_mappings=[ecs.PortMapping(container_port=container.port)],
            stop_timeout=cdk.Duration.seconds(container.stop_seconds),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=self.node.id,
                log_group=logs.LogGroup(
                    self,
                    "Logs",
                    retention=logs.RetentionDays.THREE_MONTHS,
                    removal_policy=cdk.RemovalPolicy.DESTROY,
                ),
            ),
        )
        if definition.execution_role is not None:
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
        return definition

    def _sides(self, ingress: Ingress) -> tuple[elbv2.IApplicationTargetGroup, elbv2.IApplicationTargetGroup]:
        if ingress.rules is not None:
            return ingress.rules.production.blue, ingress.rules.production.green
        return self._target_group("Blue", ingress), self._target_group("Green", ingress)

    def _target_group(self, side: str, ingress: Ingress) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            side,
            vpc=self.cluster.vpc,
            # A default that no target uses: ECS registers tasks with the container's port. Were it the container's, a
            # changed port would replace both groups under the live rule.
            port=80,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(ingress.drain_seconds),
            health_check=elbv2.HealthCheck(
                path=ingress.health_path,
                healthy_http_codes="200",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )

    def _service(
        self,
        *,
        subnets: ec2.SelectedSubnets,
        container_name: str,
        port: int,
        desired_count: int | None,
        grace_seconds: int,
        configuration: dict[str, object],
    ) -> ecs.CfnService:
        infrastructure = iam.Role(
            self,
            "InfrastructureRole",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            description="Amazon ECS registers the tasks of both sides and moves the weights of the two rules",
            # Inline, so that the permissions are there before the first deployment needs them and as long as the role.
            inline_policies={
                "MoveTraffic": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=_TARGET_ACTIONS,
                            resources=[self.blue.target_group_arn, self.green.target_group_arn],
                        ),
                        iam.PolicyStatement(
                            actions=["elasticloadbalancing:ModifyRule"],
                            resources=[self.production_rule.rule_arn, self.test_rule.rule_arn],
                        ),
                        iam.PolicyStatement(actions=_DESCRIBE_ACTIONS, resources=["*"]),
                    ]
                )
            },
        )
        acknowledge(
            infrastructure,
            "AwsSolutions-IAM5[Resource::*]",
            "Elastic Load Balancing's Describe calls take no resource; AWS's managed policy was considered, and would "
            "allow changes of every load balancer, where this role is limited to two target groups and two rules",
        )
        # The L1, because the L2 can neither take a rule made by a custom resource, nor write empty lists, nor keep
        # the alarms given at construction together with later ones.
        service = ecs.CfnService(
            self,
            "Resource",
            cluster=self.cluster.cluster_name,
            task_definition=self.task_definition.task_definition_arn,
            launch_type="FARGATE",
            desired_count=desired_count,
            health_check_grace_period_seconds=grace_seconds,
            propagate_tags="SERVICE",
            enable_ecs_managed_tags=True,
        )
        service.add_property_override("DeploymentController", {"Type": "ECS"})
        service.add_property_override("DeploymentConfiguration", configuration)
        service.add_property_override(
            "NetworkConfiguration.AwsvpcConfiguration",
            {
                "AssignPublicIp": "ENABLED" if subnets.has_public else "DISABLED",
                "SecurityGroups": [self._security_group.security_group_id],
                "Subnets": subnets.subnet_ids,
            },
        )
        service.add_property_override(
            "LoadBalancers",
            [
                {
                    "ContainerName": container_name,
                    "ContainerPort": port,
                    "TargetGroupArn": self.blue.target_group_arn,
                    "AdvancedConfiguration": {
                        "AlternateTargetGroupArn": self.green.target_group_arn,
                        "ProductionListenerRule": self.production_rule.rule_arn,
                        "TestListenerRule": self.test_rule.rule_arn,
                        "RoleArn": infrastructure.role_arn,
                    },
                }
            ],
        )
        # The roles' policies must be there before the first task, and as long as the last one.
        service.node.add_dependency(self.task_definition.task_role)
        if self.task_definition.execution_role is not None:
            service.node.add_dependency(self.task_definition.execution_role)
        return service

    def _outputs(self) -> None:
        if self.url is not None:
            cdk.CfnOutput(self, "Url", value=self.url, description="where users reach the service")
        if self.test_url is not None:
            what = "where the candidate is reached by the test route"
            cdk.CfnOutput(self, "TestUrl", value=self.test_url, description=what)
        if self.test_header is not None:
            cdk.CfnOutput(self, "TestHeader", value=self.test_header, description="what such a request must carry")
        cdk.CfnOutput(self, "Target", value=self.target_name, description="the name for the bluegreen command")


def _served_by(definition: ecs.FargateTaskDefinition) -> tuple[int, str]:
    """The port and the name of the container that the load balancer talks to."""
    container = definition.default_container
    if container is None or not container.port_mappings:
        raise ConfigurationError(
            f"task definition {definition.node.path} has no container with a port: add the application's container "
            "first, with port_mappings=[PortMapping(container_port=8080)]"
        )
    return int(container.container_port), container.container_name


def _full_name(group: elbv2.IApplicationTargetGroup) -> str:
    """A target group's name in CloudWatch dimensions, `targetgroup/name/id`, the last part of its ARN."""
    return cdk.Fn.select(5, cdk.Fn.split(":", group.target_group_arn))


def _selected(vpc: ec2.IVpc, selection: ec2.SubnetSelection | None) -> ec2.SelectedSubnets:
    """`IVpc.select_subnets`, which takes a selection apart, for a selection in one piece."""
    chosen = selection or ec2.SubnetSelection()
    return vpc.select_subnets(
        availability_zones=chosen.availability_zones,
        one_per_az=chosen.one_per_az,
        subnet_filters=chosen.subnet_filters,
        subnet_group_name=chosen.subnet_group_name,
        subnets=chosen.subnets,
        subnet_type=chosen.subnet_type,
    )
