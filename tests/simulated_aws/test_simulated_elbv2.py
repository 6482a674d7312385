"""The simulated load balancer's control plane: rules, tags, target health, and reads that lag behind."""

import pytest

from bluegreen_constructs.engine.target_settings import Compute
from simulated_aws.behaviour import Behaviour
from simulated_aws.client import NotSimulatedError
from simulated_aws.one_target import OneTarget
from simulated_aws.world import Disturbances, SimulatedAws


@pytest.fixture
def target() -> OneTarget:
    return OneTarget(SimulatedAws())


def forward(target: OneTarget, blue: int, green: int, **config: object) -> list[dict]:
    weights = {"blue": blue, "green": green}
    groups = [{"TargetGroupArn": target.groups[side].arn, "Weight": weight} for side, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups, **config}}]


def write(target: OneTarget, actions: list[dict]) -> dict:
    return target.world.elbv2.modify_rule(RuleArn=target.rule_arn, Actions=actions)


def states(target: OneTarget, side: str) -> list[str]:
    answer = target.world.elbv2.describe_target_health(TargetGroupArn=target.groups[side].arn)
    return [one["TargetHealth"]["State"] for one in answer["TargetHealthDescriptions"]]


def described(target: OneTarget) -> dict:
    return target.world.elbv2.describe_rules(RuleArns=[target.rule_arn])["Rules"][0]


def test_a_write_replaces_the_whole_action_and_spells_out_stickiness(target: OneTarget) -> None:
    write(target, forward(target, 90, 10))
    assert target.weights() == {"blue": 90, "green": 10}
    config = described(target)["Actions"][0]["ForwardConfig"]
    assert config["TargetGroupStickinessConfig"] == {"Enabled": False}


def test_a_single_group_is_named_twice_as_aws_does(target: OneTarget) -> None:
    write(target, [{"Type": "forward", "TargetGroupArn": target.groups["green"].arn}])
    (action,) = described(target)["Actions"]
    assert action["TargetGroupArn"] == target.groups["green"].arn
    assert action["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": target.groups["green"].arn, "Weight": 1}]


def test_conditions_change_without_the_actions(target: OneTarget) -> None:
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}
    target.world.elbv2.modify_rule(RuleArn=target.rule_arn, Conditions=[condition])
    assert described(target)["Conditions"] == [condition]
    assert target.weights() == {"blue": 100, "green": 0}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda action: action["ForwardConfig"]["TargetGroups"][0].update(Weight=1000),
        lambda action: action["ForwardConfig"]["TargetGroups"][0].update(Weight=-1),
        lambda action: action["ForwardConfig"]["TargetGroups"][0].update(Weight=1.5),
        lambda action: action["ForwardConfig"]["TargetGroups"][0].update(TargetGroupArn="none"),
        lambda action: action["ForwardConfig"].update(TargetGroups=[]),
        lambda action: action["ForwardConfig"]["TargetGroups"].append(action["ForwardConfig"]["TargetGroups"][0]),
        lambda action: action["ForwardConfig"].update(TargetGroupStickinessConfig={"Enabled": True}),
    ],
)
def test_a_write_that_elb_refuses_changes_nothing(target: OneTarget, spoil: object) -> None:
    actions = forward(target, 90, 10)
    spoil(actions[0])
    with pytest.raises(target.world.elbv2.exceptions.ClientError):
        write(target, actions)
    assert target.weights() == {"blue": 100, "green": 0}


def test_the_last_action_must_route(target: OneTarget) -> None:
    with pytest.raises(target.world.elbv2.exceptions.ClientError, match="route"):
        write(target, [*forward(target, 1, 1), {"Type": "authenticate-oidc"}])


def test_an_answer_is_no_piece_of_the_control_plane(target: OneTarget) -> None:
    described(target)["Actions"][0]["ForwardConfig"]["TargetGroups"].clear()
    assert target.weights() == {"blue": 100, "green": 0}


def test_a_listener_s_rules_come_in_pages_with_the_default_one_at_last(target: OneTarget) -> None:
    for position in range(4):
        target.world.elbv2.add_rule(f"rule-{position}", target.rule.listener, 20 + position, forward(target, 1, 1))
    found, marker = [], {}
    while True:
        page = target.world.elbv2.describe_rules(ListenerArn=target.rule.listener, **marker)
        found += page["Rules"]
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [rule["Priority"] for rule in found] == ["5", "10", "20", "21", "22", "23", "default"]
    assert [rule["IsDefault"] for rule in found] == [False] * 6 + [True]


