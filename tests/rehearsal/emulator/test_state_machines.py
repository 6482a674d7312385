"""State machines in the emulator: rehearsed time, stops that stop, retries, children and the load balancer's API."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.emulator.deployed_engine import Engine, Json, instant, until

DAY = 86_400


@pytest.fixture(scope="module")
def rule(engine: Engine) -> Json:
    """A rule that gives half to the candidate, and how a rollout would restore and mark it."""
    elb = engine.client("elbv2")
    balancer = elb.create_load_balancer(Name="app", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    live, candidate = (
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip")["TargetGroups"][0][
            "TargetGroupArn"
        ]
        for name in ("live", "candidate")
    )
    actions = [
        {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"TargetGroupArn": live, "Weight": 50},
                    {"TargetGroupArn": candidate, "Weight": 50},
                ],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=actions)[
        "Listeners"
    ][0]["ListenerArn"]
    arn = elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
        Actions=actions,
    )["Rules"][0]["RuleArn"]
    back = json.loads(json.dumps(actions))
    back[0]["ForwardConfig"]["TargetGroups"] = [
        {"TargetGroupArn": live, "Weight": 100},
        {"TargetGroupArn": candidate, "Weight": 0},
    ]
    return {
        "restore": {"RuleArn": arn, "Actions": back},
        "mark": {"ResourceArns": [arn], "Tags": [{"Key": "bluegreen:aborted", "Value": "r-1"}]},
    }


def weights(engine: Engine, rule_arn: str) -> list[int]:
    (described,) = engine.client("elbv2").describe_rules(RuleArns=[rule_arn])["Rules"]
    return [group["Weight"] for group in described["Actions"][0]["ForwardConfig"]["TargetGroups"]]


def wait_state(seconds: int = DAY) -> Json:
    return {"Type": "Wait", "Seconds": seconds, "End": True}


# Time


def test_a_rollout_ticks_on_rehearsed_time_and_gets_its_clock_and_its_name_from_the_context(engine: Engine) -> None:
    before = engine.now()
    execution = engine.start(engine.names["Rollout"], {"left": 3, "wait_seconds": 120}, name="r-good")
    described = engine.ended(execution)
    output = engine.output(described)
    seen = [instant(stamp) for stamp in output["seen"]]
    assert len(seen) == 3
    assert before <= instant(output["started"]) <= seen[0] <= seen[1]
    assert seen[2] - seen[1] >= 120, "the wait of two minutes lies between two ticks"
    assert seen[2] <= engine.now()
    assert all(stamp.endswith("Z") for stamp in output["seen"])
    assert (output["execution"], output["name"]) == (execution, "r-good")
    assert described["startDate"].timestamp() == pytest.approx(instant(output["started"]))
    assert described["stopDate"].timestamp() >= seen[2]


def test_a_wait_until_a_rehearsed_instant_ends_then(engine: Engine) -> None:
    machine = engine.machine(
        {
            "Wait": {"Type": "Wait", "TimestampPath": "$.until", "Next": "Say"},
            "Say": {"Type": "Pass", "Parameters": {"at.$": "$$.State.EnteredTime"}, "End": True},
        }
    )
    then = datetime.fromtimestamp(round(engine.now()) + 120, UTC)
    output = engine.output(engine.run(machine, {"until": f"{then:%Y-%m-%dT%H:%M:%SZ}"}))
    assert 0 <= instant(output["at"]) - then.timestamp() < 600


@pytest.mark.parametrize("seconds", [-1, 1.5, "60", None, True])
def test_a_wait_for_anything_but_a_whole_number_fails(engine: Engine, seconds: object) -> None:
    machine = engine.machine({"Wait": {"Type": "Wait", "SecondsPath": "$.s", "End": True}})
    failed = engine.run(machine, {"s": seconds})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Runtime")
    assert f"leads to {json.dumps(seconds)}; it takes a whole number" in failed["cause"]


def test_the_time_limit_of_a_state_machine_is_rehearsed_time(engine: Engine) -> None:
    execution = engine.start(engine.machine({"Wait": wait_state()}, TimeoutSeconds=120))
    assert engine.ended(execution)["status"] == "TIMED_OUT"
    assert engine.events(execution)[-1] == "ExecutionTimedOut"


# Starting and stopping


def test_stopping_ends_the_wait_at_once_and_nothing_follows(engine: Engine) -> None:
    execution = engine.start(engine.names["Rollout"], {"left": 9, "wait_seconds": DAY})
    until(lambda: "WaitStateEntered" in engine.events(execution))
    engine.states.stop_execution(executionArn=execution, error="Aborted", cause="by the operator")
    described = engine.described(execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Aborted", "by the operator")
    assert engine.events(execution)[-1] == "ExecutionAborted"
    engine.states.stop_execution(executionArn=execution)
    assert engine.described(execution)["cause"] == "by the operator", "a second stop changes nothing"


def test_stopped_executions_leave_no_thread_that_waits(engine: Engine) -> None:
    machine = engine.machine({"Wait": wait_state()})

    def threads() -> int:
        return len(list(Path(f"/proc/{engine.emulator.pid}/task").iterdir()))

    before = threads()
    executions = [engine.start(machine) for _ in range(20)]
    until(lambda: all("WaitStateEntered" in engine.events(execution) for execution in executions))
    assert threads() >= before + 10
    for execution in executions:
        engine.states.stop_execution(executionArn=execution)
    until(lambda: threads() <= before + 5)


@pytest.mark.parametrize("tries", [1, 99])
def test_a_task_that_fails_after_the_stop_changes_nothing_and_is_not_retried(engine: Engine, tries: int) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": tries - 1, "BackoffRate": 1}]
    machine = engine.machine(
        {"Call": {"Type": "Task", "Resource": engine.names["TickArn"], "Retry": retry, "End": True}}
    )
    execution = engine.start(machine, {"meet": {"name": f"late{tries}", "others": 2}, "refuse": f"late{tries}"})
    item = {"TableName": engine.names["Table"], "Key": {"pk": {"S": f"meet#late{tries}"}, "sk": {"S": "-"}}}

    def here() -> int:
        return int(engine.dynamodb.get_item(**item, ConsistentRead=True).get("Item", {}).get("here", {"N": "0"})["N"])

    until(lambda: here() == 1)
    engine.states.stop_execution(executionArn=execution)
    one = {":one": {"N": "1"}}
    engine.dynamodb.update_item(**item, UpdateExpression="ADD here :one", ExpressionAttributeValues=one)
    until(lambda: f"Refused: late{tries}" in engine.log_of(engine.names["Tick"]))
    engine.run(engine.names["Pushed"])  # longer than the pause before a retry
    assert here() == 2, "no second try came to the meeting"
    assert engine.described(execution)["status"] == "ABORTED"
    assert engine.events(execution)[-1] == "ExecutionAborted"


def test_starting_again_by_name_is_the_same_execution_while_it_runs_with_the_same_input(engine: Engine) -> None:
    machine = engine.machine({"Wait": wait_state()})
    first = engine.states.start_execution(stateMachineArn=machine, name="r-1", input='{"a": 1}')
    again = engine.states.start_execution(stateMachineArn=machine, name="r-1", input='{"a": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])

    def refusal() -> str:
        with pytest.raises(ClientError) as refused:
            engine.states.start_execution(stateMachineArn=machine, name="r-1", input='{"a": 2}')
        return str(refused.value.response["Error"]["Code"])

    assert refusal() == "ExecutionAlreadyExists"
    engine.states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.states.start_execution(stateMachineArn=machine, name="r-1", input='{"a": 1}')


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "2026-11-21T16:40:00Z"}, "InvalidName"),
        ({"name": "r" * 81}, "InvalidName"),
        ({"input": "{"}, "InvalidExecutionInput"),
    ],
)
def test_what_step_functions_would_not_start_is_refused(engine: Engine, given: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        engine.states.start_execution(stateMachineArn=engine.names["Pushed"], **given)
    assert refused.value.response["Error"]["Code"] == code


# Errors and retries


def test_a_refusal_of_the_start_function_is_caught_by_its_name_and_ends_with_its_reason(engine: Engine) -> None:
    failed = engine.run(engine.names["Rollout"], {"refuse": "a rollout of this target is in flight"})
    assert (failed["status"], failed["error"]) == ("FAILED", "Refused")
    assert json.loads(failed["cause"])["errorMessage"] == "a rollout of this target is in flight"
    assert "output" not in failed


def test_retries_wait_rehearsed_seconds_that_grow_up_to_their_limit(engine: Engine) -> None:
    retry = {"ErrorEquals": ["Refused"], "IntervalSeconds": 20, "MaxAttempts": 3, "BackoffRate": 50}
    task = {"Type": "Task", "Resource": engine.names["TickArn"], "Retry": [{**retry, "MaxDelaySeconds": 30}]}
    machine = engine.machine({"Call": {**task, "End": True}})
    execution = engine.start(machine, {"refuse": "no"})
    assert engine.ended(execution)["error"] == "Refused"
    history = engine.states.get_execution_history(executionArn=execution)["events"]
    scheduled = [event["timestamp"].timestamp() for event in history if event["type"] == "TaskScheduled"]
    failed = [event["timestamp"].timestamp() for event in history if event["type"] == "TaskFailed"]
    pauses = [after - before for before, after in zip(failed, scheduled[1:], strict=False)]
    assert [len(scheduled), len(failed)] == [4, 4]
    assert pauses[0] >= 20
    assert all(30 <= pause < 900 for pause in pauses[1:]), "without the limit they would be 1000 and 50000 seconds"


@pytest.mark.parametrize(
    "parameters", [{"it.$": "$.missing"}, {"it": {"deep.$": "$.here.missing"}}, {"it.$": "$.list[3]"}]
)
def test_a_path_that_leads_nowhere_fails_the_execution_and_no_catch_takes_it(engine: Engine, parameters: Json) -> None:
    machine = engine.machine(
        {
            "Call": {
                "Type": "Task",
                "Resource": engine.names["TickArn"],
                "Parameters": parameters,
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Rescue"}],
                "End": True,
            },
            "Rescue": {"Type": "Succeed"},
        }
    )
    failed = engine.run(machine, {"here": {"null": None}, "list": [1]})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Runtime")
    assert "could not be found in the input" in failed["cause"]


def test_a_null_is_there_and_a_choice_can_ask_for_what_is_not(engine: Engine) -> None:
    machine = engine.machine(
        {
            "Take": {"Type": "Pass", "Parameters": {"null.$": "$.null"}, "Next": "Ask"},
            "Ask": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.null", "IsPresent": True},
                            {"Variable": "$.missing", "IsPresent": False},
                        ],
                        "Next": "Yes",
                    }
                ],
                "Default": "No",
            },
            "Yes": {"Type": "Succeed"},
            "No": {"Type": "Fail", "Error": "No"},
        }
    )
    assert engine.output(engine.run(machine, {"null": None})) == {"null": None}


def test_a_choice_over_what_is_not_there_fails(engine: Engine) -> None:
    choice = {"Variable": "$.done", "BooleanEquals": True, "Next": "End"}
    machine = engine.machine(
        {"Ask": {"Type": "Choice", "Choices": [choice], "Default": "End"}, "End": {"Type": "Succeed"}}
    )
    assert engine.run(machine, {})["error"] == "States.Runtime"


def test_a_task_that_answers_too_much_fails_past_a_catch_of_all(engine: Engine) -> None:
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Rescue"}]
    task = {"Type": "Task", "Resource": engine.names["TickArn"], "Catch": caught, "End": True}
    machine = engine.machine({"Call": task, "Rescue": {"Type": "Succeed"}})
    assert engine.run(machine, {"grow": 262_000})["status"] == "SUCCEEDED"
    assert engine.run(machine, {"grow": 262_144})["error"] == "States.DataLimitExceeded"


def test_a_throttled_function_is_the_error_that_aws_names(engine: Engine) -> None:
    engine.functions.put_function_concurrency(FunctionName=engine.names["Start"], ReservedConcurrentExecutions=0)
    try:
        failed = engine.run(engine.names["Rollout"], {})
    finally:
        engine.functions.delete_function_concurrency(FunctionName=engine.names["Start"])
    assert failed["error"] == "Lambda.TooManyRequestsException"


# Children


def child_task(machine: str, **more: Any) -> Json:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": machine, "Name.$": "$.name", "Input.$": "$.given"},
        "End": True,
        **more,
    }


def test_a_parent_waits_for_its_child_and_gets_its_parsed_output(engine: Engine) -> None:
    child = engine.machine({"Wait": {"Type": "Wait", "Seconds": 120, "Next": "End"}, "End": {"Type": "Succeed"}})
    parent = engine.machine({"Child": child_task(child)})
    output = engine.output(engine.run(parent, {"name": "c-1", "given": {"a": [1]}}))
    assert (output["Name"], output["Status"], output["Output"], output["Input"]) == (
        "c-1",
        "SUCCEEDED",
        {"a": [1]},
        {"a": [1]},
    )
    assert output["StopDate"] - output["StartDate"] >= 120_000
    assert engine.described(output["ExecutionArn"])["status"] == "SUCCEEDED"


def test_a_child_that_fails_is_a_failed_task_whose_cause_describes_it(engine: Engine) -> None:
    child = engine.machine({"No": {"Type": "Fail", "Error": "RolledBack", "Cause": "too many errors"}})
    failed = engine.run(engine.machine({"Child": child_task(child)}), {"name": "c-2", "given": {}})
    assert failed["error"] == "States.TaskFailed"
    cause = json.loads(failed["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "RolledBack", "too many errors")


def test_a_child_whose_name_is_taken_is_the_error_that_aws_names(engine: Engine) -> None:
    child = engine.machine({"End": {"Type": "Succeed"}})
    engine.run(child, {}, name="c-3")
    failed = engine.run(engine.machine({"Child": child_task(child)}), {"name": "c-3", "given": {"other": 1}})
    assert failed["error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_child_is_stopped_with_its_parent(engine: Engine) -> None:
    child = engine.machine({"Wait": wait_state()})
    parent = engine.start(engine.machine({"Child": child_task(child)}), {"name": "c-4", "given": {}})
    of_child = f"{child.replace(':stateMachine:', ':execution:')}:c-4"
    until(lambda: engine.states.list_executions(stateMachineArn=child)["executions"])
    engine.states.stop_execution(executionArn=parent)
    assert engine.ended(of_child)["status"] == "ABORTED"
    assert engine.described(parent)["status"] == "ABORTED"


def test_a_child_that_outlasts_its_task_is_stopped_in_rehearsed_time_and_the_task_can_be_caught(
    engine: Engine,
) -> None:
    child = engine.machine({"Wait": wait_state()})
    caught = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.error", "Next": "Late"}]
    parent = engine.machine({"Child": child_task(child, TimeoutSeconds=120, Catch=caught), "Late": {"Type": "Succeed"}})
    output = engine.output(engine.run(parent, {"name": "c-5", "given": {}}))
    assert output["error"]["Error"] == "States.Timeout"
    assert engine.ended(f"{child.replace(':stateMachine:', ':execution:')}:c-5")["status"] == "ABORTED"


# The load balancer's API, and functions that are gone


def test_live_is_restored_and_the_abort_marked_without_any_function_when_the_tick_is_killed_half_way(
    engine: Engine, rule: Json
) -> None:
    rule_arn = rule["restore"]["RuleArn"]
    assert weights(engine, rule_arn) == [50, 50]
    execution = engine.start(engine.names["Rollout"], {"left": 99, "wait_seconds": 30, **rule})
    until(lambda: engine.events(execution).count("WaitStateExited") >= 1)
    engine.emulator.switches.fail_function(engine.names["Tick"], error="Runtime.ExitError", message="exit status 137")
    try:
        failed = engine.ended(execution)
    finally:
        engine.emulator.switches.restore_function(engine.names["Tick"])
    assert (failed["status"], failed["error"]) == ("FAILED", "Runtime.ExitError")
    assert json.loads(failed["cause"])["errorMessage"] == "exit status 137"
    assert weights(engine, rule_arn) == [100, 0]
    (tags,) = engine.client("elbv2").describe_tags(ResourceArns=[rule_arn])["TagDescriptions"]
    assert tags["Tags"] == [{"Key": "bluegreen:aborted", "Value": "r-1"}]
    history = engine.states.get_execution_history(executionArn=execution)["events"]
    failures = [event for event in history if event["type"] == "TaskFailed"]
    assert len(failures) == 3, "the first try and two retries"
    calls: Any = engine.emulator.state()["calls"]
    (change,) = (call for call in calls["rule_calls"] if call["action"] == "ModifyRule")
    assert (change["caller"], change["arn"], change["writes_actions"]) == ("states", rule_arn, True)
    assert engine.output(engine.run(engine.names["Rollout"], {}))["done"], "restored, the function works again"


@pytest.mark.parametrize(
    ("parameters", "error", "cause"),
    [
        ({"RuleArn": "arn:none", "Actions": []}, "ElasticLoadBalancingV2.RuleNotFoundException", "rules not found"),
        ({"Rule": "arn:none"}, "States.Runtime", "Unknown parameter"),
    ],
)
def test_a_refused_call_of_the_load_balancers_api_is_the_error_of_aws_sdk(
    engine: Engine, parameters: Json, error: str, cause: str
) -> None:
    resource = "arn:aws:states:::aws-sdk:elasticloadbalancingv2:modifyRule"
    machine = engine.machine({"Call": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}})
    failed = engine.run(machine)
    assert failed["error"] == error
    assert cause in failed["cause"]


def test_functions_and_executions_run_at_the_same_time(engine: Engine) -> None:
    meeting = {"meet": {"name": "all", "others": 3}}
    machine = engine.machine({"Call": {"Type": "Task", "Resource": engine.names["TickArn"], "End": True}})
    executions = [
        engine.start(machine, meeting),
        engine.start(machine, meeting),
        engine.start(engine.names["Rollout"], {**meeting, "left": 1}),
    ]
    assert [engine.ended(execution)["status"] for execution in executions] == ["SUCCEEDED"] * 3
