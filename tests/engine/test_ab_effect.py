"""The effect of an A/B test and its interval: against a direct likelihood, in counts, as JSON and on the page."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from math import ceil, exp, inf, log, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import binom, norm

from bluegreen_constructs.engine.ab_effect import AbEvidence, Difference
from bluegreen_constructs.engine.errors import ConfigurationError, ObservationError
from bluegreen_constructs.engine.evidence_codec import from_json, to_json
from bluegreen_constructs.engine.model import Arm

RECORDED = Path(__file__).parent / "recorded" / "ab_evidence_schema_1.json"
PAGE = re.sub(r"\s+", " ", (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8"))
GRID = AbEvidence().process.bets
ARMS = st.builds(lambda other, events: Arm(other + events, events), st.integers(0, 10**9), st.integers(0, 10**6))
Intervals = list[tuple[Arm, Arm]]


def after(*intervals: tuple[Arm | None, Arm | None]) -> AbEvidence:
    evidence = AbEvidence()
    for live, candidate in intervals:
        evidence = evidence.observe(live, candidate)
    return evidence


def example() -> AbEvidence:
    evidence = AbEvidence()
    for number in range(5):
        evidence = evidence.observe(Arm(900, 81), Arm(300 * (1 + number), 36 * (1 + number)), 29_000_000 + number)
    return evidence


class TestAgainstTheLikelihoodItself:
    """scipy's binomials, a continuous prior and root finding, instead of a grid and its chords."""

    CASES: tuple[Intervals, ...] = (
        [(Arm(5000, 410), Arm(5000, 480))],
        [(Arm(9000, 45), Arm(1000, 12))] * 3,
        [(Arm(9900, 20), Arm(100, 0)), (Arm(5000, 300), Arm(5000, 341)), (Arm(1000, 3), Arm(9000, 40))],
        [(Arm(1000, 40), Arm(1000, 12))],
        [(Arm(10**6, 10**5), Arm(10**6, 103_000))],
        [(Arm(1000, 4), Arm(1000, 3))],
    )

    @staticmethod
    def likelihood(intervals: Intervals) -> Callable[[float], float]:
        def at(place: float) -> float:
            total = 0.0
            for live, candidate in intervals:
                weighed = candidate.requests * exp(place)
                share = weighed / (weighed + live.requests)
                total += float(binom.logpmf(candidate.bad, candidate.bad + live.bad, share))
            return total

        return at

    @pytest.mark.parametrize("intervals", CASES)
    def test_the_effect_is_the_likeliest_ratio(self, intervals: Intervals) -> None:
        def surplus(place: float) -> float:
            return sum(
                candidate.bad
                - (candidate.bad + live.bad) * candidate.requests / (candidate.requests + live.requests * exp(-place))
                for live, candidate in intervals
            )

        effect = after(*intervals).effect
        assert effect is not None
        assert log(effect) == pytest.approx(brentq(surplus, -2, 2), abs=0.002)

    @pytest.mark.parametrize("intervals", CASES)
    @pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
    def test_the_interval_is_that_of_a_continuous_mixture_within_a_step_of_the_grid(
        self, intervals: Intervals, confidence: float
    ) -> None:
        likelihood = self.likelihood(intervals)
        effect = after(*intervals).effect
        assert effect is not None
        top, edge = log(effect), log(8)
        highest = likelihood(top)

        def density(place: float) -> float:
            return float(norm.pdf(place, scale=0.5)) * exp(likelihood(place) - highest)

        mixture = quad(density, -edge, edge, points=[top - 0.01, top, top + 0.01], limit=200)[0]
        inside = norm.cdf(edge, scale=0.5) - norm.cdf(-edge, scale=0.5)
        least = highest + log(mixture / inside) + log(1 - confidence)

        def step(place: float) -> float:
            places = np.log(GRID.at)
            around = int(np.searchsorted(places, place))
            return float(np.diff(places)[max(0, around - 2) : around + 1].max())

        for found, towards in zip(after(*intervals).interval(confidence), (-edge, edge), strict=True):
            if likelihood(towards) > least:
                assert found in {0.0, inf}
            else:
                end = brentq(lambda place: likelihood(place) - least, top, towards)
                assert abs(log(found) - end) < step(end)

    @pytest.mark.parametrize("rate", [0.05, 0.3])
    @pytest.mark.parametrize("number", [25, 40, 55])
    def test_the_evidence_against_the_true_ratio_does_not_grow_on_average(self, rate: float, number: int) -> None:
        # Every outcome of two arms, at the rates themselves: conditioning on the total is not taken for granted.
        ratio = GRID.at[number]
        mean = 0.0
        for x, p in enumerate(binom.pmf(range(31), 30, rate * ratio).tolist()):
            for y, q in enumerate(binom.pmf(range(41), 40, rate).tolist()):
                process = after((Arm(40, y), Arm(30, x))).process
                mean += p * q * exp(process.log_evidence - process.logs[number] + log(GRID.shares[number]))
        assert 0.5 < mean <= 1 + 1e-9


