"""What the function of a hook can answer, and what that comes to."""

import io
import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody
from stubbed_client import TIMED_OUT, SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.lambda_hooks import IAM_ACTIONS, LambdaHooks
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import HookAnswer

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:check"


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("lambda")
    yield stubbed
    stubbed.done()


def asked(stubbed: StubbedClient, answer: object, **more: str) -> HookAnswer:
    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    expected = {
        "FunctionName": FUNCTION,
        "InvocationType": "RequestResponse",
        "Payload": b'{"hookDetails": {"a": 1}}',
    }
    body = StreamingBody(io.BytesIO(text), len(text))
    stubbed.answers("invoke", {"StatusCode": 200, "Payload": body, **more}, expected)
    return LambdaHooks(stubbed.client, (BotoCoreError,)).ask(FUNCTION, {"hookDetails": {"a": 1}})


def test_a_function_is_invoked_and_waited_for(stubbed: StubbedClient) -> None:
    assert asked(stubbed, {"hookStatus": "SUCCEEDED"}) == HookAnswer("SUCCEEDED")
    assert set(stubbed.actions) == set(IAM_ACTIONS)


def test_one_that_is_at_work_says_when_to_ask_again_and_with_what(stubbed: StubbedClient) -> None:
    answer = {"hookStatus": "IN_PROGRESS", "callBackDelay": 60, "hookDetails": {"job": "7"}}
    assert asked(stubbed, answer) == HookAnswer("IN_PROGRESS", 60, {"job": "7"})


def test_without_a_delay_it_is_asked_again_as_ecs_would(stubbed: StubbedClient) -> None:
    assert asked(stubbed, {"hookStatus": "IN_PROGRESS"}) == HookAnswer("IN_PROGRESS", 30)


def test_failed_is_an_answer_with_a_reason(stubbed: StubbedClient) -> None:
    assert asked(stubbed, {"hookStatus": "FAILED"}).reason == "the hook's function answered FAILED"


def test_a_function_that_raises_has_failed_with_what_it_raised(stubbed: StubbedClient) -> None:
    error = {"errorType": "KeyError", "errorMessage": "'url'", "stackTrace": []}
    answer = asked(stubbed, error, FunctionError="Unhandled")
    assert (answer.status, answer.reason) == ("FAILED", "the hook's function raised KeyError: 'url'")


def test_an_error_in_no_known_form_is_quoted(stubbed: StubbedClient) -> None:
    answer = asked(stubbed, b"\xffcrash", FunctionError="Unhandled")
    assert (answer.status, answer.reason) == ("FAILED", "the hook's function raised \ufffdcrash")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "which is no JSON"),
        (None, "null, without a hookStatus"),
        ({}, "without a hookStatus of SUCCEEDED, FAILED, IN_PROGRESS"),
        ({"hookStatus": "succeeded"}, '"succeeded"}, without a hookStatus'),
        ({"hookStatus": ["SUCCEEDED"]}, "without a hookStatus"),
        ({"hookStatus": "IN_PROGRESS", "callBackDelay": "soon"}, "a callBackDelay of 'soon'"),
        ({"hookStatus": "IN_PROGRESS", "callBackDelay": -1}, "a callBackDelay of -1"),
        ({"hookStatus": "IN_PROGRESS", "callBackDelay": True}, "a callBackDelay of True"),
        ({"hookStatus": "IN_PROGRESS", "hookDetails": "text"}, "hookDetails of 'text'"),
        (
            {"hookStatus": "IN_PROGRESS", "hookDetails": {"a": "x" * 8192}},
            "hookDetails of 8201 characters: 8192 are kept",
        ),
        (b'{"hookStatus": "IN_PROGRESS", "hookDetails": {"a": NaN}}', "hookDetails with a number that is none"),
        (b'{"hookStatus": "SUCCEEDED", "hookDetails": {"a": [Infinity]}}', "hookDetails with a number that is none"),
    ],
)
def test_what_is_no_answer_has_failed_with_that_reason(stubbed: StubbedClient, answer: object, reason: str) -> None:
    given = asked(stubbed, answer)
    assert given.status == "FAILED"
    assert reason in given.reason


def test_a_function_that_cannot_be_invoked_is_asked_again(stubbed: StubbedClient) -> None:
    stubbed.fails("invoke", "TooManyRequestsException")
    with pytest.raises(AwsError, match="in the words of AWS"):
        LambdaHooks(stubbed.client, (BotoCoreError,)).ask(FUNCTION, {})
    with pytest.raises(AwsError, match="timeout"):
        LambdaHooks(SilentClient("lambda"), (BotoCoreError,)).ask(FUNCTION, {})


def test_a_connection_that_breaks_in_the_answer_is_an_aws_error(stubbed: StubbedClient) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise TIMED_OUT

    stubbed.answers("invoke", {"Payload": StreamingBody(Broken(), 10)})
    with pytest.raises(AwsError, match="timeout"):
        LambdaHooks(stubbed.client, (BotoCoreError,)).ask(FUNCTION, {})
