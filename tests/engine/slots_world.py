"""An application with slots in memory, as most tests of its operations want it, and looks at it."""

from collections.abc import Sequence
from dataclasses import replace

from bluegreen_constructs.engine.target_settings import TargetSettings
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
