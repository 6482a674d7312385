"""`bluegreen history`: what happened to a target, who did it and why."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer
from rich.table import Table

from ..engine.ports import HistoryItem
from .answers import as_json
from .code_deploy_reading import code_deployments_as_items
from .deployment_reading import deployments_as_items
from .operator_world import OperatorWorld, TargetEngine, opened
from .option_parsers import option, whole
from .output import laid_out, write
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, chosen
from .spelled_times import iso

EXAMPLES = """\b
Examples:
  bluegreen history Serving/Model
  bluegreen history Serving/Model --format json > audit.json
"""
_WIDEST = 160
_SHOWN = 20
_ALL = 1_000_000

LimitOption: TypeAlias = Annotated[
    int | None,
    option(whole("number of items", 1, _ALL), "COUNT", f"The last ones; default: {_SHOWN}, or all as JSON."),
]


def history_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    limit: LimitOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """What happened to a target, the latest first: the caller as AWS saw it, the reason, the release, the evidence.

    Items are kept for 400 days. JSON exports all of them, with the evidence. Of what Amazon ECS rolls out, its own last
    deployments are among them, with the task definition of each; ECS forgets them after 90 days.
    Of what AWS CodeDeploy deploys, they are its last deployments, those that take another one back among them.
    """
    with opened(context) as world:
        write_history(world, chosen(world, target), limit, format)


def write_history(world: OperatorWorld, engine: TargetEngine, limit: int | None, format: Format) -> None:
    """The items of a target: its last `limit` ones (default: some for people, all for machines)."""
    most = limit or (_ALL if format is Format.JSON else _SHOWN)
    items = list(engine.store.history(engine.target, most)) if engine.has_table else []
    if engine.is_ecs:
        items = sorted([*items, *deployments_as_items(world, engine)], key=_newest_first)[:most]
    elif engine.is_code_deploy:
        items = sorted([*items, *code_deployments_as_items(world, engine)], key=_newest_first)[:most]
    if format is Format.JSON:
        write(as_json({"target": engine.target, "items": [_json_of(item) for item in items]}))
    elif items:
        write(laid_out([_table(items)], _WIDEST))
    else:
        write(f"nothing has happened to {engine.target} yet\n")


def _newest_first(item: HistoryItem) -> float:
    return -item.at.timestamp()


def _table(items: Sequence[HistoryItem]) -> Table:
    has_definitions = any(_definition(item) for item in items)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("time", no_wrap=True)
    for heading in ("event", "release", "phase", "weight", "caller", "reason"):
        table.add_column(heading, overflow="fold")
    if has_definitions:
        table.add_column("task definition", overflow="fold")
    for item in items:
        table.add_row(
            iso(item.at),
            item.event,
            item.release or "-",
            item.phase or "-",
            "-" if item.weight is None else f"{item.weight:g} %",
            item.caller.rpartition(":")[2] or "-",  # the whole ARN is in the JSON
            item.reason or "-",
            *([_definition(item) or "-"] if has_definitions else []),
        )
    return table


def _definition(item: HistoryItem) -> str:
    return str(item.evidence.get("task_definition", "")).rpartition("/")[2]


def _json_of(item: HistoryItem) -> dict[str, object]:
    return {
        "at": iso(item.at),
        "event": item.event,
        "rollout": item.rollout,
        "release": item.release,
        "caller": item.caller,
        "reason": item.reason,
        "phase": item.phase or None,
        "weight_percent": item.weight,
        "evidence": dict(item.evidence),
    }
