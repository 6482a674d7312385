"""`bluegreen slots rollback`: all traffic back to the release that served, by the direct path on the live rule."""

from typing import Annotated

import typer

from ..engine.abort import AbortOutcome
from ..engine.errors import AwsError
from ..engine.ports import RefusedError
from ..engine.slot_settings import PRODUCTION
from ..engine.swap.lifecycle import SwapPhase
from ..engine.swap.moves import DONE
from ..engine.swap.record import Kind, Operation, SlotsRecord
from .answers import answer
from .aws_sentences import in_words
from .operator_world import TargetEngine, caller_of, opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_answers import CAN_CANCEL, given_command, where
from .slots_targets import SlotsTargetArgument, known_record, with_slots
from .slots_way_back import give_back

EXAMPLES = """\b
Example:
  bluegreen slots rollback Web/App --reason "payments fail"
"""
_HAS_TRAFFIC = frozenset({SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING, SwapPhase.DEMOTING})


def rollback_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    reason: ReasonOption = None,
    now: Annotated[
        bool, typer.Option("--now", help="Also to a side with too few healthy targets for all traffic.")
    ] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give all traffic of a swap that has some back to the side that served before, in three AWS calls on the rule.

    That side still has production's settings, so nothing is started anew. Neither the engine nor its table is needed;
    the record follows with the next tick, and no slot swaps by itself until `resume`. Exit code 3 when that side is not
    warm and --now is not given; before a swap has traffic, which `cancel` takes back; and after its end: the way back
    is then a swap of the slot that has the former release.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        op, notes = _refused_or_known(engine)
        outcome = give_back(world, engine, reason or "", regardless=now)
        notes += [*outcome.notes, *_of_the_execution(engine, op)]
        is_given = op is not None and outcome.state == "NOTHING_IN_FLIGHT"
        if op is not None and is_given:
            # The rule says already that the swap is over, and the former live side is still as it served.
            engine.store.give(engine.target, given_command(world, op, "abort", reason, caller_of(world)))
    _say(format, engine, outcome, notes, is_given=is_given)
    if outcome.state == "NOT_WARM":
        raise typer.Exit(RefusedError.exit_code)


def _refused_or_known(engine: TargetEngine) -> tuple[Operation | None, list[str]]:
    """The operation that has traffic; None, with a note, while the table does not answer: the rule knows the way back.

    Raises RefusedError, with what to do instead, for an operation that is elsewhere, and when there is none.
    """
    try:
        record = known_record(engine)
    except AwsError as error:
        return None, [f"the record could not be read, and the rule's own tags say what served: {in_words(str(error))}"]
    op = record.op
    if op is None:
        raise RefusedError(_way_back(engine, record))
    if op.phase in CAN_CANCEL:
        raise RefusedError(
            f"{op.kind.value} {op.id} is {op.phase.value} and has no traffic yet: take it back with bluegreen slots "
            f"cancel {engine.target}"
        )
    if op.demoted and op.phase is SwapPhase.DEMOTING:
        raise RefusedError(
            f"{op.kind.value} {op.id} is {op.phase.value}, and side {op.live} has the settings of slot {op.slot} by "
            f"now: wait for its end, then bluegreen slots swap {engine.target} {op.slot}"
        )
    if op.phase not in _HAS_TRAFFIC:
        raise RefusedError(f"there is nothing to roll back: {where(engine, record, op)}")
    return op, []


def _way_back(engine: TargetEngine, record: SlotsRecord) -> str:
    target, last = engine.target, record.last
    begins = f"there is nothing to roll back: nothing is under way on the slots of {target}"
    if last is not None and last.kind is Kind.SWAP and last.outcome == DONE and last.slot in record.sides_of:
        release = record.sides[record.sides_of[last.slot]].release
        return f"{begins}, and slot {last.slot} has {release}: bluegreen slots swap {target} {last.slot} brings it back"
    others = {slot: record.sides[side].release for slot, side in record.sides_of.items() if slot != PRODUCTION}
    listed = ", ".join(f"{slot} has {release}" for slot, release in others.items()) or "there is no other slot"
    return f"{begins}: bluegreen slots swap {target} SLOT brings back what a slot has ({listed})"


def _of_the_execution(engine: TargetEngine, op: Operation | None) -> list[str]:
    """Whether somebody is there to follow up; not known is not said."""
    if op is None:
        return []
    try:
        record = engine.store.slots(engine.target)
        if record is None or engine.executions.is_running(record.execution):
            return []
    except AwsError:
        return []
    return [f"its execution is over: bluegreen slots resolve {engine.target} goes on with it"]


def _say(format: Format, engine: TargetEngine, outcome: AbortOutcome, notes: list[str], *, is_given: bool) -> None:
    target = engine.target
    match outcome.state:
        case "RESTORED":
            said = (
                f"the side that served before has all traffic of {target} again; the record of {outcome.rollout} "
                "follows with the next tick"
            )
        case "NOT_WARM":
            said = (
                f"{outcome.rollout} is marked as aborted, and its traffic is where it was: the side that served before "
                "is not warm, and the engine brings all traffic back with its next tick; bluegreen slots rollback "
                "--now does not wait for it"
            )
        case "NOTHING_IN_FLIGHT" if is_given:
            said = f"rollback was given to the swap of {target}; it takes it with its next tick, within about a minute"
        case "NOTHING_IN_FLIGHT":
            said = f"nothing is in flight on {target}: nothing was changed"
    result = {
        "target": target,
        "state": "GIVEN" if is_given else outcome.state,
        "operation": outcome.rollout or None,
        "aws_calls": outcome.calls,
        "notes": notes,
    }
    answer(format, "\n".join((said, *(f"note: {note}" for note in notes))), result)
