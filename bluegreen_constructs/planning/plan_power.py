"""What a plan can see: its steps, its traffic and its terms say beforehand how soon a bad release is found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from math import isfinite, log
from typing import TypeAlias

from ..engine.comparison import Terms
from ..engine.errors import ConfigurationError
from ..engine.spans import in_words
from ..engine.strategy import Step, Strategy
from .crossing import Counts, Crossing, crossing, seen

LOOK = timedelta(minutes=1)
"""Elastic Load Balancing publishes once a minute."""
RATIOS = (2.0, 3.0, 5.0)
LEAST_CHANCE = 0.8
"""The usual power of a test: below it, one bad release in five would end undecided after the last step."""
_LONGEST = 30 * 24 * 60  # looks that the last step may be drawn out to
_LONGEST_BAKE = 24 * 60
_PERCENTS = (1, 2, 5, 10, 20, 25, 30, 40, 50)
_MARGINS = (2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 10.0, 20.0)
_NEGLIGIBLE = (0.0001, 0.0002, 0.0005, 0.001, 0.002)
_LIMITS = {"requests_per_second": (1e-6, 1e7), "error_rate": (0.0, 0.5), "burst": (1.0, 1e6)}

_Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True)
class ExpectedTraffic:
    """The traffic that a service expects while a release is tried.

    requests_per_second: over both sides together, on a quiet day: with less, a plan sees less than it says.
    error_rate: live's bad events per request, from 0 to 0.5 (0.002 is 0.2 %); "bad" as the comparison counts it.
    burst: the mean size of the bursts in which bad events come (default 1: one by one).

    Raises ConfigurationError, which is a ValueError, for traffic that cannot be.
    """

    requests_per_second: float
    error_rate: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be, and percent where a part of 1 is asked for."""
        for name, (least, most) in _LIMITS.items():
            given = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, int | float) or not isfinite(given):
                raise ConfigurationError(f"ExpectedTraffic {name} is {given!r}: give a number")
            if not least <= given <= most:
                percent = " (bad events per request: 0.002 is 0.2 %)" if name == "error_rate" else ""
                raise ConfigurationError(
                    f"ExpectedTraffic {name} is {given:g}: give a number from {least:g} to {most:g}{percent}"
                )

    def __str__(self) -> str:
        """For a sentence: "100 requests/s with 0.2 % errors"."""
        bursts = f" in bursts of {self.burst:g}" if self.burst > 1 else ""
        errors = f"{self.error_rate * 100:.3g} % errors" if self.error_rate else "no errors"
        return f"{self.requests_per_second:g} requests/s with {errors}{bursts}"


@dataclass(frozen=True)
class Detection:
    """What happens to a release that fails `ratio` times as often as live.

    Where the terms name a negligible rate that is more than `margin` times live's, a release that fails just so often
    is the one at the margin, and the other ratios are measured by it.

    minutes: until it is UNHEALTHY, from the start of the first step; in half of the rollouts it is sooner. Where the
        steps are too short, the last one is taken to go on; None where 30 days would not do.
    chance: that it is found before the last step ends.
    excess_failures: requests that it fails beyond what live would have, until it is found or the last step ends; the
        mean.
    """

    ratio: float
    minutes: int | None
    chance: float
    excess_failures: float