def test_a_tag_with_a_sign_that_elb_does_not_take_is_refused(target: OneTarget) -> None:
    with pytest.raises(target.world.elbv2.exceptions.ClientError, match="not valid"):
        target.world.elbv2.add_tags(ResourceArns=[target.rule_arn], Tags=[{"Key": "k", "Value": "a;b"}])
    assert target.rule.tags == {}


def test_tags_are_added_replaced_and_removed(target: OneTarget) -> None:
    elbv2, arns = target.world.elbv2, [target.rule_arn]
    elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": "a", "Value": "3"}])
    elbv2.remove_tags(ResourceArns=arns, TagKeys=["b", "never there"])
    assert elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": "3"}]


def test_a_priority_that_is_taken_is_refused(target: OneTarget) -> None:
    with pytest.raises(target.world.elbv2.exceptions.PriorityInUseException):
        target.world.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": target.rule_arn, "Priority": 5}])
    target.world.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": target.rule_arn, "Priority": 7}])
    assert described(target)["Priority"] == "7"


def test_targets_are_initial_then_healthy_and_draining_when_they_go(target: OneTarget) -> None:
    target.fleet("green").ask(desired=2)
    assert states(target, "green") == ["initial"] * 2
    target.world.advance(40)
    assert states(target, "green") == ["healthy"] * 2
    target.fleet("green").ask(desired=1)
    assert states(target, "green") == ["healthy", "draining"]
    target.world.advance(20)
    assert states(target, "green") == ["healthy"]


def test_targets_of_a_release_that_does_not_start_and_lost_ones_are_unhealthy(target: OneTarget) -> None:
    target.world.release_is("2", Behaviour(starts=False))
    target.fleet("green").ask(desired=1, release="model:2")
    target.world.advance(1000)
    assert states(target, "green") == ["unhealthy"]
    target.fleet("blue").lose(1)
    assert sorted(states(target, "blue")) == ["healthy"] * 3 + ["unhealthy"]


def test_a_group_that_no_rule_names_is_unused_and_is_checked_anew_when_one_does(target: OneTarget) -> None:
    write(target, [{"Type": "forward", "TargetGroupArn": target.groups["green"].arn}])
    assert states(target, "blue") == ["unused"] * 4
    write(target, forward(target, 0, 100))
    assert states(target, "blue") == ["initial"] * 4
    target.world.advance(10)
    assert states(target, "blue") == ["healthy"] * 4


def test_a_group_stays_in_use_while_another_rule_names_it(target: OneTarget) -> None:
    write(target, [{"Type": "forward", "TargetGroupArn": target.groups["blue"].arn}])
    assert target.groups["green"].used_since is not None


def test_functions_have_no_health_checks() -> None:
    target = OneTarget(SimulatedAws(), compute=Compute.LAMBDA, count=1)
    answer = target.world.elbv2.describe_target_health(TargetGroupArn=target.groups["blue"].arn)
    health = answer["TargetHealthDescriptions"][0]["TargetHealth"]
    assert health == {"State": "unavailable", "Reason": "Target.HealthCheckDisabled"}


def test_reads_may_be_out_of_date_for_the_time_that_was_asked_for_and_no_longer() -> None:
    target = OneTarget(SimulatedAws(seed=3, disturbances=Disturbances(stale_reads=10)))
    write(target, forward(target, 90, 10))
    target.world.elbv2.add_tags(ResourceArns=[target.rule_arn], Tags=[{"Key": "a", "Value": "1"}])

    def seen() -> tuple[int, int]:
        weight = described(target)["Actions"][0]["ForwardConfig"]["TargetGroups"][1]["Weight"]
        tags = target.world.elbv2.describe_tags(ResourceArns=[target.rule_arn])["TagDescriptions"][0]["Tags"]
        return weight, len(tags)

    target.world.advance(5)
    reads = {seen() for _ in range(50)}
    assert {weight for weight, _ in reads} == {0, 10}
    assert {tags for _, tags in reads} == {0, 1}
    target.world.advance(5.01)
    assert {seen() for _ in range(50)} == {(10, 1)}


def test_unknown_operations_and_arguments_are_refused_loudly(target: OneTarget) -> None:
    with pytest.raises(NotSimulatedError, match="has no create_rule"):
        target.world.elbv2.create_rule()
    with pytest.raises(NotSimulatedError, match="ignores Include"):
        target.world.elbv2.describe_target_health(TargetGroupArn=target.groups["blue"].arn, Include=["All"])
