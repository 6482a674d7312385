"""The deployments that AWS CodeDeploy makes: what it says of them, and what may be asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from ..app_spec import task_definition_in
from ..code_deployments import (
    IN_FLIGHT,
    CodeDeploymentSeen,
    DeploymentHeldError,
    DeploymentOverError,
    EventSeen,
    NotWaitingError,
    Progress,
    StoredArchive,
)
from ..errors import AwsError
from .client_calls import AwsClient, Calls, entries, entry, number

# `*` where the reference gives an action no type of resource: a policy on a deployment group would deny those.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodedeploy.html
IAM_ACTIONS: Mapping[str, str] = {
    "codedeploy:BatchGetDeployments": "deploymentgroup",
    "codedeploy:BatchGetDeploymentTargets": "*",
    "codedeploy:ContinueDeployment": "*",
    "codedeploy:CreateDeployment": "deploymentgroup",
    "codedeploy:GetApplicationRevision": "application",
    # CreateDeployment is refused without it.
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    "codedeploy:GetDeploymentConfig": "deploymentconfig",
    "codedeploy:GetDeployment": "deploymentgroup",
    "codedeploy:ListDeployments": "deploymentgroup",
    "codedeploy:RegisterApplicationRevision": "application",
    "codedeploy:StopDeployment": "*",
}
"""What an operator needs, each with the type of resource that CodeDeploy checks it on; no function of ours has it."""

_MOST_DESCRIBED = 25
"""How many deployments one call describes."""


class _NotStartedError(AwsError):
    """The deployment has no targets yet."""


_KINDS: Mapping[str, type[AwsError]] = {
    "DeploymentAlreadyCompleted": DeploymentOverError,
    "DeploymentIsNotInReadyState": NotWaitingError,
    "DeploymentLimitExceeded": DeploymentHeldError,
    "DeploymentNotStarted": _NotStartedError,
    "DeploymentTargetDoesNotExist": _NotStartedError,
}


class CodeDeployClient(AwsClient, Protocol):
    """The calls of a boto3 `codedeploy` client that are used here."""

    def list_deployments(self, **arguments: object) -> Mapping[str, object]: ...

    def batch_get_deployments(self, **arguments: object) -> Mapping[str, object]: ...

    def batch_get_deployment_targets(self, **arguments: object) -> Mapping[str, object]: ...

    def get_deployment(self, **arguments: object) -> Mapping[str, object]: ...

    def get_application_revision(self, **arguments: object) -> Mapping[str, object]: ...

    def create_deployment(self, **arguments: object) -> Mapping[str, object]: ...

    def continue_deployment(self, **arguments: object) -> Mapping[str, object]: ...

    def stop_deployment(self, **arguments: object) -> Mapping[str, object]: ...


class AwsCodeDeployments:
    """`engine.code_deployments.CodeDeployments` on AWS."""

    def __init__(self, client: CodeDeployClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)

    def in_flight(self, application: str, group: str) -> str:
        """At most one is: a group takes no second one."""
        ids = self._listed(application, group, {"includeOnlyStatuses": list(IN_FLIGHT)})
        return ids[0] if ids else ""

    def latest(self, application: str, group: str, limit: int = 20) -> Sequence[CodeDeploymentSeen]:
        """Of the first page, which CodeDeploy fills with the newest, at most 25, which is what one call describes."""
        ids = self._listed(application, group, {})[: min(limit, _MOST_DESCRIBED)]
        if not ids:
            return ()
        answer = self._calls.make(self._client.batch_get_deployments, {"deploymentIds": ids})
        found = [_seen(one) for one in entries(answer, "deploymentsInfo")]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def deployment(self, id: str) -> CodeDeploymentSeen:
        """Raises AwsError for one that CodeDeploy does not know, too."""
        answer = self._calls.make(self._client.get_deployment, {"deploymentId": id})
        return _seen(entry(answer, "deploymentInfo"))

    def progress(self, id: str, cluster: str, service: str) -> Progress:
        """A target of the platform ECS goes by `<cluster>:<service>`.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentTargets.html
        """
        asked = {"deploymentId": id, "targetIds": [f"{cluster}:{service}"]}
        try:
            answer = self._calls.make(self._client.batch_get_deployment_targets, asked)
        except _NotStartedError:
            return Progress()
        targets = [entry(one, "ecsTarget") for one in entries(answer, "deploymentTargets")]
        return _progress(targets[0]) if targets else Progress()

    def task_definition(self, application: str, revision: str) -> str:
        """GetDeployment may leave out the AppSpec's content, and this call has it; empty when it names none."""
        location = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": revision}}
        asked = {"applicationName": application, "revision": location}
        answer = self._calls.make(self._client.get_application_revision, asked)
        return task_definition_in(_content(entry(answer, "revision")))

    def create(self, application: str, group: str, app_spec: str, description: str) -> str:
        """The group says everything else: configuration, waits, alarms, and what is taken back."""
        asked = {
            "applicationName": application,
            "deploymentGroupName": group,
            "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": app_spec}},
            "description": description,
        }
        return str(self._calls.make(self._client.create_deployment, asked)["deploymentId"])

    def create_on_instances(
        self,
        application: str,
        group: str,
        archive: StoredArchive,
        tags: Mapping[str, str],
        description: str,
        *,
        alarms: Sequence[str] | None = None,
    ) -> str:
        """By a set of tag groups, of which an instance needs one tag each; of `tagFilters` any one would do.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TargetInstances.html
        https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-tagging.html

        Other alarms than the group's are good for this one deployment.
        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
        """
        stored = {"bucket": archive.bucket, "key": archive.key, "bundleType": "zip"}
        wanted = [[{"Key": key, "Value": value, "Type": "KEY_AND_VALUE"}] for key, value in tags.items()]
        asked: dict[str, object] = {
            "applicationName": application,
            "deploymentGroupName": group,
            "revision": {"revisionType": "S3", "s3Location": stored},
            "targetInstances": {"ec2TagSet": {"ec2TagSetList": wanted}},
            "description": description,
        }
        if alarms is not None:
            asked["overrideAlarmConfiguration"] = {
                "enabled": bool(alarms),
                "ignorePollAlarmFailure": False,
                "alarms": [{"name": name} for name in alarms],
            }
        return str(self._calls.make(self._client.create_deployment, asked)["deploymentId"])

    def proceed(self, id: str) -> None:
        """Ends the wait before traffic moves, not the one before the original is terminated."""
        asked = {"deploymentId": id, "deploymentWaitType": "READY_WAIT"}
        self._calls.make(self._client.continue_deployment, asked)

    def stop(self, id: str) -> None:
        """Takes it back also where the group's own settings would leave it stopped where it is."""
        self._calls.make(self._client.stop_deployment, {"deploymentId": id, "autoRollbackEnabled": True})

    def _listed(self, application: str, group: str, only: Mapping[str, object]) -> list[str]:
        asked = {"applicationName": application, "deploymentGroupName": group, **only}
        answer = self._calls.make(self._client.list_deployments, asked)
        return list(map(str, cast("Sequence[object]", answer.get("deployments") or ())))


