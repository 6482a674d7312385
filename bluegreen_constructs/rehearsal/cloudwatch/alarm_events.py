"""The event of an alarm's state change, in the shape that CloudWatch documents for EventBridge and for Lambda actions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html (sample events) and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .alarms import INITIAL_REASON, iso_milliseconds
from .metric_queries import dimensions_of, flag, members, text

SOURCE = "aws.cloudwatch"
DETAIL_TYPE = "CloudWatch Alarm State Change"


@dataclass(frozen=True)
class StateSnapshot:
    """An alarm's state at one time; `at` is rehearsed seconds since the epoch."""

    value: str
    reason: str
    at: float
    reason_data: str = ""

    @classmethod
    def initial(cls, at: float) -> "StateSnapshot":
        """The state of an alarm that was just created."""
        return cls("INSUFFICIENT_DATA", INITIAL_REASON, at)

    def as_event(self) -> dict[str, object]:
        """The `state` and `previousState` member of an event."""
        event: dict[str, object] = {
            "value": self.value,
            "reason": self.reason,
            "timestamp": iso_milliseconds(self.at),
        }
        if self.reason_data:
            event["reasonData"] = self.reason_data
        return event


def event_detail(alarm: Mapping[str, object], state: StateSnapshot, previous: StateSnapshot) -> dict[str, object]:
    """The `detail` of a state change event for a described alarm, metric or composite."""
    return {
        "alarmName": text(alarm.get("AlarmName")),
        "configuration": _configuration(alarm),
        "previousState": previous.as_event(),
        "state": state.as_event(),
    }


def lambda_action(
    alarm: Mapping[str, object], detail: Mapping[str, object], *, account: str, region: str, at: float
) -> dict[str, object]:
    """What a Lambda function that is an alarm action is invoked with."""
    return {
        "source": SOURCE,
        "alarmArn": text(alarm.get("AlarmArn")),
        "accountId": account,
        "time": iso_milliseconds(at),
        "region": region,
        "alarmData": dict(detail),
    }


def _configuration(alarm: Mapping[str, object]) -> dict[str, object]:
    configuration: dict[str, object] = {}
    if alarm.get("AlarmDescription"):
        configuration["description"] = text(alarm["AlarmDescription"])
    if alarm.get("AlarmRule"):
        configuration["alarmRule"] = text(alarm["AlarmRule"])
    else:
        configuration["metrics"] = _metrics(alarm)
    return configuration


def _metrics(alarm: Mapping[str, object]) -> list[dict[str, object]]:
    queries = members(alarm.get("Metrics"))
    if queries:
        return [_query(query) for query in queries]
    stat = text(alarm.get("ExtendedStatistic")) or text(alarm.get("Statistic"))
    return [{"id": "m1", "metricStat": _stat(alarm, alarm.get("Period"), stat), "returnData": True}]


def _query(query: Mapping[str, object]) -> dict[str, object]:
    event: dict[str, object] = {"id": text(query.get("Id"))}
    if query.get("Label"):
        event["label"] = text(query["Label"])
    stat = query.get("MetricStat")
    if isinstance(stat, Mapping):
        metric = stat.get("Metric")
        event["metricStat"] = _stat(
            metric if isinstance(metric, Mapping) else {}, stat.get("Period"), text(stat.get("Stat"))
        )
    else:
        event["expression"] = text(query.get("Expression"))
    event["returnData"] = flag(query.get("ReturnData"), default=True)
    return event


def _stat(metric: Mapping[str, object], period: object, stat: str) -> dict[str, object]:
    return {
        "metric": {
            "namespace": text(metric.get("Namespace")),
            "name": text(metric.get("MetricName")),
            "dimensions": dimensions_of(metric.get("Dimensions")),
        },
        "period": period,
        "stat": stat,
    }
