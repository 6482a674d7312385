"""At synth: what the comparisons of a rollout can see with its plan; refused when that is too little."""

from collections.abc import Sequence

from aws_cdk import Annotations
from constructs import Construct

from .engine.comparison import Terms
from .engine.guardrails import Guardrail
from .engine.strategy import Strategy
from .planning.plan_power import ExpectedTraffic, PlanPower, checked_plan

_STATED = "bluegreen-constructs:plan-power"
_UNSTATED = "bluegreen-constructs:no-expected-traffic"


def check_plan(
    scope: Construct, *, strategy: Strategy, guardrails: Sequence[Guardrail], traffic: ExpectedTraffic | None
) -> tuple[PlanPower, ...]:
    """Say at `scope` what each comparison among the guardrails can see; answers that, too.

    Without `traffic` nothing can be said, which is a warning: a plan that is blind looks like any other. Comparisons of
    latency and of own metrics are checked with the error rate that is expected of errors, for want of one of their own.

    Raises ConfigurationError for a plan that cannot tell a release at its margin from a good one within its own steps.
    """
    comparisons = [guardrail for guardrail in guardrails if isinstance(guardrail, Terms)]
    if not comparisons:
        return ()
    annotations = Annotations.of(scope)
    if traffic is None:
        annotations.add_warning_v2(
            _UNSTATED,
            "what this rollout's comparison can see is not known: give expected_traffic=ExpectedTraffic("
            "requests_per_second=…, error_rate=…), or acknowledge this warning",
        )
        return ()
    powers = tuple(dict.fromkeys(checked_plan(strategy, traffic, terms) for terms in comparisons))
    for power in powers:
        annotations.add_info_v2(_STATED, "\n".join(power.lines()))
    return powers
