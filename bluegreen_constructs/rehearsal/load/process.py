"""The load generator as the parent sees it: a process to start, look at and stop."""

import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

from ...engine.errors import ConfigurationError, RehearsalError
from ..uninterrupted import uninterrupted
from .plan import LoadPlan
from .record import LoadRecord, read_records
from .result import LoadResult

START_SECONDS = 30.0

# What a stop may take beyond the time-out of the last request: writing the rest, and ending Python.
STOP_MARGIN_SECONDS = 10.0


class LoadProcess:
    """One run of load, in a process of its own so that a busy parent does not make it late.

        with LoadProcess(plan) as load:
            ...
            result = load.stop()

    Leaving the block ends the process if `stop` has not. Should the parent itself be killed, the generator notices
    that the pipe to it closed, and stops.
    """

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._log = plan.output.with_name(f"{plan.output.name}.log")
        self._process: subprocess.Popen[str] | None = None
        self._should_run = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def start(self) -> None:
        """Start sending; returns when the generator does. Raises RehearsalError with its words when it cannot."""
        if self._process is not None:
            raise RehearsalError("this load has been started already; make another LoadProcess for another run")
        try:
            # An output of an earlier run must not be taken for this one's.
            self._plan.output.unlink(missing_ok=True)
            log = self._log.open("w", encoding="utf-8")
        except OSError as error:
            raise RehearsalError(
                f"the load's output {self._plan.output} cannot be written ({error.strerror}); give another file"
            ) from error
        try:
            with log, uninterrupted():
                # Its own session: Ctrl-C reaches the caller alone, who then ends everything in order.
                process = self._process = subprocess.Popen(
                    [sys.executable, "-m", __package__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
            self._hand_over_plan(process)
        except BaseException:
            # Also at Ctrl-C: nobody else knows of this process yet.
            self.end()
            raise
        self._should_run = True

    def check(self) -> None:
        """Raise RehearsalError when the generator has failed or was killed; not before the start or after the end."""
        if self._should_run and self._process is not None and self._process.poll():
            raise RehearsalError(self._failure(self._process.returncode))

    def records(self) -> Iterator[LoadRecord]:
        """The requests whose outcome is known by now, one by one."""
        self._started()
        return read_records(self._plan.output)

    def wait(self) -> LoadResult:
        """Wait for the end of a plan with a duration, and what it showed. Raises as `stop` does."""
        process = self._started()
        if self._plan.duration_seconds is None:
            raise ConfigurationError("this load has no end to wait for; give the plan duration_seconds, or call stop")
        return self._result(process, self._plan.duration_seconds)

    def stop(self) -> LoadResult:
        """Stop sending, wait for the requests in flight, and what the whole run showed.

        Raises RehearsalError when the generator failed, was killed by somebody else, or does not end in time.
        """
        process = self._started()
        process.terminate()
        return self._result(process, 0.0)

    def end(self) -> None:
        """Make sure that the process is gone, without asking what came of it; does nothing when it is."""
        process, self._should_run = self._process, False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in _pipes(process):
            try:
                pipe.close()
            except BrokenPipeError:  # the plan was never read
                continue

    def _result(self, process: subprocess.Popen[str], remaining_seconds: float) -> LoadResult:
        limit = remaining_seconds + self._plan.timeout_seconds + STOP_MARGIN_SECONDS
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise RehearsalError(
                f"the load generator did not end within {limit:g} s and was killed; its log is {self._log}"
            ) from None
        finally:
            self.end()
        if code != 0:
            raise RehearsalError(self._failure(code))
        return LoadResult.from_records(read_records(self._plan.output))

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RehearsalError("this load has not been started; call start first, or use it in a with statement")
        return self._process

    def _hand_over_plan(self, process: subprocess.Popen[str]) -> None:
        stdin, stdout = _pipes(process)
        try:
            stdin.write(self._plan.to_json() + "\n")
            stdin.flush()
            readable, _, _ = select.select([stdout], [], [], START_SECONDS)
        except BrokenPipeError:  # it ended before it read the plan; its log says why
            readable = [stdout]
        if not readable:
            raise RehearsalError(f"the load generator did not begin within {START_SECONDS:g} s; its log is {self._log}")
        if stdout.readline() != "sending\n":
            process.wait(STOP_MARGIN_SECONDS)
            raise RehearsalError(f"the load generator did not start: {self._last_words()}")

    def _failure(self, code: int) -> str:
        if code < 0:
            return f"the load generator was killed by {signal.Signals(-code).name}; its log is {self._log}"
        return f"the load generator ended with exit code {code}: {self._last_words()}"

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1].removeprefix("load: ") if lines else "it said nothing"


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RehearsalError("the load generator was started without pipes")
    return process.stdin, process.stdout
