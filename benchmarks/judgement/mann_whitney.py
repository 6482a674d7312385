"""The judge of Kayenta (NetflixACAJudge) with its defaults, on one error rate per look, judged once at the end.

Built anew from its description, for comparison. Intervals are its unit, not requests: 60 looks of 6 000 requests are
60 numbers. Its steps, for one metric that must not increase:

1. looks without requests have no rate and are dropped, each side by itself (nanStrategy "remove"); a side without any
   rate is no data, which scores 0 and fails;
2. equal series, or one value throughout, pass;
3. a two-sided confidence interval of 0.98 for the shift between the sides, by inverting the rank-sum test (normal
   approximation with ties and a continuity correction), and the Hodges-Lehmann estimate of the shift;
4. High when the interval lies above 0.25 times the estimate and the ratio of the means is not below 1 (a ratio with a
   mean of 0 does not count); High rolls back, anything else promotes.

Sources: https://github.com/spinnaker/kayenta (kayenta-mannwhitney, kayenta-judge), which follows R's wilcox.test. There
a root finder searches the ends of the interval up to a tolerance; here they are found exactly, where the statistic
jumps, so that no tolerance matters beside error rates of 0.002. Kayenta adds a little noise when both series are
constant, to have no ties at all; the exact ends do not need it.
"""

from dataclasses import dataclass
from math import floor, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bluegreen_constructs.engine.model import Arm

from .judge import Answer

CONFIDENCE = 0.98
TOLERANCE = 0.25
ALLOWED_INCREASE = 1.0

_Rates = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """By how much the candidate's rates lie above live's: the confidence interval and the Hodges-Lehmann estimate."""

    low: float
    high: float
    estimate: float


def shift(candidate: _Rates, live: _Rates, confidence: float = CONFIDENCE) -> Shift:
    """Invert the rank-sum test: the shifts that it does not reject.

    Between two neighbouring differences of a candidate's and a live rate the statistic is constant, and it falls by one
    at each difference. Its variance there is lessened by ties within each side only. Where even the outermost
    difference would not be rejected, the interval ends there, as in R.
    """
    differences = np.sort(np.subtract.outer(candidate, live), axis=None)
    pairs, sizes = differences.size, candidate.size + live.size
    tied = _tied(candidate) + _tied(live)
    deviation = sqrt(pairs / 12 * (sizes + 1 - tied / (sizes * (sizes - 1))))
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    # The interval loses this many differences at each end; the half is the continuity correction.
    outside = max(0, floor(pairs / 2 - 0.5 - quantile * deviation))
    middle = (differences[(pairs - 1) // 2] + differences[pairs // 2]) / 2
    return Shift(float(differences[outside]), float(differences[pairs - 1 - outside]), float(middle))


def is_high(candidate: _Rates, live: _Rates) -> bool:
    """Whether the metric is classified as High."""
    if np.array_equal(np.sort(candidate), np.sort(live)) or np.unique(np.concatenate((candidate, live))).size == 1:
        return False
    found = shift(candidate, live)
    if found.low <= TOLERANCE * abs(found.estimate):
        return False
    means = float(candidate.mean()), float(live.mean())
    return 0 in means or means[0] / means[1] >= ALLOWED_INCREASE


def _tied(rates: _Rates) -> int:
    """The sum of t^3 - t over the groups of t equal rates."""
    counts = np.unique_counts(rates).counts
    return int((counts**3 - counts).sum())


@dataclass(frozen=True)
class MannWhitney:
    """Judged once, after the last look."""

    name: str = "Mann-Whitney"

    def start(self, looks: int) -> "MannWhitneySitting":
        """A new rollout."""
        return MannWhitneySitting(looks)


class MannWhitneySitting:
    """The rates of both sides until the end."""

    def __init__(self, looks: int) -> None:
        self._left = looks
        self._live: list[float] = []
        self._candidate: list[float] = []

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        """Nothing before the end."""
        self._left -= 1
        if live.requests:
            self._live.append(live.bad / live.requests)
        if candidate.requests:
            self._candidate.append(candidate.bad / candidate.requests)
        if self._left:
            return Answer.NOTHING
        if not self._live or not self._candidate:
            return Answer.ROLLBACK
        return Answer.ROLLBACK if is_high(np.array(self._candidate), np.array(self._live)) else Answer.PROMOTE
