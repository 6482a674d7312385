"""The adapter against the shapes that botocore accepts and AWS answers."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from botocore.stub import Stubber
from fake_elbv2 import FakeElbv2
from traffic_rule_stack import BLUE, LISTENER, properties

from bluegreen_constructs.engine.aws.elbv2_rules import IAM_ACTIONS, Elbv2Rules
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.listener_rules import ListenerNotFoundError, PriorityTakenError, RuleNotFoundError
from bluegreen_constructs.engine.patience import Patience, TryAgainError

RULE = LISTENER.replace(":listener/", ":listener-rule/") + "/9683b2d02a6cabee"
ACTIONS = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": BLUE, "Weight": 100}]}}]
CONDITIONS = properties()["Conditions"]
DESCRIBED = {"RuleArn": RULE, "Priority": "10", "Conditions": CONDITIONS, "Actions": ACTIONS, "IsDefault": False}
DEFAULT = {"RuleArn": RULE + "0", "Priority": "default", "Conditions": [], "Actions": ACTIONS, "IsDefault": True}
PATIENT = Patience(lambda: 100.0, lambda _seconds: None, seconds_per_call=1)


class Stubbed:
    """The adapter on a real boto3 client whose answers are set; it checks each request against the service model."""

    def __init__(self) -> None:
        client = boto3.client("elbv2")
        self.stub = Stubber(client)
        self.stub.activate()
        self.rules = Elbv2Rules(client, PATIENT, (BotoCoreError,))


@pytest.fixture(scope="module")
def shared() -> Stubbed:
    return Stubbed()


@pytest.fixture
def stubbed(shared: Stubbed) -> Iterator[Stubbed]:
    yield shared
    shared.stub.assert_no_pending_responses()


def test_rules_are_read_page_by_page_with_their_tags_and_without_the_default_rule(stubbed: Stubbed) -> None:
    first = {"Rules": [DESCRIBED], "NextMarker": "more"}
    stubbed.stub.add_response("describe_rules", first, {"ListenerArn": LISTENER})
    stubbed.stub.add_response("describe_rules", {"Rules": [DEFAULT]}, {"ListenerArn": LISTENER, "Marker": "more"})
    tags = {"TagDescriptions": [{"ResourceArn": RULE, "Tags": [{"Key": "team", "Value": "ml"}]}]}
    stubbed.stub.add_response("describe_tags", tags, {"ResourceArns": [RULE]})
    (rule,) = stubbed.rules.of_listener(LISTENER)
    assert (rule.arn, rule.priority, rule.tags) == (RULE, 10, {"team": "ml"})
    assert (rule.conditions, rule.actions) == (CONDITIONS, ACTIONS)


def test_each_write_is_one_call_with_the_parameters_that_aws_documents(stubbed: Stubbed) -> None:
    pair = [{"Key": "team", "Value": "ml"}]
    made = {"ListenerArn": LISTENER, "Priority": 10, "Conditions": CONDITIONS, "Actions": ACTIONS, "Tags": pair}
    stubbed.stub.add_response("create_rule", {"Rules": [DESCRIBED]}, made)
    stubbed.stub.add_response("modify_rule", {"Rules": [DESCRIBED]}, {"RuleArn": RULE, "Conditions": CONDITIONS})
    priorities = {"RulePriorities": [{"RuleArn": RULE, "Priority": 20}]}
    stubbed.stub.add_response("set_rule_priorities", {"Rules": []}, priorities)
    stubbed.stub.add_response("add_tags", {}, {"ResourceArns": [RULE], "Tags": pair})
    stubbed.stub.add_response("remove_tags", {}, {"ResourceArns": [RULE], "TagKeys": ["team"]})
    stubbed.stub.add_response("delete_rule", {}, {"RuleArn": RULE})
    tags = {"team": "ml"}
    made_rule = stubbed.rules.create(LISTENER, priority=10, conditions=CONDITIONS, actions=ACTIONS, tags=tags)
    assert (made_rule.arn, made_rule.tags) == (RULE, tags)
    stubbed.rules.set_conditions(RULE, CONDITIONS)
    stubbed.rules.set_priority(RULE, 20)
    stubbed.rules.add_tags(RULE, tags)
    stubbed.rules.remove_tags(RULE, ["team"])
    stubbed.rules.delete(RULE)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("RuleNotFound", RuleNotFoundError),
        ("RuleNotFoundException", RuleNotFoundError),
        ("ListenerNotFound", ListenerNotFoundError),
        ("LoadBalancerNotFound", ListenerNotFoundError),
        ("PriorityInUse", PriorityTakenError),
        ("TooManyRules", AwsError),
    ],
)
def test_an_error_of_aws_becomes_one_of_ours_with_the_words_of_aws(
    stubbed: Stubbed, code: str, error: type[AwsError]
) -> None:
    stubbed.stub.add_client_error("set_rule_priorities", code, "in the words of AWS")
    with pytest.raises(error, match="in the words of AWS") as raised:
        stubbed.rules.set_priority(RULE, 20)
    assert type(raised.value) is error


def test_a_throttled_call_is_tried_again_and_given_up_in_the_end(stubbed: Stubbed) -> None:
    for _ in range(8):
        stubbed.stub.add_client_error("set_rule_priorities", "Throttling", "Rate exceeded")
    with pytest.raises(TryAgainError, match="Rate exceeded"):
        stubbed.rules.set_priority(RULE, 20)


def test_a_call_that_aws_does_not_answer_becomes_an_aws_error() -> None:
    elb = FakeElbv2(LISTENER)
    elb.faults = ["timeout"]
    with pytest.raises(AwsError, match="timeout"):
        Elbv2Rules(elb, PATIENT, (BotoCoreError,)).of_listener(LISTENER)


def test_deleting_what_is_gone_is_no_error(stubbed: Stubbed) -> None:
    stubbed.stub.add_client_error("delete_rule", "RuleNotFound", "gone")
    stubbed.rules.delete(RULE)


def test_rules_deleted_while_their_tags_are_read_are_left_out(stubbed: Stubbed) -> None:
    other = {**DESCRIBED, "RuleArn": RULE + "1", "Priority": "11"}
    stubbed.stub.add_response("describe_rules", {"Rules": [DESCRIBED, other]}, {"ListenerArn": LISTENER})
    stubbed.stub.add_client_error("describe_tags", "RuleNotFound", "gone")
    stubbed.stub.add_client_error("describe_tags", "RuleNotFound", "gone")
    tags = {"TagDescriptions": [{"ResourceArn": RULE + "1", "Tags": [{"Key": "team", "Value": "ml"}]}]}
    stubbed.stub.add_response("describe_tags", tags, {"ResourceArns": [RULE + "1"]})
    assert [rule.arn for rule in stubbed.rules.of_listener(LISTENER)] == [RULE + "1"]


def test_only_healthy_targets_are_counted(stubbed: Stubbed) -> None:
    states = [
        {"TargetHealth": {"State": state}} for state in ("healthy", "unhealthy", "draining", "healthy", "initial")
    ]
    stubbed.stub.add_response("describe_target_health", {"TargetHealthDescriptions": states}, {"TargetGroupArn": BLUE})
    assert stubbed.rules.healthy_targets(BLUE) == 2


def test_every_call_of_the_adapter_is_declared_and_nothing_else_is() -> None:
    elb = FakeElbv2(LISTENER)
    rules = Elbv2Rules(elb, PATIENT)
    arn = rules.create(LISTENER, priority=1, conditions=CONDITIONS, actions=ACTIONS, tags={}).arn
    rules.of_listener(LISTENER)
    rules.set_conditions(arn, CONDITIONS)
    rules.set_priority(arn, 2)
    rules.add_tags(arn, {"team": "ml"})
    rules.remove_tags(arn, ["team"])
    rules.delete(arn)
    rules.healthy_targets(BLUE)
    assert {f"elasticloadbalancing:{operation}" for operation, _ in elb.calls} == set(IAM_ACTIONS)
