"""ministack's CloudWatch behind the overlay, driven by boto3 and by the two older wire protocols."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

SPEED = 240.0  # a rehearsed minute is a quarter of a second
ERROR_RATE = "IF((FILL(rb,0)+FILL(rg,0)) > 20, 100*(FILL(eb,0)+FILL(eg,0))/(FILL(rb,0)+FILL(rg,0)), 0)"
BALANCER = "app/inference/50dc6c495c0c9188"


class Emulator:
    """A running emulator, and clients for it."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.cloudwatch = self.client("cloudwatch")

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )

    def state(self, name: str) -> str:
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]

    def put(self, name: str, values: list[float], dimensions: dict[str, str] | None = None, **more) -> None:
        datum = {"MetricName": name, "Dimensions": dimension_list(dimensions or {}), "Values": values, **more}
        self.cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum])

    def query_protocol(self, **parameters: str) -> tuple[int, str]:
        """An old SDK's call: form parameters in, XML out."""
        return self._post(
            urllib.parse.urlencode({"Version": "2010-08-01", **parameters}).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def json_protocol(self, action: str, request: dict[str, object]) -> tuple[int, dict]:
        status, body = self._post(
            json.dumps(request).encode(),
            {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"GraniteServiceVersion20100801.{action}"},
        )
        return status, json.loads(body)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/monitoring/aws4_request"}
        request = urllib.request.Request(self.endpoint, body, {**headers, **signed})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("emulator")
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": "123456789012",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "TMPDIR": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cloudwatch_emulator.py")), str(port), str(SPEED)],
            stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, cwd=folder,
        )  # fmt: skip
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, 20)
        assert process.poll() is None, (folder / "log").read_text()
        yield Emulator(port)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def dimension_list(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def guardrail_metrics() -> list[dict]:
    """The error-rate guardrail's Metrics, as the constructs emit them."""

    def stat(query: str, name: str, group: str) -> dict:
        dimensions = dimension_list({"TargetGroup": f"targetgroup/{group}/1", "LoadBalancer": BALANCER})
        metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
        return {"Id": query, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}

    return [
        {"Id": "rate", "Expression": ERROR_RATE, "Label": "error rate", "ReturnData": True},
        stat("rb", "RequestCount", "blue"),
        stat("rg", "RequestCount", "green"),
        stat("eb", "HTTPCode_Target_5XX_Count", "blue"),
        stat("eg", "HTTPCode_Target_5XX_Count", "green"),
    ]


def serve_minutes(emulator: Emulator, group: str, *, requests: int, errors: int) -> None:
    dimensions = dimension_list({"TargetGroup": f"targetgroup/{group}/1", "LoadBalancer": BALANCER})
    emulator.cloudwatch.put_metric_data(
        Namespace="AWS/ApplicationELB",
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Values": [1], "Counts": [count]}
            for name, count in (("RequestCount", requests), ("HTTPCode_Target_5XX_Count", errors))
            if count
        ],
    )


