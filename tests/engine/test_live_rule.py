"""How the handler of TrafficRule answers each kind of event, one behaviour at a time."""

import pytest
from fake_elbv2 import FakeElbv2, KilledError
from traffic_rule_stack import BLUE, GREEN, LISTENER, OTHER_LISTENER, OUR_TAGS, PINK, Stack, path, properties

SHIFTED = {BLUE: 30, GREEN: 70}


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """The rule is there and somebody has moved its weights."""
    assert stack.create(properties())["Status"] == "SUCCESS"
    stack.elb.set_weights(stack.the_rule()["RuleArn"], SHIFTED)
    stack.elb.calls.clear()
    return stack


def actions_written(elb: FakeElbv2) -> list[tuple[str, dict]]:
    return [call for call in elb.calls if "Actions" in call[1]]


# Create


def test_create_makes_a_rule_that_forwards_to_both_sides_and_carries_our_tags(stack: Stack) -> None:
    answer = stack.create(properties(Tags=[{"Key": "team", "Value": "ml"}]))
    rule = stack.the_rule()
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"RuleArn": rule["RuleArn"]}
    assert stack.weights() == {BLUE: 100, GREEN: 0}
    assert rule["Priority"] == "10"
    assert stack.elb.tags[rule["RuleArn"]].items() >= {**OUR_TAGS, "team": "ml"}.items()
    assert [call[0] for call in stack.elb.writes()] == ["CreateRule"]


def test_create_takes_initial_weight_and_stickiness(stack: Stack) -> None:
    stack.create(properties(InitialCandidateWeight="100", InitialStickinessSeconds="3600"))
    assert stack.weights() == {BLUE: 0, GREEN: 100}
    config = stack.the_rule()["Actions"][0]["ForwardConfig"]
    assert config["TargetGroupStickinessConfig"] == {"Enabled": True, "DurationSeconds": 3600}


def test_a_create_delivered_twice_makes_one_rule_and_writes_nothing_the_second_time(stack: Stack) -> None:
    event = stack.event("Create", properties())
    first = stack.send(event)
    stack.elb.set_weights(stack.the_rule()["RuleArn"], SHIFTED)
    stack.elb.calls.clear()
    second = stack.send(event)
    assert second["Data"] == first["Data"]
    assert stack.elb.writes() == []
    assert stack.weights() == SHIFTED


def test_a_create_that_timed_out_with_effect_fails_and_its_rollback_delete_removes_the_rule(stack: Stack) -> None:
    stack.elb.faults = ["none", "timeout with effect"]
    assert stack.create(properties())["Status"] == "FAILED"
    assert len(stack.own_rules()) == 1
    assert stack.delete(properties())["Status"] == "SUCCESS"
    assert stack.own_rules() == []


def test_a_create_beaten_by_its_own_duplicate_adopts_that_rule(stack: Stack) -> None:
    """Both runs see no rule; the other one creates it first."""
    event = stack.event("Create", properties())
    real = stack.elb.create_rule

    def beaten(**arguments: object) -> dict:
        stack.elb.create_rule = real
        real(**arguments)
        return real(**arguments)

    stack.elb.create_rule = beaten
    assert stack.send(event)["Status"] == "SUCCESS"
    assert len(stack.own_rules()) == 1


def test_create_adopts_a_rule_that_was_retained_and_leaves_its_actions_alone(deployed: Stack) -> None:
    answer = deployed.create(properties(Priority="11", Conditions=path("/v2/*")))
    assert answer["Status"] == "SUCCESS"
    assert "adopted" in answer["Reason"]
    assert deployed.the_rule()["Priority"] == "11"
    assert deployed.weights() == SHIFTED
    assert actions_written(deployed.elb) == []


def test_a_taken_priority_is_refused_with_the_priority_the_holder_and_the_way_out(stack: Stack) -> None:
    foreign = stack.elb.add_rule(LISTENER, 10)
    answer = stack.create(properties())
    assert answer["Status"] == "FAILED"
    assert "priority 10" in answer["Reason"]
    assert foreign in answer["Reason"]
    assert "free priority" in answer["Reason"]
    assert list(stack.elb.rules) == [foreign]


