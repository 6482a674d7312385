"""How long until a verdict, from what was seen so far."""

import pytest

from bluegreen_constructs import ErrorComparison
from bluegreen_constructs.engine.comparison import Arm, Evidence, Terms
from bluegreen_constructs.planning.eta import Eta, looks_to_verdict


def after(terms: Terms, *intervals: tuple[Arm, Arm]) -> Evidence:
    evidence = terms.start()
    for live, candidate in intervals:
        evidence = evidence.observe(live, candidate)
    return evidence


def test_it_counts_down_to_the_verdict() -> None:
    # 100 requests/s, 0.2 %: an unchanged release is HEALTHY after about ten looks.
    seen = [(Arm(5400, 11), Arm(600, number % 5 % 2)) for number in range(9)]
    etas = [looks_to_verdict(after(ErrorComparison(), *seen[:looks])).if_unchanged for looks in range(1, 6)]
    assert all(eta is not None for eta in etas)
    assert 5 <= etas[0] <= 12
    assert etas[-1] < etas[0]


def test_a_service_of_one_request_in_two_seconds_is_told_how_many_hours() -> None:
    eta = looks_to_verdict(after(ErrorComparison(), *[(Arm(27, 0), Arm(3, 0))] * 30, (Arm(27, 1), Arm(3, 0))))
    assert eta.if_unchanged is not None
    assert 600 < eta.if_unchanged < 30 * 24 * 60
    assert eta.reason == f"about {eta.if_unchanged} more looks like these, should the candidate be as good as live"


def test_a_candidate_at_the_margin_is_found_at_some_time_too() -> None:
    eta = looks_to_verdict(after(ErrorComparison(), (Arm(5400, 11), Arm(600, 2))))
    assert eta.if_at_margin is not None
    assert 5 <= eta.if_at_margin <= 20


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (after(ErrorComparison()), "no look had traffic on both sides yet"),
        (
            after(ErrorComparison(), (Arm(5400, 0), Arm(600, 0))),
            "nothing has failed on either side yet, and only failures are evidence",
        ),
    ],
)
def test_what_cannot_be_told_is_not_made_up(evidence: Evidence, reason: str) -> None:
    assert looks_to_verdict(evidence) == Eta(None, None, reason)


def test_with_a_negligible_rate_requests_alone_have_an_eta() -> None:
    eta = looks_to_verdict(after(ErrorComparison(negligible=0.001), (Arm(5400, 0), Arm(600, 0))))
    assert eta.if_unchanged is not None
    assert 3 <= eta.if_unchanged <= 12
    assert eta.if_at_margin is None


def test_too_little_traffic_for_a_month_says_so() -> None:
    evidence = after(ErrorComparison(), *[(Arm(1, 0), Arm(1, 0))] * 3000, (Arm(1, 1), Arm(1, 0)))
    assert looks_to_verdict(evidence) == Eta(
        None, None, "not within 43200 looks like these: it takes more traffic, or alarms"
    )


@pytest.mark.parametrize("bad", [1, 9])
def test_a_verdict_that_is_there_needs_no_more(bad: int) -> None:
    evidence = after(ErrorComparison(), *[(Arm(5400, 11), Arm(600, bad))] * 12)
    eta = looks_to_verdict(evidence)
    assert (eta.if_unchanged, eta.if_at_margin) == (0, 0)
    assert eta.reason == f"the verdict is {evidence.verdict.value}"
