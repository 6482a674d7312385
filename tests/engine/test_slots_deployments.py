"""Deployments to a slot, and slots that swap by themselves, on in-memory ports."""

from dataclasses import replace

import pytest

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.ports import RefusedError
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots
from tests.engine.slots_world import environment_on, with_slots, world_with_release


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
