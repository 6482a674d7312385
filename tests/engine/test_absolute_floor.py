"""The absolute floor: the candidate by itself, when live is no yardstick."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bluegreen_constructs import AbsoluteFloor
from bluegreen_constructs.engine.absolute_floor import FloorEvidence
from bluegreen_constructs.engine.model import Arm, Verdict


def after(*intervals: Arm | None, floor: AbsoluteFloor | None = None) -> FloorEvidence:
    evidence = (floor or AbsoluteFloor(95)).start()
    for candidate in intervals:
        evidence = evidence.observe(candidate)
    return evidence


def test_a_candidate_well_above_the_floor_is_healthy_without_any_bad_event() -> None:
    assert after(Arm(60, 0)).verdict is Verdict.UNSURE
    assert after(Arm(120, 0)).verdict is Verdict.HEALTHY


def test_a_candidate_well_below_the_floor_is_unhealthy_for_good() -> None:
    fallen = after(Arm(60, 20))
    assert fallen.verdict is Verdict.UNHEALTHY
    assert fallen.observe(Arm(100_000, 0)).verdict is Verdict.UNHEALTHY


def test_a_candidate_at_the_floor_is_neither() -> None:
    assert after(*[Arm(100, 5)] * 50).verdict is Verdict.UNSURE


def test_no_data_changes_nothing() -> None:
    evidence = after(Arm(100, 3))
    assert evidence.observe(None) is evidence
    assert evidence.observe(Arm(0, 0)) is evidence


def test_an_interval_counts_once() -> None:
    evidence = AbsoluteFloor(95).start().observe(Arm(100, 3), interval=7)
    assert evidence.observe(Arm(100, 3), interval=7) is evidence


def test_one_bad_event_is_never_a_verdict_against_it() -> None:
    assert after(Arm(1, 1), floor=AbsoluteFloor(99.99, false_alarm=0.49)).verdict is Verdict.UNSURE


@pytest.mark.parametrize("success_percent", [50, 95, 99.9])
def test_neither_process_grows_on_average_at_the_floor(success_percent: float) -> None:
    start = AbsoluteFloor(success_percent).start()
    rate = 1 - success_percent / 100
    chances = binom.pmf(range(41), 40, rate).tolist()
    ends = [(start.observe(Arm(40, bad)), chance) for bad, chance in enumerate(chances)]
    assert sum(chance * exp(end.harm.log_evidence) for end, chance in ends) == pytest.approx(1, abs=1e-9)
    assert sum(chance * exp(end.safety.log_evidence) for end, chance in ends) == pytest.approx(1, abs=1e-9)


def test_the_reserve_lasts_as_long_as_that_of_a_comparison_does_in_bad_events() -> None:
    bets = AbsoluteFloor(99).start().harm.bets
    assert bets.reserve(0) == 0.4
    assert bets.reserve(150 * 99) == pytest.approx(0.2)


@given(st.lists(st.builds(lambda good, bad: Arm(good + bad, bad), st.integers(0, 200), st.integers(0, 9)), max_size=10))
def test_more_failures_never_speak_for_the_candidate(intervals: list[Arm]) -> None:
    worse = [Arm(arm.requests, min(arm.requests, arm.bad + 1)) for arm in intervals]
    one, other = after(*intervals), after(*worse)
    assert other.safety.log_evidence <= one.safety.log_evidence + 1e-9
    assert other.was_unhealthy >= one.was_unhealthy


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"success_percent": 0}, "success_percent is 0"),
        ({"success_percent": 100}, "below 100"),
        ({"success_percent": "95%"}, "success_percent is '95%'"),
        ({"success_percent": 95, "false_alarm": 0.6}, r"false_alarm is 0\.6"),
        ({"success_percent": 95, "wrong_promotion": float("nan")}, "wrong_promotion is nan"),
    ],
)
def test_a_floor_that_says_nothing_is_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AbsoluteFloor(**arguments)
