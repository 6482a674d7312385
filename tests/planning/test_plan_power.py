"""What a plan can see: beside the simulation of the real comparison, and refused with what really helps."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bluegreen_constructs import AllAtOnce, Canary, ErrorComparison, ExpectedTraffic, LatencyComparison, Linear
from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.strategy import Step, Strategy
from bluegreen_constructs.planning import plan_power as module
from bluegreen_constructs.planning.checked_plan import LEAST_CHANCE, checked_plan
from bluegreen_constructs.planning.plan_power import plan_power, tells_apart
from bluegreen_constructs.simulation.operating_characteristics import operating_characteristics
from bluegreen_constructs.simulation.traffic import Traffic

BUSY = ExpectedTraffic(requests_per_second=100, error_rate=0.002)
TRAFFIC = st.builds(ExpectedTraffic, st.floats(0.1, 2000), st.floats(0.0001, 0.02))


def canary(percent: float, minutes: int) -> Canary:
    return Canary(percent, timedelta(minutes=minutes))


CANARIES = st.builds(canary, st.integers(1, 50), st.integers(1, 240))


class Ramp:
    """A strategy of a user's own: five minutes at each of five weights."""

    def steps(self) -> tuple[Step, ...]:
        return tuple(Step(percent, timedelta(minutes=5)) for percent in (1, 5, 10, 25, 50))


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("strategy", "requests_per_second", "error_rate", "terms"),
    [
        (canary(10, 60), 100, 0.002, Terms()),
        (canary(10, 60), 10, 0.005, Terms()),
        (canary(1, 60), 100, 0.002, Terms()),
        (canary(50, 20), 10, 0.01, Terms()),
        (Ramp(), 100, 0.002, Terms()),
        (Ramp(), 1000, 0.0005, Terms(margin=3.0)),
        (canary(10, 60), 100, 0.002, Terms(mode="bursty")),
        (canary(5, 900), 0.1, 0.1, Terms()),
        (canary(10, 30), 100, 0.0003, Terms(negligible=0.001)),
    ],
)
def test_the_closed_form_agrees_with_the_simulated_comparison(
    strategy: Strategy, requests_per_second: float, error_rate: float, terms: Terms
) -> None:
    power = plan_power(strategy, ExpectedTraffic(requests_per_second, error_rate), terms)
    weights = tuple(step.percent for step in strategy.steps() for _ in range(int(step.span / timedelta(minutes=1))))
    for found in power.detections:
        traffic = Traffic(requests_per_second, error_rate, weights, ratio=found.rate / error_rate)
        played = operating_characteristics(traffic, terms, runs=250, seed=7, promotes_from=None).unhealthy
        assert found.chance == pytest.approx(played.share.value, abs=0.1)
        if played.share.value > 0.9:
            assert played.looks is not None
            assert found.minutes == pytest.approx(played.looks.median, rel=0.2, abs=1)
            assert played.excess is not None
            assert found.excess_failures == pytest.approx(played.excess.median, rel=0.35, abs=4)
    played = operating_characteristics(
        Traffic(requests_per_second, error_rate, weights), terms, runs=250, seed=8
    ).healthy
    assert power.promotion_chance == pytest.approx(played.share.value, abs=0.1)


def test_the_published_example_is_seen() -> None:
    power = checked_plan(canary(10, 40), BUSY, ErrorComparison())
    assert [(found.ratio, found.minutes) for found in power.detections] == [(2.0, 14), (3.0, 5), (5.0, 2)]
    assert power.promotion_minutes == 10


def test_the_lines_fit_a_terminal_and_name_the_odds() -> None:
    assert list(plan_power(canary(10, 40), BUSY, Terms()).lines()) == [
        "10 % for 40 min, at 100 requests/s with 0.2 % errors",
        "a release that fails      is found after  in the steps  excess failures",
        "2 times as often                  14 min          97 %               19",
        "3 times as often                   5 min         100 %               14",
        "5 times as often                   2 min         100 %               12",
        "unchanged: promoted after         10 min          99 %",
        "at most 1 % of unchanged releases are rolled back, and 5 % of those at 2 times promoted",
    ]


def test_where_a_negligible_rate_rules_the_releases_are_named_by_their_rates() -> None:
    power = plan_power(canary(10, 60), ExpectedTraffic(100, 0.0001), Terms(negligible=0.001))
    assert [line.split("  ")[0] for line in list(power.lines())[2:5]] == [
        "0.1 % of requests",
        "0.15 % of requests",
        "0.25 % of requests",
    ]


@pytest.mark.parametrize(
    ("minutes", "words"), [(90, "90 min"), (180, "3.0 h"), (10_000, "6.9 days"), (None, "over 30 days")]
)
def test_long_times_are_said_in_hours_and_days(minutes: int | None, words: str) -> None:
    assert module._after(minutes) == words


