"""The three wire protocols and the records and events in their documented shapes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.cloudwatch.alarm_definition import read_alarm
from bluegreen_constructs.rehearsal.cloudwatch.alarm_events import StateSnapshot, event_detail, lambda_action
from bluegreen_constructs.rehearsal.cloudwatch.alarm_record import keep_state, new_record, watches_metric
from bluegreen_constructs.rehearsal.cloudwatch.wire import as_xml, instant, nested, with_instants

ALARM = {
    "AlarmName": "Busy", "Namespace": "Test", "MetricName": "Load", "Statistic": "Sum", "Period": "60",
    "EvaluationPeriods": "1", "Threshold": "5", "ComparisonOperator": "GreaterThanThreshold",
    "Dimensions": [{"Name": "Side", "Value": "blue"}], "AlarmActions": ["arn:aws:sns:us-east-1:1:t"],
}  # fmt: skip


def record_of(request: dict[str, object]) -> dict[str, object]:
    return new_record(request, read_alarm(request), arn="arn:aws:cloudwatch:us-east-1:1:alarm:Busy", now=1000.0)


def test_query_parameters_become_structures_and_lists_in_the_order_of_their_numbers() -> None:
    parameters: dict[str, object] = {
        "Action": ["PutMetricData"],
        **{f"Values.member.{number}": [str(number)] for number in (10, 2, 1)},
        "MetricData.member.1.Dimensions.member.1.Name": ["Side"],
        "MetricData.member.1.Dimensions.member.1.Value": ["blue"],
        "MetricData.member.1.MetricName": "M",
    }
    assert nested(parameters) == {
        "Action": "PutMetricData",
        "Values": ["1", "2", "10"],
        "MetricData": [{"Dimensions": [{"Name": "Side", "Value": "blue"}], "MetricName": "M"}],
    }


def test_parameters_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'A\.member\.1' contradicts another one"):
        nested({"A": "1", "A.member.1": "2"})


@pytest.mark.parametrize(
    "value",
    [
        datetime(2027, 1, 15, 8, tzinfo=UTC),
        datetime(2027, 1, 15, 8),
        datetime(2027, 1, 15, 9, tzinfo=timezone(timedelta(hours=1))),
        1_800_000_000,
        "1800000000.0",
        "2027-01-15T08:00:00Z",
        "2027-01-15T09:00:00.000+01:00",
        "2027-01-15T08:00:00",
    ],
)
def test_every_form_of_a_timestamp_is_the_same_instant(value: object) -> None:
    assert instant(value, name="StartTime") == 1_800_000_000.0


def test_answers_are_encoded_without_absent_members() -> None:
    answer = {"At": datetime(2027, 1, 15, 8, tzinfo=UTC), "None": None, "List": [{"B": True, "T": "a<b"}]}
    assert with_instants(answer, lambda at: int(at.timestamp())) == {
        "At": 1_800_000_000,
        "List": [{"B": True, "T": "a<b"}],
    }
    assert as_xml(answer) == (
        "<At>2027-01-15T08:00:00.000000Z</At><List><member><B>true</B><T>a&lt;b</T></member></List>"
    )
    assert as_xml({"ExtendedStatistics": {"p95": 1.5}}) == (
        "<ExtendedStatistics><entry><key>p95</key><value>1.5</value></entry></ExtendedStatistics>"
    )


def test_a_record_keeps_what_was_given_and_begins_with_insufficient_data() -> None:
    record = record_of(ALARM)
    assert (record["StateValue"], record["Period"], record["Threshold"]) == ("INSUFFICIENT_DATA", 60, 5.0)
    assert (record["ActionsEnabled"], record["AlarmActions"], record["OKActions"]) == (
        True,
        ["arn:aws:sns:us-east-1:1:t"],
        [],
    )
    assert "DatapointsToAlarm" not in record
    assert "Metrics" not in record


def test_a_record_can_be_read_back_as_the_same_alarm() -> None:
    stat = {"Metric": {"Namespace": "Test", "MetricName": "A"}, "Period": "60", "Stat": "p95", "Unit": "Seconds"}
    math = {
        "AlarmName": "Busy", "EvaluationPeriods": "2", "DatapointsToAlarm": "1", "Threshold": "5",
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore", "AlarmDescription": "d",
        "Metrics": [
            {"Id": "e1", "Expression": "m * 2", "Label": "double", "ReturnData": "true", "Period": "60"},
            {"Id": "m", "MetricStat": stat, "ReturnData": "false"},
        ],
    }  # fmt: skip
    for request in (ALARM, math):
        assert read_alarm(record_of(request)) == read_alarm(request)


def test_an_update_keeps_the_state_it_had() -> None:
    before = {**record_of(ALARM), "StateValue": "ALARM", "StateReason": "r", "StateReasonData": "{}"}
    updated = record_of({**ALARM, "Threshold": "6"})
    keep_state(updated, before)
    assert (updated["StateValue"], updated["StateReason"], updated["StateReasonData"]) == ("ALARM", "r", "{}")
    assert updated["Threshold"] == 6.0


@pytest.mark.parametrize(
    ("change", "matches"),
    [
        ({}, True),
        ({"Period": 60, "Statistic": "Sum"}, True),
        ({"Dimensions": []}, False),
        ({"MetricName": "Other"}, False),
        ({"Period": 300}, False),
    ],
)
def test_which_alarms_are_on_a_metric(change: dict[str, object], *, matches: bool) -> None:
    request = {name: ALARM[name] for name in ("Namespace", "MetricName", "Dimensions")}
    assert watches_metric(record_of(ALARM), {**request, **change}) is matches


def test_an_event_has_the_documented_shape() -> None:
    record = record_of({**ALARM, "AlarmDescription": "too busy"})
    state = StateSnapshot("ALARM", "because", 1_570_035_880.989, '{"version":"1.0"}')
    detail = event_detail(record, state, StateSnapshot.initial(1_570_035_600.0))
    assert detail == {
        "alarmName": "Busy",
        "configuration": {
            "description": "too busy",
            "metrics": [
                {
                    "id": "m1",
                    "metricStat": {
                        "metric": {"namespace": "Test", "name": "Load", "dimensions": {"Side": "blue"}},
                        "period": 60,
                        "stat": "Sum",
                    },
                    "returnData": True,
                }
            ],
        },
        "previousState": {
            "reason": "Unchecked: Initial alarm creation",
            "timestamp": "2019-10-02T17:00:00.000+0000",
            "value": "INSUFFICIENT_DATA",
        },
        "state": {
            "reason": "because",
            "reasonData": '{"version":"1.0"}',
            "timestamp": "2019-10-02T17:04:40.989+0000",
            "value": "ALARM",
        },
    }
    action = lambda_action(record, detail, account="1", region="us-east-1", at=1_570_035_880.989)
    assert (action["source"], action["alarmArn"], action["alarmData"]) == ("aws.cloudwatch", record["AlarmArn"], detail)


def test_an_event_of_a_metric_math_alarm_lists_its_queries_and_a_composite_one_its_rule() -> None:
    queries = [{"Id": "e1", "Expression": "m/2", "Label": "half"}, {"Id": "m", "ReturnData": False, "MetricStat": {
        "Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}}]  # fmt: skip
    state = StateSnapshot.initial(0.0)
    assert event_detail({"AlarmName": "x", "Metrics": queries}, state, state)["configuration"] == {
        "metrics": [
            {"id": "e1", "label": "half", "expression": "m/2", "returnData": True},
            {
                "id": "m",
                "metricStat": {
                    "metric": {"namespace": "N", "name": "M", "dimensions": {}}, "period": 60, "stat": "Sum",
                },
                "returnData": False,
            },
        ]
    }  # fmt: skip
    composite = event_detail({"AlarmName": "x", "AlarmRule": "ALARM(y)"}, state, state)
    assert composite["configuration"] == {"alarmRule": "ALARM(y)"}
