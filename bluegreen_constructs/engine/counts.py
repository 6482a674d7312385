"""Which CloudWatch series a target's guardrails read, and what they say as counts of each side and minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .absolute_floor import AbsoluteFloor
from .comparison import ErrorComparison
from .guardrails import LatencyComparison, MetricComparison
from .model import Arm
from .ports import Series
from .target_settings import SIDES, Side, TargetSettings, other

Values: TypeAlias = Mapping[str, Mapping[int, float]]
Comparison: TypeAlias = ErrorComparison | LatencyComparison | MetricComparison

_NAMESPACE = "AWS/ApplicationELB"
_ANSWERS = {
    "2xx": "HTTPCode_Target_2XX_Count",
    "3xx": "HTTPCode_Target_3XX_Count",
    "4xx": "HTTPCode_Target_4XX_Count",
    "errors": "HTTPCode_Target_5XX_Count",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in some closed minutes, by side.

    `values` is what CloudWatch said, by the names that `series_of` gives. Elastic Load Balancing publishes no zeros:
    a missing error count beside a request count is zero errors; a missing request count is no evidence.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """

    settings: TargetSettings
    values: Values

    def requests(self, side: Side, minute: int) -> int:
        """Requests that reached the side; 0 also when nothing is known, so never take it for evidence by itself."""
        return round(self.values.get(f"{side}/requests", {}).get(minute, 0.0))

    def is_silent(self, side: Side, minute: int) -> bool:
        """Whether the side surely had no requests: zero was said, or nothing while the other side had some."""
        said = self.values.get(f"{side}/requests", {}).get(minute)
        return round(said) == 0 if said is not None else self.requests(other(side), minute) > 0

    def healthy(self, side: Side, minute: int) -> int | None:
        """The side's healthy targets, as the load balancer counts them; None: it said nothing."""
        value = self.values.get(f"{side}/healthy", {}).get(minute)
        return None if value is None else round(value)

    def arm(self, guardrail: Comparison | AbsoluteFloor, side: Side, minute: int) -> Arm | None:
        """One side's counts as this guardrail counts them; None: nothing was seen."""
        if isinstance(guardrail, MetricComparison):
            total = self._metric(guardrail, side, "total", minute)
            bad = self._metric(guardrail, side, "bad", minute) or 0.0
            return _arm(total, bad)
        requests = self.values.get(f"{side}/requests", {}).get(minute)
        if isinstance(guardrail, LatencyComparison):
            within = self.values.get(f"{side}/{guardrail.name}", {}).get(minute)
            # Without a percentile nobody answered in time to be measured; what that means the errors tell.
            return None if within is None or requests is None else _arm(requests, requests * (100 - within) / 100)
        errors = self.values.get(f"{side}/errors", {}).get(minute, 0.0)
        lost = self.values.get(f"{side}/lost", {}).get(minute, 0.0)
        return _arm(requests, errors + max(lost, self._answered_for(side, minute)))

    def _answered_for(self, side: Side, minute: int) -> float:
        """How many of the side's requests the load balancer answered itself, with a 502, 503 or 504.

        It counts those for itself and for no side: a target that hangs, or dies while it answers, has no 5xx. Requests
        without any answer of a target tell whose they were, as far as they go; a long answer is not there yet either,
        so that they alone would accuse every side whose traffic grows.
        """
        own = 0.0 if self.settings.shares_load_balancer else self.values.get("own", {}).get(minute, 0.0)
        unanswered = {one: self._unanswered(one, minute) for one in SIDES}
        total = sum(unanswered.values())
        return min(unanswered[side], own * unanswered[side] / total) if own and total else 0.0

    def _unanswered(self, side: Side, minute: int) -> float:
        answers = sum(self.values.get(f"{side}/{kind}", {}).get(minute, 0.0) for kind in _ANSWERS)
        return max(0.0, self.values.get(f"{side}/requests", {}).get(minute, 0.0) - answers)

    def _metric(self, guardrail: MetricComparison, side: Side, which: str, minute: int) -> float | None:
        return self.values.get(f"{side}/{guardrail.name}/{which}", {}).get(minute)


def series_of(settings: TargetSettings) -> dict[str, Series]:
    """The series of a target, by names that `Counts` reads."""
    balancer = (("LoadBalancer", settings.load_balancer),)
    series: dict[str, Series] = {"own": Series(_NAMESPACE, "HTTPCode_ELB_5XX_Count", balancer, "Sum")}
    for side in SIDES:
        dimensions = (
            ("LoadBalancer", settings.load_balancer),
            ("TargetGroup", settings.side(side).metric_name),
        )
        series[f"{side}/requests"] = Series(_NAMESPACE, "RequestCount", dimensions, "Sum")
        for kind, metric in _ANSWERS.items():
            series[f"{side}/{kind}"] = Series(_NAMESPACE, metric, dimensions, "Sum")
        series[f"{side}/healthy"] = Series(_NAMESPACE, "HealthyHostCount", dimensions, "Maximum")
        series[f"{side}/lost"] = Series(_NAMESPACE, "TargetConnectionErrorCount", dimensions, "Sum")
        for guardrail in settings.guardrails:
            if isinstance(guardrail, LatencyComparison):
                # Percentile rank: the percentage of values at most this one, in seconds.
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
                stat = f"PR(:{guardrail.bound.total_seconds():g})"
                series[f"{side}/{guardrail.name}"] = Series(_NAMESPACE, "TargetResponseTime", dimensions, stat)
            elif isinstance(guardrail, MetricComparison):
                own = (*guardrail.dimensions, (guardrail.side_dimension, side))
                for which, metric in (("bad", guardrail.bad), ("total", guardrail.total)):
                    series[f"{side}/{guardrail.name}/{which}"] = Series(
                        guardrail.namespace, metric, tuple((str(name), str(value)) for name, value in own), "Sum"
                    )
    return series


def request_series_of(settings: TargetSettings) -> dict[str, Series]:
    """Only how many requests each side has: what draining looks at."""
    return {name: series for name, series in series_of(settings).items() if name.endswith("/requests")}


def comparisons_of(settings: TargetSettings) -> Sequence[Comparison]:
    """The guardrails that compare the candidate with live."""
    return [
        guardrail
        for guardrail in settings.guardrails
        if isinstance(guardrail, ErrorComparison | LatencyComparison | MetricComparison)
    ]


def _arm(total: float | None, bad: float) -> Arm | None:
    """CloudWatch's sums are floats, and two metrics of one minute need not agree to the last request."""
    if total is None or total < 0.5:
        return None
    requests = round(total)
    return Arm(requests, min(requests, max(0, round(bad))))
