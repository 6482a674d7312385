"""Stored slots: records of whole operations are the same after reading, and what nobody can have written is refused."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from example_rollouts import places, settings, spoil
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import ObservationError
from bluegreen_constructs.engine.ports import HookAnswer
from bluegreen_constructs.engine.settings_codec import (
    settings_from_dict,
    settings_from_json,
    settings_to_dict,
    settings_to_json,
)
from bluegreen_constructs.engine.slot_settings import SlotSettings, SlotSide, SlotsSettings, WarmUpSettings
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.record import Kind, LastOperation, Operation, SideRecord, SlotsRecord
from bluegreen_constructs.engine.swap.record_codec import record_from_json, record_to_json
from bluegreen_constructs.engine.swap.shares import all_on, forward_to
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings
from bluegreen_constructs.testing import InMemoryStore
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots

COGNITO = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolDomain": "serving"}}


class KeepingStore(InMemoryStore):
    """Keeps every record that was ever saved."""

    def put_slots(self, record: SlotsRecord, former: SlotsRecord | None) -> SlotsRecord:
        saved = super().put_slots(record, former)
        self.__dict__.setdefault("kept", []).append(saved)
        return saved


def busy_settings(*comparisons: ErrorComparison) -> TargetSettings:
    """With all that an operation can have to remember."""
    plain = example_slots("staging", "qa")
    assert plain.slots is not None
    slots = replace(
        plain.slots,
        canary=Step(12.5, timedelta(minutes=3)),
        warm_up=replace(plain.slots.warm_up, function_arn="warm-up", attempts=3),
        activation_arn="activate",
    )
    guardrails = (*comparisons, AlarmName("errors"))
    return replace(plain, slots=slots, bake=timedelta(minutes=2), patience=timedelta(minutes=2), guardrails=guardrails)


def played(act: Callable[[InMemorySlotsWorld], None], *comparisons: ErrorComparison) -> list[SlotsRecord]:
    """Every record that a play saves."""
    world = InMemorySlotsWorld(busy_settings(*comparisons))
    store = KeepingStore(slots_records=world.store.slots_records)
    world.store, world.ports = store, replace(world.ports, store=store)
    world.metrics.alarms["errors"] = "OK"
    authenticated = (COGNITO, {**world.rules.rules[world.settings.rule_arn][0][0], "Order": 2})
    world.rules.rules[world.settings.rule_arn] = (authenticated, {})
    world.begin("deploy", release="2", image="registry/app:2")
    world.run()
    act(world)
    return store.__dict__["kept"]


def _swap(world: InMemorySlotsWorld) -> None:
    world.hooks.answers["warm-up"] = [
        HookAnswer("FAILED", reason="task 10.0.0.1 answered 500"),
        HookAnswer("SUCCEEDED"),
    ]
    world.begin("swap", preview=True, ignore_alarms=True)
    world.run(until=SwapPhase.READY)
    world.give("promote")
    world.run(until=SwapPhase.BAKING)
    world.give("promote")
    world.run()


def _rolled_back(world: InMemorySlotsWorld) -> None:
    world.begin("swap")
    world.run(until=SwapPhase.BAKING)
    world.give("abort", "users complain")
    world.run()


def _unsure(world: InMemorySlotsWorld) -> None:
    world.begin("swap")
    world.run()


def _objected(world: InMemorySlotsWorld) -> None:
    world.begin("swap")
    world.run(until=SwapPhase.BAKING)
    world.metrics.alarms["errors"] = "ALARM"
    world.run()


def _cancelled(world: InMemorySlotsWorld) -> None:
    world.begin("swap", preview=True)
    world.run(until=SwapPhase.READY)
    world.give("abort")
    world.run()


def _traffic(world: InMemorySlotsWorld) -> None:
    world.begin("traffic", shares={"qa": 0.1, "staging": 20.0})
    world.run()


def _interfered(world: InMemorySlotsWorld) -> None:
    world.begin("swap")
    world.run(until=SwapPhase.BAKING)
    elsewhere = (forward_to(all_on(world.slots.side("c").group_arn)),)
    world.rules.rules[world.settings.rule_arn] = (elsewhere, world.rules.rules[world.settings.rule_arn][1])
    world.run()


@cache
def all_records() -> tuple[SlotsRecord, ...]:
    plays = (_swap, _rolled_back, _objected, _cancelled, _traffic, _interfered)
    compared = played(_unsure, ErrorComparison())
    return (*compared, *(record for play in plays for record in played(play)))


def phase_of(record: SlotsRecord) -> SwapPhase:
    return SwapPhase.IDLE if record.op is None else record.op.phase


def example() -> SlotsRecord:
    """In its bake, with a judgement and with notes."""
    return next(record for record in all_records() if phase_of(record) is SwapPhase.BAKING and record.outbox)


def stored() -> dict[str, Any]:
    found = json.loads(record_to_json(example()))
    assert isinstance(found, dict)
    return found


def read(found: object) -> SlotsRecord:
    return record_from_json(json.dumps(found))


# The same after reading


@pytest.mark.parametrize("phase", SwapPhase, ids=lambda one: one.name)
def test_records_of_every_phase_are_the_same_after_writing_and_reading(phase: SwapPhase) -> None:
    records = [record for record in all_records() if phase_of(record) is phase]
    assert records, "no play comes to this phase"
    for record in records:
        text = record_to_json(record)
        assert record_from_json(text) == record
        assert record_to_json(record_from_json(text)) == text


# What the plays leave as it is, or do not come to.
MORE: tuple[dict[str, object], ...] = (
    {"settings_from": "production", "slot": "qa", "candidate": "c", "live": "b", "release": "9", "from_epoch": 7},
    {
        "canary": None,
        "shares": {},
        "judged": None,
        "flipped_at": None,
        "quiet_until": None,
        "caller": "",
        "reason": "x",
    },
    {"hook_details": {"asked": [1, None, {"deep": True}]}, "answered": ("abort 1", "promote 2")},
    {"quiet_until": 0, "quiet": 1},
)


@pytest.mark.parametrize("kind", [SlotsRecord, SideRecord, Operation, LastOperation])
def test_more_than_one_value_of_every_field_is_tried(kind: type) -> None:
    held = {one.name: {repr(getattr(value, one.name)) for value in every(kind)} for one in fields(kind)}
    same = {name for name, values in held.items() if len(values) < 2}
    tried = {name for changes in MORE for name in changes} if kind is Operation else {"target", "stack_id", "extra"}
    assert same - tried == set()


def every(kind: type) -> Iterator[object]:
    for record in all_records():
        inside = (record, *record.sides.values(), record.op, record.last)
        yield from (one for one in inside if isinstance(one, kind))


def test_every_kind_of_operation_was_played() -> None:
    assert {op.kind for op in every(Operation)} == set(Kind)  # type: ignore[attr-defined]


@pytest.mark.parametrize("changes", MORE)
def test_what_no_play_says_is_the_same_after_reading_too(changes: dict[str, object]) -> None:
    op = replace(example().operation, **changes)  # type: ignore[arg-type]
    record = replace(example(), target="Other/App", stack_id="arn:other", op=op)
    assert record_from_json(record_to_json(record)) == record


def test_a_record_stays_within_what_an_item_holds() -> None:
    assert max(len(record_to_json(record)) for record in all_records()) < 40 * 1024


def test_times_are_utc_with_microseconds() -> None:
    east = datetime(2026, 11, 5, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    moved = replace(example(), op=replace(example().operation, started_at=east))
    assert json.loads(record_to_json(moved))["op"]["started_at"] == "2026-11-05T09:00:00.000000Z"
    assert record_from_json(record_to_json(moved)).operation.started_at.tzinfo is UTC


def test_a_time_without_a_zone_is_not_written() -> None:
    local = replace(example().operation, flipped_at=datetime(2026, 11, 5, 9))
    with pytest.raises(ObservationError, match="the time 2026-11-05T09:00:00 has no zone"):
        record_to_json(replace(example(), op=local))


@pytest.mark.parametrize("details", [{"at": float("inf")}, {"at": {1, 2}}])
def test_a_hooks_details_that_json_cannot_hold_are_not_written(details: dict[str, object]) -> None:
    with pytest.raises(ObservationError, match="the slots of Web/App cannot be written as JSON"):
        record_to_json(replace(example(), op=replace(example().operation, hook_details=details)))


# Across versions


def test_a_later_versions_keys_are_kept() -> None:
    later = stored() | {"schema": 2, "shadows": {"a": [1, None]}, "mood": None}
    first = read(later)
    assert replace(first, extra={}) == example()
    back = json.loads(record_to_json(replace(first, revision=99, op=None)))
    assert (back["shadows"], back["mood"], back["revision"]) == ({"a": [1, None]}, None, 99)
    assert back["schema"] == 1, "of the version that wrote last"


def test_a_later_versions_keys_inside_are_read_over() -> None:
    later = stored()
    later["op"]["mood"] = later["op"]["was"]["mood"] = later["sides"]["a"]["mood"] = later["settings"]["mood"] = 1
    assert read(later) == example()


def test_extra_never_replaces_what_this_version_knows() -> None:
    spoiled = replace(example(), extra={"epoch": 7, "op": None, "reads": 9, "schema": 9, "later": 1})
    assert json.loads(record_to_json(spoiled)) == stored() | {"later": 1}


def test_nothing_of_our_own_is_taken_for_a_later_versions() -> None:
    assert [record for record in all_records() if record_from_json(record_to_json(record)).extra] == []


def test_an_earlier_writer_may_have_left_out_what_it_did_not_know() -> None:
    needed = {key: stored()[key] for key in ("reads", "target", "stack_id", "sides_of")}
    sides = {name: {"release": "1", "definition": f"arn:{name}"} for name in "abc"}
    assert read(needed | {"sides": sides}) == SlotsRecord(
        "Web/App", example().stack_id, example().sides_of, {name: SideRecord("1", f"arn:{name}") for name in "abc"}
    )
    first = ("id", "kind", "slot", "candidate", "live", "from_epoch", "started_at", "phase_since", "was", "phase")
    op = {key: stored()["op"][key] for key in first}
    ours = example().operation
    assert read(stored() | {"op": op}).operation == Operation(
        ours.id,
        ours.kind,
        ours.slot,
        ours.candidate,
        ours.live,
        ours.from_epoch,
        ours.started_at,
        ours.phase_since,
        ours.was,
        SwapPhase.BAKING,
    )


# Refusals


def change(where: str = "", **changes: object) -> Callable[[dict[str, Any]], object]:
    def spoiled(found: dict[str, Any]) -> object:
        place = found
        for key in where.split("."):
            place = place[key] if key else place
        place.update(changes)
        return found

    return spoiled


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (
            change(reads=2),
            "the stored slots needs an engine that reads schema 2, and this one reads 1: update the engine, or wait",
        ),
        (change(reads=None), "reads of the stored slots is None, not a whole number"),
        (change(target=7), "target of the stored slots is 7, not a text"),
        (change(epoch=-1), "epoch of the stored slots is -1, not zero or more"),
        (change(revision="1"), "revision of the stored slots is '1', not a whole number"),
        (change(fence=True), "fence of the stored slots is True, not a whole number"),
        (change(sides_of=[]), "sides_of of the stored slots is list, not an object with keys"),
        (change("sides_of", staging=1), "staging of sides_of of the stored slots is 1, not a text"),
        (change("sides", b="x"), "b of sides of the stored slots is str, not an object"),
        (change("sides.b", is_quiet="no"), "is_quiet of b of sides of the stored slots is 'no', not true or false"),
        (change("sides.b", release=None), "release of b of sides of the stored slots is None, not a text"),
        (change(shares={"staging": 101}), "staging of shares of the stored slots is 101, not a percentage"),
        (change(op=[]), "op of the stored slots is list, not an object"),
        (change("op", phase="DANCING"), "phase of op of the stored slots is 'DANCING', not one of IDLE, PREPARING"),
        (change("op", kind="PROMOTE"), "kind of op of the stored slots is 'PROMOTE', not one of DEPLOY, SWAP, TRAFFIC"),
        (change("op", started_at="noon"), "started_at of op of the stored slots is 'noon', not a time in UTC"),
        (change("op", was=None), "was of op of the stored slots is NoneType, not an object"),
        (change("op", canary={"percent": 10}), "bake_seconds of canary of op of the stored slots is missing"),
        (
            change("op", canary={"percent": 0.05, "bake_seconds": 60}),
            "the stored slots is impossible: a step's percent is 0.05",
        ),
        (change("op", shares={"qa": -0.1}), "qa of shares of op of the stored slots is -0.1, not a percentage"),
        (change("op", answered="x"), "answered of op of the stored slots is 'x', not a list of texts"),
        (change("op", authentication=["x"]), r"authentication of op .* is \['x'\], not a list of objects"),
        (change("op", hook_details=[]), "hook_details of op of the stored slots is"),
        (change("op", judged={"reads": 9}), "the stored rollout needs an engine that reads schema 9"),
        (change("op", quiet=-1), "quiet of op of the stored slots is -1, not zero or more"),
        (change("op", is_bad=None), "is_bad of op of the stored slots is None, not true or false"),
        (change(last={"id": "x"}), "kind of last of the stored slots is missing, not one of"),
        (change(outbox=[{"at": "noon"}]), r"at of outbox\[0\] of the stored slots is 'noon', not a time"),
        (change(settings={"reads": 2}), "settings of the stored slots needs an engine that reads schema 2"),
        (change("settings", slots=7), "slots of settings of the stored slots is int, not an object"),
    ],
)
def test_what_no_engine_can_have_written_is_refused_in_a_sentence(
    spoiled: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(ObservationError, match=words) as refusal:
        read(spoiled(stored()))
    assert not str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("key", ["target", "stack_id", "sides_of", "sides", "reads"])
def test_what_has_no_safe_default_is_asked_for(key: str) -> None:
    found = stored()
    del found[key]
    with pytest.raises(ObservationError, match=f"{key} of the stored slots is"):
        read(found)


@pytest.mark.parametrize(
    "key", ["id", "kind", "slot", "candidate", "live", "from_epoch", "started_at", "phase_since", "was", "phase"]
)
def test_what_an_operation_has_to_say_is_asked_for(key: str) -> None:
    found = stored()
    del found["op"][key]
    with pytest.raises(ObservationError, match=f"{key} of op of the stored slots is"):
        read(found)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "{}", '{"schema":1}', '{"reads":1,"later":1e999}', '{"a":' * 100_000]
)
def test_what_is_not_even_a_record_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ObservationError, match="the stored slots is"):
        record_from_json(text)


@hypothesis_settings(deadline=None, max_examples=120)
@given(st.data())
def test_a_record_with_one_thing_replaced_is_read_or_refused_and_never_fails_otherwise(data: st.DataObject) -> None:
    found = stored()
    spoil(found, data.draw(st.sampled_from(places(found))), data)
    refusal = refused(read, found)
    if refusal:
        assert "stored slots" in refusal or "stored rollout" in refusal
        assert len(refusal) < 600
    else:
        some = read(found)
        assert record_from_json(record_to_json(some)) == some


def refused(reading: Callable[[object], object], found: object) -> str:
    try:
        reading(found)
    except ObservationError as refusal:
        return str(refusal)
    return ""


# Settings with slots


def full() -> TargetSettings:
    """Every field of the slots with something else than its default."""
    slots = SlotsSettings(
        cluster="web",
        container="app",
        sides=(SlotSide("a", "arn:a", "web-a", "Web-a"), SlotSide("b", "arn:b", "web-b", "Web-b")),
        slots=(
            SlotSettings("production", "arn:def:production", minimum=4, maximum=8),
            SlotSettings("staging", "arn:def:staging", "arn:host", ("arn:cookie", "arn:header"), 0, 2, auto_swap=True),
        ),
        sticky=("DB_URL", "QUEUE"),
        host="www.example.com",
        scheme="http",
        stack="arn:stack",
        role_parameter="/bluegreen/active",
        warm_up=WarmUpSettings("arn:warm", "/healthz", 204, 404, 5, timedelta(seconds=30.5), 2),
        preview_ttl=timedelta(hours=2),
        is_preview_open=True,
        canary=Step(12.5, timedelta(minutes=7)),
        activation_arn="arn:activate",
    )
    return replace(example_slots(), slots=slots)


def slots_dict(given: TargetSettings) -> dict[str, Any]:
    found = settings_to_dict(given)["slots"]
    assert isinstance(found, dict)
    return found


def test_settings_with_slots_are_the_same_after_writing_and_reading() -> None:
    for given_settings in (full(), example_slots(), example_slots("staging", "qa"), busy_settings()):
        assert settings_from_json(settings_to_json(given_settings)) == given_settings
        assert settings_from_dict(settings_to_dict(given_settings)) == given_settings


@pytest.mark.parametrize("kind", [SlotsSettings, SlotSettings, WarmUpSettings])
def test_no_field_of_the_slots_was_left_at_its_default_when_that_was_tried(kind: type) -> None:
    slots = full().slots
    assert slots is not None
    given_one = {SlotsSettings: slots, SlotSettings: slots.slots[1], WarmUpSettings: slots.warm_up}[kind]
    assert [one.name for one in fields(kind) if getattr(given_one, one.name) == one.default] == []


def test_what_is_the_default_of_slots_is_left_out() -> None:
    least = SlotsSettings("web", "app", (SlotSide("a", "arn:a", "web-a", "Web-a"),), (SlotSettings("production", "d"),))
    assert slots_dict(replace(example_slots(), slots=least)) == {
        "cluster": "web",
        "container": "app",
        "sides": [{"name": "a", "group_arn": "arn:a", "service": "web-a", "family": "Web-a"}],
        "slots": [{"name": "production", "definition": "d"}],
    }


def test_what_schema_1_left_out_of_slots_means_the_same_for_ever() -> None:
    # Not compared with the defaults of SlotsSettings: those may change, an operation that runs must not.
    least = settings_to_dict(example_slots()) | {
        "slots": {"cluster": "w", "container": "app", "sides": [], "slots": [{"name": "production", "definition": "d"}]}
    }
    found = settings_from_dict(least).slots
    assert found is not None
    assert (found.sticky, found.host, found.scheme, found.stack, found.role_parameter) == ((), "", "https", "", "")
    assert (found.preview_ttl, found.is_preview_open, found.canary, found.activation_arn) == (
        timedelta(hours=24),
        False,
        None,
        "",
    )
    assert found.slots == (SlotSettings("production", "d", "", (), 1, 1, auto_swap=False),)
    assert found.warm_up == WarmUpSettings("", "/", 200, 299, 3, timedelta(seconds=90), 5)


def test_settings_without_slots_have_none_and_say_nothing_of_them() -> None:
    assert "slots" not in settings_to_dict(settings())
    assert settings_from_dict(settings_to_dict(settings())).slots is None
    assert settings_from_dict(settings_to_dict(settings()) | {"slots": None}).slots is None


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (change(sides={}), "sides of slots of the settings parameter is {}, not a list of objects"),
        (change(slots=[{"name": "x"}]), r"definition of slots\[0\] of slots of the settings parameter is missing"),
        (change(cluster=None), "cluster of slots of the settings parameter is None, not a text"),
        (change(sides=[{"name": "a"}]), r"group_arn of sides\[0\] of slots of the settings parameter is missing"),
        (change(canary={"percent": 101, "bake_seconds": 1}), "percent of canary of slots .* is 101, not a percentage"),
        (change(canary={"percent": 0, "bake_seconds": 1}), "the settings parameter is impossible: a step's percent"),
        (change(warm_up={"least": -1}), "least of warm_up of slots of the settings parameter is -1, not zero or more"),
        (change(preview_ttl_seconds=-1), "preview_ttl_seconds of slots .* is -1, not seconds"),
        (change(sticky="DB_URL"), "sticky of slots of the settings parameter is 'DB_URL', not a list of texts"),
        (change(is_preview_open="no"), "is_preview_open of slots .* is 'no', not true or false"),
        (lambda _: [], "slots of the settings parameter is list, not an object"),
    ],
)
def test_slots_that_no_construct_can_have_written_are_refused_in_a_sentence(
    spoiled: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(ObservationError, match=words):
        settings_from_dict(settings_to_dict(full()) | {"slots": spoiled(slots_dict(full()))})


@hypothesis_settings(deadline=None, max_examples=80)
@given(st.data())
def test_slots_with_one_thing_replaced_are_read_or_refused_and_never_fail_otherwise(data: st.DataObject) -> None:
    found = json.loads(settings_to_json(full()))
    inside = [("slots", *path) for path in places(found["slots"])]
    spoil(found, data.draw(st.sampled_from(inside)), data)
    refusal = refused(settings_from_dict, found)
    if refusal:
        assert "settings parameter" in refusal
    else:
        some = settings_from_dict(found)
        assert settings_from_json(settings_to_json(some)) == some
