"""The backtest tells bursts, flapping sides and unequal sides from chance, and proposes a mode where one is safe."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil, exp, log
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bluegreen_constructs.engine.comparison import ErrorComparison, Terms
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.planning.backtest import Backtest, backtest
from bluegreen_constructs.planning.dispersion import (
    BLOCKS,
    PERSISTENCE_SPAN,
    TO_RULE_PERSISTENCE_OUT,
    Estimate,
    Interval,
    Persistence,
    Split,
    dispersion,
    failure_ratio,
    persistence,
)
from bluegreen_constructs.planning.proposal import LIMIT, Finding
from bluegreen_constructs.planning.replay import Replay
from bluegreen_constructs.simulation.traffic import Traffic, poisson

DAY = 1440


def past(
    seed: int, minutes: int = DAY, *, rps: float = 100, bad: float = 0.002, weight: float = 50, **wrong: float
) -> list[Interval]:
    """An A/A of so many minutes, or, with `burst` or `ratio`, what is wrong with it."""
    traffic = Traffic(rps, bad, (weight,) * minutes, **wrong)
    return list(traffic.looks(Random(seed)))


def flapping(
    seed: int, *, minutes: int = DAY, length: int = 5, factor: float = 10, weight: float = 0.5
) -> list[Interval]:
    """Once an hour one side, by turns, fails `factor` times as often for `length` minutes on end."""
    random, intervals = Random(seed), []
    for minute in range(minutes):
        hour, into = divmod(minute, 60)
        arms = []
        for side, share in ((0, 1 - weight), (1, weight)):
            rate = 0.002 * (factor if hour % 2 == side and 20 <= into < 20 + length else 1)
            bad = poisson(random, 6000 * share * rate)
            arms.append(Arm(poisson(random, 6000 * share * (1 - rate)) + bad, bad))
        intervals.append((arms[0], arms[1]))
    return intervals


def exchanged(intervals: Sequence[Interval]) -> list[Interval]:
    return [(candidate, live) for live, candidate in intervals]


def splits(intervals: Sequence[Interval]) -> list[Split | None]:
    return [Split.of(*interval) for interval in intervals]


@st.composite
def arms(draw: st.DrawFn) -> Arm:
    requests = draw(st.integers(0, 3000))
    return Arm(requests, draw(st.integers(0, min(requests, draw(st.sampled_from([3, 30, 3000]))))))


INTERVALS = st.lists(st.tuples(st.none() | arms(), st.none() | arms()), max_size=60)


# What is measured


def oracle_of_phi(intervals: Sequence[Interval]) -> float | None:
    """scipy's hypergeometric mean and variance."""
    above, below = 0.0, 0.0
    for live, candidate in intervals:
        if live is None or candidate is None or not live.requests or not candidate.requests:
            continue
        bad = live.bad + candidate.bad
        if bad >= 2:
            draw = stats.hypergeom(live.requests + candidate.requests, candidate.requests, bad)
            with np.errstate(all="ignore"):  # of its skewness, which does not exist for three requests
                above += (candidate.bad - draw.mean()) ** 2
                below += draw.var()
    return above / below if below else None


