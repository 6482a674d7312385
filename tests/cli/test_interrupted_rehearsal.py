"""A rehearsal that is interrupted, or loses a part, in the middle of a deployment: one sentence, nothing left."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_checkout import ROOT, FakeCheckout, make_checkout
from tests.cli.running_command import RunningCommand, kill, until

pytestmark = pytest.mark.rehearsal

INTERRUPTED = "bluegreen: interrupted; everything that was started has been ended"
EMULATOR = "rehearsal.emulator.main"
LOAD = "rehearsal.load"
TASK = "services.inference"


@pytest.fixture
def checkout(tmp_path: Path) -> FakeCheckout:
    return make_checkout(tmp_path / "checkout")


@pytest.fixture
def deploying(checkout: FakeCheckout) -> Iterator[RunningCommand]:
    """A rehearsal whose first `cdk deploy` never ends."""
    with RunningCommand(
        "rehearse", "--scenario", "ecs-good", directory=checkout.folder, environment=checkout.environment
    ) as command:
        command.read_until("cdk deploy: first deployment")
        command.process_with("sleep 600")
        yield command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_rehearsal_ends_with_a_sentence_and_leaves_nothing(
    deploying: RunningCommand, number: signal.Signals
) -> None:
    assert deploying.process_with(EMULATOR)
    deploying.process.send_signal(number)
    code, stdout, stderr = deploying.end()
    assert (code, stdout, stderr) == (130, "", f"{INTERRUPTED}\n")
    assert deploying.processes() == {}


def test_further_interruptions_while_it_ends_leave_nothing_either(checkout: FakeCheckout) -> None:
    stubborn = {**checkout.environment, "FAKE_STUBBORN": "1"}
    with RunningCommand("rehearse", directory=checkout.folder, environment=stubborn) as command:
        command.read_until("cdk deploy: first deployment")
        cdk = command.process_with("cdk deploy")
        command.process_with("sleep 600")
        command.process.send_signal(signal.SIGINT)
        # It is asked to end, and does not: the command waits, which is when people press Ctrl-C again.
        until(lambda: "sleep 600" not in str(command.processes()))
        assert cdk in command.processes()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            command.process.send_signal(number)
        code, stdout, stderr = command.end()
        assert (code, stdout, stderr) == (130, "", f"{INTERRUPTED}\n")
        assert command.processes() == {}


def test_an_emulator_that_is_killed_while_the_cli_deploys_is_named_and_nothing_is_left(
    deploying: RunningCommand, checkout: FakeCheckout
) -> None:
    kill(deploying.process_with(EMULATOR))
    code, stdout, stderr = deploying.end()
    (folder,) = (checkout.folder / ".rehearsal").iterdir()
    assert stderr == f"bluegreen: the emulator was killed by SIGKILL; its log is {folder}/emulator.log\n"
    assert (code, stdout) == (1, "")
    assert deploying.processes() == {}


def test_an_application_that_refuses_is_quoted_and_fails_its_scenarios_only_once(
    tmp_path: Path,
) -> None:
    made = make_checkout(tmp_path / "checkout", app="import sys\nsys.exit(\"refused: environment is 'x': choose a\")\n")
    environment = {**os.environ, "BLUEGREEN_CDK": str(ROOT / ".toolchain/node_modules/aws-cdk/bin/cdk")}
    with RunningCommand(
        *("rehearse", "--scenario", "ecs-good,ecs-bad-errors", "--format", "json"),
        directory=made.folder,
        environment=environment,
    ) as command:
        code, stdout, stderr = command.end()
    assert code == 1
    answer = json.loads(stdout)
    assert answer["passed"] is False
    reasons = [scenario["conditions"][0]["found"] for scenario in answer["scenarios"]]
    assert len(reasons) == 2
    assert set(reasons) == {reasons[0]}
    assert reasons[0].startswith("cdk synth ended with exit code 1: environment is 'x': choose a; its log is ")
    assert stderr.count("cdk synth: ") == 1
    assert "Traceback" not in stderr
    assert command.processes() == {}


def test_a_reader_of_the_results_that_has_left_is_no_traceback(checkout: FakeCheckout) -> None:
    environment = {**checkout.environment, "FAKE_SYNTH_EXIT": "1"}
    with RunningCommand("rehearse", directory=checkout.folder, environment=environment) as command:
        assert command.process.stdout is not None
        command.process.stdout.close()
        command.process.stdout = None
        code, _, stderr = command.end()
    assert code == 1
    assert "Traceback" not in stderr
    assert "BrokenPipe" not in stderr
    assert command.processes() == {}


def test_a_reader_of_the_progress_that_has_left_ends_the_rehearsal_quietly(checkout: FakeCheckout) -> None:
    with RunningCommand("rehearse", directory=checkout.folder, environment=checkout.environment) as command:
        assert command.process.stderr is not None
        command.process.stderr.close()
        command.process.stderr = None
        code, stdout, _ = command.end()
    assert (code, stdout) == (141, "")
    assert command.processes() == {}


def start_rolling_out(*scenarios: str) -> RunningCommand:
    """The real application: the real CDK CLI, tasks, functions, load."""
    return RunningCommand("rehearse", "--scenario", ",".join(scenarios), directory=ROOT)


def wait_for_the_shift(command: RunningCommand) -> None:
    """Until the middle of a real rollout, with everything running that a rehearsal runs."""
    command.read_until("PRODUCTION_TRAFFIC_SHIFT")
    said = " ".join(command.processes().values())
    assert all(part in said for part in (EMULATOR, LOAD, TASK, "cdk deploy")), said


def test_ctrl_c_in_the_middle_of_a_rollout_leaves_nothing() -> None:
    with start_rolling_out("ecs-good") as command:
        wait_for_the_shift(command)
        command.process.send_signal(signal.SIGINT)
        code, stdout, stderr = command.end()
    assert (code, stdout) == (130, "")
    assert stderr.splitlines()[-1] == INTERRUPTED
    assert command.processes() == {}


@pytest.mark.thorough
def test_a_killed_load_generator_fails_its_scenario_and_a_killed_emulator_all_that_follow() -> None:
    with start_rolling_out("ecs-good", "ecs-bad-errors", "destroy") as command:
        wait_for_the_shift(command)
        kill(command.process_with(LOAD))
        command.read_until("scenario ecs-good: FAIL: the load generator was killed by SIGKILL; its log is ")
        # The rollout that nobody watched to its end would spoil the next one: it gets another account.
        command.read_until("emulator: started")
        first_account = command.places.pop(0)
        assert first_account not in " ".join(command.processes().values())
        wait_for_the_shift(command)
        kill(command.process_with(EMULATOR))
        code, stdout, stderr = command.end()
    assert code == 1
    assert (
        stderr.splitlines()[-1]
        .partition(" s  ")[2]
        .startswith("the rehearsal broke off: the emulator was killed by SIGKILL; its log is ")
    )
    shown = " ".join(stdout.split())
    assert all(f"{name}: FAIL" in shown for name in ("ecs-good", "ecs-bad-errors", "destroy"))
    assert shown.count("the load generator was killed by SIGKILL") == 1
    assert shown.count("the emulator was killed by SIGKILL") == 2
    assert "Traceback" not in stderr
    assert command.processes() == {}
