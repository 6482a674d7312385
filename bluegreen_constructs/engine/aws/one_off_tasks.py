"""One-off tasks on Amazon ECS: a service revision's task definition, run once with another command."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from ..errors import AwsError
from ..migration import MigrationTask, names_of
from ..one_off_tasks import LaunchMarks, NotLaunchedError, RevisionToRun, TaskSeen
from .client_calls import AwsClient, Calls, entries, entry
from .ecs_deployments import source_of
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
# What a deployment takes the place of.
SOURCE_ACTIONS: Actions = {"ecs:DescribeServiceDeployments": ("service deployment",)}
IAM_ACTIONS: Actions = {
    **SOURCE_ACTIONS,
    "ecs:DescribeServiceRevisions": ("service revision",),
    "ecs:DescribeTaskDefinition": ("any",),
    "ecs:DescribeTasks": ("task",),
    "ecs:ListTasks": ("tasks of the cluster",),
    "ecs:RunTask": ("task definition",),
    "ecs:StopTask": ("task",),
    "iam:PassRole": ("task role",),
}

_STOPPED = "STOPPED"
_MOST_REASON = 255
# A task on Spot capacity is stopped when AWS wants it back, in the middle of a migration, too.
_SPOT = "FARGATE_SPOT"
_FARGATE = {"FARGATE", _SPOT}


class OneOffTaskClient(AwsClient, Protocol):
    """The calls of a boto3 `ecs` client that are used here."""

    def describe_service_deployments(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_service_revisions(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_tasks(self, **arguments: object) -> Mapping[str, object]: ...

    def list_tasks(self, **arguments: object) -> Mapping[str, object]: ...

    def run_task(self, **arguments: object) -> Mapping[str, object]: ...

    def stop_task(self, **arguments: object) -> Mapping[str, object]: ...


class EcsOneOffTasks:
    """`engine.one_off_tasks.OneOffTasks` on AWS."""

    def __init__(self, client: OneOffTaskClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def source(self, deployment: str) -> str:
        """Of several source revisions, as after a deployment that was replaced, the one with most traffic."""
        arguments = {"serviceDeploymentArns": [deployment]}
        answer = self._calls.make(self._client.describe_service_deployments, arguments)
        found = _only(answer, "serviceDeployments", deployment)
        return source_of(found)

    def revision(self, arn: str) -> RevisionToRun:
        """With what RunTask needs; a service on Fargate Spot has its migrations run on Fargate."""
        answer = self._calls.make(self._client.describe_service_revisions, {"serviceRevisionArns": [arn]})
        found = _only(answer, "serviceRevisions", arn)
        images = {
            str(one.get("containerName")): names_of(str(one.get("image") or ""), str(one.get("imageDigest") or ""))
            for one in entries(found, "containerImages")
        }
        return RevisionToRun(str(found["clusterArn"]), str(found["taskDefinition"]), images, _placement(found))

    def run(self, revision: RevisionToRun, container: str, migration: MigrationTask, marks: LaunchMarks) -> str:
        """A lost answer is found again by the token, which DescribeTasks does not tell: the group says whose it is."""
        variables = [{"name": name, "value": value} for name, value in migration.environment.items()]
        changed: dict[str, object] = {"name": container, "command": list(migration.command)}
        overrides: dict[str, object] = {
            "containerOverrides": [{**changed, "environment": variables} if variables else changed]
        }
        if migration.cpu is not None:
            overrides["cpu"] = str(migration.cpu)
        if migration.memory_mib is not None:
            overrides["memory"] = str(migration.memory_mib)
        arguments = {
            "cluster": revision.cluster,
            "taskDefinition": revision.task_definition,
            "count": 1,
            "overrides": overrides,
            "clientToken": marks.token,
            "startedBy": marks.started_by,
            "group": marks.group,
            **revision.placement,
        }
        answer = self._calls.make(self._client.run_task, arguments)
        tasks = entries(answer, "tasks")
        if not tasks:
            why = "; ".join(f"{one.get('reason')} {one.get('detail') or ''}".strip() for one in _failures(answer))
            raise NotLaunchedError(f"Amazon ECS launched no task: {why or 'it does not say why'}")
        return str(tasks[0]["taskArn"])

    def running(self, cluster: str, started_by: str) -> Sequence[str]:
        """By what they were started by, which has to be the only filter; those that are being stopped are not listed.

        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
        """
        asked: dict[str, object] = {"cluster": cluster, "startedBy": started_by}
        found: list[str] = []
        while True:
            answer = self._calls.make(self._client.list_tasks, asked)
            found += [str(arn) for arn in cast("list[object]", answer.get("taskArns") or [])]
            if not answer.get("nextToken"):
                return found
            asked = {**asked, "nextToken": answer["nextToken"]}

    def seen(self, cluster: str, task: str, container: str) -> TaskSeen:
        """An exit code of the container ends it, although a container beside it goes on."""
        answer = self._calls.make(self._client.describe_tasks, {"cluster": cluster, "tasks": [task]})
        found = _only(answer, "tasks", task)
        own = next((one for one in entries(found, "containers") if one.get("name") == container), {})
        is_stopped = found.get("lastStatus") == _STOPPED
        code = own.get("exitCode")
        said = (own.get("reason"), found.get("stoppedReason"))
        return TaskSeen(
            has_ended=is_stopped or (own.get("lastStatus") == _STOPPED and code is not None),
            exit_code=None if code is None else int(str(code)),
            is_stopped=is_stopped,
            reason="; ".join(str(one) for one in said if one),
            group=str(found.get("group") or ""),
        )

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """A task that has stopped already is none to stop, and no error."""
        arguments = {"cluster": cluster, "task": task, "reason": reason[:_MOST_REASON]}
        self._calls.make(self._client.stop_task, arguments)

    def log_stream(self, task_definition: str, container: str, task: str) -> str:
        """Of the driver awslogs with a prefix, as `group/prefix/container/task`.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
        """
        answer = self._calls.make(self._client.describe_task_definition, {"taskDefinition": task_definition})
        for one in entries(entry(answer, "taskDefinition"), "containerDefinitions"):
            if one.get("name") == container:
                log = entry(one, "logConfiguration")
                options = entry(log, "options")
                group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
                if log.get("logDriver") == "awslogs" and group and prefix:
                    return f"{prefix}/{container}/{task.rpartition('/')[2]} of {group}"
        return ""


def _placement(revision: Mapping[str, object]) -> Mapping[str, object]:
    providers = entries(revision, "capacityProviderStrategy")
    on_fargate = any(one.get("capacityProvider") in _FARGATE for one in providers)
    found: dict[str, object] = {}
    if providers and not on_fargate:
        found["capacityProviderStrategy"] = providers
    elif on_fargate or revision.get("launchType"):
        found["launchType"] = "FARGATE" if on_fargate else revision["launchType"]
    if found.get("launchType") == "FARGATE" and revision.get("platformVersion"):
        found["platformVersion"] = revision["platformVersion"]
    if revision.get("networkConfiguration"):
        found["networkConfiguration"] = revision["networkConfiguration"]
    return found


def _failures(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    return entries(answer, "failures")


def _only(answer: Mapping[str, object], name: str, arn: str) -> Mapping[str, object]:
    """The one object that was asked for. What was just made may not be seen at once: it is asked for again."""
    found = entries(answer, name)
    if not found:
        why = "; ".join(str(one.get("reason")) for one in _failures(answer))
        raise AwsError(f"Amazon ECS does not know {arn}{f': {why}' if why else ''}")
    return found[0]
