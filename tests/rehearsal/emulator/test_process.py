"""The emulator process: starts alone on loopback, says why it does not, and never outlives who started it."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal import installed as installed_module
from bluegreen_constructs.rehearsal.emulator import process as process_module
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess
from bluegreen_constructs.rehearsal.emulator.world import EmulatorConfig


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    os.environ["AWS_PROFILE"] = "production"
    try:
        with EmulatorProcess(tmp_path_factory.mktemp("emulator"), speed=60) as running:
            yield running
    finally:
        del os.environ["AWS_PROFILE"]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.02)


def test_the_settings_survive_the_way_to_the_emulator() -> None:
    config = EmulatorConfig(port=4566, work_dir=Path("/w"), speed=12.5, tasks_file=Path("/t.toml"), region="eu-west-1")
    assert EmulatorConfig.from_json(config.to_json()) == config
    assert EmulatorConfig.from_json(EmulatorConfig(1, Path("/w")).to_json()).tasks_file is None


def test_a_started_emulator_says_its_state(emulator: EmulatorProcess) -> None:
    state = emulator.state()
    assert state["ready"] is True
    assert isinstance(state["clock"], dict)
    assert state["clock"]["speed"] == 60


def test_the_emulator_listens_on_loopback_only(emulator: EmulatorProcess) -> None:
    inodes = {str(path.readlink()) for path in Path(f"/proc/{emulator.pid}/fd").iterdir() if path.is_symlink()}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes and fields[2].endswith(":0000"):
                assert fields[1].split(":")[0].endswith("7F"), f"{table} {fields[1]} is not on 127.0.0.0/8"


def test_nothing_of_the_users_account_reaches_the_emulator(emulator: EmulatorProcess) -> None:
    environment = Path(f"/proc/{emulator.pid}/environ").read_bytes().split(b"\0")
    assert b"AWS_PROFILE=production" not in environment
    assert b"AWS_ENDPOINT_URL=" + emulator.endpoint.encode() in environment


def test_clients_get_the_emulator_instead_of_the_users_account_and_proxies(emulator: EmulatorProcess) -> None:
    mine = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "https_proxy": "http://proxy:3128",
        "CDK_DEFAULT_ACCOUNT": "999999999999",
        "MY_APP_SETTING": "kept",
    }
    given = emulator.client_environment(mine)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "https_proxy"} & given.keys()
    assert given["MY_APP_SETTING"] == "kept"
    assert given["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert given["CDK_DEFAULT_ACCOUNT"] == "123456789012"
    assert Path(given["CDK_HOME"]).is_relative_to(emulator.config.work_dir)
    assert Path(given["TMPDIR"]).is_relative_to(emulator.config.work_dir)
    assert Path(given["TMPDIR"]).is_dir()


def test_a_taken_port_is_refused_with_its_number(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RehearsalError, match=rf"^port {port} is taken; choose another"):
            EmulatorProcess(tmp_path, port=port).start()


def test_a_given_port_is_used(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EmulatorProcess(tmp_path, port=port) as running:
        assert running.endpoint == f"http://127.0.0.1:{port}"
        assert running.state()["ready"] is True


def test_a_missing_extra_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        installed_module.importlib.util, "find_spec", lambda name: None if name == "ministack" else find_spec(name)
    )
    with pytest.raises(RehearsalError) as refused:
        EmulatorProcess(tmp_path).start()
    assert str(refused.value) == "the rehearsal needs the extra: pip install 'bluegreen-constructs[rehearsal]'"


def test_a_killed_emulator_is_noticed_with_the_signal_and_the_log(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path) as running:
        running.check()
        pid = running.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        # Not until its last thread is gone has a process ended, though its first one is a zombie before.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(RehearsalError, match=r"^the emulator was killed by SIGKILL; its log is .*emulator\.log$"):
            running.check()
        with pytest.raises(RehearsalError, match=r"was killed by SIGKILL"):
            running.state()


def test_an_emulator_that_was_killed_a_moment_ago_is_not_said_to_be_merely_silent(tmp_path: Path) -> None:
    with EmulatorProcess(tmp_path) as running:
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(RehearsalError, match=r"^the emulator was killed by SIGKILL"):
            running.state()


def test_an_emulator_that_was_not_started_says_so(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"^the emulator was not started$"):
        EmulatorProcess(tmp_path).check()


def test_an_emulator_that_ends_at_once_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_MODULE", "no.such.module")
    with pytest.raises(
        RehearsalError, match=r"^the emulator did not start: .*No module named .*; its log is .*emulator\.log$"
    ):
        EmulatorProcess(tmp_path).start()


def test_an_emulator_that_is_not_ready_in_time_is_given_up_and_ended(tmp_path: Path) -> None:
    running = EmulatorProcess(tmp_path, ready_seconds=0)
    with pytest.raises(RehearsalError, match=r"was not ready after 0 s"):
        running.start()
    assert running.pid is None


def test_leaving_the_block_by_an_error_ends_the_emulator(tmp_path: Path) -> None:
    pid = None

    def block() -> None:
        nonlocal pid
        with EmulatorProcess(tmp_path) as running:
            pid = running.pid
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        block()
    assert pid is not None
    assert not is_alive(pid)


PARENT = """
import sys, time
from pathlib import Path
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess
with EmulatorProcess(Path(sys.argv[1])) as running:
    print(running.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_emulator_does_not_outlive_a_killed_or_interrupted_parent(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(process_module.__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.send_signal(number)
        parent.wait(30)
    until(lambda: not is_alive(pid))
