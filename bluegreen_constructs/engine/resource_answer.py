"""The answer to one event of a custom resource: whatever becomes of it, CloudFormation is told."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

from .cloudformation import Sender, Status, answer_to, sender_of
from .errors import BlueGreenError

_log = logging.getLogger(__name__)

Applied: TypeAlias = tuple[str, Mapping[str, str]]
"""What was done in one sentence, and the resource's attributes."""


def answer_event(
    event: dict[str, object], apply: Callable[[Sender], Applied], send: Callable[[str, bytes], None]
) -> None:
    """Apply the event and send the answer, of failure too.

    Raises:
        ConfigurationError: the event names nobody to answer to.
        AnswerError: the answer could not be sent; Lambda then delivers the event again, which is harmless.
    """
    sender = sender_of(event)
    status, data = Status.FAILED, dict[str, str]()
    try:
        reason, found = apply(sender)
        status, data = Status.SUCCESS, dict(found)
    except BlueGreenError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - CloudFormation would wait five minutes for an answer that never comes
        _log.exception("unexpected error", extra={"stack": sender.stack_id, "logicalId": sender.logical_id})
        reason = f"{type(error).__name__}: {error}"
    _log.info(
        "answering CloudFormation",
        extra={
            "stack": sender.stack_id,
            "logicalId": sender.logical_id,
            "requestType": str(event.get("RequestType")),
            "requestId": sender.request_id,
            "answer": status.value,
            "reason": reason,
            **data,
        },
    )
    send(sender.response_url, answer_to(sender, status, reason, data))
