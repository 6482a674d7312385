"""The odds that the comparison states are kept: thousands of simulated rollouts, judged by the real class.

benchmarks/judgement asks more questions of more runs; these are the ones whose answer must not get worse unnoticed.
"""

import pytest

from bluegreen_constructs import ErrorComparison
from bluegreen_constructs.engine.comparison import Mode
from bluegreen_constructs.simulation.operating_characteristics import (
    OperatingCharacteristics,
    operating_characteristics,
)
from bluegreen_constructs.simulation.traffic import Traffic

pytestmark = pytest.mark.statistics

TEN_PERCENT, RAMP = (10.0,) * 60, tuple(weight for weight in (1.0, 5.0, 10.0, 25.0, 50.0) for _ in range(5))


def ended(
    traffic: Traffic, runs: int, *, mode: Mode = "independent", promotes: bool = True
) -> OperatingCharacteristics:
    return operating_characteristics(
        traffic, ErrorComparison(mode=mode), runs=runs, seed=2026, promotes_from=1 if promotes else None
    )


@pytest.mark.parametrize(
    ("traffic", "mode"),
    [
        (Traffic(10, 0.005, TEN_PERCENT), "independent"),
        (Traffic(100, 0.002, TEN_PERCENT), "independent"),
        (Traffic(100, 0.002, TEN_PERCENT, incident=(20, 26, 0.05)), "independent"),
        (Traffic(100, 0.002, RAMP * 2, swing=0.5), "independent"),
        (Traffic(100, 0.002, TEN_PERCENT, burst=10), "bursty"),
    ],
    ids=["10 rps", "100 rps", "common incident", "changing weights and traffic", "bursts of 10"],
)
def test_an_unchanged_release_is_rolled_back_in_at_most_one_of_a_hundred_rollouts(traffic: Traffic, mode: Mode) -> None:
    assert ended(traffic, 1200, mode=mode, promotes=False).unhealthy.share.high < 0.01


def test_bursts_break_the_promise_of_the_independent_mode() -> None:
    found = ended(Traffic(100, 0.002, TEN_PERCENT, burst=10), 200, promotes=False)
    assert found.unhealthy.share.low > 0.1


def test_a_release_at_the_margin_is_promoted_in_at_most_one_of_twenty() -> None:
    found = ended(Traffic(100, 0.002, TEN_PERCENT, ratio=2), 2500)
    assert found.healthy.share.high < 0.05
    assert found.unhealthy.share.value >= 0.96


def test_a_release_that_fails_three_times_as_often_is_hardly_ever_promoted() -> None:
    assert ended(Traffic(100, 0.002, TEN_PERCENT, ratio=3), 3000).healthy.share.value <= 0.002


def test_a_doubling_is_found_within_sixteen_looks_and_five_times_within_two() -> None:
    double = ended(Traffic(100, 0.002, TEN_PERCENT, ratio=2), 600, promotes=False).unhealthy
    assert double.share.value >= 0.99
    assert double.looks is not None
    assert double.looks.median <= 16
    five = ended(Traffic(100, 0.002, TEN_PERCENT, ratio=5), 600, promotes=False).unhealthy
    assert five.looks is not None
    assert five.looks.median <= 2


@pytest.mark.parametrize("requests_per_second", [100, 1000])
@pytest.mark.parametrize("ratio", [3, 10])
def test_a_bad_release_costs_few_failed_requests_on_the_ramp(requests_per_second: float, ratio: float) -> None:
    found = ended(Traffic(requests_per_second, 0.002, RAMP, ratio=ratio), 600, promotes=False).unhealthy
    assert found.excess is not None
    assert found.excess.median <= 15
    assert found.excess.p95 <= 30


@pytest.mark.parametrize(("weight", "looks"), [(10.0, 40), (50.0, 20)])
def test_an_unchanged_release_is_promoted(weight: float, looks: int) -> None:
    assert ended(Traffic(100, 0.002, (weight,) * looks), 1500).healthy.share.value >= 0.985


def test_what_turns_bad_late_is_found_as_if_it_were_new() -> None:
    late = ended(Traffic(100, 0.002, (10.0,) * 90, ratio=3, ratio_from=30), 400, promotes=False).unhealthy
    assert late.share.value >= 0.99
    assert late.looks is not None
    assert late.looks.median - 30 <= 10


def test_below_one_request_a_second_it_stays_unsure() -> None:
    assert ended(Traffic(0.5, 0.002, TEN_PERCENT), 400).unsure.share.value > 0.99
