"""What must stay true while a release is tried: the guardrails, and how their verdicts are joined."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeAlias, runtime_checkable

from .absolute_floor import AbsoluteFloor
from .comparison import ErrorComparison, Terms
from .errors import ConfigurationError
from .finite import is_finite
from .model import Verdict
from .spans import Span, as_timedelta, in_words

__all__ = [
    "AbsoluteFloor",
    "AlarmGuardrail",
    "Assessment",
    "ErrorComparison",
    "Guardrail",
    "LatencyComparison",
    "MetricComparison",
    "assess",
    "worst",
]

_ORDER = {Verdict.HEALTHY: 0, Verdict.UNSURE: 1, Verdict.UNHEALTHY: 2}
_BY_ALARM_STATE = {"OK": Verdict.HEALTHY, "ALARM": Verdict.UNHEALTHY}


@dataclass(frozen=True, kw_only=True)
class LatencyComparison(Terms):
    """The candidate must not be slow more often than live: a request is bad when it takes longer than `slo`.

    Counting requests over a bound asks the question that users ask, needs no raw latencies, and is the same test as
    `ErrorComparison`. Choose the bound that a few requests in a hundred exceed today: one that nobody ever exceeds
    gathers evidence only once it is too late, and one that half of them exceed hides what gets slower above it.

    slo: the longest time to the first byte of an answer that is still good (timedelta or aws_cdk.Duration).
    expected_rate: live's slow requests per request, such as 0.03; only the check of the plan at synth reads it
        (default: not known, and the plan is not checked for it).
    The other arguments are those of `Terms`. Raises ConfigurationError for a bound of zero.
    """

    slo: Span
    expected_rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse a bound that every request exceeds."""
        super().__post_init__()
        span = as_timedelta(self.slo, "LatencyComparison slo")
        if not span:
            raise ConfigurationError("LatencyComparison slo is 0: give the longest time that is still good")
        object.__setattr__(self, "slo", span)
        _check_rate(self.expected_rate, "LatencyComparison")

    @property
    def bound(self) -> timedelta:
        """The SLO as a timedelta."""
        return as_timedelta(self.slo, "LatencyComparison slo")

    @property
    def name(self) -> str:
        """How explanations call it."""
        return f"slower than {in_words(self.bound)}"


@dataclass(frozen=True, kw_only=True)
class MetricComparison(Terms):
    """The candidate must not do something countable more often than live: failed predictions, low confidence, refusals.

    The application publishes two counts to CloudWatch, with a dimension that says which side they come from: how many
    there were, and how many of them were bad.

    namespace: the metrics' namespace. bad, total: their names; read as sums.
    dimensions: what else they carry, as {name: value} (default: nothing).
    side_dimension: the dimension whose value is the side, "blue" or "green" (default "Side").
    expected_rate: live's bad ones among all, such as 0.03; only the check of the plan at synth reads it (default: not
        known, and the plan is not checked for it).
    The other arguments are those of `Terms`. Raises ConfigurationError for metrics that cannot exist.
    """

    namespace: str
    bad: str
    total: str
    dimensions: Mapping[str, str] | tuple[tuple[str, str], ...] = field(default=())
    side_dimension: str = "Side"
    expected_rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse what CloudWatch would refuse, and a metric compared with itself."""
        super().__post_init__()
        pairs = self._pairs()
        object.__setattr__(self, "dimensions", pairs)
        texts = {
            "namespace": self.namespace,
            "bad": self.bad,
            "total": self.total,
            "side_dimension": self.side_dimension,
        }
        for name, text in texts.items():
            if not isinstance(text, str) or not 1 <= len(text) <= 255 or text.startswith(":"):
                raise ConfigurationError(
                    f"MetricComparison {name} is {text!r}: give 1 to 255 characters that do not begin with a colon"
                )
        _check_rate(self.expected_rate, "MetricComparison")
        if self.bad == self.total:
            raise ConfigurationError(
                f"MetricComparison bad and total are both {self.bad!r}: give the metric that counts the bad ones, and "
                "the one that counts all"
            )
        if self.side_dimension in dict(pairs):
            raise ConfigurationError(
                f"MetricComparison dimensions hold {self.side_dimension!r}, which tells the sides apart: leave it out, "
                "or name another side_dimension"
            )

    def _pairs(self) -> tuple[tuple[str, str], ...]:
        """The dimensions in one order. CloudWatch allows 30 of them, the side's among them.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
        """
        given: object = self.dimensions
        pairs = tuple(given.items()) if isinstance(given, Mapping) else given
        if not isinstance(pairs, tuple) or len(pairs) > 29 or not all(map(_is_pair_of_texts, pairs)):
            raise ConfigurationError(
                f"MetricComparison dimensions is {given!r}: give at most 29 names and values of 1 to 255 characters, "
                "as {name: value}"
            )
        return tuple(sorted(pairs))

    @property
    def name(self) -> str:
        """How explanations call it."""
        return f"{self.bad} of {self.total}"


@runtime_checkable
class AlarmLike(Protocol):
    """What `aws_cdk.aws_cloudwatch.IAlarm` offers; named here because the engine runs without aws_cdk."""

    @property
    def alarm_name(self) -> str:
        """The alarm's name."""
        ...


