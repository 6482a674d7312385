"""Metric data queries: the metrics and expressions of a GetMetricData request or a metric-math alarm, evaluated."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...engine.errors import ConfigurationError, RehearsalError
from . import metric_math, metric_math_syntax
from .metric_math import Scope
from .metric_store import MetricIdentity, Point, check_period, check_statistic
from .time_series import Axis, TimeSeries, TimeSeriesArray

DEFAULT_PERIOD = 60

_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")


class MetricSource(Protocol):
    """Where the values of metrics come from; a MetricStore is one."""

    def points(
        self,
        metric: MetricIdentity,
        statistic: str,
        *,
        start: float,
        end: float,
        period: int,
        unit: str | None = None,
    ) -> list[Point]:
        """One point for each period beginning in [start, end) that has samples, oldest first."""
        ...


@dataclass(frozen=True)
class MetricStat:
    """A statistic of one metric by a period of rehearsed seconds; without `unit`, samples of all units count."""

    metric: MetricIdentity
    period: int
    statistic: str
    unit: str | None = None


@dataclass(frozen=True)
class MetricQuery:
    """One entry of a request: a metric (`stat`) or an `expression`; `label` is empty unless the request gave one."""

    id: str
    stat: MetricStat | None
    expression: str | None
    label: str = ""
    returns_data: bool = True
    period: int | None = None


@dataclass(frozen=True)
class QueryResult:
    """What one query yields over which range."""

    query: MetricQuery
    axis: Axis
    value: TimeSeries | TimeSeriesArray

    @property
    def series(self) -> tuple[TimeSeries, ...]:
        """The time series: one, or those of an array."""
        return self.value.members if isinstance(self.value, TimeSeriesArray) else (self.value,)


def text(value: object) -> str:
    """A request's member as a string; an absent one is empty."""
    return "" if value is None else str(value)


def flag(value: object, *, default: bool) -> bool:
    """A request's member as a boolean; the query protocol and templates send "true" and "false"."""
    if value is None or value == "":
        return default
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def whole_number(value: object, *, default: int, name: str) -> int:
    """A request's member as an integer; ConfigurationError when it is not one."""
    if value is None or value == "":
        return default
    try:
        return int(str(value))
    except ValueError:
        raise ConfigurationError(f"{name} was given as {value!r}; give a whole number") from None


def members(value: object) -> list[Mapping[str, object]]:
    """A request's list of structures; an absent one is empty."""
    if not isinstance(value, list):
        return []
    return [member for member in value if isinstance(member, Mapping)]


def dimensions_of(value: object) -> dict[str, str]:
    """A request's list of {Name, Value} as a mapping."""
    return {text(member.get("Name")): text(member.get("Value")) for member in members(value)}


def parse_queries(raw: object) -> tuple[MetricQuery, ...]:
    """The queries of a request's MetricDataQueries or an alarm's Metrics.

    Raises ConfigurationError for a malformed one, RehearsalError for one that the rehearsal does not cover.
    """
    queries = tuple(_parse_query(member) for member in members(raw))
    ids = [query.id for query in queries]
    for name in ids:
        if ids.count(name) > 1:
            raise ConfigurationError(f"the Id {name!r} is used {ids.count(name)} times; give each query its own Id")
    for query in queries:
        if query.expression is not None:
            for name in metric_math_syntax.names(metric_math_syntax.parse(query.expression)):
                if name not in ids:
                    raise ConfigurationError(
                        f"the expression {query.expression!r} refers to {name!r}; "
                        f"the request has {', '.join(sorted(ids))}"
                    )
    return queries


def _parse_query(raw: Mapping[str, object]) -> MetricQuery:
    name = text(raw.get("Id"))
    if not _ID.fullmatch(name):
        raise ConfigurationError(
            f"the metric query Id {name!r} is not allowed; "
            "use letters, digits and underscores, and begin with a lowercase letter"
        )
    if text(raw.get("AccountId")):
        raise RehearsalError(f"the query {name!r} names an account; the rehearsal has one account, so leave it out")
    stat, expression = raw.get("MetricStat"), text(raw.get("Expression")).strip()
    if isinstance(stat, Mapping) == bool(expression):
        raise ConfigurationError(f"the query {name!r} must have either a MetricStat or an Expression, and not both")
    if expression[:6].upper() == "SELECT":
        raise RehearsalError(
            f"the query {name!r} is a Metrics Insights query, which is not rehearsed; name its metrics"
        )
    period = whole_number(raw.get("Period"), default=0, name=f"the Period of the query {name!r}") or None
    if period is not None:
        check_period(period)
    return MetricQuery(
        id=name,
        stat=_parse_stat(name, stat) if isinstance(stat, Mapping) else None,
        expression=expression or None,
        label=text(raw.get("Label")),
        returns_data=flag(raw.get("ReturnData"), default=True),
        period=period,
    )