def test_the_margin_is_among_the_ratios() -> None:
    assert [found.ratio for found in plan_power(canary(10, 40), BUSY, Terms(margin=4)).detections] == [2, 3, 4, 5]


@settings(max_examples=25)
@given(CANARIES, TRAFFIC, st.sampled_from([1.5, 2, 3]))
def test_more_traffic_more_bake_and_a_worse_release_are_never_seen_later(
    strategy: Canary, traffic: ExpectedTraffic, more: float
) -> None:
    power = plan_power(strategy, traffic, Terms())
    busier = plan_power(strategy, replace(traffic, requests_per_second=traffic.requests_per_second * more), Terms())
    longer = plan_power(replace(strategy, bake=strategy.steps()[0].span * more), traffic, Terms())
    for other in (busier, longer):
        assert other.detections[0].chance >= power.detections[0].chance - 0.02
        assert other.promotion_chance >= power.promotion_chance - 0.02
    chances = [found.chance for found in power.detections]
    assert chances == sorted(chances)


class TestRefusals:
    @pytest.fixture
    def refused(self) -> Callable[[Strategy, ExpectedTraffic, Terms], str]:
        def refusal(strategy: Strategy, traffic: ExpectedTraffic, terms: Terms) -> str:
            with pytest.raises(ConfigurationError) as raised:
                checked_plan(strategy, traffic, terms)
            return str(raised.value)

        return refusal

    def test_a_plan_that_cannot_see_its_margin_is_refused_with_numbers(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        assert refused(canary(10, 5), BUSY, ErrorComparison()) == (
            "10 % for 5 min at 100 requests/s with 0.2 % errors is too little for the comparison to tell a release "
            "that fails 2 times as often as live from a good one: before the last step ends it would find 9 % of the "
            "one and promote 21 % of the other, and 80 % is the least of both: bake for 24 min or compare with margin=4"
        )

    @settings(max_examples=8, deadline=None)
    @given(CANARIES, TRAFFIC, st.sampled_from(["independent", "bursty"]))
    def test_every_change_that_is_named_really_does(
        self, strategy: Canary, traffic: ExpectedTraffic, mode: str
    ) -> None:
        terms = Terms(mode=mode)  # type: ignore[arg-type]
        assume(not self.is_enough(strategy, traffic, terms))
        with pytest.raises(ConfigurationError) as raised:
            checked_plan(strategy, traffic, terms)
        for change, arguments in self.changed(str(raised.value), strategy, traffic, terms):
            assert self.is_enough(*arguments), change

    @staticmethod
    def is_enough(strategy: Canary, traffic: ExpectedTraffic, terms: Terms) -> bool:
        return min(tells_apart(strategy.steps(), traffic, terms, 1.0)) >= LEAST_CHANCE

    @staticmethod
    def changed(
        said: str, strategy: Canary, traffic: ExpectedTraffic, terms: Terms
    ) -> list[tuple[str, tuple[Canary, ExpectedTraffic, Terms]]]:
        found = []
        if bake := re.search(r"bake for (\d+) (min|h)", said):
            minutes = int(bake[1]) * (60 if bake[2] == "h" else 1)
            found.append((bake[0], (canary(strategy.percent, minutes), traffic, terms)))
        if percent := re.search(r"give it (\d+) %", said):
            found.append((percent[0], (replace(strategy, percent=int(percent[1])), traffic, terms)))
        if margin := re.search(r"margin=([\d.]+)", said):
            found.append((margin[0], (strategy, traffic, replace(terms, margin=float(margin[1])))))
        if rate := re.search(r"negligible=([\d.e-]+)", said):
            found.append((rate[0], (strategy, traffic, replace(terms, negligible=float(rate[1])))))
        assert found or "judge by alarms instead" in said
        return found

    def test_one_minute_less_than_the_named_bake_is_not_enough(self) -> None:
        assert self.is_enough(canary(10, 24), BUSY, Terms())
        assert not self.is_enough(canary(10, 23), BUSY, Terms())

    def test_an_error_free_service_is_told_about_negligible(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        calm = ExpectedTraffic(requests_per_second=100, error_rate=0)
        said = refused(canary(10, 5), calm, Terms())
        assert said.endswith("say negligible=0.002")
        assert checked_plan(canary(10, 5), calm, Terms(negligible=0.002)).promotion_chance > 0.8

    def test_a_trickle_of_traffic_is_told_to_judge_by_alarms(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        said = refused(canary(10, 30), ExpectedTraffic(0.01, 0.002), Terms())
        assert said.endswith("no bake of 24 h and no share of this traffic would do; judge by alarms instead")

    def test_nothing_absurd_is_advised_to_a_minute_at_ten_percent(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        assert refused(canary(10, 1), BUSY, Terms()).endswith("is the least of both: bake for 24 min")

    def test_a_candidate_with_nearly_all_of_the_traffic_is_told_to_take_less(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        assert refused(canary(99, 30), BUSY, Terms()).endswith("or give it 50 % of the traffic")

    def test_bursts_that_the_mode_is_not_for_are_refused_however_long_the_plan(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        bursty = ExpectedTraffic(100, 0.002, burst=10)
        assert refused(canary(10, 600), bursty, Terms()) == (
            'errors are expected in bursts of 10, and mode "independent" would roll good releases back for them: '
            'compare with mode="bursty"'
        )

    def test_a_bursty_service_without_errors_is_told_what_would_help(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        said = refused(canary(10, 5), ExpectedTraffic(100, 0), Terms(mode="bursty"))
        assert said.endswith(
            'without errors there is nothing to compare; use mode "independent" with a negligible rate'
        )

    def test_a_margin_at_which_more_than_all_requests_fail_is_refused(
        self, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        assert "more than all of them: give a smaller margin" in refused(
            canary(10, 5), ExpectedTraffic(9, 0.4), Terms(margin=3)
        )

    def test_releases_that_cannot_be_are_left_out(self) -> None:
        power = plan_power(canary(10, 30), ExpectedTraffic(10, 0.3), Terms())
        assert [found.ratio for found in power.detections] == [2, 3]

    @pytest.mark.parametrize(
        ("strategy", "words"),
        [
            (AllAtOnce(), "AllAtOnce has no step below 100 %"),
            (Canary(10, timedelta(seconds=30)), "the steps of Canary are shorter than a minute"),
        ],
    )
    def test_a_strategy_without_a_step_to_compare_in_is_refused(
        self, strategy: Strategy, words: str, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        assert refused(strategy, BUSY, Terms()).startswith(words)

    def test_a_comparison_that_shares_its_budget_needs_more(self) -> None:
        assert checked_plan(canary(10, 24), BUSY, Terms()).terms.false_alarm == 0.01
        with pytest.raises(ConfigurationError, match=r"too little for errors to tell .*: bake for 27 min"):
            checked_plan(canary(10, 24), BUSY, Terms(), budget=1 / 3, name="errors")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"requests_per_second": 0, "error_rate": 0.002}, "requests_per_second is 0"),
            ({"requests_per_second": "many", "error_rate": 0.002}, "requests_per_second is 'many'"),
            ({"requests_per_second": 10, "error_rate": 2}, r"error_rate is 2: .*0\.002 is 0\.2 %"),
            ({"requests_per_second": 10, "error_rate": -0.1}, r"error_rate is -0\.1"),
            ({"requests_per_second": 10, "error_rate": 0.1, "burst": 0.5}, r"burst is 0\.5"),
            ({"requests_per_second": float("nan"), "error_rate": 0.1}, "requests_per_second is nan"),
        ],
    )
    def test_traffic_that_cannot_be_is_refused(self, arguments: dict[str, float], words: str) -> None:
        with pytest.raises(ConfigurationError, match=words):
            ExpectedTraffic(**arguments)


def test_an_hourly_plan_of_two_hundred_steps_is_computed_without_walking_every_minute() -> None:
    power = plan_power(Linear(0.5, timedelta(hours=3)), ExpectedTraffic(0.1, 0.002), Terms())
    assert power.promotion_chance > 0.99


def test_a_long_linear_plan_is_said_in_short() -> None:
    assert (
        plan_power(Linear(10, timedelta(minutes=20)), BUSY, Terms()).plan
        == "10 % for 20 min, 20 % for 20 min, … 90 % for 20 min"
    )


def test_the_same_plan_is_computed_once_for_many_services() -> None:
    traffic = ExpectedTraffic(123.0, 0.00345)
    before = module._power.cache_info().misses
    for _ in range(100):
        plan_power(canary(10, 40), traffic, ErrorComparison())
        plan_power(Canary(10, timedelta(minutes=40)), traffic, LatencyComparison(slo=timedelta(seconds=1)))
    assert module._power.cache_info().misses == before + 1


def test_the_json_has_numbers_with_their_units_in_the_names() -> None:
    stated = plan_power(canary(10, 40), BUSY, Terms()).as_json()
    assert stated["promotion_median_minutes"] == 10
    assert (stated["mode"], stated["burst"], stated["negligible"]) == ("independent", 1.0, None)
    assert stated["detections"][0]["median_minutes"] == 14  # type: ignore[index]