@dataclass(frozen=True)
class AlarmGuardrail:
    """An alarm of your own that must not go off while a deployment runs.

    The alarm must not watch a metric of the same service by reference (the service would wait for the alarm and the
    alarm for the service); name the service instead.
    """

    alarm: AlarmLike

    def __post_init__(self) -> None:
        """Refuse what has no name to ask CloudWatch for."""
        if not isinstance(self.alarm, AlarmLike):
            raise ConfigurationError(
                f"AlarmGuardrail alarm is {self.alarm!r}: give a CloudWatch alarm, such as Alarm.from_alarm_arn(…)"
            )

    @property
    def name(self) -> str:
        """How explanations call it."""
        return f"alarm {self.alarm.alarm_name}"

    def assess(self, state: str | None) -> Verdict:
        """What the alarm's state says: OK is HEALTHY, ALARM is UNHEALTHY; no data and anything unknown is UNSURE."""
        return _BY_ALARM_STATE.get(state or "", Verdict.UNSURE)


Guardrail: TypeAlias = ErrorComparison | LatencyComparison | MetricComparison | AbsoluteFloor | AlarmGuardrail


@dataclass(frozen=True)
class Assessment:
    """What one guardrail said, and why."""

    guardrail: str
    verdict: Verdict
    reason: str


def assess(guardrail: str, judge: Callable[[], Verdict], *, reason: str = "") -> Assessment:
    """Ask one guardrail. One that fails has seen nothing, and what saw nothing never passes: it is UNSURE (I4)."""
    try:
        verdict = judge()
    except Exception as error:  # noqa: BLE001  # whatever went wrong with looking, nothing was seen
        return Assessment(guardrail, Verdict.UNSURE, f"could not be asked: {type(error).__name__}: {error}")
    if not isinstance(verdict, Verdict):
        return Assessment(guardrail, Verdict.UNSURE, f"answered {verdict!r}, which is no verdict")
    return Assessment(guardrail, verdict, reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of all together: one UNHEALTHY makes it UNHEALTHY, else one UNSURE makes it UNSURE.

    No verdict at all is UNSURE: nobody looked.
    """
    return max(verdicts, key=_ORDER.__getitem__, default=Verdict.UNSURE)


def _check_rate(rate: float | None, name: str) -> None:
    if rate is not None and (not is_finite(rate) or not 0 <= rate <= 0.5):
        raise ConfigurationError(f"{name} expected_rate is {rate!r}: give a number from 0 to 0.5 (0.03 is 3 %)")


def _is_pair_of_texts(pair: object) -> bool:
    texts = pair if isinstance(pair, tuple) else ()
    return len(texts) == 2 and all(isinstance(text, str) and 0 < len(text) <= 255 for text in texts)
