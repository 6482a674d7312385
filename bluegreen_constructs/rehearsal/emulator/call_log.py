"""Every call that reached the emulator's gateway: when, which service and action, by whom, how it ended."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

_FORM = "application/x-www-form-urlencoded"
_CBOR_OPERATION = "/operation/"
# Session token that the overlay gives to a Lambda function, so that its calls can be told from the CLI's.
FUNCTION_TOKEN = "lambda/"  # noqa: S105  # a marker that the emulator ignores, no secret


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS API call. `at` is rehearsed, `wall` real time (seconds since the epoch), `seconds` real duration.

    `caller` is `cdk` (the CLI), `lambda/NAME` (a deployed function) or the access key that signed the call.
    """

    at: float
    wall: float
    service: str
    action: str
    caller: str
    status: int
    seconds: float


class CallLog:
    """The calls so far, in order of their end; safe to use from any thread."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        """Keep `call`."""
        with self._lock:
            self._calls.append(call)

    def matching(self, wanted: Callable[[Call], bool]) -> tuple[Call, ...]:
        """The calls for which `wanted` is true."""
        with self._lock:
            calls = tuple(self._calls)
        return tuple(call for call in calls if wanted(call))

    def between(self, start: float, end: float) -> tuple[Call, ...]:
        """The calls of a rehearsed span, both ends included (seconds since the epoch)."""
        return self.matching(lambda call: start <= call.at <= end)

    def describe(self) -> dict[str, object]:
        """How many calls there were: in all, failed (status 400 and above), by `service:Action` and by caller."""
        calls = self.matching(lambda _: True)
        return {
            "total": len(calls),
            "failed": sum(call.status >= 400 for call in calls),
            "by_action": dict(Counter(f"{call.service}:{call.action}" for call in calls).most_common()),
            "by_caller": dict(Counter(call.caller for call in calls).most_common()),
        }


def signed_service(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[str, str]:
    """Service and access key of a signed request, from the SigV4 scope; ("", "") when it is not signed.

    `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, in the Authorization header or as X-Amz-Credential:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    _, _, signed = headers.get("authorization", "").partition("Credential=")
    credential = signed.split(",", 1)[0] or query.get("X-Amz-Credential", [""])[0]
    parts = credential.strip().split("/")
    return (parts[-2], parts[0]) if len(parts) >= 5 else ("", "")


def named_action(headers: Mapping[str, str], path: str, query: Mapping[str, list[str]], body: bytes) -> str:
    """The action that the request itself names (JSON target, CBOR path, query or form field); "" for REST."""
    target = headers.get("x-amz-target", "")
    if target:
        return target.rsplit(".", 1)[-1]
    if _CBOR_OPERATION in path:
        return path.rsplit("/", 1)[-1]
    if "Action" in query:
        return query["Action"][0]
    if headers.get("content-type", "").startswith(_FORM):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return ""


def caller(headers: Mapping[str, str], access_key: str) -> str:
    """Who made the call, as Call.caller has it."""
    token = headers.get("x-amz-security-token", "")
    if token.startswith(FUNCTION_TOKEN):
        return token
    return "cdk" if "aws-cdk" in headers.get("user-agent", "").lower() else access_key
