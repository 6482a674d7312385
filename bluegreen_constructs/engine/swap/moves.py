"""How the record changes: each function answers the record after one thing that happened. Pure."""

from dataclasses import replace
from datetime import datetime

from ..rollout import Note
from .lifecycle import SWAP_TRANSITIONS, SwapPhase, SwapSignal, swap_after
from .record import Kind, LastOperation, Operation, SlotsRecord

DONE, ROLLED_BACK, CANCELLED = "DONE", "ROLLED_BACK", "CANCELLED"


def with_op(record: SlotsRecord, op: Operation) -> SlotsRecord:
    """The record with this operation in the place of the one under way."""
    return replace(record, op=op)


def moved(record: SlotsRecord, signal: SwapSignal, now: datetime, why: str = "", caller: str = "") -> SlotsRecord:
    """The record in the phase that `signal` leads to. Raises RolloutError for a signal that means nothing there."""
    op = record.operation
    phase = swap_after(op.phase, signal)
    fresh = replace(op, phase=phase, phase_since=now, quiet=0, quiet_until=None)
    return noted(with_op(record, fresh), now, "PHASE", why or signal.value, caller)


def went_back(
    record: SlotsRecord, now: datetime, why: str, *, is_bad: bool = False, is_cancelled: bool = False, caller: str = ""
) -> SlotsRecord:
    """On the way back, from any phase that has one; nothing changes for what goes back already.

    The fence grows with it: a worker that was held up must not flip what goes back.
    """
    op = record.operation
    if (op.phase, SwapSignal.GO_BACK) not in SWAP_TRANSITIONS:
        return with_op(record, replace(op, is_bad=op.is_bad or is_bad))
    if op.demoted:
        return halted(record, now, f"{why}: too late, the former live side has other settings by now")
    op = replace(op, why_back=why, is_bad=is_bad, is_cancelled=is_cancelled)
    record = replace(with_op(record, op), fence=record.fence + 1)
    return moved(record, SwapSignal.GO_BACK, now, why, caller)


def halted(record: SlotsRecord, now: datetime, found: str) -> SlotsRecord:
    """Nothing is repaired by guessing: people look, and say `slots resolve`."""
    op = record.operation
    op = replace(op, halted=found, halted_in=op.phase.value)
    record = noted(with_op(record, op), now, "HALTED", found)
    return moved(record, SwapSignal.CONFLICT, now, found)


def flipped(record: SlotsRecord, now: datetime) -> SlotsRecord:
    """The candidate serves production: the map, the epoch and what the sides run, all absolute."""
    op = record.operation
    live = record.sides[op.live]
    candidate = replace(op.was, definition=op.rendered, rendering=op.rendering, is_quiet=False)
    record = replace(
        record,
        sides_of=record.exchanged(op.slot, op.candidate),
        sides={**record.sides, op.candidate: candidate, op.live: replace(live, is_quiet=False)},
        epoch=op.from_epoch + 1,
        shares={},
    )
    return moved(record, SwapSignal.FLIPPED, now)


def restored(record: SlotsRecord, now: datetime) -> SlotsRecord:
    """Live serves production again, whatever the record said in between; no slot swaps by itself any more."""
    op = record.operation
    had_traffic = replace(op.was, is_quiet=False)
    record = replace(record, sides={**record.sides, op.candidate: had_traffic}, shares={})
    if op.kind is Kind.SWAP:
        # Users may have met the candidate even if no flip was recorded: the epoch says that something happened.
        record = replace(record, sides_of=record.exchanged(op.slot, op.live), epoch=op.from_epoch + 2)
        record = replace(record, paused=f"{op.id} was rolled back: {op.why_back}")
    return moved(record, SwapSignal.RESTORED, now)


def ended(record: SlotsRecord, signal: SwapSignal, now: datetime, outcome: str, why: str = "") -> SlotsRecord:
    """Nothing is under way any more."""
    op = record.operation
    record = moved(record, signal, now)
    said = f"{op.kind.value} of slot {op.slot}: {outcome}{f', {why}' if why else ''}"
    record = noted(record, now, "ENDED", said)
    last = LastOperation(op.id, op.kind, op.slot, outcome, now, why)
    paused = record.paused
    if op.is_bad and not paused:
        paused = f"{op.id} went back: {op.why_back}"
    return replace(record, op=None, last=last, op_seq=record.op_seq + 1, paused=paused)


def noted(record: SlotsRecord, now: datetime, event: str, why: str, caller: str = "") -> SlotsRecord:
    """With a note for the history and EventBridge."""
    op = record.op
    phase = op.phase if op is not None else SwapPhase.IDLE
    note = Note(now, event, why, caller, phase=phase.value, weight=_share(op))
    return replace(record, outbox=(*record.outbox, note))


def _share(op: Operation | None) -> float:
    """The candidate's share of production's traffic, as far as it is meant."""
    if op is None or op.kind is not Kind.SWAP:
        return 0.0
    if op.phase is SwapPhase.CANARY and op.canary is not None:
        return op.canary.percent
    return 100.0 if op.phase in {SwapPhase.COMMITTING, SwapPhase.BAKING, SwapPhase.DEMOTING} else 0.0
