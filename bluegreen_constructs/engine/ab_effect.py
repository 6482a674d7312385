"""How large is the difference of an A/B test, and is there one? An estimate and an interval that may be read any time.

The comparison of a rollout asks whether a release may stay; an A/B test asks by how much two variants differ. The
events counted may be bad ones (errors) or good ones (conversions). In each interval the events of both sides are looked
at together, and each ratio of the rates is judged by how well it foretells which of them are the candidate's. A ratio
is excluded when a mixture of all ratios has foretold the events 1 / (1 - confidence) times as well as it has.

Sources: Ville 1939 for "any time"; Robbins 1970, https://doi.org/10.1214/aoms/1177696786 (the mixture); Lindon and
Malek 2022, https://arxiv.org/abs/2011.03567 (counts). docs/statistics.md says what is promised, and of what data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp, inf, log, sinh

from .eprocess import Bets, EProcess, Form, log_sum
from .errors import ConfigurationError
from .finite import is_finite
from .interval_window import IntervalWindow
from .model import Arm

# Ratios from 1/8 to 8, close together around 1, where the effects of A/B tests lie, and wider apart towards the ends.
# Rounded, for a short JSON.
_FURTHEST = 8.0
_STEPS = 40
_CROWDING = 3.0
_RATIOS = tuple(
    round(_FURTHEST ** (sinh(_CROWDING * step / _STEPS) / sinh(_CROWDING)), 6) for step in range(-_STEPS, _STEPS + 1)
)
_SPREAD = 0.5
"""The standard deviation of the prior of a ratio's logarithm: half of it lies between 0.71 and 1.40."""


def _prior(ratios: Sequence[float]) -> tuple[float, ...]:
    """A log-normal around 1: its density at each ratio times the room between the ratio's neighbours."""
    at = [log(ratio) for ratio in ratios]
    room = [after - before for before, after in zip([at[0], *at[:-1]], [*at[1:], at[-1]], strict=True)]
    weights = [exp(-((place / _SPREAD) ** 2) / 2) * width for place, width in zip(at, room, strict=True)]
    return tuple(weight / sum(weights) for weight in weights)


# Bets on both sides of 1: against one ratio, unlike against "no higher than 1", a mixture of both is fair.
_AT_THE_START = EProcess.start(Bets(Form.LIKELIHOOD, _RATIOS, _prior(_RATIOS)))
_NOTHING = Arm(0, 0)
_NONE_SEEN = IntervalWindow()


class Difference(Enum):
    """What an A/B test has shown; the last one is no proof of equality."""

    CANDIDATE_HIGHER = "candidate higher"
    CANDIDATE_LOWER = "candidate lower"
    NOT_SHOWN = "no difference shown yet"


