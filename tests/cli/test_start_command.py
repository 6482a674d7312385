"""`bluegreen start` begins a rollout with what its options say, and ends as the engine answers."""

import re

import pytest

from bluegreen_constructs.cli.operator_world import ExecutionFailure
from bluegreen_constructs.cli.rollout_start import rollout_id
from bluegreen_constructs.engine.lifecycle import Phase
from tests.cli.operated_world import OPERATOR, TARGET, OperatedWorld, Operator, settings_of

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_a_rollout_is_begun_for_the_caller_as_aws_sees_it(operator: Operator) -> None:
    assert operator.types("start", TARGET, "--release", "1.4.2", "--reason", "weekly") == 0
    rollout = operator.world.rollout
    assert (rollout.release.name, rollout.caller, rollout.reason) == ("1.4.2", OPERATOR, "weekly")
    assert operator.out == (
        f"rollout {rollout.id} of Serving/Model has begun; watch it with bluegreen watch Serving/Model\n"
    )
    assert operator.err == ""


def test_every_option_reaches_the_engine(operator: Operator) -> None:
    options = (
        "--image",
        "registry/app@" + DIGEST,
        "--version",
        "17",
        "--irreversible",
        "--quarantine",
        "--end-quarantine",
    )
    assert operator.types("start", "--release", "1.4.2", *options, "--accept-rejected", "it was the database") == 0
    ((_, request),) = operator.world.machine.started
    assert request == {
        "target": TARGET,
        "release": {"name": "1.4.2", "image": "registry/app@" + DIGEST, "version": "17"},
        "caller": OPERATOR,
        "reason": "",
        "expedited": False,
        "irreversible": True,
        "quarantine": True,
        "end_quarantine": True,
        "accept_rejected": "it was the database",
    }


@pytest.mark.parametrize("release", ["1.4.2", DIGEST, "a" * 128, "v1_0-rc.1"])
def test_a_rollouts_id_is_a_name_that_step_functions_and_its_logs_take(release: str) -> None:
    name = rollout_id(release, OperatedWorld().now())
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}-20260105T090000-[0-9a-f]{4}", name)
    assert len(name) <= 60  # what an abort keeps of it in the name of the closing execution


def test_json_tells_the_rollouts_id_and_state(operator: Operator) -> None:
    begun = operator.reads("start", "--release", "1.4.2")
    assert (begun["rollout"], begun["phase"], begun["has_ended"]) == (operator.world.rollout.id, "PREPARING", False)


def test_waiting_ends_with_0_when_it_is_promoted(operator: Operator) -> None:
    assert operator.types("start", "--release", "1.4.2", "--wait") == 0
    assert operator.world.rollout.phase is Phase.PROMOTED
    assert operator.out == f"rollout {operator.world.rollout.id}: PROMOTED 100 %\n"
    assert [line for line in operator.err.splitlines() if "SHIFTING 50 %, step 2 of 2" in line]


def test_waiting_ends_with_1_when_it_goes_back(operator: Operator) -> None:
    operator.world.on_wait = [lambda: None] * 20 + [lambda: operator.types("abort", "--reason", "payments fail")]
    assert operator.types("start", "--release", "1.4.2", "--wait") == 1
    assert operator.world.rollout.phase is Phase.ROLLED_BACK
    assert "went back: aborted: payments fail" in operator.out


# Refusals


def test_a_target_that_is_held_is_refused_with_its_holder_and_exit_code_4(operator: Operator) -> None:
    operator.world.begun("1.4.1", minutes=3)
    sentence = operator.is_refused(4, "start", "--release", "1.4.2")
    assert re.match(r"rollout 1\.4\.1 of release 1\.4\.1 is SHIFTING since .*, started by \S+: wait for it", sentence)
    assert operator.world.rollout.id == "1.4.1"


def test_a_rejected_release_is_refused_with_exit_code_3_until_it_is_accepted(operator: Operator) -> None:
    operator.world.promoted("1.4.1")
    operator.world.promoted("1.4.2")
    assert operator.types("rollback", "--wait") == 0
    operator.world.go_on(60)
    assert "release 1.4.2 was rejected" in operator.is_refused(3, "start", "--release", "1.4.2")
    assert operator.types("start", "--release", "1.4.2", "--accept-rejected", "it was the database") == 0


def test_what_the_engine_cannot_roll_out_ends_with_2_and_its_sentence(operator: Operator) -> None:
    failure = ExecutionFailure("ConfigurationError", "the side has no cluster: give one")
    operator.world.machine.on_start = lambda arn: operator.world.machine.failures.update({arn: failure})
    assert operator.is_refused(2, "start", "--release", "1.4.2") == "the side has no cluster: give one"


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        ("Lambda.AccessDenied", "no permission", "failed with Lambda.AccessDenied: no permission"),
        ("States.Timeout", "", "failed with States.Timeout: no cause is given"),
        ("", '["odd"]', 'failed with no error: ["odd"]'),
    ],
)
def test_an_execution_that_fails_for_another_reason_ends_with_1(
    operator: Operator, error: str, cause: str, said: str
) -> None:
    failure = ExecutionFailure(error, cause)
    operator.world.machine.on_start = lambda arn: operator.world.machine.failures.update({arn: failure})
    assert operator.is_refused(1, "start", "--release", "1.4.2").endswith(said)


def test_an_engine_that_says_nothing_is_waited_for_a_minute(operator: Operator) -> None:
    operator.world.machine.on_start = lambda arn: None
    assert "has not answered within 60 s" in operator.is_refused(1, "start", "--release", "1.4.2")
    assert operator.world.waited == 60


@pytest.mark.parametrize(
    "arguments",
    [
        ("--release", "two words"),
        ("--release", ""),
        ("--release", "1.4.2", "--version", "$Latest"),
        ("--release", "1.4.2", "--version", "0"),
        ("--release", "1.4.2", "--reason", ""),
        ("--release", "1.4.2", "--reason", "x" * 1001),
        ("--release", "1.4.2", "--accept-rejected", " "),
        ("--release", "1.4.2", "--format", "yaml"),
        (),
    ],
)
def test_wrong_usage_starts_nothing(operator: Operator, arguments: tuple[str, ...]) -> None:
    operator.is_refused(2, "start", TARGET, *arguments)
    assert operator.world.machine.started == []


# The target


def test_several_targets_have_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of("Serving/Model"), settings_of("Serving/Search")))
    sentence = operator.is_refused(2, "start", "--release", "1.4.2")
    assert sentence == "no target is named and there are 2: give one of Serving/Model, Serving/Search"


def test_an_unknown_target_is_refused_with_those_there_are(operator: Operator) -> None:
    assert operator.is_refused(2, "start", "Model", "--release", "1.4.2").endswith("there is Serving/Model")


def test_no_target_at_all_is_told(operator: Operator) -> None:
    operator.world.worlds.clear()
    said = operator.is_refused(2, "watch")
    assert said.startswith("there is no target in this account and region: deploy a stack with ")
    for construct in ("CanaryAlb", "EcsBlueGreenService", "Ec2BlueGreenFleet", "AppServiceSlots"):
        assert construct in said
