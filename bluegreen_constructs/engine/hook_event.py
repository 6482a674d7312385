"""What Amazon ECS calls a lifecycle hook with, read once. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One call of a hook.

    details: the hook's own details, or those that its last answer gave. deployment: the service deployment's ARN.
    revision: the ARN of the service revision that is tried.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
    """

    details: Mapping[str, object]
    deployment: str = ""
    revision: str = ""

    @property
    def rollout(self) -> str:
        """The last part of the deployment's ARN, by which the history calls it."""
        return self.deployment.rpartition("/")[2]

    @staticmethod
    def of(event: Mapping[str, object]) -> "HookEvent | None":
        """The call; None when it has no details, so that nobody knows what to do."""
        details = event.get("hookDetails")
        if isinstance(details, str):  # CloudFormation takes them as text, and ECS may hand them on as it got them
            try:
                details = json.loads(details)
            except ValueError:
                return None
        if not isinstance(details, Mapping):
            return None
        execution = event.get("executionDetails")
        revision = execution.get("targetServiceRevisionArn") if isinstance(execution, Mapping) else None
        return HookEvent(details, str(event.get("resourceArn") or ""), str(revision or ""))
