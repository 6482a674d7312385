"""What a zone holds, read as shares and a fence; and the batch, which is always a compare-and-swap."""

import copy

import hypothesis.strategies as st
import pytest
from hypothesis import given
from weighted_records_stack import MARK, NAME, simple

from bluegreen_constructs.engine.errors import RolloutError
from bluegreen_constructs.engine.record_mark import RecordMark, owner_of
from bluegreen_constructs.engine.target_settings import SIDES, other
from bluegreen_constructs.engine.weighted_records import (
    AliasTo,
    WeightedRecords,
    answering,
    created,
    found,
    weights_for,
)

OWNER = owner_of("stack", "Switch")
TARGETS = {side: AliasTo(f"{side}.elb.amazonaws.com", f"Z{side.upper()}", f"check-{side}") for side in SIDES}

MARKS = st.builds(
    RecordMark,
    st.just(OWNER),
    st.integers(0, 10**9),
    st.sampled_from(SIDES),
    st.booleans(),
    st.lists(st.from_regex(r"-?[0-9a-f]{16}", fullmatch=True), max_size=14).map(" ".join),
    st.integers(0, 10**12),
)
WEIGHTS = st.fixed_dictionaries({side: st.integers(0, 255) for side in SIDES})


def sets_of(mark: RecordMark, weights: dict) -> list[dict]:
    """As Route 53 answers them."""
    sets = [copy.deepcopy(one["ResourceRecordSet"]) for one in created(NAME, mark, TARGETS)]
    for one in sets:
        one["Name"] = f"{one['Name']}."
        if one["Type"] == "A":
            one |= {"Weight": weights["blue" if "-blue-" in one["SetIdentifier"] else "green"], "ResourceRecords": []}
    return sets


def seen(sets: list[dict], owner: str | None = None) -> WeightedRecords:
    records = found(sets, NAME, owner)
    assert records is not None
    return records


def by_action(batch: list[dict], action: str) -> list[dict]:
    return [one["ResourceRecordSet"] for one in batch if one["Action"] == action]


def identified(sets: list[dict]) -> dict[tuple, dict]:
    return {(one["Name"].rstrip("."), one["Type"], one.get("SetIdentifier")): one for one in sets}


@given(MARKS, WEIGHTS)
def test_the_mark_is_read_as_it_was_written(mark: RecordMark, weights: dict) -> None:
    assert seen(sets_of(mark, weights)).mark == mark


@given(MARKS)
def test_the_mark_fits_a_txt_record(mark: RecordMark) -> None:
    for string in mark.value.removeprefix('"').removesuffix('"').split('" "'):
        assert 1 <= len(string) <= 255
        assert '"' not in string


@given(MARKS, WEIGHTS, st.integers(0, 100), st.sampled_from(SIDES), st.booleans(), st.booleans())
def test_a_batch_deletes_exactly_what_was_read_and_creates_what_is_wanted(
    mark: RecordMark, weights: dict, percent: int, side: str, aborted: bool, is_told: bool
) -> None:
    read = sets_of(mark, weights)
    records = seen(read)
    wanted = records.next_mark(aborted=aborted)
    batch = records.changed(weights_for(percent, side), wanted, TARGETS if is_told else None)
    deleted, made = by_action(batch, "DELETE"), by_action(batch, "CREATE")
    assert batch == [{"Action": "DELETE", "ResourceRecordSet": one} for one in deleted] + [
        {"Action": "CREATE", "ResourceRecordSet": one} for one in made
    ]
    assert identified(deleted) == identified([{k: v for k, v in one.items() if v != []} for one in read])
    assert {*identified(made)} == {*identified(read)}
    after = seen(made)
    assert sum(after.weights.values()) == 100
    assert any(one["Weight"] for one in made if one["Type"] == "A")
    assert (after.share(side), after.share(other(side)), after.mark) == (percent, 100 - percent, wanted)
    for one in made:
        if one["Type"] == "A":
            former = identified(deleted).get((f"{NAME}", "A", one["SetIdentifier"]))
            assert {key: one[key] for key in ("AliasTarget", "HealthCheckId")} == {
                key: former[key] for key in ("AliasTarget", "HealthCheckId")
            }