def _parse_stat(name: str, raw: Mapping[str, object]) -> MetricStat:
    metric = raw.get("Metric")
    if not isinstance(metric, Mapping) or not metric.get("Namespace") or not metric.get("MetricName"):
        raise ConfigurationError(f"the query {name!r} has a MetricStat without a Namespace and a MetricName")
    period = whole_number(raw.get("Period"), default=DEFAULT_PERIOD, name=f"the Period of the query {name!r}")
    statistic = text(raw.get("Stat"))
    check_period(period)
    check_statistic(statistic)
    identity = MetricIdentity.of(
        text(metric.get("Namespace")), text(metric.get("MetricName")), dimensions_of(metric.get("Dimensions"))
    )
    return MetricStat(identity, period, statistic, text(raw.get("Unit")) or None)


def evaluate(
    queries: Sequence[MetricQuery], source: MetricSource, axis_of: Callable[[int], Axis]
) -> dict[str, QueryResult]:
    """The result of every query by its Id; `axis_of` gives the evaluated range for a period."""
    metrics = {
        query.id: QueryResult(query, axis, read(query.stat, source, axis, query.label or query.id))
        for query in queries
        if query.stat is not None
        for axis in [axis_of(query.stat.period)]
    }
    evaluation = _Queries(queries, metrics, axis_of)
    return {query.id: evaluation.result(query.id) for query in queries}


def read(stat: MetricStat, source: MetricSource, axis: Axis, label: str) -> TimeSeries:
    """One metric over a range, with None where a period has no sample."""
    found = {
        round(point.at): point.value
        for point in source.points(
            stat.metric, stat.statistic, start=axis.start, end=axis.end, period=axis.period, unit=stat.unit
        )
    }
    return TimeSeries(tuple(found.get(round(axis.at(index))) for index in range(axis.count)), label)


class _Queries:
    """Expressions may use each other's results in any order, but not in a circle."""

    def __init__(
        self, queries: Sequence[MetricQuery], metrics: dict[str, QueryResult], axis_of: Callable[[int], Axis]
    ) -> None:
        self._by_id = {query.id: query for query in queries}
        self._metrics = metrics
        self._results = dict(metrics)
        self._axis_of = axis_of
        self._open: list[str] = []

    def result(self, name: str) -> QueryResult:
        if name in self._results:
            return self._results[name]
        if name in self._open:
            raise ConfigurationError(
                f"the expressions {' -> '.join([*self._open, name])} refer to each other in a circle"
            )
        self._open.append(name)
        result = self._evaluated(self._by_id[name])
        self._open.pop()
        self._results[name] = result
        return result

    def _evaluated(self, query: MetricQuery) -> QueryResult:
        expression = query.expression or ""
        tree = metric_math_syntax.parse(expression)
        used = {name: self.result(name) for name in metric_math_syntax.names(tree)}
        if metric_math_syntax.uses_metrics_function(tree):
            used |= self._metrics
        axis = self._axis_of(_period(query, [result.axis.period for result in used.values()]))
        value = metric_math.evaluate(
            expression,
            Scope(
                axis,
                {name: result.series[0] for name, result in self._metrics.items() if name in used},
                {name: result.value for name, result in used.items() if name not in self._metrics},
            ),
        )
        return QueryResult(query, axis, value)


def _period(query: MetricQuery, periods: Sequence[int]) -> int:
    found = sorted(set(periods)) or [query.period or DEFAULT_PERIOD]
    if len(found) > 1 or (query.period is not None and query.period != found[0]):
        raise RehearsalError(
            f"the expression {query.expression!r} mixes the periods "
            f"{', '.join(f'{period} s' for period in sorted({*found, query.period or found[0]}))}; "
            "give its metrics one period"
        )
    return found[0]
