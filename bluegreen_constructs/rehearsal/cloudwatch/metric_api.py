"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics over a MetricStore, from request to answer."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from ...engine.errors import ConfigurationError
from ..clock import Clock
from .metric_queries import (
    MetricQuery,
    QueryResult,
    dimensions_of,
    evaluate,
    members,
    parse_queries,
    text,
    whole_number,
)
from .metric_store import MetricIdentity, MetricStore, check_period
from .time_series import Axis, TimeSeries
from .wire import instant, moment

WALL_CLOCK_TOLERANCE_SECONDS = 15.0
"""A datum's timestamp this close behind the wall clock is taken for a wall-clock "now"."""

MAX_FUTURE_SECONDS = 2 * 3600
"""PutMetricData takes timestamps "up to two hours after the current day" (here: rehearsed time)."""

MAX_DATAPOINTS = 100_800
"""GetMetricData's own limit for one request."""

_MINUTE = 60
_PLAIN_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


def rehearsed_instant(timestamp: float | None, clock: Clock, *, wall: float) -> float:
    """When a datum belongs in rehearsed time.

    Without a timestamp it is now. A timestamp that equals the wall clock (to within a second ahead and fifteen behind)
    comes from code that knows nothing of the rehearsal's clock, so it is mapped onto it; any other one is rehearsed
    time already. (At the rehearsal's very beginning the two clocks agree, and a recent rehearsed instant cannot be told
    from a wall-clock one.)
    """
    if timestamp is None:
        return clock.at(wall)
    if -WALL_CLOCK_TOLERANCE_SECONDS <= timestamp - wall <= 1.0:
        return clock.at(timestamp)
    return timestamp


def put_metric_data(request: Mapping[str, object], store: MetricStore, clock: Clock, *, wall: float) -> None:
    """Store every datum of a request; raises ConfigurationError for one that CloudWatch would not take."""
    namespace = text(request.get("Namespace"))
    if not namespace:
        raise ConfigurationError("PutMetricData was given no Namespace; name one")
    for datum in members(request.get("MetricData")):
        name = text(datum.get("MetricName"))
        if not name:
            raise ConfigurationError(f"a metric datum of the namespace {namespace!r} has no MetricName; name it")
        at = rehearsed_instant(
            instant(datum.get("Timestamp"), name=f"the Timestamp of {namespace}/{name}"), clock, wall=wall
        )
        if at > clock.at(wall) + MAX_FUTURE_SECONDS:
            raise ConfigurationError(
                f"the metric {namespace}/{name} was given the timestamp {moment(at):%Y-%m-%dT%H:%M:%SZ}, more than two "
                f"hours after the rehearsed {moment(clock.at(wall)):%Y-%m-%dT%H:%M:%SZ}"
            )
        _put_datum(datum, namespace, name, at, store)


def _put_datum(datum: Mapping[str, object], namespace: str, name: str, at: float, store: MetricStore) -> None:
    dimensions = dimensions_of(datum.get("Dimensions"))
    unit = text(datum.get("Unit")) or "None"
    values, counts, statistics = datum.get("Values"), datum.get("Counts"), datum.get("StatisticValues")
    what = f"the metric {namespace}/{name}"
    if isinstance(values, list) and values:
        times = [_number(count, what) for count in counts] if isinstance(counts, list) and counts else None
        store.put(namespace, name, dimensions, [_number(value, what) for value in values], at, unit, counts=times)
    elif isinstance(statistics, Mapping) and statistics:
        count, total, low, high = (
            _number(statistics.get(part), what) for part in ("SampleCount", "Sum", "Minimum", "Maximum")
        )
        store.put_statistic_set(namespace, name, dimensions, (count, total, low, high), at, unit)
    else:
        store.put(namespace, name, dimensions, [_number(datum.get("Value"), what)], at, unit)


def _number(value: object, what: str) -> float:
    try:
        return float(text(value))
    except ValueError:
        raise ConfigurationError(f"{what} was given {value!r} where a number is needed") from None


def get_metric_data(request: Mapping[str, object], store: MetricStore) -> dict[str, object]:
    """The results of a request's queries, all in one answer; its window is rehearsed time, as given.

    As documented, StartTime is rounded down to a whole minute (to the period when that is shorter) and the newest
    value comes first unless ScanBy says otherwise. Raises ConfigurationError or RehearsalError.
    """
    start, end = _window(request)
    queries = parse_queries(request.get("MetricDataQueries"))
    if not queries:
        raise ConfigurationError("GetMetricData was given no MetricDataQueries; give at least one")
    results = evaluate(queries, store, lambda period: axis_over(start, end, period))
    ascending = text(request.get("ScanBy")) == "TimestampAscending"
    return {
        "MetricDataResults": [
            _data_result(query, results[query.id], series, ascending=ascending)
            for query in queries
            if query.returns_data
            for series in results[query.id].series
        ],
        "Messages": [],
    }


