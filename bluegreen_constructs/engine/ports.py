"""What the engine asks of the world: one protocol for each part of it, and the values they exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from .errors import AwsError, RolloutError
from .listener_rules import Json
from .release import Release
from .rollout import Rollout
from .target_settings import Side, SideSettings, TargetSettings


class LostLockError(RolloutError):
    """Somebody else saved this target's state in the meantime: what this worker knows is out of date."""


class HeldError(RolloutError):
    """Somebody else holds what was asked for; the message says who, since when, and what to do."""

    exit_code = 4


class RefusedError(RolloutError):
    """A safety rule refuses what was asked for; the message says which, and what to do."""

    exit_code = 3


class DeploymentGoneError(AwsError):
    """Amazon ECS does not know the service deployment, or does not know it any more."""


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A rule's actions and tags as they are now."""

    actions: Sequence[Json]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TargetsSeen:
    """A target group's targets: how many are healthy (in use or ready to be), of how many registered.

    A target group without health checks (a function's) has `is_checked` False; what is registered counts as healthy.
    """

    healthy: int
    registered: int
    is_checked: bool = True


class WeightedRules(Protocol):
    """The rules whose weights the engine moves. Any call may raise an `AwsError`."""

    def read(self, rule_arn: str) -> RuleSeen:
        """Two calls: DescribeRules and DescribeTags."""

    def actions(self, rule_arn: str) -> Sequence[Json]:
        """One call: DescribeRules."""

    def tags(self, rule_arn: str) -> Mapping[str, str]:
        """One call: DescribeTags."""

    def targets(self, group_arn: str) -> TargetsSeen:
        """One call: DescribeTargetHealth."""

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """One call, never repeated by itself: ModifyRule with the whole action list."""

    def write_fresh(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """The same, refused with an AwsError when what was last read of the rule is more than some seconds old.

        A worker that was held up between reading and writing must not act on what it read.
        """

    def tag(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        """One call: AddTags."""


@dataclass(frozen=True, slots=True)
class Series:
    """One CloudWatch time series, read by the minute; `stat` as GetMetricData spells it (`Sum`, `PR(:0.8)`)."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str


class Metrics(Protocol):
    """CloudWatch. Any call may raise an `AwsError`."""

    def minutes(self, series: Mapping[str, Series], first: int, last: int) -> Mapping[str, Mapping[int, float]]:
        """The values by the name of the series and the minute since the epoch, of the minutes first to last.

        All series in one request (500 at most in each). A minute that CloudWatch says nothing about is absent.
        """

    def alarm_states(self, names: Sequence[str]) -> Mapping[str, str]:
        """The state of each alarm: OK, ALARM or INSUFFICIENT_DATA; an alarm that is gone is absent."""


@dataclass(frozen=True, slots=True)
class FleetSeen:
    """What runs behind a side.

    desired: how many targets are asked for. minimum: the lower bound that scaling keeps (None: there is none).
    is_settled: everything that is asked for runs, with the release that was asked about, and nothing is in motion.
    release: what it runs, in the compute's own words (an image, a version, and the release that it was made for).
    trouble: why it is not settled, in AWS's words (empty: nothing is wrong, it only takes time). version: the launch
    template version, if it is one.
    """

    desired: int
    minimum: int | None
    is_settled: bool
    release: str = ""
    trouble: str = ""
    version: str = ""


class Fleets(Protocol):
    """The compute behind the sides. Any call may raise an `AwsError`. All calls can be repeated."""

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """What runs there now, and whether it is `release` (None: whichever)."""

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Ask for `desired` targets that run `release`. Does nothing for a FIXED or LAMBDA side."""

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """Ask for `desired` targets and keep at least `minimum`; None leaves either alone."""


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a hook's function answered, in Amazon ECS's words: SUCCEEDED, FAILED or IN_PROGRESS."""

    status: Literal["SUCCEEDED", "FAILED", "IN_PROGRESS"]
    call_back_seconds: int = 30
    details: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""


class Hooks(Protocol):
    """The functions of hooks."""

    def ask(self, function_arn: str, payload: Mapping[str, object]) -> HookAnswer:
        """Invoke the function. One that raises, or answers what is no answer, has FAILED with that reason.

        Raises AwsError when it could not be invoked at all (throttled, gone): that is asked again.
        """


class Events(Protocol):
    """Amazon EventBridge."""

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """One event of source `bluegreen`. Never raises: an event that is lost must not stop a rollout."""


class VerdictMetric(Protocol):
    """The metric whose alarm makes Amazon ECS take a deployment back. May raise an `AwsError`."""

    def publish(self, target: str, at: datetime, *, unhealthy: bool) -> None:
        """1 for UNHEALTHY, else 0, for the minute of `at`; the same again says nothing else."""


class Executions(Protocol):
    """The state machine's executions."""

    def start(self, name: str, request: Mapping[str, object]) -> str:
        """Start one, and answer its ARN; the same name with the same input again answers the same ARN."""

    def arn_of(self, name: str) -> str:
        """The ARN of the execution with this name, started or not; no call."""

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop one; one that is over already is no error."""

    def is_running(self, execution_arn: str) -> bool:
        """Whether it still runs; one that is not known does not."""


Verb: TypeAlias = Literal["promote", "pause", "resume", "abort", "unlock"]
VERBS: tuple[Verb, ...] = ("promote", "pause", "resume", "abort", "unlock")


@dataclass(frozen=True, slots=True)
class Command:
    """What an operator asks of a running rollout; `rollout` names it, so that a late command meets no other one.

    step: with promote, the step it was given at (compare-and-set: an answer to an earlier question is none).
    """

    verb: Verb
    rollout: str
    caller: str
    reason: str
    at: datetime
    step: int | None = None


ReleaseStatus: TypeAlias = Literal["promoted", "rejected", "accepted"]


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What is remembered of a release; `accepted` is one that was rejected, and accepted with a reason since.

    side: where it ran, or is to run: the number of a launch template version is of that side's template (None: a former
    engine kept none, or there are no such sides).
    """

    release: Release
    status: ReleaseStatus
    at: datetime
    reason: str
    caller: str
    rollout: str
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """One thing that happened to a target; kept 400 days.

    event: such as STARTED, PHASE, WEIGHT, VERDICT, HELD, ABORTED, REFUSED, ENDED. caller: as AWS saw it, or the engine.
    evidence: what was known then, as JSON values (empty: nothing was judged).
    """

    at: datetime
    event: str
    rollout: str
    release: str
    caller: str
    reason: str
    phase: str = ""
    weight: float | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    """A deployment of Amazon ECS that is looked at until it has ended: its target, and its ARN."""

    target: str
    execution: str


class Store(Protocol):
    """The table: one state item for each target, its history, its releases, and what operators ask for."""

    def load(self, target: str) -> Rollout | None:
        """The target's rollout, the last one if it has ended; a consistent read. None: there was never one."""

    def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
        """Take the lock: put the rollout's state in the place of `former`, exactly as that was loaded.

        Raises LostLockError when somebody was faster.
        """

    def save(self, rollout: Rollout) -> Rollout:
        """Save over the same fence and revision, and answer the rollout with its next revision.

        Raises LostLockError when the item has moved on. A save that timed out and took effect is answered as done.
        """

    def commands(self, target: str) -> Sequence[Command]:
        """What operators ask for, in order of time."""

    def give(self, target: str, command: Command) -> None:
        """Leave a command; a later one of the same verb replaces it."""

    def done(self, target: str, command: Command) -> None:
        """Take the command away, unless another of its verb has come since."""

    def record(self, target: str, item: HistoryItem) -> None:
        """Add to the history; the same item again is no second one."""

    def history(self, target: str, limit: int = 100) -> Sequence[HistoryItem]:
        """The last items, the latest first."""

    def releases(self, target: str) -> Sequence[ReleaseRecord]:
        """What is remembered of releases, the latest first."""

    def remember(self, target: str, record: ReleaseRecord) -> None:
        """Put what is now known of a release in the place of what was."""

    def watched(self) -> Sequence[Watched]:
        """The deployments of all targets that are looked at."""

    def watch(self, one: Watched) -> None:
        """Look at it from now on; it is one, however often it is put."""

    def unwatch(self, one: Watched) -> None:
        """Look at it no more; one that is gone is no error."""


class SettingsSource(Protocol):
    """Where constructs leave the settings of their targets."""

    def of(self, target: str) -> TargetSettings:
        """The settings; raises RefusedError, with the targets there are, for a name that is none."""

    def targets(self) -> Sequence[str]:
        """The names of all targets, sorted."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The world of a tick."""

    rules: WeightedRules
    metrics: Metrics
    fleets: Fleets
    hooks: Hooks
    events: Events
    store: Store
