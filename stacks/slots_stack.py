"""SlotsStack: the sample inference service as an application with the deployment slots production and staging."""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import (
    AbsoluteFloor,
    AlarmThresholds,
    AppServiceSlots,
    Plan,
    RolloutEngine,
    Slot,
    WarmUp,
    WebApp,
)

from .environments import Environment
from .exported_engine import export_engine
from .front_door import front_door
from .network_stack import NetworkStack


class SlotsStack(cdk.Stack):
    """One application with slots, in the network of a NetworkStack.

    The release is no argument: the template holds the very first one only, the others come with `bluegreen slots`.
    """

    def __init__(
        self, scope: Construct, id: str, *, environment: Environment, network: NetworkStack, env: cdk.Environment
    ) -> None:
        """Wire the slots of `environment`."""
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        settings = environment.slots
        keep = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        RolloutEngine(self, "Engine", removal_policy=keep if environment.protected else cdk.RemovalPolicy.DESTROY)
        repository = ecr.Repository.from_repository_name(self, "Repository", settings.repository)
        self.application = AppServiceSlots(
            self,
            "Inference",
            cluster=ecs.Cluster(self, "Cluster", vpc=network.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED),
            plan=Plan(
                cpu=settings.cpu,
                memory_mib=settings.memory_mib,
                tasks=1,
                subnets=network.task_subnets,
                cpu_percent=settings.cpu_percent,
            ),
            app=WebApp(
                name="Inference",
                image=ecs.ContainerImage.from_ecr_repository(repository, settings.first_release),
                port=8080,
            ),
            slots=[
                Slot(
                    "production",
                    environment={"MODEL_STAGE": "production"},
                    tasks=settings.tasks,
                    max_tasks=settings.most_tasks,
                ),
                Slot("staging", environment={"MODEL_STAGE": "staging"}),
            ],
            sticky=["MODEL_STAGE"],
            ingress=front_door(self, settings, environment=environment, network=network),
            # A whole streamed prediction, which takes less than a second: the model has done its work before users ask.
            warm_up=WarmUp(path="/stream", timeout=timedelta(seconds=10)),
            guardrails=[
                AlarmThresholds(requests_floor=settings.requests_floor),
                AbsoluteFloor(success_percent=settings.success_percent),
            ],
            bake=settings.bake,
        )
        export_engine(self, self.application.engine)
