"""The service as the platform runs it: a process with an environment, a socket, signals and an exit code."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from services.inference.artefact import committed_model
from services.inference.errors import SettingsError
from services.inference.server import listen
from services.inference.settings import Settings

CHECKOUT = Path(__file__).parents[2]
LIMIT = 30.0  # far above what anything here takes; only a hang reaches it


@dataclass
class Running:
    process: subprocess.Popen[str]
    log: IO[str]
    port: int

    def wait_for(self, words: str) -> str:
        seen = ""
        for line in self.log:
            seen += line
            if words in line:
                return line
        raise AssertionError(f"the service ended without saying {words!r}: {seen}")

    def get(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        connection.request("GET", path, headers={"connection": "close"})
        return connection.getresponse()


def command(environment: dict[str, str]) -> "subprocess.Popen[str]":
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "services.inference"],
        cwd=CHECKOUT,
        env={**inherited, "HOST": "127.0.0.1", "PORT": "0", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(**environment: str) -> Iterator[Running]:
    process = command(environment)
    assert process.stderr is not None
    try:
        service = Running(process, process.stderr, 0)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", service.wait_for("listens on"))
        assert found is not None
        service.port = int(found[1])
        yield service
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def refused(**environment: str) -> tuple[int, str]:
    process = command(environment)
    _, said = process.communicate(timeout=LIMIT)
    return process.returncode, said.strip().splitlines()[-1]


def test_it_gets_ready_answers_and_ends_with_0_at_sigterm():
    with running(RELEASE="1.2.3", BLUEGREEN_SIDE="blue") as service:
        service.wait_for("is ready")
        answer = service.get("/ready")
        assert (answer.status, answer.headers["x-release"], answer.headers["x-side"]) == (200, "1.2.3", "blue")
        answer.read()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(LIMIT) == 0


def test_a_stream_in_flight_at_sigterm_is_finished_before_the_process_ends():
    with running() as service:
        service.wait_for("is ready")
        answer = service.get("/stream")
        service.process.send_signal(signal.SIGTERM)
        assert b"event: done" in answer.read().splitlines()
        assert service.process.wait(LIMIT) == 0


def test_a_request_that_outlasts_the_stop_limit_does_not_keep_the_process():
    with running(STOP_SECONDS="0", INFERENCE_FAULTS="latency_ms=60000") as service:
        service.wait_for("is ready")
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=LIMIT)
        connection.request("GET", "/stream")
        service.get("/healthz").read()  # answered after the stream request has been read
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(LIMIT) == 0
        connection.close()


def test_a_broken_stream_is_cut_so_that_the_client_notices():
    with running(INFERENCE_FAULTS="broken_streams=1") as service:
        service.wait_for("is ready")
        answer = service.get("/stream")
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_while_it_warms_up_it_is_alive_but_not_ready():
    with running(INFERENCE_FAULTS="slow_warm_up_s=600") as service:
        assert service.get("/healthz").status == 200
        answer = service.get("/ready")
        assert answer.status == 503
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(LIMIT) == 0


def test_a_damaged_model_ends_the_process_with_1_and_one_sentence():
    code, said = refused(MODEL_SHA256="0" * 64)
    assert code == 1
    assert said.startswith("inference: the model ")
    assert f"the release promises {'0' * 64}" in said


def test_a_bad_setting_ends_the_process_with_2_and_one_sentence():
    code, said = refused(INFERENCE_FAULTS="eror_rate=1")
    assert code == 2
    assert said.startswith("inference: INFERENCE_FAULTS has 'eror_rate=1'; allowed")


def test_a_taken_port_ends_the_process_with_2_and_one_sentence():
    with running() as service:
        code, said = refused(PORT=str(service.port))
    assert code == 2
    assert f"PORT {service.port} cannot be listened on" in said


def test_crash_on_start_ends_the_process_with_1():
    code, said = refused(INFERENCE_FAULTS="crash_on_start=1")
    assert (code, said) == (1, "inference: this release crashes on purpose (INFERENCE_FAULTS crash_on_start)")


def test_the_socket_says_that_it_is_tcp_so_that_asyncio_sends_answers_without_delay():
    with listen(Settings(model=committed_model(), host="127.0.0.1", port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_that_is_not_of_this_machine_is_refused():
    with pytest.raises(SettingsError, match=r"HOST 192\.0\.2\.1 and PORT 0 cannot be listened on"):
        listen(Settings(model=committed_model(), host="192.0.2.1", port=0))
