"""Shares, times and prices of simulated rollouts are those of the rollouts, and agree with a simulation of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.simulation.operating_characteristics import (
    Share,
    Spread,
    furthest_seconds,
    operating_characteristics,
    seconds_to_promotion,
)
from bluegreen_constructs.simulation.traffic import Traffic

NOTHING = (Arm(0, 0), Arm(0, 0))
CALM = (Arm(9000, 18), Arm(1000, 2))
CATASTROPHE = (Arm(9000, 18), Arm(1000, 60))


@dataclass(frozen=True)
class Scripted(Traffic):
    """Traffic that was written down, a script for each run; live's true rate is `bad_rate`, as ever."""

    scripts: tuple[tuple[tuple[Arm, Arm], ...], ...] = ()
    runs: list[None] = field(default_factory=list)

    def looks(self, random: Random) -> Iterator[tuple[Arm, Arm]]:
        self.runs.append(None)
        return iter(self.scripts[len(self.runs) - 1])


def scripted(*scripts: Sequence[tuple[Arm, Arm]]) -> Scripted:
    longest = max(len(script) for script in scripts)
    return Scripted(100, 0.002, weights=(10.0,) * longest, scripts=tuple(tuple(script) for script in scripts))


def traffic(ratio: float = 1.0, looks: int = 30, **given: Any) -> Traffic:
    return Traffic(
        **{"requests_per_second": 100, "bad_rate": 0.002, "weights": (10.0,) * looks, "ratio": ratio} | given
    )


@pytest.mark.parametrize(("count", "runs"), [(0, 1), (1, 1), (0, 2000), (2000, 2000), (3, 2000), (19, 20), (500, 1000)])
def test_a_shares_interval_is_wilsons_as_scipy_has_it(count: int, runs: int) -> None:
    share = Share(count, runs)
    truth = stats.binomtest(count, runs).proportion_ci(0.95, method="wilson")
    assert share.value == count / runs
    assert share.low == pytest.approx(truth.low, abs=1e-7)
    assert share.high == pytest.approx(truth.high, abs=1e-7)


def test_a_run_ends_with_its_first_verdict_and_counts_what_happened_until_then() -> None:
    result = operating_characteristics(scripted([CALM, CATASTROPHE, CATASTROPHE]), Terms(), runs=1, seed=1)
    assert result.unhealthy.share == Share(1, 1)
    assert result.unhealthy.looks == Spread(2, 2)
    assert result.unhealthy.bad == Spread(62, 62)
    assert result.unhealthy.excess == Spread(pytest.approx(58), pytest.approx(58))
    assert (result.healthy.share.count, result.unsure.share.count) == (0, 0)
    assert (result.healthy.looks, result.healthy.bad, result.healthy.excess) == (None, None, None)


def test_a_run_that_nothing_ends_is_unsure_after_all_its_looks() -> None:
    result = operating_characteristics(scripted([CALM, NOTHING, NOTHING]), Terms(), runs=1, seed=1)
    assert result.unsure.share == Share(1, 1)
    assert result.unsure.looks == Spread(3, 3)
    assert result.unsure.excess == Spread(0, 0)


def test_a_release_may_be_promoted_after_its_last_step_only_and_rolled_back_on_the_way() -> None:
    calm = [CALM] * 40
    at_once = operating_characteristics(scripted(calm), Terms(), runs=1, seed=1)
    assert at_once.healthy.looks is not None
    first = int(at_once.healthy.looks.median)
    assert first < 30
    steps = operating_characteristics(scripted(calm), Terms(), runs=1, seed=1, promotes_from=40)
    assert steps.healthy.looks == Spread(40, 40)
    turned = [CALM] * (first + 1) + [CATASTROPHE] * (39 - first)
    late = operating_characteristics(scripted(turned), Terms(), runs=1, seed=1, promotes_from=40)
    assert late.unhealthy.looks == Spread(first + 2, first + 2)


def test_rollback_only_never_promotes_and_rolls_back_as_before() -> None:
    calm, turned = [CALM] * 40, [CALM] * 25 + [CATASTROPHE] * 15
    result = operating_characteristics(scripted(calm, turned), Terms(), runs=2, seed=1, promotes_from=None)
    assert (result.unhealthy.share.count, result.healthy.share.count, result.unsure.share.count) == (1, 0, 1)
    assert result.unhealthy.looks == Spread(26, 26)
    assert result.unsure.looks == Spread(40, 40)


