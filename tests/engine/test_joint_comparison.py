"""Several comparisons under one budget: the verdict of all, and who is to blame."""

from datetime import timedelta
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs import ErrorComparison, LatencyComparison
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
        {"small": ErrorComparison(), "large": ErrorComparison()}, weights={"small": 1e-9, "large": 1}
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


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6))
def test_the_sum_is_the_weighted_mean_of_the_members_evidence(bad: list[tuple[int, int]]) -> None:
    jury = JointComparison(JURY.members, weights={"errors": 3, "latency": 1})
    evidence = after(jury, *[both(Arm(600, errors), Arm(600, latency)) for errors, latency in bad])
    mean = 0.75 * exp(evidence.members["errors"].log_harm) + 0.25 * exp(evidence.members["latency"].log_harm)
    assert evidence.log_harm == pytest.approx(log(mean * 0.01), abs=1e-9)
    assert evidence.was_unhealthy >= (evidence.log_harm >= 0)


@pytest.mark.parametrize(
    ("members", "weights", "words"),
    [
        ({}, {}, "has no members"),
        ({"errors": ErrorComparison()}, {"latency": 1.0}, "weights name 'latency', but the comparisons are 'errors'"),
        ({"errors": ErrorComparison()}, {"errors": 0}, "the weight of 'errors' is 0"),
        ({"errors": ErrorComparison()}, {"errors": float("inf")}, "the weight of 'errors' is inf"),
    ],
)
def test_a_jury_that_cannot_judge_is_refused(
    members: dict[str, ErrorComparison], weights: dict[str, float], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        JointComparison(members, weights)


def test_counts_for_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="counts for 'cost', but the comparisons are 'errors', 'latency'"):
        JURY.start().observe({"cost": (LIVE, SAME)})
