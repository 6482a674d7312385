"""The comparison's public face: what it takes, what it refuses, what it concludes and when."""

from dataclasses import FrozenInstanceError, fields, replace
from datetime import timedelta
from math import exp, log, nan
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

import bluegreen_constructs
from bluegreen_constructs.engine.comparison import Arm, ErrorComparison, Evidence, Terms
from bluegreen_constructs.engine.errors import BlueGreenError, ObservationError
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.interval_window import IntervalWindow
from bluegreen_constructs.engine.model import Verdict

ARMS = st.builds(lambda good, bad: Arm(good + bad, bad), st.integers(0, 5000), st.integers(0, 30))
TERMS = st.sampled_from(
    [ErrorComparison(), ErrorComparison(mode="bursty"), ErrorComparison(margin=1.2), ErrorComparison(negligible=0.001)]
)
LIVE, GOOD, BAD = Arm(5400, 11), Arm(600, 1), Arm(600, 7)


def after(terms: Terms, *intervals: tuple[Arm | None, Arm | None]) -> Evidence:
    evidence = terms.start()
    for live, candidate in intervals:
        evidence = evidence.observe(live, candidate)
    return evidence


def test_the_public_name_is_this_class() -> None:
    assert bluegreen_constructs.ErrorComparison is ErrorComparison


def test_it_begins_unsure() -> None:
    assert ErrorComparison().start().verdict is Verdict.UNSURE


def test_the_defaults_are_the_published_odds() -> None:
    assert ErrorComparison() == ErrorComparison(false_alarm=0.01, margin=2.0, wrong_promotion=0.05, mode="independent")


def test_a_candidate_that_fails_six_times_as_often_is_unhealthy_within_two_looks() -> None:
    assert after(ErrorComparison(), (LIVE, BAD), (LIVE, BAD)).verdict is Verdict.UNHEALTHY


def test_a_candidate_that_fails_as_often_as_live_is_healthy_in_the_end() -> None:
    assert after(ErrorComparison(), *[(LIVE, GOOD)] * 10).verdict is Verdict.HEALTHY
    assert after(ErrorComparison(), *[(LIVE, GOOD)] * 3).verdict is Verdict.UNSURE


def test_a_common_incident_is_no_reason_to_roll_back() -> None:
    incident = (Arm(5400, 2700), Arm(600, 300))
    assert after(ErrorComparison(), *[incident] * 10).verdict is Verdict.HEALTHY


def test_unhealthy_is_for_good() -> None:
    evidence = after(ErrorComparison(), *[(LIVE, BAD)] * 3, *[(LIVE, GOOD)] * 200)
    assert evidence.log_harm < -log(0.01)
    assert evidence.verdict is Verdict.UNHEALTHY


def test_healthy_stays_when_the_evidence_wanes_and_goes_when_harm_is_shown() -> None:
    healthy = after(ErrorComparison(), *[(LIVE, GOOD)] * 10)
    waned = replace(healthy, safety=ErrorComparison().start().safety)
    assert waned.verdict is Verdict.HEALTHY
    for _ in range(12):
        healthy = healthy.observe(LIVE, BAD)
    assert healthy.verdict is Verdict.UNHEALTHY


@given(TERMS, st.lists(st.tuples(ARMS, ARMS), max_size=5), ARMS)
def test_no_data_changes_nothing(terms: Terms, before: list[tuple[Arm, Arm]], arm: Arm) -> None:
    evidence = after(terms, *before)
    for live, candidate in ((None, None), (None, arm), (arm, None), (Arm(0, 0), arm), (arm, Arm(0, 0))):
        assert evidence.observe(live, candidate) is evidence


@given(TERMS.filter(lambda terms: terms.negligible is None), st.lists(st.tuples(ARMS, ARMS), max_size=5), ARMS, ARMS)
def test_only_bad_events_are_evidence(terms: Terms, before: list[tuple[Arm, Arm]], live: Arm, candidate: Arm) -> None:
    evidence = after(terms, *before)
    calm = evidence.observe(Arm(live.requests, 0), Arm(candidate.requests, 0))
    assert (calm.harm, calm.safety, calm.verdict) == (evidence.harm, evidence.safety, evidence.verdict)