def test_the_median_and_the_tail_are_looks_of_runs_that_ended_so() -> None:
    scripts = [[NOTHING] * before + [CATASTROPHE] for before in range(20)]
    result = operating_characteristics(scripted(*scripts, [CALM]), Terms(), runs=21, seed=1)
    assert result.unhealthy.share == Share(20, 21)
    assert result.unhealthy.looks == Spread(median=10, p95=19)
    assert result.unsure.looks == Spread(1, 1)


def test_the_shares_of_all_verdicts_make_one() -> None:
    result = operating_characteristics(traffic(1.5, looks=12), Terms(), runs=60, seed=3)
    counts = [ending.share.count for ending in (result.unhealthy, result.healthy, result.unsure)]
    assert sum(counts) == result.runs == 60
    assert all(counts)


def test_the_same_seed_gives_the_same_result_and_another_one_does_not() -> None:
    results = [operating_characteristics(traffic(2), Terms(), runs=15, seed=seed) for seed in (1, 1, 2)]
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_progress_is_told_after_every_run() -> None:
    told: list[int] = []
    operating_characteristics(traffic(5, looks=3), Terms(), runs=4, seed=1, completed=told.append)
    assert told == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "given", [{"swing": 0.6}, {"incident": (5, 20, 0.05)}, {"swing": 0.6, "incident": (0, 30, 0.5)}]
)
def test_an_unchanged_release_has_no_excess_whatever_both_sides_meet(given: dict[str, Any]) -> None:
    # Were live's rate another one than the traffic's, the excess would be a large part of the bad events.
    result = operating_characteristics(
        traffic(requests_per_second=2000, **given), Terms(), runs=9, seed=2, promotes_from=None
    )
    assert result.unsure.share.count == 9
    assert result.unsure.bad is not None
    assert result.unsure.excess is not None
    assert abs(result.unsure.excess.median) < 2 * sqrt(result.unsure.bad.median)


