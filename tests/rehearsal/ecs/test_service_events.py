"""What DescribeServices says happened to tasks."""

import pytest

from bluegreen_constructs.rehearsal.ecs.revision import Revision
from bluegreen_constructs.rehearsal.ecs.service_events import task_messages
from bluegreen_constructs.rehearsal.ecs.service_scheduler import Task, TaskState
from bluegreen_constructs.rehearsal.ecs.task_host import NO_CAPACITY

REVISION = Revision("revision/1", "arn:service/c/web", "cluster/c", {"taskDefinition": "td:1"}, ("arn:blue",))


def task(state: TaskState, *, code: str = "", reason: str = "", exit_code: int | None = None) -> Task:
    return Task(
        "arn:task/c/7",
        REVISION,
        "127.20.1.1",
        None,
        0.0,
        state=state,
        is_registered=True,
        stop_code=code,
        reason=reason,
        exit_code=exit_code,
    )


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        (task(TaskState.RUNNING), "(service web) has started 1 tasks: (task 7)."),
        (
            task(TaskState.STOPPED, code="TaskFailedToStart", reason=NO_CAPACITY),
            f"(service web) was unable to place a task. Reason: {NO_CAPACITY}",
        ),
        (
            task(TaskState.STOPPED, code="TaskFailedToStart", reason="port 80 is taken"),
            "(service web) (task 7) failed: port 80 is taken.",
        ),
        (
            task(TaskState.DEACTIVATING, code="EssentialContainerExited", exit_code=1),
            "(service web) (task 7) failed: exit code 1.",
        ),
        (
            task(TaskState.DEACTIVATING, reason="Task failed ELB health checks in (arn:blue)"),
            "(service web) (task 7) is unhealthy: Task failed ELB health checks in (arn:blue).",
        ),
        (
            task(TaskState.DEACTIVATING, reason="unable to register targets in target-group arn:blue: gone"),
            "(service web) failed to register targets: unable to register targets in target-group arn:blue: gone.",
        ),
        (
            task(TaskState.DEACTIVATING, code="ServiceSchedulerInitiated", reason="Scaling activity"),
            "(service web) has stopped 1 running tasks: (task 7).",
        ),
    ],
)
def test_a_change_of_a_task_is_told_in_ecs_words(changed: Task, first: str) -> None:
    assert task_messages(changed, is_first=True, failures_in_a_row=1)[0] == first


def test_a_task_that_is_already_known_and_only_becomes_healthy_or_ends_is_not_told_again() -> None:
    assert task_messages(task(TaskState.RUNNING), is_first=False, failures_in_a_row=0) == ()
    assert task_messages(task(TaskState.STOPPED), is_first=False, failures_in_a_row=0) == ()


@pytest.mark.parametrize(("failures", "is_told"), [(1, False), (2, False), (3, True), (4, False), (6, True)])
def test_a_service_whose_tasks_keep_failing_complains_at_every_third(failures: int, is_told: bool) -> None:
    failed = task(TaskState.DEACTIVATING, code="EssentialContainerExited", exit_code=1)
    messages = task_messages(failed, is_first=False, failures_in_a_row=failures)
    assert ("(service web) is unable to consistently start tasks successfully." in messages) is is_told
    assert "(service web) deregistered 1 targets in (target-group arn:blue)" in messages
