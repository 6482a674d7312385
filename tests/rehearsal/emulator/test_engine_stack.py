"""The deployed stack of an engine: its table, parameters and records are as the template says, also after an update."""

import copy
import json
import string

import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.completed_types import expiry, left_out, recovery
from tests.rehearsal.emulator.deployed_engine import RESOURCES, Engine, Json

TTL = {"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True}}
PITR = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}


def item(pk: str, sk: str = "-", **values: object) -> Json:
    more = {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()}
    return {"pk": {"S": pk}, "sk": {"S": sk}, **more}


def refused_code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def expiry_of(engine: Engine) -> Json:
    return engine.dynamodb.describe_time_to_live(TableName=engine.names["Table"])["TimeToLiveDescription"]


def test_the_table_is_as_its_template_says(engine: Engine) -> None:
    table = engine.dynamodb.describe_table(TableName=engine.names["Table"])["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert expiry_of(engine) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = engine.dynamodb.describe_continuous_backups(TableName=engine.names["Table"])
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_write_holds_only_under_its_condition(engine: Engine) -> None:
    name = engine.names["Table"]
    first = {"TableName": name, "Item": item("state#a", fence=1), "ConditionExpression": "attribute_not_exists(pk)"}
    engine.dynamodb.put_item(**first)
    with pytest.raises(ClientError) as refused:
        engine.dynamodb.put_item(**first)
    assert refused_code(refused.value) == "ConditionalCheckFailedException"

    def take(fence: int) -> Json:
        return engine.dynamodb.update_item(
            TableName=name,
            Key=item("state#a"),
            UpdateExpression="SET fence = :next, revision = if_not_exists(revision, :zero) + :one",
            ConditionExpression="fence = :fence",
            ExpressionAttributeValues={
                ":fence": {"N": str(fence)},
                ":next": {"N": str(fence + 1)},
                ":zero": {"N": "0"},
                ":one": {"N": "1"},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]

    assert take(1) == item("state#a", fence=2, revision=1)
    with pytest.raises(ClientError) as refused:
        take(1)
    assert refused_code(refused.value) == "ConditionalCheckFailedException"
    read = engine.dynamodb.get_item(TableName=name, Key=item("state#a"), ConsistentRead=True)
    assert read["Item"] == item("state#a", fence=2, revision=1)


def test_a_transaction_writes_all_or_nothing_and_says_which_condition_failed(engine: Engine) -> None:
    name = engine.names["Table"]

    def both(first: str, second: str) -> None:
        engine.dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": name, "Item": item(first)}},
                {
                    "Put": {
                        "TableName": name,
                        "Item": item(second),
                        "ConditionExpression": "attribute_not_exists(pk)",
                    }
                },
            ]
        )

    both("t#1", "t#2")
    with pytest.raises(ClientError) as refused:
        both("t#3", "t#2")
    assert refused_code(refused.value) == "TransactionCanceledException"
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    found = engine.dynamodb.batch_get_item(
        RequestItems={name: {"Keys": [item("t#1"), item("t#2"), item("t#3")], "ConsistentRead": True}}
    )
    assert sorted(one["pk"]["S"] for one in found["Responses"][name]) == ["t#1", "t#2"]


