"""One local process per container of a task that ECS says runs.

A process is started from the tasks file with the task definition's environment, writes to a log file of its own, is
ended by SIGTERM and, after stopTimeout, SIGKILL (as StopTask documents), and dies with the emulator.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.errors import RehearsalError
from .deployment_plan import mappings, truth
from .tasks_file import TasksFile, image_tag

LEAST_STOP_SECONDS = 2.0
START_SECONDS = 3.0
"""Real: what a process may take to listen. Its start is not compressed, the health checks' intervals are."""
_STOP_TIMEOUT = 30.0
_SIGNALLED = 128
# Runs in the child before the program: the kernel ends the process when the thread that started it is gone
# (PR_SET_PDEATHSIG is kept over exec); a parent that was gone before is noticed by its number.
_TETHER = (
    "import ctypes, os, signal, sys\n"
    "if sys.platform == 'linux':\n"
    "    ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "    if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What one container is as a process. `stop_timeout`: seconds between SIGTERM and SIGKILL, as in ECS."""

    container: str
    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    stop_timeout: float = _STOP_TIMEOUT
    is_essential: bool = True


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What one task is on this machine: the processes, and the containers that are not run here."""

    processes: tuple[ProcessSpec, ...]
    not_run: tuple[str, ...] = ()


@dataclass
class TaskProcess:
    """A started process. `ended_at` and `exit_code` are set once it is seen to have ended."""

    spec: ProcessSpec
    popen: subprocess.Popen[bytes]
    log: Path
    kill_at: float | None = None
    exit_code: int | None = field(default=None)

    def poll(self, now: float) -> int | None:
        """The exit code once the process has ended, else None; kills it when its stop time-out is over.

        As of a container, 128 and the signal's number when a signal ended it: 143 by SIGTERM, 137 by SIGKILL.
        """
        if self.exit_code is None and (code := self.popen.poll()) is not None:
            self.exit_code = code if code >= 0 else _SIGNALLED - code
        if self.exit_code is None and self.kill_at is not None and now >= self.kill_at:
            _signal(self.popen, signal.SIGKILL)
        return self.exit_code

    def terminate(self, now: float, grace: float) -> None:
        """SIGTERM now, SIGKILL from `poll` after `grace` seconds (both by the wall clock)."""
        if self.kill_at is None and self.popen.poll() is None:
            self.kill_at = now + grace
            _signal(self.popen, signal.SIGTERM)


def task_spec(
    task_definition: Mapping[str, object],
    tasks: TasksFile,
    *,
    address: str,
    side: str,
    secrets: Mapping[str, Mapping[str, str]],
    tag_of: Callable[[str], str] = image_tag,
) -> TaskSpec:
    """The processes of a task; raises RehearsalError for an essential container that the tasks file does not name.

    `side` is "" for a service without two sides; `secrets` are the resolved values by container and variable; `tag_of`
    says which build an image reference is.
    """
    processes: list[ProcessSpec] = []
    not_run: list[str] = []
    for container in mappings(task_definition.get("containerDefinitions")):
        name = str(container.get("name"))
        known = tasks.containers.get(name)
        is_essential = truth(container.get("essential", True))
        if known is None:
            if is_essential:
                where = tasks.path.name if tasks.path else "that was not given"
                raise RehearsalError(
                    f"the tasks file {where} names no command for container {name}; "
                    f'add [containers.{name}] with command = ["program", "argument"]'
                )
            not_run.append(name)
            continue
        image = str(container.get("image", ""))
        ports = [mapping_.get("containerPort") for mapping_ in mappings(container.get("portMappings"))]
        environment = {
            **{str(pair["name"]): str(pair.get("value", "")) for pair in mappings(container.get("environment"))},
            **secrets.get(name, {}),
            **known.environment,
            **tasks.environment_of(tag_of(image)),
            "HOST": address,
            "RELEASE": image_tag(image),
            **({"PORT": str(ports[0])} if ports else {}),
            **({"BLUEGREEN_SIDE": side} if side else {}),
        }
        processes.append(
            ProcessSpec(
                container=name,
                command=known.command,
                directory=known.directory,
                environment=environment,
                stop_timeout=float(str(container.get("stopTimeout") or _STOP_TIMEOUT)),
                is_essential=is_essential,
            )
        )
    return TaskSpec(tuple(processes), tuple(not_run))


class TaskProcesses:
    """Starts the processes and knows those that still run, so that none outlives the emulator.

    Call `start` from one thread that lives as long as the emulator: the kernel ties a process to the thread that
    started it.
    """

    def __init__(self, log_dir: Path, base_environment: Mapping[str, str] | None = None) -> None:
        self._log_dir = log_dir
        self._base = dict(os.environ if base_environment is None else base_environment)
        self._running: list[TaskProcess] = []
        self._lock = threading.Lock()
        atexit.register(self.end_all)

    def start(self, task_id: str, spec: ProcessSpec) -> TaskProcess:
        """Start one process; RehearsalError when its program is not there."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log = self._log_dir / f"{task_id}-{spec.container}.log"
        tether = [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid())]
        with log.open("ab") as output:
            try:
                popen = subprocess.Popen(
                    [*tether, *spec.command],
                    cwd=spec.directory,
                    env={**self._base, "PYTHONUNBUFFERED": "1", **spec.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise RehearsalError(f"container {spec.container} cannot be started: {error}") from error
        process = TaskProcess(spec, popen, log)
        with self._lock:
            self._running = [running for running in self._running if running.popen.poll() is None]
            self._running.append(process)
        return process

    def end_all(self, grace: float = LEAST_STOP_SECONDS) -> None:
        """SIGTERM to all that run, SIGKILL to those that still do after `grace` seconds; waits for their end."""
        atexit.unregister(self.end_all)
        with self._lock:
            running, self._running = self._running, []
        for process in running:
            _signal(process.popen, signal.SIGTERM)
        deadline = time.monotonic() + grace
        for process in running:
            try:
                process.popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process.popen, signal.SIGKILL)
                process.popen.wait()


def last_lines(log: Path, count: int = 5) -> Sequence[str]:
    """The end of a task's log, for the reason why it ended."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
    except OSError:
        return ()


def _signal(popen: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the process and what it started: it leads a session of its own."""
    if popen.poll() is None:
        try:
            os.killpg(popen.pid, number)
        except ProcessLookupError:
            pass
        except PermissionError:
            popen.send_signal(number)
