"""`bluegreen slots traffic`: give slots shares of production's traffic."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ..engine.errors import ConfigurationError
from ..engine.slot_settings import PRODUCTION
from .operator_world import opened
from .option_parsers import number
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .slots_start import SlotsWaitOption, begin
from .slots_targets import SlotsTargetArgument, slots_in, with_slots

EXAMPLES = """\b
Examples:
  bluegreen slots traffic Web/App staging=15
  bluegreen slots traffic Web/App staging=5 qa=0.5 --reason "beta users"
  bluegreen slots traffic Web/App production=100
"""
_percent = number("percentage", 0, 100)


def traffic_command(
    context: typer.Context,
    target: SlotsTargetArgument = None,
    shares: Annotated[
        list[str] | None,
        typer.Argument(metavar="SLOT=PERCENT...", help="The whole split; a slot that is not named gets nothing."),
    ] = None,
    *,
    reason: ReasonOption = None,
    wait: SlotsWaitOption = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give slots shares of production's traffic, in percent with one decimal; production has the rest.

    A share runs with the slot's own settings, and stays until it is ended: production=100, or 0 for every slot. Exit
    code 3: a safety rule refuses it, such as all of the traffic for slots, for which there is a swap; 4: another
    operation holds the slots.
    """
    where, wanted = target_and_shares([*([] if target is None else [target]), *(shares or [])])
    with opened(context) as world:
        engine = with_slots(world, where)
        slots = slots_in(engine)
        for slot in wanted:
            slots.slot(slot)
        given = {slot: percent for slot, percent in wanted.items() if slot != PRODUCTION and percent}
        ended = {one.name: 0.0 for one in slots.slots if one.name != PRODUCTION}
        asked: dict[str, object] = {"verb": "traffic", "shares": given or ended}
        begin(world, engine, asked, reason=reason, wait=wait, format=format)


def target_and_shares(words: Sequence[str]) -> tuple[str | None, dict[str, float]]:
    """The target if one is named, and percent by slot: the whole split, production's share with it.

    Raises ConfigurationError for words that are none, and for shares that do not make 100.
    """
    target, given = (words[0], words[1:]) if words and "=" not in words[0] else (None, words)
    if not given:
        raise ConfigurationError("no share is named: give SLOT=PERCENT, such as staging=15")
    shares: dict[str, float] = {}
    for word in given:
        slot, equals, percent = word.partition("=")
        if not (slot and equals):
            raise ConfigurationError(f"{word!r} is no share: give SLOT=PERCENT, such as staging=15")
        if slot in shares:
            raise ConfigurationError(f"slot {slot} is named twice: give each slot one share")
        try:
            shares[slot] = _percent(percent)
        except typer.BadParameter as error:
            raise ConfigurationError(f"slot {slot}: {error.message}") from None
    rest = round(100 - sum(percent for slot, percent in shares.items() if slot != PRODUCTION), 6)
    if shares.setdefault(PRODUCTION, rest) != rest:
        raise ConfigurationError(
            f"the shares make {sum(shares.values()):g} % and not 100: leave production out, which has the rest"
        )
    return target, shares
