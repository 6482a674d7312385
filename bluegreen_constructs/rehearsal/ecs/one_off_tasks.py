"""Tasks that no service keeps: what RunTask starts, one local process per container, until it ends or is stopped.

Followed: the API reference of RunTask (its refusals, and that a client token makes it idempotent) and StopTask, and the
developer guide's `task-lifecycle-explanation`: PROVISIONING, RUNNING, STOPPED, with each container's exit code. Their
output is a file in the tasks' folder, as any task's; no `ECS Task State Change` event is sent.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...engine.errors import BlueGreenError, ConfigurationError, RehearsalError
from .deployment_plan import mapping, mappings
from .service_views import attachments
from .task_host import NO_CAPACITY
from .task_overrides import check_overrides, overridden_resources
from .task_processes import last_lines

_MOST_AT_ONCE = 10
_SHOWN = 50
_NO_NETWORK = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
_BOTH = "Specify only one launch type or capacity provider strategy. Remove one and try again."

Json = dict[str, object]


class AloneHandle(Protocol):
    """The processes of one task."""

    def exit_code(self) -> int | None:
        """The exit code once an essential container ended, or nothing is left to run; else None."""

    def exit_codes(self) -> Mapping[str, int]:
        """The exit codes of the containers that have ended, by name."""

    def terminate(self) -> None:
        """Begin to end all processes: SIGTERM, then SIGKILL after the stop time-out."""

    def has_ended(self) -> bool:
        """Whether no process is left."""


class AloneHost(Protocol):
    """Where the tasks run."""

    def check_alone(self, task_definition: Mapping[str, object]) -> None:
        """Raise BlueGreenError when such a task could not be started here."""

    def launch_alone(
        self, task_id: str, task_definition: Mapping[str, object], overrides: Mapping[str, object]
    ) -> tuple[str, AloneHandle]:
        """Start a task and return its address; BlueGreenError when it cannot be started."""


@dataclass
class OneOffTask:
    """One task. Instants are rehearsed seconds."""

    arn: str
    cluster_arn: str
    task_definition: Mapping[str, object]
    request: Mapping[str, object]
    created_at: float
    handle: AloneHandle | None = None
    address: str = ""
    status: str = "PROVISIONING"
    started_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str = ""
    reason: str = ""
    asked_to_stop: str = ""
    exit_codes: Mapping[str, int] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]


class OneOffTasks:
    """The tasks that RunTask started. `saved` puts a task's view where DescribeTasks reads it.

    RunTask and StopTask may come from any thread; processes are started and watched by the one that calls `tick`.
    """

    def __init__(
        self, host: AloneHost, *, now: Callable[[], float], saved: Callable[[str, Json], None], log_dir: Path
    ) -> None:
        self._host = host
        self._now = now
        self._saved = saved
        self._log_dir = log_dir
        self._lock = threading.Lock()
        self._tasks: list[OneOffTask] = []
        self._tokens: dict[str, tuple[str, list[str]]] = {}

    def run(
        self, request: Mapping[str, object], *, cluster_arn: str, task_definition: Mapping[str, object]
    ) -> tuple[list[Json], list[Json]]:
        """RunTask: the views of the tasks and the failures; ConfigurationError in ECS's words for what it refuses."""
        _check(request, task_definition)
        token = str(request.get("clientToken") or "")
        asked = json.dumps({**request, "clientToken": None}, sort_keys=True, default=str)
        with self._lock:
            if token in self._tokens and self._tokens[token][0] != asked:
                raise ConfigurationError("The provided clientToken is already in use with a different RunTask request.")
            if token in self._tokens:
                return [task_view(task) for task in self._tasks if task.arn in self._tokens[token][1]], []
        try:
            self._host.check_alone(task_definition)
        except RehearsalError as error:
            if str(error) == NO_CAPACITY:
                return [], [{"arn": cluster_arn, "reason": NO_CAPACITY}]
            raise
        head, _, cluster = cluster_arn.partition(":cluster/")
        started = [
            OneOffTask(f"{head}:task/{cluster}/{secrets.token_hex(16)}", cluster_arn, task_definition, request, now)
            for now in [self._now()] * int(str(request.get("count") or 1))
        ]
        for task in started:
            self._saved(task.arn, task_view(task))
        with self._lock:
            self._tasks.extend(started)
            if token:
                self._tokens[token] = (asked, [task.arn for task in started])
        return [task_view(task) for task in started], []

    def stop(self, reference: str, reason: str) -> Json | None:
        """StopTask by ARN or id: the task's view, None when it is none of these."""
        task = next((task for task in self.all() if reference in {task.arn, task.id}), None)
        if task is None:
            return None
        if task.status != "STOPPED" and not task.asked_to_stop:
            task.asked_to_stop = reason
            self._save(task)
        return task_view(task)

    def all(self) -> tuple[OneOffTask, ...]:
        """Every task, oldest first."""
        with self._lock:
            return tuple(self._tasks)

    def tick(self) -> None:
        """Start what waits, and look after what runs."""
        for task in self.all():
            if task.status == "PROVISIONING":
                self._start(task)
            elif task.status in {"RUNNING", "STOPPING"}:
                self._watch(task)

    def describe(self) -> list[Json]:
        """The latest tasks, for the rehearsal's state."""
        return [
            {
                "id": task.id,
                "task_definition": task.task_definition.get("taskDefinitionArn"),
                "overrides": overridden_resources(mapping(task.request.get("overrides"))),
                "started_by": task.request.get("startedBy") or "",
                "status": task.status,
                "created_at": task.created_at,
                "stopped_at": task.stopped_at,
                "reason": task.reason,
                "exit_codes": dict(task.exit_codes),
                "log": list(self._last_words(task)),
            }
            for task in self.all()[-_SHOWN:]
        ]

    def _last_words(self, task: OneOffTask) -> Sequence[str]:
        if task.status != "STOPPED":
            return ()
        return [line for log in sorted(self._log_dir.glob(f"{task.id}-*.log")) for line in last_lines(log)]

    def _start(self, task: OneOffTask) -> None:
        if task.asked_to_stop:
            self._end(task, "UserInitiated", task.asked_to_stop)
            return
        overrides = mapping(task.request.get("overrides"))
        try:
            task.address, task.handle = self._host.launch_alone(task.id, task.task_definition, overrides)
        except BlueGreenError as error:
            self._end(task, "TaskFailedToStart", str(error))
            return
        task.status, task.started_at = "RUNNING", self._now()
        self._save(task)

    def _watch(self, task: OneOffTask) -> None:
        assert task.handle is not None  # noqa: S101  # narrows the type; a running task has processes
        task.exit_codes = task.handle.exit_codes()
        if task.status == "RUNNING" and (task.asked_to_stop or task.handle.exit_code() is not None):
            is_asked = task.handle.exit_code() is None
            task.stop_code = "UserInitiated" if is_asked else "EssentialContainerExited"
            task.reason = task.asked_to_stop if is_asked else "Essential container in task exited"
            task.status, task.stopping_at = "STOPPING", self._now()
            task.handle.terminate()
            self._save(task)
        if task.status == "STOPPING" and task.handle.has_ended():
            task.exit_codes = task.handle.exit_codes()
            self._end(task, task.stop_code, task.reason)

    def _end(self, task: OneOffTask, code: str, reason: str) -> None:
        task.stop_code, task.reason = code, reason
        task.status, task.stopped_at = "STOPPED", self._now()
        self._save(task)

    def _save(self, task: OneOffTask) -> None:
        self._saved(task.arn, task_view(task))


