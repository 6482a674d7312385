"""Which rules of a listener CodeDeploy rewrites."""

import pytest

from bluegreen_constructs.rehearsal.codedeploy.listener_calls import ListenerCalls
from bluegreen_constructs.rehearsal.codedeploy.refusals import StepFailedError

BLUE, GREEN, OTHER = "arn:blue", "arn:green", "arn:other"
NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


def forward(**weights: int) -> dict[str, object]:
    groups = [{"TargetGroupArn": f"arn:{name}", "Weight": weight} for name, weight in weights.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def plain(group: str) -> dict[str, object]:
    return {"Type": "forward", "TargetGroupArn": group}


class Listener:
    """One listener in memory: rules by ARN, the last one the default; `written` are the rules that were rewritten."""

    def __init__(self, *actions: dict[str, object]) -> None:
        self.rules = [{"RuleArn": f"arn:rule/{n}", "Actions": [one]} for n, one in enumerate(actions)]
        self.rules[-1]["IsDefault"] = True
        self.written: list[str] = []

    def describe_target_groups(self, *, Names: list[str]) -> dict[str, object]:  # noqa: N803
        return {"TargetGroups": [{"TargetGroupName": name, "TargetGroupArn": f"arn:{name}"} for name in Names[1:]]}

    def describe_rules(self, *, ListenerArn: str) -> dict[str, object]:  # noqa: N803
        assert ListenerArn == "arn:listener"
        return {"Rules": self.rules}

    def modify_rule(self, *, RuleArn: str, Actions: list[dict[str, object]]) -> None:  # noqa: N803
        self.written.append(RuleArn)
        next(rule for rule in self.rules if rule["RuleArn"] == RuleArn)["Actions"] = Actions

    def modify_listener(self, *, ListenerArn: str, DefaultActions: list[dict[str, object]]) -> None:  # noqa: N803
        self.written.append("default")
        self.rules[-1]["Actions"] = DefaultActions


def test_every_rule_of_the_pair_is_rewritten_whole_and_the_unused_group_keeps_weight_0() -> None:
    listener = Listener(forward(blue=100, green=0), plain(OTHER), forward(blue=100, green=0), NOT_FOUND)
    ListenerCalls(listener).shift("arn:listener", {GREEN: 100.0, BLUE: 0.0})
    assert listener.written == ["arn:rule/0", "arn:rule/2"]
    assert listener.rules[0]["Actions"] == [forward(blue=0, green=100)]
    assert listener.rules[1]["Actions"] == [plain(OTHER)]
    assert listener.rules[3]["Actions"] == [NOT_FOUND]


def test_the_default_action_is_rewritten_by_the_listener_and_its_old_form_becomes_two_groups() -> None:
    listener = Listener(plain(BLUE))
    ListenerCalls(listener).shift("arn:listener", {GREEN: 10.0, BLUE: 90.0})
    assert listener.written == ["default"]
    assert listener.rules[0]["Actions"] == [forward(blue=90, green=10)]


def test_what_is_as_it_should_be_is_not_written() -> None:
    listener = Listener(forward(blue=90, green=10), NOT_FOUND)
    ListenerCalls(listener).shift("arn:listener", {GREEN: 10.0, BLUE: 90.0})
    assert listener.written == []


@pytest.mark.parametrize(
    ("actions", "named"),
    [
        ((plain(GREEN), NOT_FOUND), "arn:rule/0"),
        ((forward(blue=100, green=0), plain(GREEN), NOT_FOUND), "arn:rule/1"),
        ((plain(OTHER), NOT_FOUND), "arn:listener"),
    ],
    ids=["reset to the other group", "one of two rules", "no rule of the pair"],
)
def test_a_primary_group_that_is_not_behind_the_listener_fails_in_aws_words(
    actions: tuple[dict[str, object], ...], named: str
) -> None:
    calls = ListenerCalls(Listener(*actions))
    with pytest.raises(
        StepFailedError, match=f"Primary taskset target group must be behind listener {named}"
    ) as failed:
        calls.check_primary("arn:listener", (BLUE, GREEN), BLUE)
    assert failed.value.code == "ELASTIC_LOAD_BALANCING_INVALID"


def test_a_primary_group_behind_every_rule_of_the_pair_is_fine() -> None:
    listener = Listener(forward(blue=100, green=0), plain(OTHER), NOT_FOUND)
    ListenerCalls(listener).check_primary("arn:listener", (BLUE, GREEN), BLUE)


def test_a_target_group_that_is_gone_fails_the_step_with_its_name() -> None:
    with pytest.raises(StepFailedError, match="One or more target groups not found: blue, green"):
        ListenerCalls(Listener(NOT_FOUND)).groups(("blue", "green"))
