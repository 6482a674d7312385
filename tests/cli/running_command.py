"""`bluegreen` as a process: what it said, and which processes are there because of it."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

LIMIT_SECONDS = 240.0
_MARK = "BLUEGREEN_TEST_RUN"


class RunningCommand:
    """A started `bluegreen`. Its processes are those with its mark in their environment, or `place` in their command
    or environment: the emulator, and what it starts, see nothing of the environment that the command was started in.
    """

    def __init__(self, *arguments: str, directory: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._mark = uuid.uuid4().hex
        self.places = [str(directory)] if not (directory / ".git").exists() else []
        self._directory = directory
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "bluegreen", *arguments],
            cwd=directory,
            env={**environment, _MARK: self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_signals,  # noqa: PLW1509  # the tests that start a command have no threads
        )
        self.progress: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process.wait()

    def read_until(self, words: str) -> None:
        """Read progress until a line has the words."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.progress.append(line)
            if "files in " in line:
                self.places.append(str(self._directory / line.rpartition("files in ")[2].strip()))
            if words in line:
                return
        raise AssertionError(f"ended without saying {words!r}: {''.join(self.progress)}")

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, standard output, what of standard error was not read yet."""
        stdout, stderr = self.process.communicate(timeout=LIMIT_SECONDS)
        return self.process.returncode, stdout, stderr

    def processes(self) -> dict[int, str]:
        """Everything that is there because of this command, without itself: commands by process id."""
        marks = [f"{_MARK}={self._mark}".encode(), *(place.encode() for place in self.places)]
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in {os.getpid(), self.process.pid}:
                try:
                    command = (entry / "cmdline").read_bytes()
                    seen = command + (entry / "environ").read_bytes()
                except OSError:
                    continue
                if any(mark in seen for mark in marks):
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def process_with(self, words: str) -> int:
        """The one process whose command has the words; waits until it is there."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [pid for pid, command in self.processes().items() if words in command]
            return bool(found)

        until(is_there)
        return found[0]


def _heed_signals() -> None:
    """As in somebody's terminal, also where the tests run under nohup or in a shell's background."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for it; the limit only ends a test that would fail."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
