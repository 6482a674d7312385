"""At synth: what the comparisons of a rollout can see with its plan; refused when that is too little."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from aws_cdk import Annotations
from constructs import Construct

from .engine.comparison import ErrorComparison
from .engine.guardrails import Guardrail, LatencyComparison, MetricComparison
from .engine.strategy import Strategy
from .planning.checked_plan import checked_plan
from .planning.expected_traffic import ExpectedTraffic
from .planning.plan_power import PlanPower

Comparison: TypeAlias = ErrorComparison | LatencyComparison | MetricComparison

_STATED = "bluegreen-constructs:plan-power"
_UNSTATED = "bluegreen-constructs:no-expected-traffic"


def check_plan(
    scope: Construct, *, strategy: Strategy, guardrails: Sequence[Guardrail], traffic: ExpectedTraffic | None
) -> tuple[PlanPower, ...]:
    """Say at `scope` what each comparison among the guardrails can see; answers that, too.

    Several comparisons share one false-alarm budget, evenly, and are checked with their part of it. Without `traffic`,
    or without a comparison's own expected rate, nothing can be said, which is a warning: a plan that is blind looks
    like any other.

    Raises ConfigurationError for a plan that cannot tell a release at its margin from a good one within its own steps.
    """
    comparisons = [
        guardrail
        for guardrail in guardrails
        if isinstance(guardrail, ErrorComparison | LatencyComparison | MetricComparison)
    ]
    powers = []
    for comparison in comparisons:
        rate = _bad_rate(comparison, traffic)
        if traffic is None or rate is None:
            _say_what_is_missing(scope, comparison, traffic)
            continue
        power = checked_plan(
            strategy,
            replace(traffic, error_rate=rate),
            comparison,
            budget=1 / len(comparisons),
            name=f"the comparison of {comparison.name}",
        )
        Annotations.of(scope).add_info_v2(_STATED, f"{comparison.name}: " + "\n".join(power.lines()))
        powers.append(power)
    return tuple(powers)


def _bad_rate(comparison: Comparison, traffic: ExpectedTraffic | None) -> float | None:
    """Live's bad events per request, as this comparison counts them."""
    if isinstance(comparison, ErrorComparison):
        return None if traffic is None else traffic.error_rate
    return comparison.expected_rate


def _say_what_is_missing(scope: Construct, comparison: Comparison, traffic: ExpectedTraffic | None) -> None:
    missing = f"{type(comparison).__name__}(expected_rate=…)"
    if traffic is None:
        missing = "expected_traffic=ExpectedTraffic(requests_per_second=…, error_rate=…)"
    Annotations.of(scope).add_warning_v2(
        _UNSTATED,
        f"what the comparison of {comparison.name} can see is not known: give {missing}, or acknowledge this warning",
    )
