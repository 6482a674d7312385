"""The smaller simulated services: metrics requests, alarms, hooks' functions, events, executions, parameters."""

import json
from datetime import UTC, datetime

import pytest

from simulated_aws.client import NotSimulatedError
from simulated_aws.cloudwatch import Series
from simulated_aws.step_functions import STATE_MACHINE_ARN
from simulated_aws.world import SimulatedAws

MINUTE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def world() -> SimulatedAws:
    return SimulatedAws()


def ask(world: SimulatedAws, *names: str, **more: object) -> dict:
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for number, name in enumerate(names)
    ]
    span = {"StartTime": MINUTE, "EndTime": MINUTE.replace(minute=10)}
    return world.cloudwatch.get_metric_data(**{"MetricDataQueries": queries, **span, **more})


def publish(world: SimulatedAws, name: str) -> None:
    first = int(MINUTE.timestamp() // 60)
    world.cloudwatch.publish("N", name, {}, Series(lambda: None, lambda minute: float(minute - first)))
    world.advance(240)  # minutes 0, 1 and 2 can be seen


def test_metrics_come_latest_first_unless_asked_otherwise(world: SimulatedAws) -> None:
    publish(world, "M")
    assert ask(world, "M")["MetricDataResults"][0]["Values"] == [2.0, 1.0, 0.0]
    result = ask(world, "M", ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert result["Values"] == [0.0, 1.0, 2.0]
    assert result["Timestamps"] == [MINUTE.replace(minute=minute) for minute in range(3)]


def test_the_end_of_the_span_is_exclusive_and_the_start_is_rounded_down(world: SimulatedAws) -> None:
    publish(world, "M")
    span = {"StartTime": MINUTE.replace(second=59), "EndTime": MINUTE.replace(minute=1)}
    assert ask(world, "M", **span)["MetricDataResults"][0]["Values"] == [0.0]
    span["EndTime"] = MINUTE.replace(minute=1, second=1)
    assert ask(world, "M", **span)["MetricDataResults"][0]["Values"] == [1.0, 0.0]


def test_long_answers_come_in_pages_and_say_which_metric_is_not_complete(world: SimulatedAws) -> None:
    publish(world, "M")
    publish(world, "O")
    world.cloudwatch.page = 4
    first = ask(world, "M", "O")
    assert [one["StatusCode"] for one in first["MetricDataResults"]] == ["PartialData", "PartialData"]
    pages = [first]
    while "NextToken" in pages[-1]:
        pages.append(ask(world, "M", "O", NextToken=pages[-1]["NextToken"]))
    values = [[value for page in pages for value in page["MetricDataResults"][number]["Values"]] for number in (0, 1)]
    assert values[0] == values[1] == [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    assert [one["StatusCode"] for one in pages[-1]["MetricDataResults"]] == ["Complete", "Complete"]


def test_a_metric_that_nobody_published_is_complete_and_empty(world: SimulatedAws) -> None:
    (result,) = ask(world, "none")["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([], "Complete")


def test_queries_that_cloudwatch_refuses_or_nobody_simulates_are_refused(world: SimulatedAws) -> None:
    publish(world, "M")
    with pytest.raises(world.cloudwatch.exceptions.ClientError):
        ask(world, *["M"] * 501)
    with pytest.raises(world.cloudwatch.exceptions.ClientError):
        ask(world, "M", EndTime=MINUTE)
    metric = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60}
    for query in (
        {"Id": "q", "Expression": "a/b"},
        {"Id": "q", "MetricStat": {**metric, "Stat": "p99"}},
        {"Id": "q", "MetricStat": {**metric, "Stat": "Sum", "Period": 300}},
    ):
        with pytest.raises(NotSimulatedError):
            ask(world, MetricDataQueries=[query])
    with pytest.raises(world.cloudwatch.exceptions.ClientError):
        ask(world, MetricDataQueries=[{"Id": "Q", "MetricStat": {**metric, "Stat": "Sum"}}])


def test_composite_alarms_are_answered_only_when_asked_for_and_gone_ones_are_left_out(world: SimulatedAws) -> None:
    world.cloudwatch.set_alarm("a", "OK")
    world.cloudwatch.set_alarm("c", "ALARM", is_composite=True)
    world.cloudwatch.set_alarm("gone", "OK")
    world.cloudwatch.delete_alarm("gone")
    names = ["a", "c", "gone"]
    plain = world.cloudwatch.describe_alarms(AlarmNames=names)
    assert (len(plain["MetricAlarms"]), len(plain["CompositeAlarms"])) == (1, 0)
    both = world.cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert both["CompositeAlarms"] == [{"AlarmName": "c", "StateValue": "ALARM"}]


def test_a_hook_s_function_answers_as_scripted_the_last_answer_for_ever(world: SimulatedAws) -> None:
    world.lambda_functions.script("f", [{"hookStatus": "IN_PROGRESS"}, {"hookStatus": "SUCCEEDED"}])

    def invoke() -> object:
        answer = world.lambda_functions.invoke(FunctionName="f", Payload=b'{"a": 1}')
        assert "FunctionError" not in answer
        return json.loads(answer["Payload"].read())["hookStatus"]

    assert [invoke() for _ in range(3)] == ["IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"]
    assert world.lambda_functions.asked["f"] == [{"a": 1}] * 3


def test_a_function_that_raises_answers_with_its_error_and_one_that_is_not_there_does_not(world: SimulatedAws) -> None:
    world.lambda_functions.script("f", [ValueError("no")])
    answer = world.lambda_functions.invoke(FunctionName="f", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"
    with pytest.raises(world.lambda_functions.exceptions.ResourceNotFoundException):
        world.lambda_functions.invoke(FunctionName="none", Payload=b"{}")


def test_events_are_kept_with_their_details_and_can_be_rejected(world: SimulatedAws) -> None:
    entry = {"Source": "bluegreen", "DetailType": "Rollout Started", "Detail": '{"target": "T"}'}
    assert world.events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert world.events.put_events(Entries=[{**entry, "Detail": "{"}])["FailedEntryCount"] == 1
    world.events.rejects = True
    assert world.events.put_events(Entries=[entry])["FailedEntryCount"] == 1
    assert [one["Detail"] for one in world.events.sent] == [{"target": "T"}]


def test_an_execution_s_name_is_taken_unless_it_runs_with_the_same_input(world: SimulatedAws) -> None:
    client = world.stepfunctions
    arguments = {"stateMachineArn": STATE_MACHINE_ARN, "name": "r1"}
    arn = client.start_execution(**arguments, input='{"a": 1}')["executionArn"]
    assert client.start_execution(**arguments, input='{"a": 1}')["executionArn"] == arn
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(**arguments, input='{"a": 2}')
    client.stop_execution(executionArn=arn, error="E", cause="because")
    client.stop_execution(executionArn=arn, error="F", cause="again")
    described = client.describe_execution(executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "because")
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(**arguments, input='{"a": 1}')


def test_executions_that_cannot_be_are_refused(world: SimulatedAws) -> None:
    client = world.stepfunctions
    with pytest.raises(client.exceptions.InvalidName):
        client.start_execution(stateMachineArn=STATE_MACHINE_ARN, name="a/b", input="{}")
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.start_execution(stateMachineArn="none", name="a", input="{}")
    with pytest.raises(client.exceptions.InvalidExecutionInput):
        client.start_execution(stateMachineArn=STATE_MACHINE_ARN, name="a", input="{")
    with pytest.raises(client.exceptions.ExecutionDoesNotExist):
        client.describe_execution(executionArn="arn:aws:states:us-east-1:123456789012:execution:RolloutEngine:none")
    with pytest.raises(client.exceptions.InvalidArn):
        client.stop_execution(executionArn="none")


def test_parameters_below_a_path_come_in_pages_and_deep_ones_only_when_asked_for(world: SimulatedAws) -> None:
    world.ssm.values |= {f"/bluegreen/targets/Stack/T{number:02d}": "{}" for number in range(12)}
    world.ssm.values |= {"/bluegreen/targets/flat": "{}", "/bluegreen/targetsX": "{}"}
    flat = world.ssm.get_parameters_by_path(Path="/bluegreen/targets/")
    assert [one["Name"] for one in flat["Parameters"]] == ["/bluegreen/targets/flat"]
    first = world.ssm.get_parameters_by_path(Path="/bluegreen/targets", Recursive=True)
    second = world.ssm.get_parameters_by_path(Path="/bluegreen/targets", Recursive=True, NextToken=first["NextToken"])
    assert (len(first["Parameters"]), len(second["Parameters"]), "NextToken" in second) == (10, 3, False)
    with pytest.raises(world.ssm.exceptions.ParameterNotFound):
        world.ssm.get_parameter(Name="/bluegreen/targets/none")


def test_every_client_answers_to_its_boto3_name(world: SimulatedAws) -> None:
    assert [world.client(client.service) for client in world.clients] == world.clients
    assert world.client("lambda") is world.lambda_functions
    assert len(world.clients) == 11
