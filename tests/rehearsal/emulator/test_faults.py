"""The switches: a function and a service that a scenario makes fail, fail for everybody until they are restored."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.emulator import fault_routes
from bluegreen_constructs.rehearsal.emulator.faults import Faults, FunctionFault, ServiceFault
from bluegreen_constructs.rehearsal.emulator.switches import Switches
from tests.rehearsal.emulator.deployed_engine import Engine


@pytest.fixture
def faults() -> Faults:
    faults = Faults()
    faults.known_functions = lambda: ["Tick", "Start"]
    faults.known_services = lambda: ["dynamodb", "states"]
    return faults


@pytest.fixture
def restored(engine: Engine) -> Iterator[Engine]:
    """The engine, with every service restored after the test whatever it left."""
    yield engine
    for service in ("dynamodb", "states", "monitoring", "elasticloadbalancing", "lambda"):
        engine.emulator.switches.restore_service(service)


def put(engine: Engine) -> None:
    engine.dynamodb.put_item(TableName=engine.names["Table"], Item={"pk": {"S": "p"}, "sk": {"S": "-"}})


def refusal(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_failing_function_answers_with_its_error_and_runs_again_when_restored(restored: Engine) -> None:
    name = restored.names["Start"]
    restored.emulator.switches.fail_function(name, error="Crashed", message="out of memory")
    answer = restored.functions.invoke(FunctionName=name, Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {"errorType": "Crashed", "errorMessage": "out of memory"}
    assert restored.emulator.state()["faults"] == {"functions": {name: "Crashed"}, "services": {}}
    other = restored.functions.invoke(FunctionName=restored.names["Tick"], Payload=b"{}")
    assert "FunctionError" not in other
    restored.emulator.switches.restore_function(name)
    assert "FunctionError" not in restored.functions.invoke(FunctionName=name, Payload=b"{}")
    assert restored.emulator.state()["faults"] == {"functions": {}, "services": {}}


def test_with_the_table_down_every_call_of_it_fails_and_the_others_do_not(restored: Engine) -> None:
    restored.emulator.switches.fail_service("dynamodb")
    with pytest.raises(ClientError) as refused:
        put(restored)
    assert refusal(refused.value) == ("InternalServerError", 500)
    failed = restored.run(restored.names["Rollout"], {"meet": {"name": "down", "others": 1}})
    assert failed["status"] == "FAILED"
    assert "InternalServerError" in failed["cause"], "a function meets the fault as well"
    restored.client("elbv2").describe_load_balancers()
    restored.emulator.switches.restore_service("dynamodb")
    put(restored)


def test_only_the_named_actions_fail(restored: Engine) -> None:
    execution = restored.start(restored.names["Rollout"], {"left": 9, "wait_seconds": 86_400})
    restored.emulator.switches.fail_service("states", status=503, actions=["StopExecution"])
    with pytest.raises(ClientError) as refused:
        restored.states.stop_execution(executionArn=execution)
    assert refusal(refused.value) == ("ServiceUnavailable", 503)
    assert restored.described(execution)["status"] == "RUNNING"
    restored.emulator.switches.restore_service("states")
    restored.states.stop_execution(executionArn=execution)
    assert restored.described(execution)["status"] == "ABORTED"


def test_executions_that_are_under_way_go_on_while_step_functions_api_fails(restored: Engine) -> None:
    execution = restored.start(restored.names["Rollout"], {"left": 2, "wait_seconds": 60})
    restored.emulator.switches.fail_service("states")
    with pytest.raises(ClientError):
        restored.described(execution)
    restored.emulator.switches.restore_service("states")
    assert restored.ended(execution)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("service", "sdk", "call"),
    [
        ("monitoring", "cloudwatch", "describe_alarms"),
        ("elasticloadbalancing", "elbv2", "describe_load_balancers"),
        ("lambda", "lambda", "list_functions"),
    ],
)
def test_each_protocol_has_an_error_that_the_sdk_reads(restored: Engine, service: str, sdk: str, call: str) -> None:
    ask = getattr(restored.client(sdk), call)
    restored.emulator.switches.fail_service(service)
    with pytest.raises(ClientError) as refused:
        ask()
    assert refusal(refused.value)[1] == 500
    restored.emulator.switches.restore_service(service)
    ask()


def test_a_failed_call_is_in_the_call_log(restored: Engine) -> None:
    before = restored.emulator.state()["calls"]
    restored.emulator.switches.fail_service("dynamodb", actions=["PutItem"])
    with pytest.raises(ClientError):
        put(restored)
    after = restored.emulator.state()["calls"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["failed"] == before["failed"] + 1
    assert after["by_action"]["dynamodb:PutItem"] == before["by_action"].get("dynamodb:PutItem", 0) + 1


def test_what_is_not_there_cannot_be_switched_and_is_refused_with_what_is(restored: Engine) -> None:
    switches = restored.emulator.switches
    with pytest.raises(RehearsalError, match=r"^the emulator has no function 'Tock'; there are .*Engine"):
        switches.fail_function("Tock")
    with pytest.raises(RehearsalError, match=r"^the emulator has no service 'DynamoDB'; there are .*dynamodb"):
        switches.fail_service("DynamoDB")
    with pytest.raises(RehearsalError, match=r"status of a failing service was given as 404; give 500 or 503$"):
        switches.fail_service("dynamodb", status=404)
    assert restored.emulator.state()["faults"] == {"functions": {}, "services": {}}


def test_an_emulator_that_is_gone_takes_no_switch() -> None:
    with pytest.raises(RehearsalError, match=r"^the emulator on port 1 did not take the switch"):
        Switches(1).fail_service("dynamodb")


def test_the_switches_of_functions_and_services_are_told_apart(faults: Faults) -> None:
    faults.fail_function("Tick", FunctionFault("E", "m"))
    faults.fail_service("states", ServiceFault(503, frozenset({"StopExecution"})))
    assert faults.of_function("Tick") == FunctionFault("E", "m")
    assert (faults.of_function("Start"), faults.of_service("dynamodb")) == (None, None)
    assert faults.describe() == {
        "functions": {"Tick": "E"},
        "services": {"states": {"status": 503, "actions": ["StopExecution"]}},
    }
    faults.restore_function("Tick")
    faults.restore_function("Tick")
    faults.restore_service("states")
    assert faults.describe() == {"functions": {}, "services": {}}


def test_nothing_can_fail_where_nothing_is() -> None:
    with pytest.raises(ConfigurationError, match=r"^the emulator has no function 'Tick'; there is none$"):
        Faults().fail_function("Tick", FunctionFault())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("PUT", "functions/Tick", b"", 200, "Killed"),
        ("PUT", "functions/Tick", b'{"error": "E"}', 200, "E"),
        ("DELETE", "functions/Tick", b"", 200, "functions"),
        ("PUT", "services/states", b'{"status": 503, "actions": ["A"]}', 200, "503"),
        ("DELETE", "services/states", b"", 200, "services"),
        ("PUT", "functions/Tick", b"[]", 400, "must be a JSON object"),
        ("PUT", "functions/Tick", b"{", 400, "must be a JSON object"),
        ("PUT", "functions/Tick", b'{"status": 500}', 400, "was given status; it takes error and message"),
        ("PUT", "services/states", b'{"status": "500"}', 400, "a whole number as status"),
        ("PUT", "services/states", b'{"error": "E"}', 400, "was given error; it takes status and actions"),
        ("GET", "functions/Tick", b"", 404, "is not known here"),
        ("PUT", "functions", b"", 404, "is not known here"),
        ("PUT", "tables/Tick", b"", 404, "is not known here"),
    ],
)
def test_the_routes_take_switches_and_refuse_the_rest(
    method: str, path: str, body: bytes, status: int, told: str, faults: Faults
) -> None:
    answered, answer = fault_routes.answer(method, fault_routes.FAULTS_PATH + path, body, faults)
    assert answered == status
    assert told in json.dumps(answer)
