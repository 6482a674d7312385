"""The processes of EC2 instances: one for each instance that runs and stands behind a target group.

A process starts when its instance is first registered, on the instance's own loopback address and on the target's port
(there is nothing else to learn the port from), and ends with its instance. One that ended by itself is not started
again: EC2's own health check does not see it either, the load balancer's does.
"""

import logging
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

from ...engine.errors import BlueGreenError, RehearsalError
from ..clock import Clock
from ..ecs.loopback_addresses import LoopbackAddresses, is_free
from ..ecs.task_host import LocalTask
from ..ecs.task_processes import TaskProcesses
from ..ecs.tasks_file import TasksFile
from .program import program

_log = logging.getLogger("rehearsal.instances")


@dataclass(frozen=True)
class RunningInstance:
    """An instance that EC2 says runs. `port`: where its first target group expects it; None before it is in one."""

    release: str
    port: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Started:
    release: str
    port: int
    task: LocalTask | None
    problem: str = ""
    is_leaving: bool = False


class InstanceProcesses:
    """Starts and ends them; `tick` is called by one thread that lives as long as the emulator.

    `addresses_by_id` is told of every instance's address; the load balancer's data plane reads it.
    """

    def __init__(
        self,
        tasks: TasksFile,
        processes: TaskProcesses,
        addresses: LoopbackAddresses,
        clock: Clock,
        *,
        addresses_by_id: MutableMapping[str, str],
    ) -> None:
        self._tasks = tasks
        self._processes = processes
        self._addresses = addresses
        self._clock = clock
        self._addresses_by_id = addresses_by_id
        self._started: dict[str, _Started] = {}

    def give_address(self, instance: str) -> str:
        """The instance's loopback address, the same each time."""
        if instance not in self._addresses_by_id:
            self._addresses_by_id[instance] = self._addresses.next()
        return self._addresses_by_id[instance]

    def tick(self, running: Mapping[str, RunningInstance]) -> None:
        """Start what runs and is registered, end what runs no more, and forget what has ended."""
        for instance, found in running.items():
            address = self.give_address(instance)
            if found.port is not None and instance not in self._started:
                self._started[instance] = self._start(instance, found, address, found.port)
        for instance, started in tuple(self._started.items()):
            if instance not in running and not started.is_leaving:
                started.is_leaving = True
                if started.task is not None:
                    started.task.terminate()
            if started.is_leaving and self._is_over(started):
                del self._started[instance]

    def has_ended(self, instance: str) -> bool:
        """Whether no process of the instance is left."""
        started = self._started.get(instance)
        return started is None or self._is_over(started)

    def describe(self) -> dict[str, object]:
        """By instance: release, address, port, and the problem or exit code of one that does not run."""
        return {
            instance: {
                "release": started.release,
                "address": self._addresses_by_id.get(instance),
                "port": started.port,
                "exit_code": started.task.exit_code() if started.task is not None else None,
                "problem": started.problem,
                "is_leaving": started.is_leaving,
            }
            for instance, started in tuple(self._started.items())
        }

    def _is_over(self, started: _Started) -> bool:
        return started.task is None or started.task.has_ended()

    def _start(self, instance: str, found: RunningInstance, address: str, port: int) -> _Started:
        try:
            spec = program(found.tags, found.release, self._tasks, address=address, port=port)
            if not is_free(address, port):
                raise RehearsalError(
                    f"instance {instance} cannot listen on {address}:{port}: another program listens on port {port} of "
                    f"every address, or the port is below 1024 and this user may not; give the target group another"
                )
            task = LocalTask((self._processes.start(instance, spec),), self._clock)
        except BlueGreenError as error:
            _log.warning("instance %s: %s", instance, error)
            return _Started(found.release, port, None, str(error))
        return _Started(found.release, port, task)
