"""Several comparisons under one budget: the verdict of all, and who is to blame."""

import pickle
from copy import deepcopy
from datetime import timedelta
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from bluegreen_constructs import AbsoluteFloor, ErrorComparison, LatencyComparison
from bluegreen_constructs.engine.joint_comparison import JointComparison, JointEvidence
from bluegreen_constructs.engine.model import Arm, Verdict

LIVE, SAME, WORSE = Arm(5400, 11), Arm(600, 1), Arm(600, 8)
JURY = JointComparison({"errors": ErrorComparison(), "latency": LatencyComparison(slo=timedelta(seconds=1))})


def after(jury: JointComparison, *intervals: dict[str, tuple[Arm | None, Arm | None]]) -> JointEvidence:
    evidence = jury.start()
    for counts in intervals:
        evidence = evidence.observe(counts)
    return evidence


def both(errors: Arm, latency: Arm) -> dict[str, tuple[Arm | None, Arm | None]]:
    return {"errors": (LIVE, errors), "latency": (LIVE, latency)}


def test_all_must_be_healthy_for_the_whole_to_be() -> None:
    healthy = after(JURY, *[both(SAME, SAME)] * 12)
    assert healthy.verdict is Verdict.HEALTHY
    half = after(JURY, *[{"errors": (LIVE, SAME), "latency": (None, None)}] * 12)
    assert half.members["errors"].verdict is Verdict.HEALTHY
    assert half.verdict is Verdict.UNSURE


@pytest.mark.parametrize("guilty", ["errors", "latency"])
def test_the_guilty_one_is_named(guilty: str) -> None:
    found = after(JURY, *[{name: (LIVE, WORSE if name == guilty else SAME) for name in JURY.members}] * 3)
    assert found.verdict is Verdict.UNHEALTHY
    assert found.guilty == (guilty,)


def test_both_are_named_when_both_are() -> None:
    assert set(after(JURY, *[both(WORSE, WORSE)] * 5).guilty) == {"errors", "latency"}


def test_evidence_that_no_member_has_alone_adds_up_and_the_one_with_most_is_named() -> None:
    jury = JointComparison({f"metric {number}": ErrorComparison() for number in range(4)})
    counts = {name: (Arm(2000, 0), Arm(200, 3)) for name in jury.members}
    found = after(jury, counts | {"metric 2": (Arm(2000, 0), Arm(200, 4))})
    assert found.verdict is Verdict.UNHEALTHY
    assert found.guilty[0] == "metric 2"


def test_nobody_is_guilty_before_there_is_a_verdict() -> None:
    assert after(JURY, both(SAME, WORSE)).guilty == ()


def test_one_metric_alone_needs_more_when_it_shares_its_budget() -> None:
    alone, shared = ErrorComparison().start(), JURY.start()
    looks = [0, 0]
    for look in range(1, 40):
        alone = alone.observe(LIVE, Arm(600, 3))
        shared = shared.observe({"errors": (LIVE, Arm(600, 3))})
        for number, evidence in enumerate((alone, shared)):
            if not looks[number] and evidence.verdict is Verdict.UNHEALTHY:
                looks[number] = look
    assert 0 < looks[0] < looks[1] <= looks[0] + 4


def test_a_member_that_is_unhealthy_alone_keeps_the_whole_from_being_healthy() -> None:
    jury = JointComparison(
        {"small": ErrorComparison(), "large": ErrorComparison()}, weights={"small": 0.001, "large": 1}
    )
    counts: dict[str, tuple[Arm | None, Arm | None]] = {"small": (LIVE, WORSE), "large": (LIVE, SAME)}
    evidence = after(jury, *[counts] * 2, *[both_named(SAME)] * 20)
    assert evidence.members["small"].verdict is Verdict.UNHEALTHY
    assert evidence.verdict is Verdict.UNSURE


def both_named(arm: Arm) -> dict[str, tuple[Arm | None, Arm | None]]:
    return {"small": (LIVE, arm), "large": (LIVE, arm)}


def test_unhealthy_is_for_good() -> None:
    evidence = after(JURY, *[both(WORSE, SAME)] * 4, *[both(SAME, SAME)] * 100)
    assert evidence.verdict is Verdict.UNHEALTHY