def axis_over(start: float, end: float, period: int) -> Axis:
    """The periods of a window: from `start`, rounded down as GetMetricData documents, up to before `end`."""
    check_period(period)
    step = min(_MINUTE, period)
    begin = math.floor(start / step) * float(step)
    count = math.ceil((end - begin) / period)
    if count > MAX_DATAPOINTS:
        raise ConfigurationError(
            f"the window has {count} periods of {period} s; at most {MAX_DATAPOINTS} datapoints are given at once, "
            "so shorten the window or lengthen the period"
        )
    return Axis(begin, period, count)


def _data_result(query: MetricQuery, result: QueryResult, series: TimeSeries, *, ascending: bool) -> dict[str, object]:
    found = [(result.axis.at(index), value) for index, value in enumerate(series.values) if value is not None]
    if not ascending:
        found.reverse()
    return {
        "Id": query.id,
        "Label": _label(query, series),
        "Timestamps": [moment(at) for at, _ in found],
        "Values": [value for _, value in found],
        "StatusCode": "Complete",
    }


def _label(query: MetricQuery, series: TimeSeries) -> str:
    if query.stat is not None:
        return query.label or query.stat.metric.name
    return query.label or series.label or query.id


def get_metric_statistics(request: Mapping[str, object], store: MetricStore) -> dict[str, object]:
    """The datapoints of one metric, oldest first; its window is rehearsed time, as given."""
    start, end = _window(request)
    period = whole_number(request.get("Period"), default=_MINUTE, name="Period")
    statistics, extended = (_strings(request.get(member)) for member in ("Statistics", "ExtendedStatistics"))
    if not statistics and not extended:
        raise ConfigurationError("GetMetricStatistics was given neither Statistics nor ExtendedStatistics; give one")
    for name in statistics:
        if name not in _PLAIN_STATISTICS:
            raise ConfigurationError(f"the statistic {name!r} is not one of {', '.join(_PLAIN_STATISTICS)}")
    metric = MetricIdentity.of(
        text(request.get("Namespace")), text(request.get("MetricName")), dimensions_of(request.get("Dimensions"))
    )
    unit = text(request.get("Unit")) or None
    axis = axis_over(start, end, period)
    datapoints: dict[float, dict[str, object]] = {}
    for name in (*statistics, *extended):
        for point in store.points(metric, name, start=axis.start, end=end, period=period, unit=unit):
            known: dict[str, object] = {"Timestamp": moment(point.at), "Unit": unit or store.unit_of(metric)}
            datapoint = datapoints.setdefault(point.at, known)
            if name in statistics:
                datapoint[name] = point.value
            else:
                percentiles = datapoint.setdefault("ExtendedStatistics", {})
                if isinstance(percentiles, dict):
                    percentiles[name] = point.value
    return {"Label": metric.name, "Datapoints": [datapoints[at] for at in sorted(datapoints)]}


def list_metrics(request: Mapping[str, object], store: MetricStore) -> dict[str, object]:
    """The metrics that match a request's namespace, name and dimension filters (a filter may leave the value open)."""
    namespace, name = text(request.get("Namespace")), text(request.get("MetricName"))
    filters = [(text(member.get("Name")), text(member.get("Value"))) for member in members(request.get("Dimensions"))]
    return {
        "Metrics": [
            {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(metric.dimensions)],
            }
            for metric in store.metrics()
            if namespace in ("", metric.namespace)
            and name in ("", metric.name)
            and all(_has_dimension(metric, key, value) for key, value in filters)
        ]
    }


def _has_dimension(metric: MetricIdentity, key: str, value: str) -> bool:
    return any(key == name and value in ("", given) for name, given in metric.dimensions)


def _strings(value: object) -> list[str]:
    return [text(member) for member in value] if isinstance(value, list) else []


def _window(request: Mapping[str, object]) -> tuple[float, float]:
    start, end = (instant(request.get(member), name=member) for member in ("StartTime", "EndTime"))
    if start is None or end is None:
        raise ConfigurationError("a request for metric data needs StartTime and EndTime, both in rehearsed time")
    if start >= end:
        raise ConfigurationError(
            f"StartTime {datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%SZ} must be before "
            f"EndTime {datetime.fromtimestamp(end, UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
    return start, end
