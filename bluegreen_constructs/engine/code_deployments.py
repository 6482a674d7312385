"""What AWS CodeDeploy says about the deployments of a target, and what may be asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from .errors import AwsError

# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
IN_FLIGHT = ("Created", "Queued", "InProgress", "Baking", "Ready")
"""The statuses of a deployment that has not ended."""
LONGEST_DESCRIPTION = 256
"""Characters of a deployment's description: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html."""


class DeploymentOverError(AwsError):
    """The deployment has ended already, so there is nothing to stop or to continue."""


class NotWaitingError(AwsError):
    """The deployment does not wait to be continued."""


class DeploymentHeldError(AwsError):
    """CodeDeploy makes no deployment now: another one is in flight in the group, or the account has too many."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """A lifecycle event of a deployment, in its order: what has become of it, when it ended, and what went wrong."""

    name: str
    status: str
    ended_at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the deployment of an ECS service is.

    weight: the percent of the production traffic that the replacement task set has (None: not said).
    """

    events: tuple[EventSeen, ...] = ()
    weight: float | None = None

    @property
    def event(self) -> str:
        """The event that it is at: the one under way, else the last one that has begun; empty before the first."""
        under_way = [one.name for one in self.events if one.status == "InProgress"]
        begun = [one.name for one in self.events if one.status not in {"Pending", "Skipped"}]
        return under_way[0] if under_way else (begun[-1] if begun else "")

    @property
    def last_end(self) -> datetime | None:
        """When the last event that is over ended."""
        return max((one.ended_at for one in self.events if one.ended_at is not None), default=None)

    @property
    def trouble(self) -> str:
        """What the first event that has failed says."""
        return next((f"{one.name}: {one.trouble or one.status}" for one in self.events if one.status == "Failed"), "")


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """A revision for instances: a zip archive in S3."""

    bucket: str
    key: str

    @property
    def address(self) -> str:
        """As `CodeDeploymentSeen.revision` has it."""
        return f"s3://{self.bucket}/{self.key}"


class StoredObjects(Protocol):
    """Amazon S3. Any call may raise an `AwsError`."""

    def is_stored(self, bucket: str, key: str) -> bool:
        """Whether the object is there. One call: HeadObject."""


@dataclass(frozen=True, slots=True)
class CodeDeploymentSeen:
    """One deployment, in CodeDeploy's own words.

    group: the deployment group (empty: not said). creator: who made it, such as `user` or `codeDeployRollback`.
    task_definition: what its AppSpec names (empty: CodeDeploy did not say it here, see `CodeDeployments.revision`).
    revision: the SHA-256 of its AppSpec, or the S3 object (empty: not said).
    error, error_code: why it failed or was stopped.
    rolled_back_by: the deployment that takes it back. rolls_back: the deployment that this one takes back.
    approval: how long it waits to be continued before production traffic moves (None: it does not wait).
    keeps: how long the original task set or instances are kept once all traffic has moved.
    keeps_now: whether that wait has begun. goes_back_on: the events that make CodeDeploy take it back by itself.
    """

    id: str
    status: str
    created_at: datetime
    description: str = ""
    creator: str = "user"
    finished_at: datetime | None = None
    task_definition: str = ""
    revision: str = ""
    configuration: str = ""
    error: str = ""
    error_code: str = ""
    rolled_back_by: str = ""
    rolls_back: str = ""
    rollback_message: str = ""
    approval: timedelta | None = None
    keeps: timedelta = timedelta(0)
    keeps_now: bool = False
    goes_back_on: tuple[str, ...] = ()
    group: str = ""

    @property
    def is_in_flight(self) -> bool:
        """Whether it has not ended."""
        return self.status in IN_FLIGHT

    @property
    def is_rollback(self) -> bool:
        """Whether CodeDeploy made it to take another one back."""
        return self.creator == "codeDeployRollback" or bool(self.rolls_back)


class CodeDeployments(Protocol):
    """AWS CodeDeploy's deployments. Any call may raise an `AwsError`."""

    def in_flight(self, application: str, group: str) -> str:
        """The id of the deployment that has not ended; empty when there is none. One call: ListDeployments."""

    def latest(self, application: str, group: str, limit: int = 20) -> Sequence[CodeDeploymentSeen]:
        """The last deployments, the newest first. Two calls: ListDeployments and BatchGetDeployments."""

    def deployment(self, id: str) -> CodeDeploymentSeen:
        """One call: GetDeployment."""

    def progress(self, id: str, cluster: str, service: str) -> Progress:
        """One call: BatchGetDeploymentTargets; of a deployment that has not begun there is nothing to say."""

    def task_definition(self, application: str, revision: str) -> str:
        """What the AppSpec with this SHA-256 names. One call: GetApplicationRevision."""

    def create(self, application: str, group: str, app_spec: str, description: str) -> str:
        """Begin a deployment, and answer its id. One call: CreateDeployment.

        Raises DeploymentHeldError when another one is in flight in the group.
        """

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
        """Begin a deployment to the instances that have all these tags, and answer its id. One call: CreateDeployment.

        alarms: those that stop this deployment; None: those of the group.

        Raises DeploymentHeldError when another one is in flight in the group; one in another group does not hold it.
        """

    def proceed(self, id: str) -> None:
        """Let production traffic move. One call: ContinueDeployment. Raises NotWaitingError, DeploymentOverError."""

    def stop(self, id: str) -> None:
        """Stop the deployment and take it back. One call: StopDeployment. Raises DeploymentOverError."""
