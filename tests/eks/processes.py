"""Servers on loopback: started with a log each, waited for with an eye on their death, stopped by their own ids."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TETHER = (  # runs in the child before the program: the kernel ends it with us, also when we are killed
    "import ctypes, os, signal, sys\n"
    "if sys.platform == 'linux':\n"
    "    ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "    if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
_STOP_SECONDS = 5.0


class ServerError(Exception):
    """A server died or did not become ready; the text ends with the tail of its log."""


@dataclass(frozen=True)
class Server:
    """One started program."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Raise ServerError when it has ended."""
        if self.process.poll() is not None:
            raise ServerError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 30) -> str:
        """The end of what it wrote."""
        written = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {self.name}| {line[:400]}" for line in written[-lines:])

    def wait(self, is_ready: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Return when it is ready. Raises ServerError when it dies before, or is not ready in time."""
        end = time.monotonic() + seconds
        while not is_ready():
            self.check()
            if time.monotonic() > end:
                raise ServerError(f"{self.name} was not ready in {seconds:.0f} s:\n{self.tail()}")
            time.sleep(0.1)


class Servers:
    """All that was started, in order."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._started: list[Server] = []

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Server:
        """Start a program; what it writes goes to `<name>.log`."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _TETHER, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C reaches the tests alone, which then stop everything in order
            )
        server = Server(name, process, log)
        self._started.append(server)
        return server

    def started(self, name: str) -> Server:
        """The one of this name."""
        return next(server for server in self._started if server.name == name)

    def kill(self, name: str) -> None:
        """End the one of this name without letting it finish anything."""
        server = self.started(name)
        server.process.kill()
        server.process.wait()
        self._started.remove(server)

    def check(self) -> None:
        """Raise ServerError when one of them has ended."""
        for server in self._started:
            server.check()

    def tails(self) -> str:
        """The end of each log; the last server's, which is what the tests are about, at more length."""
        return "\n".join(server.tail(20 if server is self._started[-1] else 3) for server in self._started)

    def stop(self) -> None:
        """End them all, the last one first, whatever state they are in."""
        for server in reversed(self._started):
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()
        self._started.clear()


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
