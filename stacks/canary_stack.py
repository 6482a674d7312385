"""CanaryStack: the sample inference service as two plain ECS services, between which the engine moves the traffic."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from bluegreen_constructs import (
    CanaryAlb,
    ErrorComparison,
    LatencyComparison,
    MetricComparison,
    RolloutEngine,
    Targets,
)
from bluegreen_constructs.acknowledgements import acknowledge

from .environments import CanarySettings, Environment
from .exported_engine import export_engine
from .front_door import front_door
from .golden_check import golden_checks
from .network_stack import NetworkStack

_PORT = 8080


class CanaryStack(cdk.Stack):
    """One service behind a CanaryAlb, in the network of a NetworkStack.

    The release is no argument: the template holds the very first one only, the others come with `bluegreen start`.
    """

    def __init__(
        self, scope: Construct, id: str, *, environment: Environment, network: NetworkStack, env: cdk.Environment
    ) -> None:
        """Wire the canary of `environment`."""
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        settings = environment.canary
        keep = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        RolloutEngine(self, "Engine", removal_policy=keep if environment.protected else cdk.RemovalPolicy.DESTROY)
        cluster = ecs.Cluster(self, "Cluster", vpc=network.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)
        repository = ecr.Repository.from_repository_name(self, "Repository", settings.repository)
        log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        namespace = f"Inference/{environment.name}"
        sides = {
            side: self._side(
                side,
                settings,
                network=network,
                cluster=cluster,
                definition=self._task_definition(side, settings, repository, log_group, namespace),
            )
            for side in ("Blue", "Green")
        }
        self.canary = CanaryAlb(
            self,
            "Inference",
            blue=Targets.of(sides["Blue"], port=_PORT),
            green=Targets.of(sides["Green"], port=_PORT),
            ingress=front_door(self, settings, environment=environment, network=network),
            strategy=settings.strategy,
            bake=settings.bake,
            guardrails=[
                ErrorComparison(negligible=settings.negligible),
                LatencyComparison(slo=settings.slo, expected_rate=settings.slow_rate, negligible=settings.negligible),
                MetricComparison(
                    namespace=namespace,
                    bad="LowConfidencePredictions",
                    total="Predictions",
                    expected_rate=settings.unsure_rate,
                    negligible=settings.negligible,
                ),
            ],
            hooks=golden_checks(),
            expected_traffic=settings.traffic,
            limits=settings.limits,
        )
        self.canary.add_dashboard()
        export_engine(self, self.canary.engine)

    def _task_definition(
        self,
        side: str,
        settings: CanarySettings,
        repository: ecr.IRepository,
        log_group: logs.ILogGroup,
        namespace: str,
    ) -> ecs.FargateTaskDefinition:
        """One for each side, so that a task knows which one it is: its counts say so in CloudWatch."""
        definition = ecs.FargateTaskDefinition(
            self, f"{side}TaskDefinition", cpu=settings.cpu, memory_limit_mib=settings.memory_mib
        )
        definition.add_container(
            "Inference",
            image=ecs.ContainerImage.from_ecr_repository(repository, settings.first_release),
            port_mappings=[ecs.PortMapping(container_port=_PORT)],
            environment={"BLUEGREEN_SIDE": side.lower(), "METRICS_NAMESPACE": namespace},
            logging=ecs.LogDrivers.aws_logs(stream_prefix=f"Inference-{side.lower()}", log_group=log_group),
        )
        acknowledge(
            definition,
            "AwsSolutions-ECS2",
            "which side a task is, and where its counts go, is no secret; a parameter for each was considered, and "
            "would be one more thing that a task cannot start without",
        )
        acknowledge(
            definition.obtain_execution_role(),
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken takes no resource, and pulling is limited to the image's repository; an image "
            "from a public registry was considered and would escape the account's scanning",
        )
        return definition

    def _side(
        self,
        side: str,
        settings: CanarySettings,
        *,
        network: NetworkStack,
        cluster: ecs.Cluster,
        definition: ecs.FargateTaskDefinition,
    ) -> ecs.FargateService:
        service = ecs.FargateService(
            self,
            side,
            cluster=cluster,
            task_definition=definition,
            vpc_subnets=network.task_subnets,
            assign_public_ip=network.tasks_have_public_addresses,
            health_check_grace_period=cdk.Duration.seconds(60),
            min_healthy_percent=100,
            # A release whose tasks do not start is given up at once; the engine, not ECS, decides where to go back to.
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=False),
        )
        # Before the CanaryAlb, which asks whether there is a target to hold while a rollout runs.
        count = service.auto_scale_task_count(min_capacity=settings.tasks, max_capacity=settings.most_tasks)
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=60)
        return service
