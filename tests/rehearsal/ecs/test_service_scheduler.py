"""The service scheduler against machines and target groups in memory, by a clock that only the test moves."""

from collections.abc import Mapping

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.revision import Revision
from bluegreen_constructs.rehearsal.ecs.rolling_replacement import Bounds
from bluegreen_constructs.rehearsal.ecs.service_scheduler import ServiceScheduler, Task, TaskHandle, TaskState

GROUP = "arn:blue"
SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/c/web"


def revision(number: int = 1, groups: tuple[str, ...] = (GROUP,)) -> Revision:
    balancers = [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]
    configuration: Mapping[str, object] = {"taskDefinition": f"td:{number}", "loadBalancers": balancers}
    return Revision(f"revision/{number}", SERVICE, "cluster/c", configuration, groups)


class Handle:
    """A task's processes, ended by the test."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.terminated = False

    def exit_code(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.terminated = True

    def has_ended(self) -> bool:
        return self.code is not None


class Machine:
    """Host, target groups and clock in one."""

    def __init__(self, least_grace: float = 0.0) -> None:
        self.now = 0.0
        self.desired = 2
        self.grace = 0.0
        self.bounds = Bounds()
        self.handles: dict[str, Handle] = {}
        self.states: dict[str, str] = {}
        self.registered: list[str] = []
        self.deregistered: list[str] = []
        self.saved: list[tuple[str, TaskState]] = []
        self.refuses = ""
        self.no_group = ""
        self.unreadable = ""
        self.scheduler = ServiceScheduler(
            self,
            self,
            now=lambda: self.now,
            desired_count=lambda _: self.desired,
            grace=lambda _: self.grace,
            new_task_arn=lambda _: f"arn:task/c/{len(self.handles)}-{len(self.saved)}",
            saved=self.save,
            bounds=lambda _: self.bounds,
            least_grace=least_grace,
        )

    def save(self, task: Task) -> None:
        self.saved.append((task.id, task.state))

    def launch(self, task_id: str, revision: Revision) -> tuple[str, TaskHandle]:
        if self.refuses:
            raise RehearsalError(self.refuses)
        address = f"127.20.1.{len(self.handles) + 1}"
        handle = self.handles[address] = Handle()
        return address, handle

    def register(self, group: str, address: str, port: int) -> None:
        if self.no_group:
            raise RehearsalError(self.no_group)
        assert (group, port) == (GROUP, 8080)
        self.registered.append(address)
        self.states[address] = "initial"

    def deregister(self, group: str, address: str, port: int) -> None:
        self.deregistered.append(address)
        self.states[address] = "draining"

    def health(self, group: str) -> Mapping[str, str]:
        if self.unreadable:
            raise RehearsalError(self.unreadable)
        return dict(self.states)

    def all_are(self, state: str) -> None:
        for address in self.states:
            self.states[address] = state

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.scheduler.tick()


@pytest.fixture
def machine() -> Machine:
    made = Machine()
    made.scheduler.run(revision())
    made.tick()
    return made


def healthy(machine: Machine) -> int:
    return machine.scheduler.look("revision/1").healthy


def test_wanted_tasks_are_started_registered_and_counted_once_their_group_says_healthy(machine: Machine) -> None:
    assert (len(machine.registered), healthy(machine)) == (2, 0)
    machine.all_are("healthy")
    machine.tick()
    assert healthy(machine) == 2


def test_a_task_that_ends_by_itself_is_stopped_with_its_exit_code_and_replaced(machine: Machine) -> None:
    machine.all_are("healthy")
    machine.tick()
    first = machine.scheduler.tasks()[0]
    machine.handles[first.address].code = 3
    machine.tick()
    machine.tick()
    assert (first.state, first.exit_code, first.stop_code) == (TaskState.STOPPED, 3, "EssentialContainerExited")
    assert machine.scheduler.failures("revision/1", in_a_row=True) == 1
    machine.tick(60)
    assert len(machine.registered) == 3


def test_a_failing_task_is_replaced_later_each_time(machine: Machine) -> None:
    machine.handles["127.20.1.1"].code = machine.handles["127.20.1.2"].code = 1
    machine.tick()
    machine.tick(19)
    assert len(machine.handles) == 2
    machine.tick(1)
    assert len(machine.handles) == 4


def test_a_healthy_task_resets_the_failures_in_a_row_but_not_the_whole_count(machine: Machine) -> None:
    machine.handles["127.20.1.1"].code = 1
    machine.tick()
    machine.all_are("healthy")
    machine.tick()
    failures = machine.scheduler.failures
    assert (failures("revision/1", in_a_row=True), failures("revision/1", in_a_row=False)) == (0, 1)


def test_an_unhealthy_task_is_left_alone_in_its_grace_period_and_replaced_after_it(machine: Machine) -> None:
    machine.grace = 60.0
    machine.all_are("unhealthy")
    machine.tick()
    assert machine.deregistered == []
    machine.tick(60)
    assert len(machine.deregistered) == 2
    assert "failed ELB health checks" in machine.scheduler.tasks()[0].reason


def test_a_task_that_was_never_healthy_has_the_time_that_a_real_start_takes_and_no_other_has() -> None:
    machine = Machine(least_grace=90.0)
    machine.scheduler.run(revision())
    machine.tick()
    machine.states["127.20.1.1"] = "healthy"
    machine.tick()
    machine.all_are("unhealthy")
    machine.tick()
    assert machine.deregistered == ["127.20.1.1"]
    machine.tick(90)
    assert "127.20.1.2" in machine.deregistered


def test_a_task_is_deregistered_and_drained_before_it_is_asked_to_end(machine: Machine) -> None:
    machine.all_are("healthy")
    machine.tick()
    machine.scheduler.scale_in("revision/1")
    machine.tick()
    machine.tick()
    assert len(machine.deregistered) == 2
    assert not any(handle.terminated for handle in machine.handles.values())
    machine.all_are("unused")
    machine.tick()
    assert all(handle.terminated for handle in machine.handles.values())
    assert machine.scheduler.look("revision/1").existing == 2
    for handle in machine.handles.values():
        handle.code = 0
    machine.tick()
    assert machine.scheduler.look("revision/1").existing == 0


def test_a_draining_task_is_left_alone_while_its_health_cannot_be_read(machine: Machine) -> None:
    machine.scheduler.scale_in("revision/1")
    machine.tick()
    machine.unreadable = "unable to describe target health"
    machine.tick()
    machine.tick()
    assert not any(handle.terminated for handle in machine.handles.values())
    machine.unreadable = ""
    machine.all_are("unused")
    machine.tick()
    assert all(handle.terminated for handle in machine.handles.values())


def test_a_task_that_drains_for_ever_is_ended_after_an_hour(machine: Machine) -> None:
    machine.scheduler.scale_in("revision/1")
    machine.tick()
    machine.tick(3599)
    machine.tick(3)
    assert all(handle.terminated for handle in machine.handles.values())


def test_scaling_follows_the_services_desired_count_and_stops_the_newest_first(machine: Machine) -> None:
    machine.desired = 3
    machine.tick()
    assert len(machine.registered) == 3
    machine.desired = 1
    machine.tick()
    assert machine.deregistered == ["127.20.1.2", "127.20.1.3"]


def test_a_stopped_task_is_replaced_without_counting_as_a_failure(machine: Machine) -> None:
    task = machine.scheduler.tasks()[0]
    assert machine.scheduler.stop_task(task.arn, "by hand")
    machine.tick()
    machine.tick()
    assert (task.stop_code, task.reason) == ("UserInitiated", "by hand")
    assert machine.scheduler.failures("revision/1", in_a_row=False) == 0
    assert len(machine.registered) == 3
    assert not machine.scheduler.stop_task("arn:none", "by hand")


def test_a_task_that_cannot_be_started_is_a_failure_with_its_reason() -> None:
    machine = Machine()
    machine.refuses = "port 8080 is taken"
    machine.scheduler.run(revision())
    machine.tick()
    (task,) = machine.scheduler.tasks()
    assert (task.state, task.stop_code, task.reason) == (TaskState.STOPPED, "TaskFailedToStart", "port 8080 is taken")
    assert machine.scheduler.failures("revision/1", in_a_row=True) == 1


def test_a_missing_target_group_fails_its_service_and_no_other() -> None:
    machine = Machine()
    machine.no_group = "unable to register targets"
    machine.scheduler.run(revision())
    machine.tick()
    machine.no_group = ""
    machine.scheduler.run(revision(2))
    machine.tick()
    assert machine.scheduler.failures("revision/1", in_a_row=False) == 1
    assert len(machine.registered) == 2


def test_a_frozen_revision_starts_no_more_tasks(machine: Machine) -> None:
    machine.scheduler.freeze("revision/1")
    machine.handles["127.20.1.1"].code = 1
    machine.tick()
    machine.tick(600)
    assert len(machine.handles) == 2


def test_without_a_load_balancer_a_task_is_healthy_once_it_has_lived_for_a_while() -> None:
    machine = Machine()
    headless = Revision("revision/1", SERVICE, "cluster/c", {"taskDefinition": "td:1"})
    machine.scheduler.run(headless)
    machine.tick()
    assert healthy(machine) == 0
    machine.tick(10)
    assert healthy(machine) == 2


def rolling(machine: Machine) -> None:
    """Two healthy tasks of revision 1, then revision 2 takes their place."""
    machine.all_are("healthy")
    machine.tick()
    machine.scheduler.replace(revision(2))
    machine.tick()


def running(machine: Machine, number: int) -> int:
    return sum(task.state is TaskState.RUNNING for task in machine.scheduler.tasks(revision_arn=f"revision/{number}"))


def test_a_rolling_deployment_stops_a_former_task_only_for_a_healthy_one_in_its_place(machine: Machine) -> None:
    rolling(machine)
    assert (running(machine, 1), running(machine, 2)) == (2, 2)
    machine.tick(600)
    assert machine.deregistered == [], "the tasks of revision 2 are not healthy yet"
    machine.states["127.20.1.3"] = "healthy"
    machine.tick()
    machine.tick()
    assert (machine.deregistered, running(machine, 1)) == (["127.20.1.1"], 1)
    machine.states["127.20.1.4"] = "healthy"
    machine.tick()
    machine.tick()
    assert (running(machine, 1), running(machine, 2)) == (0, 2)


def test_within_a_hundred_percent_a_former_task_goes_before_its_replacement_comes(machine: Machine) -> None:
    machine.bounds = Bounds(minimum_healthy=50, maximum=100)
    rolling(machine)
    assert (running(machine, 1), running(machine, 2)) == (1, 1)


def test_a_former_release_is_started_no_more_whatever_the_service_wants(machine: Machine) -> None:
    machine.all_are("healthy")
    machine.tick()
    machine.scheduler.retire(SERVICE)
    machine.desired = 5
    machine.tick()
    assert running(machine, 1) == 2
    machine.scheduler.replace(revision(2))
    machine.tick()
    assert (running(machine, 1), running(machine, 2)) == (2, 5)
    machine.handles["127.20.1.1"].code = 1
    machine.tick(60)
    machine.tick(60)
    assert running(machine, 1) == 1


def test_former_tasks_that_are_not_healthy_go_first_and_keep_nothing_waiting(machine: Machine) -> None:
    machine.states["127.20.1.2"] = "healthy"
    machine.tick()
    machine.scheduler.replace(revision(2))
    machine.tick()
    assert machine.deregistered == ["127.20.1.1"]


def test_going_back_during_a_rolling_deployment_brings_the_former_tasks_back(machine: Machine) -> None:
    rolling(machine)
    machine.states["127.20.1.3"] = "healthy"
    machine.tick()
    machine.tick()
    machine.scheduler.replace(revision(1))
    machine.tick()
    assert running(machine, 1) == 2
    machine.all_are("healthy")
    machine.tick()
    machine.tick()
    assert (running(machine, 1), running(machine, 2)) == (2, 0)


def test_wanting_nothing_any_more_stops_every_task_of_a_rolling_deployment(machine: Machine) -> None:
    rolling(machine)
    machine.desired = 0
    machine.tick()
    machine.tick()
    assert len(machine.deregistered) == 4
