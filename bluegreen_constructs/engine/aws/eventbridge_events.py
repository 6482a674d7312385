"""The engine's events on Amazon EventBridge."""

import json
import logging
from collections.abc import Mapping
from typing import Protocol

from .client_calls import AwsClient, entries, number
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
IAM_ACTIONS: Actions = {"events:PutEvents": ("event bus",)}

SOURCE = "bluegreen"

_log = logging.getLogger(__name__)


class EventBridgeClient(AwsClient, Protocol):
    """The calls of a boto3 `events` client that are used here."""

    def put_events(self, **arguments: object) -> Mapping[str, object]: ...


class EventBridgeEvents:
    """`engine.ports.Events` on AWS, on the account's default bus."""

    def __init__(self, client: EventBridgeClient) -> None:
        """Use `client`."""
        self._client = client

    def announce(self, kind: str, detail: Mapping[str, object]) -> None:
        """Put the event; what goes wrong is logged, as the event's receivers are no part of the rollout."""
        try:
            event = {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail, default=str)}
            answer = self._client.put_events(Entries=[event])
            if number(answer, "FailedEntryCount"):
                refused = entries(answer, "Entries")[0]
                _log.error(
                    "EventBridge did not take the event: %s %s",
                    refused.get("ErrorCode"),
                    refused.get("ErrorMessage"),
                    extra={"kind": kind, "detail": dict(detail)},
                )
        except Exception:  # noqa: BLE001 - an event that is lost must not stop a rollout, whatever went wrong
            _log.exception("the event could not be put", extra={"kind": kind, "detail": dict(detail)})
