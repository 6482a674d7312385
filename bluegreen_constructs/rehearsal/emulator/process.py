"""Starts, watches and ends the emulator's process."""

import contextlib
import errno
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ...engine.errors import RehearsalError
from ..installed import check_extra
from ..node import find_node
from ..uninterrupted import uninterrupted
from .switches import Switches
from .world import EmulatorConfig

_MODULE = "bluegreen_constructs.rehearsal.emulator.main"
_END_SECONDS = 2.0  # what a killed process with many threads may take until the kernel says so
# What of the user's environment stays away from the emulator: their account, and proxies that would see loopback calls.
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})
_LOOPBACK = "127.0.0.1,localhost"


class EmulatorProcess:
    """One emulator, from `with` to the end of the block: ready inside it, and nothing left of it after.

    The emulator runs in its own session, so that Ctrl-C reaches only the caller, who ends it here. It holds its
    standard input as a life line: when this process dies in whatever way, the emulator sees the end and stops.

    Args:
        work_dir: folder for everything it writes (made when missing); the log is `emulator.log` in it.
        port: loopback port of the gateway; default: a free one. A taken one is refused.
        speed: how much faster rehearsed time runs (see `clock.Clock`).
        tasks_file: TOML that says which local process an ECS task is.
        account, region: what AWS says that it is (default: made-up ones).
        ready_seconds: how long the start may take before it is given up.
    """

    def __init__(
        self,
        work_dir: Path,
        *,
        port: int | None = None,
        speed: float = 30.0,
        tasks_file: Path | None = None,
        account: str = EmulatorConfig.account,
        region: str = EmulatorConfig.region,
        ready_seconds: float = 60.0,
    ) -> None:
        self._given_port = port
        self._ready_seconds = ready_seconds
        self._process: subprocess.Popen[bytes] | None = None
        # The port is settled in start(), when its socket is held.
        self._config = EmulatorConfig(
            port=port or 0,
            work_dir=work_dir.resolve(),
            speed=speed,
            tasks_file=None if tasks_file is None else tasks_file.resolve(),
            account=account,
            region=region,
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def config(self) -> EmulatorConfig:
        """The set-up; its port is the real one after `start`."""
        return self._config

    @property
    def endpoint(self) -> str:
        """The gateway's URL."""
        return self._config.endpoint

    @property
    def switches(self) -> Switches:
        """What a scenario makes fail on purpose: functions and AWS services."""
        return Switches(self._config.port)

    @property
    def log(self) -> Path:
        """Where the emulator writes its log."""
        return self._config.work_dir / "emulator.log"

    @property
    def pid(self) -> int | None:
        """The emulator's process id (also its process group), None before `start` and after `stop`."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the emulator and wait until it is ready.

        Raises RehearsalError: the extra is missing or another emulator is installed, the port is taken, the emulator
        ended or was not ready in time (with the end of its log).
        """
        check_extra()
        listener = _listen(self._given_port)
        self._config = replace(self._config, port=listener.getsockname()[1])
        try:
            with uninterrupted(), listener:  # ours is closed then: what nobody serves is to be refused
                self._process = self._spawn(listener)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Raise RehearsalError when the emulator's process has ended."""
        if self._process is None:
            raise RehearsalError("the emulator was not started")
        code = self._process.poll()
        if code is not None:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise RehearsalError(f"the emulator {how}; its log is {self.log}")

    def stop(self) -> None:
        """End the emulator: SIGTERM, after ten seconds SIGKILL, then whatever of its group is left; never raises."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)
        finally:
            # Functions and tasks are of the emulator's group; killed, it could not end them itself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def state(self) -> dict[str, object]:
        """What the emulator's parts say of themselves (`GET /_rehearsal/state`).

        Raises RehearsalError when it does not answer, and says why when it has ended.
        """
        self.check()
        try:
            return _get_json(self._config.port)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._wait_for_the_end()
            self.check()
            raise RehearsalError(
                f"the emulator does not answer on port {self._config.port} ({error}); its log is {self.log}"
            ) from error

    def client_environment(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """`environment` without its AWS account and proxies, turned to this emulator: for the CDK CLI and for boto3."""
        kept = {
            name: value
            for name, value in environment.items()
            if not name.startswith(("AWS_", "CDK_")) and name.upper() not in _PROXIES
        }
        empty = str(self._config.work_dir / "no-aws-configuration")
        return {
            **kept,
            "AWS_ENDPOINT_URL": self._config.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self._config.region,
            "AWS_DEFAULT_REGION": self._config.region,
            "AWS_CONFIG_FILE": empty,
            "AWS_SHARED_CREDENTIALS_FILE": empty,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The CLI remembers which account an access key belongs to, so it needs a memory per emulator.
            "CDK_HOME": str(self._config.work_dir / "cdk-home"),
            # What a CLI or an application that had to be killed leaves in its temporary folder is this run's.
            "TMPDIR": str(self._config.work_dir / "tmp"),
            "CDK_DEFAULT_ACCOUNT": self._config.account,
            "CDK_DEFAULT_REGION": self._config.region,
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }

    def _spawn(self, listener: socket.socket) -> "subprocess.Popen[bytes]":
        for folder in ("tmp", "home", "state"):
            (self._config.work_dir / folder).mkdir(parents=True, exist_ok=True)
        settings = self._config.work_dir / "emulator.json"
        settings.write_text(self._config.to_json(), encoding="utf-8")
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # its working folder is no place for modules
                    "-m",
                    _MODULE,
                    str(settings),
                    "--socket",
                    str(listener.fileno()),
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._config.work_dir,
                env=_emulator_environment(self._config),
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise RehearsalError(f"the emulator did not start: {self._last_words()}; its log is {self.log}")
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if _get_json(self._config.port).get("ready") is True:
                    return
            time.sleep(0.05)
        raise RehearsalError(
            f"the emulator was not ready after {self._ready_seconds:g} s: {self._last_words()}; its log is {self.log}"
        )

    def _wait_for_the_end(self) -> None:
        """A killed process no longer answers, but has ended only when the last of its threads has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                self._process.wait(_END_SECONDS)

    def _last_words(self) -> str:
        """Its refusal if it made one, else the last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        refusals = [line.partition("refused: ")[2] for line in lines if "refused: " in line]
        return (refusals or [line for line in lines if line.strip()] or ["it said nothing"])[-1]


def _listen(port: int | None) -> socket.socket:
    """A listening loopback socket. Bound here and inherited, so that nobody takes the port between choice and use."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port or 0))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise RehearsalError(f"port {port} is taken; choose another, or leave it out to get a free one") from None
        raise RehearsalError(f"no port to listen on: {error.strerror}") from None
    return listener


def _get_json(port: int) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/_rehearsal/state")
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  # the caller treats it like any unreadable answer
    return answer


def _emulator_environment(config: EmulatorConfig) -> dict[str, str]:
    """All that the emulator, and through it every function, sees of the outside."""
    work_dir = config.work_dir
    paths = [str(find_node().parent), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    inherited = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {
        **inherited,
        # Also from a checkout that is not installed; the emulator takes it away again before it starts anything.
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "PATH": os.pathsep.join(paths),
        "HOME": str(work_dir / "home"),
        "TMPDIR": str(work_dir / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        # Loopback only. Its IoT listener ignores BIND_HOST and would open 0.0.0.0:8883.
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{work_dir}/no-docker.sock",
        "LAMBDA_EXECUTOR": "local",
        "GATEWAY_PORT": str(config.port),
        "MINISTACK_ACCOUNT_ID": config.account,
        "MINISTACK_REGION": config.region,
        "SFN_WAIT_SCALE": repr(1 / config.speed),
        "STATE_DIR": str(work_dir / "state"),
        "S3_DATA_DIR": str(work_dir / "state" / "s3"),
        "LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": config.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
