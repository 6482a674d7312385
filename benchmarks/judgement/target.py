"""What a figure must reach, and whether it did."""

from dataclasses import dataclass
from enum import StrEnum

from .estimate import Estimate
from .figures import Figure

ENOUGH_RUNS = 10_000
"""With as many runs as this, an interval that reaches across a limit is a miss; with fewer, only too few runs."""


class Standing(StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    MISSED = "MISSED"
    OPEN = "too few runs to tell"


class Bound(StrEnum):
    """Which side of the limit is good."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True)
class Target:
    """`figure` of the judge named `judge` must be at most, or at least, `limit`, in the figure's unit.

    For "at most" the right end of the confidence interval counts: a promise about harm is kept only when the true value
    may be taken to lie below it. For "at least" the value itself counts.
    """

    judge: str
    figure: Figure
    bound: Bound
    limit: float

    def standing(self, estimate: Estimate, runs: int) -> Standing:
        """Met or missed, or not to be told from so few `runs`."""
        if self.bound is Bound.AT_LEAST:
            return Standing.MET if estimate.value >= self.limit else Standing.MISSED
        if estimate.high <= self.limit:
            return Standing.MET
        return Standing.OPEN if estimate.low <= self.limit and runs < ENOUGH_RUNS else Standing.MISSED

    def text(self, unit: str) -> str:
        """As in "at most 1 %"."""
        return f"{self.bound} {self.limit:g} {unit}"