class TestCounts:
    def test_it_begins_with_nothing_known(self) -> None:
        evidence = AbEvidence()
        assert (evidence.effect, evidence.live_rate, evidence.candidate_rate) == (None, None, None)
        assert evidence.interval() == (0, inf)
        assert evidence.verdict() is Difference.NOT_SHOWN

    def test_the_rates_are_those_of_all_that_was_counted(self) -> None:
        evidence = after((Arm(100, 1), Arm(50, 2)), (Arm(300, 3), Arm(150, 2)))
        assert (evidence.live_rate, evidence.candidate_rate, evidence.intervals) == (0.01, 0.02, 2)

    @pytest.mark.parametrize(("live", "candidate"), [(None, Arm(9, 1)), (Arm(9, 1), None), (Arm(0, 0), Arm(9, 1))])
    def test_an_interval_in_which_a_side_had_no_requests_changes_nothing(
        self, live: Arm | None, candidate: Arm | None
    ) -> None:
        assert example().observe(live, candidate, 29_000_005) == example()

    def test_a_changed_split_does_not_pass_for_an_effect(self) -> None:
        # Live served the quiet hour and the candidate the busy one, in which both have ten times the events.
        evidence = after((Arm(9000, 90), Arm(1000, 10)), (Arm(1000, 100), Arm(9000, 900)))
        assert evidence.live_rate == 0.019
        assert evidence.candidate_rate == 0.091
        assert evidence.effect == pytest.approx(1, abs=1e-4)
        assert evidence.verdict() is Difference.NOT_SHOWN

    def test_the_verdict_says_whose_rate_is_higher(self) -> None:
        more, fewer = Arm(5000, 500), Arm(5000, 380)
        assert after((fewer, more)).verdict() is Difference.CANDIDATE_HIGHER
        assert after((more, fewer)).verdict() is Difference.CANDIDATE_LOWER
        assert after((fewer, fewer)).verdict() is Difference.NOT_SHOWN
        assert after((fewer, more)).verdict(0.9999) is Difference.NOT_SHOWN

    def test_more_confidence_is_a_wider_interval(self) -> None:
        ends = [example().interval(confidence) for confidence in (0.5, 0.8, 0.95, 0.99, 0.999)]
        assert ends == sorted(ends, reverse=True)
        assert [high for _, high in ends] == sorted(high for _, high in ends)

    def test_the_interval_narrows_with_data(self) -> None:
        widths = [high / low for low, high in (after((Arm(20 * n, n),) * 2).interval() for n in 10 ** np.arange(2, 7))]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > 2
        assert widths[-1] < 1.03

    def test_a_side_without_events_is_open_to_that_side(self) -> None:
        none, some = Arm(1000, 0), Arm(1000, 30)
        low, high = after((some, none)).interval()
        assert (after((some, none)).effect, low) == (0, 0)
        assert high < 1
        low, high = after((none, some)).interval()
        assert (after((none, some)).effect, high) == (inf, inf)
        assert low > 1

    def test_a_ratio_beyond_the_grid_is_held_by_an_open_interval(self) -> None:
        evidence = after((Arm(10**6, 1000), Arm(10**6, 20_000)))
        low, high = evidence.interval()
        assert evidence.effect == 8
        assert 7 < low < 8
        assert high == inf

    def test_a_difference_below_half_the_finest_step_is_never_shown_and_never_denied(self) -> None:
        for events, shown in ((1_005_000, Difference.NOT_SHOWN), (1_010_000, Difference.CANDIDATE_HIGHER)):
            evidence = after(*[(Arm(10**8, 10**6), Arm(10**8, events))] * 100)
            assert evidence.verdict() is shown
            low, high = evidence.interval()
            assert low < events / 10**6 < high < 1.03

    @given(st.lists(st.tuples(ARMS, ARMS), max_size=4))
    def test_the_effect_lies_in_the_interval_and_swapped_sides_mirror_both(self, intervals: Intervals) -> None:
        evidence, mirror = after(*intervals), after(*[(candidate, live) for live, candidate in intervals])
        low, high = evidence.interval(0.5)
        assert low < high
        if evidence.effect is not None:
            assert low <= evidence.effect <= high
            assert mirror.effect is not None
            assert mirror.effect * evidence.effect == pytest.approx(1, abs=1e-4) or evidence.effect in {0, inf}
        mirror_low, mirror_high = mirror.interval(0.5)
        assert mirror_low == pytest.approx(1 / high, rel=1e-4)
        assert low == pytest.approx(1 / mirror_high, rel=1e-4)

    def test_the_largest_counts_neither_overflow_nor_lose_the_answer(self) -> None:
        evidence = after(*[(Arm(10**17, 10**16), Arm(10**17, 2 * 10**16))] * 9)
        low, high = evidence.interval()
        assert evidence.effect == pytest.approx(2, rel=0.01)
        assert 1.9 < low < 2 < high < 2.15  # a step of the grid, there

    def test_each_number_counts_once_in_whatever_order_it_comes(self) -> None:
        intervals = {number: (Arm(900, 81), Arm(300, 30 + number)) for number in range(9)}
        evidence, ordered = AbEvidence(), AbEvidence()
        for number in (8, 3, 3, *range(9), 0):
            evidence = evidence.observe(*intervals[number], number)
        for number in range(9):
            ordered = ordered.observe(*intervals[number], number)
        assert (evidence.live, evidence.candidate, evidence.intervals) == (ordered.live, ordered.candidate, 9)
        assert evidence.interval() == pytest.approx(ordered.interval())
        with pytest.raises(ObservationError, match="an interval is"):
            evidence.observe(Arm(9, 1), Arm(9, 1), "9")  # type: ignore[arg-type]

    @pytest.mark.parametrize("confidence", [0, 0.05, 1, 1.5, 95, nan, "95 %", True])
    def test_a_confidence_that_is_none_is_refused(self, confidence: float) -> None:
        for ask in (example().interval, example().verdict):
            with pytest.raises(ConfigurationError, match=r"confidence is .*: give a probability of 0\.5 or more"):
                ask(confidence)


