"""The simulated table: conditions as DynamoDB evaluates them, and what it refuses."""

import pytest

from simulated_aws.client import NotSimulatedError
from simulated_aws.faults import Fault
from simulated_aws.world import Disturbances, SimulatedAws

KEY = {"pk": {"S": "state#T"}, "sk": {"S": "-"}}
ITEM = {**KEY, "fence": {"N": "3"}, "words": {"S": "abc"}}


@pytest.fixture
def world() -> SimulatedAws:
    world = SimulatedAws()
    world.dynamodb.add_table("t")
    world.dynamodb.put_item(TableName="t", Item=ITEM)
    return world


def holds(world: SimulatedAws, expression: str, names: dict | None = None, **values: dict) -> bool:
    """Whether a write with this condition passes; `values` by their names without the colon."""
    arguments: dict = {"TableName": "t", "Item": ITEM, "ConditionExpression": expression}
    if names:
        arguments["ExpressionAttributeNames"] = names
    if values:
        arguments["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    try:
        world.dynamodb.put_item(**arguments)
    except world.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


THREE, FOUR, TEN, AB = {"N": "3"}, {"N": "4"}, {"N": "10"}, {"S": "ab"}


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ("attribute_exists(pk)", {}, True),
        ("attribute_not_exists(pk)", {}, False),
        ("attribute_not_exists(absent)", {}, True),
        ("fence = :a", {"a": {"N": "3.0"}}, True),
        ("fence = :a", {"a": {"S": "3"}}, False),
        ("fence <> :a", {"a": FOUR}, True),
        ("absent <> :a", {"a": FOUR}, True),
        ("absent = :a", {"a": FOUR}, False),
        ("absent < :a", {"a": FOUR}, False),
        ("fence < :a", {"a": TEN}, True),
        ("fence >= :a", {"a": FOUR}, False),
        ("fence < :a", {"a": {"S": "9"}}, False),
        ("fence BETWEEN :a AND :b", {"a": THREE, "b": FOUR}, True),
        ("fence IN (:a, :b)", {"a": FOUR, "b": THREE}, True),
        ("fence IN (:a, :b)", {"a": FOUR, "b": TEN}, False),
        ("begins_with(words, :a)", {"a": AB}, True),
        ("begins_with(absent, :a)", {"a": AB}, False),
        ("contains(words, :a)", {"a": {"S": "bc"}}, True),
        ("NOT fence = :a", {"a": THREE}, False),
        ("fence = :a AND words = :b", {"a": THREE, "b": AB}, False),
        ("fence = :a OR words = :b", {"a": THREE, "b": AB}, True),
        ("words = :b AND fence = :b OR fence = :a", {"a": THREE, "b": AB}, True),
        ("words = :b AND (fence = :b OR fence = :a)", {"a": THREE, "b": AB}, False),
        ("attribute_not_exists(pk) OR (fence = :a AND NOT words = :b)", {"a": THREE, "b": AB}, True),
    ],
)
def test_a_condition_holds_as_dynamodb_documents_it(
    world: SimulatedAws, expression: str, values: dict, expected: bool
) -> None:
    assert holds(world, expression, **values) is expected


