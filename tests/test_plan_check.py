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
    assert "2 times                           14 min         97 %                19" in said


def test_comparisons_of_the_same_terms_are_stated_once(rollout: Construct) -> None:
    assert len(check_plan(rollout, strategy=PLAN, guardrails=[ErrorComparison(), LATENCY], traffic=BUSY)) == 1
    assert len(infos(rollout)) == 1


def test_each_of_different_terms_is_stated(rollout: Construct) -> None:
    guardrails = [ErrorComparison(), ErrorComparison(margin=4.0)]
    assert [
        power.terms.margin for power in check_plan(rollout, strategy=PLAN, guardrails=guardrails, traffic=BUSY)
    ] == [2, 4]
    assert len(infos(rollout)) == 2


def test_a_blind_plan_is_refused_at_synth(rollout: Construct) -> None:
    blind = Canary(percent=10, bake=timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match="bake for 24 min or compare with margin=4"):
        check_plan(rollout, strategy=blind, guardrails=[ErrorComparison()], traffic=BUSY)


def test_one_blind_comparison_among_several_is_refused(rollout: Construct) -> None:
    with pytest.raises(ConfigurationError, match=r"fails 1\.2 times as often"):
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