def _seen(given: Mapping[str, object]) -> CodeDeploymentSeen:
    error, rollback, revision = entry(given, "errorInformation"), entry(given, "rollbackInfo"), entry(given, "revision")
    waits = entry(given, "blueGreenDeploymentConfiguration")
    ready, after = entry(waits, "deploymentReadyOption"), entry(waits, "terminateBlueInstancesOnDeploymentSuccess")
    back = entry(given, "autoRollbackConfiguration")
    return CodeDeploymentSeen(
        id=str(given["deploymentId"]),
        status=str(given.get("status") or ""),
        created_at=_instant(given.get("createTime")) or datetime.fromtimestamp(0, UTC),
        description=str(given.get("description") or ""),
        creator=str(given.get("creator") or "user"),
        finished_at=_instant(given.get("completeTime")),
        task_definition=task_definition_in(_content(revision)),
        revision=_name_of(revision),
        configuration=str(given.get("deploymentConfigName") or ""),
        error=str(error.get("message") or ""),
        error_code=str(error.get("code") or ""),
        rolled_back_by=str(rollback.get("rollbackDeploymentId") or ""),
        rolls_back=str(rollback.get("rollbackTriggeringDeploymentId") or ""),
        rollback_message=str(rollback.get("rollbackMessage") or ""),
        approval=_minutes(ready, "waitTimeInMinutes") if ready.get("actionOnTimeout") == "STOP_DEPLOYMENT" else None,
        keeps=_minutes(after, "terminationWaitTimeInMinutes"),
        keeps_now=bool(given.get("instanceTerminationWaitTimeStarted")),
        goes_back_on=tuple(map(str, cast("Sequence[object]", back.get("events") or ()))) if back.get("enabled") else (),
        group=str(given.get("deploymentGroupName") or ""),
    )


def _progress(target: Mapping[str, object]) -> Progress:
    sets = entries(target, "taskSetsInfo")
    weight = next((one.get("trafficWeight") for one in sets if one.get("taskSetLabel") == "Green"), None)
    return Progress(
        events=tuple(_event(one) for one in entries(target, "lifecycleEvents")),
        weight=None if weight is None else float(str(weight)),
    )


def _event(given: Mapping[str, object]) -> EventSeen:
    name, status = str(given.get("lifecycleEventName") or ""), str(given.get("status") or "")
    trouble = str(entry(given, "diagnostics").get("message") or "") if status == "Failed" else ""
    return EventSeen(name, status, _instant(given.get("endTime")), trouble)


def _content(revision: Mapping[str, object]) -> str:
    """The AppSpec, which older deployments have as a revision of the type String."""
    return str(entry(revision, "appSpecContent").get("content") or entry(revision, "string").get("content") or "")


def _name_of(revision: Mapping[str, object]) -> str:
    stored = entry(revision, "s3Location")
    if stored:
        return f"s3://{stored.get('bucket')}/{stored.get('key')}"
    return str(entry(revision, "appSpecContent").get("sha256") or "")


def _minutes(given: Mapping[str, object], name: str) -> timedelta:
    return timedelta(minutes=number(given, name))


def _instant(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
