"""Does the candidate fail more often than live, right now, under the same traffic? A test that may be read at any time.

Two e-processes run over the same counts. One gathers evidence of harm, against "the candidate fails no more often than
live"; the other evidence of safety, against "it fails `margin` times as often, or more". In each interval the bad
events of both sides are looked at together, and each process bets on how many of them are the candidate's. Only the
counts of the interval itself enter, so that the common error rate and the weights may change at will between intervals.
docs/statistics.md explains the method and prints how often it is right.
"""

from dataclasses import dataclass
from math import log
from typing import Literal, TypeAlias, get_args

from .eprocess import Bets, EProcess, Form, log_sum
from .errors import ConfigurationError
from .finite import is_finite
from .interval_window import IntervalWindow
from .model import FEWEST_BAD_EVENTS, Arm, Verdict

__all__ = ["Arm", "ErrorComparison", "Evidence", "Mode", "Terms", "Verdict"]

Mode: TypeAlias = Literal["independent", "bursty"]

# Rate ratios candidate / live, tighter around the regressions that hurt for long than an even grid is; the last one is
# for a candidate that fails where live never does. benchmarks/judgement prints it beside the even grid.
_HARM = Bets(
    Form.LIKELIHOOD,
    at=(1.4, 1.8, 2.3, 3.0, 5.0, 10.0, 80.0),
    shares=(0.08, 0.2, 0.22, 0.18, 0.12, 0.1, 0.1),
    pace=50,
)
_HARM_BURSTY = Bets(Form.BETTING, at=(0.1, 0.2, 0.4, 0.6, 0.9), shares=(0.2,) * 5, pace=10)
# Powers of the margin: where an unchanged release lies, and a little to both sides of it. Safety has no reserve:
# promotion rests on the whole record.
_SAFETY_POWERS = (-0.75, -0.25, 0.05, 0.4)
_SAFETY_SHARES = (0.15, 0.25, 0.4, 0.2)
_SAFETY_BURSTY = Bets(Form.BETTING, at=(-0.4, -0.9), shares=(0.5, 0.5))
# The candidate's own odds of a bad event, as a part of what is negligible.
_NEGLIGIBLE = Bets(Form.LIKELIHOOD, at=(0.02, 0.2, 0.5), shares=(0.4, 0.4, 0.2))

_NOTHING = Arm(0, 0)
_NONE_SEEN = IntervalWindow()


@dataclass(frozen=True)
class Terms:
    """The terms of a comparison, fixed before the rollout and kept with its evidence until the end.

    false_alarm: probability, at most, that a candidate that in no look is likelier to fail than live is ever called
        UNHEALTHY, however often and however long one looks (default 0.01).
    margin: how many times as often as live a candidate must fail before promoting it is wrong (default 2.0). Between 1
        and the margin lies indifference: either verdict is right there, and UNSURE may last. A smaller margin needs
        more bad events: an unchanged candidate waits longer for its HEALTHY.
    wrong_promotion: probability, at most, that a candidate at the margin or worse from its first look on is ever called
        HEALTHY (default 0.05). HEALTHY stays when the candidate turns bad later; then only harm can be shown.
    mode: "independent" (default) when requests fail independently of each other; "bursty" when bad events come in
        bursts, such as retries, each of which meets a side as often as the side's part of the traffic. Bursty data
        judged as independent breaks the promise of `false_alarm`; independent data judged as bursty is only slower. A
        side that fails as a whole now and then, whatever its traffic (a bad host), breaks both: compare sides of equal
        size then. `bluegreen backtest` tells which one your data is.
    negligible: a rate of bad events (bad per request) so small that more of live's is not asked for: a candidate shown
        at `wrong_promotion` to fail less often than this is HEALTHY, too, also when nothing at all has failed on either
        side. Requests without bad events are evidence then. Default `None`: a release is promoted on bad events alone,
        and on a service without any it stays UNSURE and is held. Only with mode "independent".

    Raises ConfigurationError, which is a ValueError, for terms that promise nothing.
    """

    false_alarm: float = 0.01
    margin: float = 2.0
    wrong_promotion: float = 0.05
    mode: Mode = "independent"
    negligible: float | None = None

    def __post_init__(self) -> None:
        """Refuse terms that promise nothing or cannot be kept."""
        for name in ("false_alarm", "wrong_promotion"):
            odds = getattr(self, name)
            if not is_finite(odds) or not 0 < odds <= 0.5:
                raise ConfigurationError(
                    f"{name} is {odds!r}: give a probability above 0 and at most 0.5, such as 0.01"
                )
        if not is_finite(self.margin) or not 1 < self.margin <= 100:
            raise ConfigurationError(
                f"margin is {self.margin!r}: give how many times as often as live a candidate may almost fail, above 1 "
                "and at most 100, such as 2.0"
            )
        if self.mode not in get_args(Mode):
            raise ConfigurationError(f'mode is {self.mode!r}: give "independent" or "bursty"')
        if self.negligible is None:
            return
        if not is_finite(self.negligible) or not 0 < self.negligible < 1:
            raise ConfigurationError(
                f"negligible is {self.negligible!r}: give a rate of bad events above 0 and below 1, such as 0.0005"
            )
        if self.mode == "bursty":
            raise ConfigurationError(
                'negligible is given with mode "bursty", where requests without bad events prove little: leave it out, '
                'or use mode "independent"'
            )

    def start(self) -> "Evidence":
        """No evidence yet: where every rollout begins."""
        terms = Terms(self.false_alarm, self.margin, self.wrong_promotion, self.mode, self.negligible)
        bursty = self.mode == "bursty"
        safety = Bets(Form.LIKELIHOOD, tuple(self.margin ** (power - 1) for power in _SAFETY_POWERS), _SAFETY_SHARES)
        return Evidence(
            terms,
            harm=EProcess.start(_HARM_BURSTY if bursty else _HARM),
            safety=EProcess.start(_SAFETY_BURSTY if bursty else safety),
            calm=None if self.negligible is None else EProcess.start(_NEGLIGIBLE),
        )


