"""`bluegreen slots resume` and `resolve`: what goes on after a rollback, after a halt, or without its execution."""

from dataclasses import replace

import typer

from ..engine.ports import LostLockError, RefusedError
from ..engine.swap.moves import noted
from ..engine.swap.record import SlotsRecord
from .answers import answer
from .operator_world import OperatorWorld, TargetEngine, opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_answers import under_way
from .slots_start import SlotsWaitOption, begin
from .slots_targets import SlotsTargetArgument, known_record, with_slots

RESUME_EXAMPLES = """\b
Example:
  bluegreen slots resume Web/App --reason "1.4.3 mends it"
"""
RESOLVE_EXAMPLES = """\b
Examples:
  bluegreen slots resolve Web/App --reason "put the rule back as recorded"
  bluegreen slots resolve Web/App --wait
"""
_TRIES = 3


def resume_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Let slots swap by themselves again, which a rollback has stopped. Exit code 3 when nothing has stopped them."""
    with opened(context) as world:
        engine = with_slots(world, target)
        why = _resumed(world, engine, reason or "")
    said = f"slots of {engine.target} swap by themselves again; they were stopped as {why}"
    answer(format, said, {"target": engine.target, "given": "resume", "was_paused": why})


def resolve_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Go on with an operation that halted, to where the live rule leads now; or with one whose execution is over.

    Look at the live rule before, and put it right by hand: all of it to the side that served, or to the candidate if it
    was flipped. Exit code 3 when there is nothing to resolve, or the rule leads elsewhere; 4 while its execution runs.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        under_way(engine, "resolve")
        begin(world, engine, {"verb": "resolve"}, reason=reason, wait=wait, format=format)


def _resumed(world: OperatorWorld, engine: TargetEngine, reason: str) -> str:
    """Clear what has stopped them, in the place of exactly the record that was read; answers what it was."""
    caller = world.caller()
    tries = 0
    while True:
        record = _paused(engine)
        try:
            engine.store.put_slots(_cleared(world, record, reason, caller), record)
        except LostLockError:  # the engine saved it meanwhile
            tries += 1
            if tries == _TRIES:
                raise
        else:
            return record.paused


def _paused(engine: TargetEngine) -> SlotsRecord:
    record = known_record(engine)
    if not record.paused:
        raise RefusedError(
            f"nothing has stopped the slots of {engine.target}: those that swap by themselves do; see bluegreen slots "
            f"status {engine.target}"
        )
    return record


def _cleared(world: OperatorWorld, record: SlotsRecord, reason: str, caller: str) -> SlotsRecord:
    why = f"bluegreen slots resume: {reason}" if reason else "bluegreen slots resume"
    return noted(replace(record, paused=""), world.now(), "RESUMED", why, caller)
