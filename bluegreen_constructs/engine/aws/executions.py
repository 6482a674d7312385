"""The state machine's executions on Step Functions."""

import json
from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
READ_ACTIONS: Actions = {"states:DescribeExecution": ("execution",)}
WRITE_ACTIONS: Actions = {
    "states:StartExecution": ("state machine",),
    "states:StopExecution": ("execution",),
}
IAM_ACTIONS: Actions = {**READ_ACTIONS, **WRITE_ACTIONS}

# StopExecution's own limits, in characters.
_LONGEST_CAUSE = 32_768
_ERROR = "Aborted"


class _TakenError(AwsError):
    """An execution with this name was there, with other input, or has closed."""


class _UnknownError(AwsError):
    """There is no such execution, or Step Functions does not see it yet."""


class _InvalidError(AwsError):
    """Step Functions does not take the call for this execution."""


_KINDS: Mapping[str, type[AwsError]] = {
    "ExecutionAlreadyExists": _TakenError,
    "ExecutionDoesNotExist": _UnknownError,
    "InvalidArn": _UnknownError,
    "ValidationException": _InvalidError,
}


class StepFunctionsClient(AwsClient, Protocol):
    """The calls of a boto3 `stepfunctions` client that are used here."""

    def start_execution(self, **arguments: object) -> Mapping[str, object]: ...

    def stop_execution(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_execution(self, **arguments: object) -> Mapping[str, object]: ...


class StepFunctionsExecutions:
    """`engine.ports.Executions` on AWS, of one state machine (a standard one)."""

    def __init__(
        self, client: StepFunctionsClient, state_machine_arn: str, transport_errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._state_machine_arn = state_machine_arn
        self._calls = Calls(client, transport_errors, _KINDS)

    def arn_of(self, name: str) -> str:
        """The ARN that the state machine's execution with this name has."""
        parts = self._state_machine_arn.split(":")
        return ":".join([*parts[:5], "execution", *parts[6:], name])

    def start(self, name: str, request: Mapping[str, object]) -> str:
        """Start one, or find the one that an earlier try has started, also when it has closed since.

        Raises AwsError when the name was used with other input; it is free again 90 days after that one closed.
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        text = json.dumps(request, sort_keys=True)
        try:
            answer = self._calls.make(
                self._client.start_execution,
                {"stateMachineArn": self._state_machine_arn, "name": name, "input": text},
            )
        except _TakenError as error:
            described = self._calls.make(self._client.describe_execution, {"executionArn": self.arn_of(name)})
            if described.get("input") and json.loads(str(described["input"])) == json.loads(text):
                return self.arn_of(name)
            raise AwsError(
                f"an execution named {name} was started before, with other input: give another name"
            ) from error
        return str(answer["executionArn"])

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop one; one that is over, or that is not known, is no error."""
        if not execution_arn:
            return
        arguments = {"executionArn": execution_arn, "error": _ERROR, "cause": cause[:_LONGEST_CAUSE]}
        try:
            self._calls.make(self._client.stop_execution, arguments)
        except _UnknownError:
            return
        except _InvalidError:
            if self.is_running(execution_arn):
                raise

    def is_running(self, execution_arn: str) -> bool:
        """Whether it still runs. One that was started seconds ago may not be seen yet."""
        if not execution_arn:
            return False
        try:
            answer = self._calls.make(self._client.describe_execution, {"executionArn": execution_arn})
        except _UnknownError:
            return False
        return answer.get("status") == "RUNNING"
