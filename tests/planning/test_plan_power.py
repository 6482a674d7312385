"""What a plan can see: beside the simulation of the real comparison, and refused with what really helps."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bluegreen_constructs import AllAtOnce, Canary, ErrorComparison, ExpectedTraffic, LatencyComparison, Linear
from bluegreen_constructs.planning import plan_power as module
from bluegreen_constructs.engine.comparison import Terms
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.planning.plan_power import PlanPower, checked_plan, plan_power
from bluegreen_constructs.engine.strategy import Step, Strategy
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
    ],
)
def test_the_closed_form_agrees_with_the_simulated_comparison(
    strategy: Strategy, requests_per_second: float, error_rate: float, terms: Terms
) -> None:
    power = plan_power(strategy, ExpectedTraffic(requests_per_second, error_rate), terms)
    weights = tuple(step.percent for step in strategy.steps() for _ in range(int(step.span / timedelta(minutes=1))))
    for found in power.detections:
        traffic = Traffic(requests_per_second, error_rate, weights, ratio=found.ratio)
        played = operating_characteristics(traffic, terms, runs=250, seed=7, promotes_from=None).unhealthy
        assert found.chance == pytest.approx(played.share.value, abs=0.12)
        if played.share.value > 0.9:
            assert played.looks is not None
            assert found.minutes == pytest.approx(played.looks.median, rel=0.2, abs=1)
            assert played.excess is not None
            assert found.excess_failures == pytest.approx(played.excess.median, rel=0.35, abs=4)
    played = operating_characteristics(
        Traffic(requests_per_second, error_rate, weights), terms, runs=250, seed=8
    ).healthy
    assert power.promotion_chance == pytest.approx(played.share.value, abs=0.12)


def test_the_published_example_is_seen() -> None:
    power = checked_plan(canary(10, 40), BUSY, ErrorComparison())
    assert [(found.ratio, found.minutes) for found in power.detections] == [(2.0, 14), (3.0, 5), (5.0, 2)]
    assert power.promotion_minutes == 10


def test_the_lines_fit_a_terminal_and_name_the_odds() -> None:
    lines = list(plan_power(canary(10, 40), BUSY, Terms()).lines())
    assert max(map(len, lines)) <= 80
    assert lines[0] == "10 % for 40 min, at 100 requests/s with 0.2 % errors"
    assert lines[-1] == "wrongly: unchanged rolled back at most 0.01, 2 times promoted at most 0.05"


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
        assert other.at_margin.chance >= power.at_margin.chance - 0.02
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
            "10 % for 5 min at 100 requests/s with 0.2 % errors cannot tell a release that fails 2 times as often as "
            "live from a good one: before the last step ends it finds 9 % of the one and promotes 21 % of the other, and "
            "80 % is the least of both: bake for 24 min or compare with margin=4"
        )

    @settings(max_examples=8, deadline=None)
    @given(CANARIES, TRAFFIC, st.sampled_from(["independent", "bursty"]))
    def test_every_change_that_is_named_really_does(
        self, strategy: Canary, traffic: ExpectedTraffic, mode: str
    ) -> None:
        terms = Terms(mode=mode)  # type: ignore[arg-type]
        power = plan_power(strategy, traffic, terms)
        assume(not power.is_enough)
        with pytest.raises(ConfigurationError) as raised:
            checked_plan(strategy, traffic, terms)
        for change, passes in self.changed(str(raised.value), strategy, traffic, terms):
            assert passes.is_enough, change

    @staticmethod
    def changed(said: str, strategy: Canary, traffic: ExpectedTraffic, terms: Terms) -> list[tuple[str, PlanPower]]:
        found = []
        if bake := re.search(r"bake for (\d+) (min|h)", said):
            minutes = int(bake[1]) * (60 if bake[2] == "h" else 1)
            found.append((bake[0], plan_power(canary(strategy.percent, minutes), traffic, terms)))
        if percent := re.search(r"give it (\d+) %", said):
            found.append((percent[0], plan_power(replace(strategy, percent=int(percent[1])), traffic, terms)))
        if margin := re.search(r"margin=([\d.]+)", said):
            found.append((margin[0], plan_power(strategy, traffic, replace(terms, margin=float(margin[1])))))
        if rate := re.search(r"negligible=([\d.e-]+)", said):
            found.append((rate[0], plan_power(strategy, traffic, replace(terms, negligible=float(rate[1])))))
        assert found or "judge by alarms instead" in said
        return found

    def test_one_minute_less_than_the_named_bake_is_not_enough(self) -> None:
        assert plan_power(canary(10, 24), BUSY, Terms()).is_enough
        assert not plan_power(canary(10, 23), BUSY, Terms()).is_enough

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
        assert said.endswith("no bake of 24 h would do at this traffic; judge by alarms instead")

    @pytest.mark.parametrize("strategy", [AllAtOnce(), Canary(10, timedelta(seconds=30))])
    def test_a_strategy_without_a_step_to_compare_in_is_refused(
        self, strategy: Strategy, refused: Callable[[Strategy, ExpectedTraffic, Terms], str]
    ) -> None:
        said = refused(strategy, BUSY, Terms())
        assert said.startswith(f"{type(strategy).__name__} has no step of a minute or more below 100 %")

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
    assert stated["detections"][0]["median_minutes"] == 14  # type: ignore[index]
