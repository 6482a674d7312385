"""The bake of a swap and every way back: by an alarm, a floor, an abort, and without the engine."""

from dataclasses import replace
from datetime import timedelta

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.ports import Series
from bluegreen_constructs.engine.rule_tags import ABORTED
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.shares import all_on, forward_to
from bluegreen_constructs.engine.target_settings import AlarmName
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots
from tests.engine.slots_world import events, world_with_release


class TestTheBake:
    def test_ends_early_when_an_operator_says_so(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        began = world.clock.now
        world.give("promote")
        world.run(until=SwapPhase.DEMOTING)
        assert world.clock.now - began < timedelta(minutes=1)

    def test_an_alarm_brings_production_back_at_once_and_pauses_auto_swap(self) -> None:
        world = world_with_release(replace(example_slots(), guardrails=(AlarmName("errors"),)))
        world.metrics.alarms["errors"] = "OK"
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        restarts = [call for call in world.services.calls if call == ("run", world.services.runs["web-a"])]
        world.metrics.alarms["errors"] = "ALARM"
        world.run(until=SwapPhase.DEMOTING_CANDIDATE)
        assert world.serving() == {"a": 100.0}
        assert restarts == [call for call in world.services.calls if call == ("run", world.services.runs["web-a"])]
        world.run()
        assert (world.record.epoch, world.release_of("production")) == (2, "first")
        assert "alarm errors: its state is ALARM" in world.record.paused
        assert any("alarm errors" in why for why in events(world, "UNHEALTHY"))

    def test_a_floor_that_the_candidate_falls_through_brings_production_back(self) -> None:
        world = world_with_release(replace(example_slots(), guardrails=(AbsoluteFloor(99),)))
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        for _ in range(10):
            minute = int(world.clock.now.timestamp() // 60)
            group = world.slots.side("b").group_arn.rpartition(":")[2]
            dimensions = (("LoadBalancer", world.settings.load_balancer), ("TargetGroup", group))
            errors = Series("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", dimensions, "Sum")
            world.metrics.add(errors, minute, 200)
            world.let_pass(timedelta(seconds=60))
            if world.phase is SwapPhase.BAKING:
                world.turn()
        world.run()
        assert world.release_of("production") == "first"

    def test_an_abort_of_three_calls_brings_production_back_with_the_table_down(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        world.store.is_down = True
        world.rules.calls.clear()
        outcome = abort(
            world.rules, world.settings, caller="me", reason="", now=world.clock.now, store=world.store, executions=None
        )
        assert (outcome.state, outcome.calls) == ("RESTORED", 3)
        assert [name for name, _ in world.rules.calls] == [
            "DescribeTags",
            "DescribeTargetHealth",
            "ModifyRule",
            "AddTags",
        ]
        assert world.serving() == {"a": 100.0}
        world.store.is_down = False
        world.run()
        assert world.record.last is not None
        assert world.record.last.outcome == "ROLLED_BACK"

    def test_is_over_for_an_abort_once_the_former_side_is_being_changed(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.DEMOTING)
        world.turn()
        outcome = abort(
            world.rules, world.settings, caller="me", reason="", now=world.clock.now, store=None, executions=None
        )
        assert outcome.state == "NOTHING_IN_FLIGHT"
        world.run()
        assert world.serving() == {"b": 100.0}

    def test_the_former_side_is_changed_only_after_two_minutes_without_requests(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.DEMOTING)
        began, runs = world.clock.now, world.services.runs["web-a"]
        while world.services.runs["web-a"] == runs:
            world.turn()
            world.let_pass(timedelta(seconds=15))
        assert world.clock.now - began >= timedelta(minutes=2)


class TestTheWayBackWithoutTheEngine:
    def test_leads_to_live_until_the_bake_is_over_and_nowhere_once_it_is_changed(self) -> None:
        world = world_with_release()
        world.begin("swap")
        live = [forward_to(all_on(world.slots.side("a").group_arn))]
        restores = {}
        while not (world.answer and world.answer.done):
            answer = world.turn()
            restores[world.phase] = answer.restore.get("Actions")
            world.let_pass(timedelta(seconds=answer.wait_seconds))
        assert restores[SwapPhase.COMMITTING] == restores[SwapPhase.BAKING] == live
        assert restores[SwapPhase.DEMOTING] is None

    def test_leaves_a_mark_that_the_next_turn_obeys(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        assert world.answer is not None
        world.rules.write(world.settings.rule_arn, world.answer.restore["Actions"])
        (tag,) = world.answer.mark["Tags"]
        assert tag["Key"] == ABORTED
        world.rules.tag(world.settings.rule_arn, {tag["Key"]: tag["Value"]})
        world.run()
        assert (world.serving(), world.release_of("production")) == ({"a": 100.0}, "first")

    def test_a_deployment_has_none_because_it_moves_no_traffic(self) -> None:
        world = InMemorySlotsWorld()
        assert world.begin("deploy", release="2").restore == {}
