"""The judges that stand beside ours: against scipy, and against what their makers' own tests and users report."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from benchmarks.judgement.fixed_threshold import AlarmInARow, FailureLimit
from benchmarks.judgement.judge import Answer, Judge
from benchmarks.judgement.mann_whitney import MannWhitney, is_high, shift
from benchmarks.judgement.our_judge import OurJudge
from benchmarks.judgement.peeking import PeekingZTest
from benchmarks.judgement.plain_grid import PlainGrid
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.model import Arm, Verdict
from bluegreen_constructs.simulation.traffic import Traffic

LIVE = Arm(9000, 18)


def answers(judge: Judge, looks: list[tuple[Arm, Arm]]) -> list[Answer]:
    sitting = judge.start(len(looks))
    return [sitting.observe(live, candidate) for live, candidate in looks]


def of_candidate(judge: Judge, *bad: int) -> list[Answer]:
    """Looks of 1000 requests of the candidate with so many bad ones."""
    return answers(judge, [(LIVE, Arm(1000, number)) for number in bad])


def series(random: Random, length: int, highest: int) -> np.ndarray:
    """Whole numbers, so that there are ties and halves lie between all differences."""
    return np.array([float(random.randint(0, highest)) for _ in range(length)])


# Mann-Whitney, as Kayenta judges


@pytest.mark.parametrize("highest", [3, 30, 3000])
@pytest.mark.parametrize("sizes", [(6, 6), (10, 15), (60, 60)])
def test_the_interval_holds_exactly_the_shifts_that_scipy_does_not_reject(highest, sizes):
    random = Random(f"{highest} {sizes}")
    for _ in range(10):
        candidate, live = series(random, sizes[0], highest) + random.randint(0, 3), series(random, sizes[1], highest)
        found = shift(candidate, live)
        lowest, largest = candidate.min() - live.max(), candidate.max() - live.min()

        def chance(shifted_by, candidate=candidate, live=live):
            test = stats.mannwhitneyu(candidate - shifted_by, live, method="asymptotic", alternative="two-sided")
            return test.pvalue

        assert chance(found.low + 0.5) >= 0.02 or found.low == found.high
        assert chance(found.high - 0.5) >= 0.02 or found.low == found.high
        assert found.low == lowest or chance(found.low - 0.5) < 0.02
        assert found.high == largest or chance(found.high + 0.5) < 0.02
        assert found.estimate == np.median(np.subtract.outer(candidate, live))


def test_the_interval_and_the_estimate_are_those_of_kayentas_own_test():
    found = shift(np.array([10.0, 20, 30, 40]), np.array([1.0, 2, 3, 4]), confidence=0.95)
    assert (found.low, found.high, found.estimate) == (6, 39, 22.5)


def test_seven_of_ten_points_at_100_against_an_all_1_live_side_pass_and_eight_are_high():
    live = np.ones(10)
    seven, eight = np.array([100.0] * 7 + [1.0] * 3), np.array([100.0] * 8 + [1.0] * 2)
    found = shift(seven, live)
    # The user who reported it saw 0.00007, 99 and 98.9999, up to the tolerance of a root finder.
    assert (found.low, found.high, found.estimate) == (0, 99, 99)
    assert not is_high(seven, live)
    assert is_high(eight, live)


def test_a_few_errors_against_none_pass_as_users_report():
    assert not is_high(np.array([0.0, 1, 2, 1, 0, 0]), np.zeros(6))


@pytest.mark.parametrize("points", [3, 4, 5])
def test_below_five_points_a_side_no_shift_can_be_rejected_and_the_interval_ends_with_the_data(points):
    candidate, live = np.arange(points) * 10.0 + 10, np.arange(points) + 1.0
    rejected = stats.mannwhitneyu(candidate, live, method="asymptotic").pvalue < 0.02
    assert rejected == (points >= 5)
    assert shift(candidate, live).low == candidate.min() - live.max()


def test_constant_series_that_differ_are_high_and_equal_ones_pass():
    assert is_high(np.full(10, 0.02), np.full(10, 0.01))
    assert not is_high(np.full(10, 0.01), np.full(10, 0.02))
    assert not is_high(np.full(10, 0.01), np.full(7, 0.01))
    assert not is_high(np.array([1.0, 2, 3]), np.array([3.0, 1, 2]))


def test_mann_whitney_speaks_only_at_the_end():
    worse, same = [(Arm(1000, 2), Arm(1000, 9))] * 20, [(Arm(1000, 2), Arm(1000, 2))] * 20
    assert answers(MannWhitney(), worse) == [Answer.NOTHING] * 19 + [Answer.ROLLBACK]
    assert answers(MannWhitney(), same) == [Answer.NOTHING] * 19 + [Answer.PROMOTE]


def test_mann_whitney_drops_looks_without_requests_and_fails_a_side_without_any():
    worse = [(Arm(1000, 2), Arm(1000, 9))] * 20
    holes = [(Arm(1000, 2), Arm(0, 0)), (Arm(0, 0), Arm(1000, 9))] * 20
    assert answers(MannWhitney(), holes)[-1] is Answer.ROLLBACK
    assert answers(MannWhitney(), worse[:1] + holes[:1])[-1] is Answer.ROLLBACK
    assert answers(MannWhitney(), [(Arm(1000, 2), Arm(0, 0))] * 20)[-1] is Answer.ROLLBACK


# Fixed thresholds


def test_the_fourth_failed_look_is_one_too_many_for_a_failure_limit_of_three():
    assert of_candidate(FailureLimit(), 11, 0, 11, 0, 0, 11, 0, 11) == [Answer.NOTHING] * 7 + [Answer.ROLLBACK]
    assert of_candidate(FailureLimit(), 11, 0, 11, 0, 0, 11, 0, 0) == [Answer.NOTHING] * 7 + [Answer.PROMOTE]


def test_the_alarm_needs_two_failed_looks_in_a_row():
    assert of_candidate(AlarmInARow(), 11, 0, 11, 0, 11, 0) == [Answer.NOTHING] * 5 + [Answer.PROMOTE]
    assert of_candidate(AlarmInARow(), 0, 11, 11, 0)[2] is Answer.ROLLBACK


def test_exactly_one_percent_is_not_above_the_threshold():
    assert of_candidate(AlarmInARow(), *[10] * 6)[-1] is Answer.PROMOTE
    assert of_candidate(FailureLimit(), *[10] * 6)[-1] is Answer.PROMOTE


def test_a_look_without_requests_is_no_measurement():
    looks = [(LIVE, Arm(1000, 11)), (LIVE, Arm(0, 0)), (LIVE, Arm(1000, 11)), (LIVE, Arm(1000, 0))]
    assert answers(AlarmInARow(), looks)[2] is Answer.ROLLBACK


def test_a_threshold_cannot_tell_an_incident_of_both_sides_from_a_bad_release():
    incident = [(Arm(9000, 450), Arm(1000, 50))] * 6
    assert Answer.ROLLBACK in answers(FailureLimit(), incident)
    assert Answer.ROLLBACK not in answers(OurJudge("ours", "independent"), incident)


# The z-test


def test_the_z_test_rejects_when_the_chi_square_test_of_scipy_does():
    random = Random(1)
    seen = set()
    for _ in range(300):
        live, candidate = Arm(9000, random.randint(1, 60)), Arm(1000, random.randint(1, 20))
        table = [[candidate.bad, 1000 - candidate.bad], [live.bad, 9000 - live.bad]]
        one_sided = stats.chi2_contingency(table, correction=False).pvalue / 2
        worse = candidate.bad / 1000 > live.bad / 9000
        answer = answers(PeekingZTest(), [(live, candidate)])[0]
        assert (answer is Answer.ROLLBACK) == (worse and one_sided < 0.01)
        seen.add(answer)
    assert seen == {Answer.ROLLBACK, Answer.PROMOTE}


def test_the_z_test_sums_its_looks_and_bears_looks_without_anything():
    look = (Arm(9000, 18), Arm(1000, 5))
    nothing = (Arm(0, 0), Arm(0, 0))
    assert answers(PeekingZTest(), [look, nothing, look, look])[:2] == [Answer.NOTHING] * 2
    assert answers(PeekingZTest(), [look, nothing, look, look])[3] is Answer.ROLLBACK


# The plain grid and ours


def test_the_plain_grid_rolls_back_where_the_mean_of_its_likelihood_ratios_reaches_100():
    ratios = (1.25, 1.5, 2, 3, 5, 8, 15, 40)
    seen = set()
    for bad in range(30):
        live, candidate = Arm(9000, 10), Arm(1000, bad)
        share = {ratio: ratio * 1000 / (ratio * 1000 + 9000) for ratio in (1, *ratios)}
        likelihood = {ratio: stats.binom.pmf(bad, bad + 10, share[ratio]) for ratio in share}
        evidence = sum(likelihood[ratio] for ratio in ratios) / len(ratios) / likelihood[1]
        answer = answers(PlainGrid(), [(live, candidate)])[0]
        assert (answer is Answer.ROLLBACK) == (evidence >= 100)
        seen.add(answer)
    assert Answer.ROLLBACK in seen
    assert Answer.NOTHING in seen


def test_the_plain_grid_promotes_where_its_evidence_against_twice_as_bad_reaches_20():
    shares = {0.5: 0.1, 0.75: 0.15, 0.9: 0.2, 1.0: 0.3, 1.15: 0.15, 1.3: 0.1}
    seen = set()
    for bad in range(20):
        live, candidate = Arm(9000, 90), Arm(1000, bad)
        likelihood = {
            ratio: stats.binom.pmf(bad, bad + 90, ratio * 1000 / (ratio * 1000 + 9000)) for ratio in (2, *shares)
        }
        evidence = sum(share * likelihood[ratio] for ratio, share in shares.items()) / likelihood[2]
        answer = answers(PlainGrid(), [(live, candidate)])[0]
        assert (answer is Answer.PROMOTE) == (evidence >= 20)
        seen.add(answer)
    assert seen == {Answer.PROMOTE, Answer.NOTHING}


@pytest.mark.parametrize("mode", ["independent", "bursty"])
def test_ours_answers_with_the_verdict_of_the_class_that_users_import(mode):
    meant = {Verdict.UNHEALTHY: Answer.ROLLBACK, Verdict.HEALTHY: Answer.PROMOTE, Verdict.UNSURE: Answer.NOTHING}
    seen = set()
    for ratio in (1, 4):
        looks = list(Traffic(100, 0.002, (25.0,) * 60, ratio=ratio).looks(Random(7)))
        evidence, expected = ErrorComparison(mode=mode).start(), []
        for live, candidate in looks:
            evidence = evidence.observe(live, candidate)
            expected.append(meant[evidence.verdict])
        assert answers(OurJudge("ours", mode), looks) == expected
        seen |= set(expected)
    assert seen == set(Answer)
