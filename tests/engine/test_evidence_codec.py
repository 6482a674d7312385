"""Stored evidence: the same after reading, readable across versions, refused in a sentence when it is not evidence."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs import AbsoluteFloor, ErrorComparison, LatencyComparison
from bluegreen_constructs.engine.comparison import Evidence
from bluegreen_constructs.engine.errors import ObservationError
from bluegreen_constructs.engine.evidence_codec import AnyEvidence, from_json, to_json
from bluegreen_constructs.engine.joint_comparison import JointComparison, JointEvidence
from bluegreen_constructs.engine.model import Arm, Verdict

RECORDED = Path(__file__).parent / "recorded"
ARMS = st.builds(lambda good, bad: Arm(good + bad, bad), st.integers(0, 10**9), st.integers(0, 10**6))
COMPARISONS = [ErrorComparison(), ErrorComparison(mode="bursty"), ErrorComparison(negligible=0.001, margin=1.5)]
JURY = JointComparison({"errors": ErrorComparison(), "latency": LatencyComparison(slo=timedelta(seconds=1))})


def example() -> Evidence:
    evidence = ErrorComparison(negligible=0.0005).start()
    for number in range(5):
        evidence = evidence.observe(Arm(5400, 11), Arm(600, number % 3), interval=29_000_000 + number)
    return evidence


@given(st.sampled_from(COMPARISONS), st.lists(st.tuples(ARMS, ARMS, st.none() | st.integers(0, 99)), max_size=6))
def test_a_comparison_is_the_same_after_writing_and_reading(
    terms: ErrorComparison, intervals: list[tuple[Arm, Arm, int | None]]
) -> None:
    evidence = terms.start()
    for live, candidate, number in intervals:
        evidence = evidence.observe(live, candidate, number)
        assert from_json(to_json(evidence)) == evidence
    assert evidence == from_json(to_json(evidence))


@given(st.lists(ARMS, max_size=5))
def test_a_floor_is_the_same_after_writing_and_reading(intervals: list[Arm]) -> None:
    evidence = AbsoluteFloor(97.5).start()
    for candidate in intervals:
        evidence = evidence.observe(candidate)
    assert from_json(to_json(evidence)) == evidence


@given(st.lists(st.tuples(ARMS, ARMS), max_size=5))
def test_a_jury_is_the_same_after_writing_and_reading(intervals: list[tuple[Arm, Arm]]) -> None:
    evidence = JURY.start()
    for live, candidate in intervals:
        evidence = evidence.observe({"errors": (live, candidate), "latency": (candidate, live)})
    assert from_json(to_json(evidence)) == evidence


def test_it_fits_any_store() -> None:
    assert len(to_json(example())) < 1500  # DynamoDB holds 400 kB in an item, Step Functions 256 KiB in a payload


def test_a_huge_past_is_no_larger() -> None:
    evidence: AnyEvidence = example()
    assert isinstance(evidence, Evidence)
    for _ in range(500):
        evidence = evidence.observe(Arm(10**9, 10**6), Arm(10**9, 10**6))
    assert len(to_json(evidence)) < 1600


def test_what_schema_1_wrote_is_still_read_and_goes_on() -> None:
    evidence = from_json((RECORDED / "evidence_schema_1.json").read_text(encoding="utf-8"))
    assert isinstance(evidence, Evidence)
    assert (evidence.terms, evidence.live, evidence.candidate) == (example().terms, Arm(27000, 55), Arm(3000, 4))
    assert evidence.log_harm == pytest.approx(example().log_harm)
    for _ in range(10):
        evidence = evidence.observe(Arm(5400, 11), Arm(600, 1))
    assert evidence.verdict is Verdict.HEALTHY


def test_this_version_writes_everything_that_schema_1_did() -> None:
    def compare(written: object, recorded: object) -> None:
        if isinstance(recorded, dict):
            assert isinstance(written, dict)
            assert written.keys() >= recorded.keys()
            for key, value in recorded.items():
                compare(written[key], value)
        else:
            assert written == pytest.approx(recorded)  # logarithms may differ in the last digit between machines

    compare(
        json.loads(to_json(example())), json.loads((RECORDED / "evidence_schema_1.json").read_text(encoding="utf-8"))
    )


def test_a_later_writer_may_add_keys_anywhere() -> None:
    stored = json.loads(to_json(example()))

    def with_more(value: object) -> object:
        if isinstance(value, dict):
            return {key: with_more(inner) for key, inner in value.items()} | {"of a later version": [1, {"a": None}]}
        return value

    later = with_more(stored)
    assert isinstance(later, dict)
    assert from_json(json.dumps(later | {"schema": 7})) == example()


def test_an_earlier_writer_may_have_left_out_what_it_did_not_know() -> None:
    stored = json.loads(to_json(ErrorComparison().start().observe(Arm(100, 1), Arm(100, 3))))
    for key in ("seen", "calm"):
        del stored[key]
    del stored["terms"]["negligible"]
    assert from_json(json.dumps(stored)) == ErrorComparison().start().observe(Arm(100, 1), Arm(100, 3))


def test_the_bets_of_the_start_are_kept_when_a_later_engine_would_bet_otherwise() -> None:
    stored = json.loads(to_json(ErrorComparison().start()))
    stored["harm"] |= {"at": [2.0], "shares": [1.0], "pace": None, "logs": [0.0]}
    evidence = from_json(json.dumps(stored))
    assert isinstance(evidence, Evidence)
    assert evidence.observe(Arm(100, 1), Arm(100, 1)).harm.bets.at == (2.0,)


def change(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda stored: stored | changes


def change_harm(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda stored: stored | {"harm": stored["harm"] | changes}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (change(reads=2), "needs an engine that reads schema 2, and this one reads 1"),
        (change(reads="1"), "reads of the stored evidence is '1', not a whole number"),
        (change(kind="hunch"), "of kind 'hunch'; this engine knows comparison, floor, joint"),
        (change(terms={}), "false_alarm of terms of the stored evidence is missing"),
        (change(terms=None), "terms of the stored evidence is NoneType"),
        (change(live=[1, 2]), "no more bad events than requests"),
        (change(live=[1]), r"live of the stored evidence is \[1\]"),
        (change(intervals=-1), "intervals of the stored evidence is -1, not zero or more"),
        (change(was_healthy="no"), "was_healthy of the stored evidence is 'no', not true or false"),
        (change_harm(logs=[0.0]), "of different numbers"),
        (change_harm(logs=["x"] * 7), "not a list of finite numbers"),
        (change_harm(form="bluff"), "bets by 'bluff'"),
        (change_harm(pace=0), "bets what cannot be bet"),
        (change_harm(shares=[10.0] * 7), "bets what cannot be bet"),
        (change_harm(at=[0.5, 1.8, 2.3, 3.0, 5.0, 10.0, 80.0]), "bets what cannot be bet"),
        (change_harm(at=[-1.0] * 7), "bets what cannot be bet"),
        (change(kind="joint", members={}), "has no members"),
    ],
)
def test_what_no_engine_can_have_written_is_refused_in_a_sentence(
    spoiled: Callable[[dict[str, object]], dict[str, object]], words: str
) -> None:
    stored = spoiled(json.loads(to_json(example())))
    with pytest.raises(ObservationError, match=words) as refusal:
        from_json(json.dumps(stored))
    assert not str(refusal.value).endswith(".")


def test_impossible_terms_are_refused() -> None:
    stored = json.loads(to_json(example()))
    stored["terms"]["margin"] = 0.5
    with pytest.raises(ObservationError, match=r"impossible terms: margin is 0\.5"):
        from_json(json.dumps(stored))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"schema":1}', '{"reads":NaN}'])
def test_what_is_not_even_evidence_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ObservationError):
        from_json(text)


JUNK = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        0.5,
        10**400,
        -(10**400),
        1e308,
        "",
        "x" * 5000,
        [],
        [1],
        [1, 2, 3],
        ["x"] * 7,
        {},
        {"reads": 1},
    ]
)


@pytest.mark.parametrize("count", [10**400, -(10**400)])
def test_a_count_that_no_float_holds_is_refused_and_not_reckoned_with(count: int) -> None:
    stored = json.loads(to_json(example()))
    stored["harm"]["clock"] = count
    with pytest.raises(ObservationError, match="clock"):
        from_json(json.dumps(stored))


@given(st.sampled_from(["comparison", "floor", "joint"]), st.data())
def test_evidence_with_one_thing_replaced_is_read_or_refused_and_never_fails_otherwise(
    kind: str, data: st.DataObject
) -> None:
    start: AnyEvidence = {"comparison": example(), "floor": AbsoluteFloor(97.5).start(), "joint": JURY.start()}[kind]
    stored = json.loads(to_json(start))
    place = stored
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], list | dict) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JUNK)
    with suppress(ObservationError):
        evidence = from_json(json.dumps(stored))
        arms = (Arm(5400, 11), Arm(600, 3))
        if isinstance(evidence, Evidence):
            evidence.observe(*arms)
        elif isinstance(evidence, JointEvidence):
            evidence.observe({"errors": arms})
        else:
            evidence.observe(arms[1])


def test_a_refusal_does_not_quote_all_of_what_is_stored() -> None:
    with pytest.raises(ObservationError) as refusal:
        from_json(json.dumps(json.loads(to_json(example())) | {"intervals": "x" * 5000}))
    assert len(str(refusal.value)) < 200


def test_brackets_without_an_end_are_refused() -> None:
    with pytest.raises(ObservationError, match="is no JSON"):
        from_json("[" * 200_000)


@pytest.mark.parametrize("weights", [(0, 1), (-1, 2), (1000, 1)])
def test_weights_that_no_jury_has_are_refused(weights: tuple[float, float]) -> None:
    stored = json.loads(to_json(JURY.start()))
    for member, weight in zip(stored["members"].values(), weights, strict=True):
        member["weight"] = weight
    with pytest.raises(ObservationError, match="weights that are not above 0 or do not sum to 1"):
        from_json(json.dumps(stored))


def test_a_negligible_rate_without_its_evidence_is_refused() -> None:
    with pytest.raises(ObservationError, match="such a rate without calm"):
        from_json(json.dumps(json.loads(to_json(example())) | {"calm": None}))


def test_keys_are_in_one_order() -> None:
    keys = list(json.loads(to_json(example())))
    assert keys == sorted(keys)
