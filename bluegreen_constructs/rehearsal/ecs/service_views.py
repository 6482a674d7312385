"""What the ECS API answers about deployments, revisions and tasks (shapes: API reference; instants: epoch seconds)."""

from collections.abc import Mapping, Sequence

from .deployment_plan import Plan, mappings
from .deployment_run import Status
from .hook_visits import HookVisit
from .revision import Revision
from .service_deployments import Deployment
from .service_scheduler import Task, counts

Json = dict[str, object]


def brief_view(deployment: Deployment) -> Json:
    """ServiceDeploymentBrief, for ListServiceDeployments."""
    return _given(
        {
            "serviceDeploymentArn": deployment.arn,
            "serviceArn": deployment.service_arn,
            "clusterArn": deployment.target.cluster_arn,
            "createdAt": deployment.created_at,
            "startedAt": deployment.started_at,
            "finishedAt": deployment.finished_at if deployment.run.status.has_ended else None,
            "targetServiceRevisionArn": deployment.target.arn,
            "status": str(deployment.run.status),
            "statusReason": deployment.run.reason,
        }
    )


def deployment_view(deployment: Deployment, tasks: Sequence[Task]) -> Json:
    """ServiceDeployment, for DescribeServiceDeployments."""
    run, source = deployment.run, deployment.source
    rollback = None
    if deployment.rollback_at is not None:
        rollback = _given(
            {
                "reason": run.rollback_reason,
                "startedAt": deployment.rollback_at,
                "serviceRevisionArn": source.arn if source else None,
            }
        )
    sources = [(source, 100 - run.production, 100 - run.test)] if source else []
    return _given(
        {
            **brief_view(deployment),
            "stoppedAt": deployment.finished_at if run.status is Status.STOPPED else None,
            "updatedAt": deployment.updated_at,
            "sourceServiceRevisions": [_summary(r, tasks, production, test) for r, production, test in sources],
            "targetServiceRevision": _summary(deployment.target, tasks, run.production, run.test),
            "lifecycleStage": str(run.stage) if run.stage else None,
            "lifecycleHookDetails": [_hook_view(visit) for visit in (*run.past_visits, *run.visits)],
            "deploymentConfiguration": dict(deployment.configuration),
            "rollback": rollback,
            "deploymentCircuitBreaker": {
                "status": _monitor(deployment, enabled=run.plan.breaker.enabled, triggered=run.breaker_triggered),
                "failureCount": deployment.failed_tasks,
                "threshold": deployment.threshold,
            },
            "alarms": {
                "status": _monitor(deployment, enabled=run.watches_alarms, triggered=bool(run.triggered_alarms)),
                "alarmNames": list(run.plan.alarms.names),
                "triggeredAlarmNames": sorted(run.triggered_alarms),
            },
        }
    )


def revision_view(revision: Revision, task_definition: Mapping[str, object]) -> Json:
    """ServiceRevision, for DescribeServiceRevisions."""
    balancers = [
        _given(
            {
                "targetGroupArn": group,
                "productionListenerRule": ingress.production_rule or None,
                "testListenerRule": ingress.test_rule or None,
            }
        )
        for group, ingress in zip(revision.groups, revision.ingresses, strict=False)
    ]
    return _given(
        {
            "serviceRevisionArn": revision.arn,
            "serviceArn": revision.service_arn,
            "clusterArn": revision.cluster_arn,
            **dict(revision.configuration),
            "containerImages": [
                {"containerName": container.get("name"), "image": container.get("image")}
                for container in mappings(task_definition.get("containerDefinitions"))
            ],
            "createdAt": revision.created_at,
            "resolvedConfiguration": {"loadBalancers": balancers},
        }
    )