def test_a_priority_taken_by_another_traffic_rule_names_its_logical_id(stack: Stack) -> None:
    stack.elb.add_rule(LISTENER, 10, tags={**OUR_TAGS, "bluegreen:logical-id": "FormerName"})
    assert "of FormerName in stack arn:aws:cloudformation" in stack.create(properties())["Reason"]


def test_throttling_and_permissions_that_are_not_known_yet_are_waited_for(stack: Stack) -> None:
    stack.elb.faults = ["denied", "throttle", "none", "denied", "denied"]
    assert stack.create(properties())["Status"] == "SUCCESS"
    assert len(stack.own_rules()) == 1


def test_a_permission_that_stays_missing_is_reported_in_the_words_of_aws(stack: Stack) -> None:
    stack.elb.faults = ["denied"] * 100
    answer = stack.create(properties())
    assert answer["Status"] == "FAILED"
    assert "not authorized to perform: elasticloadbalancing:DescribeRules" in answer["Reason"]
    assert len(stack.elb.calls) <= 8


def test_no_call_is_started_when_too_little_time_is_left(stack: Stack) -> None:
    stack.seconds = 40
    answer = stack.create(properties())
    assert answer["Status"] == "FAILED"
    assert "40 s are left" in answer["Reason"]
    assert stack.elb.calls == []


# Update


def test_update_changes_conditions_priority_and_tags_and_never_carries_actions(stack: Stack) -> None:
    former = properties(Tags=[{"Key": "team", "Value": "ml"}, {"Key": "gone", "Value": "1"}])
    stack.create(former)
    arn = stack.the_rule()["RuleArn"]
    stack.elb.tags[arn]["bluegreen:live"] = "set by the engine"
    stack.elb.set_weights(arn, SHIFTED)
    stack.elb.calls.clear()
    wanted = properties(Priority="20", Conditions=path("/v2/*"), Tags=[{"Key": "team", "Value": "vision"}])
    answer = stack.update(wanted, former)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"RuleArn": arn}
    rule, tags = stack.the_rule(), stack.elb.tags[arn]
    assert (rule["Priority"], rule["Conditions"]) == ("20", path("/v2/*"))
    assert tags["team"] == "vision"
    assert "gone" not in tags
    assert tags["bluegreen:live"] == "set by the engine"
    assert stack.weights() == SHIFTED
    assert actions_written(stack.elb) == []
    assert [name for name, _ in stack.elb.writes()] == ["SetRulePriorities", "ModifyRule", "RemoveTags", "AddTags"]


def test_an_update_with_the_same_properties_writes_nothing(deployed: Stack) -> None:
    assert deployed.update(properties(), properties())["Status"] == "SUCCESS"
    assert deployed.elb.writes() == []


def test_changed_initial_values_write_nothing(deployed: Stack) -> None:
    wanted = properties(InitialCandidateWeight="50", InitialStickinessSeconds="60")
    assert deployed.update(wanted, properties())["Status"] == "SUCCESS"
    assert deployed.elb.writes() == []
    assert deployed.weights() == SHIFTED


def test_blue_and_green_exchanged_write_no_actions(deployed: Stack) -> None:
    assert deployed.update(properties(Blue=GREEN, Green=BLUE), properties())["Status"] == "SUCCESS"
    assert actions_written(deployed.elb) == []
    assert deployed.weights() == SHIFTED


def test_the_rollback_of_an_update_restores_conditions_and_priority_and_not_the_weights(deployed: Stack) -> None:
    former, wanted = properties(), properties(Priority="20", Conditions=path("/v2/*"))
    deployed.update(wanted, former)
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {BLUE: 0, GREEN: 100})
    assert deployed.update(former, wanted)["Status"] == "SUCCESS"
    assert deployed.the_rule()["Priority"] == "10"
    assert deployed.the_rule()["Conditions"] == former["Conditions"]
    assert deployed.weights() == {BLUE: 0, GREEN: 100}


