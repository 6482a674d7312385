"""The machine as the place where tasks run: an address, the processes of the tasks file, and their end."""

import time
from collections.abc import Callable, Mapping

from ...engine.errors import RehearsalError
from ..clock import Clock
from .deployment_plan import mappings
from .loopback_addresses import LoopbackAddresses, is_free
from .revision import Revision
from .secret_values import SecretValues
from .service_scheduler import TaskHandle
from .task_overrides import overridden
from .task_processes import LEAST_STOP_SECONDS, TaskProcess, TaskProcesses, TaskSpec, task_spec
from .tasks_file import TasksFile, image_tag

NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone."
"""ECS's reason for a Fargate task that is not placed (developer guide: `service-event-messages-list`)."""


class LocalTask:
    """The processes of one task."""

    def __init__(self, processes: tuple[TaskProcess, ...], clock: Clock) -> None:
        self.processes = processes
        self._clock = clock

    def exit_code(self) -> int | None:
        """The exit code of the first essential process that ended, or of the last when none is left."""
        codes = [(process.spec.is_essential, process.poll(time.time())) for process in self.processes]
        ended = [code for is_essential, code in codes if is_essential and code is not None]
        if ended:
            return ended[0]
        return next((code for _, code in codes), 0) if all(code is not None for _, code in codes) else None

    def exit_codes(self) -> Mapping[str, int]:
        """The exit codes of the containers that have ended, by name."""
        codes = {process.spec.container: process.poll(time.time()) for process in self.processes}
        return {name: code for name, code in codes.items() if code is not None}

    def terminate(self) -> None:
        """SIGTERM; SIGKILL after stopTimeout in rehearsed time, at least two real seconds."""
        now = time.time()
        for process in self.processes:
            grace = max(LEAST_STOP_SECONDS, self._clock.real_seconds(process.spec.stop_timeout))
            process.terminate(now, grace)

    def has_ended(self) -> bool:
        """Whether no process is left."""
        return all(process.poll(time.time()) is not None for process in self.processes)


class LocalTaskHost:
    """Starts tasks. `task_definition` reads one by its ARN, `tag_of` says which build an image reference is; `not_run`
    is told of containers that are left out.
    """

    def __init__(
        self,
        tasks: TasksFile,
        processes: TaskProcesses,
        addresses: LoopbackAddresses,
        clock: Clock,
        *,
        secrets: SecretValues,
        task_definition: Callable[[str], Mapping[str, object]],
        tag_of: Callable[[str], str] = image_tag,
    ) -> None:
        self._tasks = tasks
        self._tag_of = tag_of
        self._processes = processes
        self._addresses = addresses
        self._clock = clock
        self._secrets = secrets
        self._task_definition = task_definition
        self.not_run: dict[str, tuple[str, ...]] = {}

    def check(self, revision: Revision) -> None:
        """Raise RehearsalError when the revision's tasks could never be started here."""
        self.check_definition(revision.task_definition)

    def check_definition(self, task_definition: str) -> None:
        """Raise RehearsalError when tasks of the definition with this ARN could never be started here."""
        task_spec(self._task_definition(task_definition), self._tasks, address="", side="", secrets={})

    def launch(self, task_id: str, revision: Revision) -> tuple[str, TaskHandle]:
        """Start one task; RehearsalError when it cannot be, NO_CAPACITY when the tasks file says that there is none."""
        definition = self._task_definition(revision.task_definition)
        address, spec = self._prepare(definition, side=revision.side)
        for container in mappings(definition.get("containerDefinitions")):
            for port_mapping in mappings(container.get("portMappings")):
                port = int(str(port_mapping.get("containerPort", 0)))
                if port and container.get("name") not in spec.not_run and not is_free(address, port):
                    raise RehearsalError(
                        f"container {container.get('name')} cannot listen on {address}:{port}: another program on this "
                        f"machine listens on port {port} of every address; stop it or change the container's port"
                    )
        return address, self._start(task_id, spec)

    def check_alone(self, task_definition: Mapping[str, object]) -> None:
        """Raise RehearsalError when a one-off task could not be started here, NO_CAPACITY as `launch` does."""
        self._check_capacity(task_definition)
        task_spec(task_definition, self._tasks, address="", side="", secrets={})

    def launch_alone(
        self, task_id: str, task_definition: Mapping[str, object], overrides: Mapping[str, object]
    ) -> tuple[str, LocalTask]:
        """Start one task that no service keeps; nobody has to reach its ports."""
        address, spec = self._prepare(task_definition, side="")
        return address, self._start(task_id, overridden(spec, overrides))

    def _prepare(self, definition: Mapping[str, object], *, side: str) -> tuple[str, TaskSpec]:
        """An address, and the processes that are to run there."""
        self._check_capacity(definition)
        address = self._addresses.next()
        secrets = self._secrets.of(definition)
        spec = task_spec(definition, self._tasks, address=address, side=side, secrets=secrets, tag_of=self._tag_of)
        if not spec.processes:
            raise RehearsalError(
                f"task definition {definition.get('taskDefinitionArn')} has no container with a command in the tasks "
                "file"
            )
        return address, spec

    def _check_capacity(self, definition: Mapping[str, object]) -> None:
        images = [str(container.get("image", "")) for container in mappings(definition.get("containerDefinitions"))]
        if self._tasks.without_capacity and any(
            self._tag_of(image) in self._tasks.without_capacity for image in images
        ):
            raise RehearsalError(NO_CAPACITY)

    def _start(self, task_id: str, spec: TaskSpec) -> LocalTask:
        self.not_run[task_id] = spec.not_run
        return LocalTask(tuple(self._processes.start(task_id, p) for p in spec.processes), self._clock)
