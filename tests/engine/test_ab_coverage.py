"""The promise of the interval is kept: simulated A/B tests, looked at after every interval and stopped at the worst."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import pytest
from scipy.stats import beta

from bluegreen_constructs.engine.ab_effect import AbEvidence, Difference
from bluegreen_constructs.engine.model import Arm

pytestmark = pytest.mark.statistics

RUNS, LOOKS = 400, 25


@dataclass(frozen=True)
class AbTest:
    """An A/B test: live's rate of events, the ratio of the candidate's, and the requests of both sides in each look."""

    rate: float
    ratio: float
    live: tuple[int, ...]
    candidate: tuple[int, ...]
    swing: float = 0.0

    def runs(self) -> Iterator[list[tuple[Arm, Arm]]]:
        """`RUNS` of it, always the same ones; live's rate swings from look to look, and the candidate's with it."""
        draw = np.random.default_rng(20261)
        rates = self.rate * (1 + self.swing * np.sin(np.arange(LOOKS)))
        for _ in range(RUNS):
            y, x = draw.binomial(self.live, rates), draw.binomial(self.candidate, rates * self.ratio)
            yield [
                (Arm(n, int(events_of_live)), Arm(m, int(events)))
                for n, events_of_live, m, events in zip(self.live, y, self.candidate, x, strict=True)
            ]


def split(requests: int, *percents: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    weights = [percent for percent in percents for _ in range(LOOKS // len(percents))]
    return tuple(requests * (100 - w) // 100 for w in weights), tuple(requests * w // 100 for w in weights)


TESTS = {
    "A/A, errors at 10 %": AbTest(0.01, 1.0, *split(6000, 10)),
    "A/A, conversions at 50 %": AbTest(0.04, 1.0, *split(2000, 50)),
    "A/B, a lift of 10 %": AbTest(0.1, 1.1, *split(4000, 50)),
    "A/B, a third fewer": AbTest(0.05, 0.667, *split(3000, 50)),
    "A/B, twice the errors, a changing split and rate": AbTest(0.01, 2.0, *split(6000, 1, 5, 10, 25, 50), swing=0.5),
    "A/B, beyond the grid": AbTest(0.005, 12.0, *split(4000, 50)),
}


def upper_bound(count: int, runs: int) -> float:
    """Clopper and Pearson's, one-sided at 95 %."""
    return float(beta.ppf(0.95, count + 1, runs - count))


def ever_excludes(run: list[tuple[Arm, Arm]], ratio: float) -> bool:
    evidence = AbEvidence()
    for live, candidate in run:
        evidence = evidence.observe(live, candidate)
        low, high = evidence.interval()
        if not low < ratio < high:
            return True
    return False


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_the_true_ratio_is_ever_excluded_in_at_most_one_of_twenty_tests(test: AbTest) -> None:
    excluded = sum(ever_excludes(run, test.ratio) for run in test.runs())
    assert upper_bound(excluded, RUNS) <= 0.05


def test_an_interval_for_one_look_would_exclude_it_far_more_often() -> None:
    # So the tests above can fail: the same runs, judged by the interval of a log ratio that is meant for a single look.
    test, excluded = TESTS["A/A, conversions at 50 %"], 0
    for run in test.runs():
        live, candidate = Arm(0, 0), Arm(0, 0)
        for more_live, more_candidate in run:
            live, candidate = live + more_live, candidate + more_candidate
            if abs(log(candidate.bad / live.bad)) > 1.96 * sqrt(1 / candidate.bad + 1 / live.bad):
                excluded += 1
                break
    assert excluded > 0.15 * RUNS


def test_a_real_difference_is_shown_in_most_tests_and_hardly_ever_the_other_way_round() -> None:
    shown = []
    for run in TESTS["A/B, a third fewer"].runs():
        evidence = AbEvidence()
        for live, candidate in run:
            evidence = evidence.observe(live, candidate)
        shown.append(evidence.verdict())
    assert shown.count(Difference.CANDIDATE_LOWER) > 0.99 * RUNS
    assert shown.count(Difference.CANDIDATE_HIGHER) == 0
