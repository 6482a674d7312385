"""`bluegreen regions status`: who answers for a name, and how many healthy targets each region has."""

import typer

from ..engine.errors import AwsError
from ..engine.region_traffic import RegionTraffic
from ..engine.target_settings import SIDES, Side
from ..engine.weighted_records import WeightedRecords
from ..engine.zone_records import CheckSeen
from .answers import answer
from .aws_sentences import in_words
from .operator_world import opened
from .regions_targets import RegionsTargetArgument, chosen_switch, records_json, shares_in_words
from .result_format import Format, FormatOption

EXAMPLES = """\b
Examples:
  bluegreen regions status
  bluegreen regions status Dns/Shop --format json
"""


def status_command(
    context: typer.Context, target: RegionsTargetArgument = None, *, format: FormatOption = Format.TEXT
) -> None:
    """Each region's share of the answers, which one is live, its healthy targets, and what its health check says.

    A share is what Route 53 answers while both regions are healthy: one whose health check fails is not answered, and
    the other one is, also with 0 %.
    """
    with opened(context) as world:
        traffic = chosen_switch(world, target)
        records = traffic.look()
        healthy = {side: _healthy(traffic, side) for side in SIDES}
        checks = {side: _check(traffic, records, side) for side in SIDES}
    settings = traffic.settings
    lines = [f"{settings.target} ({settings.name}): {shares_in_words(settings, records)}"]
    lines += [f"{settings.region(side)}: {_in_words(healthy[side])}; {_said(checks[side])}" for side in SIDES]
    if records.mark.aborted:
        lines.append("the last shift was aborted: the next one needs --again")
    lines += [f"note: the zone has the {one} as well, whose answers are not ours" for one in records.others]
    result = records_json(settings, records)
    result["healthy_targets"] = {side: found if isinstance(found, int) else None for side, found in healthy.items()}
    result["health_checks"] = {
        side: {"succeeding": seen.succeeding, "checkers": seen.checkers, "is_healthy": seen.is_healthy}
        if isinstance(seen, CheckSeen)
        else None
        for side, seen in checks.items()
    }
    result["others"] = list(records.others)
    answer(format, "\n".join(lines), result)


def _healthy(traffic: RegionTraffic, side: Side) -> int | str:
    """How many, or why that is not known: a region that is down is when its share matters most."""
    try:
        return traffic.healthy(side)
    except AwsError as error:
        return in_words(str(error))


def _check(traffic: RegionTraffic, records: WeightedRecords, side: Side) -> CheckSeen | str:
    try:
        return traffic.check(records, side) or "its record has no health check"
    except AwsError as error:
        return f"its health check is not known: {in_words(str(error))}"


def _said(seen: CheckSeen | str) -> str:
    if isinstance(seen, str):
        return seen
    word = "passes" if seen.is_healthy else "fails"
    return f"its health check {word} ({seen.succeeding} of {seen.checkers} checkers)"


def _in_words(healthy: int | str) -> str:
    return f"{healthy} healthy targets" if isinstance(healthy, int) else f"healthy targets are not known: {healthy}"
