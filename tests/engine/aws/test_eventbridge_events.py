"""Events are put, and one that is lost is logged and nothing more."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.eventbridge_events import IAM_ACTIONS, EventBridgeEvents


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("events")
    yield stubbed
    stubbed.done()


def test_an_event_is_one_call_with_its_detail_as_json(stubbed: StubbedClient) -> None:
    detail = '{"target": "Serving/Model", "at": "2026-11-21 12:00:00+00:00"}'
    event = {"Source": "bluegreen", "DetailType": "Rollout Started", "Detail": detail}
    stubbed.answers("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [event]})
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    EventBridgeEvents(stubbed.client).announce("Rollout Started", {"target": "Serving/Model", "at": at})
    assert set(stubbed.actions) == set(IAM_ACTIONS)


def test_one_that_is_not_taken_is_logged(stubbed: StubbedClient, caplog: pytest.LogCaptureFixture) -> None:
    entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    stubbed.answers("put_events", {"FailedEntryCount": 1, "Entries": [entry]})
    EventBridgeEvents(stubbed.client).announce("Rollout Ended", {"target": "T"})
    assert "did not take the event: ThrottlingException slow down" in caplog.text


def test_whatever_goes_wrong_is_logged_and_never_raised(
    stubbed: StubbedClient, caplog: pytest.LogCaptureFixture
) -> None:
    stubbed.fails("put_events", "InternalException")
    EventBridgeEvents(stubbed.client).announce("Rollout Ended", {})
    EventBridgeEvents(SilentClient("events")).announce("Rollout Ended", {})
    circle: dict[str, object] = {}
    circle["itself"] = circle
    EventBridgeEvents(stubbed.client).announce("Rollout Ended", circle)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
