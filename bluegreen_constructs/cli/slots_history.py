"""`bluegreen slots history`: what happened to a target's slots, who did it and why."""

import typer

from .history import LimitOption, write_history
from .operator_world import opened
from .result_format import Format, FormatOption
from .slots_targets import SlotsTargetArgument, with_slots

EXAMPLES = """\b
Examples:
  bluegreen slots history Web/App
  bluegreen slots history Web/App --format json > audit.json
"""


def history_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    *,
    limit: LimitOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """The same as `bluegreen history`, of the only target with slots where none is named."""
    with opened(context) as world:
        engine = with_slots(world, target)
        write_history(world, engine, limit, format)