def test_a_query_finds_the_newest_of_a_prefix_first_and_goes_on_where_it_stopped(engine: Engine) -> None:
    name = engine.names["Table"]
    for sort in ("2026-11-20#1", "2026-11-21#1", "2026-11-21#2", "2026-12-01#1"):
        engine.dynamodb.put_item(TableName=name, Item=item("history#a", sort))
    query = {
        "TableName": name,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": {":pk": {"S": "history#a"}, ":prefix": {"S": "2026-11"}},
        "ScanIndexForward": False,
        "Limit": 2,
        "ConsistentRead": True,
    }
    first = engine.dynamodb.query(**query)
    assert [one["sk"]["S"] for one in first["Items"]] == ["2026-11-21#2", "2026-11-21#1"]
    rest = engine.dynamodb.query(**query, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [one["sk"]["S"] for one in rest["Items"]] == ["2026-11-20#1"]


def test_functions_have_the_dead_letter_queue_and_the_concurrency_of_the_template(engine: Engine) -> None:
    alarm = engine.names["Alarm"]
    queue = engine.client("sqs").get_queue_attributes(
        QueueUrl=engine.names["DeadLetters"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    configured = engine.functions.get_function_configuration(FunctionName=alarm)
    assert configured["DeadLetterConfig"] == {"TargetArn": queue}
    reserved = engine.functions.get_function_concurrency(FunctionName=alarm)
    assert reserved["ReservedConcurrentExecutions"] == 5
    retries = engine.functions.get_function_event_invoke_config(FunctionName=alarm, Qualifier="$LATEST")
    assert retries["MaximumRetryAttempts"] == 1


def test_the_targets_settings_are_listed_by_path_whatever_their_tier(engine: Engine) -> None:
    parameters = engine.client("ssm")
    path = "/bluegreen/targets/"
    found = parameters.get_parameters_by_path(Path=path, Recursive=True)["Parameters"]
    names = {parameter["Name"].removeprefix(path): json.loads(parameter["Value"])["name"] for parameter in found}
    assert names == {"Serving/Large": "Large", "Serving/Model": "Model"}
    tiers = {one["Name"].removeprefix(path): one["Tier"] for one in parameters.describe_parameters()["Parameters"]}
    assert (tiers["Serving/Large"], tiers["Serving/Model"]) == ("Advanced", "Standard")


def test_the_state_machines_have_the_definitions_that_the_template_puts_together(engine: Engine) -> None:
    rollout = engine.states.describe_state_machine(stateMachineArn=engine.names["Rollout"])
    definition = json.loads(rollout["definition"])
    assert definition["States"]["Tick"]["Resource"] == engine.names["TickArn"]
    assert rollout["type"] == "STANDARD"
    pushed = engine.states.describe_state_machine(stateMachineArn=engine.names["Pushed"])
    assert json.loads(pushed["definition"])["States"]["Take"]["Comment"] == "us-east-1"


def test_a_generated_secret_leaves_out_what_the_template_says(engine: Engine) -> None:
    """In a listener rule's header, or in JSON, any punctuation is one too many."""
    secrets = engine.client("secretsmanager")
    value = secrets.get_secret_value(SecretId=engine.names["CandidateValue"])["SecretString"]
    assert len(value) == 200
    assert value.isalnum()


@pytest.mark.parametrize(
    ("asked", "characters"),
    [
        ({}, ""),
        ({"ExcludeCharacters": "xy"}, "xy"),
        ({"ExcludePunctuation": "true", "ExcludeCharacters": "0"}, "0" + string.punctuation),
        ({"ExcludeNumbers": True, "ExcludeUppercase": False}, string.digits),
        ({"ExcludeUppercase": True, "ExcludeLowercase": True}, string.ascii_uppercase + string.ascii_lowercase),
    ],
)
def test_kinds_of_characters_are_spelled_out(asked: Json, characters: str) -> None:
    assert left_out(asked) == characters


def test_an_update_changes_the_table_in_place_and_leaves_an_execution_alone(engine: Engine) -> None:
    name = engine.names["Table"]
    engine.dynamodb.put_item(TableName=name, Item=item("kept"))
    execution = engine.start(engine.names["Rollout"], {"left": 2, "wait_seconds": 240})
    resources = copy.deepcopy(RESOURCES)
    resources["Table"]["Properties"]["TimeToLiveSpecification"]["Enabled"] = False
    for gone in ("DeadLetterConfig", "ReservedConcurrentExecutions"):
        del resources["Alarm"]["Properties"][gone]
    resources["Target"]["Properties"]["Value"] = '{"name": "Changed"}'
    engine.deploy(resources)
    try:
        assert engine.names["Table"] == name
        assert expiry_of(engine)["TimeToLiveStatus"] == "DISABLED"
        assert engine.dynamodb.get_item(TableName=name, Key=item("kept"))["Item"] == item("kept")
        assert engine.ended(execution)["status"] == "SUCCEEDED"
        alarm = engine.functions.get_function(FunctionName=engine.names["Alarm"])
        assert "Concurrency" not in alarm
        assert not alarm["Configuration"].get("DeadLetterConfig", {}).get("TargetArn")
    finally:
        engine.deploy()
    assert expiry_of(engine)["TimeToLiveStatus"] == "ENABLED"


@pytest.mark.parametrize(
    ("wanted", "had", "request_"),
    [
        (TTL, {}, TTL),
        (TTL, TTL, None),
        ({}, {}, None),
        ({}, TTL, {"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": False}}),
        ({"TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": "true"}}, {}, TTL),
    ],
)
def test_expiry_is_changed_only_where_the_template_changes_it(wanted: Json, had: Json, request_: Json | None) -> None:
    assert expiry(wanted, had) == request_


@pytest.mark.parametrize(
    ("wanted", "had", "on"), [(PITR, {}, True), (PITR, PITR, None), ({}, {}, None), ({}, PITR, False)]
)
def test_recovery_is_changed_only_where_the_template_changes_it(wanted: Json, had: Json, on: bool | None) -> None:
    expected = None if on is None else {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": on}}
    assert recovery(wanted, had) == expected