@given(TERMS, st.lists(st.tuples(ARMS, ARMS), min_size=1, max_size=12), st.data())
def test_one_more_failure_of_the_candidate_never_speaks_for_it(
    terms: Terms, intervals: list[tuple[Arm, Arm]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(intervals) - 1))
    live, candidate = intervals[at]
    worse = intervals.copy()
    worse[at] = (live, Arm(candidate.requests, min(candidate.requests, candidate.bad + data.draw(st.integers(1, 5)))))
    one, other = after(terms, *intervals), after(terms, *worse)
    assert other.log_harm >= one.log_harm - 1e-9
    assert other.log_safety <= one.log_safety + 1e-9
    assert other.was_unhealthy >= one.was_unhealthy


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 10)), min_size=1, max_size=8), st.randoms())
def test_how_an_interval_is_cut_and_in_which_order_its_parts_come_does_not_matter(
    bad: list[tuple[int, int]], random: Random
) -> None:
    # Safety rests on the whole record. Harm stakes its reserve as time passes, so that only one interval is one look.
    parts = [(Arm(90, live), Arm(10, candidate)) for live, candidate in bad]
    shuffled = random.sample(parts, len(parts))
    whole = (Arm(90 * len(bad), sum(live for live, _ in bad)), Arm(10 * len(bad), sum(mine for _, mine in bad)))
    assert after(Terms(), *shuffled).log_safety == pytest.approx(after(Terms(), whole).log_safety, abs=1e-9)
    assert after(Terms(), *shuffled).log_safety == pytest.approx(after(Terms(), *parts).log_safety, abs=1e-9)


@given(TERMS, st.lists(st.tuples(ARMS, ARMS), max_size=8))
def test_evidence_takes_the_same_room_whatever_it_saw(terms: Terms, intervals: list[tuple[Arm, Arm]]) -> None:
    start, evidence = terms.start(), after(terms, *intervals)
    assert len(evidence.harm.logs) == len(start.harm.logs)
    assert len(evidence.safety.logs) == len(start.safety.logs)
    assert {field.name for field in fields(evidence)} == {field.name for field in fields(start)}


@pytest.mark.parametrize("odds", [0.01, 0.5])
@pytest.mark.parametrize("weight", [1, 10, 500, 990, 999])
@pytest.mark.parametrize(("bad_live", "bad_candidate"), [(1, 0), (0, 1)])
def test_fewer_than_two_bad_events_are_never_a_verdict(
    odds: float, weight: int, bad_live: int, bad_candidate: int
) -> None:
    terms = ErrorComparison(false_alarm=odds, wrong_promotion=odds, margin=100.0)
    calm = (Arm(1000 - weight, 0), Arm(weight, 0))
    assert (
        after(terms, *[calm] * 3, (Arm(1000 - weight, bad_live), Arm(weight, bad_candidate))).verdict is Verdict.UNSURE
    )


@pytest.mark.parametrize(("weight", "enough"), [(10, 2), (50, 3), (100, 4), (250, 6), (500, 10)])
def test_so_many_failures_of_the_candidate_are_enough_when_live_has_none(weight: int, enough: int) -> None:
    verdicts = [
        after(ErrorComparison(), (Arm(1000 * (1000 - weight), 0), Arm(1000 * weight, bad))).verdict
        for bad in (enough - 1, enough)
    ]
    assert verdicts == [Verdict.UNSURE, Verdict.UNHEALTHY]


def test_a_rollback_needs_bad_events_of_the_candidate_itself() -> None:
    # One failure at a weight of 1 % is evidence enough for so loose terms, and an anecdote all the same.
    evidence = after(ErrorComparison(false_alarm=0.5), (Arm(99_000, 1), Arm(1000, 1)))
    assert evidence.log_harm > -log(0.5)
    assert evidence.verdict is Verdict.UNSURE