def test_a_condition_that_fails_changes_nothing_and_answers_the_item_if_asked(world: SimulatedAws) -> None:
    with pytest.raises(world.dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        world.dynamodb.put_item(
            TableName="t",
            Item={**KEY, "fence": FOUR},
            ConditionExpression="fence = :a",
            ExpressionAttributeValues={":a": FOUR},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"] == ITEM
    assert world.dynamodb.item("t", "state#T") == ITEM


@pytest.mark.parametrize(
    ("expression", "names", "values", "message"),
    [
        ("#f = :a", {}, {"a": THREE}, "not defined: #f"),
        ("fence = :b", {}, {}, "not defined: :b"),
        ("fence = :a", {}, {"a": THREE, "b": FOUR}, "unused"),
        ("fence = :a", {"#x": "x"}, {"a": THREE}, "unused"),
        ("status = :a", {}, {"a": THREE}, "reserved keyword: status"),
        ("attribute_exists(Release)", {}, {}, "reserved keyword"),
    ],
)
def test_what_dynamodb_refuses_is_refused(
    world: SimulatedAws, expression: str, names: dict, values: dict, message: str
) -> None:
    with pytest.raises(world.dynamodb.exceptions.ClientError, match=message) as caught:
        holds(world, expression, names, **values)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_reserved_word_passes_behind_a_name(world: SimulatedAws) -> None:
    assert holds(world, "attribute_not_exists(#s)", {"#s": "status"})


@pytest.mark.parametrize(
    "expression",
    [
        "size(words) > :a",
        "attribute_type(words, :a)",
        "a.b = :a",
        "a[0] = :a",
        "fence = :a fence",
        "fence ! :a",
        "fence AND fence = :a",
    ],
)
def test_syntax_that_is_not_simulated_is_refused_loudly(world: SimulatedAws, expression: str) -> None:
    with pytest.raises(NotSimulatedError):
        holds(world, expression, a=THREE)


def test_an_update_reads_the_item_as_it_was(world: SimulatedAws) -> None:
    answer = world.dynamodb.update_item(
        TableName="t",
        Key=KEY,
        UpdateExpression="SET a = fence, fence = fence + :one, #n = if_not_exists(#n, :one) REMOVE words ADD c :one",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        **KEY,
        "a": {"N": "3"},
        "fence": {"N": "4"},
        "name": {"N": "1"},
        "c": {"N": "1"},
    }
    assert world.dynamodb.item("t", "state#T") == answer["Attributes"]


def test_an_update_makes_the_item_that_is_not_there(world: SimulatedAws) -> None:
    key = {"pk": {"S": "new"}, "sk": {"S": "-"}}
    arguments = {"UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": AB}}
    world.dynamodb.update_item(TableName="t", Key=key, **arguments)
    assert world.dynamodb.item("t", "new") == {**key, "a": AB}
    with pytest.raises(NotSimulatedError):
        world.dynamodb.update_item(TableName="t", Key=key, **{**arguments, "UpdateExpression": "DELETE a :v"})


def test_a_delete_obeys_its_condition_and_may_find_nothing(world: SimulatedAws) -> None:
    condition = {"ConditionExpression": "fence = :a", "ExpressionAttributeValues": {":a": FOUR}}
    with pytest.raises(world.dynamodb.exceptions.ConditionalCheckFailedException):
        world.dynamodb.delete_item(TableName="t", Key=KEY, **condition)
    world.dynamodb.delete_item(TableName="t", Key=KEY)
    world.dynamodb.delete_item(TableName="t", Key=KEY)
    assert world.dynamodb.get_item(TableName="t", Key=KEY) == {}


def test_a_conditional_write_that_timed_out_with_effect_fails_its_own_condition_the_next_time(
    world: SimulatedAws,
) -> None:
    write = {
        "TableName": "t",
        "Item": {**KEY, "fence": FOUR},
        "ConditionExpression": "fence = :a",
        "ExpressionAttributeValues": {":a": THREE},
    }
    world.faults.of("dynamodb", "PutItem", Fault.TIMEOUT_WITH_EFFECT)
    assert world.run("worker", lambda: world.dynamodb.put_item(**write)).error is not None
    with pytest.raises(world.dynamodb.exceptions.ConditionalCheckFailedException):
        world.dynamodb.put_item(**write)


def query(world: SimulatedAws, expression: str, **more: object) -> list[str]:
    found: list[str] = []
    arguments = {"TableName": "t", "KeyConditionExpression": expression, **more}
    while True:
        answer = world.dynamodb.query(**arguments)
        found += [item["sk"]["S"] for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def test_a_query_answers_one_partition_in_order_page_by_page(world: SimulatedAws) -> None:
    for name in ("b2", "a1", "b1", "c1"):
        world.dynamodb.put_item(TableName="t", Item={"pk": {"S": "h"}, "sk": {"S": name}})
    world.dynamodb.page = 1
    pk = {":p": {"S": "h"}}
    assert query(world, "pk = :p", ExpressionAttributeValues=pk) == ["a1", "b1", "b2", "c1"]
    backwards = {"ExpressionAttributeValues": pk, "ScanIndexForward": False, "Limit": 2}
    assert query(world, "pk = :p", **backwards) == ["c1", "b2", "b1", "a1"]
    beginning = {**pk, ":s": {"S": "b"}}
    assert query(world, "pk = :p AND begins_with(sk, :s)", ExpressionAttributeValues=beginning) == ["b1", "b2"]
    between = {**pk, ":a": {"S": "a2"}, ":b": {"S": "b1"}}
    assert query(world, "#p = :p AND sk BETWEEN :a AND :b", **_named(between)) == ["b1"]
    assert query(world, "pk = :p", ExpressionAttributeValues={":p": {"S": "none"}}) == []


def _named(values: dict) -> dict:
    return {"ExpressionAttributeNames": {"#p": "pk"}, "ExpressionAttributeValues": values}


def test_a_query_must_name_the_partition(world: SimulatedAws) -> None:
    with pytest.raises(world.dynamodb.exceptions.ClientError, match="pk"):
        query(world, "sk = :p", ExpressionAttributeValues={":p": {"S": "h"}})


def test_a_batch_answers_the_items_that_are_there(world: SimulatedAws) -> None:
    keys = [KEY, {"pk": {"S": "none"}, "sk": {"S": "-"}}]
    answer = world.dynamodb.batch_get_item(RequestItems={"t": {"Keys": keys, "ConsistentRead": True}})
    assert answer == {"Responses": {"t": [ITEM]}, "UnprocessedKeys": {}}
    with pytest.raises(world.dynamodb.exceptions.ClientError):
        world.dynamodb.batch_get_item(RequestItems={"t": {"Keys": [KEY, KEY]}})


def test_only_a_consistent_read_is_sure_to_see_the_last_write() -> None:
    world = SimulatedAws(seed=2, disturbances=Disturbances(stale_reads=10))
    world.dynamodb.add_table("t")
    world.dynamodb.put_item(TableName="t", Item=ITEM)
    world.advance(100)
    world.dynamodb.put_item(TableName="t", Item={**KEY, "fence": FOUR})
    world.advance(5)

    def fences(**consistent: bool) -> set[str]:
        answers = (world.dynamodb.get_item(TableName="t", Key=KEY, **consistent) for _ in range(40))
        return {answer["Item"]["fence"]["N"] for answer in answers}

    assert fences() == {"3", "4"}
    assert fences(ConsistentRead=True) == {"4"}


@pytest.mark.parametrize(
    "key",
    [{"pk": {"S": "a"}}, {"pk": {"S": ""}, "sk": {"S": "-"}}, {"pk": {"N": "1"}, "sk": {"S": "-"}}, {**KEY, "x": AB}],
)
def test_a_key_that_is_not_the_table_s_is_refused(world: SimulatedAws, key: dict) -> None:
    with pytest.raises(world.dynamodb.exceptions.ClientError, match="schema"):
        world.dynamodb.get_item(TableName="t", Key=key)


def test_a_table_that_is_not_there_and_an_item_that_is_too_large_are_refused(world: SimulatedAws) -> None:
    with pytest.raises(world.dynamodb.exceptions.ResourceNotFoundException):
        world.dynamodb.get_item(TableName="none", Key=KEY)
    with pytest.raises(world.dynamodb.exceptions.ClientError, match="size"):
        world.dynamodb.put_item(TableName="t", Item={**KEY, "a": {"S": "x" * 410_000}})
