"""The engine's table on DynamoDB: a lock that a fence and a revision guard, history, releases, and commands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast
from uuid import uuid4

from ..errors import AwsError
from ..ports import VERBS, Command, HistoryItem, LostLockError, ReleaseRecord, Watched
from ..rollout import Rollout
from ..rollout_codec import rollout_from_json
from ..swap.record import SlotsRecord
from ..swap.record_codec import record_from_json
from .client_calls import AwsClient, Calls, entries, entry
from .dynamodb_items import (
    WATCHED,
    Item,
    command_item,
    command_of,
    history_item,
    history_of,
    key,
    release_item,
    release_of,
    slots_item,
    stamp,
    state_item,
    text,
    watched_item,
    watched_key,
    watched_of,
)
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
STATE_ACTIONS: Actions = {  # load, begin, save
    "dynamodb:GetItem": ("table",),
    "dynamodb:PutItem": ("table",),
}
IAM_ACTIONS: Actions = {
    **STATE_ACTIONS,
    "dynamodb:BatchGetItem": ("table",),  # commands
    "dynamodb:DeleteItem": ("table",),  # done, unwatch
    "dynamodb:Query": ("table",),  # history, releases, watched, and record, which looks before it puts
}

# How often a history item looks for a free place, and a batch for the keys that DynamoDB left out under load.
_TRIES = 5


class _ConditionError(AwsError):
    """The item is not as the write's condition wants it."""


_KINDS: Mapping[str, type[AwsError]] = {"ConditionalCheckFailed": _ConditionError}


class DynamoDbClient(AwsClient, Protocol):
    """The calls of a boto3 `dynamodb` client that are used here."""

    def get_item(self, **arguments: object) -> Mapping[str, object]: ...

    def batch_get_item(self, **arguments: object) -> Mapping[str, object]: ...

    def query(self, **arguments: object) -> Mapping[str, object]: ...

    def put_item(self, **arguments: object) -> Mapping[str, object]: ...

    def delete_item(self, **arguments: object) -> Mapping[str, object]: ...


