"""The weighted rules against the shapes that botocore accepts and AWS answers."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.weighted_rules import (
    IAM_ACTIONS,
    READ_ACTIONS,
    TAG_ACTIONS,
    WRITE_ACTIONS,
    AlbWeightedRules,
)
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.listener_rules import RuleNotFoundError
from bluegreen_constructs.engine.ports import TargetsSeen

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
RULE = f"{BALANCER}:listener-rule/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
GROUP = f"{BALANCER}:targetgroup/blue/73e2d6bc24d8a067"
ACTIONS = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 100}]}}]
DESCRIBED = {"Rules": [{"RuleArn": RULE, "Priority": "10", "Conditions": [], "Actions": ACTIONS, "IsDefault": False}]}
TAGS = {"TagDescriptions": [{"ResourceArn": RULE, "Tags": [{"Key": "bluegreen:fence", "Value": "7"}, {"Key": "bare"}]}]}


class Stubbed:
    def __init__(self) -> None:
        self.reads, self.writes = StubbedClient("elbv2"), StubbedClient("elbv2")
        self.rules = AlbWeightedRules(self.reads.client, self.writes.client, (BotoCoreError,))


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    stubbed = Stubbed()
    yield stubbed
    stubbed.reads.done()
    stubbed.writes.done()


def test_a_rule_is_read_in_two_calls_its_actions_before_its_tags(stubbed: Stubbed) -> None:
    stubbed.reads.answers("describe_rules", DESCRIBED, {"RuleArns": [RULE]})
    stubbed.reads.answers("describe_tags", TAGS, {"ResourceArns": [RULE]})
    seen = stubbed.rules.read(RULE)
    assert (seen.actions, seen.tags) == (ACTIONS, {"bluegreen:fence": "7", "bare": ""})


def test_tags_alone_are_one_call(stubbed: Stubbed) -> None:
    stubbed.reads.answers("describe_tags", TAGS, {"ResourceArns": [RULE]})
    assert stubbed.rules.tags(RULE)["bluegreen:fence"] == "7"


def test_a_write_is_one_call_with_the_whole_action_list_by_the_client_that_never_repeats(stubbed: Stubbed) -> None:
    stubbed.writes.answers("modify_rule", DESCRIBED, {"RuleArn": RULE, "Actions": ACTIONS})
    stubbed.rules.write(RULE, ACTIONS)
    assert stubbed.reads.actions == []


def test_a_tag_is_one_call_by_the_client_that_never_repeats(stubbed: Stubbed) -> None:
    pair = [{"Key": "bluegreen:aborted", "Value": "r-1"}]
    stubbed.writes.answers("add_tags", {}, {"ResourceArns": [RULE], "Tags": pair})
    stubbed.rules.tag(RULE, {"bluegreen:aborted": "r-1"})
    assert stubbed.reads.actions == []


@pytest.mark.parametrize("code", ["RuleNotFound", "RuleNotFoundException"])
def test_a_rule_that_is_gone_is_told_apart_in_every_call(stubbed: Stubbed, code: str) -> None:
    stubbed.reads.fails("describe_rules", code)
    stubbed.reads.fails("describe_tags", code)
    stubbed.writes.fails("modify_rule", code)
    stubbed.writes.fails("add_tags", code)
    for call in (
        lambda: stubbed.rules.read(RULE),
        lambda: stubbed.rules.tags(RULE),
        lambda: stubbed.rules.write(RULE, ACTIONS),
        lambda: stubbed.rules.tag(RULE, {"a": "b"}),
    ):
        with pytest.raises(RuleNotFoundError, match="in the words of AWS"):
            call()


def test_an_answer_without_the_rule_says_that_it_is_gone(stubbed: Stubbed) -> None:
    stubbed.reads.answers("describe_rules", {"Rules": []}, {"RuleArns": [RULE]})
    with pytest.raises(RuleNotFoundError, match="deploy its stack again"):
        stubbed.rules.read(RULE)


def test_any_other_refusal_and_silence_are_aws_errors(stubbed: Stubbed) -> None:
    stubbed.writes.fails("modify_rule", "Throttling")
    with pytest.raises(AwsError, match="in the words of AWS") as raised:
        stubbed.rules.write(RULE, ACTIONS)
    assert type(raised.value) is AwsError
    silent = SilentClient("elbv2")
    with pytest.raises(AwsError, match="timeout"):
        AlbWeightedRules(silent, silent, (BotoCoreError,)).write(RULE, ACTIONS)


def health(*states: tuple[str, str | None]) -> dict:
    described = [{"State": state, **({"Reason": reason} if reason else {})} for state, reason in states]
    return {"TargetHealthDescriptions": [{"Target": {"Id": "i-1"}, "TargetHealth": one} for one in described]}


@pytest.mark.parametrize(
    ("states", "seen"),
    [
        ([], TargetsSeen(0, 0)),
        ([("healthy", None), ("initial", "Elb.InitialHealthChecking")], TargetsSeen(1, 2)),
        ([("unhealthy", "Target.Timeout"), ("unhealthy.draining", None)], TargetsSeen(0, 2)),
        # nothing routes to the group, so nobody checks its targets
        ([("unused", "Target.NotInUse"), ("unused", "Target.NotInUse")], TargetsSeen(0, 2)),
        ([("healthy", None), ("draining", "Target.DeregistrationInProgress")], TargetsSeen(1, 1)),
        ([("unused", "Target.NotRegistered")], TargetsSeen(0, 0)),
        ([("unavailable", "Elb.InternalError")], TargetsSeen(0, 1)),
        # a function's group without health checks
        ([("unavailable", "Target.HealthCheckDisabled")], TargetsSeen(1, 1, is_checked=False)),
    ],
)
def test_targets_are_counted_by_what_elb_says_of_their_health(stubbed: Stubbed, states: list, seen: object) -> None:
    stubbed.reads.answers("describe_target_health", health(*states), {"TargetGroupArn": GROUP})
    assert stubbed.rules.targets(GROUP) == seen


def members(*targets: tuple[str, int | None, str, str | None]) -> dict:
    return {
        "TargetHealthDescriptions": [
            {
                "Target": {"Id": address, **({"Port": port} if port else {})},
                "TargetHealth": {"State": state, **({"Reason": reason} if reason else {})},
            }
            for address, port, state, reason in targets
        ]
    }


@pytest.mark.parametrize(
    ("targets", "addresses"),
    [
        ([], []),
        ([("10.0.0.1", 8080, "healthy", None)], [("10.0.0.1", 8080)]),
        # a task that is to be warmed is not healthy yet, nor is its group in use
        ([("10.0.0.1", 8080, "initial", "Elb.InitialHealthChecking")], [("10.0.0.1", 8080)]),
        ([("10.0.0.1", 8080, "unused", "Target.NotInUse")], [("10.0.0.1", 8080)]),
        ([("10.0.0.1", 8080, "unhealthy", "Target.Timeout")], [("10.0.0.1", 8080)]),
        # two tasks of one instance
        ([("i-1", 32768, "healthy", None), ("i-1", 32769, "healthy", None)], [("i-1", 32768), ("i-1", 32769)]),
        (
            [
                ("10.0.0.1", 8080, "draining", "Target.DeregistrationInProgress"),
                ("10.0.0.2", 8080, "unused", "Target.NotRegistered"),
                ("10.0.0.3", 8080, "healthy", None),
            ],
            [("10.0.0.3", 8080)],
        ),
        # a function has no port
        (
            [("arn:aws:lambda:us-east-1:1:function:f", None, "healthy", None)],
            [("arn:aws:lambda:us-east-1:1:function:f", 0)],
        ),
    ],
)
def test_the_members_of_a_group_are_those_that_are_not_leaving_healthy_or_not_yet(
    stubbed: Stubbed, targets: list, addresses: list
) -> None:
    stubbed.reads.answers("describe_target_health", members(*targets), {"TargetGroupArn": GROUP})
    assert stubbed.rules.addresses(GROUP) == addresses


def test_members_that_cannot_be_asked_for_are_an_aws_error_and_not_an_empty_group(stubbed: Stubbed) -> None:
    stubbed.reads.fails("describe_target_health", "TargetGroupNotFound")
    with pytest.raises(AwsError, match="in the words of AWS"):
        stubbed.rules.addresses(GROUP)
    silent = SilentClient("elbv2")
    with pytest.raises(AwsError, match="timeout"):
        AlbWeightedRules(silent, silent, (BotoCoreError,)).addresses(GROUP)


def test_every_call_is_declared_and_nothing_else_is(stubbed: Stubbed) -> None:
    stubbed.reads.answers("describe_rules", DESCRIBED)
    stubbed.reads.answers("describe_tags", TAGS)
    stubbed.reads.answers("describe_tags", TAGS)
    stubbed.reads.answers("describe_target_health", health())
    stubbed.writes.answers("modify_rule", DESCRIBED)
    stubbed.writes.answers("add_tags")
    stubbed.rules.read(RULE)
    stubbed.rules.tags(RULE)
    stubbed.rules.targets(GROUP)
    stubbed.rules.write(RULE, ACTIONS)
    assert set(stubbed.writes.actions) == set(WRITE_ACTIONS)
    stubbed.writes.actions.clear()
    stubbed.rules.tag(RULE, {"a": "b"})
    assert set(stubbed.writes.actions) == set(TAG_ACTIONS)
    assert set(stubbed.reads.actions) == set(READ_ACTIONS)
    assert {**READ_ACTIONS, **TAG_ACTIONS, **WRITE_ACTIONS} == IAM_ACTIONS
