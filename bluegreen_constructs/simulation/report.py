"""The report of `bluegreen simulate`: a table, and the sentences that say what the figures mean for a rollout."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf
from random import Random

from rich.table import Table
from rich.text import Text

from ..engine.comparison import Terms
from .operating_characteristics import (
    OperatingCharacteristics,
    Share,
    Spread,
    furthest_seconds,
    seconds_to_promotion,
)
from .traffic import Traffic

_MOST_UNSURE = 0.2
"""Above this share, releases that end UNSURE without need are worth a sentence on what to change."""
_LEGEND = (
    "± reaches the ends of the 95 % confidence interval. Rollback after, excess failures: median / 95th percentile of "
    "the runs that were rolled back. Promotion after: median of the promoted. Excess failures: the candidate's until "
    "rollback, above what live's error rate gives."
)


@dataclass(frozen=True)
class Plan:
    """What is played, in the units of the command's options.

    error_rate: percent of live's requests that fail.
    steps: the candidate's weight in percent, and for how many looks.
    ramp: whether a release is promoted after the last step only, and not at the first verdict.
    most_looks: as many as the options allow for a step; nobody is advised to give more.
    """

    requests_per_second: float
    error_rate: float
    ratios: tuple[float, ...]
    steps: tuple[tuple[float, int], ...]
    ramp: bool
    most_looks: int
    seconds_per_look: float
    burst: float
    terms: Terms
    runs: int
    seed: int

    def seed_of(self, ratio: float) -> int:
        """A seed of its own for each ratio's row, whatever other rows there are: no two rows share their luck."""
        return Random(f"{self.seed} {ratio!r}").getrandbits(64)  # noqa: S311  # made-up traffic, no secret

    @property
    def looks(self) -> int:
        """Looks of a rollout that nothing ends before."""
        return sum(looks for _, looks in self.steps)

    def traffic(self, ratio: float, weights: tuple[float, ...] = ()) -> Traffic:
        """The traffic of a release that fails `ratio` times as often as live; `weights` instead of the steps'."""
        return Traffic(
            requests_per_second=self.requests_per_second,
            bad_rate=self.error_rate / 100,
            weights=weights or tuple(percent for percent, looks in self.steps for _ in range(looks)),
            ratio=ratio,
            seconds_per_look=self.seconds_per_look,
            burst=self.burst,
        )


@dataclass(frozen=True)
class Simulated:
    """The plan that was played, how it went for each of its ratios, and what there is to say about it."""

    plan: Plan
    results: tuple[OperatingCharacteristics, ...]

    @property
    def rows(self) -> Iterator[tuple[float, OperatingCharacteristics]]:
        """Each ratio with its result."""
        return zip(self.plan.ratios, self.results, strict=True)

    def notes(self) -> tuple[str, ...]:
        """The promise, where it is broken, and what to change when releases are held without need."""
        return (_promise(self.plan), *_broken_promises(self), *_undecided(self))