def test_the_excess_is_what_the_ratio_adds() -> None:
    late = traffic(3.0, looks=40, ratio_from=20, requests_per_second=10)
    result = operating_characteristics(late, Terms(false_alarm=1e-300), runs=40, seed=2, promotes_from=None)
    assert result.unsure.excess is not None
    # 20 looks of 60 requests of the candidate, at 0.4 % more than live.
    assert result.unsure.excess.median == pytest.approx(20 * 60 * 0.004, abs=2)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"runs": 0}, "runs is 0: give 1 or more"),
        ({"runs": -5}, "runs is -5: give 1 or more"),
        ({"promotes_from": 0}, "promotes_from is 0: give a look from 1 to 30, or None for never"),
        ({"promotes_from": 31}, "promotes_from is 31: give a look from 1 to 30, or None for never"),
        ({"traffic": traffic(looks=0)}, "the traffic has no looks: give one weight for each look"),
    ],
)
def test_what_cannot_be_played_is_refused_with_what_is_allowed(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        operating_characteristics(**{"traffic": traffic(), "terms": Terms(), "runs": 5, "seed": 1} | given)
    assert str(refused.value) == sentence


def test_the_time_to_promotion_is_that_of_rollouts_long_enough() -> None:
    played = operating_characteristics(traffic(looks=80), Terms(), runs=300, seed=4)
    estimate = seconds_to_promotion(traffic(looks=1), Terms())
    assert estimate is not None
    within = operating_characteristics(traffic(looks=int(estimate // 60)), Terms(), runs=300, seed=5)
    assert played.healthy.share.value > 0.98
    assert 0.85 <= within.healthy.share.value <= 0.97


def test_the_time_to_promotion_grows_as_traffic_shrinks_whatever_the_look() -> None:
    many = seconds_to_promotion(traffic(), Terms(), runs=60)
    few = seconds_to_promotion(traffic(requests_per_second=0.1), Terms(), runs=60)
    rarely = seconds_to_promotion(traffic(requests_per_second=0.1, seconds_per_look=3600), Terms(), runs=60)
    assert many is not None
    assert few == pytest.approx(1000 * many, rel=0.3)
    assert rarely == pytest.approx(few, rel=0.3)


def test_the_time_to_promotion_holds_for_the_last_weight() -> None:
    ramp = traffic(weights=(1.0, 50.0))
    assert seconds_to_promotion(ramp, Terms()) == seconds_to_promotion(traffic(weights=(50.0,)), Terms())


def test_where_nothing_fails_there_is_a_time_to_promotion_only_with_a_negligible_rate() -> None:
    silent = traffic(bad_rate=0.0)
    assert seconds_to_promotion(silent, Terms()) is None
    assert seconds_to_promotion(silent, Terms(negligible=0.0005)) == pytest.approx(15 * 60, rel=0.1)


def test_a_time_to_promotion_of_years_is_none() -> None:
    assert seconds_to_promotion(traffic(requests_per_second=1e-4), Terms()) is None
    assert furthest_seconds(traffic(), Terms()) == 365 * 86_400


def test_bursty_evidence_is_estimated_look_by_look_and_not_as_far() -> None:
    terms = Terms(mode="bursty")
    estimate = seconds_to_promotion(traffic(), terms, runs=20)
    independent = seconds_to_promotion(traffic(), Terms(), runs=20)
    assert estimate is not None
    assert independent is not None
    assert independent < estimate < furthest_seconds(traffic(), terms) == 2000 * 60


def simulated_again(ratio: float, *, runs: int, looks: int, seed: int) -> dict[str, Any]:
    """The same rollouts in numpy, from the formulas alone: 100 requests/s, 0.2 %, 10 %, default terms."""
    generator = np.random.default_rng(seed)
    ratios = np.array([1.3, 1.6, 2.0, 2.5, 3.2, 5.0, 10.0, 30.0])
    stakes = np.array([0.05, 0.15, 0.25, 0.2, 0.15, 0.1, 0.06, 0.04])
    below = 2.0 ** (np.array([-0.75, -0.25, 0.05, 0.4]) - 1)
    below_stakes = np.array([0.15, 0.25, 0.4, 0.2])

    def reserve(live_bad: Any) -> Any:
        return 0.5 / np.sqrt(1 + live_bad / 50)

    harm = np.tile(0.5 * stakes, (runs, 1))
    safety = np.tile(below_stakes, (runs, 1))
    live_bad, bad, requests = (np.zeros(runs, dtype=int) for _ in range(3))
    ended = np.zeros(runs, dtype=int)  # 1 rolled back, 2 promoted
    look = np.full(runs, looks)
    excess = np.zeros(runs)
    for number in range(1, looks + 1):
        live_good = generator.poisson(5400 * 0.998, runs)
        x_live = generator.poisson(5400 * 0.002, runs)
        good = generator.poisson(600 * (1 - 0.002 * ratio), runs)
        x = generator.poisson(600 * 0.002 * ratio, runs)
        odds = (good + x) / (live_good + x_live)
        for capital, at, factor in ((harm, ratios, 1.0), (safety, below, 2.0)):
            null = (odds * factor / (1 + odds * factor))[:, None]
            alternative = null * at / (1 + null * (at - 1))
            paid = (alternative / null) ** x[:, None] * ((1 - alternative) / (1 - null)) ** x_live[:, None]
            np.multiply(capital, paid, out=capital)
        freed = reserve(live_bad) - reserve(live_bad + x_live)
        harm += freed[:, None] * stakes
        live_bad, bad, requests = live_bad + x_live, bad + x, requests + good + x
        running = ended == 0
        unhealthy = running & (harm.sum(axis=1) + reserve(live_bad) >= 100) & (bad >= 2)
        healthy = running & ~unhealthy & (safety.sum(axis=1) >= 20) & (bad + live_bad >= 2)
        for which, code in ((unhealthy, 1), (healthy, 2)):
            ended[which], look[which] = code, number
            excess[which] = bad[which] - 0.002 * requests[which]
    return {"ended": ended, "look": look, "excess": excess}


@pytest.mark.statistics
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
def test_shares_times_and_excess_agree_with_a_simulation_from_the_formulas_alone(ratio: float) -> None:
    result = operating_characteristics(traffic(ratio, looks=60), Terms(), runs=1200, seed=11)
    again = simulated_again(ratio, runs=20_000, looks=60, seed=12)
    for ending, code in ((result.unhealthy, 1), (result.healthy, 2), (result.unsure, 0)):
        truth = float(np.mean(again["ended"] == code))
        # Five standard deviations, or five runs where there are hardly any.
        assert abs(ending.share.value - truth) < 5 * sqrt(truth * (1 - truth) / 1200) + 5 / 1200
    for ending, code in ((result.unhealthy, 1), (result.healthy, 2)):
        of_those = again["ended"] == code
        if ending.share.count < 300:
            continue
        assert ending.looks is not None
        assert ending.excess is not None
        assert ending.looks.median == pytest.approx(np.median(again["look"][of_those]), rel=0.12, abs=1)
        assert ending.looks.p95 == pytest.approx(np.quantile(again["look"][of_those], 0.95), rel=0.12, abs=1)
        assert ending.excess.median == pytest.approx(np.median(again["excess"][of_those]), rel=0.1, abs=1.5)
        assert ending.excess.p95 == pytest.approx(np.quantile(again["excess"][of_those], 0.95), rel=0.1, abs=1.5)