@dataclass(frozen=True)
class PlanPower:
    """What a plan can see, at the traffic that is expected.

    promotion_minutes: until an unchanged release is HEALTHY, from the start of the first step; None where 30 days would
        not do. promotion_chance: that it is by the end of the last step; else it is held.
    """

    plan: str
    traffic: ExpectedTraffic
    terms: Terms
    detections: tuple[Detection, ...]
    promotion_minutes: int | None
    promotion_chance: float

    @property
    def at_margin(self) -> Detection:
        """The release that must not be promoted."""
        return next(detection for detection in self.detections if detection.ratio == self.terms.margin)

    @property
    def is_enough(self) -> bool:
        """Whether the plan tells a release at its margin from an unchanged one before its last step ends."""
        return min(self.at_margin.chance, self.promotion_chance) >= LEAST_CHANCE

    def lines(self) -> Iterator[str]:
        """For people: the plan, and a table of 72 columns."""
        yield f"{self.plan}, at {self.traffic}"
        yield f"{'fails as often as live':26}{'found after':>14}{'in its steps':>14}{'failed in excess':>18}"
        for found in self.detections:
            after = "over 30 days" if found.minutes is None else in_words(timedelta(minutes=found.minutes))
            yield f"{f'{found.ratio:g} times':26}{after:>14}{100 * found.chance:>11.0f} % {found.excess_failures:>17.0f}"
        after = (
            "over 30 days" if self.promotion_minutes is None else in_words(timedelta(minutes=self.promotion_minutes))
        )
        yield f"{'unchanged: promoted':26}{after:>14}{100 * self.promotion_chance:>11.0f} %"
        yield (
            f"wrongly: unchanged rolled back at most {self.terms.false_alarm:.2g}, "
            f"{self.terms.margin:g} times promoted at most {self.terms.wrong_promotion:.2g}"
        )

    def as_json(self) -> dict[str, object]:
        """For machines: numbers, with their units in the names."""
        return {
            "plan": self.plan,
            "requests_per_second": self.traffic.requests_per_second,
            "error_rate": self.traffic.error_rate,
            "false_rollback_at_most": self.terms.false_alarm,
            "margin": self.terms.margin,
            "wrong_promotion_at_most": self.terms.wrong_promotion,
            "detections": [
                {
                    "ratio": found.ratio,
                    "median_minutes": found.minutes,
                    "chance_within_steps": round(found.chance, 4),
                    "excess_failures": round(found.excess_failures, 1),
                }
                for found in self.detections
            ],
            "promotion_median_minutes": self.promotion_minutes,
            "promotion_chance_within_steps": round(self.promotion_chance, 4),
        }


def plan_power(strategy: Strategy, traffic: ExpectedTraffic, terms: Terms) -> PlanPower:
    """What the plan can see; computed once for the same steps, traffic and terms, however many services share them.

    Raises ConfigurationError for a strategy without a step of a minute or more, in which nothing can be compared.
    """
    return _power(_compared(strategy), traffic, terms.start().terms)


def checked_plan(strategy: Strategy, traffic: ExpectedTraffic, terms: Terms) -> PlanPower:
    """`plan_power`, refused when the plan cannot see its own margin within its own steps, with what to change.

    A plan is enough when a release at the margin is found, and an unchanged one promoted, in `LEAST_CHANCE` of rollouts
    before the last step ends. Raises ConfigurationError for one that is not.
    """
    power = plan_power(strategy, traffic, terms)
    if not power.is_enough:
        raise ConfigurationError(
            f"{power.plan} at {traffic} cannot tell a release that fails {terms.margin:g} times as often as live from "
            f"a good one: before the last step ends it finds {100 * power.at_margin.chance:.0f} % of the one and promotes "
            f"{100 * power.promotion_chance:.0f} % of the other, and {100 * LEAST_CHANCE:.0f} % is the least of both: "
            f"{_remedy(_compared(strategy), traffic, power.terms)}"
        )
    return power


def _compared(strategy: Strategy) -> _Steps:
    steps = strategy.steps()
    if not any(step.span >= LOOK for step in steps):
        raise ConfigurationError(
            f"{type(strategy).__name__} has no step of a minute or more below 100 %, so that nothing is ever compared: "
            "give Canary or Linear, or leave the comparison out"
        )
    return steps


@lru_cache(maxsize=256)
def _power(steps: _Steps, traffic: ExpectedTraffic, terms: Terms) -> PlanPower:
    looks = [int(step.span / LOOK) for step in steps]
    ratios = sorted({*RATIOS, terms.margin})
    detections = []
    for ratio in ratios:
        found = _crossing(steps, traffic, terms, ratio, harm=True)
        detections.append(
            Detection(
                ratio,
                found.median(),
                found.chance(sum(looks)),
                _excess(steps, traffic, _candidate_rate(traffic, terms, ratio), found),
            )
        )
    promoted = _crossing(steps, traffic, terms, 1.0, harm=False)
    return PlanPower(
        _described(steps), traffic, terms, tuple(detections), promoted.median(), promoted.chance(sum(looks))
    )