def as_table(simulated: Simulated) -> Iterator[Table | Text]:
    """What was played, a row for each ratio, and the notes; the tables are not wider than 80 columns."""
    plan = simulated.plan
    unit, size = _unit(plan.looks * plan.seconds_per_look)
    look = plan.seconds_per_look / size
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for heading in (
        "\nratio",
        "rolled\nback %",
        "promoted\n%",
        "unsure,\nheld %",
        f"rollback\nafter {unit}",
        f"promotion\nafter {unit}",
        "excess\nfailures",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for ratio, result in simulated.rows:
        promotion = result.healthy.looks
        table.add_row(
            f"{ratio:g}",
            *(_with_interval(ending.share) for ending in (result.unhealthy, result.healthy, result.unsure)),
            _two_figures(result.unhealthy.looks, look),
            "-" if promotion is None else _figure(promotion.median * look),
            _two_figures(result.unhealthy.excess, 1.0, whole=True),
        )
    yield from (_heading(plan), Text(), table, Text(f"\n{_LEGEND}", style="dim"))
    yield from (Text(f"\n{note}") for note in simulated.notes())


def _promise(plan: Plan) -> str:
    terms = plan.terms
    negligible = "" if terms.negligible is None else f", and more than {100 * terms.negligible:g} % of requests,"
    return (
        f"The promise: a release that fails no more often than live is rolled back in at most "
        f"{100 * terms.false_alarm:g} % of rollouts; one that fails {terms.margin:g} times as often or more"
        f"{negligible} is promoted in at most {100 * terms.wrong_promotion:g} %. In between, either may happen."
    )


def _broken_promises(simulated: Simulated) -> Iterator[str]:
    """Said only where chance alone does not explain it, or where the data is not what the mode is for."""
    plan, terms, broken = simulated.plan, simulated.plan.terms, []
    rolled_back = [(result.unhealthy.share, ratio) for ratio, result in simulated.rows if ratio <= 1]
    promoted = [
        (result.healthy.share, ratio)
        for ratio, result in simulated.rows
        if ratio >= terms.margin and ratio * plan.error_rate / 100 >= (terms.negligible or 0)
    ]
    for rows, allowed, end in (
        (rolled_back, terms.false_alarm, "rolled back"),
        (promoted, terms.wrong_promotion, "promoted"),
    ):
        share, ratio = max(rows, key=lambda row: row[0].count, default=(Share(0, 1), 1.0))
        if share.low > allowed:
            broken.append(f"{_percent(share)} % of {_releases(ratio)} are {end}")
    advice = ""
    if plan.burst > 1 and terms.mode == "independent":
        advice = f" Failures in bursts of {plan.burst:g} are not independent of each other: use --mode bursty."
    if broken:
        yield f"The promise is broken here: {', and '.join(broken)}.{advice}"
    elif advice:
        yield f"The promise does not cover this traffic.{advice}"


def _undecided(simulated: Simulated) -> Iterator[str]:
    """What to change when releases end UNSURE that need not."""
    plan, terms = simulated.plan, simulated.plan.terms
    if not plan.error_rate:
        if terms.negligible is None:
            yield (
                "Without a failure there is no evidence, and every release is held, whatever its ratio: say which "
                "error rate does not matter, such as --negligible 0.05 with --mode independent."
            )
            return
        yield "With an error rate of 0, the releases of all ratios are the same: none ever fails."
    decidable = [
        (_is_promotable(plan, ratio), result.unsure.share, ratio)
        for ratio, result in simulated.rows
        if not 1 < ratio < terms.margin and result.unsure.share.value > _MOST_UNSURE
    ]
    if not decidable:
        return
    # What holds good releases is said first: it is what stands in the way every day.
    promotable, unsure, ratio = max(decidable, key=lambda row: (row[0], row[1].count))
    percent, _ = plan.steps[-1]
    takes, helps = _promotion(plan, ratio, percent) if promotable else ("", _helps_to_roll_back(plan, percent))
    if terms.mode == "bursty" and plan.burst == 1:
        helps.append("--mode independent, if failures do not come in bursts")
    *others, last = helps or ["more traffic"]
    yield (
        f"{_percent(unsure)} % of {_releases(ratio)} end UNSURE after "
        f"{_in_words(plan.looks * plan.seconds_per_look)} and are held: too little happens to judge by. "
        f"{takes}What helps: {', '.join(others) + ', or ' if others else ''}{last}."
    )


def _is_promotable(plan: Plan, ratio: float) -> bool:
    return ratio <= 1 or ratio * plan.error_rate / 100 < (plan.terms.negligible or 0)


def _promotion(plan: Plan, ratio: float, percent: float) -> tuple[str, list[str]]:
    """How long such releases take to be promoted, and what would get them there."""
    seconds, helps = _seconds_to_promotion(plan, ratio, percent), []
    looks = _looks(plan, seconds)
    if plan.steps[-1][1] < looks <= plan.most_looks:
        helps.append(f"{_longer(plan)} ({looks:.0f} looks)" if plan.ramp else f"{_longer(plan)} ({looks:.0f})")
    at_half = _seconds_to_promotion(plan, ratio, 50.0) if percent < 50 else None
    if at_half is not None and _looks(plan, at_half) <= plan.most_looks:
        helps.append(f"more weight (at 50 % {_about(plan, at_half)})")
    if plan.terms.negligible is None and plan.terms.mode == "independent":
        helps.append(f"--negligible, if an error rate above {plan.error_rate:g} % does not matter")
    takes = (
        f"With {percent:g} % of the traffic on the candidate, promoting 9 of 10 "
        f"{'unchanged releases' if ratio == 1 else 'of them'} takes {_about(plan, seconds)}. "
    )
    return takes, helps


def _helps_to_roll_back(plan: Plan, percent: float) -> list[str]:
    """Without a time: how long a bad release takes to be promoted is not what anybody waits for."""
    helps = [_longer(plan)] if plan.steps[-1][1] < plan.most_looks else []
    return [*helps, "more weight"] if percent < 50 else helps


def _longer(plan: Plan) -> str:
    return "a longer last step" if plan.ramp else "more looks"


def _looks(plan: Plan, seconds: float | None) -> float:
    return inf if seconds is None else ceil(seconds / plan.seconds_per_look)


def _seconds_to_promotion(plan: Plan, ratio: float, percent: float) -> float | None:
    return seconds_to_promotion(plan.traffic(ratio, weights=(percent,)), plan.terms)


def _about(plan: Plan, seconds: float | None) -> str:
    if seconds is None:
        return f"more than {_in_words(furthest_seconds(plan.traffic(1.0), plan.terms))}"
    return f"about {_in_words(seconds)}"


def _in_words(seconds: float) -> str:
    """A span to two figures, as an estimate deserves."""
    if seconds >= 365 * 86_400:
        return "a year"
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):.12g} {unit}"
    return f"{seconds:.3g} s"


