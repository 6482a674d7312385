"""`bluegreen explain`: why a rollout is where it is: its evidence, its gates, and what would change the verdict."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import typer
from rich.table import Table
from rich.text import Text

from ..engine.guardrails import Assessment
from ..engine.model import Arm
from ..engine.rollout import Rollout
from .answers import as_json
from .explanation import Finding, Odds, findings, others
from .operator_world import opened
from .output import exact, laid_out, write
from .result_format import Format, FormatOption
from .rollout_summary import json_of, table_of
from .rollout_targets import TargetArgument, chosen, last_rollout
from .spelled_times import iso, rough
from .waiting_for import waiting_for

EXAMPLES = """\b
Examples:
  bluegreen explain Serving/Model
  bluegreen explain Serving/Model --format json
"""
_WIDEST = 100


def explain_command(
    context: typer.Context, target: TargetArgument = None, *, format: FormatOption = Format.TEXT
) -> None:
    """What is known of a rollout: the counts of both sides, the odds, the verdict of every guardrail, and its gates.

    Odds of harm are those that the candidate fails more often than live: at what is needed it goes back. Odds of
    safety are those that it does not fail so often that promoting it would be wrong: at what is needed it may be
    promoted. Minutes are those in which both sides have requests, at the traffic that they had so far.
    """
    with opened(context) as world:
        engine = chosen(world, target)
        rollout = last_rollout(engine)
        now = world.now()
    found = findings(rollout)
    if format is Format.JSON:
        write(as_json(_json_of(rollout, found)))
    else:
        write(laid_out(_parts(rollout, found, now), _WIDEST))


def _parts(rollout: Rollout, found: Sequence[Finding], now: datetime) -> Iterator[Table | Text]:
    yield table_of([(rollout.target, rollout)], now)
    yield Text()
    if found:
        yield _counts(found)
        yield Text()
        for finding in found:
            yield Text(f"What would change {finding.name}: {finding.would_change}.")
    else:
        yield Text("Nothing was counted yet." if not rollout.has_ended else "Nothing was counted.")
    for said in others(rollout, found):
        yield Text(f"{said.guardrail}: {said.verdict.value}, {said.reason}.")
    yield Text()
    for line in _gates(rollout, now):
        yield Text(line)


def _counts(found: Sequence[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("guardrail", overflow="fold")
    for heading in ("live bad", "candidate bad", "odds of harm", "of safety", "verdict"):
        table.add_column(heading, justify="right", overflow="fold")
    for one in found:
        live = "-" if one.live is None else _arm(one.live)
        table.add_row(one.name, live, _arm(one.candidate), str(one.harm), str(one.safety), one.verdict.value)
    return table


def _arm(arm: Arm) -> str:
    return f"{arm.bad} of {arm.requests}"


def _gates(rollout: Rollout, now: datetime) -> Iterator[str]:
    hold = rollout.hold if not rollout.has_ended else None
    if hold is not None:
        yield f"Paused ({hold.kind.value}) for {rough(now - hold.since)}: {hold.reason}."
    if rollout.why_back:
        yield f"Why it {'went' if rollout.has_ended else 'goes'} back: {rollout.why_back}."
    yield f"It waits for {waiting_for(rollout)}."
    if not rollout.has_ended:
        yield f"Its deadline is {iso(rollout.started_at + rollout.settings.deadline)}."


def _json_of(rollout: Rollout, found: Sequence[Finding]) -> dict[str, object]:
    return {
        **json_of(rollout.target, rollout),
        "deadline": iso(rollout.started_at + rollout.settings.deadline),
        "comparisons": [_finding(one) for one in found],
        "others": [_said(one) for one in others(rollout, found)],
    }


def _finding(one: Finding) -> dict[str, object]:
    return {
        "guardrail": one.name,
        "live": None if one.live is None else _counted(one.live),
        "candidate": _counted(one.candidate),
        "verdict": one.verdict.value,
        "odds_of_harm": _odds(one.harm),
        "odds_of_safety": _odds(one.safety),
        "minutes_seen": one.minutes,
        "minutes_to_healthy_if_as_live": one.to_healthy,
        "minutes_to_unhealthy_if_at_margin": one.to_unhealthy,
        "would_change": one.would_change,
    }


def _counted(arm: Arm) -> dict[str, int]:
    return {"requests": arm.requests, "bad": arm.bad}


def _odds(odds: Odds) -> dict[str, float]:
    return {"reached": exact(odds.reached), "needed": exact(odds.needed)}


def _said(said: Assessment) -> dict[str, str]:
    return {"guardrail": said.guardrail, "verdict": said.verdict.value, "reason": said.reason}
