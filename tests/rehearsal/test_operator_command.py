"""The operator's command of a rehearsal: a process with the rehearsal's clock, and what it said and how it ended."""

import os
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError, RehearsalError
from bluegreen_constructs.rehearsal.clock import VARIABLE, Clock
from bluegreen_constructs.rehearsal.operator_command import CommandResult, OperatorCommands


def nothing() -> None:
    """Nothing is watched."""


def test_a_command_runs_to_its_end_with_its_words_and_its_code(tmp_path: Path) -> None:
    commands = OperatorCommands(os.environ, tmp_path / "operator")
    with commands.start("status", "--format", "yaml") as run:
        result = run.wait(30.0, nothing)
    assert result.exit_code == 2
    assert result.said.startswith("bluegreen: ")
    assert result.answer == {}
    with pytest.raises(RehearsalError, match="bluegreen status --format yaml ended with 2"):
        result.require_success()
    assert [path.name for path in sorted((tmp_path / "operator").iterdir())] == ["01-status.err", "01-status.out"]


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    commands = OperatorCommands(os.environ, tmp_path)
    with commands.start("--version") as run, pytest.raises(RehearsalError, match="took longer than 0 s"):
        run.wait(0.0, nothing)


def test_waiting_ends_with_what_watches_over_it(tmp_path: Path) -> None:
    def gone() -> None:
        raise RehearsalError("the emulator was killed")

    with (
        OperatorCommands(os.environ, tmp_path).start("--version") as run,
        pytest.raises(RehearsalError, match="killed"),
    ):
        run.wait(30.0, gone)


@pytest.mark.parametrize(
    ("printed", "answer"), [('{"state": "RESTORED"}', {"state": "RESTORED"}), ("[]", {}), ("x", {})]
)
def test_an_answer_is_the_json_that_was_printed(printed: str, answer: dict[str, str]) -> None:
    assert CommandResult(("abort",), 0, 0.0, 1.0, printed, "").answer == answer


def test_the_clock_of_a_rehearsal_comes_through_the_environment() -> None:
    clock = Clock(speed=30.0, origin=1_795_000_000.25)
    assert Clock.from_environment(clock.to_environment()) == clock


def test_outside_of_a_rehearsal_time_is_real() -> None:
    clock = Clock.from_environment({})
    assert clock.at(1000.0) == 1000.0
    assert clock.real_seconds(5.0) == 5.0


@pytest.mark.parametrize("given", ["noon", "1/2/3", "/"])
def test_a_clock_that_no_rehearsal_has_set_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="only a rehearsal sets it"):
        Clock.from_environment({VARIABLE: given})
