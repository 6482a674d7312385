"""The table's adapter: who may save, what a time-out with effect comes to, and what lies where."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.dynamodb_items import (
    command_item,
    history_item,
    history_of,
    key,
    release_item,
    release_of,
    slots_item,
    state_item,
)
from bluegreen_constructs.engine.aws.dynamodb_store import (
    IAM_ACTIONS,
    STATE_ACTIONS,
    DynamoDbStore,
)
from bluegreen_constructs.engine.errors import AwsError, ObservationError
from bluegreen_constructs.engine.ports import Command, HistoryItem, LostLockError, ReleaseRecord, Watched
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.swap.record import SideRecord, SlotsRecord
from bluegreen_constructs.engine.swap.record_codec import record_from_json
from bluegreen_constructs.engine.target_settings import Compute, Side, SideSettings, TargetSettings

NOW = datetime(2026, 11, 21, 12, 0, 5, 250000, tzinfo=UTC)
TARGET = "Serving/Model"
BLUE = SideSettings("arn:blue", "targetgroup/blue/1", Compute.FIXED)
GREEN = SideSettings("arn:green", "targetgroup/green/2", Compute.FIXED)
ROLLOUT = Rollout(
    id="r-2",
    settings=TargetSettings(TARGET, "arn:rule", "app/web/1", BLUE, GREEN),
    release=Release("1.4.2"),
    live="blue",
    fence=4,
    revision=7,
    started_at=NOW,
    phase_since=NOW,
)
FORMER = replace(ROLLOUT, id="r-1", fence=3, revision=40)
COMMAND = Command("promote", "r-2", "arn:aws:iam::1:user/ada", "looks good", NOW, step=1)
HAPPENED = HistoryItem(NOW, "WEIGHT", "r-2", "1.4.2", "engine", "step 1", "SHIFTING", 12.5, {"odds": [0.1, 2]})
RECORD = ReleaseRecord(Release("1.4.2", "repo:1.4.2", "7"), "rejected", NOW, "UNHEALTHY", "engine", "r-2")
SAME = {
    "ConditionExpression": "fence = :fence AND revision = :revision",
    "ExpressionAttributeValues": {":fence": {"N": "4"}, ":revision": {"N": "7"}},
}
LOOK = {"TableName": "table", "Key": key("state", TARGET), "ConsistentRead": True}
NEXT = replace(ROLLOUT, revision=8)
SLOTS = SlotsRecord(
    TARGET,
    "arn:stack",
    {"production": "a", "staging": "b"},
    {"a": SideRecord("1", "arn:a:1"), "b": SideRecord("2", "arn:b:1")},
    epoch=3,
    fence=4,
    revision=7,
)
SAVED_SLOTS = replace(SLOTS, revision=8)
LOOK_AT_SLOTS = {"TableName": "table", "Key": key("slots", TARGET), "ConsistentRead": True}
LOOK_AT_TIME = {
    "TableName": "table",
    "ConsistentRead": True,
    "KeyConditionExpression": "pk = :pk AND begins_with(sk, :at)",
    "ExpressionAttributeValues": {
        ":pk": {"S": "history#Serving/Model"},
        ":at": {"S": "2026-11-21T12:00:05.250000+00:00#"},
    },
}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("dynamodb")
    yield stubbed
    stubbed.done()


@pytest.fixture
def store(stubbed: StubbedClient) -> DynamoDbStore:
    return DynamoDbStore(stubbed.client, "table", (BotoCoreError,), new_write=lambda: "ours")


class TestState:
    def test_what_was_saved_is_loaded_by_a_consistent_read(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("get_item", {"Item": state_item(ROLLOUT, "w")}, LOOK)
        assert store.load(TARGET) == ROLLOUT

    def test_a_target_without_a_rollout_has_none(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("get_item", {}, LOOK)
        assert store.load(TARGET) is None

    def test_a_save_is_conditional_and_answers_the_next_revision(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": state_item(NEXT, "ours"), **SAME})
        assert store.save(ROLLOUT) == NEXT

    def test_the_first_rollout_takes_a_lock_that_nobody_has(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": state_item(NEXT, "ours"), **condition})
        assert store.begin(ROLLOUT, None) == NEXT

    def test_a_further_rollout_takes_the_place_of_the_former_exactly_as_that_was_loaded(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        values = {":fence": {"N": "3"}, ":revision": {"N": "40"}}
        condition = {**SAME, "ExpressionAttributeValues": values}
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": state_item(NEXT, "ours"), **condition})
        assert store.begin(ROLLOUT, FORMER) == NEXT

    @pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "InternalServerError", "ThrottlingException"])
    def test_a_save_that_had_its_effect_before_the_client_tried_again_is_done(
        self, stubbed: StubbedClient, store: DynamoDbStore, code: str
    ) -> None:
        stubbed.fails("put_item", code)
        stubbed.answers("get_item", {"Item": state_item(NEXT, "ours")}, LOOK)
        assert store.save(ROLLOUT) == NEXT

    def test_a_save_over_somebody_elses_has_lost_the_lock(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        # the very same content, of another worker
        stubbed.answers("get_item", {"Item": state_item(NEXT, "theirs")}, LOOK)
        with pytest.raises(LostLockError, match="somebody else saved the state of Serving/Model"):
            store.save(ROLLOUT)

    @pytest.mark.parametrize("former", [None, FORMER])
    def test_who_comes_second_does_not_get_the_lock(
        self, stubbed: StubbedClient, store: DynamoDbStore, former: Rollout | None
    ) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        stubbed.answers("get_item", {"Item": state_item(FORMER, "theirs")}, LOOK)
        with pytest.raises(LostLockError):
            store.begin(ROLLOUT, former)

    def test_a_save_without_effect_is_an_aws_error_and_no_lost_lock(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.fails("put_item", "ThrottlingException")
        stubbed.answers("get_item", {"Item": state_item(ROLLOUT, "before")}, LOOK)
        with pytest.raises(AwsError, match="ThrottlingException"):
            store.save(ROLLOUT)

    def test_when_nobody_can_tell_whose_save_it_was_the_first_error_stands(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException", "the condition failed")
        stubbed.fails("get_item", "InternalServerError")
        with pytest.raises(AwsError, match="the condition failed"):
            store.save(ROLLOUT)

    def test_a_table_that_does_not_answer_is_an_aws_error(self) -> None:
        store = DynamoDbStore(SilentClient("dynamodb"), "table", (BotoCoreError,))
        with pytest.raises(AwsError, match="timeout"):
            store.save(ROLLOUT)

    def test_two_writes_never_have_the_same_name(self, stubbed: StubbedClient) -> None:
        store = DynamoDbStore(stubbed.client, "table", (BotoCoreError,))
        for _ in range(2):
            stubbed.answers("put_item")
            store.save(ROLLOUT)
        first, second = (arguments["Item"]["write"]["S"] for _, arguments in stubbed.asked)
        assert first != second


class TestSlots:
    def test_a_record_is_loaded_by_a_consistent_read_of_an_item_of_its_own(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        item = slots_item(SLOTS, "w")
        stubbed.answers("get_item", {"Item": item}, LOOK_AT_SLOTS)
        assert store.slots(TARGET) == SLOTS
        assert (item["pk"], item["sk"]) == ({"S": "slots#Serving/Model"}, {"S": "-"})

    def test_a_target_without_slots_has_none(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("get_item", {}, LOOK_AT_SLOTS)
        assert store.slots(TARGET) is None

    def test_what_is_no_record_is_refused_and_not_taken_for_none(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.answers("get_item", {"Item": {**slots_item(SLOTS, "w"), "record": {"S": "{}"}}})
        with pytest.raises(ObservationError, match="the stored slots"):
            store.slots(TARGET)

    def test_a_save_takes_the_place_of_exactly_the_former_and_answers_the_next_revision(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        former = replace(SLOTS, fence=3, revision=40)
        values = {":fence": {"N": "3"}, ":revision": {"N": "40"}}
        item = slots_item(SAVED_SLOTS, "ours")
        condition = {**SAME, "ExpressionAttributeValues": values}
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": item, **condition})
        assert store.put_slots(SLOTS, former) == SAVED_SLOTS
        assert (item["fence"], item["revision"]) == ({"N": "4"}, {"N": "8"}), "what the next one's condition reads"
        assert record_from_json(item["record"]["S"]) == SAVED_SLOTS

    def test_the_first_record_takes_a_place_that_nobody_has(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"}
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": slots_item(SAVED_SLOTS, "ours"), **condition})
        assert store.put_slots(SLOTS, None) == SAVED_SLOTS

    @pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "InternalServerError", "ThrottlingException"])
    def test_a_save_that_had_its_effect_before_the_client_tried_again_is_done(
        self, stubbed: StubbedClient, store: DynamoDbStore, code: str
    ) -> None:
        stubbed.fails("put_item", code)
        stubbed.answers("get_item", {"Item": slots_item(SAVED_SLOTS, "ours")}, LOOK_AT_SLOTS)
        assert store.put_slots(SLOTS, SLOTS) == SAVED_SLOTS

    @pytest.mark.parametrize("former", [None, SLOTS])
    def test_a_save_over_somebody_elses_has_lost_the_lock(
        self, stubbed: StubbedClient, store: DynamoDbStore, former: SlotsRecord | None
    ) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        # the very same content, of another worker
        stubbed.answers("get_item", {"Item": slots_item(SAVED_SLOTS, "theirs")}, LOOK_AT_SLOTS)
        with pytest.raises(LostLockError, match=r"saved the state of Serving/Model .* nothing was changed"):
            store.put_slots(SLOTS, former)

    def test_a_save_over_a_record_that_is_gone_has_lost_the_lock_too(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        stubbed.answers("get_item", {}, LOOK_AT_SLOTS)
        with pytest.raises(LostLockError):
            store.put_slots(SLOTS, SLOTS)

    def test_a_save_without_effect_is_an_aws_error_and_no_lost_lock(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.fails("put_item", "ThrottlingException")
        stubbed.answers("get_item", {"Item": slots_item(SLOTS, "before")}, LOOK_AT_SLOTS)
        with pytest.raises(AwsError, match="ThrottlingException") as told:
            store.put_slots(SLOTS, SLOTS)
        assert not isinstance(told.value, LostLockError)

    def test_when_nobody_can_tell_whose_save_it_was_the_first_error_stands(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.fails("put_item", "ConditionalCheckFailedException", "the condition failed")
        stubbed.fails("get_item", "InternalServerError")
        with pytest.raises(AwsError, match="the condition failed"):
            store.put_slots(SLOTS, SLOTS)

    def test_a_table_that_does_not_answer_is_an_aws_error(self) -> None:
        store = DynamoDbStore(SilentClient("dynamodb"), "table", (BotoCoreError,))
        for call in (lambda: store.put_slots(SLOTS, None), lambda: store.slots(TARGET)):
            with pytest.raises(AwsError, match="timeout"):
                call()

    def test_it_needs_no_right_that_a_rollout_does_not(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("get_item")
        stubbed.answers("put_item")
        store.slots(TARGET)
        store.put_slots(SLOTS, None)
        assert set(stubbed.actions) == set(STATE_ACTIONS)


class TestCommands:
    def test_they_come_in_order_of_time_from_a_key_of_each_verb(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        pause = replace(COMMAND, verb="pause", at=NOW - timedelta(minutes=1), step=None)
        keys = [key(verb, TARGET) for verb in ("promote", "pause", "resume", "abort", "unlock")]
        stubbed.answers(
            "batch_get_item",
            {"Responses": {"table": [command_item(TARGET, COMMAND), command_item(TARGET, pause)]}},
            {"RequestItems": {"table": {"Keys": keys, "ConsistentRead": True}}},
        )
        assert store.commands(TARGET) == [pause, COMMAND]

    def test_keys_that_dynamodb_leaves_out_are_asked_for_again(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        left = {"table": {"Keys": [key("promote", TARGET)], "ConsistentRead": True}}
        stubbed.answers("batch_get_item", {"Responses": {"table": []}, "UnprocessedKeys": left})
        answer = {"Responses": {"table": [command_item(TARGET, COMMAND)]}}
        stubbed.answers("batch_get_item", answer, {"RequestItems": left})
        assert store.commands(TARGET) == [COMMAND]

    def test_keys_that_stay_out_are_an_error_and_not_no_command(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        left = {"table": {"Keys": [key("abort", TARGET)]}}
        for _ in range(5):
            stubbed.answers("batch_get_item", {"UnprocessedKeys": left})
        with pytest.raises(AwsError, match="left out commands of Serving/Model"):
            store.commands(TARGET)

    def test_one_is_given_under_the_key_of_its_verb(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        item = command_item(TARGET, COMMAND)
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": item})
        store.give(TARGET, COMMAND)
        assert (item["pk"], item["sk"]) == ({"S": "promote#Serving/Model"}, {"S": "-"})

    def test_one_that_is_done_goes_only_while_it_is_the_one_that_lies_there(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        asked = {
            "TableName": "table",
            "Key": key("promote", TARGET),
            "ConditionExpression": "digest = :digest",
            "ExpressionAttributeValues": {":digest": command_item(TARGET, COMMAND)["digest"]},
        }
        stubbed.answers("delete_item", {}, asked)
        store.done(TARGET, COMMAND)
        stubbed.fails("delete_item", "ConditionalCheckFailedException")
        store.done(TARGET, COMMAND)  # another one has come since: no error

    def test_a_command_that_differs_in_anything_has_another_digest(self) -> None:
        others = [
            replace(COMMAND, step=2),
            replace(COMMAND, step=None),
            replace(COMMAND, caller="eve"),
            replace(COMMAND, at=NOW + timedelta(microseconds=1)),
        ]
        digests = {command_item(TARGET, one)["digest"]["S"] for one in [COMMAND, *others]}
        assert len(digests) == 5


class TestHistory:
    @staticmethod
    def put(place: int) -> dict:
        sort = f"2026-11-21T12:00:05.250000+00:00#{place:04d}"
        item = {**key("history", TARGET, sort), **history_item(HAPPENED)}
        return {"TableName": "table", "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}

    def test_an_item_is_kept_400_days_behind_those_of_its_time(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        other = history_item(replace(HAPPENED, event="PHASE"))
        stubbed.answers("query", {"Items": [other]}, LOOK_AT_TIME)
        stubbed.answers("put_item", {}, self.put(1))
        store.record(TARGET, HAPPENED)
        kept = datetime.fromtimestamp(int(history_item(HAPPENED)["expires"]["N"]), UTC)
        assert kept == datetime(2027, 12, 26, 12, 0, 5, tzinfo=UTC)

    def test_the_same_item_again_is_no_second_one(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("query", {"Items": [history_item(HAPPENED)]}, LOOK_AT_TIME)
        store.record(TARGET, HAPPENED)
        assert stubbed.actions == ["dynamodb:Query"]

    def test_an_item_whose_first_try_had_its_effect_unseen_is_no_second_one(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        stubbed.answers("query", {"Items": []})
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        stubbed.answers("query", {"Items": [history_item(HAPPENED)]})
        store.record(TARGET, HAPPENED)

    def test_a_place_that_somebody_took_is_left_to_them(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("query", {"Items": []})
        stubbed.fails("put_item", "ConditionalCheckFailedException")
        stubbed.answers("query", {"Items": [history_item(replace(HAPPENED, event="ABORTED"))]})
        stubbed.answers("put_item", {}, self.put(1))
        store.record(TARGET, HAPPENED)

    def test_it_gives_up_in_the_end(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        for _ in range(5):
            stubbed.answers("query", {"Items": []})
            stubbed.fails("put_item", "ConditionalCheckFailedException")
        with pytest.raises(AwsError, match="WEIGHT of Serving/Model found no place"):
            store.record(TARGET, HAPPENED)

    def test_the_last_items_are_read_the_latest_first_and_no_more_than_wanted(
        self, stubbed: StubbedClient, store: DynamoDbStore
    ) -> None:
        asked = {
            "TableName": "table",
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "history#Serving/Model"}},
            "ScanIndexForward": False,
        }
        last, item = key("history", TARGET, "x"), history_item(HAPPENED)
        stubbed.answers("query", {"Items": [item], "LastEvaluatedKey": last}, {**asked, "Limit": 2})
        more = {"Items": [item], "LastEvaluatedKey": last}
        stubbed.answers("query", more, {**asked, "Limit": 1, "ExclusiveStartKey": last})
        assert store.history(TARGET, 2) == [HAPPENED, HAPPENED]

    @pytest.mark.parametrize("item", [HAPPENED, HistoryItem(NOW, "STARTED", "r-2", "1.4.2", "ada", "")])
    def test_what_is_written_is_what_is_read(self, item: HistoryItem) -> None:
        assert history_of(history_item(item)) == item


class TestReleases:
    def test_they_are_read_the_latest_first_over_all_pages(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        later = replace(RECORD, release=Release("1.4.3"), status="promoted", at=NOW + timedelta(days=1))
        last = key("release", TARGET, "1.4.2")
        asked = {
            "TableName": "table",
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "release#Serving/Model"}},
        }
        stubbed.answers("query", {"Items": [release_item(TARGET, RECORD)], "LastEvaluatedKey": last}, asked)
        page = {**asked, "ExclusiveStartKey": last}
        stubbed.answers("query", {"Items": [release_item(TARGET, later)]}, page)
        assert store.releases(TARGET) == [later, RECORD]

    def test_what_is_known_now_takes_the_place_of_what_was(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        item = release_item(TARGET, RECORD)
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": item})
        store.remember(TARGET, RECORD)
        assert (item["pk"], item["sk"]) == ({"S": "release#Serving/Model"}, {"S": "1.4.2"})

    @pytest.mark.parametrize("side", ["blue", "green", None])
    def test_the_side_is_read_as_it_was_written(self, side: Side | None) -> None:
        record = replace(RECORD, side=side)
        assert release_of(release_item(TARGET, record)) == record

    @pytest.mark.parametrize("stored", [{}, {"side": {"S": ""}}, {"side": {"S": "violet"}}])
    def test_a_side_that_is_missing_or_unknown_is_none(self, stored: dict) -> None:
        """A former engine wrote none; a later one may know more of them."""
        item = {name: value for name, value in release_item(TARGET, RECORD).items() if name != "side"}
        assert release_of({**item, **stored}) == RECORD


def test_every_call_is_declared_and_nothing_else_is(stubbed: StubbedClient, store: DynamoDbStore) -> None:
    for operation in ("get_item", "put_item", "put_item"):
        stubbed.answers(operation)
    store.load(TARGET)
    store.begin(ROLLOUT, None)
    store.save(ROLLOUT)
    assert set(stubbed.actions) == set(STATE_ACTIONS)
    others = ("batch_get_item", "put_item", "delete_item", "query", "put_item", "query", "query", "put_item")
    for operation in others:
        stubbed.answers(operation)
    store.commands(TARGET)
    store.give(TARGET, COMMAND)
    store.done(TARGET, COMMAND)
    store.record(TARGET, HAPPENED)
    store.history(TARGET)
    store.releases(TARGET)
    store.remember(TARGET, RECORD)
    assert set(stubbed.actions) == set(IAM_ACTIONS)


ONE = Watched(TARGET, "arn:aws:ecs:eu-west-1:1:service-deployment/serving/inference/d1")
WATCHED = {"pk": {"S": "judged"}, "sk": {"S": ONE.execution}}


class TestWatched:
    def test_what_is_watched_is_one_item_of_its_own(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        stubbed.answers("put_item", {}, {"TableName": "table", "Item": {**WATCHED, "target": {"S": TARGET}}})
        store.watch(ONE)

    def test_all_are_found_by_queries_without_a_scan(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        another = Watched("Serving/Other", "arn:d2")
        asked = {
            "TableName": "table",
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "judged"}},
        }
        pages = [{**WATCHED, "target": {"S": TARGET}}], [{"pk": {"S": "judged"}, "sk": {"S": "arn:d2"}}]
        pages[1][0]["target"] = {"S": another.target}
        stubbed.answers("query", {"Items": pages[0], "LastEvaluatedKey": WATCHED}, asked)
        stubbed.answers("query", {"Items": pages[1]}, {**asked, "ExclusiveStartKey": WATCHED})
        assert store.watched() == [ONE, another]

    def test_one_is_taken_away_by_its_own_key_and_once_more(self, stubbed: StubbedClient, store: DynamoDbStore) -> None:
        for _ in range(2):
            stubbed.answers("delete_item", {}, {"TableName": "table", "Key": WATCHED})
            store.unwatch(ONE)

    def test_a_call_that_fails_is_told(self) -> None:
        store = DynamoDbStore(SilentClient("dynamodb"), "table", (BotoCoreError,))
        for call in (store.watched, lambda: store.watch(ONE), lambda: store.unwatch(ONE)):
            with pytest.raises(AwsError):
                call()
