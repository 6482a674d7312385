"""E-processes against independent oracles: scipy, savvi, the NIST handbook, and plain enumeration."""

from math import exp, inf, isfinite, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln, roots_jacobi
from scipy.stats import binom, hypergeom, poisson

from bluegreen_constructs.engine.comparison import Mode, Terms
from bluegreen_constructs.engine.eprocess import Bets, EProcess, Form

COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=12)
ODDS = st.floats(0.001, 100)


def one_bet(ratio: float) -> EProcess:
    return EProcess.start(Bets(Form.LIKELIHOOD, (ratio,), (1.0,)))


def processes() -> list[EProcess]:
    """Every process that a comparison runs."""
    independent, bursty = Terms(negligible=0.001).start(), Terms(mode="bursty").start()
    assert independent.calm is not None
    return [independent.harm, independent.safety, independent.calm, bursty.harm, bursty.safety]


def evidence(process: EProcess, hits: int, misses: int, odds: float) -> float:
    return exp(process.observe(hits, misses, odds).log_evidence)


def test_the_sequential_test_of_the_nist_handbook_is_reproduced() -> None:
    # NIST/SEMATECH e-Handbook, 6.2.6 "What is a sequential sampling plan?": p1 = 0.01, p2 = 0.10, alpha = 0.05,
    # beta = 0.10 reject a lot once the defectives reach 1.205 + 0.0397 n.
    # https://www.itl.nist.gov/div898/handbook/pmc/section2/pmc26.htm
    ratio = (0.10 / 0.90) / (0.01 / 0.99)
    for inspected in range(2, 200):
        line = 1.205 + 0.0397 * inspected
        for bad in range(min(inspected, 12) + 1):
            rejected = one_bet(ratio).observe(bad, inspected - bad, 0.01 / 0.99).log_evidence >= log((1 - 0.10) / 0.05)
            assert rejected is (bad > line) or abs(bad - line) < 0.01  # the handbook rounds its line


@pytest.mark.parametrize(
    ("share", "concentration", "counts", "by_savvi"),
    [
        (
            0.1,
            20.0,
            [(1, 10), (3, 12), (0, 9), (4, 7), (6, 11)],
            [0.8052926279564974, 0.7106329819884614, 0.5784693140505003, 1.046945892538975, 8.943146609366824],
        ),
        (
            0.5,
            10.0,
            [(3, 1), (5, 2), (0, 0), (9, 4)],
            [0.9790209790209793, 1.2803048344843981, 1.2803048344843981, 2.4824150072493296],
        ),
    ],
)
def test_a_beta_mixture_of_bets_agrees_with_savvi_and_with_the_beta_function(
    share: float, concentration: float, counts: list[tuple[int, int]], by_savvi: list[float]
) -> None:
    # savvi 0.3.1, Multinomial(theta_0=[share, 1 - share], k=concentration): the test of Lindon and Malek 2022.
    # Gauss-Jacobi nodes integrate its Beta prior exactly.
    a, b = concentration * share, concentration * (1 - share)
    nodes, weights = roots_jacobi(40, b - 1, a - 1)
    shares = (nodes + 1) / 2
    odds = share / (1 - share)
    bets = Bets(
        Form.LIKELIHOOD,
        tuple(float(node / (1 - node) / odds) for node in shares),
        tuple(float(weight) for weight in weights / weights.sum()),
    )
    process = EProcess.start(bets)
    hits = misses = 0
    for (more_hits, more_misses), expected in zip(counts, by_savvi, strict=True):
        process = process.observe(more_hits, more_misses, odds)
        hits, misses = hits + more_hits, misses + more_misses
        by_scipy = betaln(a + hits, b + misses) - betaln(a, b) - hits * log(share) - misses * log(1 - share)
        assert process.log_evidence == pytest.approx(log(expected), abs=1e-9)
        assert process.log_evidence == pytest.approx(by_scipy, abs=1e-9)


