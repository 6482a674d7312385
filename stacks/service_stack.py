"""ServiceStack: the sample inference service, rolled out blue/green by Amazon ECS."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    Container,
    EcsBlueGreenService,
    ErrorComparison,
    ReleaseImage,
    Scaling,
    Tasks,
)

from .environments import Environment
from .front_door import front_door
from .golden_check import golden_checks
from .network_stack import NetworkStack


class ServiceStack(cdk.Stack):
    """One service in the network of a NetworkStack."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        release: str | None,
        env: cdk.Environment,
    ) -> None:
        """Wire the service of `environment` at `release`, an image tag that is never moved.

        None: the stack itself keeps the release as a parameter, and a pipeline gives it.
        """
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        settings = environment.service
        repository = ecr.Repository.from_repository_name(self, "Repository", settings.repository)
        service = EcsBlueGreenService(
            self,
            "Inference",
            vpc=network.vpc,
            container=Container(
                image=ReleaseImage(repository)
                if release is None
                else ecs.ContainerImage.from_ecr_repository(repository, release),
                port=8080,
                cpu=settings.cpu,
                memory_mib=settings.memory_mib,
            ),
            ingress=front_door(self, settings, environment=environment, network=network),
            strategy=settings.strategy,
            bake=settings.bake,
            guardrails=[
                AlarmThresholds(requests_floor=settings.requests_floor),
                *([] if settings.traffic is None else [ErrorComparison()]),
            ],
            expected_traffic=settings.traffic,
            hooks=golden_checks(),
            tasks=Tasks(subnets=network.task_subnets),
            scaling=Scaling(
                min=settings.tasks, max=settings.most_tasks, requests_per_target=settings.requests_per_target
            ),
        )
        self.alarm_names = service.alarms.names
