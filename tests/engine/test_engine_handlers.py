"""The engine's handlers: what they read, what they answer, and what they refuse."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers import alarm, start, tick
from bluegreen_constructs.engine.invocation import answered, instant
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HeldError, RefusedError
from bluegreen_constructs.engine.tick_answer import TickAnswer
from tests.engine.rollout_world import NEXT, RolloutWorld

KEYS = {"target", "rollout", "done", "outcome", "wait_seconds", "restore", "mark"}


def start_event(world: RolloutWorld, **more: object) -> dict[str, object]:
    """An execution's input with what the state machine adds to it."""
    return {
        "target": world.target,
        "release": {"name": NEXT.name},
        "caller": "arn:aws:iam::123456789012:user/example",
        "reason": "weekly release",
        "rollout": NEXT.name,
        "execution": world.executions.start(NEXT.name, {}),
        "now": "2026-01-05T09:00:00.123Z",
        **more,
    }


def beginning(world: RolloutWorld) -> Beginning:
    return Beginning(world.source, world.store, world.rules, world.executions)


def alarm_ports(world: RolloutWorld) -> alarm.AlarmPorts:
    return alarm.AlarmPorts(world.rules, world.store, world.executions)


def alarm_event(world: RolloutWorld, **more: object) -> dict[str, object]:
    now = world.clock.now.isoformat()
    return {"target": world.target, "alarm": "Gpu", "state": "ALARM", "now": now, **more}


# Start


def test_a_start_answers_what_the_state_machine_reads() -> None:
    world = RolloutWorld()
    answer = json.loads(json.dumps(start.serve(start_event(world), beginning(world))))
    assert set(answer) == KEYS
    assert (answer["target"], answer["rollout"]) == (world.target, NEXT.name)
    assert (answer["done"], answer["outcome"], answer["wait_seconds"]) == (False, "PREPARING", 1)
    assert world.rollout.started_at == datetime(2026, 1, 5, 9, 0, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("expedited", "is_expedited"),
        ("irreversible", "is_irreversible"),
        ("quarantine", "is_quarantined"),
    ],
)
def test_what_a_start_asks_for_is_what_the_rollout_does(key: str, field: str) -> None:
    world = RolloutWorld()
    world.was_live()
    start.serve(start_event(world, **{key: True}), beginning(world))
    assert getattr(world.rollout, field) is True


def test_only_the_word_for_it_ends_a_quarantine() -> None:
    world = RolloutWorld()
    world.start(world.request(is_quarantined=True))
    world.finish()
    with pytest.raises(RefusedError, match="--end-quarantine"):
        start.serve(start_event(world, rollout="2", release={"name": "2"}), beginning(world))
    with pytest.raises(ConfigurationError, match="end_quarantine is 'yes': give true or false"):
        start.serve(start_event(world, rollout="2", end_quarantine="yes"), beginning(world))
    event = start_event(world, rollout="2", release={"name": "2"}, end_quarantine=True)
    assert start.serve(event, beginning(world))["outcome"] == "PREPARING"


def test_a_refusal_is_raised_by_its_name_with_its_sentence() -> None:
    world = RolloutWorld()
    start.serve(start_event(world), beginning(world))
    with pytest.raises(HeldError, match="bluegreen watch"):
        start.serve(start_event(world, rollout="another"), beginning(world))
    with pytest.raises(RefusedError, match="no target"):
        start.serve(start_event(world, target="Serving/Other"), beginning(world))
    with pytest.raises(ConfigurationError, match="release is None"):
        start.serve(start_event(world, release=None), beginning(world))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-05T09:00:00Z", datetime(2026, 11, 5, 9, tzinfo=UTC)),
        ("2026-11-05T09:00:00.123Z", datetime(2026, 11, 5, 9, 0, 0, 123000, tzinfo=UTC)),
        ("2026-11-05T10:00:00+01:00", datetime(2026, 11, 5, 10, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-11-05T09:00:00", datetime(2026, 11, 5, 9, tzinfo=UTC)),
    ],
)
def test_the_time_is_the_state_machines(text: str, at: datetime) -> None:
    assert instant({"now": text}) == at


@pytest.mark.parametrize("now", [None, "", "soon", 7.5, {}])
def test_an_event_without_a_time_is_refused(now: object) -> None:
    with pytest.raises(ConfigurationError, match="ISO 8601"):
        instant({"now": now})
    with pytest.raises(ConfigurationError, match="ISO 8601"):
        instant({})


# Tick


def test_a_tick_answers_with_the_same_keys_to_the_end() -> None:
    world = RolloutWorld()
    answer = start.serve(start_event(world), beginning(world))
    while not answer["done"]:
        wait = answer["wait_seconds"]
        assert isinstance(wait, int)
        world.pass_time(timedelta(seconds=wait))
        event = {"target": world.target, "rollout": NEXT.name, "now": world.clock.now.isoformat(), "execution": "arn"}
        answer = json.loads(json.dumps(tick.serve(event, world.ports)))
        assert set(answer) == KEYS
    assert answer["outcome"] == "PROMOTED"


def test_a_tick_of_a_rollout_that_is_not_there_is_superseded_and_restores_nothing() -> None:
    world = RolloutWorld()
    now = world.clock.now.isoformat()
    answer = tick.serve({"target": world.target, "rollout": "gone", "now": now}, world.ports)
    assert (answer["done"], answer["outcome"]) == (True, "SUPERSEDED")
    assert (answer["restore"], answer["mark"]) == ({}, {})