@pytest.mark.parametrize("ratio", [1.3, 2.0, 10.0, 30.0])
def test_a_bet_pays_the_likelihood_ratio_of_two_binomials(ratio: float) -> None:
    odds = 600 / 5400
    null, alternative = odds / (1 + odds), odds * ratio / (1 + odds * ratio)
    for hits, misses in ((0, 7), (3, 0), (5, 20)):
        expected = binom.logpmf(hits, hits + misses, alternative) - binom.logpmf(hits, hits + misses, null)
        assert one_bet(ratio).observe(hits, misses, odds).log_evidence == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("mode", ["independent", "bursty"])
@pytest.mark.parametrize(("candidate", "live"), [(6, 54), (30, 30), (2, 100)])
def test_harm_does_not_grow_on_average_when_bad_events_fall_on_requests_at_random(
    mode: Mode, candidate: int, live: int
) -> None:
    # Given how many requests failed, the candidate's share of them is hypergeometric: enumerate it.
    process = Terms(mode=mode).start().harm
    for bad in (1, 2, 5, 20):
        chances = hypergeom.pmf(range(bad + 1), candidate + live, candidate, bad).tolist()
        mean = sum(
            chance * evidence(process, hits, bad - hits, candidate / live)
            for hits, chance in enumerate(chances)
            if chance
        )
        assert 0.5 < mean <= 1 + 1e-9


@pytest.mark.parametrize("margin", [1.2, 2.0, 5.0])
@pytest.mark.parametrize("rate", [0.002, 0.05, 0.15])
@pytest.mark.parametrize(("candidate", "live"), [(4, 36), (20, 20), (20, 2)])
def test_safety_does_not_grow_on_average_at_the_margin_at_any_error_rate(
    margin: float, rate: float, candidate: int, live: int
) -> None:
    # Independent requests fail at `rate` on live and `margin` times that on the candidate: enumerate both sides. The
    # mean is at most 1 exactly, not only for rare errors, because 1 + p(a - 1) <= exp(p(a - 1)).
    process = Terms(margin=margin).start().safety
    of_candidate = binom.pmf(range(candidate + 1), candidate, rate * margin).tolist()
    of_live = binom.pmf(range(live + 1), live, rate).tolist()
    mean = sum(
        p * q * evidence(process, x, y, candidate / live * margin)
        for x, p in enumerate(of_candidate)
        for y, q in enumerate(of_live)
    )
    assert mean <= 1 + 1e-9
    assert mean > 0.9 or rate > 0.01


def test_what_is_negligible_is_not_shown_on_average_by_a_candidate_that_is_just_not() -> None:
    process = Terms(negligible=0.05).start().calm
    assert process is not None
    mean = sum(binom.pmf(bad, 50, 0.05) * evidence(process, bad, 50 - bad, 0.05 / 0.95) for bad in range(51))
    assert mean == pytest.approx(1, abs=1e-9)


def test_betting_does_not_grow_on_average_when_whole_bursts_fall_on_one_side() -> None:
    # Two bursts of 7 and 3 events, each on the candidate with its share of the traffic: as dependent as events can be.
    harm = Terms(mode="bursty").start().harm
    odds = 1 / 9
    mean = sum(
        (0.1 if first else 0.9)
        * (0.1 if second else 0.9)
        * evidence(harm, 7 * first + 3 * second, 10 - 7 * first - 3 * second, odds)
        for first in (0, 1)
        for second in (0, 1)
    )
    assert mean == pytest.approx(1, abs=1e-9)
    independent = Terms().start().harm
    naive = sum(
        (0.1 if first else 0.9)
        * (0.1 if second else 0.9)
        * evidence(independent, 7 * first + 3 * second, 10 - 7 * first - 3 * second, odds)
        for first in (0, 1)
        for second in (0, 1)
    )
    assert naive > 100  # what the option is for


def test_the_mean_stays_at_one_over_several_intervals_with_a_reserve() -> None:
    # Poisson events, two intervals, all outcomes up to a negligible rest: the reserve's staking must be fair, too.
    of_candidate, of_live = poisson.pmf(range(6), 0.3).tolist(), poisson.pmf(range(7), 0.9).tolist()

    def mean(process: EProcess, left: int) -> float:
        if not left:
            return exp(process.log_evidence)
        return sum(
            p * q * mean(process.observe(hits, misses, 1 / 3), left - 1)
            for hits, p in enumerate(of_candidate)
            for misses, q in enumerate(of_live)
        )

    quick = Bets(Form.LIKELIHOOD, (2.0, 5.0), (0.5, 0.5), pace=1)
    assert 0.98 < mean(EProcess.start(quick), 2) <= 1 + 1e-9


