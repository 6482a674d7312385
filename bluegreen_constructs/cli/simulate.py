"""`bluegreen simulate`: how rollouts of your traffic would end, as a table of operating characteristics."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from rich.console import Console

from ..engine.errors import ConfigurationError
from .option_parsers import FalseAlarmOption, MarginOption, WrongPromotionOption, choice, number, option, whole
from .output import Progress, exact, laid_out, write
from .result_format import Format, FormatOption

if TYPE_CHECKING:
    from ..simulation.operating_characteristics import Ending, Spread
    from ..simulation.report import Plan, Simulated

EXAMPLES = """\b
Examples:
  bluegreen simulate
  bluegreen simulate --rps 20 --error-rate 0.5 --weight 25 --looks 120
  bluegreen simulate --steps 1:5,5:5,10:5,25:5,50:5 --ratio 1,3,10
  bluegreen simulate --burst 10 --mode bursty --format json
"""
_RATIOS = "1,1.5,2,3,5"
_WEIGHT = 10.0
_LOOKS = 60
_MOST_LOOKS = 100_000
_MOST_PLAYED = 10_000_000  # looks of all rollouts together: four minutes
_MOST_BURSTS = 100_000_000  # a minute
_WIDEST = 120


class _Mode(StrEnum):
    INDEPENDENT = "independent"
    BURSTY = "bursty"


_requests = number("number of requests per second", 0, 1e7, above=True)
_error_rate = number("error rate in percent", 0, 99)
_weight = number("weight in percent", 0, 99.9, above=True)
_seconds = number("number of seconds", 1, 86_400)
_burst = number("size of a burst", 1, 1e6)
_negligible = number("error rate in percent", 0, 99, above=True)


def simulate_command(
    *,
    rps: Annotated[float, option(_requests, "NUMBER", "Requests per second in all; default: 100.")] = 100.0,
    error_rate: Annotated[float, option(_error_rate, "PERCENT", "Requests that fail on live; default: 0.2.")] = 0.2,
    ratio: Annotated[
        str,
        option(
            str, "R,...", f"How many times as often as live the candidate fails, a row for each; default: {_RATIOS}."
        ),
    ] = _RATIOS,
    weight: Annotated[
        float | None, option(_weight, "PERCENT", f"The candidate's traffic; default: {_WEIGHT:g}.")
    ] = None,
    looks: Annotated[
        int | None,
        option(whole("number of looks", 1, _MOST_LOOKS), "COUNT", f"Looks until a rollout ends; default: {_LOOKS}."),
    ] = None,
    steps: Annotated[
        str | None, option(str, "PERCENT:LOOKS,...", "Instead of both: one weight after the other.")
    ] = None,
    seconds_per_look: Annotated[float, option(_seconds, "SECONDS", "From look to look; default: 60.")] = 60.0,
    burst: Annotated[
        float, option(_burst, "SIZE", "Failures come in bursts of this mean size, each burst on one side; default: 1.")
    ] = 1.0,
    mode: Annotated[
        _Mode, option(choice("mode", _Mode), "independent|bursty", "How counts are judged; default: independent.")
    ] = _Mode.INDEPENDENT,
    false_alarm: FalseAlarmOption = 1.0,
    margin: MarginOption = 2.0,
    wrong_promotion: WrongPromotionOption = 5.0,
    negligible: Annotated[
        float | None,
        option(_negligible, "PERCENT", "Promote what fails less often than this, too; default: none."),
    ] = None,
    runs: Annotated[
        int, option(whole("number of runs", 1, 1_000_000), "COUNT", "Rollouts for each row; default: 2000.")
    ] = 2000,
    seed: Annotated[
        int, option(whole("seed", 0, 2**63 - 1), "NUMBER", "The same seed gives the same table; default: 1.")
    ] = 1,
    format: FormatOption = Format.TEXT,
) -> None:
    """Play rollouts of your traffic: how often the judgement would roll releases back, promote or hold them, and when.

    Nothing is deployed: the traffic is made of random numbers, the judgement is the engine's. With --weight a rollout
    ends at its first verdict. With --steps a release is promoted after the last step, and rolled back at any time.
    """
    from ..engine.comparison import Terms  # noqa: PLC0415  # --help and other verbs need none of it
    from ..simulation.report import Plan  # noqa: PLC0415

    if steps is not None and (weight is not None or looks is not None):
        raise ConfigurationError(
            "--steps is given together with --weight or --looks: give either the steps, or one weight and its looks"
        )
    if negligible is not None and mode is _Mode.BURSTY:
        raise ConfigurationError(
            "--negligible is given with --mode bursty, where requests without failures prove little: leave it out, or "
            "use --mode independent"
        )
    plan = Plan(
        requests_per_second=rps,
        error_rate=error_rate,
        ratios=_ratios(ratio, error_rate),
        steps=((weight or _WEIGHT, looks or _LOOKS),) if steps is None else _steps(steps),
        ramp=steps is not None,
        most_looks=_MOST_LOOKS,
        seconds_per_look=seconds_per_look,
        burst=burst,
        terms=Terms(
            false_alarm=false_alarm / 100,
            margin=margin,
            wrong_promotion=wrong_promotion / 100,
            mode="bursty" if mode is _Mode.BURSTY else "independent",
            negligible=None if negligible is None else negligible / 100,
        ),
        runs=runs,
        seed=seed,
    )
    _require_playable(plan)
    simulated = _play(plan)
    write(_as_json(simulated) if format is Format.JSON else _as_text(simulated))


def _ratios(given: str, error_rate: float) -> tuple[float, ...]:
    ratios = []
    for part in given.split(","):
        try:
            ratio = float(part)
        except ValueError:
            ratio = -1.0
        if not 0 <= ratio <= 10_000:
            raise ConfigurationError(
                f"--ratio {given}: {part.strip()!r} is no ratio; give numbers from 0 to 10000 with commas between "
                f"them, such as {_RATIOS}"
            )
        if ratio * error_rate > 100:
            raise ConfigurationError(
                f"--ratio {given}: {ratio:g} times {error_rate:g} % is more than all requests; give a smaller ratio or "
                "a smaller --error-rate"
            )
        ratios.append(ratio)
    return tuple(dict.fromkeys(ratios))


def _steps(given: str) -> tuple[tuple[float, int], ...]:
    steps = []
    for part in given.split(","):
        percent, _, looks = part.partition(":")
        try:
            step = (float(percent), int(looks))
        except ValueError:
            step = (0.0, 0)
        if not (0 < step[0] <= 99.9 and 1 <= step[1] <= _MOST_LOOKS):
            raise ConfigurationError(
                f"--steps {given}: {part.strip()!r} is no step; give percent:looks with commas between them, percent "
                f"above 0 and at most 99.9, looks from 1 to {_MOST_LOOKS}, such as 1:5,10:5,50:20"
            )
        steps.append(step)
    return tuple(steps)


def _require_playable(plan: "Plan") -> None:
    """Refuse what would take hours: it is a slip of the fingers."""
    played = plan.runs * plan.looks * len(plan.ratios)
    if played > _MOST_PLAYED:
        raise ConfigurationError(
            f"{plan.runs} runs of {plan.looks} looks for every ratio are up to {played} looks, and at most "
            f"{_MOST_PLAYED} are played: give fewer runs, looks or ratios"
        )
    rate = plan.error_rate / 100 * max(1.0, *plan.ratios)
    bursts = played * plan.requests_per_second * plan.seconds_per_look * rate / plan.burst
    if plan.burst > 1 and bursts > _MOST_BURSTS:
        raise ConfigurationError(
            f"these runs may have {bursts:.2g} bursts of failures, and at most {_MOST_BURSTS} are played: give fewer "
            "runs, looks or ratios, or a smaller --rps"
        )


def _play(plan: "Plan") -> "Simulated":
    from ..simulation.operating_characteristics import operating_characteristics  # noqa: PLC0415
    from ..simulation.report import Simulated  # noqa: PLC0415

    results = []
    with _progress(plan.runs * len(plan.ratios), plan.looks) as one_more:
        for ratio in plan.ratios:
            result = operating_characteristics(
                plan.traffic(ratio),
                plan.terms,
                runs=plan.runs,
                seed=plan.seed_of(ratio),
                promotes_from=plan.looks if plan.ramp else 1,
                completed=one_more,
            )
            results.append(result)
    return Simulated(plan, tuple(results))


@contextmanager
def _progress(rollouts: int, looks: int) -> Iterator[Callable[[int], None]]:
    """What to call after each rollout. Who watches sees a bar; a log gets one line."""
    # Not rich's opinion of it: FORCE_COLOR makes a terminal of a log, which has no use for a bar.
    if not sys.stderr.isatty():
        Progress()(f"playing {rollouts} rollouts of up to {looks} looks")
        yield lambda _: None
        return
    from rich.progress import Progress as Bar  # noqa: PLC0415  # as long an import as all the rest

    with Bar(console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("playing rollouts", total=rollouts)
        yield lambda _: bar.advance(task)


def _as_text(simulated: "Simulated") -> str:
    from ..simulation.report import as_table  # noqa: PLC0415

    return laid_out(as_table(simulated), _WIDEST)


def _as_json(simulated: "Simulated") -> str:
    """The same as one JSON object: numbers, with their units in the names."""
    plan, terms = simulated.plan, simulated.plan.terms
    inputs = {
        "requests_per_second": plan.requests_per_second,
        "error_rate_percent": plan.error_rate,
        "ratios": plan.ratios,
        "steps": [{"percent": percent, "looks": looks} for percent, looks in plan.steps],
        "promotes": "after-last-step" if plan.ramp else "at-first-verdict",
        "seconds_per_look": plan.seconds_per_look,
        "burst": plan.burst,
        "mode": terms.mode,
        "false_alarm_percent": exact(100 * terms.false_alarm),
        "margin": terms.margin,
        "wrong_promotion_percent": exact(100 * terms.wrong_promotion),
        "negligible_percent": None if terms.negligible is None else exact(100 * terms.negligible),
        "runs": plan.runs,
        "seed": plan.seed,
    }
    releases = [
        {
            "ratio": ratio,
            "rolled_back": _ending_as_json(result.unhealthy, plan.seconds_per_look),
            "promoted": _ending_as_json(result.healthy, plan.seconds_per_look),
            "unsure": _ending_as_json(result.unsure, plan.seconds_per_look),
        }
        for ratio, result in simulated.rows
    ]
    return json.dumps({"inputs": inputs, "releases": releases, "notes": simulated.notes()}, indent=2) + "\n"


def _ending_as_json(ending: "Ending", seconds_per_look: float) -> dict[str, object]:
    share = ending.share
    return {
        "runs": share.count,
        "percent": exact(100 * share.value),
        "percent_low": exact(100 * share.low),
        "percent_high": exact(100 * share.high),
        "minutes": _spread_as_json(ending.looks, seconds_per_look / 60),
        "candidate_failures": _spread_as_json(ending.bad, 1.0),
        "excess_failures": _spread_as_json(ending.excess, 1.0),
    }


def _spread_as_json(spread: "Spread | None", size: float) -> dict[str, float] | None:
    return None if spread is None else {"median": exact(spread.median * size), "p95": exact(spread.p95 * size)}
