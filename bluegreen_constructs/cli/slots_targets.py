"""The TARGET and the SLOT that verbs of slots take, and the record of the target's slots."""

from typing import Annotated, TypeAlias

import typer

from ..engine.errors import ConfigurationError
from ..engine.slot_settings import SlotsSettings
from ..engine.swap.beginning import slots_of
from ..engine.swap.record import SlotsRecord
from .operator_world import OperatorWorld, TargetEngine

SlotsTargetArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="TARGET", help="Such as Web/App; default: the only one with slots.", show_default=False),
]
SlotArgument: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="SLOT", help="The slot's name, such as staging.", show_default=False)
]


def target_and_slot(first: str | None, second: str | None) -> tuple[str | None, str]:
    """What TARGET and SLOT are: one word alone is the slot. Raises ConfigurationError when there is none."""
    if first is None:
        raise ConfigurationError("no slot is named: give TARGET and SLOT, or SLOT alone, such as staging")
    return (None, first) if second is None else (first, second)


def with_slots(world: OperatorWorld, target: str | None) -> TargetEngine:
    """The target that is named, or the only one with slots.

    Raises RefusedError for one without slots; ConfigurationError when none is named and there is not exactly one.
    """
    if target is not None:
        engine = world.engine(target)
        slots_of(engine.settings)
        return engine
    there = [engine for engine in map(world.engine, world.targets()) if engine.is_slots]
    if not there:
        raise ConfigurationError(
            "there is no target with slots in this account and region: deploy a stack with an AppServiceSlots, or "
            "choose another AWS_PROFILE or AWS_REGION"
        )
    if len(there) > 1:
        names = ", ".join(engine.target for engine in there)
        raise ConfigurationError(f"no target is named and {len(there)} have slots: give one of {names}")
    return there[0]


def slots_in(engine: TargetEngine) -> SlotsSettings:
    """The slots by the target's settings; raises RefusedError for a target that has none."""
    return slots_of(engine.settings)


def known_record(engine: TargetEngine) -> SlotsRecord:
    """The record of the slots. Raises ConfigurationError while the stack has not made it yet."""
    record = engine.store.slots(engine.target)
    if record is None:
        raise ConfigurationError(no_record(engine.target))
    return record


def no_record(target: str) -> str:
    """What is to be done about a target without a record."""
    return f"{target} has no record of its slots, which its stack makes: deploy the stack, and wait for its end"


def side_of(engine: TargetEngine, record: SlotsRecord, slot: str) -> str:
    """The side that serves a slot. Raises ConfigurationError, with the slots there are, for one that is none."""
    slots_in(engine).slot(slot)
    if slot not in record.sides_of:
        raise ConfigurationError(f"slot {slot} has no side yet: deploy the stack of {engine.target} again")
    return record.sides_of[slot]
