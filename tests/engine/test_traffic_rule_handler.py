"""The Lambda entry point: every event gets exactly one answer, within the time that Lambda gives."""

import json
import logging

import pytest
from fake_elbv2 import FakeElbv2
from traffic_rule_stack import LISTENER, Stack, properties

from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.cloudformation import PUT_SECONDS, AnswerError
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.handlers import traffic_rule


class Context:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    answers: list[dict] = []
    monkeypatch.setattr(traffic_rule, "put", lambda url, body: answers.append(json.loads(body)))
    monkeypatch.setattr(clients, "elbv2", lambda: FakeElbv2(LISTENER))
    return answers


def test_the_handler_creates_the_rule_and_answers_with_its_arn(answered: list[dict]) -> None:
    traffic_rule.handler(Stack().event("Create", properties()), Context(150))
    (answer,) = answered
    assert answer["Status"] == "SUCCESS"
    assert ":listener-rule/app/" in answer["Data"]["RuleArn"]


def test_with_the_time_nearly_over_the_handler_still_answers(answered: list[dict]) -> None:
    seconds = clients.SECONDS_PER_CALL + PUT_SECONDS - 1
    traffic_rule.handler(Stack().event("Create", properties()), Context(seconds))
    assert answered[0]["Status"] == "FAILED"
    assert "deploy again" in answered[0]["Reason"]


def test_the_time_given_to_the_function_leaves_room_for_calls_and_the_answer() -> None:
    from bluegreen_constructs import traffic_rule as construct  # noqa: PLC0415 - starts the CDK

    useful = construct._HANDLER_TIMEOUT_S - PUT_SECONDS - clients.SECONDS_PER_CALL
    assert useful > 60
    assert construct._HANDLER_TIMEOUT_S + construct._EVENT_AGE_S < construct._SERVICE_TIMEOUT_S


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_an_unexpected_error_is_answered_and_logged(
    answered: list[dict], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def broken() -> FakeElbv2:
        raise OSError("no region")

    monkeypatch.setattr(clients, "elbv2", broken)
    traffic_rule.handler(Stack().event(kind, properties(), properties()), Context(150))
    assert (answered[0]["Status"], answered[0]["Reason"]) == ("FAILED", "OSError: no region")
    assert "unexpected error" in caplog.text


@pytest.mark.parametrize("kind", ["Replace", None])
def test_an_unknown_request_type_is_answered(answered: list[dict], kind: str | None) -> None:
    traffic_rule.handler(Stack().event("Create", properties()) | {"RequestType": kind}, Context(150))
    assert answered[0]["Status"] == "FAILED"


def test_an_event_without_anybody_to_answer_to_is_raised_to_lambda(answered: list[dict]) -> None:
    with pytest.raises(ConfigurationError, match="StackId"):
        traffic_rule.handler({}, Context(150))
    assert answered == []


def test_an_answer_that_does_not_arrive_is_raised_so_that_lambda_delivers_the_event_again(
    answered: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(url: str, body: bytes) -> None:
        raise AnswerError("unreachable")

    monkeypatch.setattr(traffic_rule, "put", unreachable)
    with pytest.raises(AnswerError):
        traffic_rule.handler(Stack().event("Create", properties()), Context(150))


@pytest.mark.parametrize("changes", [{}, {"Priority": "no"}])
def test_the_presigned_url_is_never_logged(
    answered: list[dict], caplog: pytest.LogCaptureFixture, changes: dict
) -> None:
    caplog.set_level(logging.DEBUG)
    event = Stack().event("Create", properties(**changes))
    traffic_rule.handler(event, Context(150))
    assert caplog.records
    for record in caplog.records:
        assert event["ResponseURL"] not in str(record.__dict__)


def test_what_was_answered_is_logged_as_fields(answered: list[dict], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    traffic_rule.handler(Stack().event("Create", properties()), Context(150))
    fields = caplog.records[-1].__dict__
    assert (fields["requestType"], fields["answer"], fields["logicalId"]) == ("Create", "SUCCESS", "Rule")
