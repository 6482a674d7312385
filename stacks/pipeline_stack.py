"""PipelineStack: delivers the sample service: an image that is pushed, through environments in their order."""

from collections.abc import Mapping
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from bluegreen_constructs import (
    AlarmOf,
    AppAssembly,
    BlueGreenPipeline,
    CodeCommitSource,
    DeliveryStage,
    DeployWindow,
    EcrPush,
    EngineRollout,
    ExecutionMode,
    SlotSwap,
    StackDeploy,
    StageApproval,
    StageBake,
)
from bluegreen_constructs.deploy_place import Deploy

from .deliveries import Delivery, Shipped, Stop, Updated
from .environment_stacks import EnvironmentStacks

_APPROVAL = timedelta(days=3)


class PipelineStack(cdk.Stack):
    """One pipeline over the stacks of environments, which it deploys or has the engine roll out.

    The repositories of images and of code are there before, as they are for the service stacks.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment: str,
        delivery: Delivery,
        environments: Mapping[str, EnvironmentStacks],
        env: cdk.Environment,
        protected: bool,
    ) -> None:
        """Wire the stops of `delivery`, which `-c environment=` names; `environments` are their stacks by name."""
        super().__init__(scope, id, env=env, termination_protection=protected)
        BlueGreenPipeline(
            self,
            "Delivery",
            sources=[
                EcrPush(ecr.Repository.from_repository_name(self, "Repository", delivery.repository)),
                CodeCommitSource(
                    codecommit.Repository.from_repository_name(self, "Code", delivery.code),
                    branch=delivery.branch,
                    # A commit goes with the next image: without one nobody can say which release it is to deploy.
                    starts_pipeline=False,
                ),
            ],
            app=AppAssembly(install=[], commands=[f"make synth ENVIRONMENT={environment}"]),
            stages=[_stage(stop, environments[stop.environment]) for stop in delivery.stops],
            # A release that still waits before a stage gives way to the next one.
            execution_mode=ExecutionMode.SUPERSEDED,
        )


def _stage(stop: Stop, stacks: EnvironmentStacks) -> DeliveryStage:
    ways: Mapping[Shipped, Deploy] = {
        "service": StackDeploy(stacks.service),
        "canary": EngineRollout(stacks.canary.canary),
        "slots": SlotSwap(stacks.slots.application),
    }
    updated: Mapping[Updated, cdk.Stack] = {
        "network": stacks.network,
        "canary": stacks.canary,
        "slots": stacks.slots,
    }
    return DeliveryStage(
        stop.name,
        deploys=[*(StackDeploy(updated[one]) for one in stop.updates), *(ways[one] for one in stop.ships)],
        approval=None if stop.approved_by is None else StageApproval(stop.approved_by, timeout=_APPROVAL),
        window=None if stop.window is None else DeployWindow(stop.window, time_zone="Europe/Dublin"),
        bake=None
        if stop.bake is None
        else StageBake(stop.bake, alarms=[AlarmOf(name) for name in stacks.service.alarm_names]),
    )
