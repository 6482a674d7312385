"""The mended ELBv2 of the emulator, asked through boto3 and through its CloudFormation handlers, in this process."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError

pytest.importorskip("ministack")

from ministack.core.responses import request_scope
from ministack.services import alb
from ministack.services.cloudformation import provisioners

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.emulator import elbv2
from bluegreen_constructs.rehearsal.emulator.elbv2_state import read_table
from bluegreen_constructs.rehearsal.emulator.patches import Patches
from bluegreen_constructs.rehearsal.emulator.world import EmulatorConfig, World
from bluegreen_constructs.rehearsal.load_balancer.model import (
    Forward,
    HttpHeader,
    QueryString,
    RoutingTable,
    Target,
    Uncovered,
)
from bluegreen_constructs.rehearsal.load_balancer.plane import LoadBalancerPlane

TYPE = "AWS::ElasticLoadBalancingV2::"
ACCOUNT, REGION = "123456789012", "us-east-1"
Json = dict[str, Any]


class NoMetrics:
    """A metric sink that keeps nothing."""

    def put(self, *args: object) -> None:
        """Forget it."""


class Body:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *args: object, **kwargs: object) -> Iterator[bytes]:
        yield self.content


@pytest.fixture(scope="module")
def plane() -> Iterator[LoadBalancerPlane]:
    """The overlay, installed in this process and taken out again: other tests want the emulator as it is."""
    modules = {module: dict(vars(module)) for module in (alb, provisioners)}
    types = dict(provisioners._RESOURCE_HANDLERS)
    world = World(EmulatorConfig(port=1, work_dir=Path()), Clock(60), metrics=cast(Any, NoMetrics()))
    try:
        yield elbv2.install(Patches(), world)
    finally:
        for module, names in modules.items():
            vars(module).update(names)
        provisioners._RESOURCE_HANDLERS.clear()
        provisioners._RESOURCE_HANDLERS.update(types)


def answer_in_process(request: AWSPreparedRequest, **kwargs: object) -> AWSResponse:
    """botocore's `before-send` hook: the emulator's handler instead of a socket."""
    body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
    with request_scope(ACCOUNT, REGION):
        status, headers, content = asyncio.run(alb.handle_request("POST", "/", {}, body, {}))
    return AWSResponse(request.url, status, headers, Body(content))


@pytest.fixture(scope="module")
def client() -> Any:
    client = boto3.client("elbv2", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    client.meta.events.register("before-send.elastic-load-balancing-v2.*", answer_in_process)
    return client


@dataclass
class Site:
    """A load balancer with a listener and two target groups, made through the API."""

    client: Any
    plane: LoadBalancerPlane
    balancer: str
    listener: str
    blue: str
    green: str

    def rule(self, priority: int = 10, actions: list[Json] | None = None, **more: Any) -> str:
        answer = self.client.create_rule(
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=actions or self.forward(100, 0),
            **more,
        )
        return str(answer["Rules"][0]["RuleArn"])

    def forward(self, blue: int, green: int, **stickiness: Any) -> list[Json]:
        groups = [{"TargetGroupArn": self.blue, "Weight": blue}, {"TargetGroupArn": self.green, "Weight": green}]
        config: Json = {"TargetGroups": groups}
        if stickiness:
            config["TargetGroupStickinessConfig"] = stickiness
        return [{"Type": "forward", "ForwardConfig": config}]

    def described(self, rule: str) -> Json:
        return cast(Json, self.client.describe_rules(RuleArns=[rule])["Rules"][0])

    def weights(self, rule: str) -> list[int]:
        return [group["Weight"] for group in self.described(rule)["Actions"][0]["ForwardConfig"]["TargetGroups"]]


@pytest.fixture
def site(client: Any, plane: LoadBalancerPlane) -> Site:
    alb.reset()
    balancer = client.create_load_balancer(Name="app", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    blue, green = (
        client.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip")[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for name in ("blue", "green")
    )
    listener = client.create_listener(
        LoadBalancerArn=balancer,
        Port=80,
        Protocol="HTTP",
        DefaultActions=[
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "<no>"}}
        ],
    )["Listeners"][0]["ListenerArn"]
    return Site(client, plane, balancer, listener, blue, green)


def refused(call: Callable[[], object], code: str, *words: str) -> None:
    with pytest.raises(ClientError) as error:
        call()
    told = error.value.response["Error"]
    assert told["Code"] == code
    for word in words:
        assert word in told["Message"]


def template(verb: str, name: str, *arguments: object) -> Any:
    """One of CloudFormation's handlers, as the emulator calls it."""
    with request_scope(ACCOUNT, REGION):
        handler = cast(Callable[..., object], provisioners._RESOURCE_HANDLERS[TYPE + name][verb])
        return handler(*arguments)


