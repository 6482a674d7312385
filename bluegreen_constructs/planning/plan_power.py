"""What a plan can see: its steps, its traffic and its terms say beforehand how soon a bad release is found."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import log
from typing import TypeAlias

from ..engine.comparison import Terms
from ..engine.errors import ConfigurationError
from ..engine.spans import in_words
from ..engine.strategy import Step, Strategy
from .calm_crossing import calm_crossing
from .crossing import Counts, Crossing, crossing, either, seen
from .expected_traffic import ExpectedTraffic

LOOK = timedelta(minutes=1)
"""Elastic Load Balancing publishes once a minute."""
RATIOS = (2.0, 3.0, 5.0)
LONGEST = 30 * 24 * 60
"""Looks for which the last step is taken to go on where it is too short: 30 days."""
_MOST_DISPERSED = 1.25  # as the backtest's limit for mode "independent"

Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True)
class Detection:
    """What happens to a release that fails more often than live.

    ratio: how many times as often. rate: its bad events per request. Where the terms name a negligible rate that is
        more than `margin` times live's, a release that fails just so often is the one at the margin, and all are
        measured by it: then `rate` is more than `ratio` times live's.
    minutes: until it is UNHEALTHY, from the start of the first step; in half of the rollouts it is sooner. Where the
        steps are too short, the last one is taken to go on; None where 30 days would not do.
    chance: that it is found before the last step ends.
    excess_failures: requests that it fails beyond what live would have, until it is found or the last step ends; the
        mean.
    """

    ratio: float
    rate: float
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

    def lines(self) -> Iterator[str]:
        """For people: the plan, and a table of 71 columns."""
        yield f"{self.plan}, at {self.traffic}"
        yield f"{'a release that fails':25}{'is found after':>15}{'in the steps':>14}{'excess failures':>17}"
        for found in self.detections:
            name = f"{found.ratio:g} times as often"
            if found.rate > 1.001 * found.ratio * self.traffic.error_rate:
                name = f"{100 * found.rate:.3g} % of requests"
            chance, excess = f"{100 * found.chance:.0f} %", f"{found.excess_failures:.0f}"
            yield f"{name:25}{_after(found.minutes):>15}{chance:>14}{excess:>17}"
        promoted = f"{100 * self.promotion_chance:.0f} %"
        yield f"{'unchanged: promoted after':25}{_after(self.promotion_minutes):>15}{promoted:>14}"
        yield (
            f"at most {100 * self.terms.false_alarm:g} % of unchanged releases are rolled back, and "
            f"{100 * self.terms.wrong_promotion:g} % of those at {self.terms.margin:g} times promoted"
        )

    def as_json(self) -> dict[str, object]:
        """For machines: numbers, with their units in the names."""
        terms = self.terms
        return {
            "plan": self.plan,
            "requests_per_second": self.traffic.requests_per_second,
            "error_rate": self.traffic.error_rate,
            "burst": self.traffic.burst,
            "mode": terms.mode,
            "negligible": terms.negligible,
            "false_rollback_at_most": terms.false_alarm,
            "margin": terms.margin,
            "wrong_promotion_at_most": terms.wrong_promotion,
            "detections": [
                {
                    "ratio": found.ratio,
                    "bad_rate": found.rate,
                    "median_minutes": found.minutes,
                    "chance_within_steps": round(found.chance, 4),
                    "excess_failures": round(found.excess_failures, 1),
                }
                for found in self.detections
            ],
            "promotion_median_minutes": self.promotion_minutes,
            "promotion_chance_within_steps": round(self.promotion_chance, 4),
        }


def plan_power(strategy: Strategy, traffic: ExpectedTraffic, terms: Terms, *, budget: float = 1.0) -> PlanPower:
    """What the plan can see; computed once for the same arguments, however many services share them.

    budget: the comparison's part of the false alarm when several share it (default: all of it).

    Raises ConfigurationError for a strategy without a step of a minute or more, in which nothing can be compared; for
    bursts that the mode is not for; and for a margin at which more than all requests would fail.
    """
    return _power(compared_steps(strategy), traffic, possible_terms(traffic, terms), budget)


def compared_steps(strategy: Strategy) -> Steps:
    """The steps in which a comparison is asked. Raises ConfigurationError where there are none."""
    steps = strategy.steps()
    if not steps:
        raise ConfigurationError(
            f"{type(strategy).__name__} has no step below 100 %, so that nothing is ever compared: give Canary or "
            "Linear, or leave the comparison out"
        )
    if not any(step.span >= LOOK for step in steps):
        raise ConfigurationError(
            f"the steps of {type(strategy).__name__} are shorter than a minute, and counts come once a minute: bake "
            "for a minute or longer, or leave the comparison out"
        )
    return steps


def possible_terms(traffic: ExpectedTraffic, terms: Terms) -> Terms:
    """`terms` by themselves. Raises ConfigurationError where they do not fit the traffic."""
    plain = terms.start().terms
    # The size of bursts is taken for geometric.
    if plain.mode == "independent" and 2 * traffic.burst - 1 > _MOST_DISPERSED:
        raise ConfigurationError(
            f'errors are expected in bursts of {traffic.burst:g}, and mode "independent" would roll good releases back '
            'for them: compare with mode="bursty"'
        )
    if plain.margin * traffic.error_rate >= 1:
        raise ConfigurationError(
            f"margin is {plain.margin:g} and {100 * traffic.error_rate:g} % of live's requests are bad, so that a "
            "release at the margin would fail more than all of them: give a smaller margin"
        )
    return plain


def tells_apart(steps: Steps, traffic: ExpectedTraffic, terms: Terms, budget: float) -> tuple[float, float]:
    """The chances to find a release at the margin, and to promote an unchanged one, before the last step ends."""
    at_margin = _candidate_rate(traffic, terms, terms.margin)
    looks = sum(map(_looks, steps))
    return (
        _harm(steps, traffic, terms, at_margin, budget, longer=0).chance(looks),
        _safety(steps, traffic, terms, longer=0).chance(looks),
    )


@lru_cache(maxsize=256)
def _power(steps: Steps, traffic: ExpectedTraffic, terms: Terms, budget: float) -> PlanPower:
    looks = sum(map(_looks, steps))
    detections = []
    for ratio in sorted({*RATIOS, terms.margin}):
        rate = _candidate_rate(traffic, terms, ratio)
        if rate < 1:
            found = _harm(steps, traffic, terms, rate, budget, longer=LONGEST)
            excess = _excess(steps, traffic, rate, found)
            detections.append(Detection(ratio, rate, found.median(), found.chance(looks), excess))
    promoted = _safety(steps, traffic, terms, longer=LONGEST)
    return PlanPower(described(steps), traffic, terms, tuple(detections), promoted.median(), promoted.chance(looks))


def _harm(steps: Steps, traffic: ExpectedTraffic, terms: Terms, rate: float, budget: float, *, longer: int) -> Crossing:
    counts = [_Look.of(step, traffic, rate).counts(1.0) for step in steps]
    return crossing(terms.start().harm, -log(terms.false_alarm * budget), _drawn_out(steps, counts, longer))


def _safety(steps: Steps, traffic: ExpectedTraffic, terms: Terms, *, longer: int) -> Crossing:
    start, needed = terms.start(), -log(terms.wrong_promotion)
    looks = [_Look.of(step, traffic, traffic.error_rate) for step in steps]
    counts = _drawn_out(steps, [look.counts(terms.margin) for look in looks], longer)
    if start.calm is None or terms.negligible is None:
        return crossing(start.safety, needed, counts)
    edge = terms.negligible / (1 - terms.negligible)
    own = _drawn_out(steps, [Counts(look.bad_candidate, look.good_candidate, edge) for look in looks], longer)
    # Of the mean of two, each alone has to be twice as much.
    needed += log(2)
    return either(crossing(start.safety, needed, counts), calm_crossing(start.calm, needed, own))


def _drawn_out(steps: Steps, counts: list[Counts], longer: int) -> list[tuple[int, Counts]]:
    lengths = [_looks(step) for step in steps]
    lengths[-1] += longer
    return list(zip(lengths, counts, strict=True))


def _looks(step: Step) -> int:
    return int(step.span / LOOK)


def _candidate_rate(traffic: ExpectedTraffic, terms: Terms, ratio: float) -> float:
    return ratio * max(traffic.error_rate, (terms.negligible or 0.0) / terms.margin)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look counts on average, among the looks in which both sides have any request."""

    live: float
    candidate: float
    bad_live: float
    bad_candidate: float
    seen_live: float
    seen_candidate: float
    burst: float

    @classmethod
    def of(cls, step: Step, traffic: ExpectedTraffic, candidate_rate: float) -> "_Look":
        requests = traffic.requests_per_second * LOOK.total_seconds()
        candidate, live = requests * step.percent / 100, requests * (100 - step.percent) / 100
        seen_live, seen_candidate = seen(live), seen(candidate)
        return cls(
            live,
            candidate,
            live * traffic.error_rate * seen_candidate,
            candidate * candidate_rate * seen_live,
            seen_live,
            seen_candidate,
            traffic.burst,
        )

    @property
    def good_candidate(self) -> float:
        """The candidate's good requests."""
        return self.candidate * self.seen_live - self.bad_candidate

    def counts(self, edge: float) -> Counts:
        """A look in which a side has a request has more of them than looks have on average."""
        odds = (self.candidate / self.seen_candidate) / (self.live / self.seen_live) * edge
        return Counts(self.bad_candidate, self.bad_live, odds, self.burst)


def _excess(steps: Steps, traffic: ExpectedTraffic, candidate_rate: float, found: Crossing) -> float:
    total, passed = 0.0, 0
    for step in steps:
        requests = traffic.requests_per_second * LOOK.total_seconds() * step.percent / 100
        in_excess = requests * (candidate_rate - traffic.error_rate)
        # A look is paid for in full by every rollout that begins it.
        total += in_excess * found.looks_begun(passed, passed + _looks(step))
        passed += _looks(step)
    return total


def _after(minutes: int | None) -> str:
    if minutes is None:
        return "over 30 days"
    for unit, size in (("days", 24 * 60), ("h", 60)):
        if minutes > 2 * size:
            return f"{minutes / size:.1f} {unit}"
    return f"{minutes} min"


def described(steps: Iterable[Step]) -> str:
    """The steps for a sentence, in short."""
    parts = [f"{step.percent:g} % for {in_words(step.span)}" for step in steps]
    return ", ".join(parts) if len(parts) <= 5 else f"{', '.join(parts[:2])}, … {parts[-1]}"
