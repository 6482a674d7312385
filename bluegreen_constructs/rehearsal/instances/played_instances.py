"""The part of the emulator that is EC2 Auto Scaling and the programs of EC2 instances."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...engine.errors import RehearsalError
from ..clock import Clock
from ..ecs.load_balancer_calls import LoadBalancerCalls
from ..ecs.loopback_addresses import LoopbackAddresses
from ..ecs.task_processes import START_SECONDS, TaskProcesses
from ..ecs.tasks_file import TasksFile
from .activity import no_capacity
from .group_keeper import Group, GroupKeeper, Member
from .instance_processes import InstanceProcesses, RunningInstance
from .program import program

_log = logging.getLogger("rehearsal.instances")
_TICK = 0.2  # real seconds between two looks at groups and instances


class Ec2Records(Protocol):
    """EC2, Auto Scaling and target groups as the emulator keeps them; safe to call from any thread."""

    def groups(self) -> Mapping[str, Group]:
        """What every Auto Scaling group is told to be."""

    def running(self) -> Mapping[str, RunningInstance]:
        """The instances that run, by id."""

    def zone(self, group: str) -> str:
        """The Availability Zone that a group launches in."""

    def launch(self, group: Group, address: str) -> str:
        """Record a new running instance with `address` as its private one, and return its id."""

    def terminate(self, instance: str) -> None:
        """Record that an instance is terminated."""

    def port(self, target_group: str) -> int:
        """A target group's port."""

    def show(self, group: str, members: tuple[Member, ...]) -> None:
        """Put a group's instances where DescribeAutoScalingGroups reads them."""


@dataclass(frozen=True)
class InstanceSettings:
    """What runs on this machine (None: nothing can), the folder of the logs, and what tasks get of the environment."""

    tasks_file: Path | None
    log_dir: Path
    environment: Mapping[str, str]


class PlayedInstances:
    """Groups, instances and their thread. Registers targets through `balancers`."""

    def __init__(
        self,
        settings: InstanceSettings,
        records: Ec2Records,
        balancers: LoadBalancerCalls,
        clock: Clock,
        *,
        addresses_by_id: dict[str, str],
    ) -> None:
        self._records = records
        self._balancers = balancers
        self._tasks = TasksFile.read(settings.tasks_file) if settings.tasks_file is not None else TasksFile()
        self._addresses = LoopbackAddresses()
        self._processes = TaskProcesses(settings.log_dir, settings.environment)
        self._addresses_by_id = addresses_by_id
        self._programs = InstanceProcesses(
            self._tasks, self._processes, self._addresses, clock, addresses_by_id=addresses_by_id
        )
        self._numbers = 0
        self.keeper = GroupKeeper(
            self,
            self,
            now=clock.now,
            new_id=self._new_id,
            changed=records.show,
            least_grace=START_SECONDS * clock.speed,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="instances")

    # -- the part

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and every instance's process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._processes.end_all()
        self._addresses.close()

    def describe(self) -> dict[str, object]:
        """The instances' processes."""
        return {"instances": self._programs.describe(), "groups": self.keeper.describe()}

    def _keep(self) -> None:
        while not self._stopping.wait(_TICK):
            try:
                self.keeper.tick(self._records.groups())
                self._programs.tick(self._records.running())
            except Exception:  # noqa: BLE001  # one bad round must not end the instances' keeper
                _log.exception("the round over the instances failed; the next follows")

    def _new_id(self) -> str:
        self._numbers += 1
        return f"{self._numbers:08d}-0000-4000-8000-000000000000"

    # -- EC2, as the keeper uses it

    def launch(self, group: Group) -> str:
        """Start an instance; RehearsalError with the status message of the failed activity."""
        template = group.template
        if template is None:
            raise RehearsalError("the rehearsal launches from launch templates only; give the group one")
        if template.release in self._tasks.without_capacity:
            raise RehearsalError(no_capacity(template.instance_type, self._records.zone(group.name)))
        program(template.tags, template.release, self._tasks, address="", port=0)  # before there is an instance
        address = self._addresses.next()
        instance = self._records.launch(group, address)
        self._addresses_by_id[instance] = address
        return instance

    def is_running(self, instance: str) -> bool:
        """What EC2 says."""
        return instance in self._records.running()

    def terminate(self, instance: str) -> None:
        """TerminateInstances; the process ends with the next round."""
        self._records.terminate(instance)

    def has_ended(self, instance: str) -> bool:
        """Whether its process is gone."""
        return self._programs.has_ended(instance)

    # -- the load balancer, as the keeper uses it

    def register(self, group: str, instance: str) -> None:
        """RegisterTargets at the group's port."""
        self._balancers.register(group, instance, self._records.port(group))

    def deregister(self, group: str, instance: str) -> None:
        """DeregisterTargets."""
        self._balancers.deregister(group, instance, self._records.port(group))

    def health(self, group: str) -> Mapping[str, str]:
        """DescribeTargetHealth."""
        return self._balancers.health(group)