class DynamoDbStore:
    """`engine.ports.Store` on AWS. All reads are consistent."""

    def __init__(
        self,
        client: DynamoDbClient,
        table: str,
        transport_errors: tuple[type[Exception], ...] = (),
        *,
        new_write: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        """Use `client` on the table with this name.

        Args:
            client: the boto3 client.
            table: the table's name.
            transport_errors: what the client raises when AWS could not be reached or did not answer.
            new_write: names a write of state; never the same twice (default: random).
        """
        self._client = client
        self._table = table
        self._new_write = new_write
        self._calls = Calls(client, transport_errors, _KINDS)

    def load(self, target: str) -> Rollout | None:
        """One call: GetItem."""
        item = self._state(key("state", target))
        return rollout_from_json(text(item, "rollout")) if item else None

    def begin(self, rollout: Rollout, former: Rollout | None) -> Rollout:
        """The rollout that is answered has the next revision, as after `save`."""
        return self._put_rollout(rollout, former)

    def save(self, rollout: Rollout) -> Rollout:
        """One call: PutItem; another one, GetItem, when that fails."""
        return self._put_rollout(rollout, rollout)

    def slots(self, target: str) -> SlotsRecord | None:
        """One call: GetItem."""
        item = self._state(key("slots", target))
        return record_from_json(text(item, "record")) if item else None

    def put_slots(self, record: SlotsRecord, former: SlotsRecord | None) -> SlotsRecord:
        """One call: PutItem; another one, GetItem, when that fails."""
        saved, write = replace(record, revision=record.revision + 1), self._new_write()
        self._put_state(slots_item(saved, write), _in_place_of(former), record.target)
        return saved

    def commands(self, target: str) -> Sequence[Command]:
        """One call: BatchGetItem; a few when DynamoDB leaves keys out."""
        keys: Mapping[str, object] = {
            self._table: {"Keys": [key(verb, target) for verb in VERBS], "ConsistentRead": True}
        }
        found: list[Command] = []
        for _ in range(_TRIES):
            answer = self._calls.make(self._client.batch_get_item, {"RequestItems": keys})
            found += [command_of(cast("Item", item)) for item in entries(entry(answer, "Responses"), self._table)]
            keys = entry(answer, "UnprocessedKeys")
            if not keys:
                return sorted(found, key=lambda command: command.at)
        raise AwsError(f"DynamoDB left out commands of {target} in {_TRIES} tries: it is asked again later")

    def give(self, target: str, command: Command) -> None:
        """One call: PutItem."""
        self._put(command_item(target, command), {})

    def done(self, target: str, command: Command) -> None:
        """One call: DeleteItem."""
        condition = {
            "ConditionExpression": "digest = :digest",
            "ExpressionAttributeValues": {":digest": command_item(target, command)["digest"]},
        }
        arguments = {"TableName": self._table, "Key": key(command.verb, target), **condition}
        try:
            self._calls.make(self._client.delete_item, arguments)
        except _ConditionError:
            return  # gone already, or another one has come since

    def record(self, target: str, item: HistoryItem) -> None:
        """Two calls: Query, PutItem; just the first for an item that is there. Items of one time keep their order."""
        wanted, at = history_item(item), stamp(item.at)
        for _ in range(_TRIES):
            there = self._query(
                {
                    "KeyConditionExpression": "pk = :pk AND begins_with(sk, :at)",
                    "ExpressionAttributeValues": {":pk": key("history", target)["pk"], ":at": {"S": f"{at}#"}},
                }
            )
            if any(one.get("digest") == wanted["digest"] for one in there):
                return
            place = key("history", target, f"{at}#{len(there):04d}")
            try:
                self._put({**place, **wanted}, {"ConditionExpression": "attribute_not_exists(pk)"})
            except _ConditionError:
                continue  # somebody else took the place, or an earlier try of ours did: look again
            return
        raise AwsError(f"{item.event} of {target} found no place in the history in {_TRIES} tries")

    def history(self, target: str, limit: int = 100) -> Sequence[HistoryItem]:
        """One call, Query, for each MB of items."""
        found = self._query(_all_of("history", target, {"ScanIndexForward": False}), limit)
        return [history_of(item) for item in found]

    def releases(self, target: str) -> Sequence[ReleaseRecord]:
        """One call, Query, for each MB of items."""
        records = [release_of(item) for item in self._query(_all_of("release", target, {}))]
        return sorted(records, key=lambda record: record.at, reverse=True)

    def remember(self, target: str, record: ReleaseRecord) -> None:
        """One call: PutItem."""
        self._put(release_item(target, record), {})

    def watched(self) -> Sequence[Watched]:
        """One call, Query, for each MB of items."""
        values = {":pk": {"S": WATCHED}}
        found = self._query({"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values})
        return [watched_of(item) for item in found]

    def watch(self, one: Watched) -> None:
        """One call: PutItem."""
        self._put(watched_item(one), {})

    def unwatch(self, one: Watched) -> None:
        """One call: DeleteItem."""
        self._calls.make(self._client.delete_item, {"TableName": self._table, "Key": watched_key(one)})

    def _put_rollout(self, rollout: Rollout, former: Rollout | None) -> Rollout:
        saved, write = replace(rollout, revision=rollout.revision + 1), self._new_write()
        self._put_state(state_item(saved, write), _in_place_of(former), rollout.target)
        return saved

    def _put_state(self, item: Item, condition: Mapping[str, object], target: str) -> None:
        try:
            self._put(item, condition)
        except AwsError as error:
            # A try that was not answered may have had its effect; the client's next one then fails on its condition.
            if self._is_written(item, error):
                return
            if isinstance(error, _ConditionError):
                raise LostLockError(
                    f"somebody else saved the state of {target} in the meantime: nothing was changed, look at "
                    "bluegreen status and decide again"
                ) from error
            raise

    def _is_written(self, item: Item, error: AwsError) -> bool:
        try:
            return text(self._state({"pk": item["pk"], "sk": item["sk"]}), "write") == text(item, "write")
        except AwsError:
            raise error from None  # what failed first tells more

    def _state(self, place: Mapping[str, Mapping[str, str]]) -> Item:
        arguments = {"TableName": self._table, "Key": place, "ConsistentRead": True}
        return cast("Item", entry(self._calls.make(self._client.get_item, arguments), "Item"))

    def _put(self, item: Item, condition: Mapping[str, object]) -> None:
        self._calls.make(self._client.put_item, {"TableName": self._table, "Item": item, **condition})

    def _query(self, wanted: Mapping[str, object], limit: int | None = None) -> list[Item]:
        arguments: dict[str, object] = {"TableName": self._table, "ConsistentRead": True, **wanted}
        found: list[Item] = []
        while limit is None or len(found) < limit:
            if limit is not None:
                arguments["Limit"] = limit - len(found)
            page = self._calls.make(self._client.query, arguments)
            found += cast("list[Item]", entries(page, "Items"))
            if not page.get("LastEvaluatedKey"):
                break
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found


class _Saved(Protocol):
    @property
    def fence(self) -> int: ...

    @property
    def revision(self) -> int: ...


def _in_place_of(former: _Saved | None) -> Mapping[str, object]:
    if former is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "fence = :fence AND revision = :revision",
        "ExpressionAttributeValues": {":fence": {"N": str(former.fence)}, ":revision": {"N": str(former.revision)}},
    }


def _all_of(kind: str, target: str, options: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": key(kind, target)["pk"]},
        **options,
    }
