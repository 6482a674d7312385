"""What one turn of an operation works with: the world, the record, the time, and the guards before each change."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..counts import Counts, request_series_of
from ..errors import AwsError
from ..guarded_rule import InterferenceError
from ..phases import QUIET_MINUTES
from ..ports import LostLockError
from ..slot_settings import PRODUCTION, RENDERING_TAG, SlotSettings, SlotSide, SlotsSettings
from ..target_settings import Compute, SideSettings, TargetSettings
from .lifecycle import SwapPhase
from .ports import ServiceSeen, SlotsPorts
from .production_rule import ProductionRule
from .record import Operation, SlotsRecord
from .rendering import Rendering, rendered
from .shares import Shares
from .slot_rules import SlotRules

_LONGEST_LOOK_BACK = 180  # minutes
_GOING_BACK = frozenset({SwapPhase.REVERTING, SwapPhase.ROLLING_BACK, SwapPhase.DEMOTING_CANDIDATE})


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn of a phase answers: the record that is to be saved, and when to look again."""

    record: SlotsRecord
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Work:
    """One turn. Everything is done as the saved record says, as often as it takes."""

    ports: SlotsPorts
    record: SlotsRecord
    now: datetime

    @property
    def op(self) -> Operation:
        """What is under way."""
        return self.record.operation

    @property
    def target(self) -> TargetSettings:
        """The settings that the operation began with."""
        if self.record.settings is None:
            raise InterferenceError(f"the record of {self.record.target} has lost its settings")
        return self.record.settings

    @property
    def slots(self) -> SlotsSettings:
        """The part of them that is about slots."""
        if self.target.slots is None:
            raise InterferenceError(f"the record of {self.record.target} has lost its slots")
        return self.target.slots

    @property
    def candidate(self) -> SlotSide:
        """The side that is tried."""
        return self.slots.side(self.op.candidate)

    @property
    def live(self) -> SlotSide:
        """The side that served production at the start."""
        return self.slots.side(self.op.live)

    @property
    def slot(self) -> SlotSettings:
        """The slot that the candidate comes from."""
        return self.slots.slot(self.op.slot)

    @property
    def rule(self) -> ProductionRule:
        """The live rule in this operation's hands."""
        return ProductionRule(
            self.ports.rules,
            self.target.rule_arn,
            self.op.id,
            self.record.fence,
            live=self.live.group_arn,
            candidate=self.candidate.group_arn,
            needs=self.op.capacity,
            goes_back=self.op.phase in _GOING_BACK,
        )

    def is_over(self, limit: timedelta) -> bool:
        """Whether the phase has taken longer than that."""
        return self.now >= self.op.phase_since + limit

    def shares_of(self, by_slot: object) -> Shares:
        """Percent by target group, for percent by slot; production has what is left."""
        given = dict(by_slot) if isinstance(by_slot, dict) else {}
        others = {slot: percent for slot, percent in given.items() if slot != PRODUCTION and percent}
        rest = round(100 - sum(others.values()), 1)
        groups = {self._group(slot): percent for slot, percent in others.items()}
        return {**({self._group(PRODUCTION): rest} if rest else {}), **groups}

    def _group(self, slot: str) -> str:
        return self.slots.side(self.record.sides_of[slot]).group_arn

    # Guards

    def require_live_rule(self, wanted: Shares) -> None:
        """Raise InterferenceError when the live rule gives anything else; MarkedError and LostLockError as a write."""
        found = self.rule.look()
        if found != wanted:
            raise InterferenceError(f"the live rule gives {found}, and {wanted} is what was written last")

    def require_out_of_use(self, side: SlotSide) -> None:
        """Raise InterferenceError when the live rule names the side: what serves is never changed (I8)."""
        found = self.rule.look()
        if found is None or side.group_arn in found:
            raise InterferenceError(f"the live rule gives {found}, and side {side.name} was about to be changed")

    def require_ours(self) -> None:
        """Raise LostLockError when another worker has gone on meanwhile; right before what nothing can refuse.

        Neither ECS nor Elastic Load Balancing takes a fence with a write. This one read narrows what a worker that was
        held up can do to the moment between this read and its next call.
        """
        held = self.ports.store.slots(self.record.target)
        if held is None or (held.fence, held.revision) != (self.record.fence, self.record.revision):
            raise LostLockError(f"{self.record.target} was saved by another worker: this one is out of date")

    # Sides

    def seen(self, side: SlotSide) -> ServiceSeen:
        """The side's service."""
        return self.ports.services.seen(self.slots.cluster, side)

    def run(self, side: SlotSide, definition: str) -> None:
        """Have a side that is out of use run a revision."""
        self.require_out_of_use(side)
        self.require_ours()
        self.ports.services.run(self.slots.cluster, side, definition)

    def has_orphans(self, side: SlotSide, wanted: str) -> bool:
        """Make `wanted` the newest active revision of the side's family, by one revision; answers whether it was not.

        What touches the service by its family's name, as CloudFormation does, would otherwise run what an operation has
        left there. It may have done so a moment ago: look at the service again.
        """
        newest = self.ports.services.definition(side.family).arn
        if _number(newest) <= _number(wanted) or self.is_same(newest, wanted):
            return False
        self.require_ours()
        self.ports.services.retire(newest)
        return True

    def is_same(self, one: str, other: str) -> bool:
        """Whether two revisions are the same but for their numbers.

        A worker that is held up and then dies may register a rendering a second time, and a stack update may have a
        side run that one: nothing is wrong with it, and what serves is not changed for a number. Their tags alone do
        not say so: a revision that somebody edits in the console brings those along.
        """
        if one == other:
            return True
        seen, twin = (self.ports.services.definition(arn) for arn in (one, other))
        return (seen.content, seen.tags) == (twin.content, twin.tags)

    def rendered_for(self, slot: str, side: SlotSide, of_release: str, release: str, image: str = "") -> Rendering:
        """What `side` runs to serve `slot` with the release of another revision."""
        services = self.ports.services
        of_slot = services.definition(self.slots.slot(slot).definition).content
        content = services.definition(of_release).content if of_release else of_slot
        return rendered(
            self.slots, slot=slot, side=side, of_slot=of_slot, of_release=content, release=release, image=image
        )

    def registered(self, side: SlotSide, wanted: Rendering) -> str:
        """The ARN of the revision, registered unless it is the newest one already (after a crash in between)."""
        newest = self.ports.services.definition(side.family)
        if newest.tags.get(RENDERING_TAG) == wanted.digest:
            return newest.arn
        self.require_ours()
        made = self.ports.services.register(wanted.content, wanted.tags)
        held = self.ports.store.slots(self.record.target)
        if held is not None and not self._may_be_used(held, made):
            # This worker was held up, and the other has its own: this one would be the family's newest for nothing.
            self.ports.services.retire(made)
        return made

    def _may_be_used(self, held: SlotsRecord, made: str) -> bool:
        """Whether the record as it is now runs that revision, or is about to take it for its own."""
        op = held.op
        if op is not None and op.id == self.op.id and op.phase is self.op.phase:
            registered = op.demoted if op.phase is SwapPhase.DEMOTING else op.rendered
            return registered in {"", made}
        return made in {side.definition for side in held.sides.values()} or (op is not None and made == op.rendered)

    def bound(self, slot: str, side: SlotSide) -> None:
        """As many tasks as the slot is to have."""
        wanted = self.slots.slot(slot)
        self.ports.services.bound(self.slots.cluster, side, wanted.minimum, wanted.maximum)

    def hold_capacity(self, running: int) -> None:
        """As many tasks as live runs, on both sides, and no fewer until all is over."""
        most = max(self.slots.slot(PRODUCTION).maximum, running)
        for side in (self.live, self.candidate):
            self.ports.services.bound(self.slots.cluster, side, running, most)

    # The slot's own rules

    def close_rules(self, serving: SlotSide, *, regardless: bool = False) -> None:
        """Close the slot's own hostname, and lead those who chose the slot to what serves production.

        With an open preview they stay as they are, unless `regardless`.
        """
        if regardless or not self.slots.is_preview_open:
            self.require_ours()
            SlotRules(self.ports.rules, self.slot).close(serving)
            self.require_ours()

    def open_rules(self, side: SlotSide) -> None:
        """Lead the slot's own hostname, and those who chose the slot, to its side."""
        self.require_ours()
        SlotRules(self.ports.rules, self.slot).open(side)
        self.require_ours()

    # Quiet

    def with_quiet(self, serving: SlotSide, leaving: SlotSide) -> tuple[Operation, bool]:
        """The operation with what was counted since, and whether `leaving` had two closed minutes without requests.

        After `drain_timeout` it goes on all the same: no rule but the pin leads there any more, and a rolling
        replacement lets the load balancer drain each task.
        """
        op = self.op
        if op.quiet >= QUIET_MINUTES or self.is_over(self.target.drain_timeout):
            return op, True
        last = int((self.now - self.target.metric_lag).timestamp() // 60) - 1
        since = int(op.phase_since.timestamp() // 60)
        first = max((op.quiet_until or since) + 1, last - _LONGEST_LOOK_BACK)
        if last < first:
            return op, False
        view = two_sides(self.target, serving, leaving)
        try:
            counts = Counts(view, self.ports.metrics.minutes(request_series_of(view), first, last))
        except AwsError:
            return op, False
        quiet = op.quiet
        for minute in range(first, last + 1):
            quiet = quiet + 1 if counts.is_silent("green", minute) else 0
        op = replace(op, quiet=quiet, quiet_until=last)
        return op, quiet >= QUIET_MINUTES


def two_sides(settings: TargetSettings, live: SlotSide, candidate: SlotSide) -> TargetSettings:
    """The settings as a rollout of two sides has them, with live as blue: what guardrails and counts read."""
    slots = settings.slots
    return replace(
        settings,
        blue=_side(live, slots),
        green=_side(candidate, slots),
        controller="engine",
        slots=None,
        steps=(),
        split=None,
        hooks=(),
    )


def _side(side: SlotSide, slots: SlotsSettings | None) -> SideSettings:
    return SideSettings(
        group_arn=side.group_arn,
        metric_name=side.group_arn.rpartition(":")[2],
        compute=Compute.ECS,
        cluster="" if slots is None else slots.cluster,
        service=side.service,
        container="" if slots is None else slots.container,
        scalable=True,
    )


def _number(definition: str) -> int:
    digits = definition.rpartition(":")[2]
    return int(digits) if digits.isdigit() else 0
