"""Whole operations on slots, on in-memory ports: what serves, with whose settings, and what is refused meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.ports import HeldError, HookAnswer, RefusedError, Series
from bluegreen_constructs.engine.rule_tags import ABORTED
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.beginning import SlotsRequest
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.rendering import ROLE, SLOT
from bluegreen_constructs.engine.swap.shares import all_on, forward_to, shares_in
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots


def with_slots(settings: TargetSettings | None = None, **changes: object) -> TargetSettings:
    settings = settings or example_slots()
    assert settings.slots is not None
    return replace(settings, slots=replace(settings.slots, **changes))


def world_with_release(settings: TargetSettings | None = None, release: str = "2") -> InMemorySlotsWorld:
    world = InMemorySlotsWorld(settings)
    world.begin("deploy", release=release)
    world.run()
    assert world.release_of("staging") == release
    return world


def environment_on(world: InMemorySlotsWorld, side: str) -> dict[str, str]:
    runs = world.services.definitions[world.services.runs[world.slots.side(side).service]]
    (container,) = runs.content["containerDefinitions"]
    return {one["name"]: one["value"] for one in container["environment"]}


def own_rule_of(world: InMemorySlotsWorld, slot: str) -> dict:
    return world.rules.rules[world.slots.slot(slot).host_rule_arn][0][-1]


def events(world: InMemorySlotsWorld, event: str) -> Sequence[str]:
    return [item.reason for item in world.store.items[world.settings.target] if item.event == event]


class TestADeployment:
    def test_puts_the_release_onto_the_slot_with_the_slots_own_settings(self) -> None:
        world = world_with_release()
        assert world.serving() == {"a": 100.0}
        assert environment_on(world, "b")["DB_URL"] == "staging-db"
        assert environment_on(world, "b")["RELEASE"] == "2"
        image = world.services.definitions[world.services.runs["web-b"]].content["containerDefinitions"][0]["image"]
        assert image == "registry/app:2"

    def test_to_production_is_refused_with_the_way_that_there_is(self) -> None:
        world = InMemorySlotsWorld()
        with pytest.raises(RefusedError, match=r"never the candidate: deploy to another slot \(staging\)"):
            world.begin("deploy", slot="production", release="2")

    def test_that_does_not_start_goes_back_to_what_the_slot_ran(self) -> None:
        world = world_with_release()
        former = world.services.runs["web-b"]
        world.begin("deploy", release="3")
        world.run(until=SwapPhase.APPLYING)
        world.services.trouble["web-b"] = "unable to pull image"
        world.run(until=SwapPhase.REVERTING)
        del world.services.trouble["web-b"]
        world.run()
        assert world.record.last is not None
        assert world.record.last.outcome == "ROLLED_BACK"
        assert "unable to pull image" in world.record.last.why
        assert world.services.runs["web-b"] == former
        assert world.release_of("staging") == "2"

    def test_mends_a_slot_whose_tasks_do_not_start(self) -> None:
        world = world_with_release()
        world.services.trouble["web-b"] = "essential container exited"
        world.begin("deploy", release="3")
        world.run(until=SwapPhase.APPLYING)
        del world.services.trouble["web-b"]
        world.run()
        assert world.release_of("staging") == "3"

    def test_of_what_runs_already_starts_nothing_anew(self) -> None:
        world = world_with_release()
        world.services.calls.clear()
        world.begin("deploy", release="2")
        world.run()
        assert not [call for call in world.services.calls if call[0] in {"run", "register"}]

    def test_can_copy_the_settings_that_travel_from_another_slot_and_keep_its_own_image(self) -> None:
        world = world_with_release()
        world.begin("deploy", settings_from="production", image="registry/app:2")
        world.run()
        assert environment_on(world, "b")["DB_URL"] == "staging-db"
        assert world.release_of("staging") == "2"

    def test_without_a_release_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="names no release: give --release"):
            InMemorySlotsWorld().begin("deploy")

    def test_cannot_be_aborted_into_moving_traffic(self) -> None:
        world = world_with_release()
        world.begin("deploy", release="3")
        world.run(until=SwapPhase.APPLYING)
        outcome = abort(
            world.rules, world.settings, caller="me", reason="", now=world.clock.now, store=None, executions=None
        )
        assert outcome.state == "NOTHING_IN_FLIGHT"


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
        by_hand = world.services.register({"family": "web-a", "containerDefinitions": []}, {SLOT: "x"})
        world.services.runs["web-a"] = by_hand
        world.begin("swap")
        world.run()
        assert world.record.last is not None
        assert f"production runs {by_hand}" in world.record.last.why


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


class TestAutoSwap:
    @staticmethod
    def settings() -> TargetSettings:
        settings = example_slots()
        assert settings.slots is not None
        production, staging = settings.slots.slots
        return with_slots(slots=(production, replace(staging, auto_swap=True)))

    def test_swaps_what_was_deployed(self) -> None:
        world = InMemorySlotsWorld(self.settings())
        world.begin("deploy", release="2")
        world.run()
        assert world.release_of("production") == "2"

    def test_is_paused_by_a_rollback_until_somebody_resumes_it(self) -> None:
        world = InMemorySlotsWorld(self.settings())
        world.begin("deploy", release="2")
        world.run(until=SwapPhase.BAKING)
        world.give("abort")
        world.run()
        assert world.record.paused
        world.begin("deploy", release="3")
        world.run()
        assert (world.release_of("production"), world.release_of("staging")) == ("first", "3")
        record = world.record
        world.store.put_slots(replace(record, paused=""), record)
        world.begin("deploy", release="4")
        world.run()
        assert world.release_of("production") == "4"


class TestTraffic:
    def test_gives_slots_their_shares_and_takes_them_back(self) -> None:
        world = world_with_release()
        world.begin("traffic", shares={"staging": 12.5})
        world.run()
        assert world.serving() == {"a": 87.5, "b": 12.5}
        world.begin("traffic", shares={"production": 100.0})
        world.run()
        assert (world.serving(), world.record.shares) == ({"a": 100.0}, {})

    def test_refuses_a_swap_and_a_deployment_while_the_slot_has_a_share(self) -> None:
        world = world_with_release()
        world.begin("traffic", shares={"staging": 12.5})
        world.run()
        for verb in ("swap", "deploy"):
            with pytest.raises(RefusedError, match=r"split \(staging 12.5 %\), .*traffic Web/App production=100"):
                world.begin(verb, release="3")

    def test_a_side_that_had_a_share_is_changed_only_after_it_was_quiet(self) -> None:
        world = world_with_release()
        world.begin("traffic", shares={"staging": 50.0})
        world.run()
        world.let_pass(timedelta(minutes=3))
        world.begin("traffic", shares={"staging": 0.0})
        world.run()
        began, runs = world.clock.now, world.services.runs["web-b"]
        world.begin("deploy", release="3")
        while world.services.runs["web-b"] == runs:
            world.turn()
            world.let_pass(timedelta(seconds=15))
        assert world.clock.now - began >= timedelta(minutes=2)

    @pytest.mark.parametrize(
        ("shares", "said"),
        [
            ({"staging": 100.0}, "production nothing: swap instead"),
            ({"staging": 0.05}, "give 0 to 99.9 in multiples of 0.1"),
            ({"staging": -1.0}, "give 0 to 99.9"),
            ({"qa": 5.0}, "there is no slot qa: give one of production, staging"),
            ({"staging": "some"}, "give a number of percent"),
            ({}, "give percent by slot, such as staging: 15"),
        ],
    )
    def test_that_makes_no_sense_is_refused(self, shares: dict, said: str) -> None:
        with pytest.raises((ConfigurationError, RefusedError), match=said):
            world_with_release().begin("traffic", shares=shares)


class TestWhatNobodyHereWrote:
    def test_halts_a_swap_and_is_not_repaired_by_guessing(self) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        both = {world.slots.side("a").group_arn: 50.0, world.slots.side("b").group_arn: 50.0}
        world.rules.write(world.settings.rule_arn, [forward_to(both)])
        world.run()
        assert world.phase is SwapPhase.HALTED
        assert world.serving() == {"a": 50.0, "b": 50.0}
        with pytest.raises(HeldError, match=r"is HALTED for .* halted because .*bluegreen slots resolve Web/App"):
            world.begin("swap", id="another")
        with pytest.raises(RefusedError, match="give all of it to the side that runs production's settings"):
            world.begin("resolve")

    @pytest.mark.parametrize(("side", "release"), [("a", "first"), ("b", "2")])
    def test_goes_on_from_where_a_person_has_put_the_rule(self, side: str, release: str) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        both = {world.slots.side("a").group_arn: 50.0, world.slots.side("b").group_arn: 50.0}
        world.rules.write(world.settings.rule_arn, [forward_to(both)])
        world.run()
        world.rules.write(world.settings.rule_arn, [forward_to(all_on(world.slots.side(side).group_arn))])
        world.begin("resolve", id="resolving")
        world.run()
        assert world.op is None
        assert (world.serving(), world.release_of("production")) == ({side: 100.0}, release)
        assert {slot: world.slot_running_on(name) for slot, name in world.record.sides_of.items()} == {
            "production": "production",
            "staging": "staging",
        }

    def test_resolve_goes_on_with_an_operation_whose_execution_is_gone(self) -> None:
        world = world_with_release()
        world.begin("swap")
        world.run(until=SwapPhase.WARMING)
        world.executions.running = dict.fromkeys(world.executions.running, False)
        with pytest.raises(HeldError, match="its execution is over: bluegreen slots resolve Web/App goes on"):
            world.begin("swap", id="another")
        world.begin("resolve", id="resolving")
        world.run()
        assert world.release_of("production") == "2"

    def test_resolve_with_nothing_under_way_is_refused(self) -> None:
        with pytest.raises(RefusedError, match="there is nothing to resolve"):
            world_with_release().begin("resolve")


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


class TestABeginning:
    def test_while_something_is_under_way_names_who_holds_it_since_when_and_what_to_do(self) -> None:
        world = world_with_release()
        world.begin("swap", preview=True)
        world.run(until=SwapPhase.READY)
        world.let_pass(timedelta(minutes=10))
        with pytest.raises(HeldError) as held:
            world.begin("deploy", release="3")
        said = str(held.value)
        assert "SWAP swap-1 of slot staging is READY for 10 min" in said
        assert "begun by arn:aws:iam::123456789012:user/example" in said
        assert "bluegreen slots complete Web/App or bluegreen slots cancel Web/App" in said
        assert events(world, "REFUSED") == [said]

    def test_while_the_stack_is_updated_is_refused(self) -> None:
        world = world_with_release()
        world.stacks.state = "UPDATE_IN_PROGRESS"
        with pytest.raises(RefusedError, match=r"stack is UPDATE_IN_PROGRESS.*begin again when it has ended"):
            world.begin("swap")

    def test_with_a_live_rule_that_is_not_as_recorded_is_refused(self) -> None:
        world = world_with_release()
        world.rules.write(world.settings.rule_arn, [forward_to(all_on(world.slots.side("b").group_arn))])
        with pytest.raises(RefusedError, match="somebody wrote it by hand, put it back as recorded"):
            world.begin("swap")

    def test_of_an_unknown_slot_names_those_there_are(self) -> None:
        with pytest.raises(ConfigurationError, match="there is no slot qa: give one of production, staging"):
            world_with_release().begin("swap", slot="qa")

    def test_before_the_stack_has_made_the_record_is_refused(self) -> None:
        world = InMemorySlotsWorld()
        world.store.slots_records.clear()
        with pytest.raises(RefusedError, match="deploy the stack, and wait for its end"):
            world.beginning.begin(_request(), world.clock.now)

    def test_that_comes_twice_answers_the_same(self) -> None:
        world = InMemorySlotsWorld()
        first = world.begin("deploy", id="one", release="2")
        assert world.begin("deploy", id="one", release="2") == first

    def test_of_a_target_without_slots_is_refused(self) -> None:
        world = InMemorySlotsWorld()
        world.source.known["Web/App"] = replace(world.settings, slots=None)
        with pytest.raises(RefusedError, match="has no slots, which AppServiceSlots makes"):
            world.beginning.begin(_request(), world.clock.now)

    def test_with_a_service_that_does_not_answer_can_be_repeated(self) -> None:
        world = world_with_release()
        world.store.is_down = True
        with pytest.raises(AwsError):
            world.begin("swap", id="again")


def _request() -> SlotsRequest:
    return SlotsRequest("Web/App", "one", "execution", "swap", slot="staging")
