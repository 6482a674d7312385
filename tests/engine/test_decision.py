"""What `decide` answers to a single observation: what comes first when several things happen at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bluegreen_constructs.engine.decision import decide
from bluegreen_constructs.engine.guardrails import Assessment
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.model import Verdict
from bluegreen_constructs.engine.observation import Observation
from bluegreen_constructs.engine.ports import Command
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Hold, HoldKind, Rollout
from bluegreen_constructs.engine.target_settings import AlarmName
from bluegreen_constructs.engine.transitions import ended
from tests.engine.rollout_world import OPERATOR, minutes, quick_settings

NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
IN_ALARM = {"Gpu": "ALARM"}
BEFORE_THE_END = [Phase.PREPARING, Phase.TESTING, Phase.SHIFTING, Phase.BAKING]
in_every_phase = pytest.mark.parametrize("phase", BEFORE_THE_END, ids=lambda one: one.name)


def at(phase: Phase = Phase.SHIFTING, hold: HoldKind | None = None) -> Rollout:
    settings = quick_settings(guardrails=(AlarmName("Gpu"),))
    since = NOW - minutes(1)
    rollout = Rollout("one", settings, Release("1.4.2"), "blue", 1, since, since, phase, is_test_routed=True)
    held = Hold(hold, "why", since, NOW + minutes(60)) if hold else None
    return replace(rollout, step=0, weight=10, applied=10, applied_at=since, wanted_at=since, needs=4, hold=held)


def command(verb: str, at: datetime = NOW) -> Command:
    return Command(verb, "one", OPERATOR, "", at)  # type: ignore[arg-type]


def notes(rollout: Rollout) -> list[str]:
    return [note.event for note in rollout.outbox]


@in_every_phase
def test_the_mark_of_an_abort_takes_a_rollout_back(phase: Phase) -> None:
    back = decide(at(phase), Observation(NOW, marked=True)).rollout
    assert (back.phase, back.weight, back.applied) == (Phase.ROLLING_BACK, 0, None)
    assert back.why_back == "an abort was found on the live rule"
    assert not back.is_bad


@pytest.mark.parametrize("hold", HoldKind, ids=lambda one: one.name)
def test_the_mark_of_an_abort_ends_every_pause(hold: HoldKind) -> None:
    back = decide(at(hold=hold), Observation(NOW, marked=True)).rollout
    assert (back.phase, back.hold) == (Phase.ROLLING_BACK, None)


@in_every_phase
def test_an_abort_by_command_comes_before_an_objection(phase: Phase) -> None:
    decision = decide(at(phase), Observation(NOW, commands=[command("abort")], alarms=IN_ALARM))
    assert decision.rollout.why_back == "bluegreen abort"
    assert decision.answered == (command("abort"),)


def test_an_objection_comes_before_a_promote() -> None:
    decision = decide(at(hold=HoldKind.UNSURE), Observation(NOW, commands=[command("promote")], alarms=IN_ALARM))
    assert decision.rollout.phase is Phase.ROLLING_BACK
    assert decision.rollout.is_bad
    assert "CONTINUED" in notes(decision.rollout), "that it was asked for is told all the same"


def test_an_objection_is_kept_with_what_every_guardrail_said() -> None:
    decision = decide(at(), Observation(NOW, alarms=IN_ALARM))
    assert decision.rollout.said == (Assessment("alarm Gpu", Verdict.UNHEALTHY, "its state is ALARM"),)
    assert notes(decision.rollout) == ["UNHEALTHY", "PHASE"]


def test_an_unlock_is_left_for_the_next_start() -> None:
    decision = decide(at(), Observation(NOW, commands=[command("unlock")]))
    assert decision.answered == ()
    assert decision.rollout.outbox == ()


def test_nothing_is_held_any_more_when_it_has_ended() -> None:
    done = ended(at(Phase.ROLLING_BACK, HoldKind.OPERATOR), NOW)
    assert (done.phase, done.hold) == (Phase.ROLLED_BACK, None)


def test_nothing_is_decided_twice_about_a_rollout_that_goes_back() -> None:
    back = replace(at(Phase.ROLLING_BACK), why_back="errors", is_bad=True, weight=0, applied=None)
    seen = Observation(NOW + timedelta(days=9), marked=True, interference="by hand", blocked="live is cold")
    decision = decide(back, seen)
    assert decision.rollout == back


@pytest.mark.parametrize("phase", [Phase.SHIFTING, Phase.BAKING], ids=lambda one: one.name)
def test_a_decision_says_absolutely_what_the_rule_is_to_have(phase: Phase) -> None:
    rollout = replace(at(phase), applied_at=NOW - minutes(30))
    decision = decide(rollout, Observation(NOW, alarms={"Gpu": "OK"}))
    again = decide(rollout, Observation(NOW, alarms={"Gpu": "OK"}))
    assert decision == again
    assert decision.rollout.weight == (50 if phase is Phase.SHIFTING else 100)
    assert decision.rollout.applied is None


def test_a_wait_is_never_longer_than_until_the_next_decision_is_due() -> None:
    rollout = replace(at(), applied_at=NOW - minutes(5) + timedelta(seconds=7))
    assert decide(rollout, Observation(NOW, alarms={"Gpu": "OK"})).wait <= timedelta(seconds=7)
