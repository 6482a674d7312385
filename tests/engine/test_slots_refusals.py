"""What is refused to begin on slots, shares of traffic, and what nobody here wrote."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.ports import HeldError, RefusedError
from bluegreen_constructs.engine.swap.beginning import SlotsRequest
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.shares import all_on, forward_to
from bluegreen_constructs.testing_slots import InMemorySlotsWorld
from tests.engine.slots_world import events, world_with_release


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


def split_by_hand() -> InMemorySlotsWorld:
    """A swap whose live rule somebody has given to both sides."""
    world = world_with_release()
    world.begin("swap", preview=True)
    world.run(until=SwapPhase.READY)
    both = {world.slots.side(side).group_arn: 50.0 for side in ("a", "b")}
    world.rules.write(world.settings.rule_arn, [forward_to(both)])
    world.run()
    return world


class TestWhatNobodyHereWrote:
    def test_halts_a_swap_and_is_not_repaired_by_guessing(self) -> None:
        world = split_by_hand()
        assert world.phase is SwapPhase.HALTED
        assert world.serving() == {"a": 50.0, "b": 50.0}
        with pytest.raises(HeldError, match=r"is HALTED for .* halted because .*bluegreen slots resolve Web/App"):
            world.begin("swap", id="another")
        with pytest.raises(RefusedError, match="give all of it to the side that runs production's settings"):
            world.begin("resolve")

    @pytest.mark.parametrize(("side", "release"), [("a", "first"), ("b", "2")])
    def test_goes_on_from_where_a_person_has_put_the_rule(self, side: str, release: str) -> None:
        world = split_by_hand()
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