ALARM = {
    "Namespace": "Test",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_an_error_rate_alarm_made_of_metric_math_fires_and_recovers(emulator: Emulator) -> None:
    emulator.cloudwatch.put_metric_alarm(
        AlarmName="error-rate",
        Metrics=guardrail_metrics(),
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    alarm = emulator.cloudwatch.describe_alarms(AlarmNames=["error-rate"])["MetricAlarms"][0]
    assert alarm["Metrics"][0]["Expression"] == ERROR_RATE
    assert alarm["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"][1] == {"Name": "LoadBalancer", "Value": BALANCER}
    assert alarm["DatapointsToAlarm"] == 2
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "MetricName" not in alarm

    def fires() -> bool:
        serve_minutes(emulator, "blue", requests=30, errors=0)
        serve_minutes(emulator, "green", requests=10, errors=9)
        return emulator.state("error-rate") == "ALARM"

    wait_until(fires)
    reason = emulator.cloudwatch.describe_alarms(AlarmNames=["error-rate"])["MetricAlarms"][0]["StateReason"]
    assert reason.startswith("Threshold Crossed: ")
    assert "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)." in reason
    wait_until(lambda: emulator.state("error-rate") == "OK")


def test_an_alarm_looks_only_at_exactly_its_own_dimensions(emulator: Emulator) -> None:
    for side in ("blue", "green"):
        emulator.cloudwatch.put_metric_alarm(
            **ALARM, AlarmName=f"side-{side}", MetricName="Bad", Dimensions=dimension_list({"Side": side}),
            DatapointsToAlarm=1, TreatMissingData="notBreaching",
        )  # fmt: skip
    emulator.put("Bad", [99], {"Side": "green"})
    emulator.put("Bad", [99])
    wait_until(lambda: emulator.state("side-green") == "ALARM")
    assert emulator.state("side-blue") == "OK"


def test_a_new_alarm_has_insufficient_data_and_an_update_keeps_its_state(emulator: Emulator) -> None:
    alarm = {**ALARM, "AlarmName": "new", "MetricName": "Silent", "TreatMissingData": "ignore"}
    emulator.cloudwatch.put_metric_alarm(**alarm)
    described = emulator.cloudwatch.describe_alarms(AlarmNames=["new"])["MetricAlarms"][0]
    assert (described["StateValue"], described["StateReason"]) == (
        "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation",
    )  # fmt: skip
    emulator.cloudwatch.set_alarm_state(AlarmName="new", StateValue="OK", StateReason="by hand")
    emulator.cloudwatch.put_metric_alarm(**{**alarm, "Threshold": 11.0})
    described = emulator.cloudwatch.describe_alarms(AlarmNames=["new"])["MetricAlarms"][0]
    assert (described["StateValue"], described["StateReason"], described["Threshold"]) == ("OK", "by hand", 11.0)


def test_a_state_set_by_hand_lasts_until_an_evaluation_changes_it(emulator: Emulator) -> None:
    emulator.cloudwatch.put_metric_alarm(
        **ALARM, AlarmName="by-hand", MetricName="Silent", TreatMissingData="notBreaching"
    )
    wait_until(lambda: emulator.state("by-hand") == "OK")
    emulator.cloudwatch.set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="drill")
    wait_until(lambda: emulator.state("by-hand") == "OK")

    def summaries() -> list[str]:
        history = emulator.cloudwatch.describe_alarm_history(AlarmName="by-hand", HistoryItemType="StateUpdate")
        return [item["HistorySummary"] for item in history["AlarmHistoryItems"]]

    wait_until(lambda: summaries()[0] == "Alarm updated from ALARM to OK")
    assert summaries()[1] == "Alarm updated from OK to ALARM"


def test_a_state_that_does_not_exist_cannot_be_set(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="StateValue was given as 'BROKEN'; give OK, ALARM, INSUFFICIENT_DATA"):
        emulator.cloudwatch.set_alarm_state(AlarmName="any", StateValue="BROKEN", StateReason="drill")


def test_a_change_of_state_reaches_sns_sqs_and_lambda_through_event_bridge_and_actions(emulator: Emulator) -> None:
    queues = {name: queue(emulator, f"alarm-{name}") for name in ("events", "topic", "function", "action")}
    topic = emulator.client("sns").create_topic(Name="alarms")["TopicArn"]
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queues["topic"][1])
    by_event = function(emulator, "by-event", queues["function"][0])
    by_action = function(emulator, "by-action", queues["action"][0])
    events = emulator.client("events")
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": ["acts"], "state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name="on-alarm", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="on-alarm", Targets=[{"Id": "queue", "Arn": queues["events"][1]}, {"Id": "function", "Arn": by_event}]
    )
    emulator.cloudwatch.put_metric_alarm(
        **ALARM, AlarmName="acts", MetricName="Acting", DatapointsToAlarm=1, AlarmActions=[topic, by_action],
        AlarmDescription="too many",
    )  # fmt: skip
    emulator.put("Acting", [50])

    event = received(emulator, queues["events"][0])
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:acts"]
    detail = event["detail"]
    assert detail["state"]["value"] == "ALARM"
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [50.0]
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert detail["configuration"]["description"] == "too many"
    assert detail["configuration"]["metrics"][0]["metricStat"]["metric"] == {
        "namespace": "Test", "name": "Acting", "dimensions": {},
    }  # fmt: skip
    message = json.loads(received(emulator, queues["topic"][0])["Message"])
    assert (message["AlarmName"], message["NewStateValue"]) == ("acts", "ALARM")
    assert received(emulator, queues["function"][0], 60)["detail"]["alarmName"] == "acts"
    action = received(emulator, queues["action"][0], 60)
    assert action["alarmArn"].endswith(":alarm:acts")
    assert action["alarmData"]["state"]["value"] == "ALARM"


