"""Swaps, previews and canaries on in-memory ports: what serves, with whose settings, and how many of it."""

from dataclasses import replace
from datetime import timedelta

from bluegreen_constructs.engine.ports import HookAnswer
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.rendering import ROLE, SLOT
from bluegreen_constructs.engine.swap.shares import all_on, shares_in
from bluegreen_constructs.engine.target_settings import AlarmName
from bluegreen_constructs.testing_slots import example_slots
from tests.engine.slots_world import environment_on, own_rule_of, with_slots, world_with_release


class TestASwap:
    def test_brings_the_release_to_production_with_productions_settings_and_role(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run()
        assert world.serving() == {"b": 100.0}
        assert environment_on(world, "b") | {SLOT: "production", "DB_URL": "production-db"} == environment_on(
            world, "b"
        )
        role = world.services.definitions[world.services.runs["web-b"]].content["taskRoleArn"]
        assert role == "arn:aws:iam::123456789012:role/production"
        assert environment_on(world, "a")["DB_URL"] == "staging-db"
        assert environment_on(world, "a")[ROLE] == "standby"
        assert world.record.epoch == 1

    def test_leaves_the_former_side_with_productions_settings_until_the_bake_is_over(self) -> None:
        world = world_with_release()
        runs = world.services.runs["web-a"]
        world.begin("swap")
        world.run(until=SwapPhase.DEMOTING)
        assert world.services.runs["web-a"] == runs
        assert world.services.bounds["web-a"][0] == 4

    def test_gives_each_slot_its_own_bounds_again(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run()
        assert world.services.bounds == {"web-b": (4, 8), "web-a": (1, 2)}

    def test_holds_as_many_tasks_as_live_runs_before_it_flips(self) -> None:
        world = world_with_release()
        world.services.tasks["web-a"] = 6
        world.begin("swap")
        world.run(until=SwapPhase.COMMITTING)
        assert world.services.tasks["web-b"] == 6

    def test_does_not_flip_to_a_side_that_lost_its_healthy_targets(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.COMMITTING)
        world.rules.healthy[world.slots.side("b").group_arn] = 1
        world.run()
        assert world.serving() == {"a": 100.0}
        assert world.record.last is not None
        assert "1 healthy targets and needs 4" in world.record.last.why

    def test_tells_the_parameter_which_side_is_active_at_the_flip_and_at_the_way_back(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.BAKING)
        assert world.active.told == {"/bluegreen/slots/Web/App/active-side": "b"}
        world.give("abort")
        world.run()
        assert world.active.told == {"/bluegreen/slots/Web/App/active-side": "a"}

    def test_asks_the_activation_function_until_it_answers_and_holds_no_traffic_up_for_it(self) -> None:
        world = world_with_release(with_slots(activation_arn="activate"))
        world.hooks.answers["activate"] = [HookAnswer("IN_PROGRESS"), HookAnswer("FAILED"), HookAnswer("SUCCEEDED")]
        world.begin("swap")
        world.run()
        asked = [payload["hookDetails"] for name, payload in world.hooks.asked if name == "activate"]
        assert len(asked) == 3
        assert (asked[0]["active"], asked[0]["standby"]) == ("b", "a")
        assert world.serving() == {"b": 100.0}

    def test_closes_the_slots_own_hostname_and_leads_who_chose_it_to_production(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.WARMING)
        assert own_rule_of(world, "staging")["FixedResponseConfig"]["StatusCode"] == "503"
        for rule in world.slots.slot("staging").choice_rule_arns:
            assert shares_in(world.rules.rules[rule][0]) == all_on(world.slots.side("a").group_arn)
        world.run()
        assert shares_in([own_rule_of(world, "staging")]) == all_on(world.slots.side("a").group_arn)

    def test_with_an_open_preview_leaves_the_hostname_open(self) -> None:
        world = world_with_release(with_slots(is_preview_open=True))
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        assert shares_in([own_rule_of(world, "staging")]) == all_on(world.slots.side("b").group_arn)

    def test_does_not_begin_while_a_guardrails_alarm_rings_unless_it_is_told_to(self) -> None:
        world = world_with_release(replace(example_slots(), guardrails=(AlarmName("errors"),)))
        world.metrics.alarms["errors"] = "ALARM"
        world.begin("swap")
        world.run()
        assert world.record.last is not None
        assert world.record.last.outcome == "ROLLED_BACK"
        assert "alarm errors rings before anything was changed" in world.record.last.why
        world.begin("swap", ignore_alarms=True)
        world.run(until=SwapPhase.WARMING)
        assert world.phase is SwapPhase.WARMING

    def test_goes_back_when_somebody_deployed_to_productions_service_by_hand(self) -> None:
        world = world_with_release()
        own = world.services.definitions[world.services.runs["web-a"]]
        for content, tags in (
            ({"family": "web-a", "containerDefinitions": []}, {SLOT: "x"}),
            ({**own.content, "cpu": "4096"}, own.tags),  # the console takes the tags over
        ):
            by_hand = world.services.register(content, tags)
            world.services.runs["web-a"] = by_hand
            world.begin("swap")
            world.run()
            assert world.record.last is not None
            assert f"production runs {by_hand}" in world.record.last.why

    def test_goes_on_where_a_stack_update_had_production_run_a_twin_of_its_revision(self) -> None:
        """Such as one that a worker registered late before it died."""
        world = world_with_release()
        runs = world.services.definitions[world.services.runs["web-a"]]
        twin = world.services.register(runs.content, runs.tags)
        world.services.updated_by_stack(world.slots.side("a"))
        world.begin("swap")
        world.run()
        assert world.serving() == {"b": 100.0}
        assert ("retire", twin) not in world.services.calls, "it served"


class TestAPreview:
    def test_waits_for_complete_before_the_flip(self) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        world.run(minutes=60)
        assert (world.phase, world.serving()) == (SwapPhase.READY, {"a": 100.0})
        world.give("promote")
        world.run()
        assert world.serving() == {"b": 100.0}

    def test_that_nobody_completes_is_cancelled_and_pauses_nothing(self) -> None:
        world = world_with_release(with_slots(preview_ttl=timedelta(hours=1)))
        world.begin("swap", preview=True)
        world.run(minutes=120)
        assert world.record.last is not None
        assert (world.record.last.outcome, world.record.paused) == ("CANCELLED", "")
        assert "nobody completed the swap within 1 h" in world.record.last.why
        assert environment_on(world, "b")["DB_URL"] == "staging-db"

    def test_keeps_up_with_a_live_side_that_grows_meanwhile(self) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        world.services.tasks["web-a"] = 7
        world.turn()
        assert world.services.tasks["web-b"] == 7

    def test_is_not_ended_by_an_answer_that_was_meant_for_it_and_comes_in_the_bake(self) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        world.give("promote")
        late = world.store.given[world.settings.target]["promote"]
        world.run(until=SwapPhase.BAKING)
        world.store.give(world.settings.target, replace(late, caller="somebody late"))
        world.turn()
        assert world.phase is SwapPhase.BAKING
        assert world.op is not None
        assert not world.op.ends_bake


class TestACanary:
    CANARY = Step(10, timedelta(minutes=3))

    def test_gives_the_candidate_its_share_before_the_flip(self) -> None:
        world = world_with_release(with_slots(canary=self.CANARY))
        world.begin("swap")
        world.run(until=SwapPhase.CANARY)
        world.turn()
        assert world.serving() == {"a": 90.0, "b": 10.0}
        world.run()
        assert world.serving() == {"b": 100.0}

    def test_can_be_left_out_for_one_swap(self) -> None:
        world = world_with_release(with_slots(canary=self.CANARY))
        world.begin("swap", canary=False)
        world.run()
        assert "CANARY" not in {item.phase for item in world.store.items[world.settings.target]}

    def test_a_guardrail_that_objects_brings_everybody_back(self) -> None:
        world = world_with_release(
            replace(with_slots(canary=self.CANARY), guardrails=(AlarmName("errors"),)),
        )
        world.metrics.alarms["errors"] = "OK"
        world.begin("swap")
        world.run(until=SwapPhase.CANARY)
        world.turn()
        world.metrics.alarms["errors"] = "ALARM"
        world.run()
        assert (world.serving(), world.release_of("production")) == ({"a": 100.0}, "first")

    def test_without_data_is_not_left_and_goes_back_when_patience_ends(self) -> None:
        world = world_with_release(
            replace(with_slots(canary=self.CANARY), guardrails=(AlarmName("errors"),)),
        )
        world.begin("swap")
        world.run()
        assert world.record.last is not None
        assert "not enough evidence that the candidate is HEALTHY" in world.record.last.why


class TestTheExecution:
    def test_has_turns_for_the_longest_preview_canary_and_bake(self) -> None:
        """Step Functions ends an execution after 25,000 events, of which a turn takes nine."""
        settings = with_slots(preview_ttl=timedelta(days=7), canary=Step(10, timedelta(days=1)))
        world = world_with_release(replace(settings, bake=timedelta(days=3)))
        world.begin("swap", preview=True)
        turns = 0
        while not (world.answer and world.answer.done):
            answer = world.turn()
            turns += 1
            world.let_pass(timedelta(seconds=answer.wait_seconds), requests=0)
            if (
                world.phase is SwapPhase.READY
                and world.op
                and world.clock.now - world.op.phase_since > timedelta(days=6)
            ):
                world.give("promote")
        assert world.record.last is not None
        assert world.record.last.outcome == "DONE"
        assert turns * 9 < 25_000
