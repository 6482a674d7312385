"""The engine's handlers: what they read, what they answer, and what they refuse."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.handlers import alarm, start, tick
from bluegreen_constructs.engine.invocation import answered, instant
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import HeldError, Ports, RefusedError
from bluegreen_constructs.engine.rule_tags import ABORTED, ENDED
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.beginning import SlotsBeginning
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.ports import SlotsPorts
from bluegreen_constructs.engine.tick_answer import TickAnswer
from bluegreen_constructs.testing import InMemoryFleets
from bluegreen_constructs.testing_slots import (
    InMemoryActiveSides,
    InMemoryMembers,
    InMemorySlotServices,
    InMemorySlotsWorld,
    InMemoryStacks,
    example_slots,
)
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


def begun(world: RolloutWorld | InMemorySlotsWorld, event: dict[str, object]) -> Mapping[str, object]:
    """What the start handler answers; both ways to begin are there, whatever the target is."""
    return start.serve(
        event,
        Beginning(world.source, world.store, world.rules, world.executions),
        SlotsBeginning(world.source, world.store, world.rules, InMemoryStacks(), world.executions),
    )


def ticked(world: RolloutWorld | InMemorySlotsWorld, event: dict[str, object]) -> Mapping[str, object]:
    """What the tick handler answers; both kinds of turns are there, whatever the target is."""
    services = InMemorySlotServices()
    fleets = InMemoryFleets()
    shared = {name: getattr(world, name) for name in ("rules", "metrics", "hooks", "events", "store")}
    ports = world.ports if isinstance(world, RolloutWorld) else Ports(fleets=fleets, **shared)
    of_slots = (
        world.ports
        if isinstance(world, InMemorySlotsWorld)
        else SlotsPorts(
            members=InMemoryMembers(services, ()),
            services=services,
            stacks=InMemoryStacks(),
            active=InMemoryActiveSides(),
            **shared,
        )
    )
    return tick.serve(event, ports, of_slots)


def alarm_ports(world: RolloutWorld | InMemorySlotsWorld) -> alarm.AlarmPorts:
    return alarm.AlarmPorts(world.rules, world.store, world.executions)


def alarm_event(world: RolloutWorld | InMemorySlotsWorld, **more: object) -> dict[str, object]:
    now = world.clock.now.isoformat()
    return {"target": world.settings.target, "alarm": "Gpu", "state": "ALARM", "now": now, **more}


# Start


def test_a_start_answers_what_the_state_machine_reads() -> None:
    world = RolloutWorld()
    answer = json.loads(json.dumps(begun(world, start_event(world))))
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
    begun(world, start_event(world, **{key: True}))
    assert getattr(world.rollout, field) is True


def test_only_the_word_for_it_ends_a_quarantine() -> None:
    world = RolloutWorld()
    world.start(world.request(is_quarantined=True))
    world.finish()
    with pytest.raises(RefusedError, match="--end-quarantine"):
        begun(world, start_event(world, rollout="2", release={"name": "2"}))
    with pytest.raises(ConfigurationError, match="end_quarantine is 'yes': give true or false"):
        begun(world, start_event(world, rollout="2", end_quarantine="yes"))
    event = start_event(world, rollout="2", release={"name": "2"}, end_quarantine=True)
    assert begun(world, event)["outcome"] == "PREPARING"


def test_a_refusal_is_raised_by_its_name_with_its_sentence() -> None:
    world = RolloutWorld()
    begun(world, start_event(world))
    with pytest.raises(HeldError, match="bluegreen watch"):
        begun(world, start_event(world, rollout="another"))
    with pytest.raises(RefusedError, match="no target"):
        begun(world, start_event(world, target="Serving/Other"))
    with pytest.raises(ConfigurationError, match="release is None"):
        begun(world, start_event(world, release=None))


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


def slots_event(world: RolloutWorld | InMemorySlotsWorld, name: str, **asked: object) -> dict[str, object]:
    """An execution's input that asks for something to be done to slots."""
    return {
        "target": world.settings.target,
        "rollout": name,
        "execution": world.executions.start(name, {}),
        "caller": "arn:aws:iam::123456789012:user/example",
        "now": world.clock.now.isoformat(),
        "slots": asked,
    }


def test_a_start_that_names_slots_begins_an_operation_on_them_and_no_rollout() -> None:
    world = InMemorySlotsWorld()
    answer = json.loads(json.dumps(begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))))
    assert set(answer) == KEYS
    assert (answer["target"], answer["rollout"]) == ("Web/App", "s-1")
    assert (answer["done"], answer["outcome"], answer["wait_seconds"]) == (False, "PREPARING", 1)
    assert world.record.operation.id == "s-1"
    assert world.record.operation.started_at == world.clock.now
    assert world.store.load("Web/App") is None


