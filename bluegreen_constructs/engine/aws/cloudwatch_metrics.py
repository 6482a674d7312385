"""CloudWatch: the minutes of all series of a target in one request, and the states of alarms."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, cast

from ..errors import AwsError
from ..ports import Series
from .client_calls import AwsClient, Calls, entries
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
# DescribeAlarms tells of composite alarms only to those who may describe all.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
IAM_ACTIONS: Actions = {
    "cloudwatch:DescribeAlarms": ("any",),
    "cloudwatch:GetMetricData": ("any",),
}

# The API's own limits for one request.
_QUERIES_PER_REQUEST = 500
_ALARMS_PER_REQUEST = 100

_MINUTE_S = 60


class CloudWatchClient(AwsClient, Protocol):
    """The calls of a boto3 `cloudwatch` client that are used here."""

    def get_metric_data(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_alarms(self, **arguments: object) -> Mapping[str, object]: ...


class CloudWatchMetrics:
    """`engine.ports.Metrics` on AWS."""

    def __init__(self, client: CloudWatchClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def minutes(self, series: Mapping[str, Series], first: int, last: int) -> Mapping[str, Mapping[int, float]]:
        """Every series has an entry, one without a value an empty one.

        Raises AwsError also when CloudWatch answers only a part: what is missing would look like minutes without
        requests.
        """
        values: dict[str, dict[int, float]] = {name: {} for name in series}
        if first > last:
            return values
        span = {
            "StartTime": datetime.fromtimestamp(first * _MINUTE_S, UTC),
            "EndTime": datetime.fromtimestamp((last + 1) * _MINUTE_S, UTC),  # exclusive
            "ScanBy": "TimestampAscending",
        }
        for names in _slices(list(series), _QUERIES_PER_REQUEST):
            # An Id must start with a lower-case letter, which names of series need not.
            asked = {f"s{position}": name for position, name in enumerate(names)}
            queries = [_query(identity, series[name]) for identity, name in asked.items()]
            status = dict.fromkeys(asked, "missing")
            for page in self._pages({"MetricDataQueries": queries, **span}):
                _refuse_messages(page)
                for result in entries(page, "MetricDataResults"):
                    identity = str(result["Id"])
                    status[identity] = _status(result)
                    values[asked[identity]] |= _by_minute(result)
            # PartialData on a page says that the next one has more; at the end it says that something is missing.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
            for identity, said in status.items():
                if said != "Complete":
                    raise AwsError(
                        f"CloudWatch answered {said} instead of all minutes of {asked[identity]}: nothing is judged "
                        "until it answers Complete"
                    )
        return values

    def alarm_states(self, names: Sequence[str]) -> Mapping[str, str]:
        """Metric alarms and composite alarms."""
        states: dict[str, str] = {}
        for some in _slices(list(dict.fromkeys(names)), _ALARMS_PER_REQUEST):
            arguments: dict[str, object] = {
                "AlarmNames": some,
                "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],  # without it, metric alarms only
                "MaxRecords": _ALARMS_PER_REQUEST,
            }
            while True:
                page = self._calls.make(self._client.describe_alarms, arguments)
                found = entries(page, "MetricAlarms") + entries(page, "CompositeAlarms")
                states |= {str(alarm["AlarmName"]): str(alarm["StateValue"]) for alarm in found}
                if not page.get("NextToken"):
                    break
                arguments["NextToken"] = page["NextToken"]
        return states

    def _pages(self, arguments: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
        page = self._calls.make(self._client.get_metric_data, arguments)
        yield page
        while page.get("NextToken"):
            page = self._calls.make(self._client.get_metric_data, {**arguments, "NextToken": page["NextToken"]})
            yield page


def _slices(names: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield list(names[start : start + size])


def _query(identity: str, series: Series) -> Mapping[str, object]:
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
    metric = {"Namespace": series.namespace, "MetricName": series.metric, "Dimensions": dimensions}
    return {
        "Id": identity,
        "MetricStat": {"Metric": metric, "Period": _MINUTE_S, "Stat": series.stat},
        "ReturnData": True,
    }


def _status(result: Mapping[str, object]) -> str:
    code = str(result.get("StatusCode"))
    if code in {"Complete", "PartialData"}:
        return code
    said = "; ".join(f"{message.get('Code')}: {message.get('Value')}" for message in entries(result, "Messages"))
    raise AwsError(f"CloudWatch answered {code} for the metric {result.get('Label')}{': ' if said else ''}{said}")


def _refuse_messages(page: Mapping[str, object]) -> None:
    """A message for the whole request says that only as much as possible was done."""
    for message in entries(page, "Messages"):
        raise AwsError(f"CloudWatch answered {message.get('Code')}: {message.get('Value')}")


def _by_minute(result: Mapping[str, object]) -> dict[int, float]:
    stamps = cast("Sequence[datetime]", result.get("Timestamps") or ())
    values = cast("Sequence[float]", result.get("Values") or ())
    return {int(stamp.timestamp()) // _MINUTE_S: float(value) for stamp, value in zip(stamps, values, strict=True)}
