"""The state of one rollout: all that the engine remembers between two ticks, in constant size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from .ab_effect import AbEvidence
from .absolute_floor import FloorEvidence
from .guardrails import Assessment
from .joint_comparison import JointEvidence
from .lifecycle import ENDED, Phase
from .release import Release
from .target_settings import Side, SideSettings, TargetSettings, other


class HoldKind(Enum):
    """Why a rollout is paused, which decides what can end the pause."""

    OPERATOR = "OPERATOR"
    """`bluegreen pause`."""
    APPROVAL = "APPROVAL"
    """A hook waits for `bluegreen promote`."""
    UNSURE = "UNSURE"
    """The last step's patience ended without enough evidence."""
    NO_DATA = "NO_DATA"
    """A step ended without a single minute in which both sides had requests."""
    INTERFERENCE = "INTERFERENCE"
    """The rule holds weights, or a target group, that the engine did not write."""
    FROZEN = "FROZEN"
    """UNHEALTHY, and the release cannot be taken back."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause: it ends with an answer, or at `until` by itself: the rollout then goes back.

    A frozen one is announced again instead, until the rollout's deadline.
    """

    kind: HoldKind
    reason: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened, on its way into the history: saved with the state, so that a crash loses none.

    event: as `ports.HistoryItem` names it. caller: who asked for it (empty: the engine). phase, weight: of then.
    """

    at: datetime
    event: str
    reason: str
    caller: str = ""
    phase: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """One attempt to make a release live; immutable.

    id: also the name of its execution. live: the side that served at the start; it does not change when the rollout
        is promoted. fence: grows with every holder of the target's lock. revision: grows with every save.
    weight: the candidate's share in percent that the rule is to have. applied: what the rule was last seen to have
        (None: not confirmed since `weight` changed). applied_at: since when. wanted_at: when `weight` was last changed.
    was: the share that the rule had before `weight`, which is all that it may have besides.
    is_test_routed: whether the test rules lead to the candidate.
    step: the index of the step (-1: none yet). step_minutes: minutes of this step in which both sides had requests.
    needs: the healthy targets that live had at the start: what 100 % needs.
    minimums: what the minimum capacity of the sides was before the engine held it; restored when all is over.
    evidence, floors, ab: what the comparisons, the floors and the A/B test have seen. judged: the last minute (since
        the epoch) that was handed to them. said: what every guardrail said last.
    hook: how many hooks have passed; hook_since, hook_details: since when the next one is asked, what it wants back.
    hold: set while the rollout is paused. answered: the last commands that were answered, so that one that comes twice
        answers one question only.
    why_back: why it goes or went back. is_bad: the release is to be rejected.
    is_expedited: a way back to a retained release: gates, but no steps and no bake. is_irreversible: freeze instead of
        rollback. is_quarantined: the side out of use keeps running, unrouted, until a start says that it may go.
    is_left_running: the side out of use keeps running because it was not seen without requests in time.
    is_kept: the side out of use was seen without requests and keeps running: until `kept_until`, then until it is seen
        so once more, or until the next start.
    kept_until: when its time ends, or ended; then when it was let go (None: it has not begun).
    quiet: closed minutes in a row without requests on the side that is out of use. quiet_until: last minute counted.
    takes_over: an operator said to write over whatever somebody else wrote to the rule; until it is confirmed.
    is_baked: the bake is over; what is left is to give the candidate everything and to say so on the rule.
    leaves: the name of the release that was live at the start.
    hotfix: why a deployment of Amazon ECS went on although an alarm was red (empty: none was): floors decide alone.
    authentication: the live rule's actions before its forward, which every write keeps.
    is_tidied: nothing is left to do. outbox: what is to be told to the history and to EventBridge.
    extra: what a newer engine stored and this one does not know; it is written back as it came.
    """

    id: str
    settings: TargetSettings
    release: Release
    live: Side
    fence: int
    started_at: datetime
    phase_since: datetime
    phase: Phase = Phase.PREPARING
    revision: int = 0
    execution: str = ""
    caller: str = ""
    reason: str = ""
    weight: float = 0.0
    applied: float | None = None
    applied_at: datetime | None = None
    wanted_at: datetime | None = None
    was: float = 0.0
    is_test_routed: bool = False
    step: int = -1
    step_minutes: int = 0
    needs: int = 0
    desired: int = 0
    minimums: Mapping[Side, int] = field(default_factory=dict)
    evidence: JointEvidence | None = None
    floors: Mapping[str, FloorEvidence] = field(default_factory=dict)
    ab: AbEvidence | None = None
    judged: int | None = None
    said: tuple[Assessment, ...] = ()
    hook: int = 0
    hook_since: datetime | None = None
    hook_details: Mapping[str, object] = field(default_factory=dict)
    hold: Hold | None = None
    answered: tuple[str, ...] = ()
    why_back: str = ""
    is_bad: bool = False
    is_expedited: bool = False
    is_irreversible: bool = False
    is_quarantined: bool = False
    is_left_running: bool = False
    takes_over: bool = False
    is_baked: bool = False
    leaves: str = ""
    hotfix: str = ""
    authentication: tuple[Mapping[str, object], ...] = ()
    is_kept: bool = False
    kept_until: datetime | None = None
    quiet: int = 0
    quiet_until: int | None = None
    is_tidied: bool = False
    outbox: tuple[Note, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The target's name."""
        return self.settings.target

    @property
    def candidate(self) -> Side:
        """The side that is tried."""
        return other(self.live)

    @property
    def live_side(self) -> SideSettings:
        """The settings of the live side."""
        return self.settings.side(self.live)

    @property
    def candidate_side(self) -> SideSettings:
        """The settings of the candidate side."""
        return self.settings.side(self.candidate)

    @property
    def has_ended(self) -> bool:
        """Whether all traffic is on one release and stays there; what is out of use may still have to be tidied."""
        return self.phase in ENDED

    @property
    def heeds_alarms(self) -> bool:
        """Whether an alarm ends it: there is nothing better than an irreversible release or a way back to go to."""
        return not (self.is_irreversible or self.is_expedited)

    @property
    def keeps(self) -> bool:
        """Whether what was live is to be kept when it is drained; what a rollback leaves is rejected, and is not."""
        return self.phase is Phase.PROMOTED and not self.is_expedited and bool(self.settings.keep)

    @property
    def serving(self) -> Side:
        """The side that has the traffic when this rollout has ended."""
        return self.candidate if self.phase is Phase.PROMOTED else self.live

    @property
    def out_of_use(self) -> Side:
        """The side without traffic when this rollout has ended."""
        return other(self.serving)
