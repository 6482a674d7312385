"""The world in memory that users test their rollouts with: its documentation, and the conditions that tests rest on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs import testing
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.ports import Command, LostLockError, RefusedError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing import InMemorySettings, InMemoryStore, InMemoryWorld, example_settings
from tests.engine.example_rollouts import NINE, rollout

FIVE_MINUTES = timedelta(minutes=5)


def guarded() -> InMemoryWorld:
    steps = (Step(10, FIVE_MINUTES),)
    return InMemoryWorld(replace(example_settings(), steps=steps, guardrails=(ErrorComparison(),)))


def test_a_rollout_in_memory_is_promoted_or_goes_back_by_its_share_of_bad_answers() -> None:
    good, bad = guarded(), guarded()
    for world, failing in ((good, {}), (bad, {"1.4.2": 0.08})):
        world.begin(Release("1.4.2"))
        world.run(minutes=120, failing=failing)
    assert (good.rollout.phase, good.share) == (Phase.PROMOTED, 100)
    assert (bad.rollout.phase, bad.share) == (Phase.ROLLED_BACK, 0)


def test_the_example_of_the_documentation_runs() -> None:
    assert testing.__doc__ is not None
    _, _, example = testing.__doc__.partition("\n\n")
    assert "assert" in example
    names = {"InMemoryWorld": InMemoryWorld, "settings": guarded().settings, "Release": Release, "Phase": Phase}
    exec(example, names)  # the documentation's own lines


def test_the_example_target_is_as_it_says() -> None:
    settings = example_settings()
    assert (settings.steps, settings.guardrails, settings.hooks) == ((), (), ())
    assert settings.bake == TargetSettings("a", "b", "c", settings.blue, settings.green).bake


def test_there_is_no_rollout_before_one_was_begun() -> None:
    with pytest.raises(LookupError, match="no rollout was begun"):
        _ = InMemoryWorld().rollout


def test_time_passes_only_when_it_is_told_to() -> None:
    world = guarded()
    before = world.clock.now
    world.begin(Release("1.4.2"))
    assert world.clock.now == before
    world.run(minutes=2)
    assert world.clock.now - before == timedelta(minutes=2)


def test_the_store_in_memory_saves_over_the_same_fence_and_revision_only() -> None:
    store = InMemoryStore()
    begun = store.begin(rollout(), None)
    saved = store.save(begun)
    assert saved.revision == begun.revision + 1
    for stale in (begun, replace(saved, fence=saved.fence + 1), replace(saved, id="another")):
        with pytest.raises(LostLockError):
            store.save(stale)
    assert store.load(saved.target) == saved


def test_the_store_in_memory_begins_in_the_place_of_exactly_the_former_one() -> None:
    store = InMemoryStore()
    begun = store.begin(rollout(), None)
    store.save(begun)
    for former in (None, begun):
        with pytest.raises(LostLockError):
            store.begin(replace(rollout(), id="the next one"), former)
    latest = store.load(begun.target)
    assert store.begin(replace(rollout(), id="the next one"), latest).id == "the next one"


def test_a_command_that_was_answered_is_gone_and_a_later_one_of_its_verb_stays() -> None:
    store = InMemoryStore()
    first = Command("pause", "one", "sam", "lunch", NINE)
    later = replace(first, at=NINE + FIVE_MINUTES)
    store.give("Serving/Model", first)
    store.give("Serving/Model", later)
    store.done("Serving/Model", first)
    assert store.commands("Serving/Model") == [later]
    store.done("Serving/Model", later)
    assert store.commands("Serving/Model") == []


def test_a_store_that_is_down_answers_nothing() -> None:
    store = InMemoryStore(is_down=True)
    with pytest.raises(AwsError):
        store.load("Serving/Model")
    with pytest.raises(AwsError):
        store.save(rollout())


def test_a_target_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(RefusedError, match="choose from Serving/Model"):
        InMemorySettings({"Serving/Model": example_settings()}).of("Serving/Other")
    with pytest.raises(RefusedError, match="choose from none"):
        InMemorySettings().of("Serving/Other")
