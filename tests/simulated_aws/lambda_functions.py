"""AWS Lambda, as hooks meet it: functions whose answers are scripted."""

import io
import json
from collections.abc import Callable, Sequence
from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient

Script = Callable[[Answer], object]


class LambdaFunctions(SimulatedClient):
    """The client. `asked` holds the payloads by function, in order."""

    service = "lambda"
    throttle = "TooManyRequestsException"
    failure = "ServiceException"
    exceptions = Exceptions(
        {
            "ResourceNotFoundException": "ResourceNotFoundException",
            "TooManyRequestsException": "TooManyRequestsException",
            "ServiceException": "ServiceException",
        }
    )
    allowed: ClassVar = {"Invoke": {"FunctionName", "InvocationType", "Payload"}}

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.asked: dict[str, list[Answer]] = {}
        self._scripts: dict[str, Script] = {}

    def script(self, function_arn: str, answers: Sequence[object] | Script) -> None:
        """Make a function. It answers these values in order, the last one for ever, or what the callable makes of the
        payload; an exception among them is raised as a function raises."""
        if callable(answers):
            self._scripts[function_arn] = answers
            return
        left = list(answers)
        self._scripts[function_arn] = lambda _payload: left.pop(0) if len(left) > 1 else left[0]

    # the client

    def invoke(self, **arguments: object) -> Answer:
        return self._serve("Invoke", arguments, self._invoke)

    def _invoke(self, arguments: Answer) -> Answer:
        arn = arguments["FunctionName"]
        script = self._scripts.get(arn)
        if script is None:
            raise self.error("Invoke", "ResourceNotFoundException", f"Function not found: {arn}", 404)
        payload = json.loads(arguments.get("Payload", b"null"))
        self.asked.setdefault(arn, []).append(payload)
        try:
            answered = script(payload)
            if isinstance(answered, Exception):
                raise answered
        except Exception as error:  # noqa: BLE001 - whatever a function raises is its answer
            answered = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            failed: Answer = {"FunctionError": "Unhandled"}
        else:
            failed = {}
        if arguments.get("InvocationType", "RequestResponse") == "Event":
            return {"StatusCode": 202, "Payload": io.BytesIO(b"")}
        return {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": io.BytesIO(json.dumps(answered).encode()),
            **failed,
        }
