"""One command of the CDK CLI: a process with its own group, read line by line, and what it ended with."""

import os
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ..engine.errors import RehearsalError
from .cdk_failure import reason_in

_KEPT_LINES = 4000
_TAIL = 15
_CHECK_SECONDS = 0.25
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class CdkResult:
    """How one command ended. `exit_code` is negative when a signal ended it; `seconds` are real ones."""

    command: tuple[str, ...]
    exit_code: int
    seconds: float
    stdout: str
    stderr: str
    log: Path

    @property
    def succeeded(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0

    def tail(self, lines: int = _TAIL) -> str:
        """The end of what it said, errors last."""
        said = [line for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        return "\n".join(said[-lines:])

    @property
    def reason(self) -> str:
        """Why it failed, in one line: the application's or the CLI's own words."""
        return reason_in(self.stdout, self.stderr)

    def require_success(self) -> Self:
        """Itself, or RehearsalError with the reason."""
        if not self.succeeded:
            raise RehearsalError(
                f"cdk {self.command[0]} ended with exit code {self.exit_code}: {self.reason}; its log is {self.log}"
            )
        return self


class CdkRun:
    """A command that runs. Leaving its `with` block ends it, with everything it started."""

    def __init__(
        self,
        command: Sequence[str],
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
        on_line: Callable[[str], None] | None,
        check: Callable[[], None] | None = None,
    ) -> None:
        self._check = check
        self._arguments = tuple(arguments)
        self._log = log
        self._on_line = on_line
        self._lines: tuple[deque[str], deque[str]] = (deque(maxlen=_KEPT_LINES), deque(maxlen=_KEPT_LINES))
        self._result: CdkResult | None = None
        self._started = time.monotonic()
        log.parent.mkdir(parents=True, exist_ok=True)
        self._file = log.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        try:
            # Its own session: Ctrl-C reaches the caller alone, who then ends the whole group in order.
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            self._file.close()
            raise RehearsalError(f"the CDK CLI does not start: {error}") from None
        streams = (self._process.stdout, self._process.stderr)
        self._readers = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True, name="cdk-output")
            for stream, kept in zip(streams, self._lines, strict=True)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    @property
    def pid(self) -> int:
        """The CLI's process id, which is also its process group."""
        return self._process.pid

    def poll(self) -> CdkResult | None:
        """The result when the command has ended, else None."""
        if self._result is None and self._process.poll() is not None:
            self._finish()
        return self._result

    def wait(self, limit_seconds: float | None = None) -> CdkResult:
        """Wait for the end; after `limit_seconds` the command is ended and RehearsalError raised.

        An exception while waiting (Ctrl-C, or what `check` raises) ends the command, too.
        """
        deadline = None if limit_seconds is None else time.monotonic() + limit_seconds
        try:
            while not self._has_ended_within(deadline):
                if deadline is not None and time.monotonic() >= deadline:
                    raise RehearsalError(
                        f"cdk {self._arguments[0]} took longer than {limit_seconds:g} s and was ended; "
                        f"its log is {self._log}"
                    )
                if self._check is not None:
                    self._check()
        except BaseException:
            self.terminate()
            raise
        if self._result is None:
            self._finish()
        return self._require_result()

    def _has_ended_within(self, deadline: float | None) -> bool:
        remaining = _CHECK_SECONDS if deadline is None else deadline - time.monotonic()
        try:
            self._process.wait(max(0.0, min(_CHECK_SECONDS, remaining)))
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> CdkResult:
        """End the command (SIGTERM, after five seconds SIGKILL) and the rest of its group; harmless after the end."""
        if self._result is None:
            if self._process.poll() is None:
                self._signal_group(signal.SIGTERM)
                try:
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(5)
                finally:
                    self._finish()
            else:
                self._finish()
        return self._require_result()

    def _finish(self) -> None:
        # The app that the CLI started would outlive a CLI that was killed.
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join(5)
        with self._lock:
            self._file.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._result = CdkResult(
            command=self._arguments,
            exit_code=self._process.returncode,
            seconds=time.monotonic() - self._started,
            stdout="\n".join(self._lines[0]),
            stderr="\n".join(self._lines[1]),
            log=self._log,
        )

    def _require_result(self) -> CdkResult:
        if self._result is None:
            raise RehearsalError(f"cdk {self._arguments[0]} has not ended")
        return self._result

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self, stream: IO[str] | None, kept: deque[str]) -> None:
        if stream is None:
            return
        with suppress(ValueError):  # closed under the reader, when the process was ended
            for raw in stream:
                line = _ANSI.sub("", raw.rstrip("\n"))
                kept.append(line)
                with self._lock:
                    if not self._file.closed:
                        self._file.write(line + "\n")
                        self._file.flush()
                if self._on_line is not None:
                    self._on_line(line)
