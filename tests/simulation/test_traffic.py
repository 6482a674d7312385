"""Made-up traffic is what it says: exact Poisson counts, bursts of the right size, and one world for both sides."""

from collections import Counter
from itertools import pairwise
from math import sqrt
from random import Random
from statistics import fmean, variance
from typing import Any

import pytest
from scipy import stats

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.simulation.traffic import Traffic, poisson


def played(traffic: Traffic, seed: int = 1) -> tuple[list[Arm], list[Arm]]:
    looks = list(traffic.looks(Random(seed)))
    return [live for live, _ in looks], [candidate for _, candidate in looks]


def bad_rate(arms: list[Arm]) -> float:
    return sum(arm.bad for arm in arms) / sum(arm.requests for arm in arms)


@pytest.mark.parametrize("mean", [0.05, 0.9, 4.0, 9.999, 10.0, 10.5, 27.3, 900.0])
def test_poisson_numbers_have_the_distribution_of_scipy(mean: float) -> None:
    random, draws = Random(7), 8000
    counts = Counter(poisson(random, mean) for _ in range(draws))
    truth = stats.poisson(mean)
    # Cells of equal expectation, so that chi-square holds in the tails, too.
    edges = sorted({int(truth.ppf(share / 20)) for share in range(1, 20)})
    below = [sum(count for number, count in counts.items() if number <= edge) for edge in edges]
    observed = [below[0], *(high - low for low, high in pairwise(below)), draws - below[-1]]
    cumulated = [truth.cdf(edge) for edge in edges]
    shares = [cumulated[0], *(high - low for low, high in pairwise(cumulated))]
    expected = [draws * share for share in (*shares, 1 - cumulated[-1])]
    assert sum(observed) == draws
    assert stats.chisquare(observed, expected).pvalue > 0.001


@pytest.mark.parametrize("mean", [1e5, 1e9])
def test_large_poisson_numbers_have_mean_and_variance_alike(mean: float) -> None:
    random, draws = Random(3), 4000
    numbers = [poisson(random, mean) for _ in range(draws)]
    assert abs(fmean(numbers) - mean) < 4 * sqrt(mean / draws)
    assert variance(numbers) / mean == pytest.approx(1, abs=4 * sqrt(2 / draws))


def test_a_poisson_number_of_mean_zero_is_zero() -> None:
    assert {poisson(Random(seed), 0.0) for seed in range(50)} == {0}


def test_the_same_seed_gives_the_same_traffic_and_another_one_does_not() -> None:
    traffic = Traffic(100, 0.01, weights=(10.0,) * 20, burst=3)
    assert played(traffic, seed=5) == played(traffic, seed=5)
    assert played(traffic, seed=5) != played(traffic, seed=6)


def test_there_is_one_look_a_weight_and_the_candidate_gets_its_weight_of_the_requests() -> None:
    live, candidate = played(Traffic(1000, 0.01, weights=(1.0, 5.0, 50.0), seconds_per_look=100))
    assert len(live) == len(candidate) == 3
    for one, other, weight in zip(live, candidate, (1.0, 5.0, 50.0), strict=True):
        assert one.requests + other.requests == pytest.approx(100_000, rel=0.02)
        assert other.requests / (one.requests + other.requests) == pytest.approx(weight / 100, rel=0.15)


def test_the_candidate_fails_as_many_times_as_often_as_the_ratio_says() -> None:
    live, candidate = played(Traffic(10_000, 0.01, weights=(50.0,) * 20, ratio=3))
    assert bad_rate(live) == pytest.approx(0.01, rel=0.02)
    assert bad_rate(candidate) == pytest.approx(0.03, rel=0.02)


def test_before_ratio_from_the_candidate_fails_as_often_as_live() -> None:
    _, candidate = played(Traffic(10_000, 0.01, weights=(50.0,) * 20, ratio=4, ratio_from=12))
    assert bad_rate(candidate[:12]) == pytest.approx(0.01, rel=0.03)
    assert bad_rate(candidate[12:]) == pytest.approx(0.04, rel=0.03)


def test_a_ratio_that_exceeds_all_requests_lets_all_of_them_fail() -> None:
    _, candidate = played(Traffic(100, 0.5, weights=(50.0,) * 5, ratio=10))
    assert all(arm.bad == arm.requests > 0 for arm in candidate)


def test_bursts_leave_the_mean_and_stretch_the_variance() -> None:
    size = 10.0
    live, _ = played(Traffic(1000, 0.01, weights=(50.0,) * 4000, seconds_per_look=10, burst=size))
    bad = [arm.bad for arm in live]
    expected = 1000 * 10 * 0.5 * 0.01
    # A Poisson number of bursts of geometric size: its variance is 2 * size - 1 times its mean.
    assert fmean(bad) == pytest.approx(expected, abs=4 * sqrt(expected * (2 * size - 1) / 4000))
    assert variance(bad) / fmean(bad) == pytest.approx(2 * size - 1, rel=0.15)


def test_without_bursts_the_bad_events_have_the_variance_of_independent_ones() -> None:
    live, _ = played(Traffic(1000, 0.01, weights=(50.0,) * 4000, seconds_per_look=10))
    bad = [arm.bad for arm in live]
    assert variance(bad) / fmean(bad) == pytest.approx(1, rel=0.1)


def test_an_incident_in_which_more_than_all_requests_fail_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"the incident's bad rate is 1\.5: give a share from 0 to 1"):
        Traffic(100, 0.002, weights=(10.0,), incident=(0, 1, 1.5))


