"""What the API refuses or completes in the actions of a rule."""

import pytest

from bluegreen_constructs.rehearsal.load_balancer.action_rules import ApiRefusal, complete_actions
from bluegreen_constructs.rehearsal.load_balancer.records import (
    ActionRecord,
    ForwardConfig,
    StickinessConfig,
    TargetGroupTuple,
)

LB = "arn:lb"
USERS: dict[str, str | None] = {"arn:blue": LB, "arn:green": None, "arn:taken": "arn:other"}


def forward(*weights: tuple[str, int], sticky: StickinessConfig | None = None) -> ActionRecord:
    config = ForwardConfig(
        TargetGroups=[TargetGroupTuple(TargetGroupArn=arn, Weight=weight) for arn, weight in weights]
    )
    if sticky is not None:
        config["TargetGroupStickinessConfig"] = sticky
    return ActionRecord(Type="forward", ForwardConfig=config)


def complete(*actions: ActionRecord) -> list[ActionRecord]:
    return complete_actions(actions, balancer_arn=LB, users=USERS)


def test_a_single_target_group_is_answered_in_both_forms() -> None:
    only_arn = ActionRecord(Type="forward", TargetGroupArn="arn:blue")
    both: list[ActionRecord] = [
        {
            "Type": "forward",
            "Order": 1,
            "TargetGroupArn": "arn:blue",
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": "arn:blue", "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    assert complete(only_arn) == both
    assert complete(*both) == both


def test_two_target_groups_have_no_single_arn() -> None:
    assert "TargetGroupArn" not in complete(forward(("arn:blue", 90), ("arn:green", 10)))[0]


@pytest.mark.parametrize("weights", [(0, 0), (0, 999)])
def test_weights_from_0_to_999_are_taken(weights: tuple[int, int]) -> None:
    action = complete(forward(("arn:blue", weights[0]), ("arn:green", weights[1])))[0]
    assert [group["Weight"] for group in action["ForwardConfig"]["TargetGroups"]] == list(weights)


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        (forward(("arn:blue", 1000)), "ValidationError", "weight '1000' must be a whole number between 0 and 999"),
        (forward(("arn:blue", -1)), "ValidationError", "weight '-1'"),
        (forward(*[(f"arn:{n}", 1) for n in range(6)]), "ValidationError", "at most 5 target groups, not 6"),
        (forward(("arn:blue", 1), ("arn:blue", 2)), "ValidationError", "must be different"),
        (forward(("arn:nowhere", 1)), "TargetGroupNotFound", "arn:nowhere"),
        (forward(("arn:taken", 1)), "TargetGroupAssociationLimit", "more than one load balancer: arn:taken"),
        (forward(), "ValidationError", "must specify a target group"),
        (ActionRecord(Type="forward"), "ValidationError", "must specify a target group"),
        (
            forward(("arn:blue", 1), sticky=StickinessConfig(Enabled=True)),
            "ValidationError",
            "needs a duration",
        ),
        (
            forward(("arn:blue", 1), sticky=StickinessConfig(Enabled=True, DurationSeconds=604_801)),
            "ValidationError",
            "stickiness duration '604801' must be a whole number between 1 and 604800",
        ),
    ],
)
def test_what_aws_refuses_is_refused(action: ActionRecord, code: str, words: str) -> None:
    with pytest.raises(ApiRefusal, match=words) as refusal:
        complete(action)
    assert refusal.value.code == code


def test_a_single_arn_that_contradicts_the_config_is_refused() -> None:
    action = forward(("arn:blue", 1))
    action["TargetGroupArn"] = "arn:green"
    with pytest.raises(ApiRefusal, match="same one target group"):
        complete(action)


def test_a_rule_routes_exactly_once_and_last() -> None:
    fixed = ActionRecord(Type="fixed-response", Order=1, FixedResponseConfig={"StatusCode": "404"})
    login = ActionRecord(Type="authenticate-oidc", Order=2)
    with pytest.raises(ApiRefusal, match="exactly one"):
        complete(fixed, forward(("arn:blue", 1)))
    with pytest.raises(ApiRefusal, match="exactly one"):
        complete()
    with pytest.raises(ApiRefusal, match="must be the last"):
        complete(fixed, login)
