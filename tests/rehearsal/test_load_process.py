"""The load generator as a process: it starts, can be looked at, stops, and is never left behind."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.load import GoldenCase, LoadPlan, LoadProcess

LIMIT = 30.0
MODULE = "bluegreen_constructs.rehearsal.load"


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.requests = threading.Semaphore(0)

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.requests.acquire(timeout=LIMIT)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "14")
        self.send_header("x-side", "blue")
        self.end_headers()
        self.wfile.write(b'{"topic": "x"}')
        assert isinstance(self.server, Service)
        self.server.requests.release()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def plan(port: int, directory: Path, duration_seconds: float | None = None) -> LoadPlan:
    return LoadPlan(
        address=f"http://127.0.0.1:{port}",
        rate_per_second=100.0,
        output=directory / "load.jsonl",
        golden=(GoldenCase({"text": "a"}, {"topic": "x"}),),
        duration_seconds=duration_seconds,
        timeout_seconds=5.0,
    )


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(load: LoadProcess) -> int:
    assert load._process is not None
    return load._process.pid


def test_load_runs_until_it_is_stopped_and_shows_what_came_of_it(service: Service, tmp_path: Path):
    with LoadProcess(plan(service.server_port, tmp_path)) as load:
        service.wait_for(5)
        assert not any(record.is_failed for record in load.records())
        result = load.stop()
    assert result.sent >= 5
    assert (result.lost, result.wrong_answers) == (0, 0)
    assert set(result.by_side) == {"blue"}
    assert not is_running(pid_of(load))


def test_load_with_a_duration_ends_by_itself(service: Service, tmp_path: Path):
    with LoadProcess(plan(service.server_port, tmp_path, duration_seconds=0.2)) as load:
        assert load.wait().sent > 0


def test_waiting_for_load_without_an_end_is_refused_and_the_process_is_gone_afterwards(
    service: Service, tmp_path: Path
):
    with (
        pytest.raises(ConfigurationError, match="no end to wait for"),
        LoadProcess(plan(service.server_port, tmp_path)) as load,
    ):
        load.wait()
    assert not is_running(pid_of(load))


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path):
    with pytest.raises(RehearsalError, match=r"load\.jsonl cannot be written \(No such file or directory\)"):
        LoadProcess(plan(9, tmp_path / "nowhere")).start()


def test_a_generator_that_cannot_begin_is_an_error_in_its_own_words(tmp_path: Path):
    few_files = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)); "
    code = few_files + (
        f"from {MODULE} import *; from pathlib import Path; "
        f"LoadProcess(LoadPlan.from_json({plan(9, tmp_path).to_json()!r})).start()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (
        "the load generator did not start: the plan needs up to 782 connections, but this machine allows 60 open files"
        in (done.stderr)
    )


def test_a_generator_that_was_killed_is_an_error_and_not_a_result(service: Service, tmp_path: Path):
    with LoadProcess(plan(service.server_port, tmp_path)) as load:
        service.wait_for(1)
        os.kill(pid_of(load), 9)
        with pytest.raises(RehearsalError, match=r"^the load generator was killed by SIGKILL; its log is .*\.log$"):
            load.stop()


def test_a_generator_that_was_killed_is_noticed_before_it_is_stopped(service: Service, tmp_path: Path):
    load = LoadProcess(plan(service.server_port, tmp_path))
    load.check()
    with load:
        service.wait_for(1)
        load.check()
        os.kill(pid_of(load), 9)
        os.waitid(os.P_PID, pid_of(load), os.WEXITED | os.WNOWAIT)
        with pytest.raises(RehearsalError, match=r"^the load generator was killed by SIGKILL"):
            load.check()
    load.check()


def test_a_load_that_was_not_started_cannot_be_stopped(tmp_path: Path):
    with pytest.raises(RehearsalError, match="has not been started"):
        LoadProcess(plan(9, tmp_path)).stop()


def test_a_load_is_started_only_once(service: Service, tmp_path: Path):
    with (
        LoadProcess(plan(service.server_port, tmp_path)) as load,
        pytest.raises(RehearsalError, match="has been started already"),
    ):
        load.start()


def test_the_generator_stops_when_the_pipe_to_its_parent_closes(service: Service, tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(plan(service.server_port, tmp_path).to_json() + "\n")
            process.stdin.flush()
            service.wait_for(1)
            process.stdin.close()
            assert process.wait(LIMIT) == 0
        finally:
            process.kill()


def test_a_plan_for_another_machine_is_refused_by_the_process_itself(tmp_path: Path):
    text = plan(80, tmp_path).to_json().replace("127.0.0.1", "192.0.2.1")
    done = subprocess.run([sys.executable, "-m", MODULE], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("load: address is 'http://192.0.2.1:80'; load is sent to this machine only")
    assert len(done.stderr.splitlines()) == 1


def test_looking_at_results_does_not_import_aiohttp():
    code = f"import sys, {MODULE}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_connections_that_are_refused_are_failures_of_the_run_and_not_of_the_generator(tmp_path: Path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with LoadProcess(plan(closed.getsockname()[1], tmp_path, duration_seconds=0.1)) as load:
            result = load.wait()
    assert result.sent == result.failed > 0
    assert set(result.by_failure) == {"ClientConnectorError"}
    assert result.first_failure is not None
