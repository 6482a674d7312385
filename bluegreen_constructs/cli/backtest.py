"""`bluegreen backtest`: the judgement on past data in which nothing was wrong, and the mode that it proposes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from .option_parsers import FalseAlarmOption, MarginOption, WrongPromotionOption, option, whole
from .output import Progress, exact, laid_out, write
from .result_format import Format, FormatOption

if TYPE_CHECKING:
    from ..planning.backtest import Backtest
    from ..planning.dispersion import Estimate
    from ..planning.replay import Replay

EXAMPLES = """\b
Examples:
  bluegreen backtest --data past.csv
  bluegreen backtest --data past.json --looks 30 --format json

\b
past.csv holds a line for each minute (or other interval), in order of time:
  time,live_requests,live_bad,candidate_requests,candidate_bad
  2026-11-02T10:00,3012,6,2988,5
  2026-11-02T10:01,2978,4,3021,7
  2026-11-02T10:02,,,,

Empty cells are a side without data. JSON is a list of objects with the same keys, and null for no data.
"""
_WIDEST = 80  # wider than the tables only tears the sentences apart
_INTERVALS_A_SECOND = 14_000
_LONG_WAIT = 3  # seconds, from which on a word is due before them


def backtest_command(
    *,
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="Past counts, CSV or JSON; both sides served the same release.")
    ],
    looks: Annotated[
        int, option(whole("number of looks", 1, 100_000), "COUNT", "Intervals in a rollout; default: 60.")
    ] = 60,
    false_alarm: FalseAlarmOption = 1.0,
    margin: MarginOption = 2.0,
    wrong_promotion: WrongPromotionOption = 5.0,
    format: FormatOption = Format.TEXT,
) -> None:
    """Judge a past time in which both sides served the same release, and propose the mode of the comparison.

    Nothing was wrong then: two target groups with one release, two halves of a fleet, or two Availability Zones. What
    is held against a side is a false alarm of the judgement. A day of minutes is a good length.
    """
    from ..engine.comparison import Terms  # noqa: PLC0415
    from ..planning.backtest import backtest  # noqa: PLC0415  # --help and other verbs need none of it
    from .past_counts import read_past_counts  # noqa: PLC0415

    terms = Terms(false_alarm=false_alarm / 100, margin=margin, wrong_promotion=wrong_promotion / 100)
    past = read_past_counts(data)
    seconds = len(past) / _INTERVALS_A_SECOND
    if seconds > _LONG_WAIT:
        Progress()(f"judging {len(past)} intervals, about {seconds:.0f} s")
    found = backtest(past, terms, looks)
    write(_as_json(found) if format is Format.JSON else laid_out(_report(found), _WIDEST))


def _report(found: "Backtest") -> Iterator[Table | Text]:
    proposal = found.proposal
    yield from (_counts(found), Text(), _measured(found))
    yield Text(
        f"\nDispersion rests on {found.dispersion.intervals} intervals with 2 bad events or more: "
        f"{found.dispersion.bad} bad events.\n",
        style="dim",
    )
    yield from _replayed(found)
    yield Text(f"\n{proposal.reason[:1].upper()}{proposal.reason[1:]}.\n")
    yield Text(f"Proposal: {_written(found) or 'no mode until this is mended'}", style="bold")


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    first, *others = headings
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _counts(found: "Backtest") -> Table:
    of = f"{found.compared} of {found.intervals}" if found.compared < found.intervals else str(found.intervals)
    table = _table(f"{of} intervals", "requests", "bad", "bad %")
    for side, arm in (("live", found.live), ("candidate", found.candidate)):
        share = f"{100 * arm.bad / arm.requests:#.3g}" if arm.requests else "-"
        table.add_row(side, str(arm.requests), str(arm.bad), share)
    return table


def _measured(found: "Backtest") -> Table:
    from ..planning.dispersion import ALIKE, PERSISTENCE_SPAN, PERSISTENT  # noqa: PLC0415
    from ..planning.proposal import LIMIT  # noqa: PLC0415

    scatter, neighbours = found.dispersion, found.persistence
    table = _table("measured", "value", "95 % interval", "sound")
    table.add_row("dispersion between the sides", *_estimate(scatter.phi), f"to {LIMIT:g}")
    table.add_row("failure rate, candidate's over live's", *_estimate(found.ratio), f"{1 / ALIKE:.2g} to {ALIKE:g}")
    table.add_row(
        f"dispersion, {PERSISTENCE_SPAN} intervals over single ones",
        *_estimate(None if neighbours is None else neighbours.together),
        f"to {PERSISTENT:g}",
    )
    table.add_row(
        "correlation with the next interval",
        *_estimate(None if neighbours is None else neighbours.correlation),
        "",
    )
    return table


def _estimate(estimate: "Estimate | None") -> tuple[str, str]:
    if estimate is None:
        return "-", "-"
    if estimate.low is None or estimate.high is None:
        return _figure(estimate.value), "-"
    return _figure(estimate.value), f"{_figure(estimate.low)} to {_figure(estimate.high)}"


def _figure(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"


def _replayed(found: "Backtest") -> Iterator[Table | Text]:
    looks = f"{found.looks} {'look' if found.looks == 1 else 'looks'}"
    if not found.independent.plays:
        yield Text(f"Not replayed: a rollout of {looks} is longer than the data.")
        return
    table = _table("mode", "replays", "rolled back", "promoted", "unsure", "looks to promotion")
    for replay in (found.independent, found.bursty):
        counts = (replay.plays, replay.rolled_back, replay.promoted, replay.unsure)
        table.add_row(replay.mode, *map(str, counts), "-" if replay.median_looks is None else str(replay.median_looks))
    yield Text(f"Replayed as rollouts of {looks}, each again with the sides exchanged")
    yield table


def _written(found: "Backtest") -> str | None:
    """How to write the proposal in a stack: with the terms that were asked for, and are not the usual ones."""
    terms, usual, mode = found.terms, type(found.terms)(), found.proposal.mode
    if mode is None:
        return None
    given = [
        f"{name}={getattr(terms, name):.10g}"
        for name in ("false_alarm", "margin", "wrong_promotion")
        if getattr(terms, name) != getattr(usual, name)
    ]
    return f'ErrorComparison({", ".join((*given, "mode="))}"{mode}")'


def _as_json(found: "Backtest") -> str:
    """The same as one JSON object: numbers, with their units in the names."""
    scatter, neighbours, proposal, terms = found.dispersion, found.persistence, found.proposal, found.terms
    result = {
        "inputs": {
            "looks": found.looks,
            "false_alarm_percent": exact(100 * terms.false_alarm),
            "margin": terms.margin,
            "wrong_promotion_percent": exact(100 * terms.wrong_promotion),
        },
        "intervals": found.intervals,
        "intervals_with_both_sides": found.compared,
        "live": {"requests": found.live.requests, "bad": found.live.bad},
        "candidate": {"requests": found.candidate.requests, "bad": found.candidate.bad},
        "dispersion": {
            **_estimate_as_json(scatter.phi),
            "intervals": scatter.intervals,
            "bad": scatter.bad,
            "bad_of_smaller_side": scatter.smaller,
        },
        "failure_ratio": _estimate_as_json(found.ratio),
        "intervals_together": _estimate_as_json(None if neighbours is None else neighbours.together),
        "neighbour_correlation": _estimate_as_json(None if neighbours is None else neighbours.correlation),
        "replays": [_replay_as_json(replay) for replay in (found.independent, found.bursty)],
        "proposal": {
            "finding": proposal.finding.value,
            "mode": proposal.mode,
            "reason": proposal.reason,
            "missing_intervals": proposal.missing_intervals,
            "write": _written(found),
        },
    }
    return json.dumps(result, indent=2, allow_nan=False) + "\n"


def _estimate_as_json(estimate: "Estimate | None") -> dict[str, float | None]:
    if estimate is None:
        return {"value": None, "low": None, "high": None}
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _replay_as_json(replay: "Replay") -> dict[str, str | int | float | None]:
    rate = replay.false_alarm_rate
    return {
        "mode": replay.mode,
        "plays": replay.plays,
        "rolled_back": replay.rolled_back,
        "rolled_back_percent": None if rate is None else exact(100 * rate),
        "promoted": replay.promoted,
        "unsure": replay.unsure,
        "median_looks_to_promotion": replay.median_looks,
    }
