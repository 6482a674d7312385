"""The ECS service scheduler: keeps as many healthy tasks of each service revision as the service wants.

It starts processes, registers them in their target groups, replaces those that end or fail their load balancer's
health checks (after healthCheckGracePeriodSeconds), and drains a task before it stops it. In a rolling deployment
(`replace`) it starts and stops within the service's bounds (`rolling_replacement`). One thread does all of this
(`tick`); other threads only say what is wanted and read what there is.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ...engine.errors import BlueGreenError
from .deployment_run import Tasks
from .revision import Revision
from .rolling_replacement import Bounds, Moves, Running, next_moves

_log = logging.getLogger("rehearsal.ecs")
_STEADY = 10.0  # rehearsed seconds that a task without load balancer must live to count as healthy
_RESTART_DELAY = 10.0  # rehearsed seconds, times the failures so far, before a failed task is replaced
_MOST_RESTART_DELAYS = 30
_MOST_DRAINING = 3600.0  # rehearsed seconds: the longest deregistration delay that ELB allows


class TaskState(StrEnum):
    """ECS's words for `lastStatus`."""

    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


class TaskHandle(Protocol):
    """The processes of one task."""

    def exit_code(self) -> int | None:
        """The exit code once the task has nothing left to run, or an essential container ended; else None."""

    def terminate(self) -> None:
        """Begin to end all processes: SIGTERM, then SIGKILL after the stop time-out."""

    def has_ended(self) -> bool:
        """Whether no process is left."""


class TaskHost(Protocol):
    """Where tasks run."""

    def launch(self, task_id: str, revision: Revision) -> tuple[str, TaskHandle]:
        """Start a task and return its address; raises BlueGreenError when it cannot be started."""


class TargetGroups(Protocol):
    """The load balancer's side of a task."""

    def register(self, group: str, address: str, port: int) -> None:
        """Register a target."""

    def deregister(self, group: str, address: str, port: int) -> None:
        """Deregister a target; it drains."""

    def health(self, group: str) -> Mapping[str, str]:
        """State by address: initial, healthy, unhealthy, draining, unused. A group that is gone has none.

        Raises BlueGreenError when it is not known; the tasks of the group are then left alone.
        """


@dataclass
class Task:
    """One task. Instants are rehearsed seconds; `last_words` are kept once they were read from a stopped task's log."""

    arn: str
    revision: Revision
    address: str
    handle: TaskHandle | None
    started_at: float
    state: TaskState = TaskState.RUNNING
    is_healthy: bool = False
    was_healthy: bool = False
    is_registered: bool = False
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str = ""
    reason: str = ""
    exit_code: int | None = None
    asked_to_stop: str = ""
    last_words: tuple[str, ...] | None = None

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]


@dataclass
class _Fleet:
    """The tasks of one revision. `is_former`: a rolling deployment replaces them, as its bounds allow."""

    revision: Revision
    runs: bool = True
    is_former: bool = False
    is_frozen: bool = False
    tasks: list[Task] = field(default_factory=list)
    failures: int = 0
    failures_in_a_row: int = 0
    restart_at: float = 0.0


