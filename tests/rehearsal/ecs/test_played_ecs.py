"""What the state says of tasks."""

from pathlib import Path

from bluegreen_constructs.rehearsal.ecs.played_ecs import last_words
from bluegreen_constructs.rehearsal.ecs.revision import Revision
from bluegreen_constructs.rehearsal.ecs.service_scheduler import Task, TaskState

REVISION = Revision("revision/1", "arn:service/c/web", "cluster/c", {"taskDefinition": "td:1"})


def test_a_stopped_tasks_log_is_read_once_and_a_running_ones_not_at_all(tmp_path: Path) -> None:
    log = tmp_path / "7-app.log"
    log.write_text("loading\nthis build cannot start\n")
    task = Task("arn:task/c/7", REVISION, "127.20.1.1", None, 0.0)
    assert last_words(task, tmp_path) == ()
    task.state = TaskState.STOPPED
    assert last_words(task, tmp_path) == ("loading", "this build cannot start")
    log.unlink()
    assert last_words(task, tmp_path) == ("loading", "this build cannot start")
