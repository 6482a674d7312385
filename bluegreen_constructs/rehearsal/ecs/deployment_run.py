"""A service deployment's state, what is seen from outside, and the transition table of its statuses, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .deployment_plan import Hook, Plan, Stage
from .hook_visits import HookAnswer, HookVisit
from .lifecycle_script import Change, Segment


class Part(StrEnum):
    """Where a deployment is within a segment of its script, in order."""

    BEFORE = "waits for what the change needs"
    CHANGING = "changes the outside"
    ASKING = "asks the hooks"
    AFTER = "waits for the change to take effect"
    HOLDING = "bakes"


class Status(StrEnum):
    """What DescribeServiceDeployments answers as `status`."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"

    @property
    def has_ended(self) -> bool:
        """Whether the deployment does nothing more."""
        return self in ENDED


ENDED = frozenset({Status.SUCCESSFUL, Status.STOPPED, Status.ROLLBACK_SUCCESSFUL, Status.ROLLBACK_FAILED})


class Happening(StrEnum):
    """What moves a deployment from one status to another."""

    BEGINS = "begins"
    COMPLETES = "completes"
    FAILS = "fails, to be rolled back"
    FAILS_FOR_GOOD = "fails, with the rollback option off"
    IS_TO_ROLL_BACK = "is asked to roll back"
    IS_TO_STOP = "is asked to stop"
    TURNS_BACK = "turns back"
    IS_BACK = "is back on the source revision"
    CANNOT_GO_BACK = "has no source revision, or cannot restore it"
    HALTS = "halts where it is"


# The table as data: nothing else changes a status.
TRANSITIONS: Mapping[tuple[Status, Happening], Status] = {
    (Status.PENDING, Happening.BEGINS): Status.IN_PROGRESS,
    (Status.PENDING, Happening.IS_TO_ROLL_BACK): Status.ROLLBACK_REQUESTED,
    (Status.PENDING, Happening.IS_TO_STOP): Status.STOP_REQUESTED,
    (Status.IN_PROGRESS, Happening.COMPLETES): Status.SUCCESSFUL,
    (Status.IN_PROGRESS, Happening.FAILS): Status.ROLLBACK_IN_PROGRESS,
    (Status.IN_PROGRESS, Happening.FAILS_FOR_GOOD): Status.STOP_REQUESTED,
    (Status.IN_PROGRESS, Happening.IS_TO_ROLL_BACK): Status.ROLLBACK_REQUESTED,
    (Status.IN_PROGRESS, Happening.IS_TO_STOP): Status.STOP_REQUESTED,
    (Status.STOP_REQUESTED, Happening.HALTS): Status.STOPPED,
    (Status.ROLLBACK_REQUESTED, Happening.TURNS_BACK): Status.ROLLBACK_IN_PROGRESS,
    (Status.ROLLBACK_IN_PROGRESS, Happening.IS_BACK): Status.ROLLBACK_SUCCESSFUL,
    (Status.ROLLBACK_IN_PROGRESS, Happening.CANNOT_GO_BACK): Status.ROLLBACK_FAILED,
    (Status.ROLLBACK_IN_PROGRESS, Happening.IS_TO_STOP): Status.STOP_REQUESTED,
}


@dataclass(frozen=True, slots=True)
class CallHook:
    """Ask a Lambda hook (answer: `Seen.answers[id]`)."""

    id: str
    hook: Hook
    stage: Stage
    details: Mapping[str, object] | None
    production: float | None
    test: float | None


Action = Change | CallHook


class Request(StrEnum):
    """What a person, or a newer deployment, asks of a running one."""

    ROLLBACK = "ROLLBACK"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of one side: wanted, not yet stopped, and healthy behind their load balancer."""

    wanted: int = 0
    existing: int = 0
    healthy: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the outside, at `now` (rehearsed seconds).

    `answers` are by hook id, a pause's included (CONTINUE, ROLLBACK). `problem` is a failed call or a refused
    configuration, in ECS's words.
    """

    now: float
    candidate: Tasks = Tasks()
    live: Tasks = Tasks()
    strays: Tasks = Tasks()
    failed_tasks: int = 0
    alarms: frozenset[str] = frozenset()
    answers: Mapping[str, HookAnswer] = field(default_factory=dict)
    request: Request | None = None
    request_reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a deployment is. `has_source`: a release was live before. `has_strays`: a superseded one left tasks."""

    plan: Plan
    key: str
    has_source: bool
    has_strays: bool = False
    has_test_rule: bool = True
    status: Status = Status.PENDING
    reason: str = ""
    rollback_reason: str = ""
    script: tuple[Segment, ...] = ()
    at: int = 0
    part: Part = Part.BEFORE
    since: float = 0.0
    held_since: float | None = None
    visits: tuple[HookVisit, ...] = ()
    past_visits: tuple[HookVisit, ...] = ()
    production: float = 0.0
    test: float = 0.0
    watches_alarms: bool = False
    triggered_alarms: frozenset[str] = frozenset()
    breaker_triggered: bool = False

    @property
    def stage(self) -> Stage | None:
        """The lifecycle stage; None for a rolling deployment, which has none, and before the start."""
        if not self.script or not self.plan.shifts_traffic:
            return None
        return self.script[min(self.at, len(self.script) - 1)].stage

    @property
    def is_forward(self) -> bool:
        """Whether the candidate may still become live."""
        return self.status in {Status.PENDING, Status.IN_PROGRESS}

    @property
    def can_turn_back(self) -> bool:
        """Before CLEAN_UP: the live side still stands."""
        return self.is_forward and not (self.script and self.script[self.at].stage is Stage.CLEAN_UP)
