"""CloudFormation's protocol for custom resources: read the request, build the answer, put it where it is awaited.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from .errors import AwsError, ConfigurationError

# CloudFormation refuses a larger answer, and shows no more than the first kilobyte of a reason anyway.
_MAX_ANSWER_BYTES = 4096
_MAX_REASON_CHARACTERS = 1000

_PUT_TIMEOUT_S = 4.0
_PUT_PAUSES_S = (1.0, 2.0)
# The longest that `put` takes; who calls it keeps this much of its time.
PUT_SECONDS = 3 * _PUT_TIMEOUT_S + sum(_PUT_PAUSES_S) + 1


class RequestType(StrEnum):
    """What CloudFormation asks for."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


class Status(StrEnum):
    """The two answers there are."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class AnswerError(AwsError):
    """The answer did not reach CloudFormation."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks, and where the answer goes: what every answer needs, also the one to a malformed request."""

    stack_id: str
    logical_id: str
    request_id: str
    physical_id: str
    response_url: str = field(repr=False)  # presigned: whoever has it can answer, so it never appears in a log


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    type: RequestType
    properties: Mapping[str, object]
    former_properties: Mapping[str, object]
    """The properties before an update; empty otherwise."""


def sender_of(event: object) -> Sender:
    """Read who asks.

    The physical id is derived from stack and logical id and so never changes: with a new one CloudFormation would
    take the resource for replaced, and delete what it thinks is the former one. An id that CloudFormation names is
    answered back as it is.

    Raises:
        ConfigurationError: without these fields there is nobody to answer to.
    """
    fields = event if isinstance(event, Mapping) else {}
    named = {}
    for name in ("StackId", "LogicalResourceId", "RequestId", "ResponseURL"):
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"the event has no {name}: this function answers CloudFormation's custom resources"
            )
        named[name] = value
    physical_id = fields.get("PhysicalResourceId") or f"{named['StackId']}/{named['LogicalResourceId']}"
    return Sender(
        stack_id=named["StackId"],
        logical_id=named["LogicalResourceId"],
        request_id=named["RequestId"],
        physical_id=str(physical_id),
        response_url=named["ResponseURL"],
    )


def request_of(event: Mapping[str, object]) -> Request:
    """Read what is asked; raises `ConfigurationError` for a request type that does not exist."""
    asked = event.get("RequestType")
    if asked not in tuple(RequestType):
        raise ConfigurationError(f"the request type is {asked!r}: Create, Update or Delete is expected")
    return Request(
        type=RequestType(str(asked)),
        properties=_mapping(event.get("ResourceProperties")),
        former_properties=_mapping(event.get("OldResourceProperties")),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def answer_to(sender: Sender, status: Status, reason: str, data: Mapping[str, str] | None = None) -> bytes:
    """The answer's body, at most 4 kB: a longer reason is cut.

    Raises:
        ValueError: the data alone are too long.
    """
    limit = _MAX_REASON_CHARACTERS
    while True:
        answer = {
            "Status": status.value,
            "Reason": reason if len(reason) <= limit else f"{reason[:limit]}…",
            "PhysicalResourceId": sender.physical_id,
            "StackId": sender.stack_id,
            "RequestId": sender.request_id,
            "LogicalResourceId": sender.logical_id,
            "Data": dict(data or {}),
        }
        body = json.dumps(answer, ensure_ascii=False).encode()
        if len(body) <= _MAX_ANSWER_BYTES:
            return body
        if not limit:
            raise ValueError(f"the answer has {len(body)} bytes, CloudFormation takes {_MAX_ANSWER_BYTES}")
        limit //= 2


def put(url: str, body: bytes, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Put the answer to the presigned URL, in the URL's own scheme; three tries, at most `PUT_SECONDS`.

    Raises:
        AnswerError: all tries failed.
    """
    if urlsplit(url).scheme not in ("https", "http"):
        raise AnswerError("the response URL is neither https nor http: the answer was not sent")
    # The presigned URL is signed for an empty content type; urllib would fill in one of its own.
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - scheme checked above
    for wait in (*_PUT_PAUSES_S, None):
        try:
            with urllib.request.urlopen(request, timeout=_PUT_TIMEOUT_S):  # noqa: S310 - scheme checked above
                return
        except urllib.error.HTTPError as error:
            error.close()
            refused = f"status {error.code}"
        except OSError as error:
            refused = str(error)
        if wait is not None:
            pause(wait)
    raise AnswerError(f"the answer did not reach CloudFormation: {refused}")
