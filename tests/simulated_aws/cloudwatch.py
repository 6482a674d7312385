"""CloudWatch: minutes of metrics, which can be seen a while after they ended, and the states of alarms."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient

_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_RANK = re.compile(r"PR\(:(\d+(?:\.\d+)?)\)")
_MOST_QUERIES = 500
_MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Series:
    """Where the values of one metric come from.

    catch_up: called before it is read. sum_of: the sum of a minute since the epoch; None: no datapoint. rank: the
    percentage of a minute's values that are at most the bound.
    """

    catch_up: Callable[[], None]
    sum_of: Callable[[int], float | None]
    rank: Callable[[int, float], float | None] | None = None


class CloudWatch(SimulatedClient):
    """The client. lag: how many seconds after its end a minute can be seen. page: datapoints in one answer."""

    service = "cloudwatch"
    throttle = "Throttling"
    failure = "InternalServiceError"
    exceptions = Exceptions({"InternalServiceError": "InternalServiceFault", "InvalidNextToken": "InvalidNextToken"})
    allowed: ClassVar = {
        "GetMetricData": {"MetricDataQueries", "StartTime", "EndTime", "ScanBy", "NextToken", "MaxDatapoints"},
        "DescribeAlarms": {"AlarmNames", "AlarmTypes", "MaxRecords", "NextToken"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.lag = 60.0
        self.page = 100_800
        self._series: dict[tuple[str, str, frozenset[tuple[str, str]]], Series] = {}
        self._alarms: dict[str, tuple[str, str]] = {}

    # what tests do beside the engine

    def publish(self, namespace: str, metric: str, dimensions: Mapping[str, str], series: Series) -> None:
        """Make a metric known."""
        self._series[namespace, metric, frozenset(dimensions.items())] = series

    def set_alarm(self, name: str, state: str, *, is_composite: bool = False) -> None:
        """Put an alarm into a state: OK, ALARM or INSUFFICIENT_DATA."""
        self._alarms[name] = (state, "CompositeAlarms" if is_composite else "MetricAlarms")

    def delete_alarm(self, name: str) -> None:
        """Take an alarm away."""
        del self._alarms[name]

    # the client

    def get_metric_data(self, **arguments: object) -> Answer:
        return self._serve("GetMetricData", arguments, self._get_metric_data)

    def describe_alarms(self, **arguments: object) -> Answer:
        return self._serve("DescribeAlarms", arguments, self._describe_alarms)

    def _get_metric_data(self, arguments: Answer) -> Answer:
        queries = arguments["MetricDataQueries"]
        ids = [query["Id"] for query in queries]
        if not 1 <= len(ids) <= _MOST_QUERIES or len(set(ids)) < len(ids):
            raise self._invalid("MetricDataQueries must hold 1 to 500 queries with different ids")
        # "For example, if you retrieve data from 15 days or less, the start is rounded down to the whole minute."
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        first = int(_seconds(arguments["StartTime"]) // 60)
        end = _seconds(arguments["EndTime"])
        if end <= _seconds(arguments["StartTime"]):
            raise self._invalid("The parameter StartTime must be less than the parameter EndTime")
        # A minute is complete at its end, and seen `lag` later. EndTime is exclusive.
        last = min(-int(-end // 60) - 1, int((self._world.now - self.lag) // 60) - 1)
        skip = int(arguments.get("NextToken", 0))
        is_ascending = arguments.get("ScanBy", "TimestampDescending") == "TimestampAscending"
        minutes = range(first, last + 1) if is_ascending else range(last, first - 1, -1)
        results, left, more = [], self.page, False
        for query in queries:
            found = self._values(query, minutes)
            rest, skip = found[skip:], max(0, skip - len(found))
            page = rest[:left]
            left -= len(page)
            more = more or len(page) < len(rest)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", query["MetricStat"]["Metric"]["MetricName"]),
                    "Timestamps": [datetime.fromtimestamp(minute * 60, UTC) for minute, _ in page],
                    "Values": [float(value) for _, value in page],
                    "StatusCode": "PartialData" if more else "Complete",
                }
            )
        answer: Answer = {"MetricDataResults": results, "Messages": []}
        if more:
            answer["NextToken"] = str(int(arguments.get("NextToken", 0)) + self.page)
        return answer

    def _values(self, query: Answer, minutes: range) -> list[tuple[int, float]]:
        if query.keys() - {"Id", "MetricStat", "Label", "ReturnData"} or not query.get("ReturnData", True):
            raise NotSimulatedError(f"the simulated cloudwatch does not know the query {query}")
        if not _ID.fullmatch(query["Id"]):
            raise self._invalid(f"The id {query['Id']} does not match the pattern")
        wanted = query["MetricStat"]
        if wanted["Period"] != 60 or wanted.keys() - {"Metric", "Period", "Stat"}:
            raise NotSimulatedError("the simulated cloudwatch knows periods of 60 seconds")
        metric = wanted["Metric"]
        dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions", []))
        series = self._series.get((metric["Namespace"], metric["MetricName"], dimensions))
        if series is None:
            return []
        series.catch_up()
        read = series.sum_of
        if wanted["Stat"] != "Sum":
            bound = _RANK.fullmatch(wanted["Stat"])
            if bound is None or series.rank is None:
                raise NotSimulatedError(f"the simulated cloudwatch has no {wanted['Stat']} of {metric['MetricName']}")
            seconds, rank = float(bound[1]), series.rank
            return [(minute, value) for minute in minutes if (value := rank(minute, seconds)) is not None]
        return [(minute, value) for minute in minutes if (value := read(minute)) is not None]

    def _describe_alarms(self, arguments: Answer) -> Answer:
        names = arguments.get("AlarmNames", list(self._alarms))
        if len(names) > _MOST_NAMES:
            raise self._invalid("AlarmNames holds at most 100 names", "DescribeAlarms")
        # Without AlarmTypes, AWS answers metric alarms and leaves composite ones out.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        kinds = {f"{kind}s" for kind in arguments.get("AlarmTypes", ["MetricAlarm"])}
        answer: Answer = {"MetricAlarms": [], "CompositeAlarms": []}
        for name in names:
            state, kind = self._alarms.get(name, ("", ""))
            if kind in kinds:
                answer[kind].append({"AlarmName": name, "StateValue": state})
        return answer

    def _invalid(self, message: str, operation: str = "GetMetricData") -> Exception:
        return self.error(operation, "ValidationError", message)


def _seconds(moment: object) -> float:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise NotSimulatedError("botocore takes a naive time for the machine's own: give an aware one")
        return moment.timestamp()
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return float(moment)