def _crossing(steps: _Steps, traffic: ExpectedTraffic, terms: Terms, ratio: float, *, harm: bool) -> Crossing:
    start = terms.start()
    processes = [start.harm] if harm else [start.safety, *([start.calm] if start.calm is not None else [])]
    edge = 1.0 if harm else terms.margin
    rate = _candidate_rate(traffic, terms, ratio) if harm else traffic.error_rate
    counted = []
    for number, step in enumerate(steps):
        live, candidate, bad_live, bad_candidate = _look(step, traffic, rate)
        counts = [Counts(bad_candidate, bad_live, candidate / live * edge, traffic.burst)]
        if len(processes) > 1 and terms.negligible is not None:
            counts.append(Counts(bad_candidate, candidate - bad_candidate, terms.negligible / (1 - terms.negligible)))
        more = _LONGEST if number == len(steps) - 1 else 0
        counted.append((int(step.span / LOOK) + more, counts))
    return crossing(processes, -log(terms.false_alarm if harm else terms.wrong_promotion), counted)


def _candidate_rate(traffic: ExpectedTraffic, terms: Terms, ratio: float) -> float:
    return min(1.0, ratio * max(traffic.error_rate, (terms.negligible or 0.0) / terms.margin))


def _look(step: Step, traffic: ExpectedTraffic, candidate_rate: float) -> tuple[float, float, float, float]:
    """Requests of live and of the candidate in a look, and how many of them are bad, where both have any."""
    requests = traffic.requests_per_second * LOOK.total_seconds()
    candidate, live = requests * step.percent / 100, requests * (100 - step.percent) / 100
    bad_candidate = candidate * candidate_rate * seen(live)
    return live, candidate, live * traffic.error_rate * seen(candidate), bad_candidate


def _excess(steps: _Steps, traffic: ExpectedTraffic, candidate_rate: float, found: Crossing) -> float:
    total, passed = 0.0, 0
    for step in steps:
        _, candidate, _, bad = _look(step, traffic, candidate_rate)
        in_excess = max(0.0, bad - candidate * traffic.error_rate)
        length = int(step.span / LOOK)
        # A look is paid for in full by every rollout that begins it.
        total += in_excess * sum(1 - found.chance(passed + look) for look in range(length))
        passed += length
    return total


def _described(steps: Iterable[Step]) -> str:
    parts = [f"{step.percent:g} % for {in_words(step.span)}" for step in steps]
    return ", ".join(parts) if len(parts) <= 5 else f"{', '.join(parts[:2])}, … {parts[-1]}"


def _remedy(steps: _Steps, traffic: ExpectedTraffic, terms: Terms) -> str:
    """Every change that would do by itself, with its number."""
    *before, last = steps

    def passes(step: Step = last, changed: Terms = terms) -> bool:
        return _power((*before, step), traffic, changed).is_enough

    remedies = []
    bake = _least(range(1, _LONGEST_BAKE + 1), lambda minutes: passes(replace(last, bake=timedelta(minutes=minutes))))
    if bake is not None:
        remedies.append(f"{'bake' if not before else 'bake the last step'} for {in_words(timedelta(minutes=bake))}")
    heavier = [percent for percent in _PERCENTS if percent > last.percent]
    percent = next((percent for percent in heavier if passes(replace(last, percent=percent))), None)
    if percent is not None:
        remedies.append(f"give {'it' if not before else 'the last step'} {percent} % of the traffic")
    wider = [margin for margin in _MARGINS if margin > terms.margin]
    margin = next((margin for margin in wider if passes(changed=replace(terms, margin=margin))), None)
    if margin is not None:
        remedies.append(f"compare with margin={margin:g}")
    if terms.mode == "independent" and terms.negligible is None:
        small = [rate for rate in _NEGLIGIBLE if rate >= 2 * traffic.error_rate]
        rate = next((rate for rate in small if passes(changed=replace(terms, negligible=rate))), None)
        if rate is not None:
            remedies.append(f"say negligible={rate:g}")
    if not remedies:
        return (
            f"no bake of {in_words(timedelta(minutes=_LONGEST_BAKE))} would do at this traffic; judge by alarms instead"
        )
    return " or ".join(remedies)


def _least(numbers: range, does: Callable[[int], bool]) -> int | None:
    """The smallest that does, by bisection: more never does worse."""
    if not does(numbers[-1]):
        return None
    low, high = 0, len(numbers) - 1
    while low < high:
        middle = (low + high) // 2
        if does(numbers[middle]):
            high = middle
        else:
            low = middle + 1
    return numbers[low]
