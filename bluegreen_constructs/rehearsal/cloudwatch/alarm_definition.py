"""What an alarm watches and when it fires, read from the shape of PutMetricAlarm and checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ...engine.errors import ConfigurationError, RehearsalError
from .metric_queries import (
    MetricQuery,
    MetricStat,
    dimensions_of,
    evaluate,
    members,
    parse_queries,
    text,
    whole_number,
)
from .metric_store import (
    DEFAULT_RETENTION,
    MetricIdentity,
    MetricStore,
    check_period,
    check_statistic,
    percentile_of,
)
from .missing_data import TreatMissingData, evaluation_range
from .time_series import Axis, TimeSeriesArray

MAX_METRICS = 10
"""A math expression of an alarm "can include as many as 10 metrics"."""

COMPARISONS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": ("greater than the threshold", lambda value, threshold: value > threshold),
    "GreaterThanOrEqualToThreshold": (
        "greater than or equal to the threshold",
        lambda value, threshold: value >= threshold,
    ),
    "LessThanThreshold": ("less than the threshold", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to the threshold", lambda value, threshold: value <= threshold),
}
"""Each comparison operator in the words of a state reason, and as a function of value and threshold."""

_PLAIN_METRIC_MEMBERS = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_NOT_REHEARSED = (
    "ThresholdMetricId",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationWindow",
    "WarmUpConfiguration",
)


class LowSampleCount(StrEnum):
    """EvaluateLowSampleCountPercentile: whether a percentile of too few samples can change the state."""

    EVALUATE = "evaluate"
    IGNORE = "ignore"


@dataclass(frozen=True)
class AlarmDefinition:
    """One metric alarm: `queries` to run, the one it `watches`, and M of N periods against a threshold."""

    name: str
    queries: tuple[MetricQuery, ...]
    watches: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    comparison: str
    threshold: float
    treat_missing_data: TreatMissingData
    low_sample_count: LowSampleCount = LowSampleCount.EVALUATE

    @property
    def watched_stat(self) -> MetricStat | None:
        """The metric that is watched directly; None when it is an expression."""
        return next(query.stat for query in self.queries if query.id == self.watches)

    def is_breaching(self, value: float) -> bool:
        """Whether a data point violates the threshold."""
        return COMPARISONS[self.comparison][1](value, self.threshold)


def read_alarm(request: Mapping[str, object]) -> AlarmDefinition:
    """The alarm of a PutMetricAlarm request, of a template's AWS::CloudWatch::Alarm or of a described alarm.

    Raises ConfigurationError for what CloudWatch refuses and RehearsalError for what the rehearsal does not evaluate
    (anomaly detection bands, Metrics Insights and PromQL, evaluation windows, trimmed statistics); whatever it lets
    through can be evaluated on any data.
    """
    name = text(request.get("AlarmName"))
    if not name:
        raise ConfigurationError("an alarm was given no AlarmName; name it")
    for member in _NOT_REHEARSED:
        if request.get(member):
            raise RehearsalError(f"the alarm {name!r} uses {member}, which is not rehearsed; use a static threshold")
    comparison = text(request.get("ComparisonOperator"))
    if comparison not in COMPARISONS:
        raise RehearsalError(
            f"the alarm {name!r} has the comparison operator {comparison!r}; the rehearsal has {', '.join(COMPARISONS)}"
        )
    queries = _queries(name, request)
    watched = _watched(name, queries)
    period = _checked_period(name, queries, watched)
    evaluation_periods = _positive(name, request, "EvaluationPeriods", default=None)
    datapoints_to_alarm = _positive(name, request, "DatapointsToAlarm", default=evaluation_periods)
    if datapoints_to_alarm > evaluation_periods:
        raise ConfigurationError(
            f"the alarm {name!r} wants {datapoints_to_alarm} datapoints of {evaluation_periods} evaluation periods; "
            "lower DatapointsToAlarm or raise EvaluationPeriods"
        )
    if evaluation_range(evaluation_periods) * period > DEFAULT_RETENTION.total_seconds():
        raise RehearsalError(
            f"the alarm {name!r} looks back {evaluation_range(evaluation_periods)} periods of {period} s; the "
            f"rehearsal keeps {DEFAULT_RETENTION.total_seconds() / 3600:g} hours of metrics, so shorten one of them"
        )
    return AlarmDefinition(
        name=name,
        queries=queries,
        watches=watched.id,
        period=period,
        evaluation_periods=evaluation_periods,
        datapoints_to_alarm=datapoints_to_alarm,
        comparison=comparison,
        threshold=_threshold(name, request),
        treat_missing_data=_treatment(name, request, queries),
        low_sample_count=_low_sample_count(name, request, watched),
    )


def _queries(name: str, request: Mapping[str, object]) -> tuple[MetricQuery, ...]:
    if members(request.get("Metrics")):
        given = [member for member in _PLAIN_METRIC_MEMBERS if request.get(member)]
        if given:
            raise ConfigurationError(f"the alarm {name!r} has Metrics and also {', '.join(given)}; leave those out")
        return parse_queries(request.get("Metrics"))
    if not request.get("Namespace") or not request.get("MetricName"):
        raise ConfigurationError(f"the alarm {name!r} names no metric; give Namespace and MetricName, or Metrics")
    statistics = [text(request[member]) for member in ("Statistic", "ExtendedStatistic") if request.get(member)]
    if len(statistics) != 1:
        raise ConfigurationError(f"the alarm {name!r} must have either a Statistic or an ExtendedStatistic")
    period = whole_number(request.get("Period"), default=0, name=f"the Period of the alarm {name!r}")
    check_period(period)
    check_statistic(statistics[0])
    identity = MetricIdentity.of(
        text(request["Namespace"]), text(request["MetricName"]), dimensions_of(request.get("Dimensions"))
    )
    return (MetricQuery("m1", MetricStat(identity, period, statistics[0], text(request.get("Unit")) or None), None),)


def _watched(name: str, queries: tuple[MetricQuery, ...]) -> MetricQuery:
    watched = [query for query in queries if query.returns_data]
    if len(watched) != 1:
        raise ConfigurationError(
            f"the alarm {name!r} has {len(watched)} queries with ReturnData true; exactly one is what it watches"
        )
    if sum(1 for query in queries if query.stat is not None) > MAX_METRICS:
        raise ConfigurationError(f"the alarm {name!r} has more than {MAX_METRICS} metrics, which is CloudWatch's limit")
    return watched[0]


def _checked_period(name: str, queries: tuple[MetricQuery, ...], watched: MetricQuery) -> int:
    """The alarm's period, after a trial evaluation without data: what is not covered is refused now, not later."""
    trial = evaluate(queries, MetricStore(), lambda period: Axis(0.0, period, 1))[watched.id]
    if isinstance(trial.value, TimeSeriesArray):
        raise ConfigurationError(
            f"the alarm {name!r} watches {watched.expression!r}, an array of time series; an alarm watches a single one"
        )
    periods = {query.stat.period for query in queries if query.stat is not None}
    if len(periods) > 1:
        raise ConfigurationError(
            f"the alarm {name!r} mixes metric periods of {', '.join(map(str, sorted(periods)))} s; give them one period"
        )
    return trial.axis.period


