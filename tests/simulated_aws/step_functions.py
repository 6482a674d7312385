"""AWS Step Functions: executions, as its API shows them. `state_machine` plays what happens in them."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, SimulatedClient

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ARN = "arn:aws:states:us-east-1:123456789012"
STATE_MACHINE_ARN = f"{_ARN}:stateMachine:RolloutEngine"


@dataclass(slots=True, eq=False)
class Execution:
    """One execution.

    state: the name of the state it is in. due: when that state is entered, or tried again. entered: when it was, which
    its function is told, also when it is tried again. data: its state input.
    """

    arn: str
    name: str
    input: Answer
    started_at: float
    due: float
    state: str = ""
    data: Answer = field(default_factory=dict)
    tries: int = 0
    entered: float = 0.0
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""
    output: Answer | None = None
    stopped_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"


class StepFunctions(SimulatedClient):
    """The client. While `faults.outage("stepfunctions")` lasts, executions do not move on either."""

    service = "stepfunctions"
    failure = "InternalFailure"
    exceptions = Exceptions(
        {
            "ExecutionAlreadyExists": "ExecutionAlreadyExists",
            "ExecutionDoesNotExist": "ExecutionDoesNotExist",
            "StateMachineDoesNotExist": "StateMachineDoesNotExist",
            "InvalidName": "InvalidName",
            "InvalidExecutionInput": "InvalidExecutionInput",
            "InvalidArn": "InvalidArn",
        }
    )
    allowed: ClassVar = {
        "StartExecution": {"stateMachineArn", "name", "input"},
        "StopExecution": {"executionArn", "error", "cause"},
        "DescribeExecution": {"executionArn"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.executions: dict[str, Execution] = {}
        self.started: list[Execution] = []  # those that nobody plays yet

    # the client

    def start_execution(self, **arguments: object) -> Answer:
        return self._serve("StartExecution", arguments, self._start)

    def stop_execution(self, **arguments: object) -> Answer:
        return self._serve("StopExecution", arguments, self._stop)

    def describe_execution(self, **arguments: object) -> Answer:
        return self._serve("DescribeExecution", arguments, self._describe)

    def _start(self, arguments: Answer) -> Answer:
        if arguments["stateMachineArn"] != STATE_MACHINE_ARN:
            raise self.error(
                "StartExecution", "StateMachineDoesNotExist", f"{arguments['stateMachineArn']} does not exist"
            )
        name = arguments.get("name", f"execution-{len(self.executions)}")
        if not _NAME.fullmatch(name):
            raise self.error("StartExecution", "InvalidName", f"Invalid Name: '{name}'")
        arn = f"{_ARN}:execution:RolloutEngine:{name}"
        try:
            given = json.loads(arguments.get("input", "{}"))
        except ValueError as error:
            raise self.error(
                "StartExecution", "InvalidExecutionInput", "Invalid State Machine Execution Input"
            ) from error
        known = self.executions.get(arn)
        if known is None:
            now = self._world.now
            known = self.executions[arn] = Execution(arn, name, given, now, now, data=given)
            self.started.append(known)
        elif not known.is_running or known.input != given:
            # The same name with the same input is answered as done, while the execution runs.
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
            raise self.error("StartExecution", "ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return {"executionArn": arn, "startDate": datetime.fromtimestamp(known.started_at, UTC)}

    def _stop(self, arguments: Answer) -> Answer:
        execution = self._known("StopExecution", arguments["executionArn"])
        if execution.is_running:
            execution.status = "ABORTED"
            execution.error, execution.cause = arguments.get("error", ""), arguments.get("cause", "")
            execution.stopped_at = self._world.now
        return {"stopDate": datetime.fromtimestamp(execution.stopped_at or 0, UTC)}

    def _describe(self, arguments: Answer) -> Answer:
        execution = self._known("DescribeExecution", arguments["executionArn"])
        answer: Answer = {
            "executionArn": execution.arn,
            "stateMachineArn": STATE_MACHINE_ARN,
            "name": execution.name,
            "status": execution.status,
            "startDate": datetime.fromtimestamp(execution.started_at, UTC),
            "input": json.dumps(execution.input),
        }
        if execution.stopped_at is not None:
            answer["stopDate"] = datetime.fromtimestamp(execution.stopped_at, UTC)
        if execution.output is not None:
            answer["output"] = json.dumps(execution.output)
        if execution.status in {"FAILED", "ABORTED", "TIMED_OUT"}:
            answer |= {"error": execution.error, "cause": execution.cause}
        return answer

    def _known(self, operation: str, arn: str) -> Execution:
        if not arn.startswith(f"{_ARN}:execution:"):
            raise self.error(operation, "InvalidArn", f"Invalid Arn: '{arn}'")
        if arn not in self.executions:
            raise self.error(operation, "ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]
