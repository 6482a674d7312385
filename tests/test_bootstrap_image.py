"""The bootstrap image: its server over real HTTP, and its build with a played docker and a played AWS CLI."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluegreen_constructs import bootstrap_server
from bluegreen_constructs.bootstrap_image import BootstrapImage

SERVER = Path(bootstrap_server.__file__)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def asked(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, subprocess.Popen]]:
    """The server as the image starts it: one file alone, with no package around it."""
    alone = tmp_path_factory.mktemp("image") / "server.py"
    alone.write_text(SERVER.read_text())
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-I", "-u", str(alone)], env={"PORT": str(port)}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"bootstrap image on port {port}\n"
        yield port, process
    finally:
        end(process)


@pytest.mark.parametrize("path", ["/", "/ready", "/healthz?deep=1", "/a/b/c", "/%20"])
def test_every_path_is_well(server, path: str):
    status, headers, text = asked(server[0], "GET", path)
    assert status == 200
    assert headers["x-bootstrap"] == "true"
    assert text == b"this is the bootstrap image: no release is deployed yet\n"


def test_a_head_is_answered_without_the_text(server):
    status, headers, text = asked(server[0], "HEAD", "/ready")
    assert (status, text) == (200, b"")
    assert int(headers["content-length"]) == len(bootstrap_server.TEXT)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_work_is_refused_for_now(server, method: str):
    status, headers, _ = asked(server[0], method, "/predict", b'{"text": "hello"}')
    assert status == 503
    assert headers["retry-after"] == "60"


def test_a_large_request_is_heard_out_before_it_is_refused(server):
    assert asked(server[0], "POST", "/predict", b"x" * 3_000_000)[0] == 503


@pytest.mark.parametrize("length", [b"", b"-1", b"many"])
def test_a_request_of_no_known_length_is_answered_too(server, length: bytes):
    with socket.create_connection(("127.0.0.1", server[0]), timeout=5) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 503")


def test_answers_are_not_kept_by_anybody_on_the_way(server):
    assert asked(server[0], "GET", "/")[1]["cache-control"] == "no-store"


def test_somebody_who_says_nothing_keeps_nobody_else_waiting(server):
    with socket.create_connection(("127.0.0.1", server[0])):
        assert asked(server[0], "GET", "/")[0] == 200


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[int]:
    """The server with answers, as the image's entry point names them, and a command of the service's after it."""
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"/predict": '{"topic": "none"}', "/text": "fine"}))
    port = free_port()
    command = [sys.executable, "-I", "-u", str(SERVER), str(answers), "python", "-m", "app"]
    process = subprocess.Popen(command, env={"PORT": str(port)}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield port
    finally:
        end(process)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_smoke_test_of_the_service_gets_the_answer_that_it_expects(playing: int, method: str):
    status, headers, text = asked(playing, method, "/predict?warm=1", b'{"text": "hello"}' if method != "GET" else None)
    assert (status, text) == (200, b'{"topic": "none"}')
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-bootstrap"] == "true"


def test_only_the_paths_with_answers_have_them(playing: int):
    assert asked(playing, "POST", "/predict/2", b"{}")[0] == 503
    assert asked(playing, "GET", "/ready")[2] == bootstrap_server.TEXT.encode()
    assert asked(playing, "GET", "/text")[1]["content-type"] == "text/plain; charset=utf-8"


def test_it_ends_when_it_is_told_to():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-I", "-u", str(SERVER)], env={"PORT": str(port)}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        end(process)


def test_the_server_needs_nothing_but_the_standard_library():
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"exec(open({str(SERVER)!r}).read().split('if __name__')[0])"], check=False
    )
    assert done.returncode == 0


PLAYED = """#!/bin/sh
echo "{name} $*" >> "$PLAYED/calls"
{body}
"""
AWS = """case "$*" in
  *get-login-password*) echo secret ;;
  *describe-images*) test -e "$PLAYED/pushed" ;;