def table() -> RoutingTable:
    with request_scope(ACCOUNT, REGION):
        return read_table()


def test_weights_are_kept_and_told(site: Site) -> None:
    rule = site.rule(actions=site.forward(90, 10, Enabled=True, DurationSeconds=60))
    action = site.described(rule)["Actions"][0]
    assert action["ForwardConfig"]["TargetGroupStickinessConfig"] == {"Enabled": True, "DurationSeconds": 60}
    assert "TargetGroupArn" not in action
    assert site.weights(rule) == [90, 10]
    answer = site.client.modify_rule(RuleArn=rule, Actions=site.forward(0, 100))
    assert answer["Rules"][0]["Actions"] == site.described(rule)["Actions"]
    assert site.weights(rule) == [0, 100]


def test_a_forward_to_one_group_is_told_in_both_forms(site: Site) -> None:
    rule = site.rule(actions=[{"Type": "forward", "TargetGroupArn": site.blue}])
    action = site.described(rule)["Actions"][0]
    assert action["TargetGroupArn"] == site.blue
    assert action["ForwardConfig"] == {
        "TargetGroups": [{"TargetGroupArn": site.blue, "Weight": 1}],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    assert site.client.modify_rule(RuleArn=rule, Actions=[action])["Rules"][0]["Actions"] == [action]


def test_listeners_take_weights_and_texts_that_need_escaping(site: Site) -> None:
    described = site.client.describe_listeners(ListenerArns=[site.listener])["Listeners"][0]
    assert described["DefaultActions"][0]["FixedResponseConfig"]["MessageBody"] == "<no>"
    answer = site.client.modify_listener(ListenerArn=site.listener, DefaultActions=site.forward(1, 3))
    assert len(answer["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]) == 2
    assert [rule["IsDefault"] for rule in site.client.describe_rules(ListenerArn=site.listener)["Rules"]] == [True]


def test_every_kind_of_condition_comes_back_and_reaches_the_table(site: Site) -> None:
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a&b"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "Values": ["1", "2"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}, {"Value": "beta"}]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]
    rule = site.rule()
    site.client.modify_rule(RuleArn=rule, Conditions=conditions)
    told = site.described(rule)["Conditions"]
    assert [{key: part for key, part in one.items() if key != "Values"} for one in told] == conditions
    assert [one.get("Values") for one in told[:2]] == [["a.example.com"], ["/a&b"]]
    read = {type(one): one for _, _, found, _ in table().forwards() for one in found.conditions}
    assert read[HttpHeader] == HttpHeader("X-Canary", ("1", "2"))
    assert read[QueryString] == QueryString((("v", "1"), (None, "beta")))


def test_a_header_condition_may_have_regular_expressions(site: Site) -> None:
    conditions = [
        {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": "cookie", "RegexValues": ["^(.*; ?)?a=b(;.*)?$"]},
        }
    ]
    rule = site.rule()
    site.client.modify_rule(RuleArn=rule, Conditions=conditions)
    assert site.described(rule)["Conditions"] == conditions
    read = {type(one): one for _, _, found, _ in table().forwards() for one in found.conditions}
    assert read[HttpHeader] == HttpHeader("cookie", (), ("^(.*; ?)?a=b(;.*)?$",))


def test_modify_rule_leaves_alone_what_it_does_not_name(site: Site) -> None:
    rule = site.rule(actions=site.forward(90, 10))
    before = site.described(rule)
    site.client.modify_rule(RuleArn=rule, Conditions=[{"Field": "path-pattern", "Values": ["/b/*"]}])
    assert site.described(rule)["Actions"] == before["Actions"]
    site.client.modify_rule(RuleArn=rule, Actions=site.forward(80, 20))
    assert site.described(rule)["Conditions"][0]["Values"] == ["/b/*"]
    refused(lambda: site.client.modify_rule(RuleArn=rule), "ValidationError", "either conditions, actions")


def test_a_rule_with_a_taken_priority_is_refused_with_the_priority_in_the_message(site: Site) -> None:
    site.rule(priority=10)
    refused(lambda: site.rule(priority=10), "PriorityInUse", "'10'")


def test_a_priority_out_of_range_is_refused(site: Site) -> None:
    refused(lambda: site.rule(priority=50_001), "ValidationError", "'50001'")


def test_priorities_change_all_or_not_at_all(site: Site) -> None:
    one, two, three = site.rule(1), site.rule(2), site.rule(3)

    def set_priorities(*pairs: tuple[str, int]) -> None:
        site.client.set_rule_priorities(
            RulePriorities=[{"RuleArn": arn, "Priority": priority} for arn, priority in pairs]
        )

    set_priorities((one, 2), (two, 1))
    rules = site.client.describe_rules(ListenerArn=site.listener)["Rules"]
    assert [rule["RuleArn"] for rule in rules[:3]] == [two, one, three]
    assert rules[3]["Priority"] == "default"
    refused(lambda: set_priorities((one, 9), (two, 3)), "PriorityInUse", "'3'")
    assert site.described(one)["Priority"] == "2"
    refused(lambda: set_priorities((f"{one}x", 9)), "RuleNotFound")
    refused(lambda: set_priorities((rules[3]["RuleArn"], 9)), "OperationNotPermitted")
    refused(lambda: set_priorities((one, 9), (two, 9)), "ValidationError")


def test_weights_that_aws_refuses_are_refused_and_change_nothing(site: Site) -> None:
    rule = site.rule(actions=site.forward(90, 10))
    for actions, code in (
        (site.forward(1000, 0), "ValidationError"),
        ([{"Type": "forward", "TargetGroupArn": f"{site.blue}x"}], "TargetGroupNotFound"),
    ):
        refused(lambda actions=actions: site.client.modify_rule(RuleArn=rule, Actions=actions), code)  # type: ignore[misc]  # bound now
    assert site.weights(rule) == [90, 10]


def test_rules_and_listeners_that_are_not_there_are_named(site: Site) -> None:
    rule = site.rule()
    site.client.delete_rule(RuleArn=rule)
    refused(lambda: site.client.delete_rule(RuleArn=rule), "RuleNotFound", rule)
    refused(lambda: site.client.describe_rules(RuleArns=[rule]), "RuleNotFound", rule)
    refused(lambda: site.client.modify_rule(RuleArn=rule, Actions=site.forward(1, 1)), "RuleNotFound", rule)
    refused(lambda: site.client.describe_tags(ResourceArns=[rule]), "RuleNotFound", rule)
    refused(lambda: site.client.describe_rules(ListenerArn=f"{site.listener}x"), "ListenerNotFound")
    refused(lambda: site.client.describe_listeners(ListenerArns=[f"{site.listener}x"]), "ListenerNotFound")


def test_the_default_rule_cannot_be_deleted(site: Site) -> None:
    default = site.client.describe_rules(ListenerArn=site.listener)["Rules"][-1]["RuleArn"]
    refused(lambda: site.client.delete_rule(RuleArn=default), "OperationNotPermitted")


def test_a_rule_is_made_with_its_tags(site: Site) -> None:
    rule = site.rule(Tags=[{"Key": "bluegreen:owner", "Value": "stack-a"}])
    site.client.add_tags(ResourceArns=[rule], Tags=[{"Key": "bluegreen:live", "Value": site.blue}])
    tags = site.client.describe_tags(ResourceArns=[rule])["TagDescriptions"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"bluegreen:owner": "stack-a", "bluegreen:live": site.blue}


def test_a_second_listener_on_a_port_is_refused(site: Site) -> None:
    call = lambda: site.client.create_listener(  # noqa: E731  # short
        LoadBalancerArn=site.balancer, Port=80, Protocol="HTTP", DefaultActions=site.forward(1, 0)
    )
    refused(call, "DuplicateListener", "port 80")


def test_a_target_group_in_use_cannot_be_deleted_even_with_weight_0(site: Site) -> None:
    rule = site.rule(actions=site.forward(100, 0))
    refused(lambda: site.client.delete_target_group(TargetGroupArn=site.green), "ResourceInUse", site.green)
    with pytest.raises(ValueError, match="currently in use by a listener or a rule"):
        template("delete", "TargetGroup", site.green, {})
    site.client.delete_rule(RuleArn=rule)
    site.client.delete_target_group(TargetGroupArn=site.green)
    template("delete", "TargetGroup", site.blue, {})
    refused(lambda: site.client.describe_target_groups(TargetGroupArns=[site.blue]), "TargetGroupNotFound")
    refused(lambda: site.client.describe_target_groups(Names=["green"]), "TargetGroupNotFound")


def test_a_target_group_knows_its_load_balancer_and_serves_no_second_one(site: Site) -> None:
    site.rule(actions=site.forward(100, 0))
    groups = site.client.describe_target_groups(LoadBalancerArn=site.balancer)["TargetGroups"]
    assert {group["TargetGroupArn"] for group in groups} == {site.blue, site.green}
    other = site.client.create_load_balancer(Name="other", Subnets=["subnet-1"])["LoadBalancers"][0]["LoadBalancerArn"]
    call = lambda: site.client.create_listener(  # noqa: E731  # short
        LoadBalancerArn=other, Port=80, Protocol="HTTP", DefaultActions=site.forward(1, 0)
    )
    refused(call, "TargetGroupAssociationLimit", site.blue)


def test_targets_are_told_by_the_plane_from_registration_to_draining(site: Site) -> None:
    def health(**asked: Any) -> list[tuple[str, int, str, str | None]]:
        told = site.client.describe_target_health(TargetGroupArn=site.blue, **asked)["TargetHealthDescriptions"]
        return [
            (
                one["Target"]["Id"],
                one["Target"]["Port"],
                one["TargetHealth"]["State"],
                one["TargetHealth"].get("Reason"),
            )
            for one in told
        ]

    targets = [{"Id": "127.0.0.9"}, {"Id": "127.0.0.9", "Port": 81}]
    site.client.register_targets(TargetGroupArn=site.blue, Targets=targets)
    assert health() == [
        ("127.0.0.9", 8080, "unused", "Target.NotInUse"),
        ("127.0.0.9", 81, "unused", "Target.NotInUse"),
    ]
    site.rule()
    assert [state for _, _, state, _ in health()] == ["initial", "initial"]
    site.client.deregister_targets(TargetGroupArn=site.blue, Targets=[{"Id": "127.0.0.9", "Port": 81}])
    assert health() == [
        ("127.0.0.9", 8080, "initial", "Elb.RegistrationInProgress"),
        ("127.0.0.9", 81, "draining", "Target.DeregistrationInProgress"),
    ]
    assert health(Targets=[{"Id": "127.0.0.7", "Port": 1}]) == [("127.0.0.7", 1, "unused", "Target.NotRegistered")]
    refused(lambda: site.client.describe_target_health(TargetGroupArn=f"{site.blue}x"), "TargetGroupNotFound")


def test_the_table_has_what_the_api_was_told(site: Site) -> None:
    site.rule(actions=site.forward(90, 10, Enabled=True, DurationSeconds=60))
    site.client.register_targets(TargetGroupArn=site.blue, Targets=[{"Id": "127.0.0.9"}])
    site.client.modify_target_group_attributes(
        TargetGroupArn=site.blue,
        Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": "15"},
            {"Key": "stickiness.enabled", "Value": "true"},
        ],
    )
    group = table().target_groups[site.blue]
    assert (group.deregistration_delay_seconds, group.sticky_seconds) == (15, 86_400)
    assert group.targets == (Target("127.0.0.9", 8080),)
    (_, listener, _, forward), *_ = table().forwards()
    assert (listener.port, forward.weights, forward.sticky_seconds) == (80, {site.blue: 90, site.green: 10}, 60)
    site.client.modify_target_group_attributes(
        TargetGroupArn=site.blue, Attributes=[{"Key": "stickiness.type", "Value": "app_cookie"}]
    )
    actions = [rule.action for balancer in table().load_balancers for one in balancer.listeners for rule in one.rules]
    assert Uncovered("stickiness of blue by the application's own cookie") in actions
    assert not any(isinstance(action, Forward) for action in actions)


def test_deleting_a_load_balancer_deletes_its_listeners_and_rules(site: Site) -> None:
    site.rule()
    site.client.delete_load_balancer(LoadBalancerArn=site.balancer)
    assert table().load_balancers == ()
    site.client.delete_target_group(TargetGroupArn=site.blue)


def listener_rule(site: Site, priority: int = 20, **weights: object) -> Json:
    """A ListenerRule as a template has it: numbers may be strings."""
    groups = [
        {"TargetGroupArn": site.blue, "Weight": weights.get("blue", "100")},
        {"TargetGroupArn": site.green, "Weight": weights.get("green", 0)},
    ]
    return {
        "ListenerArn": site.listener,
        "Priority": priority,
        "Conditions": [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}}],
        "Actions": [
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": groups,
                    "TargetGroupStickinessConfig": {"Enabled": "true", "DurationSeconds": "30"},
                },
            }
        ],
        "Tags": [{"Key": "k", "Value": "v"}],
    }


