"""`bluegreen promote`, `pause`, `resume` and `unlock` reach the engine, and are refused where they answer nothing."""

from datetime import timedelta

import pytest

from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import HookSettings
from tests.cli.operated_world import OPERATOR, TARGET, OperatedWorld, Operator, settings_of

APPROVAL = settings_of(hooks=(HookSettings("owner"),))
SPLIT = settings_of(steps=(Step(20, timedelta()),), split=20.0)


def held(operator: Operator, kind: HoldKind) -> None:
    now = operator.world.now()
    operator.world.put(hold=Hold(kind, "why it is held", now, now + timedelta(hours=1)))


# Pause and resume


def test_a_paused_rollout_stays_where_it_is_until_it_is_resumed(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    assert operator.types("pause", TARGET, "--reason", "lunch") == 0
    assert operator.out == "pause was given to rollout 1.4.2; it takes it with its next tick, within about a minute\n"
    operator.world.go_on(60)
    assert (operator.world.rollout.phase, operator.world.rollout.step) == (Phase.SHIFTING, 0)
    assert operator.world.rollout.hold.kind is HoldKind.OPERATOR
    assert operator.types("resume") == 0
    operator.world.go_on(60)
    assert operator.world.rollout.phase is Phase.PROMOTED


def test_the_history_has_who_paused_it_and_why(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.types("pause", "--reason", "lunch\nand a walk")
    operator.world.go_on(2)
    (paused,) = (item for item in operator.reads("history")["items"] if item["event"] == "PAUSED")
    assert (paused["caller"], paused["reason"]) == (OPERATOR, "bluegreen pause: lunch and a walk")


def test_a_pause_that_no_tick_has_seen_yet_can_be_resumed(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    assert operator.types("pause") == 0
    assert operator.types("resume") == 0


def test_what_goes_back_is_not_paused(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(phase=Phase.ROLLING_BACK, why_back="errors")
    assert "is on its way back (errors)" in operator.is_refused(3, "pause")
    assert operator.world.given == []


def test_only_an_operators_pause_is_resumed(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    sentence = operator.is_refused(3, "resume")
    assert sentence.startswith("rollout 1.4.2 is not paused: it waits for the bake of this step to end")
    held(operator, HoldKind.UNSURE)
    sentence = operator.is_refused(3, "resume")
    assert "it is held (UNSURE: why it is held): it waits for bluegreen promote Serving/Model to go on" in sentence
    assert operator.world.given == []


# Promote


def test_an_approval_is_answered_with_promote(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(APPROVAL))
    operator.world.begun("1.4.2", minutes=10)
    assert operator.world.rollout.hold.kind is HoldKind.APPROVAL
    assert operator.types("promote", "--reason", "looked at it") == 0
    operator.world.go_on(60)
    assert operator.world.rollout.phase is Phase.PROMOTED


def test_an_ab_test_is_ended_with_promote(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(SPLIT))
    operator.world.begun("1.4.2", minutes=120)
    assert operator.world.rollout.phase is Phase.SHIFTING
    assert operator.types("promote") == 0
    operator.world.go_on(60)
    assert operator.world.rollout.phase is Phase.PROMOTED


def test_promote_answers_only_for_the_step_it_was_given_at(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    held(operator, HoldKind.UNSURE)
    answer = operator.reads("promote", "--from-step", "1")
    assert answer == {"target": TARGET, "rollout": "1.4.2", "given": "promote", "step": 1}
    assert [(one.verb, one.rollout, one.step, one.caller) for one in operator.world.given] == [
        ("promote", "1.4.2", 0, OPERATOR)
    ]
    assert operator.types("promote") == 0
    assert operator.world.given[0].step == 0


def test_promote_for_another_step_is_refused(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    held(operator, HoldKind.UNSURE)
    assert "rollout 1.4.2 is at step 1 of 2, and --from-step is 2" in operator.is_refused(
        3, "promote", "--from-step", "2"
    )
    operator.world.put(step=-1)
    assert "is before its first step" in operator.is_refused(3, "promote", "--from-step", "1")
    assert operator.world.given == []


def test_promote_with_nothing_to_answer_is_refused_with_what_it_waits_for(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    sentence = operator.is_refused(3, "promote")
    assert sentence.startswith("rollout 1.4.2 waits for no answer, it is SHIFTING and waits for the bake of this step")
    assert operator.world.given == []


@pytest.mark.parametrize("verb", ["promote", "pause", "resume"])
def test_a_command_without_a_rollout_in_flight_is_refused(operator: Operator, verb: str) -> None:
    assert operator.is_refused(2, verb).startswith("Serving/Model has had no rollout yet: begin one with")
    operator.world.promoted("1.4.2")
    assert "(the last one, 1.4.2, is PROMOTED)" in operator.is_refused(3, verb)


@pytest.mark.parametrize("verb", ["promote", "pause", "resume"])
def test_a_table_that_does_not_answer_ends_a_command_with_1(operator: Operator, verb: str) -> None:
    operator.world.store.is_down = True
    assert operator.is_refused(1, verb) == "the table does not answer"


def test_a_command_is_given_by_nobody_unknown(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.is_sts_down = True
    operator.is_refused(1, "pause")
    assert operator.world.given == []


# Unlock


def test_a_target_whose_rollout_runs_is_not_unlocked(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    sentence = operator.is_refused(4, "unlock", "--reason", "in my way")
    assert sentence == (
        "rollout 1.4.2, started by arn:aws:iam::123456789012:user/example, has held Serving/Model since "
        "2026-01-05T09:00:00Z and its execution runs: wait for it, or end it with bluegreen abort Serving/Model"
    )
    assert operator.world.given == []


def test_an_unlocked_target_is_free_for_the_next_start(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=1)
    operator.world.crash()
    world = operator.world.first
    world.rules.write(world.settings.rule_arn, world.rules.rules[world.settings.test_rule_arns[0]][0])
    assert "its execution is over" in operator.is_refused(4, "start", "--release", "1.4.3")
    assert operator.types("unlock", "--reason", "stopped by hand, and all traffic moved by hand") == 0
    assert operator.out.startswith(
        "rollout 1.4.2 is unlocked: the next bluegreen start Serving/Model may take its place"
    )
    assert operator.types("start", "--release", "1.4.3") == 0
    assert operator.world.rollout.release == Release("1.4.3")


def test_nothing_to_unlock_is_no_failure(operator: Operator) -> None:
    assert operator.types("unlock", "--reason", "why not") == 0
    assert operator.out == "nothing holds Serving/Model\n"
    operator.world.promoted("1.4.2")
    assert operator.reads("unlock", "--reason", "why not")["given"] is None


def test_a_target_that_is_being_drained_is_held(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(phase=Phase.PROMOTED)
    assert operator.is_refused(4, "unlock", "--reason", "in my way").endswith("is being drained: wait for it")


def test_unlock_without_a_reason_is_wrong_usage(operator: Operator) -> None:
    assert "missing option '--reason'" in operator.is_refused(2, "unlock")


def test_step_functions_being_down_unlocks_nothing(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.machine.is_down = True
    operator.is_refused(AwsError.exit_code, "unlock", "--reason", "in my way")
    assert operator.world.given == []
