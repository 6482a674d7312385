"""The Lambda target of `?x-slot-routing=<slot>`: sets the cookie that the slots' rules look for, and redirects."""

import os
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypedDict, cast

from ..slot_choice import SLOTS, Choice, answer_choice


class AlbAnswer(TypedDict):
    """What the load balancer reads from a Lambda target with multi-value headers.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
    """

    statusCode: int
    statusDescription: str
    isBase64Encoded: bool
    multiValueHeaders: Mapping[str, Sequence[str]]
    body: str


def handler(event: Mapping[str, object], _context: object) -> AlbAnswer:
    """Lambda's entry point."""
    return serve(event, os.environ)


def serve(event: Mapping[str, object], variables: Mapping[str, str]) -> AlbAnswer:
    """Answer one request; the load balancer hands path and query over as they were sent, escapes and all."""
    slots = [name for name in variables.get(SLOTS, "").split(",") if name]
    found = answer_choice(
        Choice(
            path=str(event.get("path") or ""),
            query=_query(event),
            is_https=_header(event, "x-forwarded-proto").lower() == "https",
            method=str(event.get("httpMethod") or "GET"),
        ),
        slots,
    )
    return AlbAnswer(
        statusCode=found.status,
        statusDescription=f"{found.status} {HTTPStatus(found.status).phrase}",
        isBase64Encoded=False,
        multiValueHeaders={name: [value] for name, value in found.headers.items()},
        body=found.body,
    )


def _query(event: Mapping[str, object]) -> list[tuple[str, str]]:
    several = cast("Mapping[str, Sequence[str]]", event.get("multiValueQueryStringParameters") or {})
    single = cast("Mapping[str, str]", event.get("queryStringParameters") or {})
    if several:
        return [(str(name), str(value)) for name, values in several.items() for value in values]
    return [(str(name), str(value)) for name, value in single.items()]


def _header(event: Mapping[str, object], name: str) -> str:
    several = cast("Mapping[str, Sequence[str]]", event.get("multiValueHeaders") or {})
    single = cast("Mapping[str, str]", event.get("headers") or {})
    found = [values[-1] for key, values in several.items() if key.lower() == name and values]
    found += [value for key, value in single.items() if key.lower() == name]
    return str(found[0]) if found else ""