def test_the_same_start_again_answers_the_same_and_begins_nothing() -> None:
    world = InMemorySlotsWorld()
    event = slots_event(world, "s-1", verb="swap", slot="staging")
    first = begun(world, event)
    record = world.record
    assert begun(world, event) == first
    assert world.record == record


def test_a_start_that_names_no_slots_begins_a_rollout_and_no_operation() -> None:
    world = RolloutWorld()
    begun(world, start_event(world))
    assert world.rollout.id == NEXT.name
    assert world.store.slots(world.target) is None


@pytest.mark.parametrize("asked", [None, "swap", [], {}, {"verb": "destroy"}, {"verb": "swap"}])
def test_slots_that_say_nothing_that_can_be_done_are_refused_and_never_begin_a_rollout(asked: object) -> None:
    for world in (InMemorySlotsWorld(), RolloutWorld()):
        event = {**slots_event(world, "s-1"), "release": {"name": NEXT.name}, "slots": asked}
        with pytest.raises(ConfigurationError, match=r"the input's (slots|verb|slot) is"):
            begun(world, event)
        assert world.store.load(world.settings.target) is None


def test_a_refusal_of_slots_is_raised_by_its_name_with_its_sentence() -> None:
    world = InMemorySlotsWorld()
    begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    with pytest.raises(HeldError, match=r"SWAP s-1 of slot staging is PREPARING .* bluegreen slots cancel Web/App"):
        begun(world, slots_event(world, "s-2", verb="swap", slot="staging"))
    with pytest.raises(ConfigurationError, match="no slot qa: give one of production, staging"):
        begun(InMemorySlotsWorld(), slots_event(world, "s-2", verb="swap", slot="qa"))
    rollouts = RolloutWorld()
    with pytest.raises(RefusedError, match="has no slots, which AppServiceSlots makes"):
        begun(rollouts, slots_event(rollouts, "s-1", verb="swap", slot="staging"))


# Tick


def test_a_tick_answers_with_the_same_keys_to_the_end() -> None:
    world = RolloutWorld()
    answer = begun(world, start_event(world))
    while not answer["done"]:
        wait = answer["wait_seconds"]
        assert isinstance(wait, int)
        world.pass_time(timedelta(seconds=wait))
        event = {"target": world.target, "rollout": NEXT.name, "now": world.clock.now.isoformat(), "execution": "arn"}
        answer = json.loads(json.dumps(ticked(world, event)))
        assert set(answer) == KEYS
    assert answer["outcome"] == "PROMOTED"


def test_a_tick_of_a_rollout_that_is_not_there_is_superseded_and_restores_nothing() -> None:
    world = RolloutWorld()
    now = world.clock.now.isoformat()
    answer = ticked(world, {"target": world.target, "rollout": "gone", "now": now})
    assert (answer["done"], answer["outcome"]) == (True, "SUPERSEDED")
    assert (answer["restore"], answer["mark"]) == ({}, {})


@pytest.mark.parametrize("event", [{}, {"target": "a"}, {"rollout": "b"}, {"target": 1, "rollout": "b"}])
def test_a_tick_without_target_and_rollout_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="give both as texts"):
        ticked(RolloutWorld(), {**event, "now": "2026-11-05T09:00:00Z"})


def tick_event(world: InMemorySlotsWorld, operation: str) -> dict[str, object]:
    return {"target": "Web/App", "rollout": operation, "now": world.clock.now.isoformat(), "execution": "arn"}


def test_a_tick_of_an_operation_on_slots_goes_on_with_it_to_its_end() -> None:
    world = InMemorySlotsWorld()
    answer = begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    met = []
    while not answer["done"]:
        wait = answer["wait_seconds"]
        assert isinstance(wait, int)
        world.let_pass(timedelta(seconds=wait))
        answer = json.loads(json.dumps(ticked(world, tick_event(world, "s-1"))))
        assert set(answer) == KEYS
        met.append(answer["outcome"])
    assert list(dict.fromkeys(met)) == ["APPLYING", "WARMING", "READY", "COMMITTING", "BAKING", "DEMOTING", "DONE"]
    assert world.serving() == {"b": 100}
    assert ticked(world, tick_event(world, "s-1"))["outcome"] == "DONE", "also when it is asked again"


def test_a_tick_that_neither_record_knows_is_superseded_and_restores_nothing() -> None:
    world = InMemorySlotsWorld()
    begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    before = world.record
    answer = ticked(world, tick_event(world, "gone"))
    assert (answer["done"], answer["outcome"]) == (True, "SUPERSEDED")
    assert (answer["restore"], answer["mark"]) == ({}, {})
    assert world.record == before


