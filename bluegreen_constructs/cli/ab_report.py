"""`bluegreen report`: what an A/B test has shown so far: the effect, its interval, and a verdict valid at any time."""

from collections.abc import Iterator
from math import isinf
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..engine.ab_effect import AbEvidence
from ..engine.model import Arm
from ..engine.ports import RefusedError
from ..engine.rollout import Rollout
from .answers import as_json
from .operator_world import opened
from .option_parsers import number, option
from .output import exact, laid_out, write
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, last_rollout, run_by_engine

EXAMPLES = """\b
Examples:
  bluegreen report Serving/Model
  bluegreen report Serving/Model --confidence 99 --format json
"""
_WIDEST = 80


def report_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    confidence: Annotated[
        float,
        option(
            number("confidence in percent", 50, 99.99), "PERCENT", "That the interval holds the truth; default: 95."
        ),
    ] = 95.0,
    format: FormatOption = Format.TEXT,
) -> None:
    """How the variants of an A/B test differ: the effect, the interval that the data allows, and a verdict.

    All three may be read, and the test may be ended, at any time. The interval allows for every earlier look.
    """
    with opened(context) as world:
        engine = run_by_engine(world, target, "report")
        rollout = last_rollout(engine)
    if rollout.ab is None:
        raise RefusedError(
            f"rollout {rollout.id} of {engine.target} is no A/B test, as its strategy is no Split: see "
            f"bluegreen explain {engine.target}"
        )
    level = round(confidence / 100, 6)
    if format is Format.JSON:
        write(as_json(_json_of(rollout, rollout.ab, level)))
    else:
        write(laid_out(_parts(rollout, rollout.ab, level), _WIDEST))


def _parts(rollout: Rollout, ab: AbEvidence, confidence: float) -> Iterator[Table | Text]:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("variant")
    for heading in ("requests", "events", "rate %"):
        table.add_column(heading, justify="right")
    for variant, arm in ((f"live ({rollout.live})", ab.live), (f"candidate ({rollout.candidate})", ab.candidate)):
        table.add_row(variant, str(arm.requests), str(arm.bad), _rate(arm))
    yield table
    low, high = ab.interval(confidence)
    effect = (
        "Nothing that is counted has happened on either side yet"
        if ab.effect is None
        else f"The candidate's rate is {_ratio(ab.effect)} times live's"
    )
    interval = f"{100 * confidence:g} % interval, valid at any time: {_ratio(low)} to {_ratio(high)}"
    yield Text(f"\n{effect}; {interval}.")
    yield Text(f"Verdict after {ab.intervals} min: {ab.verdict(confidence).value}", style="bold")


def _rate(arm: Arm) -> str:
    return f"{100 * arm.bad / arm.requests:#.3g}" if arm.requests else "-"


def _ratio(ratio: float) -> str:
    return "infinity" if isinf(ratio) else f"{ratio:.3g}"


def _json_of(rollout: Rollout, ab: AbEvidence, confidence: float) -> dict[str, object]:
    """Ratios are candidate over live; null where one is not known, or infinite."""
    low, high = ab.interval(confidence)
    return {
        "target": rollout.target,
        "rollout": rollout.id,
        "release": rollout.release.name,
        "confidence_percent": exact(100 * confidence),
        "minutes": ab.intervals,
        "live": {"side": rollout.live, "requests": ab.live.requests, "events": ab.live.bad},
        "candidate": {"side": rollout.candidate, "requests": ab.candidate.requests, "events": ab.candidate.bad},
        "effect_ratio": _finite(ab.effect),
        "interval": {"low": _finite(low), "high": _finite(high)},
        "verdict": ab.verdict(confidence).name,
    }


def _finite(ratio: float | None) -> float | None:
    return None if ratio is None or isinf(ratio) else exact(ratio)
