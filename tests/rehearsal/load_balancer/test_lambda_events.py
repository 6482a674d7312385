"""What a function is told of a request and how its answer is read."""

import base64
import json
from typing import Any

import pytest

from bluegreen_constructs.rehearsal.load_balancer.lambda_events import (
    MOST_BYTES,
    FunctionAnswer,
    FunctionError,
    check_event,
    read_answer,
    request_event,
)
from bluegreen_constructs.rehearsal.load_balancer.model import HealthCheck, TargetGroup

SINGLE = TargetGroup("group", is_function=True)
SEVERAL = TargetGroup("group", (), HealthCheck(path="/up"), is_function=True, multi_value_headers=True)


def event(group: TargetGroup = SINGLE, body: bytes = b"", **headers: str) -> dict[str, Any]:
    pairs = [("Host", "a.test"), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return request_event(group, "POST", "/a%20b?x=1&x=%C3%A4&plain&y=a=b", pairs, body)


def answer(multi_value: bool = False, **fields: object) -> FunctionAnswer:
    return read_answer(json.dumps({"statusCode": 200, **fields}).encode(), multi_value=multi_value)


def test_the_event_of_single_values_is_the_documented_one() -> None:
    assert event() == {
        "requestContext": {"elb": {"targetGroupArn": "group"}},
        "httpMethod": "POST",
        "path": "/a%20b",
        "queryStringParameters": {"x": "%C3%A4", "plain": "", "y": "a=b"},
        "headers": {"host": "a.test"},
        "body": "",
        "isBase64Encoded": False,
    }


def test_with_multi_value_headers_everything_comes_as_lists_under_other_names() -> None:
    pairs = [("Cookie", "a=1"), ("cookie", "b=2")]
    found = request_event(SEVERAL, "GET", "/?x=1&x=2", pairs, b"")
    assert found["multiValueHeaders"] == {"cookie": ["a=1", "b=2"]}
    assert found["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert not {"headers", "queryStringParameters"} & found.keys()
    assert request_event(SINGLE, "GET", "/", pairs, b"")["headers"] == {"cookie": "b=2"}


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "Application/XML"])
def test_a_text_comes_as_it_is(kind: str) -> None:
    found = event(body="ä".encode(), Content_Type=kind)
    assert (found["body"], found["isBase64Encoded"]) == ("ä", False)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Type": "application/octet-stream"},
        {"Content_Type": "application/jsonlines"},
        {"Content_Type": "text/plain", "Content_Encoding": "gzip"},
    ],
)
def test_any_other_body_comes_in_base64(headers: dict[str, str]) -> None:
    found = event(body=b"abc", **headers)
    assert (found["body"], found["isBase64Encoded"]) == (base64.b64encode(b"abc").decode(), True)


def test_a_health_check_is_an_event_too() -> None:
    found = check_event(SEVERAL)
    assert (found["httpMethod"], found["path"]) == ("GET", "/up")
    assert found["multiValueHeaders"] == {"user-agent": ["ELB-HealthChecker/2.0"]}


def test_an_answer_becomes_a_status_a_phrase_headers_and_a_body() -> None:
    assert answer(statusCode=302, statusDescription="302 Over There", headers={"Location": "/"}, body="ä") == (
        FunctionAnswer(302, "Over There", (("Location", "/"),), "ä".encode())
    )
    assert answer() == FunctionAnswer(200)
    assert answer(statusCode=299).reason == ""
    assert answer(body=base64.b64encode(b"\xff").decode(), isBase64Encoded=True).body == b"\xff"


def test_only_the_form_of_headers_that_the_group_has_is_read() -> None:
    both = {"headers": {"A": "1"}, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}
    assert answer(**both).headers == (("A", "1"),)
    assert answer(True, **both).headers == (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b'"hello"',
        b"[]",
        b"{}",
        *(
            json.dumps({"statusCode": 200, **fields}).encode()
            for fields in (
                {"statusCode": "200"},
                {"statusCode": True},
                {"statusCode": 42},
                {"statusDescription": 7},
                {"statusDescription": "200 O\nK"},
                {"headers": []},
                {"headers": {"X": 1}},
                {"headers": {"X": "a\r\nY: b"}},
                {"body": {"a": 1}},
                {"body": "no base64!", "isBase64Encoded": True},
                {"body": "", "isBase64Encoded": "yes"},
            )
        ),
        json.dumps({"statusCode": 200, "body": "x" * MOST_BYTES}).encode(),
    ],
)
def test_nonsense_is_a_502(payload: bytes) -> None:
    with pytest.raises(FunctionError) as failure:
        read_answer(payload, multi_value=False)
    assert (failure.value.status, failure.value.is_internal) == (502, False)


@pytest.mark.parametrize("headers", [[], {"X": "text"}, {"X": [1]}])
def test_nonsense_in_lists_is_a_502_as_well(headers: object) -> None:
    with pytest.raises(FunctionError):
        answer(True, multiValueHeaders=headers)