@given(ODDS)
def test_an_interval_without_events_changes_nothing(odds: float) -> None:
    for process in processes():
        assert process.observe(0, 0, odds) == process


@given(COUNTS, ODDS, st.integers(0, 11), st.integers(1, 5))
def test_more_hits_are_never_less_evidence_of_harm_nor_more_of_safety(
    counts: list[tuple[int, int]], odds: float, at: int, more: int
) -> None:
    for number, process in enumerate(processes()):
        fewer = many = process
        for index, (hits, misses) in enumerate(counts):
            fewer = fewer.observe(hits, misses, odds)
            many = many.observe(hits + (more if index == at else 0), misses, odds)
        harm = number in {0, 3}
        # In betting a hit in an interval without misses cannot be told from more of them.
        assert (many.log_evidence - fewer.log_evidence) * (1 if harm else -1) >= -1e-9


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-9, 1e9))
def test_a_billion_events_stay_finite(hits: int, misses: int, odds: float) -> None:
    for process in processes():
        after = process.observe(hits, misses, odds).observe(1, 1, odds)
        assert isfinite(after.log_evidence)
        assert all(map(isfinite, after.logs))


def test_a_billion_events_do_not_drown_one_more() -> None:
    start = one_bet(2.0)
    crowd = start.observe(10**8, 9 * 10**8, 1 / 9)
    step = crowd.observe(1, 0, 1 / 9).log_evidence - crowd.log_evidence
    assert step == pytest.approx(start.observe(1, 0, 1 / 9).log_evidence, abs=1e-6)


def test_a_tiny_share_is_not_rounded_to_nothing() -> None:
    assert one_bet(2.0).observe(1, 0, 1e-9).log_evidence == pytest.approx(log(2), abs=1e-8)


def test_the_reserve_halves_by_the_time_that_three_paces_have_passed() -> None:
    bets = Bets(Form.LIKELIHOOD, (2.0,), (1.0,), pace=50)
    assert [bets.reserve(clock) for clock in (0, 150)] == [0.4, 0.2]
    assert Bets(Form.LIKELIHOOD, (2.0,), (1.0,)).reserve(0) == 0


def test_the_clock_of_the_reserve_counts_misses_and_for_shares_intervals_with_any() -> None:
    likelihood, betting = Terms().start().harm, Terms(mode="bursty").start().harm
    for hits, misses in ((3, 7), (2, 0), (0, 4)):
        likelihood, betting = (process.observe(hits, misses, 1.0) for process in (likelihood, betting))
    assert (likelihood.clock, betting.clock) == (11, 2)


def test_a_share_next_to_one_can_still_be_bet_against() -> None:
    assert isfinite(Terms(mode="bursty").start().safety.observe(1, 1, 1e17).log_evidence)


def test_capital_is_neither_made_nor_lost_when_the_reserve_is_staked() -> None:
    # A bet at ratio 1 neither wins nor loses, so that only the staking is left.
    process = EProcess.start(Bets(Form.LIKELIHOOD, (1.0,), (1.0,), pace=3))
    random = Random(5)
    for _ in range(200):
        process = process.observe(random.randrange(3), random.randrange(4), 0.2)
        assert process.log_evidence == pytest.approx(0, abs=1e-9)


def test_a_reserve_finds_what_turns_bad_late_sooner() -> None:
    def looks_until_found(pace: float | None) -> float:
        process = EProcess.start(Bets(Form.LIKELIHOOD, (2.0, 3.0), (0.5, 0.5), pace))
        for _ in range(60):
            process = process.observe(1, 9, 1 / 9)
        for look in range(1, 100):
            process = process.observe(3, 9, 1 / 9)
            if process.log_evidence >= log(100):
                return look
        return inf

    assert looks_until_found(pace=50) < 0.6 * looks_until_found(pace=None)