def queue(emulator: Emulator, name: str) -> tuple[str, str]:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(emulator: Emulator, url: str, seconds: float = 15) -> dict:
    sqs = emulator.client("sqs")
    found: list[dict] = []

    def arrived() -> bool:
        found.extend(sqs.receive_message(QueueUrl=url).get("Messages", []))
        return bool(found)

    wait_until(arrived, seconds)
    return json.loads(found[0]["Body"])


def function(emulator: Emulator, name: str, queue_url: str) -> str:
    """A Lambda function that forwards what it is invoked with to a queue."""
    code = (
        "import json, os, urllib.parse, urllib.request\n"
        "def handler(event, context):\n"
        "    form = {'Action': 'SendMessage', 'QueueUrl': os.environ['QUEUE'], 'MessageBody': json.dumps(event)}\n"
        "    scope = 'AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/sqs/aws4_request'\n"
        "    request = urllib.request.Request(os.environ['QUEUE'], urllib.parse.urlencode(form).encode(),\n"
        "                                     {'Authorization': scope})\n"
        "    urllib.request.urlopen(request, timeout=5).close()\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", code)
    return emulator.client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role="arn:aws:iam::123456789012:role/any", Handler="index.handler",
        Code={"ZipFile": packed.getvalue()}, Environment={"Variables": {"QUEUE": queue_url}},
    )["FunctionArn"]  # fmt: skip


def test_get_metric_data_evaluates_expressions_over_rehearsed_time_newest_first(emulator: Emulator) -> None:
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    for minute, value in ((0, 4.0), (1, 6.0)):
        emulator.put("A", [value], Timestamp=begin + timedelta(minutes=minute, seconds=5))
    emulator.put("B", [1, 2, 3], Timestamp=begin + timedelta(seconds=59), Counts=[1, 1, 2])

    def stat(query: str, name: str, statistic: str) -> dict:
        metric = {"Namespace": "Test", "MetricName": name}
        return {"Id": query, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}

    answer = emulator.cloudwatch.get_metric_data(
        MetricDataQueries=[
            stat("a", "A", "Sum"),
            {**stat("b", "B", "SampleCount"), "ReturnData": False},
            {**stat("p", "B", "p50"), "Label": "median"},
            {"Id": "both", "Expression": "MAX([FILL(a,0), FILL(b,0)])", "Label": "higher"},
        ],
        StartTime=begin + timedelta(seconds=30),
        EndTime=begin + timedelta(minutes=3),
    )
    results = {result["Id"]: result for result in answer["MetricDataResults"]}
    assert list(results) == ["a", "p", "both"]
    assert results["a"]["Label"] == "A"
    assert results["a"]["Values"] == [6.0, 4.0]
    assert results["a"]["Timestamps"] == [begin + timedelta(minutes=1), begin]
    assert results["p"]["Values"] == [2.5]
    assert results["both"]["Values"] == [0.0, 6.0, 4.0]
    assert results["both"]["Label"] == "higher"
    assert results["both"]["StatusCode"] == "Complete"


def test_data_without_a_timestamp_and_with_a_wall_clock_one_land_in_rehearsed_now(emulator: Emulator) -> None:
    emulator.put("Now", [1])
    emulator.put("Now", [2], Timestamp=datetime.now(UTC))
    found = emulator.cloudwatch.get_metric_statistics(
        Namespace="Test", MetricName="Now", Period=3600, Statistics=["Sum"], ExtendedStatistics=["p100"],
        StartTime=datetime.now(UTC) - timedelta(hours=1), EndTime=datetime.now(UTC) + timedelta(days=5),
    )["Datapoints"]  # fmt: skip
    assert sum(point["Sum"] for point in found) == 3.0
    assert max(point["ExtendedStatistics"]["p100"] for point in found) == 2.0
    assert {point["Unit"] for point in found} == {"None"}