def _releases(ratio: float) -> str:
    return "unchanged releases" if ratio == 1 else f"releases that fail {ratio:g} times as often as live"


def _heading(plan: Plan) -> Table:
    steps = ", ".join(f"{percent:g} % for {'' if plan.ramp else 'up to '}{looks}" for percent, looks in plan.steps)
    bursts = f", in bursts of {plan.burst:g}" if plan.burst > 1 else ""
    heading = Table.grid(padding=(0, 2))
    heading.add_column(no_wrap=True, style="dim")
    heading.add_column()
    heading.add_row(
        "traffic", f"{plan.requests_per_second:.12g} requests/s, {plan.error_rate:g} % fail on live{bursts}"
    )
    heading.add_row(
        "candidate", f"{steps} {'look' if plan.looks == 1 else 'looks'}, one every {plan.seconds_per_look:g} s"
    )
    heading.add_row(
        "judged as", f"{plan.terms.mode}; each row is {plan.runs} {'rollout' if plan.runs == 1 else 'rollouts'}"
    )
    return heading


def _percent(share: Share) -> str:
    return f"{100 * share.value:.3g}"


def _with_interval(share: Share) -> str:
    return f"{100 * share.value:.1f} ±{100 * max(share.high - share.value, share.value - share.low):.1f}"


def _two_figures(spread: Spread | None, size: float, *, whole: bool = False) -> str:
    if spread is None:
        return "-"
    return f"{_figure(spread.median * size, whole=whole)} / {_figure(spread.p95 * size, whole=whole)}"


def _figure(value: float, *, whole: bool = False) -> str:
    for suffix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.3g}{suffix}"
    return str(round(value)) if whole or abs(value) >= 1000 else f"{value:.3g}"


def _unit(seconds: float) -> tuple[str, int]:
    """The unit for times up to `seconds`, and its length: a table of weeks is not read in minutes."""
    for unit, size, most in (("s", 1, 600), ("min", 60, 86_400), ("h", 3600, 60 * 86_400)):
        if seconds <= most:
            return unit, size
    return "days", 86_400
