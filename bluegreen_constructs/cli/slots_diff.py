"""`bluegreen slots diff`: what a swap of a slot would change, before it."""

from collections.abc import Iterator, Sequence

import typer
from rich.table import Table
from rich.text import Text

from ..engine.errors import AwsError
from ..engine.ports import RefusedError
from ..engine.slot_settings import PRODUCTION
from ..engine.swap.difference import Change, End, EndDifference, SwapDifference, difference, ends_of
from ..engine.swap.record import SlotsRecord
from .answers import as_json
from .operator_world import OperatorWorld, TargetEngine, opened
from .output import laid_out, write
from .result_format import Format, FormatOption
from .slots_targets import (
    SlotArgument,
    SlotsTargetArgument,
    known_record,
    side_of,
    slots_in,
    target_and_slot,
    with_slots,
)
from .slots_waiting import gate_of

EXAMPLES = """\b
Examples:
  bluegreen slots diff Web/App staging
  bluegreen slots diff Web/App staging --format json
"""
_WIDEST = 120


def diff_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    slot: SlotArgument = None,
    *,
    format: FormatOption = Format.TEXT,
) -> None:
    """What a swap of SLOT would change for production, and for the slot: nothing is changed by looking.

    The release and its image; each setting that travels with it, of secrets only where they are read from; what stays
    with its slot; how many tasks there are; and what has changed in the template of an end since it was started, which
    the swap applies as well.
    """
    where, name = target_and_slot(target, slot)
    with opened(context) as world:
        engine = with_slots(world, where)
        record = known_record(engine)
        side_of(engine, record, name)
        if name == PRODUCTION:
            others = ", ".join(one for one in record.sides_of if one != PRODUCTION)
            raise RefusedError(f"production is what a slot is swapped with: give one of {others}")
        found = _difference(world, engine, record, name)
    notes = list(_notes(engine, record))
    if format is Format.JSON:
        write(as_json({**found.as_json(), "notes": notes}))
    else:
        write(laid_out(_parts(found, notes), _WIDEST))


def _difference(world: OperatorWorld, engine: TargetEngine, record: SlotsRecord, slot: str) -> SwapDifference:
    """Four task definitions, and how many healthy targets production has."""
    settings, definitions = slots_in(engine), world.definitions()
    ends = {
        name: End(name, definitions.definition(template).content, definitions.definition(revision).content)
        for name, (template, revision) in ends_of(record, settings, slot).items()
    }
    try:
        seen = world.rules().targets(settings.side(record.production_side).group_arn)
        running = seen.healthy
    except AwsError:
        running = None
    return difference(settings, record, production=ends[PRODUCTION], slot=ends[slot], running=running)


def _notes(engine: TargetEngine, record: SlotsRecord) -> Iterator[str]:
    op = record.op
    if op is not None:
        gate = gate_of(record, op, record.settings or engine.settings)
        yield (
            f"{op.kind.value} {op.id} of slot {op.slot} is {op.phase.value} and holds the slots: it waits for {gate}, "
            "and this difference is that of a swap now"
        )
    shares = {slot: percent for slot, percent in record.shares.items() if slot != PRODUCTION and percent}
    if shares:
        given = ", ".join(f"{slot} {percent:g} %" for slot, percent in shares.items())
        yield (
            f"production's traffic is split ({given}), so a swap is refused: end it with bluegreen slots traffic "
            f"{engine.target} production=100"
        )


def _parts(found: SwapDifference, notes: Sequence[str]) -> Iterator[Table | Text]:
    yield Text(f"A swap of slot {found.slot.slot} of {found.target} changes", style="bold")
    for end in (found.production, found.slot):
        yield Text(f"\nfor {end.slot}:")
        yield _table(end)
        yield from _sentences(end)
    if found.tasks is not None:
        yield Text(
            f"\nSide {found.production.side[1]} is started with {found.tasks} or more tasks, as many as production has "
            "healthy targets, before any traffic moves."
        )
    for note in notes:
        yield Text(f"\n{note[:1].upper()}{note[1:]}.")


def _table(end: EndDifference) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("", "what", "before", "after"):
        table.add_column(heading, overflow="fold")
    for what, (before, after) in (("release", end.release), ("image", end.image), ("side", end.side)):
        table.add_row("~" if before != after else "", what, before, after)
    for change in end.changes:
        table.add_row(_sign(change), change.name, _shown(change.before), _shown(change.after))
    return table


def _sentences(end: EndDifference) -> Iterator[Text]:
    if not end.changes:
        yield Text("No setting that travels changes.")
    if end.stays:
        yield Text(f"Stay with {end.slot}: {', '.join(end.stays)}.")
    if end.roles:
        yield Text(f"The roles of its tasks stay: {', '.join(role.rpartition('/')[2] for role in end.roles)}.")
    yield Text(f"It goes on with {end.minimum} to {end.maximum} tasks.")
    if end.pending:
        yield Text(
            f"Pending, and applied by this swap: {', '.join(end.pending)} changed in the template of {end.slot} since "
            "it was started.",
            style="bold",
        )


def _sign(change: Change) -> str:
    return {"added": "+", "removed": "-", "changed": "~"}[change.kind]


def _shown(value: str | None) -> str:
    return "" if value is None else value or '""'