def _check(request: Mapping[str, object], task_definition: Mapping[str, object]) -> None:
    """Refuse what RunTask refuses; ConfigurationError in its words."""
    count = int(str(request.get("count") or 1))
    if not 1 <= count <= _MOST_AT_ONCE:
        raise ConfigurationError("count should be a value in the range of [1, 10]")
    if request.get("launchType") and request.get("capacityProviderStrategy"):
        raise ConfigurationError(_BOTH)
    network = mapping(request.get("networkConfiguration")).get("awsvpcConfiguration")
    if task_definition.get("networkMode") == "awsvpc" and not network:
        raise ConfigurationError(_NO_NETWORK)
    check_overrides(mapping(request.get("overrides")), task_definition)


def task_view(task: OneOffTask) -> Json:
    """Task, for DescribeTasks; the address is in the attachment, as with awsvpc."""
    request, definition = task.request, task.task_definition
    is_stopping = bool(task.asked_to_stop) or task.status in {"STOPPING", "STOPPED"}
    providers = mappings(request.get("capacityProviderStrategy"))
    view: Json = {
        "taskArn": task.arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": definition.get("taskDefinitionArn"),
        "group": request.get("group") or f"family:{definition.get('family')}",
        "startedBy": request.get("startedBy"),
        "launchType": "FARGATE" if providers else request.get("launchType") or "FARGATE",
        "capacityProviderName": providers[0].get("capacityProvider") if providers else None,
        "overrides": overridden_resources(mapping(request.get("overrides"))),
        "tags": request.get("tags"),
        "desiredStatus": "STOPPED" if is_stopping else "RUNNING",
        "lastStatus": task.status,
        "healthStatus": "UNKNOWN",
        "connectivity": "CONNECTED",
        "createdAt": task.created_at,
        "startedAt": task.started_at,
        "stoppingAt": task.stopping_at,
        "stoppedAt": task.stopped_at,
        "stopCode": task.stop_code,
        "stoppedReason": task.reason,
        "containers": [_container_view(task, container) for container in mappings(definition["containerDefinitions"])],
        "attachments": attachments(task.id, task.address),
        "version": 1,
    }
    return {name: value for name, value in view.items() if value is not None and value != ""}


def _container_view(task: OneOffTask, container: Mapping[str, object]) -> Json:
    name = str(container.get("name"))
    view: Json = {
        "containerArn": f"{task.arn.replace(':task/', ':container/')}/{name}",
        "taskArn": task.arn,
        "name": name,
        "image": container.get("image"),
        "lastStatus": "STOPPED" if name in task.exit_codes else task.status,
        "exitCode": task.exit_codes.get(name),
        "networkInterfaces": [{"privateIpv4Address": task.address}] if task.address else [],
        "healthStatus": "UNKNOWN",
    }
    return {key: value for key, value in view.items() if value is not None}
