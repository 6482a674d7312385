"""The CloudWatch adapter: one request, whole minutes, and nothing that goes missing without a word."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError
from botocore.stub import ANY
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.cloudwatch_metrics import IAM_ACTIONS, CloudWatchMetrics
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import Series

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MINUTE = int(AT.timestamp()) // 60
BLUE = Series("AWS/ApplicationELB", "RequestCount", (("LoadBalancer", "app/web/1"), ("TargetGroup", "t/b/1")), "Sum")
GREEN = Series("AWS/ApplicationELB", "TargetResponseTime", (("LoadBalancer", "app/web/1"),), "PR(:0.8)")
SERIES = {"Blue requests": BLUE, "Green slow": GREEN}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("cloudwatch")
    yield stubbed
    stubbed.done()


@pytest.fixture
def metrics(stubbed: StubbedClient) -> CloudWatchMetrics:
    return CloudWatchMetrics(stubbed.client, (BotoCoreError,))


def result(identity: str, *values: float, start: int = 0, status: str = "Complete", **more: object) -> dict:
    stamps = [datetime.fromtimestamp((MINUTE + start + index) * 60, UTC) for index in range(len(values))]
    return {
        "Id": identity,
        "Label": "RequestCount",
        "Timestamps": stamps,
        "Values": list(values),
        "StatusCode": status,
        **more,
    }


def test_all_series_are_one_request_of_whole_minutes(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    def query(identity: str, series: Series) -> dict:
        dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
        metric = {"Namespace": series.namespace, "MetricName": series.metric, "Dimensions": dimensions}
        return {
            "Id": identity,
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": series.stat},
            "ReturnData": True,
        }

    stubbed.answers(
        "get_metric_data",
        {"MetricDataResults": [result("s0", 10, 12), result("s1", 99.5, start=1)], "Messages": []},
        {
            "MetricDataQueries": [query("s0", BLUE), query("s1", GREEN)],
            "StartTime": AT,
            "EndTime": datetime(2026, 11, 21, 12, 2, tzinfo=UTC),
            "ScanBy": "TimestampAscending",
        },
    )
    assert metrics.minutes(SERIES, MINUTE, MINUTE + 1) == {
        "Blue requests": {MINUTE: 10, MINUTE + 1: 12},
        "Green slow": {MINUTE + 1: 99.5},
    }


def test_a_minute_that_cloudwatch_says_nothing_about_is_absent(
    stubbed: StubbedClient, metrics: CloudWatchMetrics
) -> None:
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0"), result("s1", 1.0)]})
    assert metrics.minutes(SERIES, MINUTE, MINUTE + 3) == {"Blue requests": {}, "Green slow": {MINUTE: 1.0}}


def test_further_pages_are_read_to_the_end(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    first = [result("s0", 1.0, status="PartialData"), result("s1", 5.0)]
    stubbed.answers("get_metric_data", {"MetricDataResults": first, "NextToken": "more"})
    asked = {
        "MetricDataQueries": ANY,
        "StartTime": AT,
        "EndTime": ANY,
        "ScanBy": "TimestampAscending",
        "NextToken": "more",
    }
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0", 2.0, start=1)]}, asked)
    values = metrics.minutes(SERIES, MINUTE, MINUTE + 1)
    assert values == {"Blue requests": {MINUTE: 1.0, MINUTE + 1: 2.0}, "Green slow": {MINUTE: 5.0}}


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_a_series_that_cloudwatch_failed_on_is_an_error(
    stubbed: StubbedClient, metrics: CloudWatchMetrics, status: str
) -> None:
    failed = result("s1", status=status, Messages=[{"Code": status, "Value": "no such luck"}])
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0", 1.0), failed]})
    with pytest.raises(AwsError, match=f"{status} for the metric RequestCount: {status}: no such luck"):
        metrics.minutes(SERIES, MINUTE, MINUTE)


def test_data_that_stay_partial_at_the_end_are_an_error(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    partial = result("s0", 1.0, status="PartialData")
    stubbed.answers("get_metric_data", {"MetricDataResults": [partial, result("s1", 1.0)]})
    with pytest.raises(AwsError, match="PartialData instead of all minutes of Blue requests"):
        metrics.minutes(SERIES, MINUTE, MINUTE)


def test_a_series_that_is_left_out_of_the_answer_is_an_error(
    stubbed: StubbedClient, metrics: CloudWatchMetrics
) -> None:
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0", 1.0)]})
    with pytest.raises(AwsError, match="missing instead of all minutes of Green slow"):
        metrics.minutes(SERIES, MINUTE, MINUTE)


def test_a_message_about_the_whole_request_is_an_error(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    message = {"Code": "MaxMetricsExceeded", "Value": "too many"}
    answer = {"MetricDataResults": [result("s0", 1.0), result("s1", 1.0)], "Messages": [message]}
    stubbed.answers("get_metric_data", answer)
    with pytest.raises(AwsError, match="MaxMetricsExceeded: too many"):
        metrics.minutes(SERIES, MINUTE, MINUTE)


def test_more_series_than_a_request_takes_are_several_requests(
    stubbed: StubbedClient, metrics: CloudWatchMetrics
) -> None:
    many = {f"series {number}": BLUE for number in range(501)}
    stubbed.answers("get_metric_data", {"MetricDataResults": [result(f"s{number}", 1.0) for number in range(500)]})
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0", 2.0)]})
    values = metrics.minutes(many, MINUTE, MINUTE)
    assert (values["series 499"], values["series 500"]) == ({MINUTE: 1.0}, {MINUTE: 2.0})


def test_no_minutes_and_no_series_need_no_request(metrics: CloudWatchMetrics) -> None:
    assert metrics.minutes(SERIES, MINUTE, MINUTE - 1) == {"Blue requests": {}, "Green slow": {}}
    assert metrics.minutes({}, MINUTE, MINUTE) == {}


def test_states_of_metric_and_composite_alarms_are_read_by_name(
    stubbed: StubbedClient, metrics: CloudWatchMetrics
) -> None:
    types = ["MetricAlarm", "CompositeAlarm"]
    stubbed.answers(
        "describe_alarms",
        {
            "MetricAlarms": [{"AlarmName": "5xx", "StateValue": "OK"}],
            "CompositeAlarms": [{"AlarmName": "all", "StateValue": "ALARM"}],
        },
        {"AlarmNames": ["5xx", "all", "gone"], "AlarmTypes": types, "MaxRecords": 100},
    )
    assert metrics.alarm_states(["5xx", "all", "gone", "5xx"]) == {"5xx": "OK", "all": "ALARM"}


def test_alarms_are_asked_for_by_the_hundred_and_page_by_page(
    stubbed: StubbedClient, metrics: CloudWatchMetrics
) -> None:
    names = [f"alarm {number}" for number in range(101)]
    some = [{"AlarmName": name, "StateValue": "OK"} for name in names]
    stubbed.answers("describe_alarms", {"MetricAlarms": some[:50], "NextToken": "more"})
    stubbed.answers("describe_alarms", {"MetricAlarms": some[50:100]})
    stubbed.answers("describe_alarms", {"MetricAlarms": some[100:]})
    assert metrics.alarm_states(names) == dict.fromkeys(names, "OK")


def test_a_refusal_and_silence_are_aws_errors(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    stubbed.fails("get_metric_data", "Throttling")
    with pytest.raises(AwsError, match="in the words of AWS"):
        metrics.minutes(SERIES, MINUTE, MINUTE)
    with pytest.raises(AwsError, match="timeout"):
        CloudWatchMetrics(SilentClient("cloudwatch"), (BotoCoreError,)).alarm_states(["a"])


def test_every_call_is_declared_and_nothing_else_is(stubbed: StubbedClient, metrics: CloudWatchMetrics) -> None:
    stubbed.answers("get_metric_data", {"MetricDataResults": [result("s0"), result("s1")]})
    stubbed.answers("describe_alarms", {})
    metrics.minutes(SERIES, MINUTE, MINUTE)
    metrics.alarm_states(["a"])
    assert set(stubbed.actions) == set(IAM_ACTIONS)
