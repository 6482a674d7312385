"""RegionSwitch's Lambda entry point: every event gets exactly one answer, within the time that Lambda gives."""

import json

import pytest
from fake_route53 import FakeRoute53
from weighted_records_stack import Stack, properties

from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.cloudformation import PUT_SECONDS
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.handlers import weighted_records


class Context:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> FakeRoute53:
    dns = FakeRoute53()
    monkeypatch.setattr(clients, "route53", lambda: dns)
    return dns


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch, dns: FakeRoute53) -> list[dict]:
    answers: list[dict] = []
    monkeypatch.setattr(weighted_records, "put", lambda url, body: answers.append(json.loads(body)))
    return answers


def test_the_handler_creates_the_records(answered: list[dict], dns: FakeRoute53) -> None:
    weighted_records.handler(Stack().event("Create", properties()), Context(150))
    (answer,) = answered
    assert answer["Status"] == "SUCCESS"
    assert len(dns.sets) == 3


def test_a_permission_that_was_given_a_moment_ago_is_waited_for(
    answered: list[dict], dns: FakeRoute53, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weighted_records.time, "sleep", lambda _seconds: None)
    dns.faults = ["denied", "none", "denied"]
    weighted_records.handler(Stack().event("Create", properties()), Context(150))
    assert answered[0]["Status"] == "SUCCESS"


def test_with_the_time_nearly_over_the_handler_still_answers(answered: list[dict], dns: FakeRoute53) -> None:
    seconds = clients.SECONDS_PER_CALL + PUT_SECONDS - 1
    weighted_records.handler(Stack().event("Create", properties()), Context(seconds))
    assert answered[0]["Status"] == "FAILED"
    assert "deploy again" in answered[0]["Reason"]
    assert dns.calls == []


@pytest.mark.parametrize("missing", ["HostedZoneId", "RecordName", "Blue", "Green"])
def test_a_property_that_is_missing_is_answered(answered: list[dict], dns: FakeRoute53, missing: str) -> None:
    given = {name: value for name, value in properties().items() if name != missing}
    weighted_records.handler(Stack().event("Create", given), Context(150))
    assert answered[0]["Status"] == "FAILED"
    assert missing in answered[0]["Reason"]
    assert dns.calls == []


@pytest.mark.parametrize("kind", ["Replace", None])
def test_an_unknown_request_type_is_answered(answered: list[dict], kind: str | None) -> None:
    weighted_records.handler(Stack().event("Create", properties()) | {"RequestType": kind}, Context(150))
    assert answered[0]["Status"] == "FAILED"


def test_an_event_without_anybody_to_answer_to_is_raised_to_lambda(answered: list[dict]) -> None:
    with pytest.raises(ConfigurationError, match="StackId"):
        weighted_records.handler({}, Context(150))
    assert answered == []
