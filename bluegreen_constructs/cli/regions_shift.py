"""`bluegreen regions shift` and `promote`: a share of the answers for the other region, and its becoming live."""

from typing import Annotated

import typer

from ..engine.errors import ConfigurationError
from .operator_world import opened
from .option_parsers import option, whole
from .regions_targets import RegionsTargetArgument, chosen_switch, say_move
from .result_format import Format, FormatOption

SHIFT_EXAMPLES = """\b
Examples:
  bluegreen regions shift Dns/Shop 10
  bluegreen regions shift Dns/Shop 100
  bluegreen regions shift Dns/Shop 100 --needs 12
"""
PROMOTE_EXAMPLES = """\b
Example:
  bluegreen regions promote Dns/Shop
"""
_percent = whole("percentage", 0, 100)


def shift_command(
    context: typer.Context,
    target: RegionsTargetArgument = None,
    percent: Annotated[
        str | None,
        typer.Argument(metavar="PERCENT", help="For the region that is not live, 0 to 100.", show_default=False),
    ] = None,
    *,
    needs: Annotated[
        int | None,
        option(
            whole("number of targets", 1, 100_000),
            "COUNT",
            "Healthy targets that all traffic needs; default: those registered in the region that gives, by its share.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also after an abort, which then is forgotten.")] = False,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give the region that is not live so many percent of the answers, whole percents.

    Nobody judges it: look at both regions' graphs before the next step. Exit code 3: the region that gets more has too
    few healthy targets or fails its health check, the last shift was aborted, or something else answers for the name;
    4: somebody else wrote the records meanwhile, and nothing was changed.
    """
    where, wanted = _target_and_percent(target, percent)
    with opened(context) as world:
        traffic = chosen_switch(world, where)
        move = traffic.shift(wanted, needs=needs, again=again)
        settings, side = traffic.settings, move.records.candidate
        if move.state == "UNCHANGED":
            sentence = f"{settings.region(side)} has {wanted} % of {settings.target} already: nothing was changed"
        else:
            sentence = f"{settings.region(side)} gets {wanted} % of {settings.target}"
        say_move(format, settings, move, sentence, world.now(), moves=move.state == "MOVED")


def promote_command(
    context: typer.Context, target: RegionsTargetArgument = None, *, format: FormatOption = Format.TEXT
) -> None:
    """Call the region live that has all of the answers; it moves nothing. From then on an abort goes back to it.

    So look at it with everything first: for two minutes after the last shift resolvers still have the answer of before.
    Exit code 3: these two minutes are not over, the region fails its health check, the former one still has a share, or
    nothing was shifted; 4: somebody else wrote the records meanwhile.
    """
    with opened(context) as world:
        traffic = chosen_switch(world, target)
        move = traffic.promote()
        settings = traffic.settings
        sentence = f"{settings.region(move.records.mark.live)} is live for {settings.target}"
        say_move(format, settings, move, sentence, world.now(), moves=False)


def _target_and_percent(first: str | None, second: str | None) -> tuple[str | None, int]:
    """What TARGET and PERCENT are: one word alone is the percentage. Raises ConfigurationError when there is none."""
    if first is None:
        raise ConfigurationError("no share is named: give TARGET and PERCENT, or PERCENT alone, such as 10")
    where, word = (None, first) if second is None else (first, second)
    try:
        return where, _percent(word)
    except typer.BadParameter as error:
        raise ConfigurationError(error.message) from None
