"""Lambda entry point of a service whose releases a stack update starts: one event of a custom resource in, one out."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..aws import clients
from ..aws.code_deployments import AwsCodeDeployments
from ..aws.live_task_sets import EcsLiveTaskSets
from ..aws.own_function import OwnFunction
from ..cloudformation import PUT_SECONDS, RequestType, Sender, put, request_of, sender_of
from ..code_deploy_hook import Again
from ..code_deploy_update import LiveTaskSets, Requester, StackUpdate, WantedDeployment
from ..code_deployments import CodeDeployments
from ..errors import BlueGreenError
from ..present_time import present
from ..resource_answer import Applied, answer_event
from .traffic_rule import LambdaContext

logger = logging.getLogger(__name__)

LOOK_SECONDS = 15
# A look makes four calls at most, and what then is left is for calling the function itself and for the answer.
_CALLS_OF_A_LOOK = 4
HAND_OVER_SECONDS = clients.SECONDS_PER_CALL + PUT_SECONDS + 5
LEAVE_SECONDS = LOOK_SECONDS + _CALLS_OF_A_LOOK * clients.SECONDS_PER_CALL + HAND_OVER_SECONDS
_PROGRESS = "Progress"


@dataclass(frozen=True, slots=True)
class UpdateWorld:
    """What an update needs: CodeDeploy, Amazon ECS, the function itself, CloudFormation, and the time.

    seconds_left: of Lambda's time. pause: waits.
    """

    deployments: CodeDeployments
    live: LiveTaskSets
    itself: Again
    send: Callable[[str, bytes], None]
    seconds_left: Callable[[], float]
    pause: Callable[[float], None]
    now: Callable[[], datetime]


def handler(event: dict[str, object], context: LambdaContext) -> None:
    """Lambda's entry point. Every event is answered once it has ended, also one that cannot be served."""
    errors = clients.TRANSPORT_ERRORS
    world = UpdateWorld(
        deployments=AwsCodeDeployments(clients.code_deployments(), errors),
        live=EcsLiveTaskSets(clients.live_task_sets(), errors),
        itself=OwnFunction(clients.own_function(), os.environ["AWS_LAMBDA_FUNCTION_NAME"], errors),
        send=put,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        pause=time.sleep,
        now=lambda: present(os.environ, time.time()),
    )
    serve(event, world)


def serve(event: dict[str, object], world: UpdateWorld) -> None:
    """Apply the event and answer it; or call the function again, which does, before its time is over.

    Create and Delete do nothing: a service starts with the revision that its stack is created with, and ends with it.
    Raises as `answer_event` does.
    """
    sender = sender_of(event)
    later: dict[str, object] | None = None
    failure: BlueGreenError | None = None
    note = ""
    try:
        note, later = _applied(sender, event, world)
        if later is not None:
            world.itself.again(later)
            return
    except BlueGreenError as error:
        failure = error

    def apply(_: Sender) -> Applied:
        if failure is not None:
            raise failure
        return note, {}

    answer_event(event, apply, world.send)


def _applied(sender: Sender, event: Mapping[str, object], world: UpdateWorld) -> tuple[str, dict[str, object] | None]:
    """What was done, or the event by which the function goes on."""
    request = request_of(event)
    if request.type is not RequestType.UPDATE:
        return f"nothing is deployed on {request.type.value}", None
    wanted = WantedDeployment.of(request.properties, request.former_properties)
    if request.former_properties.get("TaskDefinition") == wanted.task_definition:
        return "the task definition is the same, nothing was deployed", None
    progress = event.get(_PROGRESS)
    known: Mapping[str, Any] = progress if isinstance(progress, Mapping) else {}
    began = datetime.fromisoformat(known["began"]) if "began" in known else world.now()
    update = StackUpdate(
        wanted,
        Requester(sender.stack_id, sender.logical_id, sender.request_id),
        deployments=world.deployments,
        live=world.live,
        began=began,
        following=str(known.get("deployment") or ""),
    )
    while True:
        note = update.look(world.now())
        if note:
            return note, None
        if world.seconds_left() < LEAVE_SECONDS:
            logger.info("going on in another invocation", extra={"deployment": update.following})
            return "", {**event, _PROGRESS: {"began": began.isoformat(), "deployment": update.following}}
        world.pause(LOOK_SECONDS)
