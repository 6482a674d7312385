"""`bluegreen slots complete`, `end-bake` and `cancel`: what an operator leaves for the next tick of an operation."""

import typer

from ..engine.ports import Command, RefusedError, Verb
from ..engine.swap.lifecycle import SwapPhase
from ..engine.swap.record import Operation, SlotsRecord
from ..engine.swap.turn import step_at
from .answers import answer
from .operator_world import OperatorWorld, TargetEngine, opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_start import SlotsWaitOption, follow_and_answer
from .slots_targets import SlotsTargetArgument, known_record, with_slots
from .slots_waiting import gate_of

COMPLETE_EXAMPLES = """\b
Examples:
  bluegreen slots complete Web/App --reason "looked at it with the team"
  bluegreen slots complete Web/App --wait
"""
END_BAKE_EXAMPLES = """\b
Example:
  bluegreen slots end-bake Web/App --reason "the slot is needed for a hotfix"
"""
CANCEL_EXAMPLES = """\b
Example:
  bluegreen slots cancel Web/App --reason "the wrong release"
"""
CAN_CANCEL = frozenset({SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.READY, SwapPhase.ROUTING})
"""Where an operation has no traffic, and `cancel` takes it back."""
_HAS_TRAFFIC = frozenset({SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING})


def complete_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Let a previewed swap go on: to its canary where there is one, and to production.

    Exit code 3 when no preview waits for it.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        record, op = under_way(engine, "complete")
        if not (op.phase is SwapPhase.READY and op.is_preview and not op.is_released):
            raise RefusedError(f"no preview waits to be completed: {where(engine, record, op)}")
        said = _given(world, engine, op, "promote", reason)
        if wait:
            what = f"{op.kind.value} {op.id} of slot {op.slot}"
            follow_and_answer(world, engine, op.id, what, to_ready=False, format=format)
            return
    _answer(format, engine, op, "complete", said)


def end_bake_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """End the bake of a swap now: the former production release becomes the slot's, and is no way back any more.

    Exit code 3 when no swap bakes.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        record, op = under_way(engine, "end-bake")
        if op.phase is not SwapPhase.BAKING or op.ends_bake:
            raise RefusedError(f"there is no bake to end: {where(engine, record, op)}")
        said = _given(world, engine, op, "promote", reason)
    _answer(format, engine, op, "end-bake", said)


def cancel_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Take back a swap, a deployment or a split before it has traffic; production is not touched.

    Exit code 3 for a swap that has traffic already, which `rollback` takes back, and when nothing is under way.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        record, op = under_way(engine, "cancel")
        if op.phase in _HAS_TRAFFIC or (op.phase is SwapPhase.DEMOTING and not op.demoted):
            raise RefusedError(
                f"{op.kind.value} {op.id} is {op.phase.value} and its candidate serves users: take it back with "
                f"bluegreen slots rollback {engine.target}"
            )
        if op.phase not in CAN_CANCEL:
            raise RefusedError(f"it is too late to cancel: {where(engine, record, op)}")
        said = _given(world, engine, op, "abort", reason)
    _answer(format, engine, op, "cancel", said)


def under_way(engine: TargetEngine, verb: str) -> tuple[SlotsRecord, Operation]:
    """The operation that `verb` is meant for. Raises RefusedError, with how the last one ended, when there is none."""
    record = known_record(engine)
    if record.op is not None:
        return record, record.op
    last = record.last
    ended = "" if last is None else f" (the last operation, {last.id}, is {last.outcome})"
    raise RefusedError(
        f"there is nothing to {verb}: nothing is under way on the slots of {engine.target}{ended}; see bluegreen slots "
        f"status {engine.target}"
    )


def where(engine: TargetEngine, record: SlotsRecord, op: Operation) -> str:
    """Where an operation is, and what it waits for."""
    gate = gate_of(record, op, record.settings or engine.settings)
    return f"{op.kind.value} {op.id} is {op.phase.value} and waits for {gate}"


def given_command(world: OperatorWorld, op: Operation, verb: Verb, reason: str | None, caller: str) -> Command:
    """The command: to go on for the phase that the operation is in now, to go back for whichever it is in by then."""
    return Command(verb, op.id, caller, reason or "", world.now(), step_at(op.phase) if verb == "promote" else None)


def _given(world: OperatorWorld, engine: TargetEngine, op: Operation, verb: Verb, reason: str | None) -> str:
    engine.store.give(engine.target, given_command(world, op, verb, reason, world.caller()))
    return f"was given to {op.kind.value} {op.id}; it takes it with its next tick, within about a minute"


def _answer(format: Format, engine: TargetEngine, op: Operation, verb: str, said: str) -> None:
    result = {"target": engine.target, "operation": op.id, "given": verb, "slot": op.slot, "phase": op.phase.value}
    answer(format, f"{verb} {said}", result)
