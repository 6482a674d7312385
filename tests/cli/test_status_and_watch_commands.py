"""`bluegreen status` shows every rollout at one read each; `bluegreen watch` follows one to its end."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.cli.interruption import Interrupted
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.target_settings import HookSettings
from tests.cli.operated_world import TARGET, OperatedWorld, Operator, settings_of

SEARCH = settings_of("Serving/Search")
APPROVAL = settings_of(hooks=(HookSettings("owner"),))


def test_each_target_has_a_line_also_one_without_a_rollout(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of(), SEARCH))
    operator.world.begun("1.4.2", minutes=3)
    assert operator.types("status") == 0
    heading, model, search = (line.split() for line in operator.out.splitlines())
    assert heading == ["target", "release", "phase", "weight", "step", "verdict", "for"]
    assert model == ["Serving/Model", "1.4.2", "SHIFTING", "10", "%", "1", "of", "2", "-", "2", "min"]
    assert search == ["Serving/Search", "-", "no", "rollout", "yet", "-", "-", "-", "-"]


def test_the_table_fits_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    operator = Operator(capsys, OperatedWorld())
    operator.world.begun("2026-11-05-a-long-release-name", minutes=3)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert operator.types("status") == 0
    assert all(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) <= 80 for line in operator.out.splitlines())


def test_a_weight_that_the_rule_has_not_confirmed_is_marked(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(applied=None)
    assert operator.types("status") == 0
    assert "10 %?" in operator.out


def test_a_status_reads_the_table_once_for_each_target_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    world = OperatedWorld(settings_of(), SEARCH)
    world.begun("1.4.2", minutes=3)
    calls: list[str] = []
    load = world.store.load
    world.store.load = lambda target: calls.append(target) or load(target)
    world.rules_there.calls.clear()
    assert Operator(capsys, world).types("status") == 0
    assert calls == ["Serving/Model", "Serving/Search"]
    assert world.rules_there.calls == []


def test_who_has_to_answer_what_until_when_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(APPROVAL))
    operator.world.begun("1.4.2", minutes=3)
    assert operator.types("status") == 0
    said = " ".join(operator.out.split())
    assert "Serving/Model is paused (APPROVAL) for 2 min: owner waits for bluegreen promote" in said
    assert "bluegreen promote Serving/Model to go on, or bluegreen abort Serving/Model to go back; without an" in said
    assert "without an answer until 2026-01-05T10:00:" in said


def test_a_rollout_on_its_way_back_is_told_to_be_going_and_one_that_ended_to_have_gone(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(phase=Phase.ROLLING_BACK, why_back="errors")
    assert operator.types("status") == 0
    assert "Serving/Model is going back: errors" in operator.out
    operator.world.put(phase=Phase.ROLLED_BACK)
    assert operator.types("status") == 0
    assert "Serving/Model went back: errors" in operator.out


@pytest.mark.parametrize(
    ("release", "shown"),
    [("a" * 28, "a" * 28), ("sha256:" + "0123456789abcdef" * 4, "sha256:0123456789ab…89abcdef")],
)
def test_a_long_name_of_a_release_is_shown_by_its_ends(operator: Operator, release: str, shown: str) -> None:
    operator.world.begun(release, minutes=3)
    assert operator.types("status") == 0
    assert operator.out.splitlines()[1].split()[1] == shown
    (status,) = operator.reads("status")["targets"]
    assert status["release"] == release


def test_json_has_the_live_rule_also_of_a_target_without_a_rollout(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(settings_of(), SEARCH))
    operator.world.begun("1.4.2")
    rules = {one["target"]: one["rule"] for one in operator.reads("status")["targets"]}
    assert rules == {TARGET: settings_of().rule_arn, SEARCH.target: SEARCH.rule_arn}


def test_json_has_the_hold_and_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(capsys, OperatedWorld(APPROVAL))
    operator.world.begun("1.4.2", minutes=3)
    (status,) = operator.reads("status")["targets"]
    assert (status["target"], status["rollout"], status["phase"]) == (TARGET, "1.4.2", "TESTING")
    assert (status["weight_percent"], status["confirmed_percent"], status["step"], status["steps"]) == (
        0.0,
        None,
        None,
        2,
    )
    assert status["hold"]["kind"] == "APPROVAL"
    assert status["hold"]["until"].startswith("2026-01-05T10:00:")


def test_one_target_tells_what_it_waits_for(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    assert operator.types("status", TARGET) == 0
    assert operator.out.splitlines()[-1].startswith("It waits for the bake of this step to end, at 2026-01-05T09:05:")


@pytest.mark.parametrize(
    ("changes", "waits_for"),
    [
        ({"phase": Phase.PREPARING}, "green to run 1.4.2 with 4 healthy targets, as live has, until 2026-01-05T09:2"),
        ({"applied": None}, "the rule to confirm 10 % for the candidate"),
        ({"phase": Phase.ROLLING_BACK}, "the rule to confirm that blue has all traffic again"),
        ({"phase": Phase.BAKING}, "the bake to end, at 2026-01-05T09:1"),
        ({"phase": Phase.BAKING, "is_baked": True}, "its promotion, with the next tick"),
        ({"phase": Phase.PROMOTED}, "blue to have no requests for two minutes, before it is scaled in"),
        ({"phase": Phase.ROLLED_BACK, "is_quarantined": True}, "nothing: green keeps running, unrouted"),
        ({"phase": Phase.ROLLED_BACK, "is_tidied": True}, "nothing"),
    ],
)
def test_every_gate_is_named(operator: Operator, changes: dict[str, object], waits_for: str) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(**changes)
    (status,) = operator.reads("status")["targets"]
    assert status["waits_for"].startswith(waits_for)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (HoldKind.OPERATOR, "bluegreen resume Serving/Model, or bluegreen abort"),
        (HoldKind.UNSURE, "bluegreen promote Serving/Model to go on, or"),
        (HoldKind.FROZEN, "it stays frozen"),
    ],
)
def test_every_hold_says_what_answers_it(operator: Operator, kind: HoldKind, said: str) -> None:
    now = operator.world.now()
    operator.world.begun("1.4.2", minutes=3)
    operator.world.put(hold=Hold(kind, "why", now, now + timedelta(hours=1)))
    (status,) = operator.reads("status")["targets"]
    assert said in status["waits_for"]


def test_no_targets_are_no_failure_of_status(operator: Operator) -> None:
    operator.world.worlds.clear()
    assert (operator.types("status"), operator.out) == (0, "no targets in this account and region\n")
    assert operator.reads("status") == {"targets": []}


# Watch


def test_watching_ends_with_0_when_the_release_is_promoted(operator: Operator) -> None:
    operator.world.begun("1.4.2")
    assert operator.types("watch") == 0
    assert operator.out == "rollout 1.4.2: PROMOTED 100 %\n"
    lines = [line.partition(" s  ")[2].strip() for line in operator.err.splitlines()]
    assert lines[0] == "PREPARING 0 %"
    assert lines.count("SHIFTING 10 %, step 1 of 2") == 1  # what does not change is not said again
    assert lines.index("SHIFTING 10 %, step 1 of 2") < lines.index("SHIFTING 50 %, step 2 of 2") < len(lines) - 1
    assert lines[-1] == "PROMOTED 100 %"


def test_watching_ends_with_1_when_it_goes_back(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.on_wait = [lambda: operator.types("abort", TARGET, "--reason", "payments fail")]
    assert operator.types("watch") == 1
    assert operator.out == "rollout 1.4.2: ROLLED_BACK 0 %, went back: aborted: payments fail\n"


def test_the_end_of_the_last_rollout_is_told_when_nothing_is_in_flight(operator: Operator) -> None:
    operator.world.promoted("1.4.2")
    assert operator.reads("watch")["phase"] == "PROMOTED"
    assert operator.world.waited == 0


def test_a_target_without_a_rollout_has_nothing_to_watch(operator: Operator) -> None:
    assert operator.is_refused(2, "watch") == (
        "Serving/Model has had no rollout yet: begin one with bluegreen start Serving/Model --release NAME"
    )


def test_the_timeout_ends_the_watching_with_1_and_leaves_the_rollout_alone(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=1)
    assert operator.types("watch", "--timeout", "2") == 1
    assert operator.world.waited == 120
    assert operator.err.splitlines()[-1] == (
        "bluegreen: rollout 1.4.2 is still SHIFTING after 2 min: it goes on; watch it again with bluegreen watch "
        "Serving/Model"
    )
    assert operator.world.given == []


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon"])
def test_a_timeout_that_is_none_is_refused(operator: Operator, timeout: str) -> None:
    operator.is_refused(2, "watch", "--timeout", timeout)


def test_a_table_that_fails_for_half_a_minute_does_not_end_the_watching(operator: Operator) -> None:
    operator.world.begun("1.4.2")
    operator.world.on_wait = [lambda: setattr(operator.world.store, "is_down", True)]
    operator.world.on_wait += [lambda: None] * 6
    operator.world.on_wait += [lambda: setattr(operator.world.store, "is_down", False)]
    assert operator.types("watch") == 0


def test_a_table_that_fails_for_longer_ends_it_with_1(operator: Operator) -> None:
    operator.world.begun("1.4.2")
    operator.world.on_wait = [lambda: setattr(operator.world.store, "is_down", True)]
    assert operator.types("watch") == 1
    assert operator.err.splitlines()[-1] == "bluegreen: the table does not answer"
    assert operator.world.waited == 60


def test_another_rollout_in_the_place_of_the_watched_one_is_told(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    other = replace(operator.world.rollout, id="1.4.3")
    operator.world.on_wait = [lambda: operator.world.crash() or operator.world.store.states.update({TARGET: other})]
    assert operator.types("watch") == 1
    assert "rollout 1.4.2 has ended, and 1.4.3 is in its place: see bluegreen history" in operator.err


def test_an_execution_that_died_is_told_with_the_way_out(operator: Operator) -> None:
    operator.world.begun("1.4.2", minutes=3)
    operator.world.crash()
    assert operator.types("watch") == 1
    assert operator.err.splitlines()[-1].endswith(
        "the execution of rollout 1.4.2 has ended, and the rollout is still SHIFTING: bring all traffic to live with "
        "bluegreen abort Serving/Model"
    )
    assert operator.world.waited <= 60


def test_step_functions_being_down_says_nothing_about_the_rollout(operator: Operator) -> None:
    operator.world.begun("1.4.2")
    operator.world.machine.is_down = True
    operator.world.go_on = lambda minutes: operator.world.first.clock.forward(timedelta(minutes=minutes))
    assert operator.types("watch", "--timeout", "3") == 1
    assert "is still PREPARING after 3 min" in operator.err


def test_ctrl_c_ends_the_watching_and_says_that_the_rollout_goes_on(operator: Operator) -> None:
    def interrupted() -> None:
        raise Interrupted

    operator.world.begun("1.4.2", minutes=3)
    operator.world.on_wait = [interrupted]
    assert operator.types("watch") == 130
    assert operator.err.splitlines()[-1] == "bluegreen: interrupted; rollout 1.4.2 goes on"
    assert operator.world.given == []


def test_in_a_window_one_table_moves_instead_of_lines(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    operator.world.begun("1.4.2")
    assert operator.types("watch") == 0
    assert operator.out == "rollout 1.4.2: PROMOTED 100 %\n"
    assert not re.search(r"^ +\d+\.\d s  ", operator.err, flags=re.MULTILINE)
    assert "It waits for the bake of this step to end" in operator.err
    assert "PROMOTED" in operator.err.rpartition("target ")[2]