def service_deployments_view(
    running: Deployment | None, live: Revision | None, tasks: Sequence[Task], desired: int
) -> list[Json]:
    """`deployments` of DescribeServices: PRIMARY is what is being, or was last, deployed; ACTIVE what it replaces."""
    shown: list[tuple[Revision, str, str, str]] = []
    if running is not None and running.run.is_forward:
        shown.append((running.target, "PRIMARY", "IN_PROGRESS", running.run.reason))
        if running.source is not None:
            shown.append((running.source, "ACTIVE", "COMPLETED", ""))
    elif running is not None:
        if running.source is not None:
            shown.append((running.source, "PRIMARY", "IN_PROGRESS", running.run.reason))
        shown.append((running.target, "ACTIVE", "FAILED", running.run.reason))
    elif live is not None:
        shown.append((live, "PRIMARY", "COMPLETED", ""))
    return [
        _shown(revision, status, rollout, reason=reason, tasks=tasks, desired=desired)
        for revision, status, rollout, reason in shown
    ]


def rolling_deployments_view(
    newest: Deployment, live: Revision | None, with_tasks: Sequence[Revision], tasks: Sequence[Task], desired: int
) -> list[Json]:
    """`deployments` of DescribeServices for a service that is replaced in place.

    PRIMARY is the latest deployment, or what it was rolled back to; ACTIVE is every other revision that has tasks left,
    with as many as run as its desired count. Only the circuit breaker and alarms make a deployment FAILED.
    """
    run = newest.run
    primary, rollout = newest.target, "IN_PROGRESS"
    if run.status is Status.SUCCESSFUL:
        rollout = "COMPLETED"
    elif run.status is Status.STOPPED:
        rollout = "FAILED"
    elif not run.is_forward and live is not None:
        primary, rollout = live, "COMPLETED" if run.status.has_ended else "IN_PROGRESS"
    elif not run.is_forward:
        rollout = "FAILED"
    reason = run.reason if rollout != "COMPLETED" else ""
    shown = [_shown(primary, "PRIMARY", rollout, reason=reason, tasks=tasks, desired=desired)]
    for revision in with_tasks:
        if revision.arn != primary.arn:
            mine = [task for task in tasks if task.revision.arn == revision.arn]
            rollout = "COMPLETED" if live is not None and revision.arn == live.arn else "IN_PROGRESS"
            rollout = "FAILED" if revision.arn == newest.target.arn else rollout
            shown.append(_shown(revision, "ACTIVE", rollout, tasks=tasks, desired=counts(mine)[0]))
    return shown


def task_view(task: Task, task_definition: Mapping[str, object], not_run: Sequence[str], desired: str) -> Json:
    """Task, for DescribeTasks; the address is in the attachment, as with awsvpc."""
    containers = [
        _given(
            {
                "containerArn": f"{task.arn.replace(':task/', ':container/')}/{container.get('name')}",
                "taskArn": task.arn,
                "name": container.get("name"),
                "image": container.get("image"),
                "lastStatus": "STOPPED" if container.get("name") in not_run else str(task.state),
                "exitCode": task.exit_code,
                "reason": "not run by the rehearsal: no entry in the tasks file"
                if container.get("name") in not_run
                else task.reason or None,
                "networkInterfaces": [{"privateIpv4Address": task.address}] if task.address else [],
                "healthStatus": "UNKNOWN",
            }
        )
        for container in mappings(task_definition.get("containerDefinitions"))
    ]
    return _given(
        {
            "taskArn": task.arn,
            "clusterArn": task.revision.cluster_arn,
            "taskDefinitionArn": task.revision.task_definition,
            "group": f"service:{task.revision.service_name}",
            "startedBy": deployment_id(task.revision),
            "launchType": task.revision.configuration.get("launchType") or "FARGATE",
            "desiredStatus": desired,
            "lastStatus": str(task.state),
            "healthStatus": "HEALTHY" if task.is_healthy else "UNKNOWN",
            "connectivity": "CONNECTED",
            "createdAt": task.started_at,
            "startedAt": task.started_at if task.address else None,
            "stoppingAt": task.stopping_at,
            "stoppedAt": task.stopped_at,
            "stopCode": task.stop_code or None,
            "stoppedReason": task.reason or None,
            "containers": containers,
            "attachments": attachments(task.id, task.address),
            "version": 1,
        }
    )


