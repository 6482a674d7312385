"""The call log names service, action and caller of what reaches the gateway."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.emulator import call_log
from bluegreen_constructs.rehearsal.emulator.call_log import (
    Call,
    CallLog,
    caller,
    named_action,
    rule_change,
    signed_service,
)
from bluegreen_constructs.rehearsal.emulator.gateway import Gateway, Message, Receive, Scope, Send
from bluegreen_constructs.rehearsal.emulator.world import EmulatorConfig, World

SIGNED = "AWS4-HMAC-SHA256 Credential={key}/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"


def a_call(at: float, action: str = "ModifyRule", status: int = 200) -> Call:
    return Call(at, at, "elasticloadbalancing", action, "played", status, 0.01)


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"authorization": SIGNED.format(key="test", service="ecs")}, {}, ("ecs", "test")),
        ({}, {"X-Amz-Credential": ["AKIA/20261121/us-east-1/s3/aws4_request"]}, ("s3", "AKIA")),
        ({"authorization": "Bearer x"}, {}, ("", "")),
        ({}, {}, ("", "")),
    ],
)
def test_the_service_is_the_one_that_the_request_was_signed_for(
    headers: dict[str, str], query: dict[str, list[str]], expected: tuple[str, str]
) -> None:
    assert signed_service(headers, query) == expected


@pytest.mark.parametrize(
    ("headers", "path", "query", "body", "expected"),
    [
        ({"x-amz-target": "AmazonEC2ContainerServiceV20141113.UpdateService"}, "/", {}, b"", "UpdateService"),
        ({}, "/service/GraniteServiceVersion20100801/operation/PutMetricData", {}, b"", "PutMetricData"),
        ({}, "/", {"Action": ["DescribeVpcs"]}, b"", "DescribeVpcs"),
        (
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            "/",
            {},
            b"Action=ModifyRule&Version=2015-12-01",
            "ModifyRule",
        ),
        ({"content-type": "application/json"}, "/2015-03-31/functions", {}, b"Action=No", ""),
    ],
)
def test_the_action_is_the_one_that_the_protocol_names(
    headers: dict[str, str], path: str, query: dict[str, list[str]], body: bytes, expected: str
) -> None:
    assert named_action(headers, path, query, body) == expected


def test_callers_are_told_apart() -> None:
    assert caller({"x-amz-security-token": "lambda/Smoke"}, "123456789012") == "lambda/Smoke"
    assert caller({"user-agent": "aws-cdk/2.1148.1 aws-sdk-js/3"}, "ASIA1") == "cdk"
    assert caller({"user-agent": "Boto3/1.40"}, "played-ecs") == "played-ecs"


def test_calls_are_counted_as_they_come() -> None:
    log = CallLog()
    for at, action, status in ((1.0, "ModifyRule", 200), (2.0, "ModifyRule", 400), (3.0, "DescribeRules", 200)):
        log.add(a_call(at, action, status))
    described = log.describe()
    assert {name: described[name] for name in ("total", "failed", "by_action", "by_caller")} == {
        "total": 3,
        "failed": 1,
        "by_action": {"elasticloadbalancing:ModifyRule": 2, "elasticloadbalancing:DescribeRules": 1},
        "by_caller": {"played": 3},
    }
    assert described["by_caller_and_action"] == {
        "played": {"elasticloadbalancing:ModifyRule": 2, "elasticloadbalancing:DescribeRules": 1}
    }


def test_the_calls_about_rules_are_listed_and_only_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_log, "RULE_CALLS_KEPT", 2)
    log = CallLog()
    for at, action in ((1.0, "CreateRule"), (2.0, "DescribeRules"), (3.0, "ModifyRule"), (4.0, "DeleteTargetGroup")):
        log.add(replace(a_call(at, action), arn=f"arn:{at:g}", writes_actions=at < 4))
    described = log.describe()
    assert described["rule_calls_left_out"] == 1
    assert described["rule_calls"] == [
        {
            "at": 3.0,
            "wall": 3.0,
            "action": "ModifyRule",
            "caller": "played",
            "status": 200,
            "writes_actions": True,
            "arn": "arn:3",
        },
        {
            "at": 4.0,
            "wall": 4.0,
            "action": "DeleteTargetGroup",
            "caller": "played",
            "status": 200,
            "writes_actions": False,
            "arn": "arn:4",
        },
    ]


@pytest.mark.parametrize(
    ("action", "body", "answer", "expected"),
    [
        (
            "ModifyRule",
            b"RuleArn=arn%3Arule&Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=arn%3Ablue",
            b"",
            (True, "arn:rule"),
        ),
        ("ModifyRule", b"RuleArn=arn%3Arule&Conditions.member.1.Field=path-pattern", b"", (False, "arn:rule")),
        (
            "CreateRule",
            b"ListenerArn=arn%3Alistener&Actions.member.1.Type=forward",
            b"<Rules><member><RuleArn>arn:made</RuleArn></member></Rules>",
            (True, "arn:made"),
        ),
        ("CreateRule", b"ListenerArn=arn%3Al&Actions.member.1.Type=forward", b"<Error/>", (True, "")),
        (
            "SetRulePriorities",
            b"RulePriorities.member.1.RuleArn=a&RulePriorities.member.1.Priority=1&RulePriorities.member.2.RuleArn=b",
            b"",
            (False, "a,b"),
        ),
        ("DeleteRule", b"RuleArn=arn%3Arule", b"", (False, "arn:rule")),
        ("DeleteTargetGroup", b"TargetGroupArn=arn%3Agroup", b"", (False, "arn:group")),
    ],
)
def test_a_call_about_a_rule_says_what_it_was_about_and_whether_it_carried_actions(
    action: str, body: bytes, answer: bytes, expected: tuple[bool, str]
) -> None:
    assert rule_change(action, body, answer) == expected


def test_the_gateway_records_what_it_passes_on_and_leaves_unsigned_requests_out(tmp_path: object) -> None:
    seen: list[bytes] = []

    async def emulator(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        assert isinstance(body, bytes)
        seen.append(body)
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    world = World(EmulatorConfig(port=1, work_dir=tmp_path), Clock())  # type: ignore[arg-type]
    gateway = Gateway(emulator, world, lambda service, method, path, query: "ListBuckets" if service == "s3" else None)

    async def ask(path: str, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        await gateway(scope, receive, send)
        return sent

    async def scenario() -> None:
        form = (b"content-type", b"application/x-www-form-urlencoded")
        await ask("/", [(b"Authorization", SIGNED.format(key="k", service="iam").encode()), form], b"Action=GetRole")
        await ask("/", [(b"Authorization", SIGNED.format(key="k", service="s3").encode())])
        modified = b"Action=ModifyRule&RuleArn=r&Actions.member.1.Type=forward"
        elb = SIGNED.format(key="k", service="elasticloadbalancing").encode()
        await ask("/", [(b"Authorization", elb), form], modified)
        await ask("/2015/f", [(b"Authorization", SIGNED.format(key="k", service="lambda").encode())])
        await ask("/_ministack/health", [])
        assert (await ask("/_rehearsal/nothing", []))[0]["status"] == 404

    asyncio.run(scenario())
    described = world.calls.describe()
    assert (described["total"], described["failed"]) == (4, 4)
    assert described["by_action"] == {
        "iam:GetRole": 1,
        "s3:ListBuckets": 1,
        "lambda:POST /2015/f": 1,
        "elasticloadbalancing:ModifyRule": 1,
    }
    (change,) = cast("list[dict[str, object]]", described["rule_calls"])
    assert (change["action"], change["arn"], change["writes_actions"]) == ("ModifyRule", "r", True)
    assert seen[0] == b"Action=GetRole"