@given(st.lists(st.tuples(st.integers(2, 9), st.integers(2, 9)), min_size=1, max_size=6))
def test_the_sum_weighs_each_members_evidence_by_its_own_false_alarm(bad: list[tuple[int, int]]) -> None:
    members = {"errors": ErrorComparison(false_alarm=0.02), "latency": ErrorComparison(false_alarm=0.005)}
    jury = JointComparison(members, weights={"errors": 3, "latency": 1})
    evidence = after(jury, *[both(Arm(600, errors), Arm(600, latency)) for errors, latency in bad])
    errors, latency = (evidence.members[name].log_harm for name in members)
    assert evidence.log_harm == pytest.approx(log(0.75 * 0.02 * exp(errors) + 0.25 * 0.005 * exp(latency)), abs=1e-9)
    assert evidence.was_unhealthy >= (evidence.log_harm >= 0)


def test_the_false_alarm_of_the_whole_is_the_weighted_mean_of_the_members() -> None:
    # One look, two metrics that always agree: as dependent as they can be. Enumerate what the candidate may have had.
    jury = JointComparison({"one": ErrorComparison(false_alarm=0.05), "other": ErrorComparison(false_alarm=0.2)})
    chance = sum(
        float(hypergeom.pmf(hits, 100, 20, 12))
        for hits in range(13)
        if after(jury, dict.fromkeys(("one", "other"), (Arm(80, 12 - hits), Arm(20, hits)))).was_unhealthy
    )
    assert 0 < chance <= 0.125


def test_those_are_named_whose_evidence_is_enough_for_their_number() -> None:
    # e-BH over three: the k-th largest part of the sum is named when it is 1/k at least.
    jury = JointComparison({name: ErrorComparison() for name in "abc"})
    named: set[object] = set()
    for live_bad in range(5, 40):
        second = (Arm(5400, live_bad), Arm(600, 9))
        evidence = after(jury, {"a": (LIVE, Arm(600, 16)), "b": second, "c": (LIVE, Arm(600, 2))})
        part = exp(evidence.members["b"].log_harm) * 0.01 / 3
        assert evidence.guilty == (("a", "b") if part >= 1 / 2 else ("a",))
        named |= {evidence.guilty, "by half" if 1 / 2 <= part < 1 else ""}
    assert named == {("a",), ("a", "b"), "by half", ""}


def test_whom_it_convicted_stays_convicted_whatever_happens_later() -> None:
    evidence = after(JURY, *[{"errors": (LIVE, WORSE)}] * 3)
    assert evidence.guilty == ("errors",)
    for _ in range(60):
        evidence = evidence.observe({"errors": (LIVE, SAME), "latency": (LIVE, Arm(600, 2))})
    assert evidence.guilty == ("errors",)


def test_a_metric_with_one_bad_event_convicts_nobody() -> None:
    jury = JointComparison({"errors": ErrorComparison(false_alarm=0.3), "latency": ErrorComparison(false_alarm=0.3)})
    counts = {"errors": (Arm(999_000, 0), Arm(1000, 1)), "latency": (Arm(9000, 900), Arm(1000, 100))}
    assert after(jury, counts).guilty == ()


def test_the_terms_of_a_jury_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        JURY.weights["errors"] = 5.0  # type: ignore[index]
    with pytest.raises(TypeError):
        JURY.members["cost"] = ErrorComparison()  # type: ignore[index]


@pytest.mark.parametrize(
    ("members", "weights", "words"),
    [
        ({}, {}, "has no members"),
        ({"errors": ErrorComparison()}, {"latency": 1.0}, "weights name 'latency', but the comparisons are 'errors'"),
        ({"errors": ErrorComparison()}, {"errors": 0}, "the weight of 'errors' is 0: give a number from"),
        ({"errors": ErrorComparison()}, {"errors": 1e308}, r"the weight of 'errors' is 1e\+308"),
        ({"errors": AbsoluteFloor(99)}, {}, "the member 'errors' of a JointComparison is AbsoluteFloor"),
        ({"errors": ErrorComparison()}, {"errors": float("inf")}, "the weight of 'errors' is inf"),
    ],
)
def test_a_jury_that_cannot_judge_is_refused(
    members: dict[str, ErrorComparison], weights: dict[str, float], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        JointComparison(members, weights)


def test_a_jury_can_be_copied_and_sent_to_another_process() -> None:
    for copy in (pickle.loads(pickle.dumps(JURY)), deepcopy(JURY)):
        assert (copy.members, copy.weights) == (JURY.members, JURY.weights)
    evidence = after(JURY, both(SAME, WORSE))
    assert pickle.loads(pickle.dumps(evidence)) == evidence


def test_counts_for_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="counts for 'cost', but the comparisons are 'errors', 'latency'"):
        JURY.start().observe({"cost": (LIVE, SAME)})
