"""Stored rollouts: the same after reading, of bounded size, read across versions, refused in a sentence otherwise."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from example_rollouts import NINE, ROLLOUT_FIELDS, ROLLOUTS, evidence, places, rollout, settings, spoil, with_more
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.ab_effect import AbEvidence
from bluegreen_constructs.engine.errors import ObservationError
from bluegreen_constructs.engine.guardrails import Assessment
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Hold, HoldKind, Note, Rollout
from bluegreen_constructs.engine.rollout_codec import rollout_from_json, rollout_to_json

RECORDED = Path(__file__).parent / "recorded" / "rollout_schema_1.json"


def stored_rollout() -> dict[str, object]:
    stored = json.loads(rollout_to_json(rollout()))
    assert isinstance(stored, dict)
    return stored


def read(stored: object) -> Rollout:
    return rollout_from_json(json.dumps(stored))


@hypothesis_settings(deadline=None, max_examples=80)
@given(ROLLOUTS)
def test_a_rollout_is_the_same_after_writing_and_reading(given_rollout: Rollout) -> None:
    text = rollout_to_json(given_rollout)
    assert rollout_from_json(text) == given_rollout
    assert rollout_to_json(rollout_from_json(text)) == text


@pytest.mark.parametrize(
    ("kind", "tried"),
    [
        (Rollout, {*ROLLOUT_FIELDS}),
        (Release, {"name", "image", "version"}),
        (Hold, {"kind", "reason", "since", "until"}),
        (Note, {"at", "event", "reason", "caller", "phase", "weight"}),
        (Assessment, {"guardrail", "verdict", "reason"}),
    ],
)
def test_no_field_was_forgotten_when_rollouts_were_tried(kind: type, tried: set[str]) -> None:
    assert {one.name for one in fields(kind)} == tried


def test_nothing_of_our_own_is_taken_for_a_later_versions() -> None:
    assert rollout_from_json(rollout_to_json(rollout())).extra == {}


def test_an_ordinary_rollout_stays_small_however_long_it_lasts() -> None:
    much = Arm(10**12, 10**9 + 1)
    seen = evidence(400, much, much)
    long = replace(rollout(), evidence=seen, revision=10**6, judged=29_999_999)
    assert len(rollout_to_json(long)) < 16 * 1024
    later = replace(long, evidence=seen.observe(dict.fromkeys(seen.members, (much, much)), 29_000_400))
    assert abs(len(rollout_to_json(later)) - len(rollout_to_json(long))) < 200


def test_also_with_an_a_b_test_it_stays_small() -> None:
    ab = AbEvidence()
    for minute in range(200):
        ab = ab.observe(Arm(10**9, 10**6 + 1), Arm(10**9, 10**6), 29_000_000 + minute)
    assert len(rollout_to_json(replace(rollout(), ab=ab))) < 16 * 1024


def test_times_are_utc_with_microseconds() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    stored = json.loads(rollout_to_json(replace(rollout(), started_at=NINE.astimezone(east))))
    assert stored["started_at"] == "2026-11-05T09:00:00.000000Z"
    assert stored["phase_since"] == "2026-11-05T09:09:00.000120Z"
    assert read(stored).started_at.tzinfo is UTC


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ObservationError, match="the time 2026-11-05T09:00:00 has no zone"):
        rollout_to_json(replace(rollout(), started_at=datetime(2026, 11, 5, 9)))


@pytest.mark.parametrize("details", [{"at": float("inf")}, {"at": {1, 2}}])
def test_a_hooks_details_that_json_cannot_hold_are_not_written(details: dict[str, object]) -> None:
    with pytest.raises(ObservationError, match="the rollout 2026-11-05-model-1-4-2 cannot be written as JSON"):
        rollout_to_json(replace(rollout(), hook_details=details))


def test_what_schema_1_wrote_is_still_read_and_goes_on() -> None:
    recorded = rollout_from_json(RECORDED.read_text(encoding="utf-8"))
    example = rollout()
    assert replace(recorded, evidence=None, floors={}) == replace(example, evidence=None, floors={})
    assert recorded.evidence is not None
    assert example.evidence is not None
    assert recorded.evidence.members.keys() == example.evidence.members.keys()
    for name, member in example.evidence.members.items():
        assert recorded.evidence.members[name].log_harm == pytest.approx(member.log_harm)
    assert recorded.floors.keys() == example.floors.keys()
    further = recorded.evidence.observe(
        dict.fromkeys(recorded.evidence.members, (Arm(5400, 11), Arm(600, 90))), 29_000_009
    )
    assert further.was_unhealthy


def test_this_version_writes_everything_that_schema_1_did() -> None:
    def compare(written: object, recorded: object) -> None:
        if isinstance(recorded, dict):
            assert isinstance(written, dict)
            assert written.keys() >= recorded.keys()
            for key, value in recorded.items():
                compare(written[key], value)
        elif isinstance(recorded, list):
            assert isinstance(written, list)
            for ours, theirs in zip(written, recorded, strict=True):
                compare(ours, theirs)
        else:
            assert written == pytest.approx(recorded)  # logarithms may differ in the last digit between machines

    compare(stored_rollout(), json.loads(RECORDED.read_text(encoding="utf-8")))


def test_an_earlier_writer_may_have_left_out_what_it_did_not_know() -> None:
    needed = ["reads", "id", "settings", "release", "live", "fence", "started_at", "phase_since", "phase"]
    stored = {key: stored_rollout()[key] for key in needed}
    assert read(stored) == Rollout(
        id=rollout().id,
        settings=settings(),
        release=rollout().release,
        live="blue",
        fence=7,
        started_at=NINE,
        phase_since=rollout().phase_since,
        phase=Phase.SHIFTING,
    )


def test_a_later_versions_keys_are_read_over_and_kept() -> None:
    later = with_more(stored_rollout() | {"schema": 2, "canaries": ["a"], "mood": None})
    assert isinstance(later, dict)
    first = read(later)
    assert replace(first, extra={}) == rollout()
    ours = replace(first, weight=50, step=3, revision=32, said=(), evidence=evidence(6, Arm(5400, 11), Arm(600, 1)))
    back = json.loads(rollout_to_json(rollout_from_json(rollout_to_json(ours))))
    for key in ("of a later version", "canaries", "mood", "settings", "release", "hold"):
        assert back[key] == later[key]
    assert (back["schema"], back["weight"], back["revision"]) == (1, 50, 32)


def test_a_hold_that_has_changed_does_not_get_the_former_ones_keys() -> None:
    later = with_more(stored_rollout())
    hold = Hold(HoldKind.UNSURE, "too few bad events", NINE, NINE + timedelta(hours=1))
    for changed in (hold, None):
        back = json.loads(rollout_to_json(replace(read(later), hold=changed)))
        assert read(back).hold == changed
        assert "of a later version" not in (back["hold"] or {})


def test_another_release_or_other_settings_are_written_as_they_are_now() -> None:
    later = read(with_more(stored_rollout()))
    changed = replace(later, release=Release("1.4.3"), settings=replace(settings(), retained=9))
    back = rollout_from_json(rollout_to_json(changed))
    assert (back.release, back.settings.retained) == (Release("1.4.3"), 9)


def test_extra_never_replaces_what_this_version_knows() -> None:
    spoiled = replace(rollout(), extra={"weight": 100, "fence": 0, "schema": 9, "reads": 9, "later": 1})
    stored = json.loads(rollout_to_json(spoiled))
    assert stored == stored_rollout() | {"later": 1}


def change(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda stored: stored | changes


FLOOR_EVIDENCE = stored_rollout()["floors"]["at least 97.5 % good"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (
            change(reads=2),
            "the stored rollout needs an engine that reads schema 2, and this one reads 1: update the engine, or abort",
        ),
        (change(settings={"reads": 2}), "settings of the stored rollout needs an engine that reads schema 2"),
        (change(settings=None), "settings of the stored rollout is NoneType"),
        (change(settings={"reads": 1}), "target of settings of the stored rollout is missing"),
        (change(live="red"), "live of the stored rollout is 'red', not one of blue, green"),
        (change(phase="DANCING"), "phase of the stored rollout is 'DANCING', not one of PREPARING, TESTING"),
        (change(fence=-1), "fence of the stored rollout is -1, not zero or more"),
        (change(revision="1"), "revision of the stored rollout is '1', not a whole number"),
        (change(weight=100.5), "weight of the stored rollout is 100.5, not a percentage"),
        (change(weight=None), "weight of the stored rollout is None, not a finite number"),
        (change(step=-2), "step of the stored rollout is below -1"),
        (
            change(started_at="2026-11-05T09:00:00"),
            "started_at of the stored rollout is '2026-11-05T09:00:00', not a ti",
        ),
        (change(started_at="0001-01-01T00:00:00+14:00"), "started_at of the stored rollout is '0001.*, not a time in"),
        (change(started_at="noon"), "started_at of the stored rollout is 'noon', not a time in UTC such as 2026"),
        (change(release={"name": "a b"}), "release of the stored rollout is impossible: the release is 'a b'"),
        (change(minimums={"red": 1}), "minimums of the stored rollout names a side that is neither blue nor green"),
        (change(minimums={"blue": -1}), "blue of minimums of the stored rollout is -1"),
        (change(evidence={"reads": 9}), "in evidence of the stored rollout, the stored evidence needs an engine"),
        (change(evidence=FLOOR_EVIDENCE), "evidence of the stored rollout is FloorEvidence, not JointEvidence"),
        (change(ab=FLOOR_EVIDENCE), "ab of the stored rollout is FloorEvidence, not AbEvidence"),
        (change(floors={"f": 1}), "in f of floors of the stored rollout, the stored evidence is int"),
        (
            change(said=[{"guardrail": "x", "verdict": "FINE", "reason": ""}]),
            r"verdict of said\[0\] .* 'FINE', not one",
        ),
        (change(hold={"kind": "HUNCH"}), "kind of hold of the stored rollout is 'HUNCH', not one of OPERATOR"),
        (change(hold=[]), "hold of the stored rollout is list, not an object"),
        (change(outbox=[{"at": "noon"}]), r"at of outbox\[0\] of the stored rollout is 'noon', not a time in UTC"),
        (change(authentication=["x"]), r"authentication of the stored rollout is \['x'\], not a list of objects"),
        (change(hook_details=[]), "hook_details of the stored rollout is"),
        (change(is_irreversible=None), "is_irreversible of the stored rollout is None, not true or false"),
    ],
)
def test_what_no_engine_can_have_written_is_refused_in_a_sentence(
    spoiled: Callable[[dict[str, object]], dict[str, object]], words: str
) -> None:
    with pytest.raises(ObservationError, match=words) as refusal:
        read(spoiled(stored_rollout()))
    assert not str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("key", ["id", "settings", "release", "live", "fence", "started_at", "phase_since", "phase"])
def test_what_has_no_safe_default_is_asked_for(key: str) -> None:
    stored = stored_rollout()
    del stored[key]
    with pytest.raises(ObservationError, match=f"{key} of the stored rollout is"):
        read(stored)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "{}", '{"schema":1}', '{"reads":1,"later":1e999}', '{"a":' * 100_000]
)
def test_what_is_not_even_a_rollout_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ObservationError, match="the stored rollout is"):
        rollout_from_json(text)


@hypothesis_settings(deadline=None, max_examples=400)
@given(st.data())
def test_a_rollout_with_one_thing_replaced_is_read_or_refused_and_never_fails_otherwise(data: st.DataObject) -> None:
    stored = json.loads(EXAMPLE)
    spoil(stored, data.draw(st.sampled_from(PLACES)), data)
    text = json.dumps(stored)
    refusal = refused(text)
    if refusal:
        assert "stored rollout" in refusal
        assert len(refusal) < 600
    else:
        some = rollout_from_json(text)
        assert rollout_from_json(rollout_to_json(some)) == some


def refused(text: str) -> str:
    try:
        rollout_from_json(text)
    except ObservationError as refusal:
        return str(refusal)
    return ""


EXAMPLE = rollout_to_json(replace(rollout(), ab=AbEvidence().observe(Arm(500, 41), Arm(500, 48), 29_000_000)))
PLACES = places(json.loads(EXAMPLE))