class TestNegligible:
    def test_without_it_an_error_free_service_stays_unsure(self) -> None:
        assert after(ErrorComparison(), *[(Arm(5400, 0), Arm(600, 0))] * 500).verdict is Verdict.UNSURE

    def test_with_it_requests_without_errors_are_evidence(self) -> None:
        terms = ErrorComparison(negligible=0.001)
        assert after(terms, *[(Arm(5400, 0), Arm(600, 0))] * 7).verdict is Verdict.UNSURE
        assert after(terms, *[(Arm(5400, 0), Arm(600, 0))] * 8).verdict is Verdict.HEALTHY

    def test_a_candidate_that_fails_more_often_than_that_and_than_live_is_not_promoted_by_it(self) -> None:
        terms = ErrorComparison(negligible=0.001)
        assert after(terms, *[(Arm(5400, 1), Arm(600, 2))] * 8).verdict is Verdict.UNHEALTHY

    @pytest.mark.parametrize("rate", [0.04, 0.02])
    def test_joined_evidence_does_not_grow_on_average_for_what_must_not_be_promoted(self, rate: float) -> None:
        # The candidate fails with the negligible rate, live with half of that or less: both nulls hold. Enumerate.
        start = ErrorComparison(negligible=0.04).start()
        mean = sum(
            p * q * exp(start.observe(Arm(40, y), Arm(30, x)).log_safety)
            for x, p in enumerate(binom.pmf(range(31), 30, 0.04).tolist())
            for y, q in enumerate(binom.pmf(range(41), 40, rate / 2).tolist())
        )
        assert 0.5 < mean <= 1 + 1e-9

    def test_one_bad_event_does_not_lend_its_relative_evidence_to_the_absolute_one(self) -> None:
        terms = ErrorComparison(negligible=0.001, wrong_promotion=0.4, margin=100.0)
        evidence = after(terms, (Arm(100, 1), Arm(900, 0)))
        assert evidence.log_safety > -log(0.4)
        assert evidence.verdict is Verdict.UNSURE

    def test_harm_does_not_wait_for_it(self) -> None:
        terms = ErrorComparison(negligible=0.4)
        assert after(terms, (Arm(99_000, 0), Arm(1000, 6))).verdict is Verdict.UNHEALTHY


class TestNumberedIntervals:
    def test_each_counts_once_in_whatever_order_it_comes(self) -> None:
        intervals = {number: (Arm(5400, 11), Arm(600, number % 3)) for number in range(20)}
        twice_and_mixed = [*range(19, -1, -1), *range(0, 20, 3), 7, 7]
        evidence, ordered = ErrorComparison().start(), ErrorComparison().start()
        for number in twice_and_mixed:
            evidence = evidence.observe(*intervals[number], interval=number)
        for number in range(20):
            ordered = ordered.observe(*intervals[number], interval=number)
        assert evidence.intervals == ordered.intervals == 20
        assert (evidence.live, evidence.candidate) == (ordered.live, ordered.candidate)
        assert evidence.log_safety == pytest.approx(ordered.log_safety, abs=1e-9)

    def test_one_without_data_may_come_again_with_data(self) -> None:
        evidence = ErrorComparison().start().observe(LIVE, None, interval=5)
        assert evidence.observe(LIVE, GOOD, interval=5).intervals == 1

    def test_one_that_is_far_too_late_is_left_out(self) -> None:
        evidence = ErrorComparison().start().observe(LIVE, GOOD, interval=100)
        assert evidence.observe(LIVE, BAD, interval=100 - IntervalWindow.LENGTH) is evidence
        assert evidence.observe(LIVE, BAD, interval=101 - IntervalWindow.LENGTH).intervals == 2

    @pytest.mark.parametrize("number", [1.0, "7", True])
    def test_a_number_that_is_none_is_refused(self, number: object) -> None:
        with pytest.raises(ObservationError, match="an interval is"):
            ErrorComparison().start().observe(LIVE, GOOD, interval=number)  # type: ignore[arg-type]

    def test_whole_numbers_of_numpy_are_stored_as_numbers(self) -> None:
        evidence = ErrorComparison().start().observe(LIVE, GOOD, interval=np.int64(29_000_000))  # type: ignore[arg-type]
        assert type(evidence.seen.newest) is int

    def test_a_number_in_another_unit_is_refused_and_does_not_silence_all_that_follow(self) -> None:
        evidence = ErrorComparison().start().observe(LIVE, GOOD, interval=29_000_000)
        with pytest.raises(ObservationError, match="interval 1740000000000 follows 29000000: number the intervals one"):
            evidence.observe(LIVE, GOOD, interval=1_740_000_000_000)
        assert evidence.observe(LIVE, GOOD, interval=29_000_001).intervals == 2

    @given(st.lists(st.integers(-100, 100), max_size=60))
    def test_no_number_is_ever_counted_twice(self, numbers: list[int]) -> None:
        window, counted = IntervalWindow(), []
        for number in numbers:
            if window.takes(number):
                counted.append(number)
                window = window.with_interval(number)
            assert not window.takes(number)
            assert 0 <= window.counted < 2**IntervalWindow.LENGTH
        assert len(counted) == len(set(counted))