def test_a_template_rule_keeps_its_weights_conditions_and_tags(site: Site) -> None:
    rule, _ = template("create", "ListenerRule", "Live", listener_rule(site), "stack")
    assert site.weights(rule) == [100, 0]
    assert site.described(rule)["Conditions"][0]["QueryStringConfig"]["Values"] == [{"Key": "v", "Value": "2"}]
    assert site.client.describe_tags(ResourceArns=[rule])["TagDescriptions"][0]["Tags"] == [{"Key": "k", "Value": "v"}]
    template("update", "ListenerRule", rule, listener_rule(site), listener_rule(site, blue=40, green="60"), "stack")
    assert site.weights(rule) == [40, 60]


def test_a_template_rule_with_a_taken_priority_fails_the_resource(site: Site) -> None:
    site.rule(priority=20)
    with pytest.raises(ValueError, match="Priority '20' is currently in use"):
        template("create", "ListenerRule", "Live", listener_rule(site), "stack")
    rule, _ = template("create", "ListenerRule", "Live", listener_rule(site, priority=21), "stack")
    with pytest.raises(ValueError, match="Priority '20' is currently in use"):
        template(
            "update", "ListenerRule", rule, listener_rule(site, priority=21), listener_rule(site, priority=20), "stack"
        )
    assert site.described(rule)["Priority"] == "21"


