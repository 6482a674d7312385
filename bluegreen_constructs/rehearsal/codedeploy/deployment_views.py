"""What the CodeDeploy API answers about deployments and their targets (shapes: API reference; epoch seconds)."""

from collections.abc import Mapping, Sequence

from ..ecs.task_set_views import TaskSet
from .deployment_run import Status
from .deployments import Deployment, timeline_view
from .lifecycle_event import EventState

Json = dict[str, object]
# TargetStatus by DeploymentStatus.
_TARGET_STATUS = {
    Status.CREATED: "Pending",
    Status.IN_PROGRESS: "InProgress",
    Status.READY: "Ready",
    Status.SUCCEEDED: "Succeeded",
    Status.FAILED: "Failed",
    Status.STOPPED: "Failed",
}
_COUNTED = ("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready")


def deployment_view(deployment: Deployment) -> Json:
    """DeploymentInfo. `deploymentOverview` counts targets, the one service, and is there once it has ended."""
    order, run = deployment.order, deployment.run
    group = order.group_settings
    error = None if run.error is None else {"code": run.error.code, "message": run.error.message}
    return _given(
        {
            "applicationName": order.application,
            "deploymentGroupName": order.group,
            "deploymentConfigName": order.configuration,
            "deploymentId": deployment.id,
            "previousRevision": deployment.previous_revision,
            "revision": order.revision,
            "status": str(run.status),
            "errorInformation": error,
            "createTime": deployment.created_at,
            "startTime": deployment.started_at,
            "completeTime": deployment.finished_at if run.status.has_ended else None,
            "deploymentOverview": _overview(run.status) if run.status.has_ended else None,
            "creator": order.creator,
            "ignoreApplicationStopFailures": False,
            "updateOutdatedInstancesOnly": False,
            "rollbackInfo": _rollback(deployment),
            "instanceTerminationWaitTimeStarted": run.is_waiting_to_terminate,
            "deploymentStyle": group.get("deploymentStyle"),
            "autoRollbackConfiguration": group.get("autoRollbackConfiguration"),
            "blueGreenDeploymentConfiguration": group.get("blueGreenDeploymentConfiguration"),
            "loadBalancerInfo": group.get("loadBalancerInfo"),
            "fileExistsBehavior": "DISALLOW",
            "computePlatform": "ECS",
            **order.settings,
        }
    )


def last_deployment_view(deployment: Deployment | None) -> Json | None:
    """LastDeploymentInfo; None for no deployment."""
    if deployment is None:
        return None
    ended = deployment.finished_at if deployment.run.status.has_ended else None
    return _given(
        {
            "deploymentId": deployment.id,
            "status": str(deployment.run.status),
            "endTime": ended,
            "createTime": deployment.created_at,
        }
    )


def target_view(deployment: Deployment, views: Mapping[str, Mapping[str, object]]) -> Json:
    """DeploymentTarget with its ECSTarget; `views` are the service's task sets as DescribeServices shows them."""
    run = deployment.run
    sides = (
        (deployment.original, "Blue", 100.0 - run.production),
        (deployment.replacement, "Green", run.production),
    )
    target = {
        "deploymentId": deployment.id,
        "targetId": deployment.target_id,
        "targetArn": deployment.order.service_arn,
        "lastUpdatedAt": deployment.updated_at or deployment.created_at,
        "lifecycleEvents": [_event_view(state) for state in run.events],
        "status": _TARGET_STATUS[run.status],
        "taskSetsInfo": [
            _task_set_view(task_set, views[task_set.id], label, weight)
            for task_set, label, weight in sides
            if task_set is not None and task_set.id in views
        ],
    }
    return {"deploymentTargetType": "ECSTarget", "ecsTarget": target}


def state_view(deployment: Deployment) -> Json:
    """A deployment in the rehearsal's state."""
    run = deployment.run
    return {
        "id": deployment.id,
        "application": deployment.order.application,
        "group": deployment.order.group,
        "service": deployment.order.service_arn,
        "task_definition": deployment.spec.task_definition,
        "status": str(run.status),
        "event": str(run.event) if run.event else None,
        "error": None if run.error is None else {"code": run.error.code, "message": run.error.message},
        "rollback_of": deployment.rollback_of,
        "rolled_back_by": deployment.rolled_back_by,
        "production": run.production,
        "test": run.test,
        "created_at": deployment.created_at,
        "finished_at": deployment.finished_at,
        "timeline": timeline_view(deployment),
    }


def _rollback(deployment: Deployment) -> Json | None:
    """RollbackInfo, in AWS's own sentences, from either end."""
    if deployment.rolled_back_by:
        return {
            "rollbackDeploymentId": deployment.rolled_back_by,
            "rollbackMessage": f"Deployment {deployment.id} terminated. Automatic rollback is triggered with a "
            f"DeploymentId {deployment.rolled_back_by}.",
        }
    if deployment.rollback_of:
        return {
            "rollbackTriggeringDeploymentId": deployment.rollback_of,
            "rollbackMessage": f"Deployment {deployment.id} is triggered to roll back deployment "
            f"{deployment.rollback_of}.",
        }
    return None


def _overview(status: Status) -> Json:
    return {name: int(name == _TARGET_STATUS[status]) for name in _COUNTED}


def _event_view(state: EventState) -> Json:
    return _given(
        {
            "lifecycleEventName": str(state.event),
            "status": str(state.status),
            "startTime": state.started_at,
            "endTime": state.ended_at,
        }
    )


def _task_set_view(task_set: TaskSet, view: Mapping[str, object], label: str, weight: float) -> Json:
    return {
        "identifer": task_set.id,  # spelt so by AWS
        "desiredCount": view["computedDesiredCount"],
        "pendingCount": view["pendingCount"],
        "runningCount": view["runningCount"],
        "status": task_set.status,
        "trafficWeight": weight,
        "targetGroup": {"name": task_set.group.split("/")[1] if "/" in task_set.group else task_set.group},
        "taskSetLabel": label,
    }


def _given(fields: Json) -> Json:
    """Without the members that have no value: AWS leaves them out."""
    return {name: value for name, value in fields.items() if value is not None}


def newest(deployments: Sequence[Deployment], *, succeeded: bool) -> Deployment | None:
    """The last deployment, or the last that succeeded."""
    fitting = (d for d in reversed(deployments) if not succeeded or d.run.status is Status.SUCCEEDED)
    return next(fitting, None)