esac"""
DOCKER = """case "$1" in
  build) tries=$(cat "$PLAYED/fails" 2>/dev/null || echo 0)
    if [ "$tries" -gt 0 ]; then echo $((tries - 1)) > "$PLAYED/fails"; exit 1; fi
    cp Dockerfile server.py answers.json "$PLAYED/" && touch "$PLAYED/built" ;;
  image) test -e "$PLAYED/built" ;;
  login) test "$(cat)" = secret ;;
  push) if [ -e "$PLAYED/faster" ]; then touch "$PLAYED/pushed"; exit 1; fi
    test ! -e "$PLAYED/refuses" && touch "$PLAYED/pushed" ;;
esac"""


class Build:
    """The build's commands, each after the other in one shell, as CodeBuild runs a phase."""

    def __init__(self, folder: Path) -> None:
        self.played, self.work = folder / "played", folder / "work"
        tools = folder / "bin"
        for one in (self.played, self.work, tools):
            one.mkdir()
        for name, body in {"aws": AWS, "docker": DOCKER, "sleep": ":"}.items():
            (tools / name).write_text(PLAYED.format(name=name, body=body))
            (tools / name).chmod(0o755)
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PLAYED": str(self.played),
            "REPOSITORY": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/inference",
            "NAME": "team/inference",
            "TAG": "bootstrap",
        }

    def run(self, image: BootstrapImage | None = None) -> int:
        script = "\n".join(f"{command}\n[ $? -eq 0 ] || exit 1" for command in (image or BootstrapImage()).commands())
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.work, env=self.environment, check=False, capture_output=True
        )
        return done.returncode

    @property
    def calls(self) -> list[str]:
        return (self.played / "calls").read_text().splitlines()


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_the_build_pushes_the_server_as_it_lies_in_the_package(build: Build):
    assert build.run() == 0
    assert (build.played / "pushed").exists()
    assert (build.played / "server.py").read_text() == SERVER.read_text()
    assert (build.played / "Dockerfile").read_text() == BootstrapImage().dockerfile
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert f"docker login --username AWS --password-stdin {host}" in build.calls
    assert f"docker push {host}/team/inference:bootstrap" in build.calls


def test_an_image_that_is_there_is_not_pushed_again(build: Build):
    (build.played / "pushed").touch()
    assert build.run() == 0
    assert not [call for call in build.calls if call.startswith("docker push")]


def test_another_build_that_was_faster_is_no_failure(build: Build):
    (build.played / "faster").touch()
    assert build.run() == 0


def test_a_push_that_is_refused_fails_the_build(build: Build):
    (build.played / "refuses").touch()
    assert build.run() != 0


def test_a_base_that_cannot_be_pulled_at_once_is_tried_again(build: Build):
    (build.played / "fails").write_text("3")
    assert build.run() == 0
    assert len([call for call in build.calls if call.startswith("docker build")]) == 4


def test_a_base_that_cannot_be_pulled_fails_the_build(build: Build):
    (build.played / "fails").write_text("9")
    assert build.run() != 0
    assert not [call for call in build.calls if call.startswith("docker push")]


def test_the_image_is_made_for_the_processors_and_the_port_that_are_asked_for(build: Build):
    image = BootstrapImage(port=9000, architecture="arm64", base="registry.example.com/python:3.13")
    assert build.run(image) == 0
    assert next(call for call in build.calls if call.startswith("docker build")).startswith(
        "docker build --platform linux/arm64 "
    )
    lines = (build.played / "Dockerfile").read_text().splitlines()
    assert lines[0] == "FROM registry.example.com/python:3.13"
    assert "ENV PORT=9000" in lines
    assert not [line for line in lines if line.startswith("RUN")]  # or another architecture would need an emulator


def test_the_container_is_no_root_and_no_command_of_a_service_replaces_the_server():
    lines = BootstrapImage().dockerfile.splitlines()
    assert "USER 10001:10001" in lines
    assert 'ENTRYPOINT ["python3", "-u", "/server.py", "/answers.json"]' in lines


def test_the_image_has_the_answers_whatever_is_in_them(build: Build):
    answers = {"/predict": "END_OF_FILE\n$(exit 1) \"' größer"}
    assert build.run(BootstrapImage(answers=answers)) == 0
    assert json.loads((build.played / "answers.json").read_text()) == answers
