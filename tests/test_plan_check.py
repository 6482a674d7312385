"""What a rollout's comparison can see is said at synth, and a blind plan is refused there."""

from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Annotations, Match
from constructs import Construct

from bluegreen_constructs import AlarmGuardrail, Canary, ErrorComparison, ExpectedTraffic, LatencyComparison
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.plan_check import check_plan

BUSY = ExpectedTraffic(requests_per_second=100, error_rate=0.002)
PLAN = Canary(percent=10, bake=timedelta(minutes=40))
LATENCY = LatencyComparison(slo=timedelta(seconds=1))


class NamedAlarm:
    alarm_name = "pages"


@pytest.fixture
def rollout() -> Construct:
    return Construct(cdk.Stack(cdk.App(), "Stack"), "Rollout")


def infos(rollout: Construct) -> list[str]:
    found = Annotations.from_stack(cdk.Stack.of(rollout)).find_info("/Stack/Rollout", Match.any_value())
    return [str(message.entry.data) for message in found]


def test_what_the_plan_sees_is_printed_at_synth(rollout: Construct) -> None:
    check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison()], traffic=BUSY)
    (said,) = infos(rollout)
    assert "10 % for 40 min, at 100 requests/s with 0.2 % errors" in said
    assert said.startswith("errors: ")
    assert "2 times as often                  14 min          97 %               19" in said


def test_each_comparison_is_stated_with_its_own_rate_and_its_part_of_the_budget(rollout: Construct) -> None:
    slow = LatencyComparison(slo=timedelta(seconds=1), expected_rate=0.03)
    errors, latency = check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison(), slow], traffic=BUSY)
    (alone,) = check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison()], traffic=BUSY)
    assert errors.detections[0].chance < alone.detections[0].chance
    assert (errors.traffic.error_rate, latency.traffic.error_rate) == (0.002, 0.03)
    assert any(said.startswith("slower than 1 s: 10 % for 40 min") for said in infos(rollout))


def test_a_comparison_whose_rate_is_not_known_is_not_measured_by_that_of_errors(rollout: Construct) -> None:
    check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison(), LATENCY], traffic=BUSY)
    assert len(infos(rollout)) == 1
    Annotations.from_stack(cdk.Stack.of(rollout)).has_warning(
        "/Stack/Rollout",
        Match.string_like_regexp(r"of slower than 1 s can see is not known: give LatencyComparison\(expected_rate=…\)"),
    )


def test_a_blind_plan_is_refused_at_synth(rollout: Construct) -> None:
    blind = Canary(percent=10, bake=timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match="bake for 24 min or compare with margin=4"):
        check_plan(rollout, strategy=blind, guardrails=[ErrorComparison()], traffic=BUSY)


def test_one_blind_comparison_among_several_is_refused(rollout: Construct) -> None:
    with pytest.raises(ConfigurationError, match=r"comparison of errors to tell a release that fails 1\.2 times"):
        check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison(), ErrorComparison(margin=1.2)], traffic=BUSY)


def test_without_expected_traffic_there_is_a_warning_that_says_what_to_give(rollout: Construct) -> None:
    assert check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison()], traffic=None) == ()
    Annotations.from_stack(cdk.Stack.of(rollout)).has_warning(
        "/Stack/Rollout", Match.string_like_regexp("give expected_traffic=ExpectedTraffic")
    )


def test_the_warning_can_be_acknowledged(rollout: Construct) -> None:
    check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison()], traffic=None)
    cdk.Annotations.of(rollout).acknowledge_warning("bluegreen-constructs:no-expected-traffic", "a service of tests")
    Annotations.from_stack(cdk.Stack.of(rollout)).has_no_warning("/Stack/Rollout", Match.any_value())


def test_alarms_alone_have_nothing_to_state(rollout: Construct) -> None:
    assert check_plan(rollout, strategy=PLAN, guardrails=[AlarmGuardrail(NamedAlarm())], traffic=None) == ()
    Annotations.from_stack(cdk.Stack.of(rollout)).has_no_warning("/Stack/Rollout", Match.any_value())