def test_list_metrics_filters_by_name_and_dimension(emulator: Emulator) -> None:
    emulator.put("Listed", [1], {"Side": "blue", "Zone": "a"})
    emulator.put("Listed", [1], {"Zone": "a"})
    found = emulator.cloudwatch.list_metrics(MetricName="Listed", Dimensions=[{"Name": "Side"}])["Metrics"]
    assert found == [
        {"Namespace": "Test", "MetricName": "Listed", "Dimensions": dimension_list({"Side": "blue", "Zone": "a"})}
    ]


def test_what_is_not_rehearsed_is_refused_with_a_sentence(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="'tm99' is not rehearsed"):
        emulator.cloudwatch.put_metric_alarm(**trimmed_alarm())
    with pytest.raises(ClientError, match="ANOMALY_DETECTION_BAND is not among the functions"):
        emulator.cloudwatch.put_metric_alarm(
            AlarmName="band", EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
            Metrics=[{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(m1)"}],
        )  # fmt: skip
    with pytest.raises(ClientError, match="more than two hours after the rehearsed"):
        emulator.put("Late", [1], Timestamp=datetime(2090, 1, 1, tzinfo=UTC))


def trimmed_alarm() -> dict[str, object]:
    kept = {name: value for name, value in ALARM.items() if name != "Statistic"}
    return {**kept, "AlarmName": "trimmed", "MetricName": "Any", "ExtendedStatistic": "tm99"}


def test_the_query_protocol_puts_and_describes_a_metric_math_alarm_completely(emulator: Emulator) -> None:
    status, _ = emulator.query_protocol(
        **{
            "Action": "PutMetricAlarm", "AlarmName": "by-query", "EvaluationPeriods": "2", "Threshold": "3",
            "DatapointsToAlarm": "1", "ComparisonOperator": "LessThanThreshold", "ActionsEnabled": "false",
            "TreatMissingData": "ignore", "AlarmActions.member.1": "arn:aws:sns:us-east-1:123456789012:none",
            "Metrics.member.1.Id": "e1", "Metrics.member.1.Expression": "m1 < 3 AND m1 > 0",
            "Metrics.member.2.Id": "m1", "Metrics.member.2.ReturnData": "false",
            "Metrics.member.2.MetricStat.Stat": "Sum", "Metrics.member.2.MetricStat.Period": "60",
            "Metrics.member.2.MetricStat.Metric.Namespace": "Test",
            "Metrics.member.2.MetricStat.Metric.MetricName": "Q",
        }
    )  # fmt: skip
    assert status == 200
    status, xml = emulator.query_protocol(**{"Action": "DescribeAlarms", "AlarmNames.member.1": "by-query"})
    assert status == 200
    for part in (
        "<Expression>m1 &lt; 3 AND m1 &gt; 0</Expression>",
        "<StateValue>INSUFFICIENT_DATA</StateValue>",
        "<DatapointsToAlarm>1</DatapointsToAlarm>",
        "<ActionsEnabled>false</ActionsEnabled>",
        "<TreatMissingData>ignore</TreatMissingData>",
        "<ReturnData>false</ReturnData>",
        "<StateUpdatedTimestamp>20",
    ):
        assert part in xml
    status, xml = emulator.query_protocol(Action="DescribeAlarmHistory", AlarmName="by-query")
    assert (status, "<HistoryData>" in xml) == (200, True)
    status, xml = emulator.query_protocol(Action="PutMetricAlarm", AlarmName="by-query")
    assert (status, "<Code>ValidationError</Code>" in xml) == (400, True)


def test_the_json_protocol_reads_and_writes_metrics(emulator: Emulator) -> None:
    status, _ = emulator.json_protocol(
        "PutMetricData", {"Namespace": "Json", "MetricData": [{"MetricName": "J", "Value": 7}]}
    )
    assert status == 200
    status, described = emulator.json_protocol("DescribeAlarms", {"AlarmNames": ["by-query"]})
    assert (status, described["MetricAlarms"][0]["StateValue"]) == (200, "INSUFFICIENT_DATA")
    window = {"StartTime": time.time() - 3600, "EndTime": time.time() + 5 * 86400, "ScanBy": "TimestampAscending"}
    metric = {"Namespace": "Json", "MetricName": "J"}
    query = {"Id": "j", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Average"}}
    status, answer = emulator.json_protocol("GetMetricData", {"MetricDataQueries": [query], **window})
    result = answer["MetricDataResults"][0]
    assert (status, result["Values"]) == (200, [7.0])
    assert all(isinstance(at, int) for at in result["Timestamps"])


def test_cloud_formation_makes_changes_and_deletes_a_metric_math_alarm(emulator: Emulator) -> None:
    formation = emulator.client("cloudformation")

    def template(threshold: float) -> str:
        alarm = {
            "Metrics": guardrail_metrics(), "EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
            "AlarmName": "from-template",
        }  # fmt: skip
        return json.dumps({"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}})

    formation.create_stack(StackName="alarms", TemplateBody=template(5))
    wait_until(lambda: stack_status(emulator, "alarms") == "CREATE_COMPLETE")
    wait_until(lambda: emulator.state("from-template") == "OK")
    formation.update_stack(StackName="alarms", TemplateBody=template(7))
    wait_until(lambda: stack_status(emulator, "alarms") == "UPDATE_COMPLETE")
    alarm = emulator.cloudwatch.describe_alarms(AlarmNames=["from-template"])["MetricAlarms"][0]
    assert (alarm["Threshold"], alarm["StateValue"], len(alarm["Metrics"])) == (7.0, "OK", 5)
    formation.delete_stack(StackName="alarms")
    wait_until(lambda: not emulator.cloudwatch.describe_alarms(AlarmNames=["from-template"])["MetricAlarms"])


def test_a_template_alarm_that_cannot_be_rehearsed_fails_its_resource_with_the_sentence(emulator: Emulator) -> None:
    formation = emulator.client("cloudformation")
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": trimmed_alarm()}}}
    formation.create_stack(StackName="refused", TemplateBody=json.dumps(template))
    wait_until(lambda: stack_status(emulator, "refused").startswith("ROLLBACK"))
    events = formation.describe_stack_events(StackName="refused")["StackEvents"]
    assert any("'tm99' is not rehearsed" in event.get("ResourceStatusReason", "") for event in events)


def stack_status(emulator: Emulator, name: str) -> str:
    return emulator.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_alarms_for_a_metric_are_those_on_exactly_its_dimensions(emulator: Emulator) -> None:
    for name, dimensions in (("plain", {}), ("dimensioned", {"Side": "blue"})):
        emulator.cloudwatch.put_metric_alarm(
            **ALARM, AlarmName=f"for-{name}", MetricName="For", Dimensions=dimension_list(dimensions)
        )
    found = emulator.cloudwatch.describe_alarms_for_metric(
        Namespace="Test", MetricName="For", Dimensions=dimension_list({"Side": "blue"})
    )
    assert [alarm["AlarmName"] for alarm in found["MetricAlarms"]] == ["for-dimensioned"]


def test_a_composite_alarm_follows_its_children(emulator: Emulator) -> None:
    emulator.cloudwatch.put_metric_alarm(
        **ALARM, AlarmName="child", MetricName="Child", DatapointsToAlarm=1, TreatMissingData="notBreaching"
    )
    emulator.cloudwatch.put_composite_alarm(AlarmName="parent", AlarmRule="ALARM(child)")
    emulator.put("Child", [50])

    def parent() -> str:
        alarms = emulator.cloudwatch.describe_alarms(AlarmNames=["parent"], AlarmTypes=["CompositeAlarm"])
        return alarms["CompositeAlarms"][0]["StateValue"]

    wait_until(lambda: parent() == "ALARM")
    wait_until(lambda: parent() == "OK")


def test_functions_report_their_metrics_in_rehearsed_time(emulator: Emulator) -> None:
    url, _ = queue(emulator, "counted")
    function(emulator, "counted", url)
    emulator.client("lambda").invoke(FunctionName="counted", Payload=b"{}")
    wait_until(
        lambda: any(
            {"Name": "FunctionName", "Value": "counted"} in metric["Dimensions"]
            for metric in emulator.cloudwatch.list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
        ),
        60,
    )
