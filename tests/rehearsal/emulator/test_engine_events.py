"""Events in the emulator: an alarm, an image push and a function reach functions and state machines in time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.rehearsal.emulator.events import event_of, push_event
from bluegreen_constructs.rehearsal.emulator.functions import exception_name, with_error_name
from tests.rehearsal.emulator.deployed_engine import Engine, Json, instant, until

MANIFEST = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:1"}})


def heard(engine: Engine, detail_type: str) -> list[Json]:
    """The events of a type that reached the listening function."""
    items = engine.dynamodb.query(
        TableName=engine.names["Table"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "heard"}},
        ConsistentRead=True,
    )["Items"]
    events = [json.loads(item["event"]["S"]) for item in items]
    return [event for event in events if event["detail-type"] == detail_type]


def set_alarm(engine: Engine, name: str, state: str) -> None:
    cloudwatch = engine.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Test", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="by the test")


def test_an_alarm_that_rings_reaches_the_function_of_its_rule_in_awss_shape_and_rehearsed_time(engine: Engine) -> None:
    before = engine.now()
    set_alarm(engine, "Other-errors", "ALARM")
    set_alarm(engine, "Serving-latency", "OK")
    set_alarm(engine, "Serving-errors", "ALARM")
    until(lambda: heard(engine, "CloudWatch Alarm State Change"))
    (event,) = heard(engine, "CloudWatch Alarm State Change")
    assert (event["source"], event["account"], event["region"], event["version"]) == (
        "aws.cloudwatch",
        "123456789012",
        "us-east-1",
        "0",
    )
    assert event["resources"] == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:Serving-errors"]
    assert event["detail"]["alarmName"] == "Serving-errors"
    assert (event["detail"]["state"]["value"], event["detail"]["previousState"]["value"]) == (
        "ALARM",
        "INSUFFICIENT_DATA",
    )
    assert before - 1 <= instant(event["time"]) <= engine.now()
    (described,) = engine.client("cloudwatch").describe_alarms(AlarmNames=["Serving-errors"])["MetricAlarms"]
    assert described["StateValue"] in {"ALARM", "OK"}


def test_an_event_that_matches_a_rule_is_counted_under_the_rules_name(engine: Engine) -> None:
    before = datetime.fromtimestamp(engine.now(), UTC) - timedelta(minutes=2)
    set_alarm(engine, "Serving-counted", "ALARM")

    def counted() -> float:
        found = engine.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Events", MetricName="MatchedEvents", Period=60, Statistics=["Sum"], StartTime=before,
            EndTime=datetime.fromtimestamp(engine.now(), UTC) + timedelta(minutes=2),
            Dimensions=[{"Name": "RuleName", "Value": engine.names["AlarmRule"]}],
        )  # fmt: skip
        return sum(point["Sum"] for point in found["Datapoints"])

    until(counted)
    assert counted() >= 1


def test_an_event_that_no_invocation_could_handle_is_retried_and_then_in_the_dead_letter_queue(engine: Engine) -> None:
    engine.emulator.switches.fail_function(engine.names["Alarm"])
    try:
        set_alarm(engine, "Serving-lost", "ALARM")
        queue = engine.client("sqs")
        received: list[Json] = []

        def has_come() -> bool:
            found = queue.receive_message(QueueUrl=engine.names["DeadLetters"]).get("Messages", [])
            received.extend(found)
            return bool(received)

        until(has_come)
    finally:
        engine.emulator.switches.restore_function(engine.names["Alarm"])
    lost = json.loads(received[0]["Body"])
    assert lost["requestPayload"]["detail"]["alarmName"] == "Serving-lost"
    assert lost["responsePayload"]["errorType"] == "Killed"
    tries = engine.log_of(engine.names["Alarm"]).count("[ERROR] Killed: the function was killed")
    assert tries == 2, "MaximumRetryAttempts is 1"


def test_a_push_to_the_repository_starts_the_state_machine_with_the_transformed_input(engine: Engine) -> None:
    before = engine.now()
    images = engine.client("ecr")

    def push(tag: str) -> str:
        pushed = images.put_image(repositoryName="model", imageManifest=MANIFEST, imageTag=tag)
        return str(pushed["image"]["imageId"]["imageDigest"])

    push("latest")
    digest = push("v1.2")

    def inputs() -> list[Json]:
        listed = engine.states.list_executions(stateMachineArn=engine.names["Pushed"])["executions"]
        given = (json.loads(engine.described(execution["executionArn"])["input"]) for execution in listed)
        return [one for one in given if one.get("caller") == "ecr"]

    until(inputs)
    (given,) = inputs()
    assert given["release"] == {"name": "v1.2", "digest": digest}
    assert before - 1 <= instant(given["at"]) <= engine.now()


def test_a_function_puts_events_and_only_those_that_match_are_delivered(engine: Engine) -> None:
    entries = [
        {"Source": source, "DetailType": "Rollout Ended", "Detail": json.dumps({"outcome": outcome, "n": number})}
        for number, (source, outcome) in enumerate(
            [
                ("bluegreen.engine", "STARTED"),
                ("bluegreen.engine.2", "PROMOTED"),
                ("bluegreen.engine", "PROMOTED"),
                ("bluegreen.engine", "ROLLED_BACK"),
            ]
        )
    ]
    engine.output(engine.run(engine.names["Rollout"], {"put_events": entries[:3]}))
    engine.output(engine.run(engine.names["Rollout"], {"put_events": entries[3:], "left": 1}))
    until(lambda: {event["detail"]["n"] for event in heard(engine, "Rollout Ended")} >= {2, 3})
    assert {event["detail"]["n"] for event in heard(engine, "Rollout Ended")} == {2, 3}


def test_a_schedule_and_the_ingestion_time_are_of_rehearsed_time(engine: Engine) -> None:
    before = engine.now()
    events, queues = engine.client("events"), engine.client("sqs")
    queue = queues.create_queue(QueueName="ticks")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ticks", ScheduleExpression="rate(5 minutes)")
    template = '{"at": <at>, "ingested": <aws.events.event.ingestion-time>}'
    transformer = {"InputPathsMap": {"at": "$.time"}, "InputTemplate": template}
    events.put_targets(Rule="ticks", Targets=[{"Id": "ticks", "Arn": arn, "InputTransformer": transformer}])
    messages: list[Json] = []

    def has_ticked() -> bool:
        messages.extend(queues.receive_message(QueueUrl=queue).get("Messages", []))
        return bool(messages)

    until(has_ticked)
    events.disable_rule(Name="ticks")
    tick = {name: instant(stamp) for name, stamp in json.loads(messages[0]["Body"]).items()}
    assert 299 <= tick["at"] - before <= engine.now() - before
    assert abs(tick["ingested"] - tick["at"]) < 600


def test_a_metric_that_a_function_puts_without_a_time_is_of_the_rehearsed_now(engine: Engine) -> None:
    before = engine.now()
    engine.output(
        engine.run(
            engine.names["Rollout"],
            {"put_metric": {"Namespace": "BlueGreen", "MetricData": [{"MetricName": "Step", "Value": 10}]}},
        )
    )
    answer = engine.client("cloudwatch").get_metric_data(
        StartTime=datetime.fromtimestamp(before, UTC) - timedelta(minutes=1),
        EndTime=datetime.fromtimestamp(engine.now(), UTC) + timedelta(minutes=1),
        MetricDataQueries=[
            {
                "Id": "step",
                "MetricStat": {
                    "Metric": {"Namespace": "BlueGreen", "MetricName": "Step"},
                    "Period": 60,
                    "Stat": "Maximum",
                },
            }
        ],
    )
    (result,) = answer["MetricDataResults"]
    assert set(result["Values"]) == {10}


@pytest.mark.parametrize(
    ("log", "message", "name"),
    [
        ('Traceback (most recent call last):\n  File "x"\nengine.errors.Refused: no\n', "no", "Refused"),
        ("Traceback:\nValueError: two\nlines\n", "two\nlines", "ValueError"),
        ("printed\nTraceback:\nKeyError\n", "", "KeyError"),
        ("Traceback:\nmodule.make.<locals>.Late: x\n", "x", "Late"),
        ("Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds", ""),
        ("", "Worker process died", ""),
    ],
)
def test_an_exception_is_named_by_its_class_as_the_runtime_names_it(log: str, message: str, name: str) -> None:
    assert exception_name(log, message) == name


@pytest.mark.parametrize(
    "result",
    [
        {"body": {"errorMessage": "x", "errorType": "Runtime.HandlerError"}, "error": True, "log": "Worker died"},
        {"body": {"errorMessage": "x", "errorType": "Sandbox.Timedout"}, "error": True, "log": "ValueError: x"},
        {"body": {"errorType": "Runtime.HandlerError"}, "log": "an answer that looks like an error"},
    ],
)
def test_what_has_a_name_or_no_exception_keeps_what_it_has(result: dict[str, object]) -> None:
    assert with_error_name(result) == result


def test_a_push_without_a_tag_is_told_without_one() -> None:
    event = push_event({"repositoryName": "model", "imageId": {"imageDigest": "sha256:1"}})
    assert json.loads(str(event["Detail"])) == {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": "model",
        "image-digest": "sha256:1",
    }


@pytest.mark.parametrize(("payload", "event"), [('{"a": 1}', {"a": 1}), ('"text"', "text"), ("no json", "no json")])
def test_a_function_gets_a_targets_input_parsed(payload: str, event: object) -> None:
    assert event_of(payload) == event
