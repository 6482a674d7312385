"""What an operation on slots waits for, in a sentence: the gate it stands at, until when, and what comes then."""

from dataclasses import dataclass
from datetime import datetime

from ..engine.slot_settings import PRODUCTION
from ..engine.spans import in_words
from ..engine.swap.lifecycle import SwapPhase
from ..engine.swap.record import Kind, Operation, SlotsRecord
from ..engine.target_settings import TargetSettings
from .spelled_times import iso


@dataclass(frozen=True, slots=True)
class Gate:
    """What is waited for. until: when that ends by itself (None: it does not); then: what comes next."""

    what: str
    until: datetime | None = None
    then: str = ""

    def __str__(self) -> str:
        ends = f", until {iso(self.until)}" if self.until is not None else ""
        return f"{self.what}{ends}{f'; then {self.then}' if self.then else ''}"


def gate_of(record: SlotsRecord, op: Operation, settings: TargetSettings) -> Gate:
    """The gate that the operation stands at."""
    prepared = op.phase_since + settings.prepare_timeout
    match op.phase:
        case SwapPhase.PREPARING:
            return Gate("every side that it needs to be settled", prepared, "it goes back")
        case SwapPhase.APPLYING:
            serves = PRODUCTION if op.kind is Kind.SWAP else op.slot
            tasks = f" in {op.capacity} tasks" if op.kind is Kind.SWAP and op.capacity else ""
            what = f"side {op.candidate} to run {_release(op)} with the settings of {serves}{tasks}"
            return Gate(what, prepared, "it goes back")
        case SwapPhase.WARMING:
            return _warm_up(op, settings)
        case SwapPhase.READY:
            return _ready(record, op, settings)
        case SwapPhase.CANARY:
            return _canary(op, settings)
        case SwapPhase.COMMITTING:
            return Gate(f"the live rule to name side {op.candidate} alone")
        case SwapPhase.BAKING:
            what = f"the bake to end, or bluegreen slots end-bake {record.target}"
            back = f"side {op.live} gets the settings of {op.slot}; before that, bluegreen slots rollback is one call"
            return Gate(what, op.phase_since + settings.bake, back)
        case _:
            return _ending(record, op, settings)


def _ending(record: SlotsRecord, op: Operation, settings: TargetSettings) -> Gate:
    drained = op.phase_since + settings.drain_timeout + settings.prepare_timeout
    match op.phase:
        case SwapPhase.DEMOTING:
            what = f"side {op.live} to have no requests, and to run {op.slot}'s settings"
            return Gate(what, drained, "it ends all the same")
        case SwapPhase.REVERTING | SwapPhase.DEMOTING_CANDIDATE:
            what = f"side {op.candidate} to have {op.slot}'s settings again"
            return Gate(what, drained, "it ends all the same")
        case SwapPhase.ROLLING_BACK:
            return Gate(f"the live rule to name side {op.live} alone")
        case SwapPhase.ROUTING:
            until = op.phase_since + settings.prepare_timeout
            return Gate("the live rule to have the shares", until, "all traffic goes back to production")
        case SwapPhase.HALTED:
            return Gate(
                f"a person: look at the live rule, then bluegreen slots resolve {record.target}, as {op.halted}"
            )
    return Gate("nothing")


def _warm_up(op: Operation, settings: TargetSettings) -> Gate:
    warm_up = None if settings.slots is None else settings.slots.warm_up
    limit = settings.prepare_timeout
    if warm_up is None or not warm_up.function_arn:
        return Gate(f"the tasks of side {op.candidate} to be healthy", op.phase_since + limit, "it goes back")
    limit += warm_up.timeout * warm_up.attempts
    what = (
        f"every task of side {op.candidate} to answer {warm_up.path} well {warm_up.in_a_row} times in a row "
        f"(attempt {op.attempt + 1} of {warm_up.attempts})"
    )
    return Gate(what, op.phase_since + limit, "it goes back")


def _ready(record: SlotsRecord, op: Operation, settings: TargetSettings) -> Gate:
    ttl = None if settings.slots is None else settings.slots.preview_ttl
    if op.is_preview and not op.is_released and ttl is not None:
        what = f"bluegreen slots complete {record.target}, or bluegreen slots cancel {record.target}"
        return Gate(what, op.phase_since + ttl, "it is cancelled")
    return Gate(f"{op.capacity} healthy targets of side {op.candidate}, with the next tick")


def _canary(op: Operation, settings: TargetSettings) -> Gate:
    if op.canary is None:
        return Gate("the flip, with the next tick")
    since = op.phase_since if op.judged is None else op.judged.applied_at or op.phase_since
    what = f"the canary of {op.canary.percent:g} % to end, and for HEALTHY"
    patience = in_words(settings.patience)
    return Gate(what, since + op.canary.span, f"at most {patience} longer for HEALTHY, and without it it goes back")


def _release(op: Operation) -> str:
    return (op.release if op.kind is Kind.DEPLOY else "") or op.was.release
