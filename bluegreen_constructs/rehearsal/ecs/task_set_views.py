"""One task set, and what DescribeServices shows of it (API reference of TaskSet)."""

from dataclasses import dataclass

from .deployment_run import Tasks
from .revision import Revision

PRIMARY = "PRIMARY"


@dataclass
class TaskSet:
    """A task set; its ARN is the revision's. `status`: PRIMARY, ACTIVE or DRAINING. Instants: rehearsed seconds."""

    revision: Revision
    external_id: str
    created_at: float
    updated_at: float
    status: str

    @property
    def id(self) -> str:
        """Its short id, `ecs-svc/…`."""
        return "ecs-svc/" + self.revision.arn.rpartition("/")[2]

    @property
    def group(self) -> str:
        """The ARN of its target group; "" when it has none."""
        return next(iter(self.revision.groups), "")

    @property
    def is_draining(self) -> bool:
        """Whether its tasks are being ended."""
        return self.status == "DRAINING"


def task_set_view(task_set: TaskSet, tasks: Tasks) -> dict[str, object]:
    """TaskSet, for DescribeServices: `startedBy` CODE_DEPLOY, `externalId` the deployment that made it."""
    revision = task_set.revision
    view: dict[str, object] = {
        "id": task_set.id,
        "taskSetArn": revision.arn,
        "serviceArn": revision.service_arn,
        "clusterArn": revision.cluster_arn,
        "startedBy": "CODE_DEPLOY",
        "externalId": task_set.external_id or None,
        "status": task_set.status,
        "taskDefinition": revision.task_definition,
        "computedDesiredCount": tasks.wanted,
        "pendingCount": max(0, tasks.wanted - tasks.existing),
        "runningCount": tasks.existing,
        "createdAt": task_set.created_at,
        "updatedAt": task_set.updated_at,
        "launchType": revision.configuration.get("launchType") or "FARGATE",
        "platformVersion": revision.configuration.get("platformVersion") or None,
        "networkConfiguration": revision.configuration.get("networkConfiguration"),
        "loadBalancers": revision.configuration.get("loadBalancers"),
        "scale": {"value": 0.0 if task_set.is_draining else 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if tasks.healthy == tasks.existing == tasks.wanted else "STABILIZING",
        "stabilityStatusAt": task_set.updated_at,
    }
    return {name: value for name, value in view.items() if value is not None}
