"""A rule of slots: one target group at a time, made with one, and moved by the engine alone."""

import pytest
from traffic_rule_stack import BLUE, GREEN, LISTENER, OTHER_LISTENER, PINK, Stack, properties

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.rule_settings import settings_of


def of_slots(groups: tuple[str, ...] = (BLUE, GREEN), initial: str = BLUE, **changes: object) -> dict:
    plain = properties(**changes)
    for name in ("Blue", "Green", "InitialCandidateWeight"):
        del plain[name]
    return {**plain, "Groups": list(groups), "InitialGroup": initial}


@pytest.fixture
def stack() -> Stack:
    return Stack()


def test_it_is_made_with_the_initial_group_alone_so_that_no_stickiness_can_keep_another(stack: Stack) -> None:
    assert stack.create(of_slots(initial=GREEN))["Status"] == "SUCCESS"
    (action,) = stack.the_rule()["Actions"]
    assert action == {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GREEN, "Weight": 100}]}}


def test_an_update_leaves_the_actions_alone_whatever_was_swapped(stack: Stack) -> None:
    stack.create(of_slots())
    stack.elb.set_weights(stack.the_rule()["RuleArn"], {GREEN: 100})
    stack.elb.calls.clear()
    assert stack.update(of_slots(Priority="11", initial=GREEN), of_slots())["Status"] == "SUCCESS"
    assert stack.weights() == {GREEN: 100}
    assert not [call for call in stack.elb.calls if "Actions" in call[1]]


def test_another_initial_group_alone_is_no_change(stack: Stack) -> None:
    stack.create(of_slots())
    stack.elb.calls.clear()
    assert stack.update(of_slots(initial=GREEN), of_slots())["Status"] == "SUCCESS"
    assert stack.elb.writes() == []


def test_a_condition_with_an_expression_is_known_again_as_aws_may_describe_it(stack: Stack) -> None:
    config = {"HttpHeaderName": "cookie", "RegexValues": ["^a=b$"]}
    wanted = of_slots(Conditions=[{"Field": "http-header", "HttpHeaderConfig": config}])
    stack.create(wanted)
    stack.the_rule()["Conditions"][0]["HttpHeaderConfig"]["Values"] = []
    stack.elb.calls.clear()
    stack.update({**wanted, "Priority": "11"}, wanted)
    assert not [call for call in stack.elb.calls if "Conditions" in call[1]]


def test_a_further_group_is_no_reason_to_touch_what_serves(stack: Stack) -> None:
    stack.create(of_slots())
    assert stack.update(of_slots((BLUE, GREEN, PINK)), of_slots())["Status"] == "SUCCESS"
    assert stack.weights() == {BLUE: 100}


def test_a_group_that_serves_is_not_taken_away(stack: Stack) -> None:
    former = of_slots((BLUE, GREEN, PINK))
    stack.create(former)
    stack.elb.set_weights(stack.the_rule()["RuleArn"], {PINK: 100})
    answer = stack.update(of_slots(), former)
    assert answer["Status"] == "FAILED"
    assert f"forwards to target group {PINK}" in answer["Reason"]
    assert stack.update(former, of_slots())["Status"] == "SUCCESS"  # the way back


def test_a_group_that_serves_nobody_may_go(stack: Stack) -> None:
    former = of_slots((BLUE, GREEN, PINK))
    stack.create(former)
    assert stack.update(of_slots(), former)["Status"] == "SUCCESS"


def test_a_rule_that_somebody_deleted_goes_to_the_group_with_most_tasks(stack: Stack) -> None:
    wanted = of_slots((BLUE, GREEN, PINK))
    stack.create(wanted)
    stack.elb.rules.clear()
    stack.elb.healthy = {BLUE: 1, GREEN: 2, PINK: 5}
    assert stack.update(of_slots((BLUE, GREEN, PINK), Priority="12"), wanted)["Status"] == "SUCCESS"
    assert stack.weights() == {PINK: 100}


def test_with_as_many_tasks_in_two_groups_it_goes_where_it_began(stack: Stack) -> None:
    wanted = of_slots((BLUE, GREEN, PINK), initial=GREEN)
    stack.create(wanted)
    stack.elb.rules.clear()
    stack.elb.healthy = {BLUE: 2, PINK: 2}
    stack.update(of_slots((BLUE, GREEN, PINK), initial=GREEN, Priority="12"), wanted)
    assert stack.weights() == {GREEN: 100}


def test_on_another_listener_it_keeps_the_group_of_that_moment(stack: Stack) -> None:
    stack.create(of_slots())
    stack.elb.set_weights(stack.the_rule()["RuleArn"], {GREEN: 100})
    stack.update(of_slots(ListenerArn=OTHER_LISTENER), of_slots())
    assert stack.weights() == {GREEN: 100}
    assert stack.elb.rules_on(LISTENER) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Groups": []}, "the property Groups is .*: give a list"),
        ({"Groups": "one"}, "the property Groups is 'one'"),
        ({"Groups": [BLUE, BLUE]}, "names a target group twice"),
        ({"InitialGroup": PINK}, "the property InitialGroup is .*pink.*: give one of Groups"),
        ({"InitialGroup": None}, "the property InitialGroup is None"),
    ],
)
def test_groups_that_make_no_sense_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        settings_of({**of_slots(), **changes})
