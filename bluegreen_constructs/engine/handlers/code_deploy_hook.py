"""Lambda entry point of a CodeDeploy lifecycle event: the hooks' functions are asked, and CodeDeploy is told."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..aws import clients
from ..aws.code_deploy_events import CodeDeployEvents
from ..aws.lambda_hooks import LambdaHooks
from ..aws.own_function import OwnFunction
from ..code_deploy_hook import EVENT_LIMIT, HOOKS, Again, Asking, EventHooks, EventReports
from ..errors import AwsError, ConfigurationError
from ..ports import HookAnswer, Hooks
from ..present_time import present
from .traffic_rule import LambdaContext

logger = logging.getLogger(__name__)

# What is kept of Lambda's time for calling the function itself, and for one answer of a hook besides.
HAND_OVER_SECONDS = clients.SECONDS_PER_CALL + 15
ASK_SECONDS = clients.HOOK_SECONDS + HAND_OVER_SECONDS
RETRY_SECONDS = 15
_NAP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EventWorld:
    """What an event needs: the hooks' functions, CodeDeploy, the function itself, and the time.

    variable: whom to ask, as the environment says it. seconds_left: of Lambda's time. pause: waits.
    """

    variable: str
    hooks: Hooks
    reports: EventReports
    itself: Again
    seconds_left: Callable[[], float]
    pause: Callable[[float], None]
    now: Callable[[], datetime]


def handler(event: Mapping[str, object], context: LambdaContext) -> None:
    """Lambda's entry point."""
    errors = clients.TRANSPORT_ERRORS
    world = EventWorld(
        variable=os.environ.get(HOOKS, ""),
        hooks=LambdaHooks(clients.lambda_hooks(), errors),
        reports=CodeDeployEvents(clients.code_deploy_events(), errors),
        itself=OwnFunction(clients.own_function(), os.environ["AWS_LAMBDA_FUNCTION_NAME"], errors),
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        pause=time.sleep,
        now=lambda: present(os.environ, time.time()),
    )
    serve(event, world)


def serve(event: Mapping[str, object], world: EventWorld) -> None:
    """Ask, wait, report; or call the function again before its time is over.

    Raises ConfigurationError for an event of nobody's, AwsError when neither CodeDeploy nor the function itself could
    be called: Lambda then delivers the event again, which asks the hooks again.
    """
    asking = Asking.of(event, world.now())
    try:
        asking = _asked(asking, EventHooks.from_variable(world.variable), world)
    except ConfigurationError as error:
        asking = asking.failed(str(error))
    if not asking.verdict:
        world.itself.again(asking.to_event())
        return
    _report(asking, world)


def _asked(asking: Asking, hooks: EventHooks, world: EventWorld) -> Asking:
    """The event with its verdict; without one when Lambda's time is nearly over."""
    while True:
        now = world.now()
        asking = asking.at_time(hooks.functions, now)
        if asking.verdict:
            return asking
        left = world.seconds_left()
        if asking.resume is not None and asking.resume > now:
            until = min(asking.resume, asking.ends(hooks.functions))
            room = left - HAND_OVER_SECONDS
            if room < 1:
                return asking
            world.pause(min((until - now).total_seconds(), room, _NAP_SECONDS))
        elif left < ASK_SECONDS:
            return asking
        else:
            asking = asking.after(_answer(asking, hooks, world), hooks.functions, world.now())


def _answer(asking: Asking, hooks: EventHooks, world: EventWorld) -> HookAnswer:
    asked = hooks.functions[asking.at]
    try:
        answer = world.hooks.ask(asked.arn, asking.payload(hooks))
    except AwsError as error:
        # Asked again until its own time is up; a deployment does not go back because Lambda is busy.
        logger.warning("%s could not be asked: %s", asked.name, error)
        return HookAnswer("IN_PROGRESS", RETRY_SECONDS)
    logger.info("%s answered %s", asked.name, answer.status, extra={"deployment": asking.deployment})
    return answer


def _report(asking: Asking, world: EventWorld) -> None:
    if asking.verdict == "Failed":
        logger.error("the event failed: %s", asking.reason, extra={"deployment": asking.deployment})
    while True:
        try:
            world.reports.report(asking.deployment, asking.execution, succeeded=asking.verdict == "Succeeded")
        except AwsError as error:
            if world.now() - asking.began >= EVENT_LIMIT + timedelta(minutes=1):
                raise  # CodeDeploy has failed the event by now
            logger.warning("the verdict %s could not be reported: %s", asking.verdict, error)
        else:
            return
        if world.seconds_left() < RETRY_SECONDS + clients.SECONDS_PER_CALL + HAND_OVER_SECONDS:
            world.itself.again(asking.to_event())
            return
        world.pause(RETRY_SECONDS)
