"""Plays the engine's state machine: which handler is called when, what is tried again, and the way back without it.

    Start -> Tick -> (done: end | Wait -> Tick ...); a task that fails is tried again, then
    RestoreLive (modifyRule) -> MarkAborted (addTags) -> Fail

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

import heapq
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .client import Answer
from .step_functions import STATE_MACHINE_ARN, Execution
from .world import Ending, SimulatedAws

Handler = Callable[[Answer], Mapping[str, object]]

_LONGEST_WAIT = 24 * 3600.0


class StuckError(AssertionError):
    """Something goes on for longer than any wait of it may take (I9)."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a failed task is tried again, after how many seconds, and how that grows."""

    tries: int = 3
    seconds: float = 2.0
    backoff: float = 2.0

    def wait(self, tried: int) -> float:
        """The seconds before the next try."""
        return self.seconds * self.backoff**tried


TASK_RETRIES = Retries()
RESTORE_RETRIES = Retries(tries=6)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call of a handler: which, and with what."""

    handler: str
    payload: Answer
    at: float
    number: int


class StateMachine:
    """Plays all executions of one world in the order in which they are due.

    start, tick: the handlers. More of them, such as the alarm's, are given as `others` by name and called by `event`.
    retries: of Start and Tick. restore_retries: of RestoreLive and MarkAborted. refused: the errors that are a refusal
    and are not tried again. lambda_seconds: the functions' time-out (default: the longest there is); a worker that was
    interrupted for longer is killed at its next call. after_step: called after each step, for checks.
    deliveries: every call of a handler, to be delivered once more at any later time.
    """

    def __init__(
        self,
        world: SimulatedAws,
        start: Handler,
        tick: Handler,
        *,
        others: Mapping[str, Handler] | None = None,
        retries: Retries = TASK_RETRIES,
        restore_retries: Retries = RESTORE_RETRIES,
        lambda_seconds: float = 900.0,
        refused: frozenset[str] = frozenset({"HeldError", "RefusedError", "ConfigurationError"}),
    ) -> None:
        self.world = world
        self.handlers: dict[str, Handler] = {"Start": start, "Tick": tick, **(others or {})}
        self.retries = retries
        self.restore_retries = restore_retries
        self.lambda_seconds = lambda_seconds
        self.refused = refused
        self.deliveries: list[Delivery] = []
        self.after_step: list[Callable[[Execution], None]] = []
        self._events: list[tuple[float, int, str, Answer]] = []
        self._due: list[tuple[float, int, Execution]] = []
        self._pushed = 0

    # what starts something

    def begin(self, name: str, request: Mapping[str, object]) -> Execution:
        """`StartExecution` as a user makes it; raises what the client raises."""
        answer = self.world.stepfunctions.start_execution(
            stateMachineArn=STATE_MACHINE_ARN, name=name, input=json.dumps(request)
        )
        return self.world.stepfunctions.executions[answer["executionArn"]]

    def event(self, handler: str, payload: Answer, delay: float = 0.0) -> None:
        """EventBridge calls a handler after `delay` seconds, and Lambda tries it again twice if it fails.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
        """
        self._events.append((self.world.now + delay, 0, handler, payload))

    def deliver_again(self, number: int = -1) -> Ending:
        """Call a handler once more with what it was called with at `deliveries[number]`; nobody reads its answer.

        That is a second copy of an event, and, called from `world.interrupt`, a second worker beside the first.
        """
        delivery = self.deliveries[number]
        return self._call(f"late copy of {delivery.handler}", delivery.handler, delivery.payload)

    # what goes on

    @property
    def running(self) -> list[Execution]:
        """The executions that have not ended."""
        return [one for one in self.world.stepfunctions.executions.values() if one.is_running]

    def run(self, *, limit_seconds: float = 48 * 3600.0, until: Callable[[], bool] | None = None) -> None:
        """Play until nothing runs any more, or `until` says so. Raises StuckError after `limit_seconds`."""
        deadline = self.world.now + limit_seconds
        while until is None or not until():
            if not self.step():
                return
            if self.world.now > deadline:
                left = ", ".join(f"{one.name} ({one.state})" for one in self.running)
                raise StuckError(f"after {limit_seconds:g} s these executions still run: {left}")

    def step(self) -> bool:
        """Let time pass until something is due, and do that; whether there was anything."""
        if self.world.faults.is_out("stepfunctions"):
            return self._event_step(float("inf"))
        execution = self._next()
        if self._event_step(float("inf") if execution is None else execution.due):
            return True
        if execution is None:
            return False
        heapq.heappop(self._due)
        self.world.now = max(self.world.now, execution.due)
        if not execution.state:
            execution.state = "Tick" if execution.input.get("closing") else "Start"
        match execution.state:
            case "Start" | "Tick":
                self._task(execution)
            case "RestoreLive":
                self._restore(execution, "restore", self.world.elbv2.modify_rule, "MarkAborted")
            case "MarkAborted":
                self._restore(execution, "mark", self.world.elbv2.add_tags, "Fail")
        if execution.is_running:
            self._push(execution)
        for look in self.after_step:
            look(execution)
        return True

    def _push(self, execution: Execution) -> None:
        self._pushed += 1
        heapq.heappush(self._due, (execution.due, self._pushed, execution))

    def _next(self) -> Execution | None:
        """The running execution that is due first; it stays in the queue until it is played."""
        started = self.world.stepfunctions.started
        while started:
            self._push(started.pop(0))
        while self._due and not self._due[0][2].is_running:
            heapq.heappop(self._due)
        return self._due[0][2] if self._due else None

    def _event_step(self, before: float) -> bool:
        if not self._events or min(self._events)[0] > before:
            return False
        self._events.sort(key=lambda one: one[0])
        due, tried, handler, payload = self._events.pop(0)
        self.world.now = max(self.world.now, due)
        ending = self._call(handler, handler, {**payload, "now": payload.get("now", self.world.iso())})
        if ending.error is not None and tried < 2:
            self._events.append((self.world.now + 60 * (tried + 1), tried + 1, handler, payload))
        return True

    def _task(self, execution: Execution) -> None:
        if not execution.tries:
            execution.entered = self.world.now
        payload = {
            **execution.data,
            "rollout": execution.data.get("rollout", execution.name),
            "execution": execution.arn,
            "now": self.world.iso(execution.entered),
        }
        for own in ("restore", "mark"):
            payload.pop(own, None)
        ending = self._call(f"{execution.state} of {execution.name}", execution.state, payload)
        if not execution.is_running:
            return  # stopped meanwhile: nobody waits for the answer
        if ending.error is not None:
            self._failed(execution, ending.error)
            return
        answer = ending.answer
        execution.tries = 0
        execution.data = answer
        if answer["done"]:
            self._end(execution, "SUCCEEDED", output=answer)
            return
        wait = answer["wait_seconds"]
        if type(wait) is not int or not 0 < wait <= _LONGEST_WAIT:
            raise StuckError(f"{execution.state} of {execution.name} answered to wait {wait!r} seconds")
        execution.state, execution.due = "Tick", self.world.now + wait

    def _failed(self, execution: Execution, error: BaseException) -> None:
        name = type(error).__name__
        is_refusal = execution.state == "Start" and name in self.refused
        if not is_refusal and execution.tries < self.retries.tries:
            execution.due = self.world.now + self.retries.wait(execution.tries)
            execution.tries += 1
            return
        execution.error, execution.cause = name, str(error)
        if is_refusal or not execution.data.get("restore"):
            self._end(execution, "FAILED")
            return
        execution.state, execution.due, execution.tries = "RestoreLive", self.world.now, 0

    def _restore(self, execution: Execution, which: str, call: Callable[..., Answer], following: str) -> None:
        arguments = execution.data[which]
        ending = self.world.run(execution.state, lambda: call(**arguments), is_mortal=False)
        if ending.error is not None:
            if execution.tries < self.restore_retries.tries:
                execution.due = self.world.now + self.restore_retries.wait(execution.tries)
                execution.tries += 1
                return
            execution.cause = f"{execution.cause}; {execution.state}: {ending.error}"
            self._end(execution, "FAILED")
            return
        execution.tries = 0
        if following == "Fail":
            self._end(execution, "FAILED")
        else:
            execution.state = following

    def _end(self, execution: Execution, status: str, output: Answer | None = None) -> None:
        execution.status, execution.output, execution.stopped_at = status, output, self.world.now

    def _call(self, name: str, handler: str, payload: Answer) -> Ending:
        """Invoke a handler as Lambda does: JSON in, JSON out, in a process of its own."""
        text = json.dumps(payload)
        self.deliveries.append(Delivery(handler, payload, self.world.now, len(self.deliveries)))
        return self.world.run(
            name,
            lambda: json.loads(json.dumps(self.handlers[handler](json.loads(text)))),
            seconds=self.lambda_seconds,
        )