def test_a_late_copy_of_an_update_does_not_undo_its_rollback(deployed: Stack) -> None:
    former, wanted = properties(), properties(Priority="20")
    forward = deployed.event("Update", wanted, former)
    deployed.send(forward)
    deployed.update(former, wanted)
    deployed.elb.calls.clear()
    assert deployed.send(forward)["Status"] == "SUCCESS"
    assert deployed.the_rule()["Priority"] == "10"
    assert deployed.elb.writes() == []


def test_a_late_copy_of_a_refused_update_does_not_undo_its_rollback(deployed: Stack) -> None:
    foreign = deployed.elb.add_rule(LISTENER, 20)
    former, wanted = properties(), properties(Priority="20", Conditions=path("/v2/*"))
    forward = deployed.event("Update", wanted, former)
    assert deployed.send(forward)["Status"] == "FAILED"
    assert deployed.update(former, wanted)["Status"] == "SUCCESS"
    deployed.elb.delete_rule(RuleArn=foreign)
    deployed.send(forward)
    assert deployed.the_rule()["Priority"] == "10"


def test_a_refused_update_whose_answer_was_lost_is_refused_again(deployed: Stack) -> None:
    foreign = deployed.elb.add_rule(LISTENER, 20)
    event = deployed.event("Update", properties(Priority="20"), properties())
    deployed.elb.fault_of = {"AddTags": "killed after"}
    with pytest.raises(KilledError):
        deployed.send(event)
    deployed.elb.delete_rule(RuleArn=foreign)
    assert deployed.send(event)["Status"] == "FAILED"
    assert deployed.the_rule()["Priority"] == "10"


def test_an_update_to_a_taken_priority_is_refused_and_changes_nothing(deployed: Stack) -> None:
    foreign = deployed.elb.add_rule(LISTENER, 20)
    answer = deployed.update(properties(Priority="20", Conditions=path("/v2/*")), properties())
    assert answer["Status"] == "FAILED"
    assert "priority 20" in answer["Reason"]
    assert foreign in answer["Reason"]
    assert deployed.the_rule()["Conditions"] == properties()["Conditions"]


@pytest.mark.parametrize("weights", [{BLUE: 100, GREEN: 0}, {BLUE: 0, GREEN: 100}])
def test_a_replaced_target_group_is_refused_while_the_rule_forwards_to_it(deployed: Stack, weights: dict) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], weights)
    answer = deployed.update(properties(Green=PINK), properties())
    assert answer["Status"] == "FAILED"
    assert f"target group {GREEN} (weight {weights[GREEN]})" in answer["Reason"]
    assert "second TrafficRule" in answer["Reason"]
    assert deployed.update(properties(), properties(Green=PINK))["Status"] == "SUCCESS"  # the rollback
    assert deployed.weights() == weights


def test_a_rollback_passes_when_somebody_dropped_a_group_from_the_action(deployed: Stack) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {GREEN: 100})
    assert deployed.update(properties(), properties(Blue=PINK))["Status"] == "SUCCESS"
    assert deployed.weights() == {GREEN: 100}


def test_a_rule_deleted_by_hand_is_created_anew_by_an_update_which_says_so(deployed: Stack) -> None:
    deployed.elb.delete_rule(RuleArn=deployed.the_rule()["RuleArn"])
    answer = deployed.update(properties(Priority="11"), properties())
    assert answer["Status"] == "SUCCESS"
    assert "was missing" in answer["Reason"]
    assert deployed.weights() == {BLUE: 100, GREEN: 0}