class ServiceScheduler:
    """The scheduler of all services of one emulator. `saved` is told of every change of a task."""

    def __init__(
        self,
        host: TaskHost,
        groups: TargetGroups,
        *,
        now: Callable[[], float],
        desired_count: Callable[[str], int],
        grace: Callable[[str], float],
        new_task_arn: Callable[[Revision], str],
        saved: Callable[[Task], None],
        bounds: Callable[[str], Bounds] = lambda _: Bounds(),
        least_grace: float = 0.0,
    ) -> None:
        """`bounds` are those of a service's rolling deployments, by its ARN.

        `least_grace`: rehearsed seconds that every task has to become healthy for the first time.
        """
        self._host = host
        self._groups = groups
        self._now = now
        self._desired_count = desired_count
        self._grace = grace
        self._new_task_arn = new_task_arn
        self._saved = saved
        self._bounds = bounds
        self._least_grace = least_grace
        self._fleets: dict[str, _Fleet] = {}
        self._lock = threading.Lock()

    def run(self, revision: Revision) -> None:
        """Keep the service's desired count of this revision's tasks from now on."""
        with self._lock:
            fleet = self._fleets.setdefault(revision.arn, _Fleet(revision))
            fleet.runs, fleet.is_frozen, fleet.is_former = True, False, False

    def replace(self, revision: Revision) -> None:
        """Keep the service's desired count of this revision, and stop its others' tasks as the bounds allow."""
        self.retire(revision.service_arn)
        self.run(revision)

    def retire(self, service_arn: str) -> None:
        """Start no more tasks of a service until the next revision is handed over, and stop as the bounds allow."""
        with self._lock:
            for fleet in self._fleets.values():
                if fleet.revision.service_arn == service_arn:
                    fleet.is_former = True

    def scale_in(self, revision_arn: str) -> None:
        """Drain and stop all tasks of a revision."""
        with self._lock:
            if revision_arn in self._fleets:
                self._fleets[revision_arn].runs = False

    def freeze(self, revision_arn: str) -> None:
        """Start no more tasks of a revision: a failed deployment that is not rolled back launches none."""
        with self._lock:
            if revision_arn in self._fleets:
                self._fleets[revision_arn].is_frozen = True

    def stop_task(self, task_arn: str, reason: str) -> bool:
        """Stop one task (it is replaced); False when there is no such task."""
        for task in self.tasks():
            if task.arn == task_arn and task.state is not TaskState.STOPPED:
                task.asked_to_stop = reason
                return True
        return False

    def tasks(self, *, revision_arn: str | None = None) -> tuple[Task, ...]:
        """The tasks that have not been forgotten, of one revision or of all."""
        with self._lock:
            fleets = [fleet for arn, fleet in self._fleets.items() if revision_arn in {None, arn}]
        return tuple(itertools.chain.from_iterable(tuple(fleet.tasks) for fleet in fleets))

    def look(self, revision_arn: str) -> Tasks:
        """How many tasks of a revision are wanted, exist and are healthy."""
        fleet = self._fleet(revision_arn)
        if fleet is None:
            return Tasks()
        tasks = tuple(fleet.tasks)
        return Tasks(
            wanted=self._wanted(fleet),
            existing=sum(task.state is not TaskState.STOPPED for task in tasks),
            healthy=sum(task.is_healthy and task.state is TaskState.RUNNING for task in tasks),
        )

    def failures(self, revision_arn: str, *, in_a_row: bool) -> int:
        """Tasks of a revision that ended by themselves or failed health checks; `in_a_row`: since one was healthy."""
        fleet = self._fleet(revision_arn)
        if fleet is None:
            return 0
        return fleet.failures_in_a_row if in_a_row else fleet.failures

    def tick(self) -> None:
        """One round over all tasks."""
        with self._lock:
            fleets = tuple(self._fleets.values())
        for fleet in fleets:
            try:
                health = self._health(fleet)
                for task in tuple(fleet.tasks):
                    self._look_after(fleet, task, health)
                self._match(fleet)
            except BlueGreenError as error:  # of this service only; looked at again in the next round
                _log.warning("%s: %s", fleet.revision.arn, error)

    def _fleet(self, revision_arn: str) -> _Fleet | None:
        with self._lock:
            return self._fleets.get(revision_arn)

    def _wanted(self, fleet: _Fleet) -> int:
        if not fleet.runs:
            return 0
        if fleet.is_former:  # those that are left: none of them is started again
            return _running(fleet).running
        return self._desired_count(fleet.revision.service_arn)

    def _siblings(self, fleet: _Fleet) -> tuple[list[_Fleet], list[_Fleet]]:
        """The fleets of the same service that run tasks: those of present revisions, and former ones."""
        with self._lock:
            fleets = [f for f in self._fleets.values() if f.revision.service_arn == fleet.revision.service_arn]
        return [f for f in fleets if f.runs and not f.is_former], [f for f in fleets if f.runs and f.is_former]

    def _moves(self, deployed: Iterable[_Fleet], former: Iterable[_Fleet], service: str) -> Moves:
        """What the bounds of a rolling deployment allow now."""
        counted = [_sum(_running(fleet) for fleet in fleets) for fleets in (deployed, former)]
        return next_moves(self._desired_count(service), self._bounds(service), *counted)

    def _health(self, fleet: _Fleet) -> Mapping[str, Mapping[str, str]]:
        if all(task.state is TaskState.STOPPED for task in fleet.tasks):
            return {}
        return {group: self._groups.health(group) for group in fleet.revision.groups}

    def _look_after(self, fleet: _Fleet, task: Task, health: Mapping[str, Mapping[str, str]]) -> None:
        if task.state is TaskState.STOPPED or task.handle is None:
            return
        states = [by_address.get(task.address, "") for by_address in health.values()]
        if task.state is TaskState.RUNNING:
            self._watch(fleet, task, states)  # what it deregisters was read as registered: drained at the next look
        elif task.state is TaskState.DEACTIVATING:
            is_drained = all(state in {"", "unused"} for state in states)
            is_over = self._now() - (task.stopping_at or 0.0) > _MOST_DRAINING
            if is_drained or is_over or task.handle.has_ended():
                task.handle.terminate()
                self._save(task, TaskState.STOPPING)
        if task.state is TaskState.STOPPING and task.handle.has_ended():
            task.exit_code = task.handle.exit_code()
            task.stopped_at = self._now()
            self._save(task, TaskState.STOPPED)

    def _watch(self, fleet: _Fleet, task: Task, states: list[str]) -> None:
        """A running task: has it ended, is it healthy, is it to stop?"""
        assert task.handle is not None  # noqa: S101  # narrows the type; a running task has processes
        age = self._now() - task.started_at
        if (code := task.handle.exit_code()) is not None:
            task.exit_code = code
            self._failed(fleet, task, "EssentialContainerExited", "Essential container in task exited")
        elif task.asked_to_stop:
            self._drain(task, "UserInitiated", task.asked_to_stop)
        elif "unhealthy" in states and age >= self._grace_of(task):
            groups = ", ".join(task.revision.groups)
            self._failed(fleet, task, "ServiceSchedulerInitiated", f"Task failed ELB health checks in ({groups})")
        else:
            is_healthy = all(state == "healthy" for state in states) if states else age >= _STEADY
            if is_healthy and not task.is_healthy:
                fleet.failures_in_a_row = 0
            task.was_healthy = task.was_healthy or is_healthy
            if is_healthy != task.is_healthy:
                task.is_healthy = is_healthy
                self._saved(task)

    def _grace_of(self, task: Task) -> float:
        grace = self._grace(task.revision.service_arn)
        return grace if task.was_healthy else max(grace, self._least_grace)

    def _failed(self, fleet: _Fleet, task: Task, code: str, reason: str) -> None:
        self._count_failure(fleet)
        self._drain(task, code, reason)

    def _count_failure(self, fleet: _Fleet) -> None:
        fleet.failures += 1
        fleet.failures_in_a_row += 1
        fleet.restart_at = self._now() + _RESTART_DELAY * min(fleet.failures_in_a_row, _MOST_RESTART_DELAYS)

    def _drain(self, task: Task, code: str, reason: str) -> None:
        task.is_healthy = False
        task.stop_code, task.reason = code, reason
        task.stopping_at = self._now()
        for group, ingress in zip(task.revision.groups, task.revision.ingresses, strict=False):
            if task.is_registered:
                self._groups.deregister(group, task.address, ingress.port)
        self._save(task, TaskState.DEACTIVATING)

    def _match(self, fleet: _Fleet) -> None:
        """Start what is missing, drain what is too much (the newest first), forget what has long stopped."""
        running = _running_tasks(fleet)
        wanted = self._wanted(fleet)
        leaving = self._replaced(fleet) if fleet.is_former and fleet.runs else running[wanted:]
        if len(running) < wanted and not fleet.is_frozen and self._now() >= fleet.restart_at:
            for _ in range(min(wanted - len(running), self._room(fleet))):
                if not self._launch(fleet):
                    break
        for task in leaving:
            self._drain(task, "ServiceSchedulerInitiated", f"Scaling activity initiated by {fleet.revision.arn}")
        # ECS keeps stopped tasks for about an hour.
        fleet.tasks = [t for t in fleet.tasks if t.stopped_at is None or self._now() - t.stopped_at < 3600.0]

    def _room(self, fleet: _Fleet) -> int:
        """How many tasks may be started; former ones beside them take up room."""
        deployed, former = self._siblings(fleet)
        if not any(_running_tasks(other) for other in former):
            return self._wanted(fleet)
        return self._moves(deployed, former, fleet.revision.service_arn).start

    def _replaced(self, fleet: _Fleet) -> list[Task]:
        """The tasks of a former revision that may stop now: unhealthy ones of all former revisions go first."""
        deployed, former = self._siblings(fleet)
        moves = self._moves(deployed, former, fleet.revision.service_arn)
        candidates = [task for other in former for task in _running_tasks(other)]
        candidates.sort(key=lambda task: (task.is_healthy, task.started_at))
        return [task for task in candidates[: moves.stop] if task.revision.arn == fleet.revision.arn]

    def _launch(self, fleet: _Fleet) -> bool:
        revision = fleet.revision
        task = Task(self._new_task_arn(revision), revision, "", None, self._now())
        fleet.tasks.append(task)
        try:
            task.address, task.handle = self._host.launch(task.id, revision)
        except BlueGreenError as error:
            task.state, task.stopped_at = TaskState.STOPPED, self._now()
            task.stop_code, task.reason = "TaskFailedToStart", str(error)
            self._count_failure(fleet)
            self._saved(task)
            return False
        try:
            for group, ingress in zip(revision.groups, revision.ingresses, strict=False):
                self._groups.register(group, task.address, ingress.port)
                task.is_registered = True
        except BlueGreenError as error:
            self._failed(fleet, task, "ServiceSchedulerInitiated", str(error))
            return False
        self._saved(task)
        return True

    def _save(self, task: Task, state: TaskState) -> None:
        task.state = state
        self._saved(task)


def _running_tasks(fleet: _Fleet) -> list[Task]:
    return [task for task in fleet.tasks if task.state is TaskState.RUNNING]


def _running(fleet: _Fleet) -> Running:
    running = _running_tasks(fleet)
    return Running(len(running), sum(task.is_healthy for task in running))


def _sum(parts: Iterable[Running]) -> Running:
    listed = list(parts)
    return Running(sum(part.running for part in listed), sum(part.healthy for part in listed))


def counts(tasks: Iterable[Task]) -> tuple[int, int]:
    """(running, still stopping): what a service shows as runningCount, and what it waits for."""
    listed = list(tasks)
    running = sum(task.state is TaskState.RUNNING for task in listed)
    return running, sum(task.state in {TaskState.DEACTIVATING, TaskState.STOPPING} for task in listed)