@dataclass(frozen=True)
class ErrorComparison(Terms):
    """The candidate must not fail more often than live; failed requests are 5xx answers and lost connections.

    As a guardrail of a rollout it is judged by the engine from the load balancer's counts of each side; by itself it is
    a test on counts, with no AWS and no CDK:

        evidence = ErrorComparison().start()
        evidence = evidence.observe(live=Arm(5400, 11), candidate=Arm(600, 14))
        evidence.verdict

    The arguments are those of `Terms`. Source of the method: Lindon and Malek 2022, https://arxiv.org/abs/2011.03567.
    """

    @property
    def name(self) -> str:
        """How explanations call it."""
        return "errors"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen so far, in constant memory; immutable: `observe` answers the next one.

    terms: what it is judged by, from its start to its end.
    harm, safety, calm: the processes against "no worse than live", "`margin` times as bad or worse" and, where `terms`
        names a negligible rate, "fails at least that often".
    live, candidate: the counts of all intervals that were evidence.
    intervals: how many those were.
    was_unhealthy, was_healthy: which thresholds were ever reached.
    seen: which numbered intervals have been counted.
    """

    terms: Terms
    harm: EProcess
    safety: EProcess
    calm: EProcess | None = None
    live: Arm = _NOTHING
    candidate: Arm = _NOTHING
    intervals: int = 0
    was_unhealthy: bool = False
    was_healthy: bool = False
    seen: IntervalWindow = _NONE_SEEN

    def observe(self, live: Arm | None, candidate: Arm | None, interval: int | None = None) -> "Evidence":
        """The evidence after one more interval, of any length, in which both sides had traffic.

        A missing arm, or one without requests, changes nothing: no data is no evidence. `interval` numbers the
        intervals, for sources that deliver late or twice: each number counts once, in whatever order it comes, and one
        that comes `IntervalWindow.LENGTH` or more after its turn is left out. The first delivery counts for good, so it
        must be complete. Without numbers, the caller answers for observing each interval once.

        Raises ObservationError for a number that is no whole one, or that leaps as if it counted something else.
        """
        if live is None or candidate is None or not live.requests or not candidate.requests:
            return self
        if not self.seen.takes(interval):
            return self
        exposure = candidate.requests / live.requests
        harm = self.harm.observe(candidate.bad, live.bad, exposure)
        safety = self.safety.observe(candidate.bad, live.bad, exposure * self.terms.margin)
        calm = self.calm
        if calm is not None and self.terms.negligible is not None:
            edge = self.terms.negligible / (1 - self.terms.negligible)
            calm = calm.observe(candidate.bad, candidate.requests - candidate.bad, edge)
        total_live, total_candidate = self.live + live, self.candidate + candidate
        return Evidence(
            self.terms,
            harm,
            safety,
            calm,
            total_live,
            total_candidate,
            self.intervals + 1,
            self.was_unhealthy or _shows_harm(self.terms, harm, total_candidate.bad),
            self.was_healthy or _shows_safety(self.terms, safety, calm, total_live.bad + total_candidate.bad),
            self.seen.with_interval(interval),
        )

    @property
    def verdict(self) -> Verdict:
        """UNHEALTHY once its threshold was ever reached, for good; else HEALTHY once its was; else UNSURE."""
        if self.was_unhealthy:
            return Verdict.UNHEALTHY
        return Verdict.HEALTHY if self.was_healthy else Verdict.UNSURE

    @property
    def log_harm(self) -> float:
        """The logarithm of the evidence of harm; at `-log(terms.false_alarm)` the candidate is UNHEALTHY."""
        return self.harm.log_evidence

    @property
    def log_safety(self) -> float:
        """The logarithm of the evidence of safety; at `-log(terms.wrong_promotion)` the candidate is HEALTHY."""
        return _log_safety(self.safety, self.calm)


def _shows_harm(terms: Terms, harm: EProcess, candidate_bad: int) -> bool:
    return candidate_bad >= FEWEST_BAD_EVENTS and harm.log_evidence >= -log(terms.false_alarm)


def _shows_safety(terms: Terms, safety: EProcess, calm: EProcess | None, bad: int) -> bool:
    needed = -log(terms.wrong_promotion)
    if bad >= FEWEST_BAD_EVENTS:
        return _log_safety(safety, calm) >= needed
    # Nearly nothing has failed: only the absolute question can be answered.
    return calm is not None and calm.log_evidence - log(2) >= needed


def _log_safety(safety: EProcess, calm: EProcess | None) -> float:
    """The mean of both, which is an e-process again: a candidate that must not be promoted makes both nulls true."""
    return safety.log_evidence if calm is None else log_sum((safety.log_evidence, calm.log_evidence)) - log(2)