@pytest.mark.parametrize(
    ("healthy", "weights"),
    [
        ({GREEN: 3}, {BLUE: 0, GREEN: 100}),
        ({BLUE: 1, GREEN: 3}, {BLUE: 0, GREEN: 100}),
        ({BLUE: 3, GREEN: 1}, {BLUE: 100, GREEN: 0}),
        ({BLUE: 2, GREEN: 2}, {BLUE: 100, GREEN: 0}),
    ],
)
def test_a_rule_made_anew_sends_users_to_the_side_that_has_the_tasks(
    deployed: Stack, healthy: dict[str, int], weights: dict[str, int]
) -> None:
    deployed.elb.healthy = healthy
    deployed.elb.delete_rule(RuleArn=deployed.the_rule()["RuleArn"])
    assert deployed.update(properties(Priority="11"), properties())["Status"] == "SUCCESS"
    assert deployed.weights() == weights


def test_a_priority_that_a_sibling_is_about_to_give_up_is_waited_for(deployed: Stack) -> None:
    """Production and test rule move by one: CloudFormation updates both at once, in any order."""
    sibling = deployed.elb.add_rule(LISTENER, 11, tags={**OUR_TAGS, "bluegreen:logical-id": "Sibling"})

    def let_go(_seconds: float) -> None:
        deployed.elb.rules[sibling]["Priority"] = "12"

    deployed.on_pause = let_go
    assert deployed.update(properties(Priority="11"), properties())["Status"] == "SUCCESS"
    assert deployed.the_rule()["Priority"] == "11"


# An update that wants one side to serve


@pytest.mark.parametrize("weights", [{BLUE: 0, GREEN: 100}, {BLUE: 90, GREEN: 10}, {GREEN: 1}])
def test_an_update_that_wants_blue_to_serve_alone_is_refused_while_green_has_traffic(
    deployed: Stack, weights: dict[str, int]
) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], weights)
    answer = deployed.update(properties(MustServe=BLUE, Priority="20"), properties())
    assert answer["Status"] == "FAILED"
    serving = sorted(arn for arn, weight in weights.items() if weight)
    assert f"gives traffic to {', '.join(serving)}, and this update wants {BLUE} to serve alone" in answer["Reason"]
    assert "deploy one more release, which goes to that side, and update then" in answer["Reason"]
    assert deployed.the_rule()["Priority"] == "10"
    assert actions_written(deployed.elb) == []


@pytest.mark.parametrize("weights", [{BLUE: 100, GREEN: 0}, {BLUE: 100}, {BLUE: 1, GREEN: 0}])
def test_it_passes_when_blue_serves_alone_and_moves_no_weight(deployed: Stack, weights: dict[str, int]) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], weights)
    assert deployed.update(properties(MustServe=BLUE), properties())["Status"] == "SUCCESS"
    assert deployed.weights() == weights
    assert actions_written(deployed.elb) == []


def test_the_rollback_of_a_refused_way_back_passes_while_green_serves(deployed: Stack) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {BLUE: 0, GREEN: 100})
    assert deployed.update(properties(MustServe=BLUE), properties())["Status"] == "FAILED"
    assert deployed.update(properties(), properties(MustServe=BLUE))["Status"] == "SUCCESS"
    assert deployed.weights() == {BLUE: 0, GREEN: 100}


def test_a_late_copy_of_a_refused_way_back_is_refused_even_when_blue_serves_by_then(deployed: Stack) -> None:
    arn = deployed.the_rule()["RuleArn"]
    deployed.elb.set_weights(arn, {BLUE: 0, GREEN: 100})
    forward = deployed.event("Update", properties(MustServe=BLUE, Priority="20"), properties())
    assert deployed.send(forward)["Status"] == "FAILED"
    assert deployed.update(properties(), properties(MustServe=BLUE, Priority="20"))["Status"] == "SUCCESS"
    deployed.elb.set_weights(arn, {BLUE: 100, GREEN: 0})
    assert deployed.send(forward)["Status"] == "FAILED"
    assert deployed.the_rule()["Priority"] == "10"


