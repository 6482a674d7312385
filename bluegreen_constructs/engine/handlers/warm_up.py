"""Warms a candidate's tasks before they get production traffic; one invocation is one attempt, whoever asks counts."""

import http.client
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..errors import ConfigurationError
from ..hook_event import HookEvent
from ..warm_up import TaskWarmth, WarmUpAnswer, WarmUpPlan, warm_up_failure
from .smoke_test import HookAnswer

logger = logging.getLogger(__name__)

_PAUSE_S = 1.0
_LONGEST_REQUEST_S = 10.0
_MOST_BODY = 1_000_000
_MOST_THREADS = 64

Ask = Callable[[WarmUpPlan, tuple[str, int], float], WarmUpAnswer]


@dataclass(frozen=True, slots=True)
class WarmUpWorld:
    """ask: send one request, which may take so many seconds. elapsed: seconds that only grow. pause: wait."""

    ask: Ask
    elapsed: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


def handler(event: Mapping[str, object], _context: object) -> HookAnswer:
    """Lambda's entry point."""
    return serve(event, WarmUpWorld(_ask))


def serve(event: Mapping[str, object], world: WarmUpWorld) -> HookAnswer:
    """SUCCEEDED when each task answered well often enough in a row; FAILED, with the reason, when time is up."""
    asked = HookEvent.of(event)
    if asked is None:
        return _failed("the warm-up has no details, so there is nobody to ask")
    try:
        plan = WarmUpPlan.from_details(asked.details)
    except ConfigurationError as error:
        return _failed(str(error))
    if not plan.targets:
        return _failed(warm_up_failure([], plan))
    until = world.elapsed() + plan.timeout_seconds
    with ThreadPoolExecutor(max_workers=min(_MOST_THREADS, len(plan.targets))) as threads:
        tasks = list(threads.map(lambda target: _warmed(plan, target, until, world), plan.targets))
    failure = warm_up_failure(tasks, plan)
    if failure:
        return _failed(failure)
    logger.info("%d tasks are warm", len(tasks))
    return {"hookStatus": "SUCCEEDED"}


def _warmed(plan: WarmUpPlan, target: tuple[str, int], until: float, world: WarmUpWorld) -> TaskWarmth:
    task = TaskWarmth(target)
    while (left := until - world.elapsed()) > 0:
        task = task.after(world.ask(plan, target, min(left, _LONGEST_REQUEST_S)), plan)
        if task.is_warm(plan):
            break
        world.pause(min(_PAUSE_S, max(until - world.elapsed(), 0)))
    return task


def _failed(reason: str) -> HookAnswer:
    logger.error("the warm-up failed: %s", reason)
    return {"hookStatus": "FAILED", "hookDetails": {"reason": reason}}


def _ask(plan: WarmUpPlan, target: tuple[str, int], seconds: float) -> WarmUpAnswer:
    """One request to a task's own address. http.client follows no redirect, which is what is wanted."""
    connection = http.client.HTTPConnection(*target, timeout=seconds)
    try:
        connection.request("GET", plan.path, headers=dict(plan.headers))
        answer = connection.getresponse()
        return WarmUpAnswer(answer.status, answer.read(_MOST_BODY).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return WarmUpAnswer(None, str(error) or type(error).__name__)
    finally:
        connection.close()
