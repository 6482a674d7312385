"""The TARGET that verbs of regions take, and how the records of a switch are said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeAlias

import typer

from ..engine.errors import ConfigurationError
from ..engine.region_settings import RegionSettings
from ..engine.region_traffic import SETTLING, Move, RegionTraffic
from ..engine.target_settings import SIDES, Side
from ..engine.weighted_records import WeightedRecords
from .answers import answer
from .operator_world import OperatorWorld
from .result_format import Format
from .slots_usage import SlotCommand
from .spelled_times import iso

RegionsTargetArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="TARGET", help="Such as Dns/Shop; default: the only switch.", show_default=False),
]


class PercentCommand(SlotCommand):
    """A verb that takes `[TARGET] PERCENT`."""

    words = "[TARGET] PERCENT"


def chosen_switch(world: OperatorWorld, target: str | None) -> RegionTraffic:
    """The switch that is named, or the only one.

    Raises ConfigurationError when none is named and there is not exactly one.
    """
    if target is None:
        there = world.switches()
        if not there:
            raise ConfigurationError(
                "there is no switch across regions in this account and region: deploy a stack with a RegionSwitch, or "
                "choose another AWS_PROFILE or AWS_REGION"
            )
        if len(there) > 1:
            raise ConfigurationError(f"no target is named and there are {len(there)}: give one of {', '.join(there)}")
        target = there[0]
    return RegionTraffic(world.zone_records(), world.region_targets(), world.switch(target), world.now)


def shares_in_words(settings: RegionSettings, records: WeightedRecords) -> str:
    """Such as `blue (eu-west-1, live) 75 %, green (us-east-1) 25 %`."""
    return ", ".join(f"{_side(settings, records, side)} {records.share(side):g} %" for side in SIDES)


def _side(settings: RegionSettings, records: WeightedRecords, side: Side) -> str:
    known = [settings.region(side), "live" if side == records.mark.live else ""]
    return f"{side} ({', '.join(word for word in known if word)})" if any(known) else side


def records_json(settings: RegionSettings, records: WeightedRecords) -> dict[str, object]:
    """The records as JSON values."""
    return {
        "target": settings.target,
        "record": settings.name,
        "live": records.mark.live,
        "fence": records.mark.fence,
        "is_aborted": records.mark.aborted,
        "sides": {
            side: {
                "region": settings.region(side) or None,
                "weight": records.weights[side],
                "percent": records.share(side),
            }
            for side in SIDES
        },
    }


def say_move(
    format: Format, settings: RegionSettings, move: Move, sentence: str, now: datetime, *, moves: bool
) -> None:
    """Answer a verb that may have written. moves: whether clients have to learn of it."""
    settled = now + SETTLING
    lines = [sentence, shares_in_words(settings, move.records)]
    if moves:
        lines.append(
            f"resolvers that keep to the TTL have it by {iso(settled)} ({SETTLING.total_seconds():.0f} s); clients and "
            "connections that keep an address go on with it for longer"
        )
    result: Mapping[str, object] = {
        **records_json(settings, move.records),
        "state": move.state,
        "settled_at": iso(settled) if moves else None,
        "aws_calls": move.calls,
        "notes": list(move.notes),
    }
    answer(format, "\n".join((*lines, *(f"note: {note}" for note in move.notes))), result)