def test_a_way_forward_from_blue_asks_for_nothing(deployed: Stack) -> None:
    """Without the wish, whichever side serves is right: an update must not depend on the last release's side."""
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {BLUE: 0, GREEN: 100})
    assert deployed.update(properties(), properties(MustServe=BLUE))["Status"] == "SUCCESS"


def test_a_rule_that_is_moved_to_another_listener_is_held_to_it_too(deployed: Stack) -> None:
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {BLUE: 0, GREEN: 100})
    answer = deployed.update(properties(MustServe=BLUE, ListenerArn=OTHER_LISTENER), properties())
    assert answer["Status"] == "FAILED"
    assert "to serve alone" in answer["Reason"]
    assert deployed.the_rule()["ListenerArn"] == LISTENER


def test_a_missing_rule_is_not_made_anew_for_blue_while_the_tasks_are_in_green(deployed: Stack) -> None:
    """The service's update, which comes next, would stop them; the rollback's update makes the rule for green."""
    deployed.elb.healthy = {GREEN: 2}
    deployed.elb.delete_rule(RuleArn=deployed.the_rule()["RuleArn"])
    answer = deployed.update(properties(MustServe=BLUE), properties())
    assert answer["Status"] == "FAILED"
    assert f"the rule of {LISTENER} that is missing gives traffic to {GREEN}" in answer["Reason"]
    assert deployed.own_rules() == []
    assert deployed.update(properties(), properties(MustServe=BLUE))["Status"] == "SUCCESS"
    assert deployed.weights() == {BLUE: 0, GREEN: 100}


def test_a_missing_rule_is_made_anew_when_the_tasks_are_in_blue(deployed: Stack) -> None:
    deployed.elb.healthy = {BLUE: 2}
    deployed.elb.delete_rule(RuleArn=deployed.the_rule()["RuleArn"])
    assert deployed.update(properties(MustServe=BLUE), properties())["Status"] == "SUCCESS"
    assert deployed.weights() == {BLUE: 100, GREEN: 0}


def test_a_new_rule_that_must_serve_blue_is_simply_made(stack: Stack) -> None:
    assert stack.create(properties(MustServe=BLUE))["Status"] == "SUCCESS"
    assert stack.weights() == {BLUE: 100, GREEN: 0}


# Another listener


def test_a_changed_listener_gets_a_rule_with_the_live_actions_before_the_former_rule_goes(deployed: Stack) -> None:
    former_arn = deployed.the_rule()["RuleArn"]
    cognito = {"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolArn": "pool"}}
    actions = [cognito, *deployed.the_rule()["Actions"]]
    deployed.elb.rules[former_arn]["Actions"] = actions
    deployed.elb.tags[former_arn]["bluegreen:live"] = GREEN
    answer = deployed.update(properties(ListenerArn=OTHER_LISTENER), properties())
    rule = deployed.the_rule()
    assert answer["Data"] == {"RuleArn": rule["RuleArn"]}
    assert rule["ListenerArn"] == OTHER_LISTENER
    assert rule["Actions"] == actions
    assert deployed.elb.tags[rule["RuleArn"]]["bluegreen:live"] == GREEN
    assert [name for name, _ in deployed.elb.writes()] == ["CreateRule", "DeleteRule"]


def test_a_move_to_another_listener_is_rolled_back_with_the_weights_of_that_moment(deployed: Stack) -> None:
    moved = properties(ListenerArn=OTHER_LISTENER)
    forward = deployed.event("Update", moved, properties())
    deployed.send(forward)
    deployed.elb.set_weights(deployed.the_rule()["RuleArn"], {BLUE: 5, GREEN: 95})
    deployed.update(properties(), moved)
    deployed.send(forward)  # a late copy
    assert deployed.the_rule()["ListenerArn"] == LISTENER
    assert deployed.weights() == {BLUE: 5, GREEN: 95}


