"""`bluegreen slots status`: which side and release each slot has, and what is under way."""

from collections.abc import Iterator, Mapping

import typer
from rich.table import Table
from rich.text import Text

from ..engine.errors import AwsError
from ..engine.swap.record import SlotsRecord
from ..engine.swap.shares import shares_in
from .answers import as_json
from .aws_sentences import in_words
from .operator_world import OperatorWorld, TargetEngine, opened
from .output import laid_out, write
from .result_format import Format, FormatOption
from .slots_targets import SlotsTargetArgument, known_record, slots_in, with_slots
from .slots_view import ending_of, json_of_slots, paused_notes, recorded_percents, view_of_slots
from .spelled_times import iso
from .target_view import TargetView, shortened

EXAMPLES = """\b
Examples:
  bluegreen slots status
  bluegreen slots status Web/App --format json
"""
_WIDEST = 120


def status_command(
    context: typer.Context, target: SlotsTargetArgument = None, *, format: FormatOption = Format.TEXT
) -> None:
    """Each slot with its side, its release, and its percent of production's traffic as the live rule has it now.

    Then what is under way: since when, begun by whom, what it waits for and until when; whether slots that swap by
    themselves are paused; how the last operation ended.
    """
    with opened(context) as world:
        engine = with_slots(world, target)
        record = known_record(engine)
        percents, notes = _in_the_rule(world, engine, record)
        notes += [*_of_the_difference(record, percents), *_of_the_execution(engine, record)]
        view = view_of_slots(engine.settings, record, world.now())
    if format is Format.JSON:
        json = json_of_slots(engine.settings, record, percents)
        write(as_json({**json, "rule": engine.settings.rule_arn, "notes": [*notes, *paused_notes(record)]}))
        return
    write(laid_out(_parts(record, view, percents, notes), _WIDEST))


def _in_the_rule(
    world: OperatorWorld, engine: TargetEngine, record: SlotsRecord
) -> tuple[dict[str, float] | None, list[str]]:
    """Percent by slot as the live rule has it (None: it is not known), and what of it no slot explains."""
    try:
        found = shares_in(world.rules().actions(engine.settings.rule_arn))
    except AwsError as error:
        why = in_words(str(error))
        return None, [f"the live rule could not be read, so the percentages are those of the record: {why}"]
    percents, notes = {}, []
    slots_of = {side: slot for slot, side in record.sides_of.items()}
    for group, percent in (found or {}).items():
        side = slots_in(engine).side_of_group(group)
        if side is not None and side.name in slots_of:
            percents[slots_of[side.name]] = percent
        else:
            notes.append(f"the live rule gives {percent:g} % to {group}, which is the target group of no side")
    if found is None:
        notes.append("the live rule forwards to no target group")
    return percents, notes


def _of_the_difference(record: SlotsRecord, percents: Mapping[str, float] | None) -> list[str]:
    """Whether the live rule has something else than the record says; while traffic moves it may."""
    wanted = recorded_percents(record)
    if percents is None or {slot: percents.get(slot, 0.0) for slot in wanted} == wanted:
        return []
    said = ", ".join(f"{slot} {percent:g} %" for slot, percent in wanted.items())
    if record.op is not None:
        return [f"the record says {said} so far: the next tick follows the live rule, or halts"]
    return [f"the record says {said}: somebody wrote the live rule by hand, put it back as recorded"]


def _of_the_execution(engine: TargetEngine, record: SlotsRecord) -> list[str]:
    """Whether somebody still drives what is under way."""
    if record.op is None or not record.execution:
        return []
    try:
        if engine.executions.is_running(record.execution):
            return []
    except AwsError:
        return []  # not known: nothing is concluded from it
    return [f"the execution of {record.op.id} is over: bluegreen slots resolve {record.target} goes on with it"]


def _parts(
    record: SlotsRecord, view: TargetView, percents: Mapping[str, float] | None, notes: list[str]
) -> Iterator[Table | Text]:
    yield Text(f"{record.target}, epoch {record.epoch}", style="bold")
    yield _table(record, recorded_percents(record) if percents is None else percents)
    yield Text()
    op, last = record.op, record.last
    if op is not None:
        why = f" ({op.reason})" if op.reason else ""
        preview = " with preview" if op.is_preview else ""
        yield Text(f"{op.kind.value} {op.id} of slot {op.slot}{preview} is {op.phase.value} for {view.age}.")
        yield Text(f"Begun at {iso(op.started_at)} by {op.caller or 'nobody known'}{why}.")
        if op.why_back:
            yield Text(f"It is going back: {op.why_back}.")
        if view.verdict != "-":
            yield Text(f"The guardrails say {view.verdict}.")
        yield Text(f"It waits for {view.waits_for}.")
    else:
        yield Text("Nothing is under way.")
    if last is not None:
        yield Text(f"Last: {ending_of(last)}, at {iso(last.ended_at)} ({last.id}).")
    for note in (*notes, *paused_notes(record)):
        yield Text(f"{note[:1].upper()}{note[1:]}.")


def _table(record: SlotsRecord, percents: Mapping[str, float]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("slot", "side", "release"):
        table.add_column(heading, overflow="fold")
    table.add_column("production traffic", justify="right")
    table.add_column("task definition", overflow="fold")
    for slot, side in record.sides_of.items():
        held = record.sides[side]
        definition = held.definition.rpartition("/")[2]
        table.add_row(slot, side, shortened(held.release), f"{percents.get(slot, 0.0):g} %", definition)
    return table
