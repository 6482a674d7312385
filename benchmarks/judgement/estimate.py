"""A measured number with its 95 % confidence interval, and how it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf, isinf, sqrt
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


class Unit(StrEnum):
    """What a number counts."""

    PERCENT = "%"
    LOOKS = "looks"
    REQUESTS = "requests"
    RUNS = "runs"


@dataclass(frozen=True)
class Estimate:
    """`value`, and where the true one lies in 19 of 20 such measurements: from `low` to `high`.

    Infinity stands for what did not happen before the run was over.
    """

    value: float
    low: float
    high: float
    unit: Unit

    def text(self, *, interval: bool = True, unit: bool = True) -> str:
        """As in "0.21 (0.14-0.32) %" or "14 looks"; an interval without width is left out."""
        text = self.amount(self.value)
        if interval and (self.low, self.high) != (self.value, self.value):
            text += f" ({self.amount(self.low)}-{self.amount(self.high)})"
        if not unit or isinf(self.value):
            return text
        return "1 look" if self.unit is Unit.LOOKS and text == "1" else f"{text} {self.unit}"

    def amount(self, number: float) -> str:
        """A number of this unit; percents have two decimals where they matter, near 0 and near 100."""
        if isinf(number):
            return "never"
        if self.unit is not Unit.PERCENT:
            return f"{number:.0f}"
        if number in {0, 100}:
            return f"{number:.0f}"
        if number < 0.01:
            return "<0.01"
        return f"{number:.2f}" if number < 1 or number > 99 else f"{number:.1f}"


def share(hits: int, runs: int) -> Estimate:
    """Hits among runs, in percent, with Wilson's interval.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953; it is right near 0, too, where these shares lie. No
    runs at all tell nothing: 0 to 100.
    """
    if not runs:
        return Estimate(0.0, 0.0, 100.0, Unit.PERCENT)
    part, square = hits / runs, _Z * _Z
    middle = (part + square / (2 * runs)) / (1 + square / runs)
    width = _Z / (1 + square / runs) * sqrt(part * (1 - part) / runs + square / (4 * runs * runs))
    low = 0.0 if hits == 0 else middle - width
    high = 1.0 if hits == runs else middle + width
    return Estimate(100 * part, 100 * low, 100 * high, Unit.PERCENT)


def quantile(values: Sequence[float], level: float, unit: Unit) -> Estimate:
    """The `level` quantile of `values` (0.5 is the median), with an interval between two of the values.

    The ranks of the interval are those of the binomial distribution, by its normal approximation; nothing is assumed
    about how the values are distributed.
    """
    if not values:
        return Estimate(inf, 0.0, inf, unit)
    ordered, runs = sorted(values), len(values)
    width = _Z * sqrt(runs * level * (1 - level))
    low = max(0, ceil(runs * level - width) - 1)
    high = min(runs - 1, ceil(runs * level + width) - 1)
    return Estimate(ordered[max(0, ceil(runs * level) - 1)], ordered[low], ordered[high], unit)


def count(hits: int) -> Estimate:
    """A number of runs, as it was counted."""
    return Estimate(hits, hits, hits, Unit.RUNS)