def test_a_failed_move_leaves_the_original_in_force_and_its_rollback_removes_the_copy(deployed: Stack) -> None:
    moved, original = properties(ListenerArn=OTHER_LISTENER), deployed.the_rule()["RuleArn"]
    deployed.elb.fault_of = {"DeleteRule": "failure"}
    assert deployed.update(moved, properties())["Status"] == "FAILED"
    assert len(deployed.own_rules()) == 2
    deployed.elb.set_weights(original, {BLUE: 5, GREEN: 95})
    assert deployed.update(properties(), moved)["Status"] == "SUCCESS"
    assert deployed.the_rule()["RuleArn"] == original
    assert deployed.weights() == {BLUE: 5, GREEN: 95}


def test_a_late_copy_of_a_refused_move_does_not_move_the_rule(deployed: Stack) -> None:
    foreign = deployed.elb.add_rule(OTHER_LISTENER, 10)
    moved = properties(ListenerArn=OTHER_LISTENER)
    forward = deployed.event("Update", moved, properties())
    assert deployed.send(forward)["Status"] == "FAILED"
    deployed.update(properties(), moved)
    deployed.elb.delete_rule(RuleArn=foreign)
    deployed.send(forward)
    assert deployed.the_rule()["ListenerArn"] == LISTENER


def test_a_move_away_from_a_deleted_listener_creates_the_rule_anew(deployed: Stack) -> None:
    deployed.elb.listeners.remove(LISTENER)
    assert deployed.update(properties(ListenerArn=OTHER_LISTENER), properties())["Status"] == "SUCCESS"
    assert len(deployed.elb.rules_on(OTHER_LISTENER)) == 1


def test_a_rule_with_an_oidc_action_is_not_moved_because_its_secret_cannot_be_read(deployed: Stack) -> None:
    rule = deployed.the_rule()
    rule["Actions"].insert(0, {"Type": "authenticate-oidc", "Order": 1})
    answer = deployed.update(properties(ListenerArn=OTHER_LISTENER), properties())
    assert answer["Status"] == "FAILED"
    assert "client secret" in answer["Reason"]
    assert deployed.the_rule() is rule


# Delete


def test_delete_removes_only_the_rule_with_our_tags(deployed: Stack) -> None:
    others = [deployed.elb.add_rule(LISTENER, 20 + n, tags={"bluegreen:stack": "another"}) for n in range(5)]
    assert deployed.delete(properties())["Status"] == "SUCCESS"
    assert list(deployed.elb.rules) == others


@pytest.mark.parametrize("gone", ["rule", "listener"])
def test_delete_succeeds_when_the_rule_is_gone(deployed: Stack, gone: str) -> None:
    deployed.elb.delete_rule(RuleArn=deployed.the_rule()["RuleArn"])
    if gone == "listener":
        deployed.elb.listeners.clear()
    assert deployed.delete(properties())["Status"] == "SUCCESS"


def test_delete_succeeds_when_somebody_deletes_the_rule_at_the_same_time(deployed: Stack) -> None:
    real = deployed.elb.describe_tags

    def raced(**arguments: object) -> dict:
        deployed.elb.rules.clear()
        return real(**arguments)

    deployed.elb.describe_tags = raced
    assert deployed.delete(properties())["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "broken", [{"Priority": "none"}, {"Conditions": []}, {"ListenerArn": "listener"}, {"ListenerArn": ""}, {"Blue": ""}]
)
def test_a_create_that_is_refused_for_its_properties_can_be_deleted(stack: Stack, broken: dict) -> None:
    assert stack.create(properties(**broken))["Status"] == "FAILED"
    assert next(iter(broken)) in stack.answers[0]["Reason"]
    assert stack.delete(properties(**broken))["Status"] == "SUCCESS"
    assert stack.elb.writes() == []


def test_delete_finds_the_rule_among_a_hundred(stack: Stack) -> None:
    for priority in range(1, 101):
        stack.elb.add_rule(LISTENER, priority)
    assert stack.create(properties(Priority="200"))["Status"] == "SUCCESS"
    assert stack.delete(properties(Priority="200"))["Status"] == "SUCCESS"
    assert len(stack.elb.rules) == 100
