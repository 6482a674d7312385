"""Follows an operation on slots until it has ended, or until its preview waits for an answer."""

from dataclasses import replace
from datetime import timedelta

from ..engine.errors import AwsError, RolloutError
from ..engine.swap.lifecycle import SwapPhase
from ..engine.swap.record import SlotsRecord
from .following import LONGEST, tried, until_ended
from .operator_world import OperatorWorld, TargetEngine
from .slots_targets import known_record
from .slots_view import view_of_last, view_of_operation
from .target_view import TargetView

_LOOKS_BETWEEN = 6  # half a minute: how long an execution that has ended may be unknown


def follow_operation(
    world: OperatorWorld, engine: TargetEngine, operation: str, timeout: timedelta = LONGEST, *, to_ready: bool = False
) -> TargetView:
    """Show the operation as it goes on, and answer it when it has ended or halted.

    to_ready: a preview that waits for `complete` is an end, too, and a good one. A failed read is tried again for a
    minute. Raises RolloutError when the time is over, when another operation has taken the place of this one, and when
    its execution has ended without it; the operation itself is left alone in every case.
    """
    looks = silent = 0
    last: SlotsRecord | None = None

    def again() -> TargetView:
        nonlocal looks, silent, last
        looks += 1
        record = tried(world, lambda: known_record(engine))
        if looks % _LOOKS_BETWEEN == 0:
            silent = silent + 1 if record == last and not _runs(engine, record) else 0
            if silent == 2:
                raise RolloutError(
                    f"the execution of {operation} has ended, and the operation has not: go on with it with bluegreen "
                    f"slots resolve {engine.target}"
                )
        last = record
        return _seen(world, engine, record, operation, to_ready=to_ready)

    return until_ended(world, again(), again, timeout)


def _seen(
    world: OperatorWorld, engine: TargetEngine, record: SlotsRecord, operation: str, *, to_ready: bool
) -> TargetView:
    now, op = world.now(), record.op
    if op is not None and op.id == operation:
        view = view_of_operation(engine.settings, record, op, now)
        is_ready = to_ready and op.phase is SwapPhase.READY and op.is_preview and not op.is_released
        return replace(view, has_ended=True, is_promoted=True) if is_ready else view
    if record.last is not None and record.last.id == operation:
        return view_of_last(engine.settings, record, now)
    place = "nothing" if op is None else op.id
    raise RolloutError(
        f"{operation} has ended, and {place} is in its place: see bluegreen slots history {engine.target}"
    )


def _runs(engine: TargetEngine, record: SlotsRecord) -> bool:
    try:
        return record.op is None or not record.execution or engine.executions.is_running(record.execution)
    except AwsError:
        return True  # not known: nothing is concluded from it
