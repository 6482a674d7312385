"""Begins an operation on slots: starts its execution, waits until the engine has accepted or refused it, answers."""

from typing import Annotated, TypeAlias

import typer

from ..engine.errors import RolloutError
from ..engine.swap.record import SlotsRecord
from .answers import answer
from .following import end_of, leaving_it_running
from .operator_world import OperatorWorld, TargetEngine
from .result_format import Format
from .rollout_start import accepted, rollout_id
from .slots_following import follow_operation
from .slots_view import json_of_slots

SlotsWaitOption: TypeAlias = Annotated[
    bool, typer.Option("--wait", help="Watch it to its end; exit code 1 when it goes back or halts.")
]


def begin(
    world: OperatorWorld,
    engine: TargetEngine,
    asked: dict[str, object],
    *,
    reason: str | None,
    wait: bool,
    format: Format,
) -> None:
    """Begin what is asked for, in the words of `engine.swap.beginning.SlotsRequest`, and answer.

    Raises what the engine refused it with: HeldError, RefusedError or ConfigurationError; RolloutError when the
    execution failed for another reason, or said nothing within a minute.
    """
    record = _begun(world, engine, asked, reason or "")
    operation = record.op or record.last
    if operation is None:
        raise RolloutError(f"the record of {engine.target} has lost its operation: see bluegreen slots status")
    what = f"{operation.kind.value} {operation.id} of slot {operation.slot}"
    if wait:
        follow_and_answer(world, engine, operation.id, what, to_ready=asked.get("preview") is True, format=format)
        return
    said = f"{what} of {engine.target} has begun; watch it with bluegreen watch {engine.target}"
    answer(format, said, json_of_slots(engine.settings, record))


def follow_and_answer(
    world: OperatorWorld, engine: TargetEngine, operation: str, what: str, *, to_ready: bool, format: Format
) -> None:
    """Follow an operation to its end, answer how it ended, and end the command likewise."""
    with leaving_it_running(what):
        view = follow_operation(world, engine, operation, to_ready=to_ready)
    is_ready = view.is_promoted and view.json["operation"] is not None
    waits = f"; it waits for {view.waits_for}" if is_ready else ""
    answer(format, f"{view.what}: {view.line}{waits}", view.json)
    end_of(view)


def _begun(world: OperatorWorld, engine: TargetEngine, asked: dict[str, object], reason: str) -> SlotsRecord:
    slot = str(asked.get("slot") or "")
    name = rollout_id("-".join(word for word in (str(asked["verb"]), slot) if word), world.now())
    execution = engine.executions.arn_of(name)
    request: dict[str, object] = {
        "target": engine.target,
        "caller": world.caller(),
        "reason": reason,
        "slots": asked,
    }

    def begun() -> SlotsRecord | None:
        record = engine.store.slots(engine.target)
        if record is None:
            return None
        known = {one.id for one in (record.op, record.last) if one is not None}
        return record if name in known or record.execution == execution else None

    return accepted(world, engine, name, request, begun)