class TestRefusals:
    @pytest.mark.parametrize(
        ("requests", "bad"),
        [
            *[(-1, 0), (10, -1), (10, 11), (10**19, 0), (10**400, 0), (1, 10**400)],
            *[(1.5, 1), (10, 0.5), ("10", 1), (10, None), (True, 0), (nan, 0)],
        ],
    )
    def test_counts_that_nobody_can_have_counted_are_refused(self, requests: object, bad: object) -> None:
        with pytest.raises(ValueError, match="an Arm"):
            Arm(requests, bad)  # type: ignore[arg-type]

    def test_whole_numbers_of_numpy_are_whole_numbers(self) -> None:
        arm = Arm(np.int64(10), np.int32(1))  # type: ignore[arg-type]
        assert arm == Arm(10, 1)
        assert type(arm.requests) is int

    @pytest.mark.parametrize(
        ("given_terms", "words"),
        [
            ({"false_alarm": 0}, "false_alarm is 0"),
            ({"false_alarm": 0.6}, "at most 0.5"),
            ({"false_alarm": "1%"}, "false_alarm is '1%'"),
            ({"wrong_promotion": -0.1}, "wrong_promotion is -0.1"),
            ({"wrong_promotion": nan}, "wrong_promotion is nan"),
            ({"margin": 1}, "margin is 1"),
            ({"margin": 101}, "at most 100"),
            ({"margin": 10**400}, "at most 100"),
            ({"margin": True}, "margin is True"),
            ({"mode": "clustered"}, 'give "independent" or "bursty"'),
            ({"negligible": 0}, "negligible is 0"),
            ({"negligible": 1.0}, "below 1"),
            ({"negligible": 0.001, "mode": "bursty"}, "leave it out"),
        ],
    )
    @pytest.mark.parametrize(
        "guardrail",
        [
            ErrorComparison,
            lambda **terms: LatencyComparison(slo=timedelta(seconds=1), **terms),
            lambda **terms: MetricComparison(namespace="N", bad="B", total="T", **terms),
        ],
    )
    def test_terms_that_promise_nothing_are_refused_with_what_is_allowed(
        self, guardrail: type[Terms], given_terms: dict[str, object], words: str
    ) -> None:
        with pytest.raises(ValueError, match=words) as refusal:
            guardrail(**given_terms)
        assert isinstance(refusal.value, BlueGreenError)
        assert not str(refusal.value).endswith(".")

    def test_the_terms_cannot_be_changed_during_a_rollout(self) -> None:
        evidence = ErrorComparison().start()
        with pytest.raises(FrozenInstanceError):
            evidence.terms.margin = 3.0  # type: ignore[misc]
        assert after(ErrorComparison(margin=3.0), (LIVE, GOOD)).terms.margin == 3.0
