"""What a function that is a target is told of a request, and what its answer means: pure, without the call.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html has the events ("Receive
events from the load balancer"), the answers ("Respond to the load balancer"), the two forms of headers ("Multi-value
headers") and the limits. Names and values of the query stay percent-encoded, as that page says; of what is given
several times the last counts, unless the group's `lambda.multi_value_headers.enabled` is on.

The page says that an answer must have its status code, headers and `isBase64Encoded`. Here only the status code has to
be there, as applications rely on it; that AWS lets the others be left out is not seen in an account.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from .model import TargetGroup

MOST_BYTES = 1024 * 1024
"""How large a request's body and a function's answer may be."""

_AS_TEXT = re.compile(r"text/.*|application/(json|javascript|xml)", re.IGNORECASE)
_NO_HEADER = re.compile(r"[\r\n\0]")


class FunctionError(Exception):
    """A function did not answer what a load balancer can pass on; `status` is what the load balancer answers then.

    `is_internal`: the failure is Lambda's own, not the function's or its policy's.
    """

    def __init__(self, what: str, *, status: int = 502, is_internal: bool = False) -> None:
        super().__init__(what)
        self.status = status
        self.is_internal = is_internal


@dataclass(frozen=True)
class FunctionAnswer:
    """What a function answered; `reason` None is the usual phrase of the status."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def request_event(
    group: TargetGroup, method: str, path_and_query: str, headers: Iterable[tuple[str, str]], body: bytes
) -> dict[str, object]:
    """The event of one request to a function of `group`; `path_and_query` still percent-encoded."""
    path, _, query = path_and_query.partition("?")
    parameters = [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
    named = [(name.lower(), value) for name, value in headers]
    text, is_encoded = _body(body, dict(named))
    return {
        "requestContext": {"elb": {"targetGroupArn": group.arn}},
        "httpMethod": method,
        "path": path,
        **(
            {"multiValueQueryStringParameters": _several(parameters), "multiValueHeaders": _several(named)}
            if group.multi_value_headers
            else {"queryStringParameters": dict(parameters), "headers": dict(named)}
        ),
        "body": text,
        "isBase64Encoded": is_encoded,
    }


def check_event(group: TargetGroup) -> dict[str, object]:
    """The event of one health check ("Enable health checks")."""
    return request_event(group, "GET", group.health_check.path, [("user-agent", "ELB-HealthChecker/2.0")], b"")


def read_answer(payload: bytes, *, multi_value: bool) -> FunctionAnswer:
    """A function's answer; FunctionError for one that is no HTTP answer. `multi_value`: as the group's headers are."""
    if len(payload) > MOST_BYTES:
        raise FunctionError(f"the answer has {len(payload)} bytes, more than {MOST_BYTES}")
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise FunctionError("the answer is no JSON") from error
    if not isinstance(answer, Mapping):
        raise FunctionError("the answer is no JSON object")
    status = answer.get("statusCode")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise FunctionError(f"statusCode is {status!r}; a function answers a number from 200 to 599")
    return FunctionAnswer(
        status,
        _reason(status, answer.get("statusDescription")),
        _listed(answer.get("multiValueHeaders")) if multi_value else _single(answer.get("headers")),
        _bytes(answer.get("body"), is_encoded=answer.get("isBase64Encoded", False)),
    )


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    """The body as text where its type says so and no encoding lies over it, else in Base64."""
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if not body:
        return "", False
    if "content-encoding" not in headers and _AS_TEXT.fullmatch(kind):
        try:
            return body.decode(), False
        except UnicodeDecodeError:  # JSON could not hold it as it is
            pass
    return base64.b64encode(body).decode(), True


def _several(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _reason(status: int, description: object) -> str | None:
    """The phrase of `200 OK`; the usual one when none is given."""
    if description is None:
        known = status in HTTPStatus.__members__.values()
        return None if known else ""
    if not isinstance(description, str) or _NO_HEADER.search(description):
        raise FunctionError("statusDescription is no line of text")
    return description.removeprefix(str(status)).strip()


def _single(headers: object) -> tuple[tuple[str, str], ...]:
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise FunctionError("headers is no object of names and texts")
    return tuple(_header(name, value) for name, value in headers.items())


def _listed(headers: object) -> tuple[tuple[str, str], ...]:
    if headers is None:
        return ()
    if not isinstance(headers, Mapping) or not all(_is_list(values) for values in headers.values()):
        raise FunctionError("multiValueHeaders is no object of names and lists of texts")
    return tuple(_header(name, value) for name, values in headers.items() for value in values)


def _is_list(values: object) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str)


def _header(name: str, value: object) -> tuple[str, str]:
    if not isinstance(value, str) or not name or _NO_HEADER.search(f"{name}{value}"):
        raise FunctionError(f"the header {name!r} is no line of text")
    return name, value


def _bytes(body: object, *, is_encoded: object) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str) or not isinstance(is_encoded, bool):
        raise FunctionError("body is no text, or isBase64Encoded is neither true nor false")
    if not is_encoded:
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise FunctionError("body is no Base64, unlike isBase64Encoded says") from error
