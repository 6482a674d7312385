"""Tasks as processes: what they are given, how they end, and what is refused."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.loopback_addresses import LoopbackAddresses, is_free
from bluegreen_constructs.rehearsal.ecs.task_processes import (
    ProcessSpec,
    TaskProcess,
    TaskProcesses,
    last_lines,
    task_spec,
)
from bluegreen_constructs.rehearsal.ecs.tasks_file import TasksFile, image_tag

DEFINITION = {
    "containerDefinitions": [
        {
            "name": "app",
            "image": "123.dkr.ecr.us-east-1.amazonaws.com/app:2.0.0-bad",
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": "LEVEL", "value": "info"}, {"name": "FAULTS", "value": "none"}],
            "stopTimeout": 5,
        },
        {"name": "xray", "image": "xray", "essential": False},
    ]
}


@pytest.fixture
def tasks(tmp_path: Path) -> TasksFile:
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[containers.app]\ncommand = ["{python}", "-m", "app"]\n'
        '[containers.app.environment]\nSECONDS = "0.5"\nFAULTS = "for every build"\n'
        '[releases."2.0.0-bad".environment]\nFAULTS = "error_rate=0.5"\n'
    )
    return TasksFile.read(path)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[TaskProcesses]:
    started = TaskProcesses(tmp_path / "logs")
    yield started
    started.end_all(grace=0.2)


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, "nothing happened for 20 seconds"
        time.sleep(0.01)


def spec(script: str, tmp_path: Path, **environment: str) -> ProcessSpec:
    command = (sys.executable, "-S", "-c", textwrap.dedent(script))
    return ProcessSpec("app", command, tmp_path, environment)


def test_a_process_gets_the_definitions_environment_the_machines_the_releases_and_its_own_place(
    tasks: TasksFile,
) -> None:
    given = task_spec(DEFINITION, tasks, address="127.20.1.1", side="green", secrets={"app": {"TOKEN": "t"}})
    assert given.processes[0].environment == {
        "LEVEL": "info",
        "SECONDS": "0.5",
        "FAULTS": "error_rate=0.5",
        "TOKEN": "t",
        "HOST": "127.20.1.1",
        "PORT": "8080",
        "RELEASE": "2.0.0-bad",
        "BLUEGREEN_SIDE": "green",
    }
    assert given.processes[0].stop_timeout == 5.0
    assert given.processes[0].command[0] == sys.executable


def test_a_container_that_is_not_essential_and_not_in_the_tasks_file_is_not_run_and_said_so(tasks: TasksFile) -> None:
    given = task_spec(DEFINITION, tasks, address="127.20.1.1", side="", secrets={})
    assert given.not_run == ("xray",)
    assert "BLUEGREEN_SIDE" not in given.processes[0].environment


def test_an_essential_container_without_a_command_is_refused(tasks: TasksFile) -> None:
    definition = {"containerDefinitions": [{"name": "web", "image": "web:1"}]}
    with pytest.raises(RehearsalError, match=r"names no command for container web; add \[containers.web\]"):
        task_spec(definition, tasks, address="127.20.1.1", side="", secrets={})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[containers.app]\n", "needs command"),
        ('[containers.app]\ncommand = "python"\n', "needs command"),
        ('[containers.app]\ncommand = ["x"]\ndirectory = "nowhere"\n', "which is no folder"),
        ('[containers.app]\ncommand = ["x"]\nport = 1\n', "it takes command, directory and environment"),
        ('[containers.app]\ncommand = ["x"]\nenvironment = 1\n', "has environment as a value"),
        ('[containers.app]\ncommand = ["x"]\n[containers.app.environment]\nA = 1\n', "has A as a int"),
        ("[container.app]\n", r"there are \[containers\], \[releases\] and \[load\]"),
        ("[releases.v2.environment]\nA = 1\n", "has A as a int; write it in quotes"),
        ("[releases.v2]\nA = 'x'\n", "takes one table"),
        ("[releases.v2]\nno_capacity = 1\n", "has no_capacity 1; write true"),
        ("containers = 3\n", r"write a table: \[containers.NAME\]"),
        ("[", "is no TOML"),
    ],
)
def test_a_wrong_tasks_file_is_refused_with_the_entry_named(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(content)
    with pytest.raises(RehearsalError, match=sentence):
        TasksFile.read(path)


def test_a_tasks_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="cannot be read"):
        TasksFile.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("image", "tag"),
    [("app:1.2", "1.2"), ("host:5000/app", "latest"), ("host:5000/app:3", "3"), ("app@sha256:ab", "sha256:ab")],
)
def test_the_release_is_the_images_tag(image: str, tag: str) -> None:
    assert image_tag(image) == tag


def test_output_goes_to_a_log_file_and_an_exit_is_noticed(processes: TaskProcesses, tmp_path: Path) -> None:
    process = processes.start("t1", spec("import os, sys; print(os.environ['WORD']); sys.exit(3)", tmp_path, WORD="hm"))
    wait_for(lambda: process.poll(0.0) is not None)
    assert process.exit_code == 3
    assert last_lines(process.log) == ["hm"]


def test_a_process_is_asked_with_sigterm_first(processes: TaskProcesses, tmp_path: Path) -> None:
    script = """
        import os, signal, time
        signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"bye\\n"), os._exit(0)))
        print("ready", flush=True)
        time.sleep(60)
    """
    process = processes.start("t2", spec(script, tmp_path))
    wait_for(lambda: "ready" in last_lines(process.log))
    process.terminate(now=100.0, grace=1000.0)
    wait_for(lambda: process.poll(100.0) is not None)
    assert (process.exit_code, list(last_lines(process.log))) == (0, ["ready", "bye"])


def test_a_process_that_ignores_sigterm_is_killed_after_its_stop_timeout(
    processes: TaskProcesses, tmp_path: Path
) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    process: TaskProcess = processes.start("t3", spec(script, tmp_path))
    wait_for(lambda: "on" in last_lines(process.log))
    process.terminate(now=100.0, grace=2.0)
    assert process.poll(101.9) is None
    wait_for(lambda: process.poll(102.0) is not None)
    assert process.exit_code == 128 + signal.SIGKILL, "as ECS shows it: 137"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_tasks_die_with_the_emulator_however_it_dies(tmp_path: Path) -> None:
    emulator = f"""
        import pathlib, sys, time
        from bluegreen_constructs.rehearsal.ecs.task_processes import ProcessSpec, TaskProcesses
        folder = pathlib.Path({str(tmp_path)!r})
        command = (sys.executable, "-S", "-c", "import time; time.sleep(60)")
        print(TaskProcesses(folder).start("t", ProcessSpec("app", command, folder, {{}})).popen.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(emulator)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        task = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_alive(task))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False


def test_two_emulators_on_one_machine_have_different_addresses() -> None:
    one, other = LoopbackAddresses(), LoopbackAddresses()
    try:
        first, second = one.next(), one.next()
        assert first != second
        assert first.startswith(f"127.{one.second_octet}.")
        assert one.second_octet != other.second_octet
        assert is_free(first, 18080)
    finally:
        one.close()
        other.close()


def test_the_tether_is_not_left_in_the_processes_command(processes: TaskProcesses, tmp_path: Path) -> None:
    process = processes.start("t4", spec("import time; print('up', flush=True); time.sleep(60)", tmp_path))
    wait_for(lambda: "up" in last_lines(process.log))
    if sys.platform == "linux":
        assert b"prctl" not in Path(f"/proc/{process.popen.pid}/cmdline").read_bytes()
    assert os.getpgid(process.popen.pid) == process.popen.pid
