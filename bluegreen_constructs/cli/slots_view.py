"""A target with slots as it is shown: in one line of a table, in one line of a log, and as JSON."""

from collections.abc import Mapping
from datetime import datetime

from ..engine.slot_settings import PRODUCTION
from ..engine.swap.lifecycle import SwapPhase
from ..engine.swap.moves import DONE
from ..engine.swap.record import Kind, LastOperation, Operation, SlotsRecord
from ..engine.target_settings import TargetSettings
from .rollout_summary import verdict_of
from .slots_targets import no_record
from .slots_waiting import Gate, gate_of
from .spelled_times import iso, rough
from .target_view import TargetView

_MOVED = frozenset({SwapPhase.COMMITTING, SwapPhase.BAKING, SwapPhase.DEMOTING})


def view_of_slots(settings: TargetSettings, record: SlotsRecord | None, now: datetime) -> TargetView:
    """What is under way, else how the last operation ended; the release of production where nothing is."""
    if record is None:
        json = {"target": settings.target, "controller": "slots", "rollout": None, "operation": None}
        return TargetView(settings.target, phase="no record yet", notes=(no_record(settings.target),), json=json)
    if record.op is not None:
        return view_of_operation(settings, record, record.op, now)
    return view_of_last(settings, record, now)


def view_of_operation(settings: TargetSettings, record: SlotsRecord, op: Operation, now: datetime) -> TargetView:
    """An operation that is under way. One that halted goes on by a person alone, so it counts as ended."""
    verdict = _verdict(op)
    percent = share_of(op)
    is_halted = op.phase is SwapPhase.HALTED
    said = [f"{op.kind.value} of slot {op.slot}: {op.phase.value}"]
    said += [f"{percent:g} % for {release_of(op)}"] if percent else []
    said += [verdict] if verdict else []
    said += [f"goes back: {op.why_back}"] if op.why_back else []
    said += [f"halted: {op.halted}"] if is_halted else []
    return TargetView(
        target=record.target,
        what=f"operation {op.id}",
        release=release_of(op),
        phase=f"{op.kind.value} {op.phase.value}",
        weight=f"{percent:g} %" if op.kind is Kind.SWAP else "-",
        verdict=verdict or "-",
        age=rough(now - op.phase_since),
        why_back=op.why_back,
        waits_for=str(_gate(settings, record, op)),
        notes=paused_notes(record),
        line=", ".join(said),
        has_ended=is_halted,
        json=json_of_slots(settings, record),
    )


def view_of_last(settings: TargetSettings, record: SlotsRecord, now: datetime) -> TargetView:
    """Nothing is under way: production's release, and how the last operation ended."""
    last = record.last
    production = record.sides[record.production_side].release
    json = json_of_slots(settings, record)
    if last is None:
        line = "nothing was done to its slots yet"
        return TargetView(
            record.target,
            release=production,
            phase="IDLE",
            waits_for="nothing",
            notes=paused_notes(record),
            line=line,
            json=json,
        )
    is_done = last.outcome == DONE
    trouble = (f"{last.kind.value} {last.id}: {last.why}",) if is_done and last.why else ()
    return TargetView(
        target=record.target,
        what=f"operation {last.id}",
        release=production,
        phase="IDLE",
        age=rough(now - last.ended_at),
        why_back="" if is_done else last.why,
        waits_for="nothing",
        notes=(*trouble, *paused_notes(record)),
        line=ending_of(last),
        is_promoted=is_done,
        json=json,
    )


def ending_of(last: LastOperation) -> str:
    """How the last operation ended, in a few words."""
    return f"{last.kind.value} of slot {last.slot}: {last.outcome}{f', {last.why}' if last.why else ''}"


def paused_notes(record: SlotsRecord) -> tuple[str, ...]:
    """Why no slot swaps by itself, and what lets them; nothing while they may."""
    if not record.paused:
        return ()
    return (f"no slot swaps by itself, as {record.paused}: bluegreen slots resume {record.target} lets them again",)


def release_of(op: Operation) -> str:
    """The release that the operation is about."""
    return op.release or op.was.release


def share_of(op: Operation) -> float:
    """The candidate's percent of production's traffic, as far as the record says it."""
    if op.kind is not Kind.SWAP:
        return 0.0
    if op.phase is SwapPhase.CANARY and op.canary is not None:
        return op.canary.percent
    return 100.0 if op.phase in _MOVED else 0.0


def recorded_percents(record: SlotsRecord) -> dict[str, float]:
    """Percent of production's traffic by slot, as the record means it; production has what is left."""
    op = record.op
    others = {slot: percent for slot, percent in record.shares.items() if slot != PRODUCTION and percent}
    if op is not None and op.phase is SwapPhase.CANARY:
        others[op.slot] = share_of(op)
    return {PRODUCTION: round(100 - sum(others.values()), 1), **others}


def json_of_slots(
    settings: TargetSettings, record: SlotsRecord, percents: Mapping[str, float] | None = None
) -> dict[str, object]:
    """Everything that the record says as JSON values, with times in UTC; `percents` as the live rule has them."""
    op, last = record.op, record.last
    wanted = recorded_percents(record)
    return {
        "target": record.target,
        "controller": "slots",
        "rollout": op.id if op is not None else last.id if last is not None else None,
        "slots": [
            {
                "slot": slot,
                "side": side,
                "release": record.sides[side].release,
                "task_definition": record.sides[side].definition,
                "recorded_percent": wanted.get(slot, 0.0),
                "percent": None if percents is None else percents.get(slot, 0.0),
            }
            for slot, side in record.sides_of.items()
        ],
        "epoch": record.epoch,
        "operation": None if op is None else _operation(settings, record, op),
        "auto_swap_paused": record.paused or None,
        "last": None if last is None else _last(last),
    }


def _operation(settings: TargetSettings, record: SlotsRecord, op: Operation) -> dict[str, object]:
    gate = _gate(settings, record, op)
    return {
        "id": op.id,
        "kind": op.kind.value,
        "slot": op.slot,
        "release": release_of(op),
        "phase": op.phase.value,
        "since": iso(op.phase_since),
        "started_at": iso(op.started_at),
        "caller": op.caller,
        "reason": op.reason,
        "candidate": op.candidate,
        "live": op.live,
        "weight_percent": share_of(op),
        "is_preview": op.is_preview,
        "is_completed": op.is_released,
        "canary_percent": None if op.canary is None else op.canary.percent,
        "shares": dict(op.shares),
        "verdict": _verdict(op) or None,
        "waits_for": str(gate),
        "until": None if gate.until is None else iso(gate.until),
        "why_back": op.why_back or None,
        "halted": op.halted or None,
        "halted_in": op.halted_in or None,
        "execution": record.execution,
    }


def _last(last: LastOperation) -> dict[str, object]:
    return {
        "id": last.id,
        "kind": last.kind.value,
        "slot": last.slot,
        "outcome": last.outcome,
        "ended_at": iso(last.ended_at),
        "why": last.why or None,
    }


def _gate(settings: TargetSettings, record: SlotsRecord, op: Operation) -> Gate:
    return gate_of(record, op, record.settings or settings)


def _verdict(op: Operation) -> str:
    return (verdict_of(op.judged) or "") if op.judged is not None else ""
