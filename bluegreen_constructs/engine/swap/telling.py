"""Who is told what happened to slots: the history and EventBridge."""

from collections.abc import Mapping
from types import MappingProxyType

from ..ports import Events, HistoryItem
from ..rollout import Note
from ..slot_settings import PRODUCTION
from .ports import AllStores
from .record import Kind, SlotsRecord

_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "STARTED": "Slots Started",
        "PHASE": "Slots Phase",
        "ENDED": "Slots Ended",
        "HALTED": "Slots Halted",
        "UNHEALTHY": "Slots Unhealthy",
    }
)


def tell(store: AllStores, events: Events, record: SlotsRecord) -> None:
    """The history and EventBridge; again after a crash, so both take the same thing twice."""
    for note in record.outbox:
        store.record(record.target, item_of(record, note))
        kind = _EVENTS.get(note.event)
        if kind is not None:
            events.announce(kind, _detail(record, note))


def item_of(record: SlotsRecord, note: Note) -> HistoryItem:
    """A note as the history keeps it, with what the guardrails said when it was saved."""
    op = record.op
    said = op.judged.said if op is not None and op.judged is not None else ()
    evidence: dict[str, object] = {one.guardrail: {"verdict": one.verdict.value, "reason": one.reason} for one in said}
    return HistoryItem(
        note.at,
        note.event,
        _id(record),
        _release(record),
        note.caller or "the engine",
        note.reason,
        phase=note.phase,
        weight=note.weight,
        evidence=evidence,
    )


def _release(record: SlotsRecord) -> str:
    """What the operation is about: what is deployed, or what is tried; after its end what the slot runs."""
    if record.op is not None:
        return record.op.release or record.op.was.release
    slot = PRODUCTION if record.last is None or record.last.kind is Kind.SWAP else record.last.slot
    return record.sides[record.sides_of[slot]].release


def _id(record: SlotsRecord) -> str:
    if record.op is not None:
        return record.op.id
    return record.last.id if record.last is not None else ""


def _detail(record: SlotsRecord, note: Note) -> dict[str, object]:
    op = record.op
    return {
        "target": record.target,
        "operation": _id(record),
        "kind": op.kind.value if op is not None else "",
        "slot": op.slot if op is not None else "",
        "epoch": record.epoch,
        "releases": {slot: record.sides[side].release for slot, side in record.sides_of.items()},
        "phase": note.phase,
        "reason": note.reason,
    }