def test_a_template_rule_with_weights_that_aws_refuses_fails_the_resource(site: Site) -> None:
    with pytest.raises(ValueError, match="weight '1000'"):
        template("create", "ListenerRule", "Live", listener_rule(site, blue=1000), "stack")


def test_a_template_listener_keeps_its_weights(site: Site) -> None:
    properties = {
        "LoadBalancerArn": site.balancer,
        "Port": 8443,
        "Protocol": "HTTP",
        "DefaultActions": site.forward(3, 1),
    }
    listener, _ = template("create", "Listener", "Listener", properties, "stack")
    described = site.client.describe_listeners(ListenerArns=[listener])["Listeners"][0]
    assert [g["Weight"] for g in described["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]] == [3, 1]
    with pytest.raises(ValueError, match="already exists on port 8443"):
        template("create", "Listener", "Second", properties, "stack")
    template("update", "Listener", listener, properties, {**properties, "DefaultActions": site.forward(1, 3)}, "stack")
    rules = site.client.describe_rules(ListenerArn=listener)["Rules"]
    assert [g["Weight"] for g in rules[0]["Actions"][0]["ForwardConfig"]["TargetGroups"]] == [1, 3]


def test_a_template_target_group_keeps_the_defaults_of_what_it_does_not_declare(site: Site) -> None:
    declared = [
        {"Key": "stickiness.enabled", "Value": True},
        {"Key": "deregistration_delay.timeout_seconds", "Value": 5},
    ]
    properties = {"Port": 80, "TargetType": "ip", "TargetGroupAttributes": declared}
    arn, made = template("create", "TargetGroup", "Blue", properties, "stack")
    assert made["TargetGroupFullName"] == arn.rpartition(":")[2]
    assert str(made["TargetGroupFullName"]).startswith("targetgroup/")
    told = site.client.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    attributes = {pair["Key"]: pair["Value"] for pair in told}
    assert attributes["stickiness.enabled"] == "true"
    assert attributes["deregistration_delay.timeout_seconds"] == "5"
    assert attributes["load_balancing.algorithm.type"] == "round_robin"
    assert table().target_groups[arn].sticky_seconds == 86_400


def test_the_overlay_needs_a_metric_store() -> None:
    with pytest.raises(RehearsalError, match="install the CloudWatch overlay before it"):
        elbv2.install(Patches(), World(EmulatorConfig(port=1, work_dir=Path()), Clock(60)))


def test_weights_written_by_the_api_are_served(site: Site) -> None:
    site.client.modify_listener(
        ListenerArn=site.listener,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}],
    )
    site.plane.start()
    try:
        rule = site.rule(actions=site.forward(100, 0))
        deadline = time.monotonic() + 10
        while not site.plane.is_settled() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert site.plane.endpoints()["app"][80].startswith("127.0.0.1:")
        rules = cast(Json, site.plane.describe()["rules"])
        assert rules[rule]["serving"] == [{site.blue: 100, site.green: 0}] * 2
        assert site.plane.describe()["errors"] == []
    finally:
        site.plane.stop()
