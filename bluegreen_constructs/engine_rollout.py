"""EngineRollout: a stage's deploy by the engine, which judges it and moves the traffic; the stage waits for its end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .deploy_place import DeployPlace
from .engine.errors import ConfigurationError
from .engine.start_request import FROM_PIPELINE
from .engine.target_settings import Compute, TargetSettings
from .pipeline_action import PipelineAction
from .pipeline_limits import Limit
from .rollout_engine import STATE_MACHINE_ID, RolloutEngine


class RunByEngine(Protocol):
    """A `CanaryAlb`, an `Ec2BlueGreenFleet` that the engine runs, a `ClusterSwitch`, or an `AppServiceSlots`."""

    @property
    def target(self) -> str:
        """Its name."""

    @property
    def engine(self) -> RolloutEngine:
        """What runs its rollouts."""


@dataclass(frozen=True)
class EngineRollout:
    """Starts a rollout by the engine and waits for its end: the action fails when the release was not promoted.

    on: the construct. Its stack is there before the pipeline: its template holds the very first release only.
    release: the release's name (default: the image's digest). Of an `Ec2BlueGreenFleet` give what names the archive,
        such as `"#{Source.CommitId}"`.

    A release that is live already counts as promoted at once, so that a stage that is retried or rolled back begins
    nothing. One that was rejected is refused, until somebody accepts it with `bluegreen start
    --accept-rejected`.
    Stopping the pipeline's execution stops nobody's traffic: `bluegreen abort` does.

    Raises ConfigurationError, when the stage is made, for a plan that may take longer than CodePipeline waits, or a
    construct in another account or region, whose pipeline has to be there.
    """

    on: RunByEngine
    release: str | None = None

    def stacks(self) -> Sequence[cdk.Stack]:
        """None: what a rollout changes is in no template."""
        return ()

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """One action of Step Functions."""
        settings = engine_settings(self.on, place)
        if settings.controller != "engine":
            raise ConfigurationError(
                f"EngineRollout in stage {place.stage} is on {self.on.target}, whose rollouts are not the engine's: "
                "use SlotSwap for slots, CodeDeployEcsDeploy or StackDeploy for others"
            )
        Limit.STEP_FUNCTIONS.refuse_longer(
            f"a rollout of {self.on.target}",
            {
                "the deadline": settings.deadline,
                "going back": settings.restore_timeout,
                "draining": settings.drain_timeout,
                "keeping the former side": settings.keep,
            },
            "give RolloutLimits(deadline=..., keep=...) less, or start it with bluegreen start",
        )
        asked = {"release": self._release(place, settings), "unless_live": True}
        return (engine_action(self.on, place, f"{_action_name(self.on.target)}.Rollout", order, asked),)

    def _release(self, place: DeployPlace, settings: TargetSettings) -> Mapping[str, str]:
        if self.release is not None:
            return {"name": self.release}
        if settings.blue.compute is Compute.AUTO_SCALING:
            raise ConfigurationError(
                f"EngineRollout in stage {place.stage} is on {self.on.target}, which runs no images: give release=, "
                "such as '#{Source.CommitId}'"
            )
        image = place.require_image(f"EngineRollout({self.on.target})")
        return {"name": image.digest, "image": image.uri}


def engine_settings(on: RunByEngine, place: DeployPlace) -> TargetSettings:
    """What the engine runs the construct with; refused where the pipeline could not reach its state machine."""
    place.refuse_elsewhere(cdk.Stack.of(on.engine), f"the engine of {on.target}")
    return on.engine.settings_of(on.target)


def engine_action(
    on: RunByEngine, place: DeployPlace, name: str, order: int, asked: Mapping[str, object]
) -> PipelineAction:
    """An action that starts an execution of the engine's state machine with `asked`, and waits for its end.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-StepFunctions.html
    """
    machine = on.engine.state_machine.ref
    executions = arn_here("states", f"execution:{STATE_MACHINE_ID}*:{FROM_PIPELINE}-*")
    acknowledge(
        place.role,
        wildcard_finding(place.scope, executions),
        "an execution is named when it is started, and of another stack's state machine the name is not known here; "
        "executions of every name were considered, and only those that pipelines start are read",
    )
    # DescribeStateMachine tells the action whether executions end at once or later.
    for actions, resource in (
        (["states:DescribeStateMachine", "states:StartExecution"], machine),
        (["states:DescribeExecution"], executions),
    ):
        place.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    request = {"target": on.target, "caller": place.caller, "reason": f"stage {place.stage}", **asked}
    return PipelineAction(
        name,
        category=codepipeline.ActionCategory.INVOKE,
        provider="StepFunctions",
        configuration={
            "StateMachineArn": machine,
            "ExecutionNamePrefix": FROM_PIPELINE,
            "InputType": "Literal",
            "Input": cdk.Stack.of(place.scope).to_json_string(request),
        },
        role=place.role,
        order=order,
        mentions=json.dumps(request),
    )


def _action_name(target: str) -> str:
    """A target's name in the letters that an action's may have."""
    return target.replace("/", "-")


def longest_of_slots(settings: TargetSettings) -> Mapping[str, timedelta]:
    """How long a swap may take, by its parts."""
    slots = settings.slots
    canary = timedelta() if slots is None or slots.canary is None else slots.canary.span
    return {
        "preparing": settings.prepare_timeout,
        "the canary": canary and canary + settings.patience,
        "the bake": settings.bake,
        "going back": settings.restore_timeout,
        "draining": settings.drain_timeout,
    }
