"""The guardrails of a service that Amazon ECS rolls out: what CloudWatch watches, and what the judge counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .engine.absolute_floor import AbsoluteFloor
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail, LatencyComparison, MetricComparison
from .guardrail_alarms import AlarmThresholds

ServiceGuardrail: TypeAlias = (
    ErrorComparison | LatencyComparison | MetricComparison | AbsoluteFloor | AlarmGuardrail | AlarmThresholds
)
Comparison: TypeAlias = ErrorComparison | LatencyComparison | MetricComparison
Counted: TypeAlias = Comparison | AbsoluteFloor
COUNTED = (ErrorComparison, LatencyComparison, MetricComparison, AbsoluteFloor)


@dataclass(frozen=True)
class ServiceGuardrails:
    """The guardrails by who asks them.

    thresholds: of the built-in alarms. alarms: the user's own. counted: what the judge counts before each further step.
    """

    thresholds: AlarmThresholds
    alarms: tuple[AlarmGuardrail, ...]
    counted: tuple[Counted, ...]

    @property
    def is_judged(self) -> bool:
        """Whether anything is counted, and alarms do not judge alone."""
        return bool(self.counted)

    @property
    def compared(self) -> tuple[Comparison, ...]:
        """The comparisons among them."""
        return tuple(one for one in self.counted if not isinstance(one, AbsoluteFloor))

    @property
    def success_percent(self) -> float:
        """What share of good requests the error-rate alarm asks for."""
        allowed = self.thresholds.error_rate_percent
        return 100 - (1.0 if allowed is None else allowed)

    @staticmethod
    def of(path: str, guardrails: Sequence[ServiceGuardrail]) -> "ServiceGuardrails":
        """Sort them; without AlarmThresholds the built-in alarms have their defaults.

        Raises ConfigurationError for what is no guardrail, or thresholds that are given twice.
        """
        thresholds = [one for one in guardrails if isinstance(one, AlarmThresholds)]
        if len(thresholds) > 1:
            raise ConfigurationError(f"{path} has {len(thresholds)} AlarmThresholds: give one")
        for one in guardrails:
            if not isinstance(one, (*COUNTED, AlarmGuardrail, AlarmThresholds)):
                raise ConfigurationError(
                    f"{path} has the guardrail {type(one).__name__}: give ErrorComparison, LatencyComparison, "
                    "MetricComparison, AbsoluteFloor, AlarmGuardrail or AlarmThresholds"
                )
        return ServiceGuardrails(
            thresholds[0] if thresholds else AlarmThresholds(),
            tuple(one for one in guardrails if isinstance(one, AlarmGuardrail)),
            tuple(one for one in guardrails if isinstance(one, COUNTED)),
        )
