"""What is asked of Amazon ECS to run one task and to see how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .errors import AwsError
from .migration import MigrationTask


class NotLaunchedError(AwsError):
    """No task was launched, for want of capacity, say: another request, by another token, may succeed."""


@dataclass(frozen=True, slots=True)
class RevisionToRun:
    """A service revision, as far as a task of it can be run.

    images: the names of the image of each container, the tag first. placement: what RunTask takes of it as it is
    (launch type or capacity providers, platform version, network).
    """

    cluster: str
    task_definition: str
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    placement: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LaunchMarks:
    """What tells one task from another.

    token: the same for the same try. started_by: the same for one migration of one target, whichever deployment runs
    it; at most 36 letters, digits and hyphens. group: the same for one deployment.
    """

    token: str
    started_by: str
    group: str


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """One task: whether its command has ended, with which exit code (None: it never ran), and what ECS says of it.

    is_stopped: whether the whole task has; a container beside the command's may go on. group: that of its launch.
    """

    has_ended: bool
    exit_code: int | None = None
    is_stopped: bool = False
    reason: str = ""
    group: str = ""


class OneOffTasks(Protocol):
    """Amazon ECS. Any call may raise an `AwsError`."""

    def source(self, deployment: str) -> str:
        """The ARN of the revision that a deployment replaces; empty for a service's first. One call."""

    def revision(self, arn: str) -> RevisionToRun:
        """One call: DescribeServiceRevisions."""

    def run(self, revision: RevisionToRun, container: str, migration: MigrationTask, marks: LaunchMarks) -> str:
        """Run it, and answer the task's ARN; the same token again answers the same task. One call: RunTask."""

    def running(self, cluster: str, started_by: str) -> Sequence[str]:
        """The tasks with this mark that nobody has stopped yet, and that have not ended. One call a page: ListTasks."""

    def seen(self, cluster: str, task: str, container: str) -> TaskSeen:
        """One call: DescribeTasks."""

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """One call: StopTask."""

    def log_stream(self, task_definition: str, container: str, task: str) -> str:
        """Where the command's output is; empty when it is not in CloudWatch Logs. One call: DescribeTaskDefinition."""
