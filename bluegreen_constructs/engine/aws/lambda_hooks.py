"""The functions of hooks, invoked as Amazon ECS does: asked until they answer SUCCEEDED or FAILED."""

import json
from collections.abc import Mapping
from typing import Literal, Protocol, cast

from ..ports import HookAnswer
from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
IAM_ACTIONS: Actions = {"lambda:InvokeFunction": ("hook function",)}

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
_STATUSES = ("SUCCEEDED", "FAILED", "IN_PROGRESS")
_MOST_DETAILS = 8192
_DEFAULT_DELAY_S = 30
_LONGEST_REASON = 500


class LambdaClient(AwsClient, Protocol):
    """The calls of a boto3 `lambda` client that are used here."""

    def invoke(self, **arguments: object) -> Mapping[str, object]: ...


class _Body(Protocol):
    def read(self) -> bytes: ...


class LambdaHooks:
    """`engine.ports.Hooks` on AWS."""

    def __init__(self, client: LambdaClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer.

        The client must not try a call again by itself: the function would run twice (`clients.lambda_hooks`).
        """
        self._client = client
        self._calls = Calls(client, transport_errors)

    def ask(self, function_arn: str, payload: Mapping[str, object]) -> HookAnswer:
        """Invoke the function and wait for what it answers.

        Raises AwsError also when the answer took too long; the function may then have done its work, and is asked
        again.
        """
        invocation = {
            "FunctionName": function_arn,
            "InvocationType": "RequestResponse",
            "Payload": json.dumps(payload).encode(),
        }
        answer = self._calls.make(self._client.invoke, invocation)
        text = self._calls.make(cast("_Body", answer["Payload"]).read, {})  # the connection can break here, too
        return _raised(text) if answer.get("FunctionError") else answer_of(text)


def answer_of(text: bytes) -> HookAnswer:
    """What a function's answer says; FAILED, with the reason, when it is none in ECS's words."""
    try:
        answer = json.loads(text)
    except ValueError:
        return _no_answer(f"{text[:100]!r}, which is no JSON")
    if not isinstance(answer, Mapping) or answer.get("hookStatus") not in _STATUSES:
        return _no_answer(f"{json.dumps(answer)[:100]}, without a hookStatus of {', '.join(_STATUSES)}")
    delay = answer.get("callBackDelay", _DEFAULT_DELAY_S)
    if not isinstance(delay, int | float) or isinstance(delay, bool) or not 0 <= delay < float("inf"):
        return _no_answer(f"a callBackDelay of {delay!r}, which is no number of seconds")
    details = answer.get("hookDetails") or {}
    if not isinstance(details, Mapping):
        return _no_answer(f"hookDetails of {details!r:.100}, which is no object")
    try:
        size = len(json.dumps(details, allow_nan=False))
    except ValueError:
        return _no_answer("hookDetails with a number that is none, which cannot be stored")
    if size > _MOST_DETAILS:
        return _no_answer(f"hookDetails of {size} characters: {_MOST_DETAILS} are kept for the next question")
    status = cast("Literal['SUCCEEDED', 'FAILED', 'IN_PROGRESS']", answer["hookStatus"])
    reason = "the hook's function answered FAILED" if status == "FAILED" else ""
    return HookAnswer(status, int(delay), details, reason)


def _no_answer(given: str) -> HookAnswer:
    return HookAnswer("FAILED", reason=f"the hook's function answered {given}")


def _raised(text: bytes) -> HookAnswer:
    try:
        error = json.loads(text)
    except ValueError:
        error = None
    if isinstance(error, Mapping):
        said = f"{error.get('errorType', 'an error')}: {error.get('errorMessage', '')}"
    else:
        said = text.decode(errors="replace")
    return HookAnswer("FAILED", reason=f"the hook's function raised {said[:_LONGEST_REASON]}")