def test_an_incident_hits_both_sides_and_only_between_its_looks() -> None:
    live, candidate = played(Traffic(1000, 0.001, weights=(50.0,) * 30, incident=(10, 15, 0.2)))
    for arms in (live, candidate):
        assert bad_rate(arms[10:15]) == pytest.approx(0.2, rel=0.05)
        assert bad_rate(arms[:10] + arms[15:]) == pytest.approx(0.001, rel=0.2)


def test_a_side_flaps_as_a_whole_as_often_as_told_and_independently_of_the_other() -> None:
    live, candidate = played(Traffic(1000, 0.001, weights=(10.0,) * 4000, seconds_per_look=10, flap=(0.25, 0.5)))
    flaps = [
        (one.bad > one.requests / 4, other.bad > other.requests / 4) for one, other in zip(live, candidate, strict=True)
    ]
    for side in (0, 1):
        # Whatever its traffic: the candidate with its tenth flaps as often as live.
        assert fmean(flap[side] for flap in flaps) == pytest.approx(0.25, abs=4 * sqrt(0.25 * 0.75 / 4000))
    assert fmean(flap == (True, True) for flap in flaps) == pytest.approx(0.0625, abs=4 * sqrt(0.0625 / 4000))
    for arms, side in ((live, 0), (candidate, 1)):
        in_flap = [arm for arm, flap in zip(arms, flaps, strict=True) if flap[side]]
        outside = [arm for arm, flap in zip(arms, flaps, strict=True) if not flap[side]]
        assert bad_rate(in_flap) == pytest.approx(0.5, rel=0.02)
        assert bad_rate(outside) == pytest.approx(0.001, rel=0.1)


def test_the_ratio_and_an_incident_count_only_outside_of_a_flap() -> None:
    _, never = played(Traffic(10_000, 0.01, weights=(50.0,) * 20, ratio=4, flap=(0.0, 0.3)))
    assert bad_rate(never) == pytest.approx(0.04, rel=0.03)
    for incident in (None, (0, 20, 0.5)):
        live, always = played(Traffic(10_000, 0.01, weights=(50.0,) * 20, ratio=4, incident=incident, flap=(1.0, 0.3)))
        assert bad_rate(always) == pytest.approx(0.3, rel=0.02)
        assert bad_rate(live) == pytest.approx(0.3, rel=0.02)


def test_traffic_without_a_flap_keeps_its_numbers() -> None:
    # As they were before there were flaps: the tables of docs/statistics.md rest on such numbers.
    traffic = Traffic(
        20, 0.05, (5.0, 50.0, 25.0), ratio=3, ratio_from=1, burst=2, swing=0.5, incident=(2, 3, 0.2), flap=None
    )
    assert list(traffic.looks(Random(11))) == [
        (Arm(1160, 82), Arm(56, 4)),
        (Arm(631, 41), Arm(597, 88)),
        (Arm(985, 182), Arm(352, 213)),
    ]


def test_traffic_swings_over_sixty_looks_with_the_rate_of_bad_events() -> None:
    live, _ = played(Traffic(10_000, 0.01, weights=(10.0,) * 60, swing=0.5))
    high, low = live[10:20], live[40:50]
    assert sum(arm.requests for arm in high) / sum(arm.requests for arm in low) == pytest.approx(2.8, rel=0.1)
    assert bad_rate(high) / bad_rate(low) == pytest.approx(2.8, rel=0.1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"requests_per_second": -1}, "requests_per_second is -1: give a number from 0 to 1e+07"),
        ({"requests_per_second": float("nan")}, "requests_per_second is nan: give a number from 0 to 1e+07"),
        ({"requests_per_second": float("inf")}, "requests_per_second is inf: give a number from 0 to 1e+07"),
        ({"bad_rate": 1.01}, "bad_rate is 1.01: give a number from 0 to 1"),
        ({"bad_rate": -0.01}, "bad_rate is -0.01: give a number from 0 to 1"),
        ({"ratio": -1}, "ratio is -1: give a number from 0 to 10000"),
        ({"seconds_per_look": 0.5}, "seconds_per_look is 0.5: give a number from 1 to 86400"),
        ({"burst": 0.5}, "burst is 0.5: give a number from 1 to 1e+06"),
        ({"swing": 1.0}, "swing is 1: give a number from 0 to 0.99"),
        ({"flap": (1.5, 0.1)}, "the flap's chance is 1.5: give a share from 0 to 1"),
        ({"flap": (-0.1, 0.1)}, "the flap's chance is -0.1: give a share from 0 to 1"),
        ({"flap": (0.1, 2)}, "the flap's bad rate is 2: give a share from 0 to 1"),
        ({"flap": (0.1, float("nan"))}, "the flap's bad rate is nan: give a share from 0 to 1"),
        ({"weights": (10.0, 0.0)}, "a weight is 0: give percent above 0 and below 100"),
        ({"weights": (100.0,)}, "a weight is 100: give percent above 0 and below 100"),
        ({"weights": (float("nan"),)}, "a weight is nan: give percent above 0 and below 100"),
    ],
)
def test_traffic_that_cannot_be_is_refused_with_what_is_allowed(given: dict[str, Any], sentence: str) -> None:
    possible: dict[str, Any] = {"requests_per_second": 100, "bad_rate": 0.01, "weights": (10.0,)}
    with pytest.raises(ConfigurationError) as refused:
        Traffic(**{**possible, **given})
    assert str(refused.value) == sentence