@settings(max_examples=40, deadline=None)
@given(INTERVALS)
def test_the_dispersion_is_that_of_the_hypergeometric_distribution(intervals: list[Interval]) -> None:
    expected, found = oracle_of_phi(intervals), dispersion(splits(intervals)).phi
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_interval_of_the_dispersion_is_the_jackknife_over_thirty_stretches() -> None:
    intervals = past(1, 300, weight=20, burst=3)
    used = [split for split in splits(intervals) if split is not None and split.bad >= 2]
    squares = np.array([split.deviation**2 for split in used])
    variances = np.array([split.variance for split in used])
    block = np.repeat(np.arange(30), np.diff([len(used) * edge // 30 for edge in range(31)]))
    left_out = np.array([squares[block != gone].sum() / variances[block != gone].sum() for gone in range(30)])
    value = squares.sum() / variances.sum()
    error = np.sqrt(29 * left_out.var())
    width = exp(stats.t.ppf(0.975, 29) * error / value)
    phi = dispersion(splits(intervals)).phi
    assert phi is not None
    assert (phi.value, phi.low, phi.high) == pytest.approx((value, value / width, value * width), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(INTERVALS, st.integers(2, 3000), st.integers(2, 3000))
def test_a_lone_bad_event_says_nothing_about_the_dispersion(
    intervals: list[Interval], live: int, candidate: int
) -> None:
    lone: list[Interval] = [(Arm(live, 1), Arm(candidate, 0)), (Arm(live, 0), Arm(candidate, 1))]
    assert dispersion(splits(lone + intervals + lone)) == dispersion(splits(intervals))


@settings(max_examples=40, deadline=None)
@given(INTERVALS)
def test_exchanging_the_sides_changes_only_the_direction_of_the_difference(intervals: list[Interval]) -> None:
    as_it_is, other = splits(intervals), splits(exchanged(intervals))
    assert dispersion(as_it_is) == dispersion(other)
    assert persistence(as_it_is) == persistence(other)
    ratio, inverse = failure_ratio(as_it_is), failure_ratio(other)
    if ratio is None or inverse is None:
        assert ratio is inverse is None
    else:
        assert ratio.value * inverse.value == pytest.approx(1)
        if ratio.low is not None and inverse.high is not None:
            assert ratio.low * inverse.high == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(INTERVALS, st.integers(2, 4))
def test_the_same_time_again_changes_no_value(intervals: list[Interval], times: int) -> None:
    once, again = splits(intervals), splits(intervals * times)
    for measure in (lambda found: dispersion(found).phi, failure_ratio):
        one, more = measure(once), measure(again)
        assert (one is None) == (more is None)
        if one is not None and more is not None:
            assert more.value == pytest.approx(one.value)


@settings(max_examples=40, deadline=None)
@given(INTERVALS, st.data())
def test_an_interval_without_data_on_a_side_changes_neither_dispersion_nor_ratio(
    intervals: list[Interval], data: st.DataObject
) -> None:
    gap = data.draw(st.sampled_from([(None, None), (None, Arm(50, 9)), (Arm(50, 9), None), (Arm(0, 0), Arm(50, 9))]))
    place = data.draw(st.integers(0, len(intervals)))
    with_gap = splits([*intervals[:place], gap, *intervals[place:]])
    assert dispersion(with_gap) == dispersion(splits(intervals))
    assert failure_ratio(with_gap) == failure_ratio(splits(intervals))


def test_the_failure_ratio_of_one_interval_is_the_quotient_of_the_rates() -> None:
    ratio = failure_ratio(splits([(Arm(9000, 18), Arm(1000, 5))]))
    assert ratio is not None
    assert ratio.value == pytest.approx((5 / 1000) / (18 / 9000))


def test_the_failure_ratio_ignores_that_the_weights_moved_while_errors_were_common() -> None:
    """All sides fail ten times as often while the candidate has most of the traffic: pooled, it would look bad."""
    calm: list[Interval] = [(Arm(9000, 18), Arm(1000, 2))] * 20
    incident: list[Interval] = [(Arm(1000, 20), Arm(9000, 180))] * 20
    ratio = failure_ratio(splits(calm + incident))
    assert ratio is not None
    assert ratio.value == pytest.approx(1)


def autocorrelated(seed: int, intervals: int, memory: float) -> list[Interval]:
    """A side's rate drifts: its logarithm is an AR(1) process."""
    random = np.random.default_rng(seed)
    state, found = random.standard_normal(2), []
    for _ in range(intervals):
        state = memory * state + np.sqrt(1 - memory**2) * random.standard_normal(2)
        bad = random.poisson(6 * np.exp(0.4 * state))
        found.append((Arm(3000, int(bad[0])), Arm(3000, int(bad[1]))))
    return found


def test_the_correlation_of_neighbours_is_that_of_the_standardised_deviations() -> None:
    found = splits(autocorrelated(1, 2000, 0.8))
    series = np.array([split.deviation / split.variance**0.5 for split in found if split is not None and split.bad])
    persisting = persistence(found)
    assert persisting is not None
    assert persisting.correlation.value == pytest.approx(np.corrcoef(series[1:], series[:-1])[0, 1], abs=0.01)
    assert persisting.correlation.value > 0.1


def test_intervals_together_vary_as_sums_of_them_do() -> None:
    found = splits(autocorrelated(2, 6000, 0.8))
    series = np.array([split.deviation / split.variance**0.5 for split in found if split is not None and split.bad])
    sums = series[: len(series) // PERSISTENCE_SPAN * PERSISTENCE_SPAN].reshape(-1, PERSISTENCE_SPAN).sum(axis=1)
    persisting = persistence(found)
    assert persisting is not None
    assert persisting.together.value == pytest.approx(sums.var() / (PERSISTENCE_SPAN * series.var()), rel=0.1)
    assert persisting.holds_on


def test_intervals_with_a_gap_between_them_are_no_neighbours() -> None:
    full = autocorrelated(3, 400, 0.9)
    gaps: list[Interval] = [interval if number % 10 else (None, None) for number, interval in enumerate(full)]
    every_other: list[Interval] = [interval if number % 2 else (None, None) for number, interval in enumerate(full)]
    with_gaps = persistence(splits(gaps))
    assert with_gaps is not None
    assert with_gaps.pairs == 320
    assert persistence(splits(every_other)) is None


def test_a_side_that_always_fails_more_is_no_persistence() -> None:
    persisting = persistence(splits(past(4, 600, ratio=2.0)))
    assert persisting is not None
    assert not persisting.holds_on


def test_nothing_has_an_interval_of_confidence_below_thirty_intervals() -> None:
    few = splits(past(5, BLOCKS - 1))
    phi, ratio = dispersion(few).phi, failure_ratio(few)
    assert phi is not None
    assert ratio is not None
    assert (phi.low, phi.high, ratio.low, ratio.high) == (None,) * 4
    assert persistence(few) is None


def test_neighbours_are_not_compared_below_thirty_pairs_at_any_distance() -> None:
    assert persistence(splits(past(5, BLOCKS + PERSISTENCE_SPAN - 2))) is None
    persisting = persistence(splits(past(5, BLOCKS + PERSISTENCE_SPAN - 1)))
    assert persisting is not None
    assert persisting.together.low is not None
    assert persisting.together.low >= 0


def test_a_side_with_all_of_its_bad_events_in_one_stretch_has_a_ratio_of_any_size() -> None:
    steady: list[Interval] = [(Arm(3000, 3), Arm(3000, 0))] * 60
    found = backtest([*steady, (Arm(3000, 3), Arm(3000, 90)), *steady])
    assert found.ratio is not None
    assert (found.ratio.low, found.ratio.high) == (None, None)
    assert found.proposal.finding is not Finding.SIDES_DIFFER


# What is replayed


def test_each_whole_window_is_played_as_it_is_and_with_the_sides_exchanged() -> None:
    found = backtest(past(1, 130), looks=60)
    assert (found.independent.plays, found.bursty.plays) == (4, 4)
    assert (found.independent.mode, found.bursty.mode) == ("independent", "bursty")


@pytest.mark.parametrize("mode", ["independent", "bursty"])
def test_a_replay_says_what_the_comparison_would_have_said(mode: str) -> None:
    intervals = past(2, 120, burst=4)
    expected, healthy_at = Counter[Verdict](), []
    for window in (intervals[:40], intervals[40:80], intervals[80:]):
        for played in (window, exchanged(window)):
            evidence, first = ErrorComparison(0.02, 3.0, 0.1, mode=mode).start(), None
            for look, interval in enumerate(played, start=1):
                evidence = evidence.observe(*interval)
                first = look if first is None and evidence.verdict is Verdict.HEALTHY else first
            expected[evidence.verdict] += 1
            healthy_at += [first] if evidence.verdict is Verdict.HEALTHY else []
    found = backtest(intervals, Terms(0.02, 3.0, 0.1), looks=40)
    replay: Replay = getattr(found, mode)
    assert (replay.rolled_back, replay.promoted, replay.unsure) == tuple(
        expected[verdict] for verdict in (Verdict.UNHEALTHY, Verdict.HEALTHY, Verdict.UNSURE)
    )
    assert replay.median_looks == (sorted(healthy_at)[(len(healthy_at) - 1) // 2] if healthy_at else None)
    assert replay.false_alarm_rate == replay.rolled_back / 6


def test_a_side_that_is_worse_is_rolled_back_once_of_two_plays() -> None:
    found = backtest(past(3, 60, ratio=5.0))
    assert (found.independent.plays, found.independent.rolled_back, found.independent.promoted) == (2, 1, 1)


def test_windows_without_data_are_not_played() -> None:
    silent: list[Interval] = [(None, None)] * 60
    one_sided: list[Interval] = [(Arm(100, 1), None)] * 60
    found = backtest(silent + past(4, 60) + one_sided)
    assert found.independent.plays == 2
    assert (found.intervals, found.compared) == (180, 60)


def test_a_past_shorter_than_a_rollout_is_measured_and_not_replayed() -> None:
    found = backtest(past(5, 59))
    assert found.independent == Replay("independent", 0, 0, 0, 0, None)
    assert found.independent.false_alarm_rate is None
    assert found.dispersion.intervals == 59


def test_the_mode_of_the_terms_does_not_enter_and_a_negligible_rate_enters_one_mode_only() -> None:
    intervals = past(6, 60)
    as_independent = backtest(intervals, Terms(mode="independent"))
    as_bursty = backtest(intervals, Terms(mode="bursty"))
    assert as_independent.independent == as_bursty.independent
    assert as_independent.bursty == as_bursty.bursty
    quiet: list[Interval] = [(Arm(30_000, 0), Arm(30_000, 0))] * 60
    found = backtest(quiet, Terms(negligible=0.001))
    assert (found.independent.promoted, found.bursty.promoted) == (2, 0)


@pytest.mark.parametrize("looks", [0, -1, 2.5, True, "60"])
def test_looks_that_are_no_number_of_intervals_are_refused_with_what_is_allowed(looks: object) -> None:
    with pytest.raises(ConfigurationError, match=f"looks is {looks!r}: give how many intervals a rollout takes, 1 or "):
        backtest([], looks=looks)


# What is proposed


def test_a_day_of_independent_events_is_proposed_independent() -> None:
    proposal = backtest(past(1)).proposal
    assert (proposal.finding, proposal.mode) == (Finding.INDEPENDENT, "independent")
    assert "as independent ones do" in proposal.reason
    assert proposal.missing_intervals is None


@pytest.mark.parametrize("burst", [3, 10])
@pytest.mark.parametrize("weight", [10, 50])
def test_a_few_hours_of_bursts_are_proposed_bursty(burst: float, weight: float) -> None:
    found = backtest(past(2, 300, burst=burst, weight=weight))
    assert (found.proposal.finding, found.proposal.mode) == (Finding.BURSTY, "bursty")
    assert found.dispersion.phi is not None
    assert found.dispersion.phi.value == pytest.approx(2 * burst - 1, rel=0.4)
    assert "in bursts" in found.proposal.reason


@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_a_side_that_flaps_as_a_whole_gets_no_mode_but_what_to_change(weight: float) -> None:
    proposal = backtest(flapping(3, weight=weight)).proposal
    assert (proposal.finding, proposal.mode) == (Finding.SIDES_FLAP, None)
    assert "for several intervals on end" in proposal.reason
    assert "more targets" in proposal.reason
    assert "baseline of its own size" in proposal.reason


def test_a_drift_too_faint_for_neighbouring_intervals_is_found_over_ten() -> None:
    """Either side's rate wanders by 20 % within ten minutes: one interval in itself shows next to nothing."""
    random = np.random.default_rng(4)
    state, intervals = random.standard_normal(2), []
    for _ in range(DAY):
        state = 0.9 * state + np.sqrt(1 - 0.81) * random.standard_normal(2)
        live, candidate = random.poisson(np.array([5400, 600]) * 0.002 * np.exp(0.2 * state - 0.02))
        intervals.append((Arm(5400, int(live)), Arm(600, int(candidate))))
    found = backtest(intervals)
    assert found.persistence is not None
    assert found.persistence.correlation.value < 0.1
    assert found.proposal.finding is Finding.SIDES_FLAP


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.5, "the candidate side fails 1.5"), (1 / 1.5, "live fails 1.4")], ids=["candidate", "live"]
)
def test_sides_that_fail_unequally_are_no_a_a_and_get_no_mode(ratio: float, words: str) -> None:
    proposal = backtest(past(5, 600, ratio=ratio)).proposal
    assert (proposal.finding, proposal.mode) == (Finding.SIDES_DIFFER, None)
    assert proposal.reason.startswith(words)
    assert "no A/A" in proposal.reason


def test_a_side_that_never_fails_beside_one_that_does_is_no_a_a() -> None:
    proposal = backtest([(Arm(3000, 9), Arm(3000, 0)), (Arm(3000, 6), Arm(3000, 0))] * 40).proposal
    assert (proposal.finding, proposal.mode) == (Finding.SIDES_DIFFER, None)
    assert proposal.reason.startswith("one side has every bad event")


def test_unequal_bursts_are_a_difference_only_where_chance_does_not_explain_it() -> None:
    """Bursts of 30 make a ratio of two thirds in 200 minutes quite likely, and the interval has to know it."""
    assert {backtest(past(seed, 200, burst=30)).proposal.finding for seed in range(8)} == {Finding.BURSTY}


def test_too_short_a_time_is_proposed_bursty_with_how_much_is_missing() -> None:
    proposal = backtest(past(6, 20)).proposal
    missing = TO_RULE_PERSISTENCE_OUT - 20
    assert (proposal.finding, proposal.mode, proposal.missing_intervals) == (Finding.TOO_LITTLE_DATA, "bursty", missing)
    assert "30 intervals with two bad events or more are needed and 20 are there; a rollout of 60 " in proposal.reason
    assert f"; take about {missing} more intervals" in proposal.reason


def test_too_few_bad_events_of_the_smaller_side_are_too_little_data() -> None:
    """Bursts that did not happen to reach the one percent leave no trace."""
    found = backtest(past(7, 300, weight=1))
    assert found.proposal.finding is Finding.TOO_LITTLE_DATA
    assert found.dispersion.smaller < 100
    assert f"must be 100 and is {int(found.dispersion.smaller)};" in found.proposal.reason
    assert found.proposal.missing_intervals == pytest.approx(300 * (100 / found.dispersion.smaller - 1), abs=1)


def test_the_forecast_of_what_is_missing_settles_it() -> None:
    found = backtest(past(9, 100))
    proposal = found.proposal
    assert proposal.finding is Finding.TOO_LITTLE_DATA
    assert f"{LIMIT} parts the modes" in proposal.reason
    phi = found.dispersion.phi
    assert phi is not None
    assert phi.low is not None
    assert phi.high is not None
    assert phi.low < 1 < phi.value
    times = (1.63 * log(phi.high / phi.value) / log(LIMIT)) ** 2
    assert proposal.missing_intervals == ceil(100 * (times - 1)) == 153
    assert "about 160 more intervals" in proposal.reason
    assert backtest(past(9, 100 + proposal.missing_intervals)).proposal.finding is Finding.INDEPENDENT


@pytest.mark.parametrize(
    "intervals",
    [
        [],
        [(None, None)] * 100,
        [(Arm(100, 3), None)] * 100,
        [(Arm(0, 0), Arm(100, 3))] * 100,
        [(Arm(3000, 0), Arm(3000, 0))] * 100,
        [(Arm(3000, 1), Arm(3000, 0))] * 100,
        [(Arm(20, 20), Arm(20, 20))] * 100,
    ],
    ids=["nothing", "silence", "one side", "no requests", "no bad", "lone bad", "all bad"],
)
def test_a_time_that_shows_nothing_is_proposed_bursty_with_what_to_count_instead(intervals: list[Interval]) -> None:
    found = backtest(intervals)
    assert found.dispersion.phi is None
    assert (found.proposal.finding, found.proposal.mode) == (Finding.TOO_LITTLE_DATA, "bursty")
    assert "30 such intervals are needed" in found.proposal.reason
    assert "requests over the SLO" in found.proposal.reason
    assert found.proposal.missing_intervals is None


def test_bad_events_that_fall_more_evenly_than_chance_are_proposed_independent() -> None:
    found = backtest([(Arm(3000, 6 + (n % 3 == 0)), Arm(3000, 6 + (n % 5 == 0))) for n in range(300)])
    assert found.dispersion.phi is not None
    assert found.dispersion.phi.value < 0.05
    assert found.proposal.finding is Finding.INDEPENDENT


def test_a_common_incident_changes_nothing() -> None:
    traffic = Traffic(100, 0.002, (10.0,) * DAY, swing=0.5, incident=(200, 206, 0.05))
    assert backtest(list(traffic.looks(Random(9)))).proposal.finding is Finding.INDEPENDENT


def test_one_storm_on_one_side_is_a_burst_and_no_difference_between_the_sides() -> None:
    calm: list[Interval] = [(Arm(3000, 1), Arm(3000, 1))] * 40
    found = backtest([*calm, (Arm(3000, 2000), Arm(3000, 1000)), *calm])
    assert found.ratio is not None
    assert found.ratio.value < 0.6
    assert (found.proposal.finding, found.proposal.mode) == (Finding.BURSTY, "bursty")


def test_a_time_that_rests_on_one_stretch_is_too_little_data() -> None:
    calm: list[Interval] = [(Arm(3000, 1), Arm(3000, 1))] * 40
    found = backtest([*calm, (Arm(10**13, 5 * 10**12), Arm(10**13, 5 * 10**12)), *calm])
    assert (found.proposal.finding, found.proposal.mode) == (Finding.TOO_LITTLE_DATA, "bursty")
    assert "one stretch of this time has nearly all of the bad events" in found.proposal.reason
    assert found.proposal.missing_intervals is None


@pytest.fixture(scope="module")
def independent_day() -> Backtest:
    return backtest(past(1))


@pytest.mark.parametrize("before", [0, 2000], ids=["short", "silent before"])
def test_a_rollout_longer_than_the_data_leaves_open_what_it_would_have_done(before: int) -> None:
    silent: list[Interval] = [(None, None)] * before
    found = backtest(silent + past(1), looks=2000)
    proposal = found.proposal
    assert found.independent.plays == 0
    assert (proposal.finding, proposal.mode, proposal.missing_intervals) == (Finding.TOO_LITTLE_DATA, "bursty", 560)
    assert ": a rollout of 2000 looks is longer than the data, so that none was replayed; take" in proposal.reason


def test_intervals_without_neighbours_leave_open_whether_a_side_flaps() -> None:
    found = backtest([interval if number % 2 else (None, None) for number, interval in enumerate(past(1))])
    assert found.persistence is None
    proposal = found.proposal
    assert (proposal.finding, proposal.mode, proposal.missing_intervals) == (Finding.TOO_LITTLE_DATA, "bursty", None)
    assert "in 30 or more pairs of intervals with bad events at every distance up to 9; take a " in proposal.reason


def test_an_hour_in_which_flapping_would_not_be_seen_is_too_little_data_and_what_is_missing_settles_it() -> None:
    found = backtest(past(19, 50), looks=25)
    phi, proposal = found.dispersion.phi, found.proposal
    assert phi is not None
    assert phi.high is not None
    assert phi.high <= LIMIT
    assert found.persistence is not None
    assert found.persistence.together.high is not None
    assert found.persistence.together.high > 1.25
    assert (proposal.finding, proposal.mode, proposal.missing_intervals) == (Finding.TOO_LITTLE_DATA, "bursty", 568)
    assert "10 intervals together scatter 0.00 to 1.63 times as much as apart, and above 1.25 a side" in proposal.reason
    assert backtest(past(19, 50 + 568), looks=25).proposal.finding is Finding.INDEPENDENT


@pytest.mark.parametrize(
    ("value", "high", "errors_off", "finding"),
    [
        (0.85, 1.25, 0.0, Finding.INDEPENDENT),
        (0.85, 1.26, 0.0, Finding.TOO_LITTLE_DATA),  # wide, and above the bound
        (1.24, 1.48, 1.9, Finding.INDEPENDENT),  # a width that is narrow enough to see what holds on
        (1.24, 1.50, 1.9, Finding.TOO_LITTLE_DATA),
        (1.25, 1.40, 9.0, Finding.INDEPENDENT),  # certain, and too little to matter
        (1.26, 1.40, 2.59, Finding.TOO_LITTLE_DATA),  # it matters, and is not certain
        (1.26, 1.40, 2.61, Finding.SIDES_FLAP),
        (9.00, 9.10, 2.01, Finding.TOO_LITTLE_DATA),
    ],
)
def test_what_holds_on_is_believed_when_it_is_certain_and_ruled_out_when_it_would_have_been_seen(
    independent_day: Backtest, value: float, high: float, errors_off: float, finding: Finding
) -> None:
    together = Estimate(value, 2 * value - high, high, errors_off)
    assert independent_day.persistence is not None
    holding = Persistence(independent_day.persistence.correlation, together, DAY - 1)
    proposal = replace(independent_day, persistence=holding).proposal
    assert proposal.finding is finding
    if finding is Finding.TOO_LITTLE_DATA:
        assert (proposal.missing_intervals is None) == (value > 1.25)


@pytest.mark.parametrize(("rolled_back", "finding"), [(2, Finding.INDEPENDENT), (3, Finding.BURSTY)])
def test_more_false_alarms_than_promised_are_believed_over_the_dispersion(
    independent_day: Backtest, rolled_back: int, finding: Finding
) -> None:
    replay = Replay("independent", 48, rolled_back, 48 - rolled_back, 0, 5)
    proposal = replace(independent_day, independent=replay).proposal
    assert (proposal.finding, proposal.mode) == (finding, finding.value)
    assert (f"rolled back {rolled_back} of 48 releases" in proposal.reason) is (finding is Finding.BURSTY)


@pytest.mark.parametrize(("plays", "finding"), [(22, Finding.INDEPENDENT), (20, Finding.BURSTY)])
def test_two_false_alarms_are_a_surprise_where_a_good_judge_raises_them_once_in_fifty_times(
    independent_day: Backtest, plays: int, finding: Finding
) -> None:
    """Its chance of two in 22 is 2.0 %, and of two in 20 it is 1.7 %."""
    replay = Replay("independent", plays, 2, plays - 2, 0, 5)
    assert replace(independent_day, independent=replay).proposal.finding is finding


def test_false_alarms_in_bursty_mode_leave_no_mode(independent_day: Backtest) -> None:
    proposal = replace(independent_day, bursty=Replay("bursty", 48, 3, 45, 0, 9)).proposal
    assert (proposal.finding, proposal.mode) == (Finding.SIDES_FLAP, None)
    assert 'even mode "bursty" would have rolled back 3 of 48' in proposal.reason


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20_000), st.sampled_from([0.001, 0.01, 0.05, 0.5]), st.data())
def test_how_many_false_alarms_are_too_many_is_the_binomial_tail(
    independent_day: Backtest, plays: int, false_alarm: float, data: st.DataObject
) -> None:
    likely = int(plays * false_alarm + 4 * (plays * false_alarm) ** 0.5) + 3
    rolled_back = data.draw(st.integers(0, min(plays, likely)))
    replay = Replay("independent", plays, rolled_back, plays - rolled_back, 0, 5)
    found = replace(independent_day, terms=Terms(false_alarm=false_alarm), independent=replay)
    tail = stats.binom.sf(rolled_back - 1, plays, false_alarm)
    if abs(tail - 0.02) > 1e-6:
        assert (found.proposal.finding is Finding.BURSTY) == (tail < 0.02)


# How often it is right


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("traffic", "finding"),
    [
        ({}, Finding.INDEPENDENT),
        ({"weight": 10}, Finding.INDEPENDENT),
        ({"rps": 10, "bad": 0.005}, Finding.INDEPENDENT),
        ({"burst": 3}, Finding.BURSTY),
        ({"burst": 3, "weight": 10}, Finding.BURSTY),
        ({"burst": 10}, Finding.BURSTY),
        ({"burst": 10, "weight": 10}, Finding.BURSTY),
    ],
    ids=str,
)
def test_a_day_of_minutes_is_nearly_always_told_rightly(traffic: dict[str, float], finding: Finding) -> None:
    found = Counter(backtest(past(seed, **traffic)).proposal.finding for seed in range(10, 22))
    assert found[finding] >= 11, found


@pytest.mark.statistics
@pytest.mark.parametrize(("burst", "most"), [(1.0, 0), (1.25, 1)])
def test_a_dispersion_of_one_and_a_half_is_hardly_ever_taken_for_independence(burst: float, most: int) -> None:
    """By the measures alone, without the replay; at 1 the same rule never calls it bursts."""
    wrong = 0
    for seed in range(30):
        phi = dispersion(splits(past(seed, 600, burst=burst))).phi
        assert phi is not None
        assert phi.low is not None
        assert phi.high is not None
        wrong += phi.high <= LIMIT if burst > 1 else phi.low > LIMIT
    assert wrong <= most


@pytest.mark.statistics
@pytest.mark.parametrize("burst", [1, 3])
def test_the_interval_of_the_dispersion_holds_the_truth_as_often_as_it_says(burst: float) -> None:
    truth, held = 2 * burst - 1, 0
    for seed in range(150):
        phi = dispersion(splits(past(seed, 240, bad=0.01, burst=burst))).phi
        assert phi is not None
        assert phi.low is not None
        assert phi.high is not None
        held += phi.low <= truth <= phi.high
    assert held / 150 >= 0.89  # 95 % less three standard errors


@pytest.mark.statistics
def test_the_interval_of_what_intervals_have_together_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(150):
        persisting = persistence(splits(past(seed, 300)))
        assert persisting is not None
        assert persisting.together.low is not None
        assert persisting.together.high is not None
        held += persisting.together.low <= 1 <= persisting.together.high
    assert 0.89 <= held / 150 <= 0.99


@pytest.mark.statistics
def test_mode_independent_breaks_its_promise_at_a_dispersion_of_one_and_a_half() -> None:
    """Why the limit is not the usual 1.5."""
    false_alarms = {}
    for burst in (1.0, 1.25):
        intervals = past(1, 60 * 300, burst=burst)
        found = backtest(intervals)
        false_alarms[burst] = found.independent.false_alarm_rate
        assert found.bursty.false_alarm_rate is not None
        assert found.bursty.false_alarm_rate <= 0.01
    assert false_alarms[1.0] <= 0.01
    assert false_alarms[1.25] >= 0.02