class TestStored:
    @given(st.lists(st.tuples(ARMS, ARMS, st.none() | st.integers(0, 99)), max_size=6))
    def test_it_is_the_same_after_writing_and_reading(self, intervals: list[tuple[Arm, Arm, int | None]]) -> None:
        evidence = AbEvidence()
        for live, candidate, number in intervals:
            evidence = evidence.observe(live, candidate, number)
        assert from_json(to_json(evidence)) == evidence

    def test_its_size_does_not_grow(self) -> None:
        evidence = example()
        for _ in range(300):
            evidence = evidence.observe(Arm(10**9, 10**6), Arm(10**9, 10**6))
        assert len(to_json(evidence)) < 6000

    def test_what_schema_1_wrote_is_still_read_and_goes_on(self) -> None:
        evidence = from_json(RECORDED.read_text(encoding="utf-8"))
        assert isinstance(evidence, AbEvidence)
        assert (evidence.live, evidence.candidate, evidence.intervals) == (Arm(4500, 405), Arm(4500, 540), 5)
        assert evidence.interval() == pytest.approx(example().interval())
        assert evidence.observe(Arm(900, 81), Arm(900, 81), 29_000_004) is evidence
        assert evidence.observe(Arm(900, 81), Arm(900, 81), 29_000_005).intervals == 6

    def test_this_version_writes_everything_that_schema_1_did(self) -> None:
        written, recorded = json.loads(to_json(example())), json.loads(RECORDED.read_text(encoding="utf-8"))
        # Logarithms may differ in the last digit between machines.
        for key, value in recorded.pop("process").items():
            assert written["process"][key] == (pytest.approx(value) if isinstance(value, list) else value)
        assert {key: written[key] for key in recorded} == recorded

    def test_the_grid_of_the_start_is_kept_when_a_later_engine_would_choose_another(self) -> None:
        stored = json.loads(to_json(AbEvidence()))
        stored["process"] |= {"at": [0.5, 1.0, 2.0], "shares": [0.25, 0.5, 0.25], "logs": [log(0.25), log(0.5), -1.4]}
        evidence = from_json(json.dumps(stored))
        assert isinstance(evidence, AbEvidence)
        evidence = evidence.observe(Arm(1000, 100), Arm(1000, 200))
        assert evidence.process.bets.at == (0.5, 1.0, 2.0)
        assert evidence.verdict() is Difference.CANDIDATE_HIGHER

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"at": [2.0, *GRID.at[1:]]}, "a grid that is none: ratios are above 0 and ascend"),
            ({"at": [0.0, *GRID.at[1:]]}, "a grid that is none"),
            ({"shares": [0.5] * 81}, "a grid that is none"),
            ({"pace": 50}, "a grid that is none"),
            ({"form": "betting"}, "a grid that is none"),
            ({"form": "bluff"}, "bets by 'bluff'"),
            ({"logs": [0.0]}, "of different numbers"),
            ({"clock": -1}, "clock of process of the stored evidence is -1, not zero or more"),
        ],
    )
    def test_a_grid_that_no_engine_can_have_written_is_refused(self, changes: dict[str, object], words: str) -> None:
        stored = json.loads(to_json(example()))
        stored["process"] |= changes
        with pytest.raises(ObservationError, match=words) as refusal:
            from_json(json.dumps(stored))
        assert not str(refusal.value).endswith(".")

    @given(st.data())
    def test_with_one_thing_replaced_it_is_read_or_refused_and_never_fails_otherwise(self, data: st.DataObject) -> None:
        stored = json.loads(to_json(example()))
        place = data.draw(st.sampled_from([stored, stored["process"], *([stored["process"]["logs"]] * 2)]))
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        junk = [None, True, -1, 0, 0.5, 1e299, -1e299, 1e308, 10**400, "", "x", [], [1], [1, 2], {}, {"reads": 1}]
        place[data.draw(st.sampled_from(keys))] = data.draw(st.sampled_from(junk))
        with suppress(ObservationError):
            evidence = from_json(json.dumps(stored))
            assert isinstance(evidence, AbEvidence)
            evidence = evidence.observe(Arm(900, 81), Arm(900, 99))
            low, high = evidence.interval()
            assert low <= high
            assert evidence.effect is not None