def test_a_tick_of_an_operation_that_another_one_followed_is_superseded_and_moves_nothing() -> None:
    world = InMemorySlotsWorld()
    world.begin("deploy", id="d-1", release="2")
    world.run()
    begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    before = world.record
    answer = ticked(world, tick_event(world, "d-1"))
    assert (answer["done"], answer["outcome"], answer["restore"]) == (True, "SUPERSEDED", {})
    assert world.record == before


def test_whose_id_it_is_decides_also_where_a_rollout_of_that_name_was_before() -> None:
    rollouts, world = RolloutWorld(), InMemorySlotsWorld()
    rollouts.start()
    former = rollouts.finish()
    settings = replace(former.settings, target="Web/App")
    world.store.states["Web/App"] = former = replace(former, settings=settings)
    begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    assert ticked(world, tick_event(world, "s-1"))["outcome"] == "APPLYING"
    assert ticked(world, tick_event(world, former.id))["outcome"] == "PROMOTED"
    assert (world.phase, world.store.states["Web/App"].phase) == (SwapPhase.APPLYING, Phase.PROMOTED)


def test_a_tick_of_slots_answers_the_state_machines_own_way_back_until_the_end() -> None:
    world = InMemorySlotsWorld()
    begun(world, slots_event(world, "s-1", verb="swap", slot="staging"))
    answer = ticked(world, tick_event(world, "s-1"))
    assert answer["restore"] == {
        "RuleArn": world.settings.rule_arn,
        "Actions": list(world.rules.rules[world.settings.rule_arn][0]),
    }
    tags = {"ResourceArns": [world.settings.rule_arn], "Tags": [{"Key": ABORTED, "Value": "s-1"}]}
    assert answer["mark"] == tags
    world.answer = TickAnswer("Web/App", "s-1", done=False, outcome="", wait_seconds=1)
    world.run()
    over = ticked(world, tick_event(world, "s-1"))
    assert over["restore"] == {}
    assert over["mark"] == {**tags, "Tags": [{"Key": ENDED, "Value": "s-1"}]}


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


# Alarms of slots


def canaried() -> InMemorySlotsWorld:
    """Release 2 on staging, about to be tried with a canary."""
    settings = example_slots()
    assert settings.slots is not None
    slots = replace(settings.slots, canary=Step(10, timedelta(minutes=3)))
    world = InMemorySlotsWorld(replace(settings, slots=slots))
    world.begin("deploy", release="2")
    world.run()
    return world


def swapping(phase: SwapPhase) -> InMemorySlotsWorld:
    """A swap that came to that phase, and in CANARY has its share."""
    world = canaried()
    world.begin("swap", preview=phase is SwapPhase.READY)
    world.run(until=phase)
    if phase is SwapPhase.CANARY:
        world.turn()
        assert world.serving() == {"a": 90, "b": 10}
    return world


WITH_TRAFFIC = [SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING]


@pytest.mark.parametrize("phase", WITH_TRAFFIC, ids=lambda one: one.name)
def test_an_alarm_aborts_at_once_a_swap_that_has_traffic(phase: SwapPhase) -> None:
    world = swapping(phase)
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "RESTORED", "calls": 3}
    assert world.serving() == {"a": 100}
    assert world.rules.rules[world.settings.rule_arn][1][ABORTED] == "swap-1"
    world.run()
    assert world.answer is not None
    assert world.answer.outcome == "ROLLED_BACK"
    assert (world.release_of("production"), world.release_of("staging")) == ("first", "2")
    assert (world.serving(), world.slot_running_on("b")) == ({"a": 100}, "staging")
    assert world.record.paused, "no slot swaps by itself after that"


def without_traffic() -> dict[str, Callable[[], InMemorySlotsWorld]]:
    def going_back(until: SwapPhase, back: SwapPhase) -> Callable[[], InMemorySlotsWorld]:
        def made() -> InMemorySlotsWorld:
            world = swapping(until)
            world.give("abort")
            world.run(until=back)
            return world

        return made

    def begun_only(verb: str, **options: object) -> Callable[[], InMemorySlotsWorld]:
        def made() -> InMemorySlotsWorld:
            world = canaried()
            world.begin(verb, **options)
            return world

        return made

    def routing() -> InMemorySlotsWorld:
        world = begun_only("traffic", shares={"staging": 20.0})()
        world.run(until=SwapPhase.ROUTING)
        return world

    def halted() -> InMemorySlotsWorld:
        world = swapping(SwapPhase.BAKING)
        tags = world.rules.rules[world.settings.rule_arn][1]
        world.rules.rules[world.settings.rule_arn] = (({"Type": "fixed-response"},), tags)
        world.turn()
        return world

    phases = (SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.READY, SwapPhase.DEMOTING)
    return {
        "IDLE": canaried,
        **{phase.name: (lambda phase=phase: swapping(phase)) for phase in phases},
        "REVERTING": going_back(SwapPhase.READY, SwapPhase.REVERTING),
        "ROLLING_BACK": going_back(SwapPhase.BAKING, SwapPhase.ROLLING_BACK),
        "DEMOTING_CANDIDATE": going_back(SwapPhase.BAKING, SwapPhase.DEMOTING_CANDIDATE),
        "ROUTING": routing,
        "HALTED": halted,
        "a deployment": begun_only("deploy", release="3"),
    }