@pytest.mark.parametrize("event", [{}, {"target": "a"}, {"rollout": "b"}, {"target": 1, "rollout": "b"}])
def test_a_tick_without_target_and_rollout_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="give both as texts"):
        tick.serve({**event, "now": "2026-11-05T09:00:00Z"}, RolloutWorld().ports)


def test_the_keys_of_an_answer_are_an_interface() -> None:
    assert set(answered(TickAnswer("a", "b", done=True, outcome="PROMOTED", wait_seconds=1))) == KEYS


# Alarm


@pytest.mark.parametrize("phase", [Phase.SHIFTING, Phase.BAKING], ids=lambda one: one.name)
def test_an_alarm_aborts_at_once_what_has_traffic(phase: Phase) -> None:
    world = RolloutWorld()
    world.start()
    world.reach(phase)
    answer = alarm.serve(alarm_event(world), alarm_ports(world))
    assert answer == {"done": "RESTORED", "calls": 3}
    assert world.share_of("blue") == 100
    done = world.finish()
    assert (done.phase, done.is_bad, done.why_back) == (Phase.ROLLED_BACK, True, "aborted: alarm Gpu went off")
    (item,) = [one for one in world.history("PHASE") if one.reason.startswith("ROLLING_BACK")]
    assert item.caller == "alarm Gpu"


def test_an_alarm_that_went_off_before_the_rollout_began_is_ignored() -> None:
    world = RolloutWorld()
    event = alarm_event(world)
    world.pass_time(timedelta(seconds=30))
    world.start()
    world.reach(Phase.SHIFTING, step=0, applied=10)
    assert alarm.serve(event, alarm_ports(world)) == {"done": "BEFORE_THIS_ROLLOUT"}
    assert world.share_of("green") == 10
    assert alarm.serve(alarm_event(world), alarm_ports(world))["done"] == "RESTORED"


def test_an_alarm_that_comes_twice_is_one() -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING)
    alarm.serve(alarm_event(world), alarm_ports(world))
    count = len(world.rules.calls)
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOTHING_IN_FLIGHT"}
    assert world.watched_rules.calls_since(count) == []


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA", None])
def test_an_alarm_that_did_not_go_off_aborts_nothing(state: str | None) -> None:
    world = RolloutWorld()
    world.start()
    world.reach(Phase.SHIFTING)
    assert alarm.serve(alarm_event(world, state=state), alarm_ports(world)) == {"done": "NOT_IN_ALARM"}
    assert world.share_of("green") == 10


@pytest.mark.parametrize("when", ["never", "preparing", "promoted"])
def test_an_alarm_while_no_candidate_has_traffic_is_not_the_candidates(when: str) -> None:
    world = RolloutWorld()
    if when != "never":
        world.start()
    if when == "promoted":
        world.finish()
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOTHING_IN_FLIGHT"}
    assert "ModifyRule" not in [name for name, arn in world.rules.calls[-1:] if arn == world.settings.rule_arn]


@pytest.mark.parametrize("kind", ["irreversible", "expedited"])
def test_an_alarm_takes_back_neither_what_cannot_be_nor_a_way_back(kind: str) -> None:
    world = RolloutWorld()
    world.was_live()
    world.start(world.request(is_irreversible=kind == "irreversible", is_expedited=kind == "expedited"))
    world.pass_for(30, until=lambda: world.share_of("green") > 0)
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOTHING_IN_FLIGHT"}
    assert world.share_of("green") > 0


@pytest.mark.parametrize("event", [{}, {"target": "a"}, {"alarm": "b"}, {"target": "a", "alarm": 7}])
def test_an_alarm_event_that_names_nothing_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="give both as texts"):
        alarm.serve({"state": "ALARM", **event}, alarm_ports(RolloutWorld()))


def with_the_table_down(**more: bool) -> RolloutWorld:
    world = RolloutWorld()
    world.was_live()
    world.start(world.request(**more))  # type: ignore[arg-type]
    world.pass_for(30, until=lambda: world.share_of("green") > 0)
    world.store.is_down = True
    return world


def test_an_alarm_aborts_by_the_rule_alone_with_the_table_down() -> None:
    world = with_the_table_down()
    answer = alarm.serve(alarm_event(world, rule=world.settings.rule_arn), alarm_ports(world))
    assert answer == {"done": "RESTORED", "calls": 3}
    assert world.share_of("blue") == 100


def test_an_alarm_that_does_not_know_the_rule_fails_with_the_table() -> None:
    world = with_the_table_down()
    with pytest.raises(AwsError):
        alarm.serve(alarm_event(world), alarm_ports(world))


@pytest.mark.parametrize("kind", ["is_irreversible", "is_expedited"])
def test_an_alarm_with_the_table_down_takes_back_no_more_than_with_it(kind: str) -> None:
    world = with_the_table_down(**{kind: True})
    alarm.serve(alarm_event(world, rule=world.settings.rule_arn), alarm_ports(world))
    assert world.share_of("green") > 0


@pytest.mark.parametrize("handler", [start.handler, tick.handler, alarm.handler])
def test_a_function_without_its_table_says_which_variable_is_missing(
    handler: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLUEGREEN_TABLE", raising=False)
    with pytest.raises(ConfigurationError, match="BLUEGREEN_TABLE is missing"):
        handler({}, None)  # type: ignore[operator]