@dataclass(frozen=True, slots=True)
class AbEvidence:
    """What was counted of both variants so far, in constant memory; immutable: `observe` answers the next one.

        evidence = AbEvidence()
        evidence = evidence.observe(live=Arm(5000, 410), candidate=Arm(5000, 480))
        evidence.effect, evidence.interval(), evidence.verdict()

    An Arm's `bad` are the events counted here, whatever they mean, and its `requests` are the chances of one. Count
    what was assigned to a variant: where sessions are sticky, users and at most one event of each, not requests.

    process: the likelihood of each ratio of the grid, times its prior, against that of ratio 1; as logarithms.
    live, candidate: the counts of all intervals that were evidence.
    intervals: how many those were.
    seen: which numbered intervals have been counted.
    """

    process: EProcess = _AT_THE_START
    live: Arm = _NOTHING
    candidate: Arm = _NOTHING
    intervals: int = 0
    seen: IntervalWindow = _NONE_SEEN

    def observe(self, live: Arm | None, candidate: Arm | None, interval: int | None = None) -> "AbEvidence":
        """The evidence after one more interval; one in which a side had no requests changes nothing.

        `interval` numbers it, as in `Evidence.observe`: each number counts once. Raises ObservationError for a number
        that is no whole one, or that leaps as if it counted something else.
        """
        if live is None or candidate is None or not live.requests or not candidate.requests:
            return self
        if not self.seen.takes(interval):
            return self
        return AbEvidence(
            self.process.observe(candidate.bad, live.bad, candidate.requests / live.requests),
            self.live + live,
            self.candidate + candidate,
            self.intervals + 1,
            self.seen.with_interval(interval),
        )

    @property
    def live_rate(self) -> float | None:
        """Live's events by its requests; None without requests."""
        return _rate(self.live)

    @property
    def candidate_rate(self) -> float | None:
        """The candidate's events by its requests; None without requests.

        Where the split changed during the test, the quotient of the two rates is not the effect: a busy hour with many
        events then counts for one side more than for the other. `effect` compares within each interval.
        """
        return _rate(self.candidate)

    @property
    def effect(self) -> float | None:
        """How many times as high as live's the candidate's rate is: the likeliest ratio; None without events.

        0 where only live had events, infinity where only the candidate had; otherwise no further than the ends of the
        grid, 1/8 and 8, where the interval is open.
        """
        if not self.live.bad or not self.candidate.bad:
            return (inf if self.candidate.bad else 0.0) if self.live.bad or self.candidate.bad else None
        places, heights = self._likelihood()
        top = heights.index(0.0)
        if not 0 < top < len(places) - 1:
            return self.process.bets.at[top]
        # The top of the parabola through the highest point and its neighbours: where its slope, which falls evenly from
        # the middle of one side to that of the other, is zero.
        rise = (heights[top] - heights[top - 1]) / (places[top] - places[top - 1])
        fall = (heights[top] - heights[top + 1]) / (places[top + 1] - places[top])
        if not rise + fall > 0:
            return self.process.bets.at[top]
        half = (places[top + 1] - places[top - 1]) / 2
        return exp((places[top - 1] + places[top]) / 2 + half * rise / (rise + fall))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The ratios that the data allows, without the two ends themselves: (0, infinity) at the start.

        With a probability of at least `confidence` (0.5 or more, below 1) it holds the true ratio at all times, so that
        one may look, and stop, whenever one likes. Beyond the grid nothing is excluded: an interval that holds 1/8 or 8
        goes on to 0 or infinity. It stays valid without remembering earlier ones, and may widen again.

        Raises ConfigurationError for a confidence that is none.
        """
        if not is_finite(confidence) or not 0.5 <= confidence < 1:
            raise ConfigurationError(f"confidence is {confidence!r}: give a probability of 0.5 or more, below 1")
        places, heights = self._likelihood()
        shares = self.process.bets.shares
        mixture = log_sum([log(share) + height for share, height in zip(shares, heights, strict=True)])
        least = mixture + log(1 - confidence)
        low = _lower_end(places, heights, least)
        high = -_lower_end([-place for place in reversed(places)], heights[::-1], least)
        return exp(low), exp(high)

    def verdict(self, confidence: float = 0.95) -> Difference:
        """Whose rate is higher, as far as `interval(confidence)` shows it; it is withdrawn when that widens again.

        Raises ConfigurationError for a confidence that is none.
        """
        low, high = self.interval(confidence)
        if low >= 1:
            return Difference.CANDIDATE_HIGHER
        return Difference.CANDIDATE_LOWER if high <= 1 else Difference.NOT_SHOWN

    def _likelihood(self) -> tuple[list[float], list[float]]:
        """The logarithms of the grid's ratios and of their likelihoods, the highest of which is set to 0."""
        bets = self.process.bets
        heights = [held - log(share) for held, share in zip(self.process.logs, bets.shares, strict=True)]
        highest = max(heights)
        return [log(ratio) for ratio in bets.at], [height - highest for height in heights]


def _rate(arm: Arm) -> float | None:
    return arm.bad / arm.requests if arm.requests else None


def _lower_end(places: Sequence[float], heights: Sequence[float], least: float) -> float:
    """Below what place all heights are at most `least`; minus infinity if the first one is not.

    The log likelihood is concave in the logarithm of the ratio: beyond two of its points it lies below the line through
    them. So the last two points that are out bound how far the line must go on to reach `least`.
    """
    inside = next(index for index, height in enumerate(heights) if height > least)
    if inside == 0:
        return -inf
    out = inside - 1
    if out == 0:
        return places[0]
    rise = heights[out] - heights[out - 1]
    if not rise > 0:  # lost in rounding
        return places[out]
    further = (least - heights[out]) * (places[out] - places[out - 1]) / rise
    return min(places[out] + further, places[inside])
