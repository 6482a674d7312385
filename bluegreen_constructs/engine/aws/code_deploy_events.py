"""What became of a lifecycle event, told to AWS CodeDeploy."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/codedeploy/latest/userguide/tutorial-ecs-with-hooks-create-hooks.html
IAM_ACTIONS: Actions = {"codedeploy:PutLifecycleEventHookExecutionStatus": ("deployment group",)}


class _ReportedError(AwsError):
    """The event has an end already."""


class EventsClient(AwsClient, Protocol):
    """The call of a boto3 `codedeploy` client that is used here."""

    def put_lifecycle_event_hook_execution_status(self, **arguments: object) -> Mapping[str, object]: ...


class CodeDeployEvents:
    """`engine.code_deploy_hook.EventReports` on AWS."""

    def __init__(self, client: EventsClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, {"LifecycleEventAlreadyCompleted": _ReportedError})

    def report(self, deployment: str, execution: str, *, succeeded: bool) -> None:
        """One call: PutLifecycleEventHookExecutionStatus. The first report of an event counts."""
        asked = {
            "deploymentId": deployment,
            "lifecycleEventHookExecutionId": execution,
            "status": "Succeeded" if succeeded else "Failed",
        }
        try:
            self._calls.make(self._client.put_lifecycle_event_hook_execution_status, asked)
        except _ReportedError:
            return
