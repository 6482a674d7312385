"""`bluegreen status`: where every rollout is, at one read of the table for each target of the engine."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..engine.errors import BlueGreenError
from .answers import as_json
from .aws_sentences import in_words
from .deployment_reading import view
from .endings import FAILED
from .operator_world import OperatorWorld, opened
from .output import laid_out, write
from .result_format import Format, FormatOption
from .target_view import TargetView, table_of

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
    what it waits for. For one TARGET: what it waits for in any case. What Amazon ECS rolls out itself is shown in its
    words: the deployment's stage, or its status once it goes back or has ended; `alarms` for a verdict says that
    CloudWatch alarms alone judge. What AWS CodeDeploy deploys is shown by its lifecycle event in the same way. A
    target that cannot be read hides no other one: it says why, and status ends 1.
    """
    with opened(context) as world:
        names = world.targets() if target is None else [target]
        one_of = _view if len(names) == 1 else _view_or_why_not
        views = [one_of(world, name) for name in names]
    if format is Format.JSON:
        write(as_json({"targets": [one.json for one in views]}))
    elif views:
        write(laid_out(_parts(views, is_one=target is not None), _WIDEST))
    else:
        write("no targets in this account and region\n")
    if any(one.is_unreadable for one in views):
        raise typer.Exit(FAILED)


def _view(world: OperatorWorld, target: str) -> TargetView:
    engine = world.engine(target)
    found = view(world, engine)
    return replace(found, json={**found.json, "rule": engine.settings.rule_arn})


def _view_or_why_not(world: OperatorWorld, target: str) -> TargetView:
    try:
        return _view(world, target)
    except BlueGreenError as error:
        why = in_words(str(error))
        json = {"target": target, "error": why}
        return TargetView(target, phase="not readable", notes=(why,), json=json, is_unreadable=True)


def _parts(views: list[TargetView], *, is_one: bool) -> Iterator[Table | Text]:
    yield table_of(views)
    for one in views:
        if one.paused:
            yield Text(f"\n{one.target} is paused {one.paused}")
        if one.why_back:
            yield Text(f"\n{one.target} {'went back' if one.has_ended else 'is going back'}: {one.why_back}")
        for note in one.notes:
            yield Text(f"\n{one.target}: {note}")
        if one.waits_for and (one.paused or is_one):
            yield Text(f"It waits for {one.waits_for}")
