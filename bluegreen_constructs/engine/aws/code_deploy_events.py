"""What became of a lifecycle event, told to AWS CodeDeploy."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# The service authorization reference has no resource for it; CodeDeploy's own guide names the deployment group. A
# policy on a resource that the action does not know denies it, in the middle of a deployment: so all of them.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodedeploy.html
IAM_ACTIONS: Actions = {"codedeploy:PutLifecycleEventHookExecutionStatus": ("any",)}


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