@given(MARKS, WEIGHTS)
def test_each_write_has_the_next_fence_so_that_no_two_batches_fit_one_state(mark: RecordMark, weights: dict) -> None:
    records = seen(sets_of(mark, weights))
    assert records.next_mark().fence == mark.fence + 1
    assert records.next_mark().value != mark.value


@given(MARKS, WEIGHTS, st.sets(st.sampled_from(["blue", "green", "TXT"]), max_size=3))
def test_what_is_missing_is_made_again_without_moving_an_answer(mark: RecordMark, weights: dict, gone: set) -> None:
    left = [
        one
        for one in sets_of(mark, weights)
        if not (one["Type"] == "TXT" and "TXT" in gone)
        and not any(f"-{side}-" in one.get("SetIdentifier", "") for side in gone)
    ]
    records = found(left, NAME, OWNER)
    if records is None:
        assert gone == {"blue", "green", "TXT"}
        return
    assert records.is_whole is (not gone)
    after = seen(by_action(records.changed(records.weights, records.next_mark(), TARGETS), "CREATE"))
    assert after.is_whole
    for side in set(SIDES) - gone:
        alone = other(side) in gone
        both = {one: weights[one] for one in SIDES} if any(weights.values()) else {"blue": 1, "green": 1}
        expected = 100 if alone else 100 * both[side] / sum(both.values())
        assert after.share(side) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("weights", [{"blue": 0, "green": 0}, {"blue": -1, "green": 101}, {"blue": 100}])
def test_weights_that_lead_nowhere_are_refused(weights: dict) -> None:
    """I1: Route 53 would answer with both."""
    records = seen(sets_of(RecordMark(OWNER, 1, "blue"), {"blue": 100, "green": 0}))
    with pytest.raises(RolloutError, match="lead nowhere"):
        records.changed(weights, records.next_mark())


THEIRS = {**simple(), "SetIdentifier": "theirs", "Weight": 5}


@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME", "HTTPS", "SVCB"])
def test_what_else_answers_for_the_name_is_named(kind: str) -> None:
    read = [*sets_of(RecordMark(OWNER, 1, "blue"), {"blue": 100, "green": 0}), {**THEIRS, "Type": kind}]
    assert seen(read).others == (f"{kind} record theirs of {NAME}",)


def test_records_of_another_switch_are_not_taken_for_ours() -> None:
    theirs = RecordMark(owner_of("stack", "Other"), 1, "blue")
    read = sets_of(theirs, {"blue": 100, "green": 0})
    assert found(read, NAME, OWNER) is None
    assert len(answering(read, NAME)) == 3
    assert seen(read).mark == theirs


@pytest.mark.parametrize(
    "value",
    [
        "",
        '"v=spf1 -all"',
        '"bluegreen=1 owner=0123456789abcdef fence=x live=blue"',
        '"bluegreen=1 owner=0123456789abcdef fence=1 live=red"',
        '"bluegreen=1 owner=short fence=1 live=blue"',
        f'"bluegreen=1 owner=0123456789abcdef fence={"9" * 19} live=blue"',
        '"bluegreen=2 owner=0123456789abcdef fence=1 live=blue"',
    ],
)
def test_a_mark_that_was_edited_into_nonsense_is_none(value: str) -> None:
    assert RecordMark.of(value) is None
    nonsense = {"Name": MARK, "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": value}]}
    assert found([nonsense], NAME) is None
    assert answering([nonsense], NAME)


def test_other_names_and_other_types_are_none_of_its_business() -> None:
    assert answering([simple("MX"), simple("TXT"), simple(name=f"www.{NAME}")], NAME) == ()
