"""ReplayHook: what Amazon ECS is to ask with, what the function may do, how it reaches an internal load balancer."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.replay import ReplayRequest, ReplayRequests
from bluegreen_constructs.hook_function import HookHistory
from bluegreen_constructs.hooks import TestRoute
from bluegreen_constructs.replay_hook import ReplayHook
from tests.blue_green_service import network, new_stack, only

ROUTE = TestRoute("http://candidate:9000", {"x-try": "secret"}, "predict.example.com", inside_vpc=False)
GOLDEN = ReplayRequests([ReplayRequest("/predict", "POST", body="{}", safe=True)])
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/Engine"
HISTORY = HookHistory("Serving/Model", "Engine", TABLE_ARN)


def hook(replay: ReplayRequests = GOLDEN, **options: object) -> ReplayHook:
    given = {"route": ROUTE, "live_url": "http://live", "live_host": "predict.example.com", **options}
    return ReplayHook(new_stack(), "Replay", replay=replay, cluster_name="serving", **given)


def statements(of: ReplayHook) -> dict[str, dict]:
    role = only(Template.from_stack(cdk.Stack.of(of)).find_resources("AWS::IAM::Role"))
    (policy,) = role["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


def function(of: ReplayHook) -> dict:
    return only(Template.from_stack(cdk.Stack.of(of)).find_resources("AWS::Lambda::Function"))["Properties"]


def test_the_details_say_both_routes_and_what_is_replayed() -> None:
    made = hook()
    assert made.stage == "POST_TEST_TRAFFIC_SHIFT"
    assert made.details == {
        "replay": GOLDEN.to_details(),
        "candidate": {"url": "http://candidate:9000", "headers": {"x-try": "secret"}, "host": "predict.example.com"},
        "live": {"url": "http://live", "host": "predict.example.com"},
    }
    written = cdk.Stack.of(made).to_json_string(made.details)
    details = json.loads(cdk.Stack.of(made).resolve(written))
    assert ReplayRequests.from_details(details["replay"]) == GOLDEN
    assert cdk.Token.is_unresolved(made.function_arn)


def test_with_golden_requests_the_function_only_asks_whether_there_is_a_live_release() -> None:
    found = statements(hook())
    assert set(found) == {"WriteLogs", "OnServiceDeployment"}
    assert found["OnServiceDeployment"]["Action"] == ["ecs:DescribeServiceDeployments"]


def test_the_handler_is_the_replay_and_its_time_outlasts_what_it_may_send() -> None:
    properties = function(hook())
    assert properties["Handler"] == "engine.handlers.replay.handler"
    assert 100 < properties["Timeout"] <= 900


def test_sampled_requests_are_read_from_the_one_object() -> None:
    found = statements(hook(ReplayRequests.sampled("samples", "model/today.jsonl")))
    assert found["OnSampledObject"]["Action"] == ["s3:GetObject"]
    (resource,) = found["OnSampledObject"]["Resource"]
    assert resource == {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::samples/model/today.jsonl"]]}


def test_with_a_history_it_adds_to_its_own_targets_only() -> None:
    made = hook(history=HISTORY)
    assert made.details["target"] == "Serving/Model"
    assert function(made)["Environment"] == {"Variables": {"BLUEGREEN_TABLE": "Engine"}}
    found = statements(made)
    assert found["AddToHistory"]["Action"] == ["dynamodb:PutItem"]
    assert found["AddToHistory"]["Resource"] == [TABLE_ARN]
    assert found["AddToHistory"]["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["history#Serving/Model"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_a_route_inside_the_vpc_puts_it_there_with_no_way_but_to_aws_until_it_is_admitted() -> None:
    stack = new_stack()
    inside = TestRoute("http://candidate", {}, None, inside_vpc=True)
    made = ReplayHook(
        stack,
        "Replay",
        cluster_name="serving",
        replay=GOLDEN,
        route=inside,
        live_url="http://live",
        vpc=network(stack),
        subnet_ids=["subnet-private-a"],
    )
    assert made.connections is not None
    assert function(made)["VpcConfig"]["SubnetIds"] == ["subnet-private-a"]
    assert "JoinNetwork" in statements(made)
    group = only(Template.from_stack(stack).find_resources("AWS::EC2::SecurityGroup"))
    assert [one["FromPort"] for one in group["Properties"]["SecurityGroupEgress"]] == [443]


def test_a_route_outside_needs_no_network() -> None:
    assert hook().connections is None


def test_more_requests_than_a_hook_carries_are_refused_at_synth() -> None:
    many = ReplayRequests([ReplayRequest(f"/{'x' * 100}/{number}") for number in range(100)])
    with pytest.raises(ConfigurationError, match="put them into S3 as JSON lines"):
        hook(many)


def test_it_leaves_no_finding_of_cdk_nag() -> None:
    stack = new_stack()
    ReplayHook(
        stack,
        "Replay",
        cluster_name="serving",
        replay=ReplayRequests.sampled("samples", "model/today.jsonl"),
        route=TestRoute("http://candidate", {}, None, inside_vpc=True),
        live_url="http://live",
        vpc=network(stack),
        subnet_ids=["subnet-private-a"],
        history=HISTORY,
    )
    cdk.Validations.of(stack.node.root).add_plugins(AwsSolutionsChecks(stack.node.root))
    stack.node.root.synth()  # a finding ends it with ValidationFailed
