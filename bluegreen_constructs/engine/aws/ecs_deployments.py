"""The deployments of services that Amazon ECS rolls out itself: what it says of them, and what may be asked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, cast

from ..ecs_release import release_name
from ..errors import AwsError
from ..ports import DeploymentGoneError
from ..service_deployments import IN_FLIGHT, DeploymentSeen, RevisionSeen, WaitingHook
from .client_calls import AwsClient, Calls, entries, entry
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
READ_ACTIONS: Actions = {  # deployment, revision, release
    "ecs:DescribeServiceDeployments": ("service deployment",),
    "ecs:DescribeServiceRevisions": ("service revision",),
    "ecs:DescribeTaskDefinition": ("any",),
}
LIST_ACTIONS: Actions = {"ecs:ListServiceDeployments": ("ecs service",)}  # in_flight, latest, and deploy
STOP_ACTIONS: Actions = {"ecs:StopServiceDeployment": ("service deployment",)}
ANSWER_ACTIONS: Actions = {"ecs:ContinueServiceDeployment": ("service deployment",)}
DEPLOY_ACTIONS: Actions = {"ecs:UpdateService": ("ecs service",)}

_MOST_DESCRIBED = 20
"""How many deployments one call describes."""


class _ConflictError(AwsError):
    """The deployment is not in a state in which it can be stopped."""


_KINDS: Mapping[str, type[AwsError]] = {
    "ClusterNotFound": DeploymentGoneError,
    "Conflict": _ConflictError,
    "ServiceDeploymentNotFound": DeploymentGoneError,
    "ServiceNotFound": DeploymentGoneError,
}


class DeploymentsClient(AwsClient, Protocol):
    """The calls of a boto3 `ecs` client that are used here."""

    def list_service_deployments(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_service_deployments(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_service_revisions(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def stop_service_deployment(self, **arguments: object) -> Mapping[str, object]: ...

    def continue_service_deployment(self, **arguments: object) -> Mapping[str, object]: ...

    def update_service(self, **arguments: object) -> Mapping[str, object]: ...


class EcsDeployments:
    """`engine.service_deployments.ServiceDeployments` on AWS."""

    def __init__(self, client: DeploymentsClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)

    def in_flight(self, cluster: str, service: str) -> str:
        """The newest one; a deployment that another has replaced may still be on its way out."""
        asked = {"cluster": cluster, "service": service, "status": list(IN_FLIGHT)}
        briefs = self._listed(asked)
        return str(briefs[0]["serviceDeploymentArn"]) if briefs else ""

    def latest(self, cluster: str, service: str, limit: int = 20) -> Sequence[DeploymentSeen]:
        """At most 20, which is what one call describes."""
        most = min(limit, _MOST_DESCRIBED)
        briefs = self._listed({"cluster": cluster, "service": service, "maxResults": most})[:most]
        return self._described([str(brief["serviceDeploymentArn"]) for brief in briefs]) if briefs else ()

    def deployment(self, arn: str) -> DeploymentSeen:
        """Raises DeploymentGoneError for one that ECS does not know."""
        found = self._described([arn])
        if not found:
            raise DeploymentGoneError(f"Amazon ECS does not know the service deployment {arn}")
        return found[0]

    def revision(self, arn: str) -> RevisionSeen:
        """The group is the one that its tasks are in, not the one that the service names first."""
        answer = self._calls.make(self._client.describe_service_revisions, {"serviceRevisionArns": [arn]})
        found = entries(answer, "serviceRevisions")
        if not found:
            raise AwsError(f"Amazon ECS does not know the service revision {arn}")
        balancers = entries(entry(found[0], "resolvedConfiguration"), "loadBalancers")
        group = balancers[0].get("targetGroupArn") if balancers else ""
        return RevisionSeen(arn, str(found[0]["taskDefinition"]), str(group or ""))

    def release(self, task_definition: str, container: str) -> str:
        """Raises AwsError for a task definition without any container, too."""
        asked = {"taskDefinition": task_definition}
        answer = self._calls.make(self._client.describe_task_definition, asked)
        return release_name(entry(answer, "taskDefinition"), container)

    def stop(self, arn: str) -> None:
        """One more call, DescribeServiceDeployments, when ECS says that it cannot be stopped as it is."""
        asked = {"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}
        try:
            self._calls.make(self._client.stop_service_deployment, asked)
        except _ConflictError:
            seen = self.deployment(arn)
            if seen.status not in _BACK:
                raise

    def answer(self, arn: str, hook_id: str, *, go_on: bool) -> None:
        """Raises AwsError for a hook that waits no more."""
        asked = {"serviceDeploymentArn": arn, "hookId": hook_id, "action": "CONTINUE" if go_on else "ROLLBACK"}
        self._calls.make(self._client.continue_service_deployment, asked)

    def deploy(self, cluster: str, service: str, task_definition: str) -> str:
        """One call, UpdateService, between two looks at what is in flight: which one is its own, ECS does not say."""
        before = self.in_flight(cluster, service)
        asked = {"cluster": cluster, "service": service, "taskDefinition": task_definition}
        self._calls.make(self._client.update_service, asked)
        after = self.in_flight(cluster, service)
        return after if after != before else ""

    def _listed(self, asked: Mapping[str, object]) -> list[Mapping[str, object]]:
        answer = self._calls.make(self._client.list_service_deployments, asked)
        return sorted(entries(answer, "serviceDeployments"), key=_created_at, reverse=True)

    def _described(self, arns: Sequence[str]) -> list[DeploymentSeen]:
        asked = {"serviceDeploymentArns": list(arns)}
        answer = self._calls.make(self._client.describe_service_deployments, asked)
        return [_seen(one) for one in sorted(entries(answer, "serviceDeployments"), key=_created_at, reverse=True)]


_BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"})


def _seen(given: Mapping[str, object]) -> DeploymentSeen:
    target, alarms = entry(given, "targetServiceRevision"), entry(given, "alarms")
    weight = target.get("requestedProductionTrafficWeight")
    triggered = cast("Sequence[str]", alarms.get("triggeredAlarmNames") or ())
    return DeploymentSeen(
        arn=str(given["serviceDeploymentArn"]),
        status=str(given["status"]),
        stage=str(given.get("lifecycleStage") or ""),
        reason=str(given.get("statusReason") or ""),
        created_at=_created_at(given),
        source=source_of(given),
        target=str(target.get("arn") or ""),
        weight=None if weight is None else float(str(weight)),
        finished_at=_instant(given.get("finishedAt")),
        waiting=tuple(_waiting(hook) for hook in entries(given, "lifecycleHookDetails") if _waits(hook)),
        alarms_status=str(alarms.get("status") or ""),
        triggered=tuple(map(str, triggered)),
    )


def source_of(given: Mapping[str, object]) -> str:
    """What a rollback goes back to: of several, as after a deployment that was replaced, the one with most traffic."""
    sources = entries(given, "sourceServiceRevisions")
    most = max(sources, key=lambda one: float(str(one.get("requestedProductionTrafficWeight") or 0)), default=None)
    return "" if most is None else str(most.get("arn") or "")


def _waits(hook: Mapping[str, object]) -> bool:
    return hook.get("targetType") == "PAUSE" and hook.get("status") == "AWAITING_ACTION"


def _waiting(hook: Mapping[str, object]) -> WaitingHook:
    action = str(hook.get("timeoutAction") or "ROLLBACK")
    return WaitingHook(str(hook.get("hookId") or ""), _instant(hook.get("expiresAt")), action)


def _created_at(given: Mapping[str, object]) -> datetime:
    return _instant(given.get("createdAt")) or datetime.fromtimestamp(0, UTC)


def _instant(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None
