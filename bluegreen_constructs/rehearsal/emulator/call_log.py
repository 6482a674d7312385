"""Every call that reached the emulator's gateway: when, which service and action, by whom, how it ended."""

import re
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

_FORM = "application/x-www-form-urlencoded"
_CBOR_OPERATION = "/operation/"
# Session token that the overlay gives to a Lambda function, so that its calls can be told from the CLI's.
FUNCTION_TOKEN = "lambda/"  # noqa: S105  # a marker that the emulator ignores, no secret
# The calls that make, change and remove what traffic goes by; each of them is kept, the others are only counted.
RULE_ACTIONS = frozenset({"CreateRule", "ModifyRule", "SetRulePriorities", "DeleteRule", "DeleteTargetGroup"})
RULE_CALLS_KEPT = 2000
_WRITTEN_ACTION = "Actions.member."
_RULE_ARN = re.compile(rb"<RuleArn>([^<]+)</RuleArn>")


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS API call. `at` is rehearsed, `wall` real time (seconds since the epoch), `seconds` real duration.

    `caller` is `cdk` (the CLI), `lambda/NAME` (a deployed function) or the access key that signed the call.
    `writes_actions` and `arn` are of the RULE_ACTIONS alone: whether the call carried a rule's actions, and the rule or
    target group that it was about (SetRulePriorities: all its rules, joined by commas; a refused CreateRule: "").
    """

    at: float
    wall: float
    service: str
    action: str
    caller: str
    status: int
    seconds: float
    writes_actions: bool = False
    arn: str = ""


class CallLog:
    """Counts of all calls, and the latest RULE_CALLS_KEPT of RULE_ACTIONS themselves; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._failed = self._left_out = 0
        self._by_action: Counter[str] = Counter()
        self._by_caller: Counter[str] = Counter()
        self._by_both: dict[str, Counter[str]] = {}
        self._rule_calls: deque[Call] = deque()

    def add(self, call: Call) -> None:
        """Count `call`, and keep it when it is one of RULE_ACTIONS."""
        with self._lock:
            self._total += 1
            self._failed += call.status >= 400
            self._by_action[f"{call.service}:{call.action}"] += 1
            self._by_caller[call.caller] += 1
            self._by_both.setdefault(call.caller, Counter())[f"{call.service}:{call.action}"] += 1
            if call.service == "elasticloadbalancing" and call.action in RULE_ACTIONS:
                self._rule_calls.append(call)
                if len(self._rule_calls) > RULE_CALLS_KEPT:
                    self._rule_calls.popleft()
                    self._left_out += 1

    def describe(self) -> dict[str, object]:
        """How many calls there were: in all, failed (status 400 and above), by `service:Action`, by caller, by both.

        `rule_calls` are those of RULE_ACTIONS in the order of their end, the oldest `rule_calls_left_out` of them gone.
        """
        with self._lock:
            return {
                "total": self._total,
                "failed": self._failed,
                "by_action": dict(self._by_action.most_common()),
                "by_caller": dict(self._by_caller.most_common()),
                "by_caller_and_action": {caller: dict(made) for caller, made in self._by_both.items()},
                "rule_calls_left_out": self._left_out,
                "rule_calls": [
                    {
                        "at": call.at,
                        "wall": call.wall,
                        "action": call.action,
                        "caller": call.caller,
                        "status": call.status,
                        "writes_actions": call.writes_actions,
                        "arn": call.arn,
                    }
                    for call in self._rule_calls
                ],
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


def rule_change(action: str, body: bytes, answer: bytes) -> tuple[bool, str]:
    """`Call.writes_actions` and `Call.arn` of one of RULE_ACTIONS, from its form and (CreateRule) its answer."""
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    writes_actions = any(name.startswith(_WRITTEN_ACTION) for name in form)
    match action:
        case "CreateRule":
            created = _RULE_ARN.search(answer)
            return writes_actions, created[1].decode() if created else ""
        case "SetRulePriorities":
            return writes_actions, ",".join(values[0] for name, values in form.items() if name.endswith(".RuleArn"))
        case "DeleteTargetGroup":
            return writes_actions, form.get("TargetGroupArn", [""])[0]
        case _:
            return writes_actions, form.get("RuleArn", [""])[0]


def caller(headers: Mapping[str, str], access_key: str) -> str:
    """Who made the call, as Call.caller has it."""
    token = headers.get("x-amz-security-token", "")
    if token.startswith(FUNCTION_TOKEN):
        return token
    return "cdk" if "aws-cdk" in headers.get("user-agent", "").lower() else access_key