def attachments(task_id: str, address: str) -> list[Json]:
    """A task's network interface; none before it has an address."""
    details = [{"name": "privateIPv4Address", "value": address}]
    interface: Json = {
        "id": f"eni-{task_id}",
        "type": "ElasticNetworkInterface",
        "status": "ATTACHED",
        "details": details,
    }
    return [interface] if address else []


def deployment_id(revision: Revision) -> str:
    """The id that `deployments` of DescribeServices and deployment events carry."""
    return f"ecs-svc/{revision.arn.rpartition('/')[2]}"


def current_revisions(revisions: Sequence[Revision], tasks: Sequence[Task], desired: Mapping[str, int]) -> list[Json]:
    """`currentServiceRevisions` of DescribeServices: the revisions that have tasks."""
    shown: list[Json] = []
    for revision in revisions:
        running, _ = counts(task for task in tasks if task.revision.arn == revision.arn)
        requested = desired.get(revision.arn, 0)
        shown.append(
            {
                "arn": revision.arn,
                "requestedTaskCount": requested,
                "runningTaskCount": running,
                "pendingTaskCount": max(0, requested - running),
            }
        )
    return shown


def plan_summary(plan: Plan) -> Json:
    """The plan in a few words, for the rehearsal's state."""
    return {
        "strategy": str(plan.strategy),
        "steps": [{"percent": step.percent, "bake": step.bake} for step in plan.steps],
        "bake": plan.bake,
    }


def _summary(revision: Revision, tasks: Sequence[Task], production: float, test: float) -> Json:
    mine = [task for task in tasks if task.revision.arn == revision.arn]
    running, _ = counts(mine)
    return {
        "arn": revision.arn,
        "requestedTaskCount": running,
        "runningTaskCount": running,
        "pendingTaskCount": 0,
        "requestedTestTrafficWeight": test,
        "requestedProductionTrafficWeight": production,
    }


def _shown(
    revision: Revision, status: str, rollout: str, *, reason: str = "", tasks: Sequence[Task], desired: int
) -> Json:
    mine = [task for task in tasks if task.revision.arn == revision.arn]
    running, _ = counts(mine)
    number = deployment_id(revision)
    said = {"IN_PROGRESS": "in progress", "COMPLETED": "completed", "FAILED": "failed"}[rollout]
    return {
        "id": number,
        "status": status,
        "taskDefinition": revision.task_definition,
        "createdAt": revision.created_at,
        "updatedAt": revision.created_at,
        "launchType": revision.configuration.get("launchType") or "FARGATE",
        "rolloutState": rollout,
        "rolloutStateReason": reason or f"ECS deployment {number} {said}.",
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": max(0, desired - running) if status == "PRIMARY" else 0,
        "failedTasks": sum(task.stop_code in {"EssentialContainerExited", "TaskFailedToStart"} for task in mine),
    }


def _hook_view(visit: HookVisit) -> Json:
    return _given(
        {
            "hookId": visit.id,
            "targetType": "PAUSE" if visit.hook.is_pause else "AWS_LAMBDA",
            "targetArn": visit.hook.function_arn or None,
            "status": str(visit.status),
            "expiresAt": visit.expires_at,
            "timeoutAction": "CONTINUE" if visit.hook.continues_on_timeout else "ROLLBACK",
        }
    )


def _monitor(deployment: Deployment, *, enabled: bool, triggered: bool) -> str:
    if triggered:
        return "TRIGGERED"
    if not enabled:
        return "DISABLED"
    return "MONITORING_COMPLETE" if deployment.run.status.has_ended else "MONITORING"


def _given(fields: Json) -> Json:
    """Without the members that have no value: AWS leaves them out."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}
