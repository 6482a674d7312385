"""The `bluegreen` command as operators run it during a rehearsal: a process, turned to the emulator and its clock."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ..engine.errors import RehearsalError
from .uninterrupted import uninterrupted

ACCESS_KEY = "operator"
"""The access key of the operator, by which the call log tells their calls from all others."""
_PAUSE = 0.05


@dataclass(frozen=True)
class CommandResult:
    """How one command ended; `began` is wall-clock time, `seconds` are real ones."""

    arguments: tuple[str, ...]
    exit_code: int
    began: float
    seconds: float
    stdout: str
    stderr: str

    @property
    def answer(self) -> Mapping[str, Any]:
        """What `--format json` printed; nothing when that was no JSON."""
        try:
            given = json.loads(self.stdout)
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}

    @property
    def said(self) -> str:
        """Its last line: an error's sentence, else the end of its answer."""
        lines = [line for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"

    def require_success(self) -> Self:
        """Itself, or RehearsalError with what it said."""
        if self.exit_code != 0:
            raise RehearsalError(f"bluegreen {' '.join(self.arguments)} ended with {self.exit_code}: {self.said}")
        return self


class CommandRun:
    """A command that runs. Leaving its `with` block ends it."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], output: Path) -> None:
        self._arguments = arguments
        self._output = output
        self._began = time.time()
        self._result: CommandResult | None = None
        with uninterrupted(), self._file(".out", "wb") as out, self._file(".err", "wb") as err:
            # Its own session: Ctrl-C reaches the caller alone, who then ends everything in order.
            self._process = subprocess.Popen(
                [str(_executable()), *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def poll(self) -> CommandResult | None:
        """The result when the command has ended, else None."""
        code = self._process.poll()
        if self._result is None and code is not None:
            seconds = time.time() - self._began
            said = [self._output.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".out", ".err")]
            self._result = CommandResult(self._arguments, code, self._began, seconds, said[0], said[1])
        return self._result

    def wait(self, limit_seconds: float, check: Callable[[], None]) -> CommandResult:
        """Wait for the end; RehearsalError after `limit_seconds` real ones, or as `check` raises."""
        deadline = time.monotonic() + limit_seconds
        while (result := self.poll()) is None:
            check()
            if time.monotonic() > deadline:
                raise RehearsalError(
                    f"bluegreen {' '.join(self._arguments)} took longer than {limit_seconds:g} s and was ended; what "
                    f"it said is in {self._output.with_suffix('.err')}"
                )
            time.sleep(_PAUSE)
        return result

    def _file(self, suffix: str, mode: str) -> IO[bytes]:
        return self._output.with_suffix(suffix).open(mode)


class OperatorCommands:
    """Runs commands in an environment; what each of them said is kept in `folder`."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = {**environment, "AWS_ACCESS_KEY_ID": ACCESS_KEY}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str) -> CommandRun:
        """Begin a command, for a caller who watches meanwhile."""
        number = len(list(self._folder.glob("*.out"))) + 1
        return CommandRun(arguments, self._environment, self._folder / f"{number:02d}-{arguments[0]}")


def _executable() -> Path:
    found = Path(sys.executable).parent / "bluegreen"
    if not found.exists():
        raise RehearsalError(f"the bluegreen command is not beside {sys.executable}: install this checkout there")
    return found
