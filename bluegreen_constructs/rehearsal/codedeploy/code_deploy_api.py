"""The actions of the CodeDeploy API that are answered: those of its deployments, and of what they are made of."""

from collections.abc import Callable, Mapping, Sequence

from ..ecs.task_sets import TaskSets
from .deployment_run import Stop
from .deployment_views import deployment_view, last_deployment_view, newest, target_view
from .deployments import Deployment
from .lifecycle_event import EventStatus
from .played_deployments import PlayedDeployments
from .refusals import RefusedError
from .registry import Json, Registry, required

_PAGE = 100
_MOST_IN_A_BATCH = 25
_STATUSES = frozenset({"Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"})


class CodeDeployApi:
    """The actions by name; each takes the request and gives the answer, or raises RefusedError."""

    def __init__(self, registry: Registry, deployments: PlayedDeployments, task_sets: TaskSets) -> None:
        self._registry = registry
        self._deployments = deployments
        self._task_sets = task_sets

    def actions(self) -> Mapping[str, Callable[[Json], Json]]:
        """What is answered here, by action."""
        own, registry = self, self._registry
        return {
            "CreateApplication": lambda it: {"applicationId": registry.create_application(it)["applicationId"]},
            "GetApplication": lambda it: {"application": registry.application(_application(it))},
            "ListApplications": lambda _: {"applications": registry.applications()},
            "DeleteApplication": own.delete_application,
            "CreateDeploymentConfig": lambda it: {
                "deploymentConfigId": registry.create_configuration(it)["deploymentConfigId"]
            },
            "GetDeploymentConfig": own.get_configuration,
            "ListDeploymentConfigs": lambda _: {"deploymentConfigsList": registry.configurations()},
            "DeleteDeploymentConfig": own.delete_configuration,
            "CreateDeploymentGroup": lambda it: {"deploymentGroupId": registry.create_group(it)["deploymentGroupId"]},
            "UpdateDeploymentGroup": own.update_group,
            "GetDeploymentGroup": lambda it: {"deploymentGroupInfo": own.group_view(_application(it), _group(it))},
            "BatchGetDeploymentGroups": own.batch_get_groups,
            "ListDeploymentGroups": own.list_groups,
            "DeleteDeploymentGroup": own.delete_group,
            "CreateDeployment": lambda it: {"deploymentId": own._deployments.create(it).id},
            "GetDeployment": lambda it: {"deploymentInfo": deployment_view(own._deployment(it))},
            "BatchGetDeployments": own.batch_get_deployments,
            "ListDeployments": own.list_deployments,
            "StopDeployment": own.stop,
            "ContinueDeployment": own.go_on,
            "GetDeploymentTarget": lambda it: {"deploymentTarget": own._target(it, [str(it.get("targetId") or "")])[0]},
            "ListDeploymentTargets": own.list_targets,
            "BatchGetDeploymentTargets": lambda it: {"deploymentTargets": own._target(it, _texts(it.get("targetIds")))},
            "PutLifecycleEventHookExecutionStatus": own.put_hook_status,
        }

    # -- what deployments are made of

    def delete_application(self, request: Json) -> Json:
        """DeleteApplication."""
        self._registry.delete_application(_application(request))
        return {}

    def delete_configuration(self, request: Json) -> Json:
        """DeleteDeploymentConfig."""
        self._registry.delete_configuration(_configuration(request))
        return {}

    def get_configuration(self, request: Json) -> Json:
        """GetDeploymentConfig."""
        return {"deploymentConfigInfo": self._registry.configuration(_configuration(request))}

    def update_group(self, request: Json) -> Json:
        """UpdateDeploymentGroup; names of groups do not change here."""
        if request.get("newDeploymentGroupName"):
            raise RefusedError("InvalidDeploymentGroupNameException", "renaming a deployment group is not played")
        name = required(request, "currentDeploymentGroupName", "DeploymentGroupNameRequiredException")
        changes = {key: value for key, value in request.items() if key != "currentDeploymentGroupName"}
        self._registry.update_group(_application(request), name, changes)
        return {}

    def delete_group(self, request: Json) -> Json:
        """DeleteDeploymentGroup; no hook of an Auto Scaling group is left behind."""
        self._registry.delete_group(_application(request), _group(request))
        return {"hooksNotCleanedUp": []}

    def list_groups(self, request: Json) -> Json:
        """ListDeploymentGroups."""
        application = _application(request)
        return {"applicationName": application, "deploymentGroups": self._registry.groups(application)}

    def batch_get_groups(self, request: Json) -> Json:
        """BatchGetDeploymentGroups; a name that is not there is left out."""
        application, known = _application(request), set(self._registry.groups(_application(request)))
        names = [name for name in _texts(request.get("deploymentGroupNames")) if name in known]
        return {"deploymentGroupsInfo": [self.group_view(application, name) for name in names]}

    def group_view(self, application: str, name: str) -> Json:
        """DeploymentGroupInfo."""
        group = self._registry.group(application, name)
        history = self._deployments.history.of(application, name)
        succeeded = newest(history, succeeded=True)
        shown = {
            **group,
            "lastAttemptedDeployment": last_deployment_view(newest(history, succeeded=False)),
            "lastSuccessfulDeployment": last_deployment_view(succeeded),
            "targetRevision": None if succeeded is None else succeeded.order.revision,
        }
        scaling = group.get("autoScalingGroups")
        if isinstance(scaling, list):  # given as names, shown as objects
            shown["autoScalingGroups"] = [{"name": one} if isinstance(one, str) else one for one in scaling]
        return {key: value for key, value in shown.items() if value is not None}

    # -- deployments

    def batch_get_deployments(self, request: Json) -> Json:
        """BatchGetDeployments; an id that is not there is left out."""
        ids = _texts(request.get("deploymentIds"))
        if len(ids) > _MOST_IN_A_BATCH:
            raise RefusedError("BatchLimitExceededException", f"at most {_MOST_IN_A_BATCH} deployments at once")
        found = (self._deployments.history.get(one) for one in ids)
        return {"deploymentsInfo": [deployment_view(one) for one in found if one is not None]}

    def list_deployments(self, request: Json) -> Json:
        """ListDeployments, the newest first."""
        wanted = _texts(request.get("includeOnlyStatuses"))
        if unknown := sorted(set(wanted) - _STATUSES):
            raise RefusedError("InvalidDeploymentStatusException", f"{', '.join(unknown)} is no deployment status")
        found = self._deployments.history.all()
        if request.get("applicationName") or request.get("deploymentGroupName"):
            application, group = _application(request), _group(request)
            self._registry.group(application, group)
            found = self._deployments.history.of(application, group)
        created = request.get("createTimeRange")
        start, end = _instants(created if isinstance(created, dict) else {})
        ids = [
            one.id
            for one in reversed(found)
            if (not wanted or one.run.status in wanted) and start <= one.created_at <= end
        ]
        at = int(str(request.get("nextToken") or 0))
        more = {"nextToken": str(at + _PAGE)} if at + _PAGE < len(ids) else {}
        return {"deployments": ids[at : at + _PAGE], **more}

    def stop(self, request: Json) -> Json:
        """StopDeployment."""
        asked = request.get("autoRollbackEnabled")
        status = self._deployments.stop(_id(request), Stop(asked if isinstance(asked, bool) else None))
        said = {"Pending": "The deployment is being stopped.", "Succeeded": "The deployment has been stopped."}
        return {"status": status, "statusMessage": said[status]}

    def go_on(self, request: Json) -> Json:
        """ContinueDeployment."""
        self._deployments.go_on(_id(request), str(request.get("deploymentWaitType") or ""))
        return {}

    def list_targets(self, request: Json) -> Json:
        """ListDeploymentTargets: the one service."""
        filters = request.get("targetFilters")
        (target,) = self._target(request, [self._deployment(request).target_id])
        ecs = target["ecsTarget"]
        wanted = _texts(filters.get("TargetStatus")) if isinstance(filters, dict) else []
        is_wanted = not wanted or (isinstance(ecs, dict) and ecs["status"] in wanted)
        return {"targetIds": [self._deployment(request).target_id] if is_wanted else []}

    def put_hook_status(self, request: Json) -> Json:
        """PutLifecycleEventHookExecutionStatus."""
        execution = str(request.get("lifecycleEventHookExecutionId") or "")
        self._deployments.answer(_id(request), execution, str(request.get("status") or EventStatus.PENDING))
        return {"lifecycleEventHookExecutionId": execution}

    def _deployment(self, request: Json) -> Deployment:
        return self._deployments.get(_id(request))

    def _target(self, request: Json, ids: Sequence[str]) -> list[Json]:
        deployment = self._deployment(request)
        if not ids or not all(ids):
            raise RefusedError("DeploymentTargetIdRequiredException", "A deployment target ID was not provided.")
        if unknown := [one for one in ids if one != deployment.target_id]:
            raise RefusedError(
                "DeploymentTargetDoesNotExistException",
                f"The target {', '.join(unknown)} does not belong to the deployment {deployment.id}.",
            )
        views = {str(view["id"]): view for view in self._task_sets.views(deployment.order.service_arn)}
        return [target_view(deployment, views)]


def _application(request: Json) -> str:
    return required(request, "applicationName", "ApplicationNameRequiredException")


def _group(request: Json) -> str:
    return required(request, "deploymentGroupName", "DeploymentGroupNameRequiredException")


def _configuration(request: Json) -> str:
    return required(request, "deploymentConfigName", "DeploymentConfigNameRequiredException")


def _id(request: Json) -> str:
    return str(request.get("deploymentId") or "")


def _texts(listed: object) -> list[str]:
    return [str(one) for one in listed] if isinstance(listed, list) else []


def _instants(created: Mapping[str, object]) -> tuple[float, float]:
    start, end = created.get("start"), created.get("end")
    return (
        float(start) if isinstance(start, int | float) else float("-inf"),
        float(end) if isinstance(end, int | float) else float("inf"),
    )
