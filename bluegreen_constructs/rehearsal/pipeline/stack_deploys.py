"""CloudFormation actions: real calls of the emulator's CloudFormation, and CodePipeline's way of waiting for the end.

https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..emulator.coverage import uncovered
from .action_work import ActionFailedError, Done, How, Work

Wait = Callable[[Callable[[], bool], str], None]
"""Waits until something holds; what it is, for the error when it does not."""

_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_NO_STACK = "does not exist"
# What CloudFormation says of an update or a change set that would change nothing.
_NOTHING = ("No updates are to be performed", "didn't contain changes")
_LONGEST_BODY = 51_200


@dataclass(frozen=True)
class StackDeploys:
    """Creates and updates stacks from templates in artefacts, or change sets that are executed by a later action.

    What would change nothing succeeds: the CDK's pipelines deploy every stack so in each execution, and its command
    line keeps empty change sets for this action. https://github.com/aws/aws-cdk/pull/12683

    A parameter that the action does not override has the template's default. upload: puts a template where
    CloudFormation reads one that is too long for a call.
    """

    cloudformation: Any
    wait: Wait
    upload: Callable[[str], str]

    def run(self, work: Work) -> Done:
        """Do what the action's mode says, to its end."""
        match work.required("ActionMode"):
            case "CREATE_UPDATE":
                return self._create_or_update(work)
            case "CHANGE_SET_REPLACE":
                return self._replace_change_set(work)
            case "CHANGE_SET_EXECUTE":
                return self._execute_change_set(work)
            case mode:
                raise work.not_covered(f"has the mode {mode}")

    def _create_or_update(self, work: Work) -> Done:
        stack = work.required("StackName")
        call = self.cloudformation.update_stack if self._status(stack) else self.cloudformation.create_stack
        try:
            call(StackName=stack, **self._asked(work))
        except self.cloudformation.exceptions.ClientError as error:
            if _changes_nothing(_said(error)):
                return self._done(stack, "nothing to change")
            raise ActionFailedError(_said(error)) from error
        return self._ended(stack)

    def _replace_change_set(self, work: Work) -> Done:
        stack, name = work.required("StackName"), work.required("ChangeSetName")
        status = self._status(stack)
        kind = "CREATE" if status in ("", "REVIEW_IN_PROGRESS") else "UPDATE"
        try:
            if status:
                self.cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
            self.cloudformation.create_change_set(
                StackName=stack, ChangeSetName=name, ChangeSetType=kind, **self._asked(work)
            )
        except self.cloudformation.exceptions.ClientError as error:
            raise ActionFailedError(_said(error)) from error
        self.wait(
            lambda: self._change_set(stack, name)["Status"] in ("CREATE_COMPLETE", "FAILED"), f"{name} of {stack}"
        )
        made = self._change_set(stack, name)
        if made["Status"] == "FAILED" and not _changes_nothing(made.get("StatusReason", "")):
            raise ActionFailedError(f"the change set {name} of {stack}: {made.get('StatusReason')}")
        changed = [one["ResourceChange"]["LogicalResourceId"] for one in made.get("Changes", ())]
        return Done(How.REAL, f"{stack}: a change set of {', '.join(changed) or 'nothing'}", {"StackName": stack})

    def _execute_change_set(self, work: Work) -> Done:
        stack, name = work.required("StackName"), work.required("ChangeSetName")
        made = self._change_set(stack, name)
        if made["Status"] == "FAILED" and _changes_nothing(made.get("StatusReason", "")):
            return self._done(stack, "nothing to change")
        try:
            self.cloudformation.execute_change_set(StackName=stack, ChangeSetName=name)
        except self.cloudformation.exceptions.ClientError as error:
            raise ActionFailedError(_said(error)) from error
        return self._ended(stack)

    def _asked(self, work: Work) -> dict[str, object]:
        template = work.file(work.required("TemplatePath")).read_text(encoding="utf-8")
        if found := uncovered(json.loads(template)):
            raise work.not_covered(f"deploys {'; '.join(str(one) for one in found)}")
        is_short = len(template.encode()) <= _LONGEST_BODY
        overrides = json.loads(work.configuration.get("ParameterOverrides", "{}"))
        capabilities = work.configuration.get("Capabilities", "")
        role = work.configuration.get("RoleArn")
        return {
            **({"TemplateBody": template} if is_short else {"TemplateURL": self.upload(template)}),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": str(value)} for key, value in sorted(overrides.items())
            ],
            "Capabilities": [one.strip() for one in capabilities.split(",") if one.strip()],
            **({"RoleARN": role} if role else {}),
        }

    def _ended(self, stack: str) -> Done:
        def has_ended() -> bool:
            return not self._status(stack).endswith("_IN_PROGRESS")

        self.wait(has_ended, f"the end of the update of {stack}")
        status = self._status(stack)
        if status not in _GOOD:
            raise ActionFailedError(f"{stack} ended {status}: {self._first_failure(stack)}")
        return self._done(stack, status)

    def _done(self, stack: str, said: str) -> Done:
        """The stack's outputs are the action's variables."""
        (described,) = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {str(one["OutputKey"]): str(one["OutputValue"]) for one in described.get("Outputs", ())}
        return Done(How.REAL, f"{stack}: {said}", outputs)

    def _status(self, stack: str) -> str:
        """The stack's status, "" when there is none."""
        try:
            (described,) = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except self.cloudformation.exceptions.ClientError as error:
            if _NO_STACK in _said(error):
                return ""
            raise
        return str(described["StackStatus"])

    def _change_set(self, stack: str, name: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self.cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        except self.cloudformation.exceptions.ClientError as error:
            raise ActionFailedError(_said(error)) from error
        return found

    def _first_failure(self, stack: str) -> str:
        """What CodePipeline shows of a failed stack: the first resource of the last update that failed."""
        reason = "no resource says why"
        for event in self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:  # the newest first
            status, logical_id = event["ResourceStatus"], event["LogicalResourceId"]
            if status.endswith("_FAILED"):
                reason = f"{logical_id}: {event.get('ResourceStatusReason', status)}"
            if logical_id == stack and status in ("UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS"):
                break
        return reason


def _said(error: Any) -> str:
    return str(error.response["Error"]["Message"])


def _changes_nothing(reason: str) -> bool:
    return any(said in reason for said in _NOTHING)