class TestThePage:
    def test_the_grid_and_its_prior_are_those_of_the_code(self) -> None:
        places = np.log(GRID.at)
        assert (GRID.at[0], GRID.at[40], GRID.at[-1]) == (1 / 8, 1, 8)
        finest, widest = (f"{100 * (exp(step) - 1):.1f} %" for step in (np.diff(places).min(), np.diff(places).max()))
        assert f"{len(GRID.at)} ratios from 1/8 to 8, {finest} apart at 1 and {widest} at the ends" in PAGE
        assert f"half a step, {50 * (exp(np.diff(places).min()) - 1):.1f} %" in PAGE
        spread = float(np.sqrt((np.array(GRID.shares) * places**2).sum()))
        assert f"standard deviation {spread:.1f} of the logarithm" in PAGE

    def test_the_odds_of_the_wrong_direction_are_those_of_the_grid(self) -> None:
        # Where the candidate is called higher, every ratio up to 1 has at most the likelihood of 1. So those above 1
        # must have won all of 1 / 5 % but the prior of the others, and they alone are fair while no look is higher.
        above = sum(share for ratio, share in zip(GRID.at, GRID.shares, strict=True) if ratio > 1)
        odds = above / (20 - (1 - above))
        assert f"is ever called higher in at most {ceil(1000 * odds) / 10} % of tests" in PAGE

    def test_the_intervals_are_those_that_the_code_gives(self) -> None:
        for events in (100, 1000, 10_000, 100_000):
            low, high = after((Arm(20 * events, events),) * 2).interval()
            assert f"| {events:,} | {low:.2f} to {high:.2f} |" in PAGE

    def test_the_state_is_of_the_size_it_says(self) -> None:
        assert f"about {len(to_json(example())) / 1000:.0f} kB as JSON" in PAGE.partition("A/B: effect and interval")[2]

    def test_the_verdicts_are_those_of_the_code(self) -> None:
        for verdict in Difference:
            assert f"`{verdict.value}`" in PAGE
