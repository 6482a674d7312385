"""What past counts show of bursts, of unequal sides and of neighbours, against scipy and numpy."""

from collections.abc import Sequence
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.planning.backtest import backtest
from bluegreen_constructs.planning.dispersion import (
    BLOCKS,
    PERSISTENCE_SPAN,
    Interval,
    dispersion,
    failure_ratio,
    persistence,
)
from bluegreen_constructs.planning.proposal import Finding
from tests.past_traffic import INTERVALS, exchanged, past, splits


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
