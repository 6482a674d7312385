"""Rules of the Amazon States Language and of Step Functions that the emulator does not keep; no emulator in here.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (errors and retries) and
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html (names)
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

MAX_PAYLOAD_BYTES = 256 * 1024
"""What a task may answer: "the maximum input or output size" of the quotas' page."""

MAX_WAIT_SECONDS = 99_999_999
"""The longest wait that a Wait state takes."""

ENDED = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"})
"""The events that end an execution's history."""

# The characters that StartExecution's page excludes: white space, brackets, wildcards, special and control ones.
_NAME = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}""")


def is_execution_name(name: str) -> bool:
    """Whether StartExecution takes the name."""
    return _NAME.fullmatch(name) is not None


def never_matches(error_equals: Sequence[str], error: str) -> bool:
    """Whether a Retry or Catch over `error_equals` leaves an error alone that the emulator would let it take.

    "A States.Runtime error isn't retriable, and will always cause the execution to fail. A retry or catch on States.ALL
    won't catch States.Runtime errors."; States.DataLimitExceeded "can't be caught by the States.ALL error type".
    """
    return error == "States.Runtime" or (error == "States.DataLimitExceeded" and error not in error_equals)


def retry_delay(retrier: Mapping[str, object], retries_before: int) -> float:
    """Seconds (rehearsed) before the next retry: the interval grown by BackoffRate, at most MaxDelaySeconds.

    Jitter is not rehearsed: the same run waits the same times.
    """
    delay = _number(retrier.get("IntervalSeconds"), 1.0) * _number(retrier.get("BackoffRate"), 2.0) ** retries_before
    return min(delay, _number(retrier.get("MaxDelaySeconds"), float("inf")))


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def is_there(steps: Sequence[tuple[str, object]], data: object) -> bool:
    """Whether a JSON path without wildcards, given as (field or index, which), leads to something, be it null."""
    for _, which in steps:
        match data:
            case Mapping() if which in data:
                data = data[which]
            case list() if isinstance(which, int) and which < len(data):
                data = data[which]
            case _:
                return False
    return True


def wait_refusal(seconds: object) -> str:
    """Why a Wait state does not take the value that its SecondsPath leads to; "" when it does."""
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 <= seconds <= MAX_WAIT_SECONDS:
        return ""
    shown = json.dumps(seconds)
    return f"the SecondsPath of the Wait state leads to {shown}; it takes a whole number from 0 to {MAX_WAIT_SECONDS}"


def child_answer(execution: Mapping[str, object], *, parses_json: bool) -> dict[str, object]:
    """What `states:startExecution.sync` answers of an ended child, and the cause of its error when that failed.

    `.sync:2` parses the JSON of input and output.
    """

    def payload(value: object) -> object:
        return json.loads(value) if parses_json and isinstance(value, str) else value

    answer: dict[str, object] = {
        "ExecutionArn": execution["executionArn"],
        "Input": payload(execution.get("input")),
        "InputDetails": {"Included": True},
        "Name": execution["name"],
        "Output": payload(execution.get("output")),
        "OutputDetails": {"Included": True},
        "StartDate": _milliseconds(execution.get("startDate")),
        "StateMachineArn": execution["stateMachineArn"],
        "Status": execution["status"],
        "StopDate": _milliseconds(execution.get("stopDate")),
        "Error": execution.get("error"),
        "Cause": execution.get("cause"),
    }
    return {name: value for name, value in answer.items() if value is not None}


def _milliseconds(stamp: object) -> int | None:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000) if isinstance(stamp, str) else None
