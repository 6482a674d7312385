"""Executions as tasks of others: `states:startExecution`, waited for with `.sync`, and stopped with their parent."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..clock import Clock
from . import state_language

Answer: TypeAlias = tuple[int, dict[str, str], bytes]
Execution: TypeAlias = dict[str, object]
CHILD = "arn:aws:states:::states:startExecution"
_LOOK_SECONDS = 0.02


class Stopped(SystemExit):
    """Ends the thread of an execution that is over; no handler of the emulator takes it for a state's error."""


@dataclass
class Run:
    """An execution whose states are walked, and the signal that it is over."""

    execution: Execution
    over: threading.Event = field(default_factory=threading.Event)

    def sleep(self, seconds: float) -> None:
        """Wait for real seconds; ends the thread when the execution is stopped meanwhile."""
        self.over.wait(seconds)
        self.check()

    def check(self) -> None:
        """End the thread of an execution that is over."""
        if self.execution["status"] != "RUNNING":
            raise Stopped


@dataclass(frozen=True)
class ChildExecutions:
    """Starts executions for tasks, and waits for those that a task waits for.

    `request_of` makes the StartExecution request of a task's parameters, `error` an error that a state can catch;
    `parent` is the run of the calling thread.
    """

    clock: Clock
    executions: Mapping[str, Execution]
    request_of: Callable[[Mapping[str, object]], dict[str, object]]
    start: Callable[[Mapping[str, object]], Answer]
    stop: Callable[[Mapping[str, object]], Answer]
    error: Callable[[str, str], Exception]
    parent: Callable[[], Run | None]

    def run(self, resource: str, parameters: Mapping[str, object], *, seconds: float | None = None) -> object:
        """What the task gets; `seconds` are its TimeoutSeconds, rehearsed. Raises `error`'s exceptions and Stopped."""
        status, _, body = self.start(self.request_of(parameters))
        told = json.loads(body)
        if status != 200:
            code = str(told.get("__type", "")).rpartition("#")[2]
            raise self.error(f"StepFunctions.{code}Exception", str(told.get("message", "")))
        arn = str(told["executionArn"])
        if not resource.startswith(f"{CHILD}.sync"):
            return {"ExecutionArn": arn, "StartDate": told["startDate"]}
        child = self.executions[arn]
        self._await(child, None if seconds is None else self.clock.real_seconds(seconds))
        answer = state_language.child_answer(child, parses_json=resource.endswith(".sync:2"))
        if child["status"] != "SUCCEEDED":
            raise self.error("States.TaskFailed", json.dumps(answer))
        return answer

    def _await(self, child: Execution, limit: float | None) -> None:
        """Wait for the end; the child is stopped with its parent, and when its real seconds are up."""
        run = self.parent() or Run({"status": "RUNNING"})
        waited = 0.0
        while child["status"] == "RUNNING":
            try:
                run.sleep(_LOOK_SECONDS)
            except Stopped:
                self.stop({"executionArn": child["executionArn"], "cause": "the parent execution ended"})
                raise
            waited += _LOOK_SECONDS
            if limit is not None and waited > limit:
                self.stop({"executionArn": child["executionArn"], "cause": "the parent's task timed out"})
                raise self.error("States.Timeout", "the child execution did not end in time")
