"""Tasks that no service keeps, against a machine in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.ecs.one_off_tasks import AloneHandle, OneOffTasks
from bluegreen_constructs.rehearsal.ecs.task_host import NO_CAPACITY

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/c"
DEFINITION: Mapping[str, object] = {
    "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
    "family": "web",
    "networkMode": "awsvpc",
    "containerDefinitions": [{"name": "app", "image": "repository/app:v2"}, {"name": "logs", "essential": False}],
}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Handle:
    """The processes of a task, ended by the test."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.terminated = False

    def exit_code(self) -> int | None:
        return self.codes.get("app")

    def exit_codes(self) -> Mapping[str, int]:
        return dict(self.codes)

    def terminate(self) -> None:
        self.terminated = True

    def has_ended(self) -> bool:
        return len(self.codes) == 2


class Machine:
    """Host, clock and DescribeTasks in one."""

    def __init__(self, log_dir: Path) -> None:
        self.now = 100.0
        self.handles: list[Handle] = []
        self.overrides: list[Mapping[str, object]] = []
        self.described: dict[str, dict[str, object]] = {}
        self.refuses = self.breaks = ""
        self.tasks = OneOffTasks(self, now=lambda: self.now, saved=self.described.__setitem__, log_dir=log_dir)

    def check_alone(self, task_definition: Mapping[str, object]) -> None:
        if self.refuses:
            raise RehearsalError(self.refuses)

    def launch_alone(
        self, task_id: str, task_definition: Mapping[str, object], overrides: Mapping[str, object]
    ) -> tuple[str, AloneHandle]:
        if self.breaks:
            raise RehearsalError(self.breaks)
        self.handles.append(Handle())
        self.overrides.append(overrides)
        return "127.20.1.1", self.handles[-1]

    def run(self, **request: object) -> list[dict[str, Any]]:
        asked = {"networkConfiguration": NETWORK, **request}
        tasks, failures = self.tasks.run(asked, cluster_arn=CLUSTER, task_definition=DEFINITION)
        assert failures == []
        return tasks

    def seen(self, arn: object) -> dict[str, Any]:
        return self.described[str(arn)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_task_is_provisioned_runs_and_is_stopped_with_the_exit_code_of_its_container(machine: Machine) -> None:
    override = {"containerOverrides": [{"name": "app", "command": ["migrate"]}]}
    (task,) = machine.run(overrides=override, startedBy="migration")
    assert (task["lastStatus"], task["desiredStatus"], task["group"]) == ("PROVISIONING", "RUNNING", "family:web")
    assert machine.handles == [], "processes are started by the thread that keeps them"
    machine.tasks.tick()
    running = machine.seen(task["taskArn"])
    assert (running["lastStatus"], running["startedBy"], running["startedAt"]) == ("RUNNING", "migration", 100.0)
    assert machine.overrides == [override]
    machine.now = 160.0
    machine.handles[0].codes["app"] = 3
    machine.tasks.tick()
    assert machine.seen(task["taskArn"])["lastStatus"] == "STOPPING", "the other container has to end, too"
    assert machine.handles[0].terminated
    machine.handles[0].codes["logs"] = 143
    machine.tasks.tick()
    stopped = machine.seen(task["taskArn"])
    assert (stopped["lastStatus"], stopped["desiredStatus"], stopped["stoppedAt"]) == ("STOPPED", "STOPPED", 160.0)
    assert (stopped["stopCode"], stopped["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert {container["name"]: container["exitCode"] for container in stopped["containers"]} == {"app": 3, "logs": 143}
    (told,) = machine.tasks.describe()
    assert (told["status"], told["exit_codes"]) == ("STOPPED", {"app": 3, "logs": 143})


def test_a_task_that_is_stopped_by_hand_says_so_and_a_second_stop_changes_nothing(machine: Machine) -> None:
    (task,) = machine.run()
    machine.tasks.tick()
    stopping = machine.tasks.stop(str(task["taskArn"]).rpartition("/")[2], "took too long")
    assert stopping is not None
    assert stopping["desiredStatus"] == "STOPPED"
    machine.tasks.stop(str(task["taskArn"]), "again")
    machine.tasks.tick()
    machine.handles[0].codes = {"app": 143, "logs": 143}
    machine.tasks.tick()
    stopped = machine.seen(task["taskArn"])
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "took too long")
    assert machine.tasks.stop("another", "x") is None


def test_a_task_that_is_stopped_before_it_ran_never_runs(machine: Machine) -> None:
    (task,) = machine.run()
    machine.tasks.stop(str(task["taskArn"]), "changed my mind")
    machine.tasks.tick()
    assert machine.seen(task["taskArn"])["lastStatus"] == "STOPPED"
    assert machine.handles == []


def test_the_same_client_token_is_the_same_task_and_with_another_request_a_refusal(machine: Machine) -> None:
    (first,) = machine.run(clientToken="d1")
    machine.tasks.tick()
    (again,) = machine.run(clientToken="d1")
    assert (again["taskArn"], again["lastStatus"]) == (first["taskArn"], "RUNNING")
    assert len(machine.tasks.all()) == 1
    with pytest.raises(ConfigurationError, match="already in use with a different RunTask request"):
        machine.run(clientToken="d1", startedBy="somebody else")


def test_what_cannot_be_started_is_a_failure_a_refusal_or_a_stopped_task(machine: Machine) -> None:
    request = {"networkConfiguration": NETWORK}
    machine.refuses = NO_CAPACITY
    tasks, failures = machine.tasks.run(request, cluster_arn=CLUSTER, task_definition=DEFINITION)
    assert (tasks, failures[0]["reason"]) == ([], NO_CAPACITY)
    machine.refuses = "names no command for container app"
    with pytest.raises(RehearsalError, match="names no command"):
        machine.run()
    machine.refuses, machine.breaks = "", "container app cannot be started"
    (task,) = machine.run()
    machine.tasks.tick()
    stopped = machine.seen(task["taskArn"])
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("TaskFailedToStart", "container app cannot be started")
    assert "exitCode" not in stopped["containers"][0]


def test_list_tasks_reads_by_what_it_was_started_and_not_that_one_that_is_being_stopped_still_runs(
    machine: Machine,
) -> None:
    (task,) = machine.run(startedBy="migration", group="deployment")
    machine.tasks.tick()
    running = machine.seen(task["taskArn"])
    assert (running["startedBy"], running["group"], running["desiredStatus"]) == ("migration", "deployment", "RUNNING")
    machine.tasks.stop(str(task["taskArn"]), "it is over time")
    stopping = machine.seen(task["taskArn"])
    assert (stopping["desiredStatus"], stopping["lastStatus"]) == ("STOPPED", "RUNNING")


def test_the_end_of_a_stopped_tasks_log_is_told(machine: Machine, tmp_path: Path) -> None:
    (task,) = machine.run()
    machine.tasks.tick()
    (tmp_path / f"{str(task['taskArn']).rpartition('/')[2]}-app.log").write_text("step 1\nstep 2\n")
    machine.handles[0].codes = {"app": 0, "logs": 0}
    machine.tasks.tick()
    assert machine.tasks.describe()[0]["log"] == ["step 1", "step 2"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"count": 11, "networkConfiguration": NETWORK}, r"range of \[1, 10\]"),
        ({}, "Network Configuration must be provided when networkMode 'awsvpc' is specified"),
        (
            {
                "launchType": "FARGATE",
                "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
                "networkConfiguration": NETWORK,
            },
            "only one launch type or capacity provider strategy",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "web"}]}, "networkConfiguration": NETWORK},
            "named web is not a container",
        ),
    ],
)
def test_what_run_task_refuses_starts_nothing(machine: Machine, request_: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        machine.tasks.run(request_, cluster_arn=CLUSTER, task_definition=DEFINITION)
    assert machine.tasks.all() == ()


def test_several_tasks_run_at_once_on_the_capacity_that_was_asked_for(machine: Machine) -> None:
    tasks = machine.run(count=2, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    assert len({task["taskArn"] for task in tasks}) == 2
    assert {task["capacityProviderName"] for task in tasks} == {"FARGATE_SPOT"}
    machine.tasks.tick()
    assert len(machine.handles) == 2
