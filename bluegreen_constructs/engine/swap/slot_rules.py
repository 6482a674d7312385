"""The rules that follow a slot: its own hostname, and the choice of a client. They carry nobody else's traffic."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..listener_rules import Json
from ..ports import WeightedRules
from ..slot_settings import SlotSettings, SlotSide
from ..weights import rewritten
from .lifecycle import SwapPhase
from .record import Kind, SlotsRecord
from .shares import all_on, closed, forward_to, shares_in

# While the slot's side has production's settings, or gets its own back.
_CLOSED = frozenset(
    {
        SwapPhase.APPLYING,
        SwapPhase.WARMING,
        SwapPhase.READY,
        SwapPhase.CANARY,
        SwapPhase.COMMITTING,
        SwapPhase.BAKING,
        SwapPhase.ROLLING_BACK,
        SwapPhase.DEMOTING_CANDIDATE,
        SwapPhase.DEMOTING,
    }
)


@dataclass(frozen=True, slots=True)
class SlotRules:
    """The rules of one slot. Every write is absolute, and left out where the rule is so already."""

    rules: WeightedRules
    slot: SlotSettings

    def close(self, serving: SlotSide) -> None:
        """Answer the slot's own hostname with 503, and lead those who chose the slot to what serves production."""
        if self.slot.host_rule_arn:
            self._bring(self.slot.host_rule_arn, closed(self.slot.name))
        self._lead_choices(serving)

    def open(self, side: SlotSide) -> None:
        """Lead the slot's own hostname, and those who chose the slot, to its side."""
        if self.slot.host_rule_arn:
            self._bring(self.slot.host_rule_arn, _to(side))
        self._lead_choices(side)

    def _lead_choices(self, side: SlotSide) -> None:
        for arn in self.slot.choice_rule_arns:
            self._bring(arn, _to(side))

    def _bring(self, arn: str, action: Json) -> None:
        actions = self.rules.actions(arn)
        if not _is_same(actions, action):
            self.rules.write(arn, rewritten(actions, action))


def put_right(rules: WeightedRules, record: SlotsRecord) -> None:
    """Bring the slots' own rules to what the record says; what a worker does that wrote one too late."""
    if record.settings is None or record.settings.slots is None:
        return
    slots, op = record.settings.slots, record.op
    for slot in slots.slots:
        if slot.name not in record.sides_of:
            continue
        is_swapped = op is not None and op.kind is Kind.SWAP and op.slot == slot.name and op.phase in _CLOSED
        if is_swapped and not slots.is_preview_open:
            SlotRules(rules, slot).close(slots.side(record.production_side))
        elif op is None or op.slot != slot.name:
            SlotRules(rules, slot).open(slots.side(record.sides_of[slot.name]))


def _to(side: SlotSide) -> Json:
    return forward_to(all_on(side.group_arn))


def _is_same(actions: Sequence[Json], wanted: Json) -> bool:
    found = actions[-1] if actions else {}
    if wanted.get("Type") != found.get("Type"):
        return False
    if wanted.get("Type") == "forward":
        return shares_in(actions) == shares_in([wanted])
    return found.get("FixedResponseConfig") == wanted.get("FixedResponseConfig")
