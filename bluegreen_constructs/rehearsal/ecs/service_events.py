"""The messages of `events` in DescribeServices, in ECS's words (developer guide: `service-event-messages-list`)."""

from collections.abc import Sequence

from .revision import Revision
from .service_scheduler import Task, TaskState
from .task_host import NO_CAPACITY

_FAILURES_A_COMPLAINT = 3


def steady(service: str) -> str:
    """Every wanted task runs and is healthy, and no other is left."""
    return f"(service {service}) has reached a steady state."


def task_messages(task: Task, *, is_first: bool, failures_in_a_row: int) -> tuple[str, ...]:
    """What a change of a task makes ECS say, oldest first; `is_first`: the task was not known before."""
    service = f"(service {task.revision.service_name})"
    if task.stop_code == "TaskFailedToStart":
        return (_not_started(service, task), *_complaint(service, failures_in_a_row))
    if task.state is TaskState.RUNNING and is_first:
        registered = (f"{service} registered 1 targets in (target-group {group})" for group in task.revision.groups)
        return (f"{service} has started 1 tasks: (task {task.id}).", *(registered if task.is_registered else ()))
    if task.state is not TaskState.DEACTIVATING:
        return ()
    draining = _draining(service, task.revision) if task.is_registered else ()
    if task.stop_code == "EssentialContainerExited":
        failed = f"{service} (task {task.id}) failed: exit code {task.exit_code}."
        return (failed, *_complaint(service, failures_in_a_row), *draining)
    if task.reason.startswith("Task failed ELB"):
        failed = f"{service} (task {task.id}) is unhealthy: {task.reason}."
        return (failed, *_complaint(service, failures_in_a_row), *draining)
    if task.reason.startswith("unable to register targets"):
        return (f"{service} failed to register targets: {task.reason}.", *_complaint(service, failures_in_a_row))
    return (f"{service} has stopped 1 running tasks: (task {task.id}).", *draining)


def _not_started(service: str, task: Task) -> str:
    if task.reason == NO_CAPACITY:
        return f"{service} was unable to place a task. Reason: {task.reason}"
    return f"{service} (task {task.id}) failed: {task.reason}."


def _complaint(service: str, failures_in_a_row: int) -> Sequence[str]:
    """Said again at every third failure, not at each: only the latest 100 events are kept."""
    if failures_in_a_row == 0 or failures_in_a_row % _FAILURES_A_COMPLAINT:
        return ()
    return (f"{service} is unable to consistently start tasks successfully.",)


def _draining(service: str, revision: Revision) -> Sequence[str]:
    return (
        f"{service} has begun draining connections on 1 tasks.",
        *(f"{service} deregistered 1 targets in (target-group {group})" for group in revision.groups),
    )