def test_every_phase_of_a_swap_meets_an_alarm() -> None:
    assert {*without_traffic(), *(phase.name for phase in WITH_TRAFFIC)} == {one.name for one in SwapPhase} | {
        "a deployment"
    }


@pytest.mark.parametrize("name", without_traffic())
def test_an_alarm_leaves_other_operations_alone_and_makes_no_call_of_the_load_balancer(name: str) -> None:
    world = without_traffic()[name]()
    assert world.phase.name in {name, "PREPARING"}
    record, rule, calls = world.record, world.rules.rules[world.settings.rule_arn], len(world.rules.calls)
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOTHING_IN_FLIGHT"}
    assert world.record == record
    assert (world.rules.rules[world.settings.rule_arn], len(world.rules.calls)) == (rule, calls)


def test_an_alarm_that_went_off_before_the_swap_began_is_ignored() -> None:
    world = canaried()
    early = alarm_event(world)
    world.let_pass(timedelta(seconds=30))
    world.begin("swap")
    world.run(until=SwapPhase.BAKING)
    assert alarm.serve(early, alarm_ports(world)) == {"done": "BEFORE_THIS_ROLLOUT"}
    assert world.serving() == {"b": 100}
    assert alarm.serve(alarm_event(world), alarm_ports(world))["done"] == "RESTORED"


def test_an_alarm_of_slots_that_did_not_go_off_aborts_nothing() -> None:
    world = swapping(SwapPhase.BAKING)
    assert alarm.serve(alarm_event(world, state="OK"), alarm_ports(world)) == {"done": "NOT_IN_ALARM"}
    assert world.serving() == {"b": 100}


def test_an_alarm_of_a_swap_that_comes_twice_leaves_live_as_it_is() -> None:
    world = swapping(SwapPhase.BAKING)
    for _ in range(2):
        alarm.serve(alarm_event(world), alarm_ports(world))
        assert world.serving() == {"a": 100}
    world.run()
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOTHING_IN_FLIGHT"}


def test_an_alarm_does_not_take_a_cold_live_side_for_a_way_back_and_the_engine_still_goes_back() -> None:
    world = swapping(SwapPhase.BAKING)
    world.rules.healthy[world.settings.blue.group_arn] = 0
    assert alarm.serve(alarm_event(world), alarm_ports(world)) == {"done": "NOT_WARM", "calls": 2}
    assert world.serving() == {"b": 100}
    assert world.rules.rules[world.settings.rule_arn][1][ABORTED] == "swap-1"
    world.turn()
    assert world.phase is SwapPhase.ROLLING_BACK


@pytest.mark.parametrize("phase", WITH_TRAFFIC, ids=lambda one: one.name)
def test_an_alarm_aborts_a_swap_by_the_rule_alone_with_the_table_down(phase: SwapPhase) -> None:
    world = swapping(phase)
    world.store.is_down = True
    event = alarm_event(world, rule=world.settings.rule_arn)
    assert alarm.serve(event, alarm_ports(world)) == {"done": "RESTORED", "calls": 3}
    assert world.serving() == {"a": 100}
    world.store.is_down = False
    world.run()
    assert world.answer is not None
    assert world.answer.outcome == "ROLLED_BACK"
    assert world.release_of("production") == "first"


def test_an_alarm_of_slots_that_does_not_know_the_rule_fails_with_the_table() -> None:
    world = swapping(SwapPhase.BAKING)
    world.store.is_down = True
    with pytest.raises(AwsError):
        alarm.serve(alarm_event(world), alarm_ports(world))
    assert world.serving() == {"b": 100}


def test_with_the_table_down_an_alarm_finds_nothing_in_flight_once_the_swap_is_committed_for_good() -> None:
    world = swapping(SwapPhase.BAKING)
    world.run()
    world.store.is_down = True
    event = alarm_event(world, rule=world.settings.rule_arn)
    assert alarm.serve(event, alarm_ports(world))["done"] == "NOTHING_IN_FLIGHT"
    assert world.serving() == {"b": 100}


@pytest.mark.parametrize("handler", [start.handler, tick.handler, alarm.handler])
def test_a_function_without_its_table_says_which_variable_is_missing(
    handler: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLUEGREEN_TABLE", raising=False)
    with pytest.raises(ConfigurationError, match="BLUEGREEN_TABLE is missing"):
        handler({}, None)  # type: ignore[operator]
