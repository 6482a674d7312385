"""Step Functions actions: a real execution in the emulator, and its end.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-StepFunctions.html
"""

from dataclasses import dataclass
from typing import Any

from .action_work import ActionFailedError, Done, How, Work
from .stack_deploys import Wait


@dataclass(frozen=True)
class StateMachineRuns:
    """Starts the state machine with the action's input, and succeeds when the execution does."""

    stepfunctions: Any
    wait: Wait

    def run(self, work: Work) -> Done:
        """Start it, and wait for its end."""
        if work.outputs:
            raise work.not_covered("keeps the execution's output as an artefact")
        machine = work.required("StateMachineArn")
        prefix = work.configuration.get("ExecutionNamePrefix")
        try:
            started = self.stepfunctions.start_execution(
                stateMachineArn=machine, name=f"{prefix}-{work.id}" if prefix else work.id, input=_input(work)
            )
        except self.stepfunctions.exceptions.ClientError as error:
            raise ActionFailedError(str(error.response["Error"]["Message"])) from error
        execution = str(started["executionArn"])

        def found() -> dict[str, Any]:
            answer: dict[str, Any] = self.stepfunctions.describe_execution(executionArn=execution)
            return answer

        self.wait(lambda: found()["status"] != "RUNNING", f"the end of the execution {execution}")
        ended = found()
        if ended["status"] != "SUCCEEDED":
            why = " ".join(filter(None, (ended.get("error"), ended.get("cause"))))
            raise ActionFailedError(f"the execution {execution} ended {ended['status']}: {why}")
        return Done(
            How.REAL, f"the execution {execution} succeeded", {"StateMachineArn": machine, "ExecutionArn": execution}
        )


def _input(work: Work) -> str:
    match work.configuration.get("InputType", "Literal"):
        case "Literal":
            return work.configuration.get("Input", "{}")
        case "FilePath":
            if not work.inputs:
                raise ActionFailedError("the input is a file, and the action has no input artefact")
            first = next(iter(work.inputs))
            return work.file(f"{first}::{work.required('Input')}").read_text(encoding="utf-8")
        case kind:
            raise ActionFailedError(f"InputType is {kind!r}: CodePipeline takes Literal and FilePath")
