"""CloudWatch's alarms in whichever region and account they are, and whether they rang since an instant."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, cast

from ..errors import AwsError
from ..stage_bake import MISSING, UNREAD, AlarmSeen, BakedAlarm
from .client_calls import AwsClient, Calls, entries, entry, number

Resource = Literal["any", "reading role"]

# Both tell of composite alarms only to those who may ask about all.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
IAM_ACTIONS: Mapping[str, tuple[Resource, ...]] = {
    "cloudwatch:DescribeAlarmHistory": ("any",),
    "cloudwatch:DescribeAlarms": ("any",),
    "sts:AssumeRole": ("reading role",),
}
READ_ACTIONS = tuple(action for action, kinds in IAM_ACTIONS.items() if "any" in kinds)
"""What a role of another account has to be allowed."""

_ALARMS_PER_REQUEST = 100
# CodePipeline's clock and CloudWatch's are not one: what rang in the second before the bake began counts as well.
_CLOCKS = timedelta(seconds=1)


class AlarmsClient(AwsClient, Protocol):
    """The calls of a boto3 `cloudwatch` client that are used here."""

    def describe_alarms(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_alarm_history(self, **arguments: object) -> Mapping[str, object]: ...


class AlarmsOfRegions:
    """`engine.stage_bake.BakedAlarms` on AWS: a request for each region and account, and one for what has changed."""

    def __init__(
        self,
        client_of: Callable[[str, str], AlarmsClient],
        transport_errors: tuple[type[Exception], ...] = (),
        has_time: Callable[[], bool] = lambda: True,
    ) -> None:
        """Use the client that `client_of(region, role_arn)` makes; it may raise AwsError, or `transport_errors`.

        has_time: whether another call may begin. What there is no time to ask about is UNREAD, so that a region that
        does not answer cannot keep anybody from hearing what the others say.
        """
        self._client_of = client_of
        self._transport_errors = transport_errors
        self._has_time = has_time

    def since(self, alarms: Sequence[BakedAlarm], began: datetime) -> Mapping[BakedAlarm, AlarmSeen]:
        """What each says; one that cannot be read is UNREAD, with AWS's words, whatever becomes of the others."""
        errors: tuple[type[Exception], ...] = (AwsError, *self._transport_errors)
        seen: dict[BakedAlarm, AlarmSeen] = {}
        for region, role_arn in dict.fromkeys((alarm.region, alarm.role_arn) for alarm in alarms):
            there = [alarm for alarm in alarms if (alarm.region, alarm.role_arn) == (region, role_arn)]
            try:
                self._require_time()
                client = self._client_of(region, role_arn)
                seen |= self._seen(client, there, began)
            except errors as error:
                seen |= {alarm: AlarmSeen(UNREAD, why=str(error)) for alarm in there}
        return seen

    def _seen(
        self, client: AlarmsClient, alarms: Sequence[BakedAlarm], began: datetime
    ) -> Mapping[BakedAlarm, AlarmSeen]:
        self._require_time()
        place = _Place(client, self._transport_errors)
        described = place.described([alarm.name for alarm in alarms])
        seen: dict[BakedAlarm, AlarmSeen] = {}
        for alarm in alarms:
            found = described.get(alarm.name)
            if found is None:
                seen[alarm] = AlarmSeen(MISSING)
                continue
            state, needs = str(found["StateValue"]), _reach(found)
            still = state == "ALARM" and _is_as_it_was(found, began)
            try:
                has_rung = self._has_rung(place, found, began)
                seen[alarm] = AlarmSeen(state, has_rung=has_rung, needs=needs, rings_still=still)
            except AwsError as error:  # of its history: what the others say still counts
                seen[alarm] = AlarmSeen(UNREAD, why=str(error), needs=needs)
        return seen

    def _has_rung(self, place: "_Place", described: Mapping[str, object], began: datetime) -> bool:
        """An alarm can ring and be quiet again between two looks, which its history knows."""
        if _is_as_it_was(described, began) or described["StateValue"] == "ALARM":
            return False
        self._require_time()
        return place.has_rung(str(described["AlarmName"]), began)

    def _require_time(self) -> None:
        if not self._has_time():
            raise AwsError("there was no time left to ask: others took too long to answer")


class _Place:
    """CloudWatch of one region and account."""

    def __init__(self, client: AlarmsClient, transport_errors: tuple[type[Exception], ...]) -> None:
        self._client = client
        self._calls = Calls(client, transport_errors)

    def described(self, names: Sequence[str]) -> Mapping[str, Mapping[str, object]]:
        found: dict[str, Mapping[str, object]] = {}
        for start in range(0, len(names), _ALARMS_PER_REQUEST):
            arguments = {
                "AlarmNames": list(names[start : start + _ALARMS_PER_REQUEST]),
                "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],  # without it, metric alarms only
                "MaxRecords": _ALARMS_PER_REQUEST,
            }
            for page in self._pages(self._client.describe_alarms, arguments):
                told = entries(page, "MetricAlarms") + entries(page, "CompositeAlarms")
                found |= {str(alarm["AlarmName"]): alarm for alarm in told}
        return found

    def has_rung(self, name: str, began: datetime) -> bool:
        arguments = {
            "AlarmName": name,
            "AlarmTypes": ["MetricAlarm", "CompositeAlarm"],
            "HistoryItemType": "StateUpdate",
            "StartDate": began - _CLOCKS,
            "ScanBy": "TimestampAscending",
            "MaxRecords": _ALARMS_PER_REQUEST,
        }
        return any(
            _rang(item)
            for page in self._pages(self._client.describe_alarm_history, arguments)
            for item in entries(page, "AlarmHistoryItems")
        )

    def _pages(
        self, operation: Callable[..., Mapping[str, object]], arguments: Mapping[str, object]
    ) -> Iterator[Mapping[str, object]]:
        page = self._calls.make(operation, arguments)
        yield page
        while page.get("NextToken"):
            page = self._calls.make(operation, {**arguments, "NextToken": page["NextToken"]})
            yield page


def _is_as_it_was(described: Mapping[str, object], began: datetime) -> bool:
    """Whether its state is from before the bake; one whose last change is not known may have changed since.

    Its update is never before its last change: what was not updated since has not changed since.
    """
    changed = described.get("StateTransitionedTimestamp") or described.get("StateUpdatedTimestamp")
    return isinstance(changed, datetime) and changed < began - _CLOCKS


def _reach(described: Mapping[str, object]) -> timedelta:
    """How far back the data reach that the alarm judges by: its periods, and of metric math the longest one.

    Periods by the clock begin up to one period after the bake. A composite alarm and one on PromQL have no period, and
    are taken at their word: 0.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
    """
    queries = entries(described, "Metrics")
    places = [described, *queries, *(entry(query, "MetricStat") for query in queries)]
    by_the_clock = "WallClockWindow" in entry(described, "EvaluationWindow")
    periods = number(described, "EvaluationPeriods") + (1 if by_the_clock else 0)
    return timedelta(seconds=max(number(place, "Period") for place in places) * periods)


def _rang(item: Mapping[str, object]) -> bool:
    """Whether a change of state was one to ALARM; what cannot be read may have been one."""
    try:
        data = cast("Mapping[str, Mapping[str, object]]", json.loads(str(item["HistoryData"])))
        return data["newState"]["stateValue"] == "ALARM"
    except (ValueError, KeyError, TypeError):
        raise AwsError(f"CloudWatch's history of an alarm says {item.get('HistoryData')!r}") from None
