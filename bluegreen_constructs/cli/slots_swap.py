"""`bluegreen slots swap` and `preview`: exchange a slot with production, at once or after a look."""

from typing import Annotated, TypeAlias

import typer

from .operator_world import opened
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_start import SlotsWaitOption, begin
from .slots_targets import SlotArgument, SlotsTargetArgument, target_and_slot, with_slots

SWAP_EXAMPLES = """\b
Examples:
  bluegreen slots swap Web/App staging --wait
  bluegreen slots swap Web/App staging --no-canary --reason "ticket 4711"
"""
PREVIEW_EXAMPLES = """\b
Examples:
  bluegreen slots preview Web/App staging --wait
  bluegreen slots preview Web/App staging --wait && curl -f https://staging.example.com/ready
"""

NoCanaryOption: TypeAlias = Annotated[
    bool, typer.Option("--no-canary", help="Flip at once, also where the slots have a canary.")
]
IgnoreAlarmsOption: TypeAlias = Annotated[
    bool, typer.Option("--ignore-alarms", help="Begin although a guardrail's alarm rings already.")
]


def swap_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    slot: SlotArgument = None,
    *,
    no_canary: NoCanaryOption = False,
    ignore_alarms: IgnoreAlarmsOption = False,
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Exchange a slot with production: the slot's release gets production's settings, is warmed, and then serves.

    Production's former release keeps its settings until the bake is over, so that going back is one call; then it is
    the slot's. Exit code 3: a safety rule refuses it, such as a split of production's traffic, or an update of the
    stack; 4: another operation holds the slots.
    """
    _swap(
        context,
        (target, slot),
        is_preview=False,
        no_canary=no_canary,
        ignores=ignore_alarms,
        reason=reason,
        wait=wait,
        format=format,
    )


def preview_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    slot: SlotArgument = None,
    *,
    no_canary: NoCanaryOption = False,
    ignore_alarms: IgnoreAlarmsOption = False,
    reason: ReasonOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Watch it until it can be completed; exit code 1 when it goes back or halts.")
    ] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Begin a swap that waits, when the candidate is warm with production's settings, for `complete` or `cancel`.

    Without an answer it is cancelled in the end; the slots' settings say when. Exit codes are those of a swap.
    """
    _swap(
        context,
        (target, slot),
        is_preview=True,
        no_canary=no_canary,
        ignores=ignore_alarms,
        reason=reason,
        wait=wait,
        format=format,
    )


def _swap(
    context: typer.Context,
    words: tuple[str | None, str | None],
    *,
    is_preview: bool,
    no_canary: bool,
    ignores: bool,
    reason: str | None,
    wait: bool,
    format: Format,
) -> None:
    where, name = target_and_slot(*words)
    asked: dict[str, object] = {
        "verb": "swap",
        "slot": name,
        "preview": is_preview,
        "canary": not no_canary,
        "ignore_alarms": ignores,
    }
    with opened(context) as world:
        begin(world, with_slots(world, where), asked, reason=reason, wait=wait, format=format)
