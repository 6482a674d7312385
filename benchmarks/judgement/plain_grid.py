"""The plain form of our test, to show what its tuning is worth: an even grid of bets, all staked at once, no reserve.

This is the conditional count test as it is usually written down (Lindon and Malek 2022,
https://arxiv.org/abs/2011.03567, with a discrete mixture); thresholds and margin are those of `ErrorComparison`.
"""

from dataclasses import dataclass
from math import log

from bluegreen_constructs.engine.eprocess import Bets, EProcess, Form
from bluegreen_constructs.engine.model import Arm

from .judge import Answer

_HARM = Bets(Form.LIKELIHOOD, at=(1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 40.0), shares=(1 / 8,) * 8)
_MARGIN = 2.0
_SAFETY = Bets(
    Form.LIKELIHOOD,
    at=tuple(ratio / _MARGIN for ratio in (0.5, 0.75, 0.9, 1.0, 1.15, 1.3)),
    shares=(0.1, 0.15, 0.2, 0.3, 0.15, 0.1),
)
_LOG_UNHEALTHY = -log(0.01)
_LOG_HEALTHY = -log(0.05)


@dataclass(frozen=True)
class PlainGrid:
    """The plain mixture, in independent mode."""

    name: str = "plain grid"

    def start(self, looks: int) -> "PlainGridSitting":  # noqa: ARG002  # it needs no planned end
        """A new rollout."""
        return PlainGridSitting()


class PlainGridSitting:
    """Both processes, and whether safety was ever shown."""

    def __init__(self) -> None:
        self._harm = EProcess.start(_HARM)
        self._safety = EProcess.start(_SAFETY)
        self._safe = False

    def observe(self, live: Arm, candidate: Arm) -> Answer:
        """Rollback outranks promotion."""
        if live.requests and candidate.requests:
            exposure = candidate.requests / live.requests
            self._harm = self._harm.observe(candidate.bad, live.bad, exposure)
            if self._harm.log_evidence >= _LOG_UNHEALTHY:
                return Answer.ROLLBACK
            if not self._safe:
                self._safety = self._safety.observe(candidate.bad, live.bad, exposure * _MARGIN)
                self._safe = self._safety.log_evidence >= _LOG_HEALTHY
        return Answer.PROMOTE if self._safe else Answer.NOTHING
