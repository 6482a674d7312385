"""What Amazon ECS says about the deployments of a service that it rolls out itself, and what may be asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
IN_FLIGHT = ("PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
"""The statuses of a deployment that has not ended."""


@dataclass(frozen=True, slots=True)
class WaitingHook:
    """A pause hook that waits for an answer; when `until` comes, ECS does `at_timeout` (CONTINUE or ROLLBACK)."""

    id: str
    until: datetime | None
    at_timeout: str


@dataclass(frozen=True, slots=True)
class DeploymentSeen:
    """One service deployment, in ECS's own words.

    stage: the lifecycle stage (empty: none yet, or a rolling deployment).
    source, target: ARNs of the service revisions; source is empty for a service's first deployment.
    weight: the candidate's share of the production traffic in percent, as ECS asked for it (None: not said).
    waiting: the pause hooks that wait for an answer.
    alarms_status: MONITORING, TRIGGERED, DISABLED, ...: whether ECS watches the deployment's alarms.
    triggered: the names of the alarms that went off.
    """

    arn: str
    status: str
    stage: str
    reason: str
    created_at: datetime
    source: str
    target: str
    weight: float | None = None
    finished_at: datetime | None = None
    waiting: tuple[WaitingHook, ...] = ()
    alarms_status: str = ""
    triggered: tuple[str, ...] = ()

    @property
    def is_in_flight(self) -> bool:
        """Whether it has not ended."""
        return self.status in IN_FLIGHT

    @property
    def goes_back(self) -> bool:
        """Whether ECS is taking it back."""
        return self.status in {"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}


@dataclass(frozen=True, slots=True)
class RevisionSeen:
    """One service revision: its task definition, and the target group that its tasks are in (empty: not said)."""

    arn: str
    task_definition: str
    group_arn: str


class ServiceDeployments(Protocol):
    """Amazon ECS's deployments. Any call may raise an `AwsError`."""

    def in_flight(self, cluster: str, service: str) -> str:
        """The ARN of the deployment that has not ended; empty when there is none. One call: ListServiceDeployments."""

    def latest(self, cluster: str, service: str, limit: int = 20) -> Sequence[DeploymentSeen]:
        """The last deployments, the newest first. Two calls: list and describe."""

    def deployment(self, arn: str) -> DeploymentSeen:
        """One call: DescribeServiceDeployments."""

    def revision(self, arn: str) -> RevisionSeen:
        """One call: DescribeServiceRevisions."""

    def release(self, task_definition: str, container: str) -> str:
        """The name of the release that a task definition is, by image and settings (`engine.ecs_release`).

        The same content has the same name in every revision of a family. One call: DescribeTaskDefinition.
        """

    def stop(self, arn: str) -> None:
        """Take the deployment back. One call: StopServiceDeployment with ROLLBACK; already on its way back is done."""

    def answer(self, arn: str, hook_id: str, *, go_on: bool) -> None:
        """Answer a pause hook. One call: ContinueServiceDeployment with CONTINUE or ROLLBACK."""

    def deploy(self, cluster: str, service: str, task_definition: str) -> str:
        """Ask for a deployment of a task definition that exists; answers its ARN (empty: not yet known)."""