def _positive(name: str, request: Mapping[str, object], member: str, *, default: int | None) -> int:
    value = whole_number(request.get(member), default=default or 0, name=f"{member} of the alarm {name!r}")
    if value < 1:
        raise ConfigurationError(f"the alarm {name!r} has {member} {value}; give a whole number of at least 1")
    return value


def _threshold(name: str, request: Mapping[str, object]) -> float:
    try:
        return float(text(request.get("Threshold")))
    except ValueError:
        raise ConfigurationError(
            f"the alarm {name!r} has the threshold {request.get('Threshold')!r}; give a number"
        ) from None


def _treatment(name: str, request: Mapping[str, object], queries: tuple[MetricQuery, ...]) -> TreatMissingData:
    given = text(request.get("TreatMissingData"))
    if not given:
        # "Alarms that evaluate metrics in the AWS/DynamoDB namespace default to ignore missing data."
        is_dynamodb = any(query.stat is not None and query.stat.metric.namespace == "AWS/DynamoDB" for query in queries)
        return TreatMissingData.IGNORE if is_dynamodb else TreatMissingData.MISSING
    try:
        return TreatMissingData(given)
    except ValueError:
        raise ConfigurationError(
            f"the alarm {name!r} has TreatMissingData {given!r}; give {', '.join(TreatMissingData)}"
        ) from None


def _low_sample_count(name: str, request: Mapping[str, object], watched: MetricQuery) -> LowSampleCount:
    given = text(request.get("EvaluateLowSampleCountPercentile")) or LowSampleCount.EVALUATE.value
    try:
        chosen = LowSampleCount(given)
    except ValueError:
        raise ConfigurationError(
            f"the alarm {name!r} has EvaluateLowSampleCountPercentile {given!r}; give {', '.join(LowSampleCount)}"
        ) from None
    is_percentile = watched.stat is not None and percentile_of(watched.stat.statistic) is not None
    if chosen is LowSampleCount.IGNORE and not is_percentile:
        raise RehearsalError(
            f"the alarm {name!r} ignores low sample counts but does not watch a percentile of one metric; "
            "leave EvaluateLowSampleCountPercentile out"
        )
    return chosen
