"""`bluegreen regions abort`: everything back to the live region, in two calls."""

import re
from typing import Annotated

import typer

from ..engine.errors import AwsError, ConfigurationError, RolloutError
from ..engine.region_settings import RegionPlace, RegionSettings
from ..engine.region_traffic import RegionTraffic
from ..engine.target_settings import SIDES, Side
from .aws_sentences import in_words
from .operator_world import OperatorWorld, opened
from .option_parsers import option
from .regions_targets import RegionsTargetArgument, chosen_switch, say_move
from .result_format import Format, FormatOption

EXAMPLES = """\b
Examples:
  bluegreen regions abort Dns/Shop
  bluegreen regions abort --zone Z0123456789ABCDEFGHIJ --record shop.example.com
  bluegreen regions abort Dns/Shop --live blue
"""
_ZONE = re.compile(r"(?:/hostedzone/)?(Z[A-Z0-9]{1,31})")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?", re.IGNORECASE)


def _zone_id(given: str) -> str:
    found = _ZONE.fullmatch(given)
    if found is None:
        raise typer.BadParameter(f"{given!r} is no id of a hosted zone: give it as the console shows it, such as Z0123")
    return found[1]


def _record(given: str) -> str:
    if not _NAME.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is no name of a record: give it whole, such as shop.example.com")
    return given.rstrip(".").lower()


def _side(given: str) -> Side:
    for side in SIDES:
        if given == side:
            return side
    raise typer.BadParameter(f"{given!r} is no side: give blue or green")


def abort_command(
    context: typer.Context,
    target: RegionsTargetArgument = None,
    *,
    zone: Annotated[
        str | None,
        option(_zone_id, "ID", "The hosted zone, instead of TARGET, when Parameter Store does not answer."),
    ] = None,
    record: Annotated[str | None, option(_record, "NAME", "The name of the records there.")] = None,
    live: Annotated[
        Side | None,
        option(_side, "blue|green", "Who is live, when the mark of the records cannot be read; it is written again."),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give everything back to the live region: one read of the records, one batch, whatever else there is.

    It is felt after minutes, and not at once: resolvers keep an answer for a minute, clients for longer. The mark of it
    lets the next shift ask for --again, also with nothing in flight: then nothing is moved, and the exit code is 0.
    Exit code 4: somebody promoted meanwhile, or writes all the time. When Route 53's control plane, in us-east-1, is
    down, it fails; health checks still take a region out that fails them.
    """
    if (zone is None) is not (record is None) or (target is not None and zone is not None):
        raise ConfigurationError("give TARGET, or --zone and --record together")
    with opened(context) as world:
        traffic = _reached(world, target, zone, record)
        move = traffic.abort(live)
        target = traffic.settings.target
        if move.state == "NOTHING_IN_FLIGHT":
            sentence = f"nothing is in flight on {target}: shifts are refused until one says --again"
        else:
            sentence = f"live gets everything of {target} back"
        say_move(format, traffic.settings, move, sentence, world.now(), moves=move.state == "RESTORED")


def _reached(world: OperatorWorld, target: str | None, zone: str | None, record: str | None) -> RegionTraffic:
    """With `--zone` nobody is asked for settings: the mark at the name says which side is live."""
    if zone is not None and record is not None:
        settings = RegionSettings(record, zone, record, {side: RegionPlace("", ()) for side in SIDES})
        return RegionTraffic(world.zone_records(), world.region_targets(), settings, world.now)
    try:
        return chosen_switch(world, target)
    except AwsError as error:
        raise RolloutError(
            f"the switches' settings cannot be read ({in_words(str(error))}): if only Parameter Store is down, abort "
            "with --zone ID --record NAME"
        ) from error
