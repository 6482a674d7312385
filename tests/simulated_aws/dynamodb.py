"""DynamoDB: tables with a text `pk` and a text `sk`, conditional writes, and reads that are consistent if asked."""

from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient
from .dynamodb_expressions import (
    Bindings,
    InvalidExpressionError,
    Item,
    check_bindings,
    condition,
    key_condition,
    update,
)

_MOST_BYTES = 400 * 1024
_MOST_KEYS = 100
_BOUND = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_WRITE = {"TableName", "ConditionExpression", "ReturnValues", "ReturnValuesOnConditionCheckFailure", *_BOUND}

_NO_ITEM: Item = {}


class DynamoDb(SimulatedClient):
    """The client. page: how many items one Query answers at most."""

    service = "dynamodb"
    failure = "InternalServerError"
    exceptions = Exceptions(
        {
            "ConditionalCheckFailedException": "ConditionalCheckFailedException",
            "ResourceNotFoundException": "ResourceNotFoundException",
            "ProvisionedThroughputExceededException": "ProvisionedThroughputExceededException",
            "ThrottlingException": "ThrottlingException",
            "InternalServerError": "InternalServerError",
        }
    )
    allowed: ClassVar = {
        "BatchGetItem": {"RequestItems"},
        "GetItem": {"TableName", "Key", "ConsistentRead"},
        "PutItem": {"Item", *_WRITE},
        "UpdateItem": {"Key", "UpdateExpression", *_WRITE},
        "DeleteItem": {"Key", *_WRITE},
        "Query": {
            "TableName",
            "KeyConditionExpression",
            "FilterExpression",
            "ConsistentRead",
            "ScanIndexForward",
            "Limit",
            "ExclusiveStartKey",
            *_BOUND,
        },
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.page = 1000
        self.tables: dict[str, dict[str, dict[str, Item]]] = {}
        self._past: dict[tuple[str, str, str], list[tuple[float, Item]]] = {}

    def add_table(self, name: str) -> None:
        """Make an empty table."""
        self.tables[name] = {}

    def item(self, table: str, pk: str, sk: str = "-") -> Item | None:
        """What the table holds, beside the log."""
        return self.tables[table].get(pk, {}).get(sk)

    # the client

    def get_item(self, **arguments: object) -> Answer:
        return self._serve("GetItem", arguments, self._get_item)

    def batch_get_item(self, **arguments: object) -> Answer:
        return self._serve("BatchGetItem", arguments, self._batch_get_item)

    def put_item(self, **arguments: object) -> Answer:
        return self._serve("PutItem", arguments, self._put_item)

    def update_item(self, **arguments: object) -> Answer:
        return self._serve("UpdateItem", arguments, self._update_item)

    def delete_item(self, **arguments: object) -> Answer:
        return self._serve("DeleteItem", arguments, self._delete_item)

    def query(self, **arguments: object) -> Answer:
        return self._serve("Query", arguments, self._query)

    def _get_item(self, arguments: Answer) -> Answer:
        table = self._table("GetItem", arguments)
        pk, sk = self._key("GetItem", arguments["Key"])
        item = table.get(pk, {}).get(sk)
        if not arguments.get("ConsistentRead"):
            item = self._as_of_a_moment_ago(arguments["TableName"], pk, sk, item)
        return {"Item": dict(item)} if item else {}

    def _batch_get_item(self, arguments: Answer) -> Answer:
        found: dict[str, list[Item]] = {}
        for name, wanted in arguments["RequestItems"].items():
            if wanted.keys() - {"Keys", "ConsistentRead"}:
                raise NotSimulatedError(f"the simulated dynamodb ignores a part of {wanted}")
            keys = [self._key("BatchGetItem", key) for key in wanted["Keys"]]
            if not 1 <= len(keys) <= _MOST_KEYS or len(set(keys)) < len(keys):
                raise self.error("BatchGetItem", "ValidationException", "1 to 100 different keys are allowed")
            given = {"TableName": name, "ConsistentRead": wanted.get("ConsistentRead", False)}
            answers = [self._get_item({**given, "Key": key}) for key in wanted["Keys"]]
            found[name] = [answer["Item"] for answer in answers if answer]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _put_item(self, arguments: Answer) -> Answer:
        item = dict(arguments["Item"])
        key = self._key("PutItem", {"pk": item.get("pk"), "sk": item.get("sk")})
        return self._write("PutItem", arguments, key, lambda _present, _bound: item)

    def _update_item(self, arguments: Answer) -> Answer:
        pk, sk = key = self._key("UpdateItem", arguments["Key"])
        expression = arguments["UpdateExpression"]

        def changed(present: Item, bound: Bindings) -> Item:
            return update(expression)(present or {"pk": {"S": pk}, "sk": {"S": sk}}, bound)

        return self._write("UpdateItem", arguments, key, changed)

    def _delete_item(self, arguments: Answer) -> Answer:
        key = self._key("DeleteItem", arguments["Key"])
        return self._write("DeleteItem", arguments, key, lambda _present, _bound: _NO_ITEM)

    def _write(self, operation: str, arguments: Answer, key: tuple[str, str], change: object) -> Answer:
        """What all writes do: check the condition on what is there, and put what `change` makes of it in its place."""
        pk, sk = key
        partition = self._table(operation, arguments).setdefault(pk, {})
        present = partition.get(sk, _NO_ITEM)
        wanted = arguments.get("ConditionExpression", "")
        bound = self._bindings(operation, arguments, [wanted, arguments.get("UpdateExpression", "")])
        try:
            holds = not wanted or condition(wanted)(present, bound)
            item = change(present, bound) if holds else present
        except InvalidExpressionError as error:
            raise self.error(operation, "ValidationException", str(error)) from error
        if not holds:
            is_asked = arguments.get("ReturnValuesOnConditionCheckFailure", "NONE") == "ALL_OLD"
            shown = {"Item": dict(present)} if present and is_asked else {}
            code = "ConditionalCheckFailedException"
            raise self.error(operation, code, "The conditional request failed", **shown)
        if sum(len(str(content)) for value in item.values() for content in value.values()) > _MOST_BYTES:
            raise self.error(operation, "ValidationException", "Item size has exceeded the maximum allowed size")
        if self._world.disturbances.stale_reads:
            past = self._past.setdefault((arguments["TableName"], pk, sk), [])
            past.append((self._world.now, present))
        if item:
            partition[sk] = item
        else:
            partition.pop(sk, None)
        match arguments.get("ReturnValues", "NONE"):
            case "NONE":
                return {}
            case "ALL_OLD":
                return {"Attributes": dict(present)} if present else {}
            case "ALL_NEW" if operation == "UpdateItem":
                return {"Attributes": dict(item)}
        raise NotSimulatedError(f"the simulated dynamodb does not know ReturnValues of {arguments['ReturnValues']}")

    def _query(self, arguments: Answer) -> Answer:
        table = self._table("Query", arguments)
        text, left_out = arguments["KeyConditionExpression"], arguments.get("FilterExpression", "")
        bound = self._bindings("Query", arguments, [text, left_out])
        try:
            wanted = key_condition(text)
            pk = wanted.partition(bound)
            partition = table.get(pk, {})
            if not arguments.get("ConsistentRead") and self._past:
                partition = self._partition_of_a_moment_ago(arguments["TableName"], pk, partition)
            keys = [sk for sk in sorted(partition) if wanted.rest(partition[sk], bound)]
        except InvalidExpressionError as error:
            raise self.error("Query", "ValidationException", str(error)) from error
        if not arguments.get("ScanIndexForward", True):
            keys.reverse()
        if start := arguments.get("ExclusiveStartKey"):
            last = start["sk"]["S"]
            is_after = (lambda sk: sk > last) if arguments.get("ScanIndexForward", True) else (lambda sk: sk < last)
            keys = [sk for sk in keys if is_after(sk)]
        page = keys[: min(arguments.get("Limit", self.page), self.page)]
        items = [dict(partition[sk]) for sk in page]
        if left_out:
            items = [item for item in items if condition(left_out)(item, bound)]
        answer: Answer = {"Items": items, "Count": len(items), "ScannedCount": len(page)}
        if page and (len(page) < len(keys) or len(page) == arguments.get("Limit")):
            # "If LastEvaluatedKey is not empty, it does not necessarily mean that there is more data."
            # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": page[-1]}}
        return answer

    def _table(self, operation: str, arguments: Answer) -> dict[str, dict[str, Item]]:
        table = self.tables.get(arguments["TableName"])
        if table is None:
            raise self.error(operation, "ResourceNotFoundException", "Requested resource not found")
        return table

    def _key(self, operation: str, key: Answer) -> tuple[str, str]:
        try:
            (pk,), (sk,) = key.get("pk", {}).values(), key.get("sk", {}).values()
        except (AttributeError, ValueError):
            pk = sk = None
        if not pk or not sk or key.keys() != {"pk", "sk"} or key["pk"].keys() != {"S"} or key["sk"].keys() != {"S"}:
            raise self.error(operation, "ValidationException", "The provided key element does not match the schema")
        return pk, sk

    def _bindings(self, operation: str, arguments: Answer, expressions: list[str]) -> Bindings:
        bound = Bindings(arguments.get("ExpressionAttributeNames", {}), arguments.get("ExpressionAttributeValues", {}))
        try:
            check_bindings([text for text in expressions if text], bound)
        except InvalidExpressionError as error:
            raise self.error(operation, "ValidationException", str(error)) from error
        return bound

    # reads that are not consistent

    def _as_of_a_moment_ago(self, table: str, pk: str, sk: str, current: Item | None) -> Item | None:
        past = self._past.get((table, pk, sk))
        if not past:
            return current
        as_of = self._world.now - self._world.random.uniform(0, self._world.disturbances.stale_reads)
        return next((former for until, former in past if until > as_of), current)

    def _partition_of_a_moment_ago(self, table: str, pk: str, partition: dict[str, Item]) -> dict[str, Item]:
        keys = partition.keys() | {sk for name, one, sk in self._past if (name, one) == (table, pk)}
        seen = {sk: self._as_of_a_moment_ago(table, pk, sk, partition.get(sk)) for sk in keys}
        return {sk: item for sk, item in seen.items() if item}
