"""The record of an application's slots: which side serves which slot, what each side runs, and what is under way.

The live rule is the truth about traffic; the record is the truth about intent. It says absolutely how the world is to
be, never "the other one": whoever reads it after a crash does the same again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from ..errors import RolloutError
from ..rollout import Note, Rollout
from ..slot_settings import PRODUCTION, SlotSide
from ..strategy import Step
from ..target_settings import TargetSettings
from .lifecycle import SwapPhase


class Kind(Enum):
    """What an operation does."""

    DEPLOY = "DEPLOY"
    """Put a release onto a slot."""
    SWAP = "SWAP"
    """Exchange a slot with production."""
    TRAFFIC = "TRAFFIC"
    """Give slots shares of production's traffic."""


@dataclass(frozen=True, slots=True)
class SideRecord:
    """What a side runs.

    release: its name. definition: the ARN of the revision, which holds the image and the settings that travel with it.
    rendering: what identifies the content of that revision.
    is_quiet: whether the side was seen without requests since the live rule last named it (I8).
    """

    release: str
    definition: str
    rendering: str = ""
    is_quiet: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """What is under way, and holds the lock.

    id: also the name of its first execution. slot: which slot the candidate was deployed to, or comes from.
    candidate, live: the sides; live serves production. from_epoch: the epoch at the start.
    image, settings_from: of a DEPLOY: what to run (empty: what it runs already), and the slot whose settings that
        travel are copied (empty: those of the slot's own task definition).
    is_preview: whether it waits for `complete`. canary: a share before the flip (None: none).
    ignores_alarms: whether it begins although a guardrail's alarm rings already.
    shares: of TRAFFIC: percent by slot.
    was: what the candidate ran before, and goes back to. capacity: live's tasks at the start, which the flip needs.
    rendered: the candidate's revision for this operation (empty: not rendered yet); rendering: what identifies it.
    demoted: the former live side's revision with the settings of its new slot (empty: not rendered yet).
    is_released: `complete` was given. ends_bake: `end-bake` was given.
    flipped_at: since when the live rule was seen to name the candidate alone (None: it was not).
    attempt, hook_details: of the warm-up. is_told: whether the activation function has answered for the present side.
    judged: what the guardrails have seen, as a rollout of two sides (None: nothing to judge yet).
    quiet, quiet_until: closed minutes in a row without requests on the side that is about to be changed; the last one.
    is_closed: whether the rule's tags say that the operation is over for an abort.
    is_cancelled: whether it goes back because somebody, or the preview's time-out, cancelled it.
    authentication: the live rule's actions before its forward, which every write keeps.
    why_back, is_bad: why it goes back, and whether the release is to blame. halted: what was found that nobody wrote.
    halted_in: the phase in which it halted. answered: the commands that were answered.
    """

    id: str
    kind: Kind
    slot: str
    candidate: str
    live: str
    from_epoch: int
    started_at: datetime
    phase_since: datetime
    was: SideRecord
    phase: SwapPhase = SwapPhase.PREPARING
    caller: str = ""
    reason: str = ""
    release: str = ""
    image: str = ""
    settings_from: str = ""
    is_preview: bool = False
    ignores_alarms: bool = False
    canary: Step | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    capacity: int = 0
    rendered: str = ""
    rendering: str = ""
    demoted: str = ""
    is_released: bool = False
    ends_bake: bool = False
    flipped_at: datetime | None = None
    attempt: int = 0
    hook_details: Mapping[str, object] = field(default_factory=dict)
    is_told: bool = False
    judged: Rollout | None = None
    quiet: int = 0
    quiet_until: int | None = None
    is_closed: bool = False
    is_cancelled: bool = False
    authentication: tuple[Mapping[str, object], ...] = ()
    why_back: str = ""
    is_bad: bool = False
    halted: str = ""
    halted_in: str = ""
    answered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastOperation:
    """How the last operation ended. outcome: DONE, ROLLED_BACK or CANCELLED. why: of what went back."""

    id: str
    kind: Kind
    slot: str
    outcome: str
    ended_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class SlotsRecord:
    """One application: one item of the engine's table.

    settings: as they were when the last operation began. stack_id: of the stack that made the record.
    sides_of: the side of each slot, a bijection. sides: what each side runs.
    epoch: plus one with every committed flip. op_seq: plus one with every operation that ends.
    fence, revision: grow with every holder of the lock, with every save. execution: of what is under way.
    paused: why no slot swaps by itself (empty: they may). shares: percent of production's traffic by slot (none: all of
        it is production's).
    outbox: what is to be told to the history and to EventBridge. extra: what a newer engine stored.
    """

    target: str
    stack_id: str
    sides_of: Mapping[str, str]
    sides: Mapping[str, SideRecord]
    settings: TargetSettings | None = None
    epoch: int = 0
    op_seq: int = 0
    fence: int = 0
    revision: int = 0
    execution: str = ""
    op: Operation | None = None
    last: LastOperation | None = None
    paused: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    outbox: tuple[Note, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def production_side(self) -> str:
        """The side that serves production by the record."""
        return self.sides_of[PRODUCTION]

    @property
    def operation(self) -> Operation:
        """What is under way; raises RolloutError when nothing is."""
        if self.op is None:
            raise RolloutError(f"nothing is under way on the slots of {self.target}")
        return self.op

    def slot_of(self, side: str) -> str:
        """The slot that a side serves."""
        return next(slot for slot, held in self.sides_of.items() if held == side)

    def exchanged(self, slot: str, production: str) -> dict[str, str]:
        """The map in which `production` (a side) serves production and the former one serves `slot`. Absolute."""
        former = next(side for side in (self.sides_of[slot], self.sides_of[PRODUCTION]) if side != production)
        return {**self.sides_of, PRODUCTION: production, slot: former}

    def with_side(self, name: str, side: SideRecord) -> "SlotsRecord":
        """The record in which that side runs this."""
        return replace(self, sides={**self.sides, name: side})

    def side_settings(self, name: str) -> SlotSide:
        """Where a side is, by the settings of the last operation."""
        if self.settings is None or self.settings.slots is None:
            raise RolloutError(f"the record of {self.target} knows no settings yet: begin an operation")
        return self.settings.slots.side(name)
