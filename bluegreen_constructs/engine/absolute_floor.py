"""Is the candidate good enough by itself? For when live is no yardstick: it is red, or it is not there."""

from dataclasses import dataclass
from math import log

from .eprocess import Bets, EProcess, Form
from .errors import ConfigurationError
from .finite import is_finite
from .interval_window import IntervalWindow
from .model import FEWEST_BAD_EVENTS, Arm, Verdict

# The candidate's odds of a bad event, in multiples of the floor's.
_BELOW = (1.5, 2.5, 5.0, 20.0)
_ABOVE = (0.02, 0.2, 0.5, 0.75)
_EVEN = (0.25,) * 4
_PACE_IN_BAD_EVENTS = 50
_NOTHING = Arm(0, 0)
_NONE_SEEN = IntervalWindow()


@dataclass(frozen=True)
class AbsoluteFloor:
    """The candidate must answer at least `success_percent` of its requests well.

    A floor is no substitute for a comparison: a common incident makes an innocent candidate fall through it. It decides
    where there is nothing to compare with, such as a hotfix while live is red.

    success_percent: the share of good requests, in percent, below which the candidate is bad; above 0, below 100.
    false_alarm: probability, at most, that a candidate at the floor or above it is ever UNHEALTHY (default 0.01).
    wrong_promotion: probability, at most, that a candidate at the floor or below it is ever HEALTHY (default 0.05).

    Requests are taken to fail independently of each other. Raises ConfigurationError for a floor that says nothing.
    Source of the method: Wald 1947, Sequential Analysis; Ville 1939 for "ever".
    """

    success_percent: float
    false_alarm: float = 0.01
    wrong_promotion: float = 0.05

    def __post_init__(self) -> None:
        """Refuse a floor that says nothing."""
        if not is_finite(self.success_percent) or not 0 < self.success_percent < 100:
            raise ConfigurationError(
                f"AbsoluteFloor success_percent is {self.success_percent!r}: give a number above 0 and below 100"
            )
        for name in ("false_alarm", "wrong_promotion"):
            odds = getattr(self, name)
            if not is_finite(odds) or not 0 < odds <= 0.5:
                raise ConfigurationError(
                    f"AbsoluteFloor {name} is {odds!r}: give a probability above 0 and at most 0.5, such as 0.01"
                )

    @property
    def name(self) -> str:
        """How explanations call it."""
        return f"at least {self.success_percent:g} % good"

    def start(self) -> "FloorEvidence":
        """No evidence yet."""
        # The reserve's clock counts good requests here, of which there are many to a bad one.
        pace = _PACE_IN_BAD_EVENTS / self.odds
        return FloorEvidence(
            self,
            harm=EProcess.start(Bets(Form.LIKELIHOOD, _BELOW, _EVEN, pace)),
            safety=EProcess.start(Bets(Form.LIKELIHOOD, _ABOVE, _EVEN)),
        )

    @property
    def odds(self) -> float:
        """Bad to good requests at the floor."""
        return (100 - self.success_percent) / self.success_percent


@dataclass(frozen=True, slots=True)
class FloorEvidence:
    """What was seen of the candidate so far, in constant memory; immutable."""

    floor: AbsoluteFloor
    harm: EProcess
    safety: EProcess
    candidate: Arm = _NOTHING
    was_unhealthy: bool = False
    was_healthy: bool = False
    seen: IntervalWindow = _NONE_SEEN

    def observe(self, candidate: Arm | None, interval: int | None = None) -> "FloorEvidence":
        """The evidence after one more interval of the candidate; one without requests changes nothing.

        `interval` numbers it, as in `Evidence.observe`: each number counts once.
        """
        if candidate is None or not candidate.requests or not self.seen.takes(interval):
            return self
        good = candidate.requests - candidate.bad
        harm = self.harm.observe(candidate.bad, good, self.floor.odds)
        safety = self.safety.observe(candidate.bad, good, self.floor.odds)
        total = self.candidate + candidate
        enough = total.bad >= FEWEST_BAD_EVENTS
        return FloorEvidence(
            self.floor,
            harm,
            safety,
            total,
            self.was_unhealthy or (enough and harm.log_evidence >= -log(self.floor.false_alarm)),
            self.was_healthy or safety.log_evidence >= -log(self.floor.wrong_promotion),
            self.seen.with_interval(interval),
        )

    @property
    def verdict(self) -> Verdict:
        """UNHEALTHY once its threshold was ever reached, for good; else HEALTHY once its was; else UNSURE."""
        if self.was_unhealthy:
            return Verdict.UNHEALTHY
        return Verdict.HEALTHY if self.was_healthy else Verdict.UNSURE
