"""How rollouts of given traffic end: how often in which verdict, when, and at what price in failed requests."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, inf, sqrt
from random import Random

from ..engine.comparison import Terms
from ..engine.errors import ConfigurationError
from ..engine.model import Verdict
from .traffic import Traffic

_Z = 1.959964
"""The standard normal quantile that leaves 5 % outside on both sides together."""
_LONGEST_SECONDS = 365 * 86_400  # no rollout waits a year
_MOST_EQUAL_LOOKS = 2000
_GROWTH = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `runs`, with the 95 % confidence interval of the probability behind it, all from 0 to 1.

    The interval is Wilson's score interval (Journal of the American Statistical Association 22, 1927, 209-212): it is
    also right near 0 and 1, where the shares of interest lie and the usual p ± 1.96 s is not (Brown, Cai and DasGupta
    2001, Statistical Science 16, 101-133).
    """

    count: int
    runs: int

    @property
    def value(self) -> float:
        """The share that was seen."""
        return self.count / self.runs

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return 0.0 if self.count == 0 else self._centre() - self._half_width()

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return 1.0 if self.count == self.runs else self._centre() + self._half_width()

    def _centre(self) -> float:
        return (self.value + _Z * _Z / (2 * self.runs)) / (1 + _Z * _Z / self.runs)

    def _half_width(self) -> float:
        variance = self.value * (1 - self.value) / self.runs + (_Z / (2 * self.runs)) ** 2
        return _Z * sqrt(variance) / (1 + _Z * _Z / self.runs)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the tail of a figure: values that were seen, at or below which lie 50 % and 95 % of the runs."""

    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Ending:
    """The runs that ended in one verdict, and what they were like. The figures are of these runs only.

    share: how many they are, among all runs.
    looks: looks until the end.
    bad: bad events of the candidate until the end.
    excess: bad events of the candidate above what live's rate would have given on the same requests. Below zero where
        the candidate was lucky.

    `None`: no run ended so.
    """

    share: Share
    looks: Spread | None
    bad: Spread | None
    excess: Spread | None


@dataclass(frozen=True, slots=True)
class OperatingCharacteristics:
    """How `runs` rollouts ended: rolled back (`unhealthy`), promoted (`healthy`) or undecided (`unsure`)."""

    runs: int
    unhealthy: Ending
    healthy: Ending
    unsure: Ending


def operating_characteristics(
    traffic: Traffic,
    terms: Terms,
    *,
    runs: int,
    seed: int,
    promotes_from: int | None = 1,
    completed: Callable[[int], None] | None = None,
) -> OperatingCharacteristics:
    """Play `runs` rollouts of the traffic and judge each by `terms`. The same seed gives the same result.

    A run ends with the look at which it becomes UNHEALTHY. It ends with the first look, counted from 1 and not before
    `promotes_from`, after which it is HEALTHY: the default 1 promotes at the first HEALTHY; the number of looks
    promotes after the last step as a rollout of several steps does, with a harm found on the way still rolling it back;
    `None` never promotes, which shows what rollback alone detects. What ends in neither way is UNSURE.

    completed: called after each run with the number of runs played so far.

    Raises ConfigurationError for traffic without looks, fewer runs than 1 and a `promotes_from` outside the looks.
    """
    looks = len(traffic.weights)
    if not looks:
        raise ConfigurationError("the traffic has no looks: give one weight for each look")
    if runs < 1:
        raise ConfigurationError(f"runs is {runs}: give 1 or more")
    if promotes_from is not None and not 1 <= promotes_from <= looks:
        raise ConfigurationError(f"promotes_from is {promotes_from}: give a look from 1 to {looks}, or None for never")
    random = Random(seed)  # noqa: S311  # made-up traffic, no secret
    # The true rates and not those that a run happens to show: the difference would be noise in the excess.
    rates = tuple(traffic.live_rate(look) for look in range(looks))
    ended: dict[Verdict, list[tuple[int, int, float]]] = {verdict: [] for verdict in Verdict}
    for run in range(1, runs + 1):
        verdict, figures = _play(traffic, rates, terms, random, looks + 1 if promotes_from is None else promotes_from)
        ended[verdict].append(figures)
        if completed is not None:
            completed(run)
    return OperatingCharacteristics(
        runs,
        unhealthy=_ending(ended[Verdict.UNHEALTHY], runs),
        healthy=_ending(ended[Verdict.HEALTHY], runs),
        unsure=_ending(ended[Verdict.UNSURE], runs),
    )


def _play(
    traffic: Traffic, rates: tuple[float, ...], terms: Terms, random: Random, promotes_from: int
) -> tuple[Verdict, tuple[int, int, float]]:
    """One rollout: how it ended, and its looks, the candidate's bad events and how many of them are in excess."""
    evidence = terms.start()
    bad, expected, look = 0, 0.0, 0
    for live, candidate in traffic.looks(random):
        bad += candidate.bad
        expected += candidate.requests * rates[look]
        look += 1
        evidence = evidence.observe(live, candidate)
        if evidence.was_unhealthy:
            return Verdict.UNHEALTHY, (look, bad, bad - expected)
        if evidence.was_healthy and look >= promotes_from:
            return Verdict.HEALTHY, (look, bad, bad - expected)
    return Verdict.UNSURE, (look, bad, bad - expected)


