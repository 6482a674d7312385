"""Which series are read for a target, and what CloudWatch's answer says as counts of a side and a minute."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.counts import Counts, comparisons_of, request_series_of, series_of
from bluegreen_constructs.engine.guardrails import LatencyComparison, MetricComparison
from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.engine.ports import Series
from bluegreen_constructs.engine.target_settings import AlarmName
from bluegreen_constructs.testing import example_settings

ERRORS, FLOOR = ErrorComparison(), AbsoluteFloor(99)
SLOW = LatencyComparison(slo=timedelta(milliseconds=800))
LOW = MetricComparison(namespace="Model", bad="LowConfidence", total="Predictions", dimensions={"Service": "inference"})
SETTINGS = replace(
    example_settings(), guardrails=(ERRORS, SLOW, LOW, FLOOR, AlarmName("Gpu")), shares_load_balancer=False
)


def counts(values: Mapping[str, float]) -> Counts:
    """What CloudWatch said of minute 7."""
    return Counts(SETTINGS, {name: {7: value} for name, value in values.items()})


def test_the_series_of_a_side_carry_the_load_balancer_and_its_target_group() -> None:
    series = series_of(SETTINGS)
    dimensions = (("LoadBalancer", SETTINGS.load_balancer), ("TargetGroup", SETTINGS.green.metric_name))
    elb = "AWS/ApplicationELB"
    assert series["green/requests"] == Series(elb, "RequestCount", dimensions, "Sum")
    for kind in ("2xx", "3xx", "4xx"):
        assert series[f"green/{kind}"] == Series(elb, f"HTTPCode_Target_{kind.upper()}_Count", dimensions, "Sum")
    assert series["own"] == Series(elb, "HTTPCode_ELB_5XX_Count", dimensions[:1], "Sum")
    assert series["green/errors"] == Series(elb, "HTTPCode_Target_5XX_Count", dimensions, "Sum")
    assert series["green/healthy"] == Series(elb, "HealthyHostCount", dimensions, "Maximum")
    assert series["green/lost"] == Series(elb, "TargetConnectionErrorCount", dimensions, "Sum")


def test_slow_requests_are_read_as_the_percentile_rank_of_the_slo_in_seconds() -> None:
    series = series_of(SETTINGS)[f"blue/{SLOW.name}"]
    assert (series.metric, series.stat) == ("TargetResponseTime", "PR(:0.8)")


def test_an_own_metric_is_read_with_its_dimensions_and_the_side() -> None:
    series = series_of(SETTINGS)
    dimensions = (("Service", "inference"), ("Side", "green"))
    assert series[f"green/{LOW.name}/bad"] == Series("Model", "LowConfidence", dimensions, "Sum")
    assert series[f"green/{LOW.name}/total"] == Series("Model", "Predictions", dimensions, "Sum")


def test_all_series_of_a_target_fit_into_one_call() -> None:
    assert len(series_of(SETTINGS)) == 21
    assert len(set(series_of(SETTINGS).values())) == 21


def test_draining_reads_the_requests_of_both_sides_and_nothing_else() -> None:
    assert set(request_series_of(SETTINGS)) == {"blue/requests", "green/requests"}


def test_alarms_and_floors_compare_nothing_with_live() -> None:
    assert comparisons_of(SETTINGS) == [ERRORS, SLOW, LOW]


def test_missing_errors_beside_requests_are_zero_errors() -> None:
    assert counts({"green/requests": 600}).arm(ERRORS, "green", 7) == Arm(600, 0)


def test_errors_and_lost_connections_are_bad_together() -> None:
    seen = counts({"green/requests": 600, "green/errors": 3, "green/lost": 2})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 5)
    assert seen.arm(FLOOR, "green", 7) == Arm(600, 5)


def test_missing_requests_are_no_evidence_whatever_else_was_published() -> None:
    seen = counts({"green/errors": 3, f"green/{SLOW.name}": 90, f"green/{LOW.name}/bad": 4})
    for guardrail in (ERRORS, FLOOR, SLOW, LOW):
        assert seen.arm(guardrail, "green", 7) is None


@pytest.mark.parametrize("requests", [0, 0.4])
def test_no_request_in_a_minute_is_no_evidence(requests: float) -> None:
    assert counts({"green/requests": requests}).arm(ERRORS, "green", 7) is None


def test_every_minute_and_every_side_speaks_for_itself() -> None:
    seen = counts({"green/requests": 600, "blue/errors": 9})
    assert seen.arm(ERRORS, "green", 8) is None
    assert seen.arm(ERRORS, "blue", 7) is None
    assert seen.requests("green", 7) == 600
    assert seen.requests("green", 8) == 0
    assert seen.requests("blue", 7) == 0


def test_there_are_never_more_bad_ones_than_requests() -> None:
    seen = counts({"green/requests": 10, "green/errors": 9, "green/lost": 9})
    assert seen.arm(ERRORS, "green", 7) == Arm(10, 10)


@pytest.mark.parametrize(("within", "bad"), [(100, 0), (97.5, 15), (0, 600), (99.92, 0)])
def test_what_is_beyond_the_percentile_rank_is_slow(within: float, bad: int) -> None:
    seen = counts({"green/requests": 600, f"green/{SLOW.name}": within})
    assert seen.arm(SLOW, "green", 7) == Arm(600, bad)


def test_requests_without_a_latency_say_nothing_about_slowness() -> None:
    assert counts({"green/requests": 600, "green/errors": 600}).arm(SLOW, "green", 7) is None


def test_an_own_metric_without_bad_ones_has_none() -> None:
    seen = counts({f"green/{LOW.name}/total": 50})
    assert seen.arm(LOW, "green", 7) == Arm(50, 0)


def test_an_own_metric_does_not_depend_on_the_load_balancers_requests() -> None:
    seen = counts({f"green/{LOW.name}/total": 50, f"green/{LOW.name}/bad": 4})
    assert seen.arm(LOW, "green", 7) == Arm(50, 4)


def test_sums_that_come_as_floats_are_counts() -> None:
    seen = counts({"green/requests": 599.9999999, "green/errors": 2.0000001})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 2)


def test_a_candidate_that_hangs_is_bad_by_the_load_balancers_own_answers() -> None:
    seen = counts({"blue/requests": 5400, "blue/2xx": 5400, "green/requests": 600, "green/2xx": 200, "own": 400})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 400)
    assert seen.arm(FLOOR, "green", 7) == Arm(600, 400)
    assert seen.arm(ERRORS, "blue", 7) == Arm(5400, 0)


def test_the_load_balancers_own_answers_are_shared_by_the_requests_that_no_target_answered() -> None:
    seen = counts({"blue/requests": 900, "blue/2xx": 600, "green/requests": 600, "green/2xx": 500, "own": 40})
    assert seen.arm(ERRORS, "blue", 7) == Arm(900, 30)
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 10)


@pytest.mark.parametrize("kind", ["2xx", "3xx", "4xx"])
def test_a_side_whose_long_answers_are_not_there_yet_is_not_bad(kind: str) -> None:
    seen = counts({"blue/requests": 5400, "blue/2xx": 5400, "green/requests": 600, f"green/{kind}": 200})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 0)


def test_a_side_is_accused_of_no_more_than_it_left_unanswered() -> None:
    seen = counts({"blue/requests": 5400, "blue/2xx": 5400, "green/requests": 600, "green/2xx": 590, "own": 5000})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 10)


def test_what_every_request_was_answered_to_accuses_nobody() -> None:
    seen = counts({"green/requests": 600, "green/3xx": 300, "green/4xx": 200, "green/errors": 100, "own": 50})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 100)


def test_a_lost_connection_that_the_load_balancer_answered_for_counts_once() -> None:
    seen = counts({"green/requests": 600, "green/2xx": 590, "green/lost": 10, "own": 10})
    assert seen.arm(ERRORS, "green", 7) == Arm(600, 10)


def test_the_answers_of_a_load_balancer_that_others_share_accuse_nobody() -> None:
    shared = replace(SETTINGS, shares_load_balancer=True)
    values = {"green/requests": {7: 600.0}, "green/2xx": {7: 200.0}, "own": {7: 400.0}}
    assert Counts(shared, values).arm(ERRORS, "green", 7) == Arm(600, 0)
    assert Counts(SETTINGS, values).arm(ERRORS, "green", 7) == Arm(600, 400)


def test_a_side_is_silent_when_zero_was_said_or_only_the_other_one_had_requests() -> None:
    assert counts({"green/requests": 0}).is_silent("green", 7)
    assert counts({"blue/requests": 60}).is_silent("green", 7)
    assert not counts({}).is_silent("green", 7)
    assert not counts({"green/requests": 1, "blue/requests": 60}).is_silent("green", 7)


def test_healthy_targets_are_known_only_when_the_load_balancer_said_so() -> None:
    seen = counts({"green/healthy": 0, "blue/requests": 600})
    assert seen.healthy("green", 7) == 0
    assert seen.healthy("green", 8) is None
    assert seen.healthy("blue", 7) is None
