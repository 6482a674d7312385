"""`bluegreen abort` gives live all traffic by itself, whatever of AWS is down; only a cold live side stops it."""

import pytest

from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rule_tags import ABORTED
from tests.cli.operated_world import OPERATOR, TARGET, Operator


def at_ten_percent(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    assert operator.world.first.share == 10
    operator.world.rules_there.calls.clear()


def rule_arn(operator: Operator) -> str:
    return operator.world.first.settings.rule_arn


def calls(operator: Operator) -> list[str]:
    return [name for name, _ in operator.world.rules_there.calls]


def test_three_calls_give_live_all_traffic_and_the_mark_follows(operator: Operator) -> None:
    at_ten_percent(operator)
    assert operator.types("abort", TARGET, "--reason", "payments fail") == 0
    assert calls(operator) == ["DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"]
    assert operator.world.first.share == 0
    assert operator.out == "live has all traffic of Serving/Model; rollout 1.4.2 is aborted\n"
    assert operator.err == ""


def test_the_rollout_ends_rolled_back_with_who_aborted_it_and_why(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.types("abort", "--reason", "payments fail")
    operator.world.go_on(60)
    assert (operator.world.rollout.phase, operator.world.rollout.is_tidied) == (Phase.ROLLED_BACK, True)
    assert operator.world.rollout.why_back == "aborted: payments fail"
    assert OPERATOR in {item["caller"] for item in operator.reads("history")["items"]}


def test_a_paused_rollout_is_answered_with_the_way_back(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.types("pause")
    operator.world.go_on(1)
    assert operator.types("abort") == 0
    assert operator.world.rollout.hold is None
    operator.world.go_on(60)
    assert operator.world.rollout.phase is Phase.ROLLED_BACK


def test_json_has_the_state_and_the_calls(operator: Operator) -> None:
    at_ten_percent(operator)
    assert operator.reads("abort") == {
        "target": TARGET,
        "state": "RESTORED",
        "rollout": "1.4.2",
        "aws_calls": 3,
        "notes": [],
    }


def test_nothing_in_flight_is_no_failure_and_nothing_is_written(operator: Operator) -> None:
    assert operator.types("abort") == 0
    assert operator.out == "nothing is in flight on Serving/Model: nothing was changed\n"
    operator.world.promoted("1.4.2")
    operator.world.rules_there.calls.clear()
    assert operator.reads("abort")["state"] == "NOTHING_IN_FLIGHT"
    assert calls(operator) == ["DescribeTags"]
    assert operator.world.first.share == 100


# What may be down


def test_it_needs_neither_the_table_nor_step_functions(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.store.is_down = operator.world.machine.is_down = True
    assert operator.types("abort") == 0
    assert operator.world.first.share == 0
    assert operator.world.rules_there.rules[rule_arn(operator)][1][ABORTED] == "1.4.2"
    assert "note: the engine's table could not be written" in operator.out


def test_it_needs_no_parameter_store_when_it_is_given_the_rule(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.is_ssm_down = operator.world.is_sts_down = True
    operator.world.store.is_down = operator.world.machine.is_down = True
    assert operator.types("abort", "--rule", rule_arn(operator), "--reason", "payments fail") == 0
    assert operator.world.first.share == 0
    assert "note: the engine's table was left alone" in operator.out


def test_the_engine_ends_a_rollout_that_was_aborted_by_its_rule_alone(operator: Operator) -> None:
    at_ten_percent(operator)
    assert operator.types("abort", "--rule", rule_arn(operator)) == 0
    operator.world.go_on(60)
    assert operator.world.rollout.phase is Phase.ROLLED_BACK
    assert operator.world.first.share == 0


def test_without_parameter_store_the_way_that_is_left_is_named(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.is_ssm_down = True
    assert operator.is_refused(1, "abort", TARGET) == (
        "the targets' settings cannot be read (AWS cannot be reached: check the network, the proxy and AWS_REGION): if "
        "only Parameter Store is down, abort with --rule ARN, or with --service CLUSTER/SERVICE what Amazon ECS "
        "rolls out, or with --deployment ID what AWS CodeDeploy deploys"
    )


def test_that_nobody_says_who_aborts_does_not_stop_an_abort(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.is_sts_down = True
    assert operator.types("abort") == 0
    assert operator.world.first.share == 0
    operator.world.go_on(1)
    assert "unknown (STS did not answer)" in {item["caller"] for item in operator.reads("history")["items"]}


# A live side that is not warm


def test_a_cold_live_side_gets_nothing_until_it_is_told_to(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.rules_there.healthy[operator.world.first.settings.blue.group_arn] = 1
    assert operator.types("abort") == 3
    assert operator.world.first.share == 10
    assert "ModifyRule" not in calls(operator)
    assert "its traffic is where it was: live is not warm" in operator.out
    assert "note: live has 1 healthy targets and needs 4 for all traffic" in operator.out


def test_now_gives_it_all_traffic_all_the_same(operator: Operator) -> None:
    at_ten_percent(operator)
    operator.world.rules_there.healthy[operator.world.first.settings.blue.group_arn] = 1
    assert operator.types("abort", "--now") == 0
    assert operator.world.first.share == 0


# Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rule", "listener-rule/app"),
        ("--rule", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/0123456789abcdef"),
        ("--reason", "\n"),
        ("--soon",),
    ],
)
def test_wrong_usage_changes_nothing(operator: Operator, arguments: tuple[str, ...]) -> None:
    at_ten_percent(operator)
    operator.is_refused(2, "abort", *arguments)
    assert calls(operator) == []


def test_a_target_and_a_rule_are_one_too_many(operator: Operator) -> None:
    at_ten_percent(operator)
    assert "give one of them" in operator.is_refused(2, "abort", TARGET, "--rule", rule_arn(operator))
    assert calls(operator) == []