def _ending(ended: list[tuple[int, int, float]], runs: int) -> Ending:
    share = Share(len(ended), runs)
    if not ended:
        return Ending(share, looks=None, bad=None, excess=None)
    looks, bad, excess = zip(*ended, strict=True)
    return Ending(share, looks=_spread(looks), bad=_spread(bad), excess=_spread(excess))


def _spread(values: Iterable[float]) -> Spread:
    ordered = sorted(values)
    return Spread(median=ordered[ceil(0.5 * len(ordered)) - 1], p95=ordered[ceil(0.95 * len(ordered)) - 1])


def furthest_seconds(traffic: Traffic, terms: Terms) -> float:
    """How far the estimate looks: a year, or, with mode "bursty", 2000 looks, each of which takes its time to play."""
    return min(_LONGEST_SECONDS, _MOST_EQUAL_LOOKS * traffic.seconds_per_look if terms.mode == "bursty" else inf)


def seconds_to_promotion(
    traffic: Traffic, terms: Terms, *, share: float = 0.9, runs: int = 100, seed: int = 1
) -> float | None:
    """Seconds until `share` of such releases are HEALTHY when the last of the traffic's weights is kept for good.

    `None` when that is beyond `furthest_seconds`. The traffic's swing and incident are left out. In mode "independent"
    a look lasts a tenth of the time that has passed, so that the estimate is up to a tenth too high and a year takes
    150 looks and no half million: there, evidence depends on the counts and hardly on how often one looks. In mode
    "bursty" it does depend on it, and each look is played.
    """
    intervals = list(_intervals(traffic, terms))
    random = Random(seed)  # noqa: S311  # made-up traffic, no secret
    needed = ceil(share * runs)
    found: list[float] = []
    for run in range(runs):
        reached = _seconds_until_promoted(intervals, terms, random)
        if reached is not None:
            found.append(reached)
        elif run + 1 - len(found) > runs - needed:
            return None
    return sorted(found)[needed - 1]


def _seconds_until_promoted(intervals: list[tuple[float, Traffic]], terms: Terms, random: Random) -> float | None:
    evidence = terms.start()
    for passed, traffic in intervals:
        evidence = evidence.observe(*next(traffic.looks(random)))
        if evidence.was_unhealthy:
            return None
        if evidence.was_healthy:
            return passed
    return None


def _intervals(traffic: Traffic, terms: Terms) -> Iterator[tuple[float, Traffic]]:
    """For each look the seconds that have passed at its end, and its traffic."""
    looks, furthest = 0, furthest_seconds(traffic, terms)
    while (looks + 1) * traffic.seconds_per_look <= furthest:
        length = 1 if terms.mode == "bursty" else max(1, int(looks * _GROWTH))
        looks += length
        requests = traffic.requests_per_second * traffic.seconds_per_look * length
        yield (
            looks * traffic.seconds_per_look,
            # Only the product of traffic and time matters; a look of a day leaves room for both.
            Traffic(
                requests_per_second=min(1e7, requests / 86_400),
                bad_rate=traffic.bad_rate,
                weights=traffic.weights[-1:],
                ratio=traffic.ratio,
                seconds_per_look=86_400,
                burst=traffic.burst,
            ),
        )
