"""How the bad events of a past time fell on two sides that served the same release, and whether as by chance.

Three questions, each with an estimate and its uncertainty. Do the bad events scatter between the sides as independent
ones do, or in bursts? Do both sides fail equally often? Does one interval's deviation tell anything of the next one's?
Only the counts of each interval itself enter, as in the comparison: the error rate, the traffic and the weights may
change at will between intervals. Exchanging the sides changes no answer but the direction of the second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import TypeAlias, TypeVar

from ..engine.model import Arm

_Value = TypeVar("_Value")
Interval: TypeAlias = tuple[Arm | None, Arm | None]
"""What live and candidate did in one interval; `None` is a side without data."""

BLOCKS = 30
"""Uncertainty is measured between this many stretches of the past, each left out in turn. Fewer would make it a guess;
more would make the stretches so short that what holds on for minutes is taken for many separate witnesses."""
_T = 2.045
"""Two-sided 95 % point of Student's t with BLOCKS - 1 degrees of freedom."""
_NORMAL = 1.96
PERSISTENCE_SPAN = 10
"""How many intervals together `persistence` looks at: as long as a bad host or a slow zone is noticed in practice, and
short enough for a day to hold 144 of them."""
PERSISTENT = 1.25
"""From here on, deviations that hold on count; a retry storm that falls into two intervals stays below."""
_CERTAIN_PERSISTENCE = 2.6
"""One-sided 99.5 % point of the normal distribution."""
TO_RULE_PERSISTENCE_OUT = 800
"""In about so many neighbouring intervals it is nearly always ruled out that deviations hold on, if they do not."""
ALIKE = 1.1
"""Halves of a fleet are never quite equal, and much data proves any difference: up to this failure ratio, unchanged
releases are still hardly ever rolled back, and from 1.2 on too often (docs/statistics.md, first table)."""
_CERTAIN_DIFFERENCE = 3.66
"""Two-sided 99.9 % point of Student's t with BLOCKS - 1 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Split:
    """How the bad events of one interval fell on the sides, beside what chance alone gives.

    Given the interval's counts, independent bad events fall on the candidate as in a draw without replacement: the
    candidate's number is hypergeometric.

    bad: the bad events of both sides together.
    deviation: the candidate's bad events, less those that its part of the requests would have.
    variance: of the deviation, for independent events.
    for_candidate, for_live: each side's bad events, times the other side's part of the requests; without a difference
        between the sides their sums are equal (Mantel and Haenszel's weights).
    smaller: the bad events that the side with fewer requests would have.
    """

    bad: int
    deviation: float
    variance: float
    for_candidate: float
    for_live: float
    smaller: float

    @classmethod
    def of(cls, live: Arm | None, candidate: Arm | None) -> "Split | None":
        """The split of one interval, or `None` where a side had no data: nothing can be compared there."""
        if live is None or candidate is None or not live.requests or not candidate.requests:
            return None
        total, bad = live.requests + candidate.requests, live.bad + candidate.bad
        for_candidate, for_live = candidate.bad * live.requests, live.bad * candidate.requests
        # Whole numbers until the last division: exchanging the sides must give the very same numbers.
        spread = bad * live.requests * candidate.requests * (total - bad)
        return cls(
            bad,
            (for_candidate - for_live) / total,
            spread / (total * total * (total - 1)),
            for_candidate / total,
            for_live / total,
            bad * min(live.requests, candidate.requests) / total,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number taken from data, and how far to trust it.

    low, high: the ends of its 95 % confidence interval; `None` where data is too short for one.
    errors_off: how many standard errors it lies above (negative: below) what holds when nothing is wrong: 1 for
        quotients, 0 for a correlation; `None` like the ends.
    """

    value: float
    low: float | None = None
    high: float | None = None
    errors_off: float | None = None


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How many times as much the candidate's part of the bad events scatters as independent events would.

    phi: 1 for independent events, 2b - 1 for bursts of geometric size with mean b; `None` without any data.
    intervals, bad: what it rests on.
    smaller: how many of these bad events the side with fewer requests would have: bursts that never reach the smaller
        side leave no trace in phi, so that many intervals with few of these prove nothing.
    """

    phi: Estimate | None
    intervals: int
    bad: int
    smaller: float


@dataclass(frozen=True, slots=True)
class Persistence:
    """Whether consecutive intervals deviate together.

    correlation: of the standardised deviations of neighbouring intervals; 0 when each interval is on its own.
    together: the variance of PERSISTENCE_SPAN intervals together, by that of as many apart; 1 when each interval is on
        its own. It finds what holds on for long and is too faint to show from one interval to the next.
    pairs: how many pairs of neighbours were compared.
    """

    correlation: Estimate
    together: Estimate
    pairs: int

    @property
    def holds_on(self) -> bool:
        """Whether deviations hold on so much that it matters, and so clearly that it is no chance."""
        errors_off = self.together.errors_off
        return errors_off is not None and errors_off > _CERTAIN_PERSISTENCE and self.together.value > PERSISTENT

    @property
    def is_ruled_out(self) -> bool:
        """Whether nothing holds on, by data in which it would have been seen.

        The whole interval of `together` lies below PERSISTENT, or it is so narrow that around 1 it would: to ask more
        of a day of minutes would call every fifth day in which nothing holds on too short.
        """
        value, high = self.together.value, self.together.high
        return high is not None and value <= PERSISTENT and (high <= PERSISTENT or self.times_to_rule_out <= 1)

    @property
    def times_to_rule_out(self) -> float:
        """How many times this data `is_ruled_out` takes when nothing holds on; errors shrink with its square root."""
        value, high = self.together.value, self.together.high
        return inf if high is None else ((high - value) / (PERSISTENT - 1)) ** 2


def dispersion(splits: Iterable[Split | None]) -> Dispersion:
    """The dispersion over all intervals with at least two bad events.

    A lone bad event has nothing to depend on: it falls on the candidate with the same odds whether or not events come
    in bursts, so that its square deviates by exactly its variance on average. Such intervals would only pull the answer
    towards 1. Sums are divided, not single intervals: the mean of quotients would let an interval with two bad events
    count as much as one with two hundred.
    """
    used = [split for split in splits if split is not None and split.bad >= 2 and split.variance > 0]
    squares = [split.deviation * split.deviation for split in used]
    variances = [split.variance for split in used]
    return Dispersion(
        _phi(squares, variances), len(used), sum(split.bad for split in used), sum(split.smaller for split in used)
    )


def _phi(squares: Sequence[float], variances: Sequence[float]) -> Estimate | None:
    """With an interval on the scale of logarithms: phi cannot be negative, and errs upwards further than downwards."""
    if not variances:
        return None
    value, left_out = sum(squares) / sum(variances), _left_out(squares, variances)
    if left_out is None:
        return Estimate(value)
    return _on_log_scale(value, _jackknifed(left_out) / value) if value else Estimate(value, value, value)


def failure_ratio(splits: Iterable[Split | None]) -> Estimate | None:
    """How many times as often as live the candidate fails, interval by interval: 1 in a true A/A.

    `None` when a side had no bad event at all: then there is no finite quotient. The estimate is Mantel and Haenszel's;
    its uncertainty is measured from stretch to stretch, so that bursts widen it.
    """
    used = [split for split in splits if split is not None and split.bad]
    candidate, live = [split.for_candidate for split in used], [split.for_live for split in used]
    if not sum(candidate) or not sum(live):
        return None
    ratio, left_out = sum(candidate) / sum(live), _left_out(candidate, live)
    # A side whose bad events all lie in one stretch tells nothing about the others.
    if left_out is None or not all(left_out):
        return Estimate(ratio)
    return _on_log_scale(ratio, _jackknifed([log(other) for other in left_out]))


def is_different(ratio: Estimate) -> bool:
    """Whether the sides fail so unequally that it matters, and so clearly that it is no chance."""
    errors_off = ratio.errors_off
    return errors_off is not None and abs(errors_off) > _CERTAIN_DIFFERENCE and not 1 / ALIKE <= ratio.value <= ALIKE


def persistence(splits: Sequence[Split | None]) -> Persistence | None:
    """Whether neighbouring intervals deviate together; `None` with too few of them to tell.

    The variance ratio of Lo and MacKinlay, Review of Financial Studies 1 (1988), 41-66, with its standard errors that
    allow each interval a variance of its own. Deviations are taken from their mean: a side that always fails more is
    what `failure_ratio` finds, not persistence.
    """
    found = [split for split in splits if split is not None and split.variance > 0]
    if len(found) < BLOCKS:
        return None
    mean = sum(split.deviation / sqrt(split.variance) for split in found) / len(found)
    series = [
        split.deviation / sqrt(split.variance) - mean if split is not None and split.variance > 0 else None
        for split in splits
    ]
    power = sum(value * value for value in series if value is not None) / len(found)
    if not power:
        return None
    correlations, variances, pairs = [], [], []
    for lag in range(1, PERSISTENCE_SPAN):
        # Neighbours in time, not in the list of what is left: an interval without data parts its neighbours.
        products = [
            one * other
            for one, other in zip(series[lag:], series[:-lag], strict=True)
            if one is not None and other is not None
        ]
        if len(products) < BLOCKS:
            return None
        correlations.append(sum(products) / len(products) / power)
        variances.append(sum(product * product for product in products) / (len(products) * power) ** 2)
        pairs.append(len(products))
    weights = [2 * (1 - lag / PERSISTENCE_SPAN) for lag in range(1, PERSISTENCE_SPAN)]
    together = 1 + sum(weight * value for weight, value in zip(weights, correlations, strict=True))
    error = sqrt(sum(weight * weight * value for weight, value in zip(weights, variances, strict=True)))
    correlation = _on_plain_scale(correlations[0], sqrt(variances[0]), expected=0, least=-1)
    return Persistence(correlation, _on_plain_scale(together, error, expected=1, least=0), pairs[0])


def _left_out(above: Sequence[float], below: Sequence[float]) -> list[float] | None:
    """The quotient of two sums without each stretch in turn; `None` where that is undefined.

    Stretches and not single intervals, because neighbours may resemble each other: Künsch, Annals of Statistics 17
    (1989), 1217-1241.
    """
    if len(above) < BLOCKS:
        return None
    total_above, total_below = sum(above), sum(below)
    rests = [
        (total_above - sum(part_above), total_below - sum(part_below))
        for part_above, part_below in zip(_blocks(above), _blocks(below), strict=True)
    ]
    # What rounding leaves of a sum is nothing.
    nothing = total_below * 1e-9
    return None if any(rest < nothing for _, rest in rests) else [max(rest, 0.0) / other for rest, other in rests]


def _jackknifed(left_out: Sequence[float]) -> float:
    """The standard error, from what leaving out each stretch changes."""
    mean = sum(left_out) / BLOCKS
    return sqrt((BLOCKS - 1) / BLOCKS * sum((other - mean) ** 2 for other in left_out))


def _on_log_scale(value: float, error: float) -> Estimate:
    """`error` is the standard error of the logarithm; beyond a factor of a million nothing is known anyway."""
    factor = exp(min(_T * error, log(1e6)))
    return Estimate(value, value / factor, value * factor, _errors_off(log(value), error))


def _on_plain_scale(value: float, error: float, expected: float, least: float) -> Estimate:
    width = _NORMAL * error
    return Estimate(value, max(least, value - width), value + width, _errors_off(value - expected, error))


def _errors_off(difference: float, error: float) -> float | None:
    return difference / error if error else None


def _blocks(values: Sequence[_Value]) -> list[Sequence[_Value]]:
    """BLOCKS stretches of nearly equal length, in order."""
    ends = [len(values) * block // BLOCKS for block in range(BLOCKS + 1)]
    return [values[start:end] for start, end in pairwise(ends)]
