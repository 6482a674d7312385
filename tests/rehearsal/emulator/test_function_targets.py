"""A deployed function behind a listener: made by template or API, invoked by requests, refused as AWS does."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess
from tests.rehearsal.emulator.deployed_engine import Engine, Json, arn, function, until

CODE = """
import json

def handler(event, context):
    if event["path"] == "/raise":
        raise ValueError("no")
    if event["path"] == "/nonsense":
        return "hello"
    return {"statusCode": 201, "statusDescription": "201 Made", "body": json.dumps(event),
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "Content-Type": ["application/json"]}}
"""
LOAD_BALANCING = "AWS::ElasticLoadBalancingV2::"


def template(permission: Json | None) -> Json:
    """A function behind the default rule; `permission` None: its policy lets nobody invoke it."""
    group: Json = {
        "Type": f"{LOAD_BALANCING}TargetGroup",
        "Properties": {
            "TargetType": "lambda",
            "Targets": [{"Id": arn("Shop")}],
            "TargetGroupAttributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
        },
    }
    resources: Json = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Shop": function(CODE),
        "Group": group,
        "Alb": {"Type": f"{LOAD_BALANCING}LoadBalancer", "Properties": {"Name": "shop", "Subnets": ["subnet-1"]}},
        "Listener": {
            "Type": f"{LOAD_BALANCING}Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Alb"},
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}],
            },
        },
    }
    del resources["Shop"]["Properties"]["Environment"]
    if permission is not None:
        resources["Permission"] = {
            "Type": "AWS::Lambda::Permission",
            "Properties": {"FunctionName": arn("Shop"), "Action": "lambda:InvokeFunction", **permission},
        }
        group["DependsOn"] = "Permission"
    return {
        "Resources": resources,
        "Outputs": {
            "Group": {"Value": {"Ref": "Group"}},
            "Shop": {"Value": arn("Shop")},
            "Name": {"Value": {"Ref": "Shop"}},
        },
    }


ELB = {"Principal": "elasticloadbalancing.amazonaws.com", "SourceAccount": {"Ref": "AWS::AccountId"}}


class Shop:
    """The deployed stack, and a client of its listener."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.client = Engine(emulator).client
        self.balancing = self.client("elbv2")

    def deploy(self, stack: str, body: Json) -> Json:
        stacks = self.client("cloudformation")
        stacks.create_stack(StackName=stack, TemplateBody=json.dumps(body))

        def described() -> Json:
            (found,) = stacks.describe_stacks(StackName=stack)["Stacks"]
            return dict(found)

        until(lambda: not described()["StackStatus"].endswith("_IN_PROGRESS"))
        return described()

    def reasons(self, stack: str) -> list[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def plane(self) -> Any:
        state: Any = self.emulator.state()["elbv2"]
        return state

    def ask(self, path: str, **headers: str) -> tuple[int, Any, bytes]:
        until(lambda: self.plane()["settled"] and "shop" in self.plane()["endpoints"])
        request = urllib.request.Request(f"http://{self.plane()['endpoints']['shop']['80']}{path}", headers=headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return answer.status, answer, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error, error.read()

    def health(self, group: str) -> list[Json]:
        return list(self.balancing.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with EmulatorProcess(tmp_path_factory.mktemp("emulator"), speed=240) as emulator:
        yield Shop(emulator)


@pytest.fixture(scope="module")
def names(shop: Shop) -> dict[str, str]:
    stack = shop.deploy("Shop", template(ELB))
    assert stack["StackStatus"] == "CREATE_COMPLETE", shop.reasons("Shop")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_a_request_runs_the_deployed_function_and_gets_its_answer(shop: Shop, names: dict[str, str]) -> None:
    status, answer, body = shop.ask("/cart%20?a=%20&a=2", Cookie="c=1")
    assert (status, answer.reason) == (201, "Made")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    event = json.loads(body)
    assert event["requestContext"] == {"elb": {"targetGroupArn": names["Group"]}}
    assert event["path"] == "/cart%20"
    assert event["multiValueQueryStringParameters"] == {"a": ["%20", "2"]}
    assert event["multiValueHeaders"]["cookie"] == ["c=1"]


@pytest.mark.parametrize("path", ["/raise", "/nonsense"])
def test_a_function_that_fails_is_a_502(shop: Shop, names: dict[str, str], path: str) -> None:
    assert shop.ask(path)[0] == 502


def test_nobody_made_the_calls_in_the_call_log(shop: Shop, names: dict[str, str]) -> None:
    calls = shop.emulator.state()["calls"]
    shop.ask("/")
    assert "Invoke" not in json.dumps(calls)
    assert "Invoke" not in json.dumps(shop.emulator.state()["calls"])


def test_a_function_is_unavailable_and_has_no_port(shop: Shop, names: dict[str, str]) -> None:
    (found,) = shop.health(names["Group"])
    assert found["Target"] == {"Id": names["Shop"]}
    assert found["TargetHealth"]["State"] == "unavailable"
    assert found["TargetHealth"]["Reason"] == "Target.HealthCheckDisabled"
    (asked,) = shop.balancing.describe_target_health(TargetGroupArn=names["Group"], Targets=[{"Id": names["Shop"]}])[
        "TargetHealthDescriptions"
    ]
    assert asked == found


def test_its_group_is_described_with_its_own_defaults(shop: Shop, names: dict[str, str]) -> None:
    (group,) = shop.balancing.describe_target_groups(TargetGroupArns=[names["Group"]])["TargetGroups"]
    made = shop.balancing.create_target_group(Name="made", TargetType="lambda")["TargetGroups"][0]
    for found in (group, made):
        assert found["HealthCheckEnabled"] is False
        assert (found["HealthCheckIntervalSeconds"], found["HealthCheckTimeoutSeconds"]) == (35, 30)
        assert not {"Port", "Protocol", "VpcId", "HealthCheckPort"} & found.keys()
    attributes = shop.balancing.describe_target_group_attributes
    shown = [attributes(TargetGroupArn=found["TargetGroupArn"])["Attributes"] for found in (group, made)]
    assert shown == [[{"Key": "lambda.multi_value_headers.enabled", "Value": value}] for value in ("true", "false")]
    shop.balancing.delete_target_group(TargetGroupArn=made["TargetGroupArn"])


def refused(shop: Shop, group: str, target: str) -> str:
    with pytest.raises(ClientError) as error:
        shop.balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": target}])
    return str(error.value.response["Error"]["Code"])


def test_a_group_takes_one_function_that_is_there_and_lets_it_in(shop: Shop, names: dict[str, str]) -> None:
    shop.balancing.register_targets(TargetGroupArn=names["Group"], Targets=[{"Id": names["Shop"]}])  # it is there
    assert refused(shop, names["Group"], f"{names['Shop']}2") == "TooManyTargets"
    made = shop.balancing.create_target_group(Name="one", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    assert refused(shop, made, f"{names['Shop']}2") == "InvalidTarget"
    version = shop.client("lambda").publish_version(FunctionName=names["Name"])["FunctionArn"]
    assert refused(shop, made, version) == "AccessDenied"
    shop.client("lambda").add_permission(
        FunctionName=version,
        StatementId="elb",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceArn=names["Group"],
    )
    assert refused(shop, made, version) == "AccessDenied"  # it is another group's
    shop.balancing.delete_target_group(TargetGroupArn=made)


@pytest.mark.parametrize(
    "permission", [None, {"Principal": "s3.amazonaws.com"}, {**ELB, "SourceAccount": "210987654321"}]
)
def test_a_template_without_the_permission_fails_as_on_aws(shop: Shop, permission: Json | None) -> None:
    before = shop.balancing.describe_target_groups()["TargetGroups"]
    stack = f"Shut{len(json.dumps(permission))}"
    body = template(permission)
    for name in ("Alb", "Listener"):
        del body["Resources"][name]
    assert shop.deploy(stack, body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("does not have permission to invoke" in reason for reason in shop.reasons(stack))
    assert shop.balancing.describe_target_groups()["TargetGroups"] == before


def test_a_permission_that_is_taken_back_is_a_502_and_so_is_a_function_that_is_gone(
    shop: Shop, names: dict[str, str]
) -> None:
    functions = shop.client("lambda")
    policy = json.loads(functions.get_policy(FunctionName=names["Name"])["Policy"])
    functions.remove_permission(FunctionName=names["Name"], StatementId=policy["Statement"][0]["Sid"])
    assert shop.ask("/")[0] == 502
    functions.delete_function(FunctionName=names["Name"])
    assert shop.ask("/")[0] == 502
