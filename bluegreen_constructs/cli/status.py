"""`bluegreen status`: where every rollout is, at one read of the table for each target."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from .answers import as_json
from .operator_world import OperatorWorld, opened
from .output import laid_out, write
from .result_format import Format, FormatOption
from .rollout_summary import Row, json_of, table_of
from .spelled_times import rough
from .waiting_for import waiting_for

EXAMPLES = """\b
Examples:
  bluegreen status
  bluegreen status Serving/Model --format json
"""
_WIDEST = 120


def status_command(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="Such as Serving/Model; default: all.", show_default=False)
    ] = None,
    *,
    format: FormatOption = Format.TEXT,
) -> None:
    """Where the rollout of each target is: phase, the candidate's weight, step, verdict, and for how long.

    A question mark after a weight says that the rule has not confirmed it yet. After the table: what is paused, and
    what it waits for. For one TARGET: what it waits for in any case.
    """
    with opened(context) as world:
        names = world.targets() if target is None else [target]
        engines = [world.engine(name) for name in names]
        rows = [(engine.target, engine.store.load(engine.target)) for engine in engines]
        if format is Format.JSON:
            rules = [engine.settings.rule_arn for engine in engines]
            found = [{**json_of(*row), "rule": rule} for row, rule in zip(rows, rules, strict=True)]
            write(as_json({"targets": found}))
        elif rows:
            write(laid_out(_parts(world, rows, is_one=target is not None), _WIDEST))
        else:
            write("no targets in this account and region\n")


def _parts(world: OperatorWorld, rows: list[Row], *, is_one: bool) -> Iterator[Table | Text]:
    now = world.now()
    yield table_of(rows, now)
    for target, rollout in rows:
        if rollout is None:
            continue
        hold = rollout.hold if not rollout.has_ended else None
        if hold is not None:
            yield Text(f"\n{target} is paused ({hold.kind.value}) for {rough(now - hold.since)}: {hold.reason}")
        if rollout.why_back:
            yield Text(f"\n{target} {'went back' if rollout.has_ended else 'is going back'}: {rollout.why_back}")
        if hold is not None or is_one:
            yield Text(f"It waits for {waiting_for(rollout)}")
