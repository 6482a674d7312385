"""A significance test read after every look: right once, wrong when it is read as often as one likes."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from bluegreen_constructs.engine.model import Arm

from .judge import Answer


@dataclass(frozen=True)
class PeekingZTest:
    """The one-sided z-test of two proportions (pooled variance) on all counts so far, at `level`, after each look."""

    name: str = "z-test, peeking"
    level: float = 0.01

    def start(self, looks: int) -> "PeekingSitting":
        """A new rollout."""
        return PeekingSitting(looks, NormalDist().inv_cdf(1 - self.level))


class PeekingSitting:
    """The sums of both sides; what was not rolled back by the last look is promoted."""

    def __init__(self, looks: int, critical: float) -> None:
        self._left = looks
        self._critical = critical
        self._counts = (0, 0, 0, 0)

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        """Roll back as soon as the difference is significant."""
        self._left -= 1
        there, bad_there, here, bad_here = self._counts
        there, bad_there = there + live.requests, bad_there + live.bad
        here, bad_here = here + candidate.requests, bad_here + candidate.bad
        self._counts = (there, bad_there, here, bad_here)
        bad = bad_there + bad_here
        if there and here and 0 < bad < there + here:
            pooled = bad / (there + here)
            error = sqrt(pooled * (1 - pooled) * (1 / there + 1 / here))
            if bad_here / here - bad_there / there > self._critical * error:
                return Answer.ROLLBACK
        return Answer.NOTHING if self._left else Answer.PROMOTE
