"""Where a deployment is, what is seen from outside, and the transition table of its statuses, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..ecs.deployment_run import Tasks
from .deployment_plan import Plan
from .lifecycle_event import Event, EventState, EventStatus
from .lifecycle_script import Change, Segment, Wait, forward_script, rollback_script


class Status(StrEnum):
    """DeploymentStatus of the API; Queued and Baking are not passed here."""

    CREATED = "Created"
    IN_PROGRESS = "InProgress"
    READY = "Ready"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def has_ended(self) -> bool:
        """Whether the deployment does nothing more."""
        return self in ENDED


ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.STOPPED})


class Happening(StrEnum):
    """What moves a deployment from one status to another."""

    BEGINS = "begins"
    IS_READY = "waits for ContinueDeployment"
    GOES_ON = "was continued"
    COMPLETES = "completes"
    FAILS = "fails"
    IS_STOPPED = "is stopped: by a request, an alarm, or the end of its ready wait"


# The table as data: nothing else changes a status.
TRANSITIONS: Mapping[tuple[Status, Happening], Status] = {
    (Status.CREATED, Happening.BEGINS): Status.IN_PROGRESS,
    (Status.CREATED, Happening.FAILS): Status.FAILED,
    (Status.CREATED, Happening.IS_STOPPED): Status.STOPPED,
    (Status.IN_PROGRESS, Happening.IS_READY): Status.READY,
    (Status.IN_PROGRESS, Happening.COMPLETES): Status.SUCCEEDED,
    (Status.IN_PROGRESS, Happening.FAILS): Status.FAILED,
    (Status.IN_PROGRESS, Happening.IS_STOPPED): Status.STOPPED,
    (Status.READY, Happening.GOES_ON): Status.IN_PROGRESS,
    (Status.READY, Happening.FAILS): Status.FAILED,
    (Status.READY, Happening.IS_STOPPED): Status.STOPPED,
}


_NO_TASKS = Tasks()


@dataclass(frozen=True, slots=True)
class AskHook:
    """Invoke the function of an event; its answer is `Seen.answers[id]`."""

    id: str
    event: Event
    function: str


Action = Change | AskHook


@dataclass(frozen=True, slots=True)
class Stop:
    """A StopDeployment; `rolls_back` None: as the group's automatic rollback says."""

    rolls_back: bool | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What failed, with the ErrorCode that ErrorInformation shows."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the outside, at `now` (rehearsed seconds).

    `answers` are by hook id: Succeeded, Failed, or the sentence of a function that could not be invoked.
    """

    now: float
    replacement: Tasks = _NO_TASKS
    alarms: frozenset[str] = frozenset()
    answers: Mapping[str, str] = field(default_factory=dict)
    continued: frozenset[Wait] = frozenset()
    stop: Stop | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Where a deployment is. `begun`: the current segment's change is made. `rolls_back`: another has to follow."""

    plan: Plan
    key: str
    script: tuple[Segment, ...]
    is_rollback: bool = False
    status: Status = Status.CREATED
    at: int = 0
    begun: bool = False
    since: float = 0.0
    held_since: float | None = None
    hook: AskHook | None = None
    events: tuple[EventState, ...] = ()
    production: float = 0.0
    test: float = 0.0
    error: Problem | None = None
    rolls_back: bool = False

    @property
    def segment(self) -> Segment:
        """The current step, or the last one of a deployment that has ended."""
        return self.script[min(self.at, len(self.script) - 1)]

    @property
    def event(self) -> Event | None:
        """The lifecycle event in progress; None in a wait and at the end."""
        return None if self.status.has_ended else self.segment.event

    @property
    def is_waiting_to_terminate(self) -> bool:
        """Whether the original task set is still there after all traffic has left it."""
        return self.segment.wait is Wait.TERMINATION and self.begun and not self.status.has_ended


def new_run(plan: Plan, key: str) -> Run:
    """A deployment that has been created; events that its route does not have are skipped."""
    script = forward_script(plan)
    named = {segment.event for segment in script}
    skipped = EventStatus.SKIPPED
    events = tuple(EventState(event, EventStatus.PENDING if event in named else skipped) for event in Event)
    return Run(plan, key, script, events=events)


def new_rollback(of: Run, key: str) -> Run:
    """The deployment that brings all traffic back to the original task set. Alarms and hooks say nothing in it."""
    plan = Plan(has_test_route=of.plan.has_test_route)
    script = rollback_script(has_test_route=plan.has_test_route)
    events = tuple(EventState(event) for event in Event)
    return Run(plan, key, script, is_rollback=True, events=events, production=of.production, test=of.test)
