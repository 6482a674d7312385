"""The guardrails of a CanaryAlb as the engine asks them: comparisons and floors as they are, alarms by their names."""

from collections.abc import Sequence

from constructs import Construct

from .engine.absolute_floor import AbsoluteFloor
from .engine.comparison import ErrorComparison
from .engine.errors import ConfigurationError
from .engine.guardrails import AlarmGuardrail, Guardrail, LatencyComparison, MetricComparison
from .engine.target_settings import AlarmName, EngineGuardrail
from .guardrail_alarms import AlarmThresholds, GuardrailAlarms, SideMetrics, name_here

_BY_COUNTS = (ErrorComparison, LatencyComparison, MetricComparison, AbsoluteFloor)


def asked_of_the_engine(
    scope: Construct,
    guardrails: Sequence[Guardrail | AlarmThresholds],
    metrics: SideMetrics,
    *,
    target: str,
    grace_seconds: int,
) -> tuple[EngineGuardrail, ...]:
    """The guardrails in their order; makes the built-in alarms that `AlarmThresholds` asks for, at its place.

    Raises ConfigurationError for what is no guardrail, thresholds that are given twice, or an alarm of another account
    or region.
    """
    thresholds = [one for one in guardrails if isinstance(one, AlarmThresholds)]
    if len(thresholds) > 1:
        raise ConfigurationError(f"{scope.node.path} has {len(thresholds)} AlarmThresholds: give one")
    found: list[EngineGuardrail] = []
    for guardrail in guardrails:
        if isinstance(guardrail, AlarmGuardrail):
            found.append(AlarmName(name_here(scope, guardrail.alarm)))
        elif isinstance(guardrail, AlarmThresholds):
            alarms = GuardrailAlarms(
                scope, target=target, metrics=metrics, thresholds=guardrail, grace_seconds=grace_seconds
            )
            found += [AlarmName(name) for name in alarms.names]
        elif isinstance(guardrail, _BY_COUNTS):
            found.append(guardrail)
        else:
            raise ConfigurationError(
                f"{scope.node.path} has the guardrail {type(guardrail).__name__}: give ErrorComparison, "
                "LatencyComparison, MetricComparison, AbsoluteFloor, AlarmGuardrail or AlarmThresholds"
            )
    return tuple(found)
