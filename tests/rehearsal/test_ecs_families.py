"""A family's name stands for its newest active task definition. Pure: a module in the place of the emulator's."""

from types import ModuleType

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.emulator import ecs_families
from bluegreen_constructs.rehearsal.emulator.patches import Patches

ARN = "arn:aws:ecs:us-east-1:000000000000:task-definition"


def registered(ecs: ModuleType, family: str, revision: int, status: str = "ACTIVE") -> None:
    ecs._task_defs[f"{family}:{revision}"] = {"family": family, "revision": revision, "status": status}


@pytest.fixture
def ecs() -> ModuleType:
    """As ministack has it, but that it tells what it was asked itself."""
    module = ModuleType("ministack.services.ecs")
    module._task_defs = {}
    module._resolve_td_key = lambda ref: f"ministack's own of {ref}"
    patches = Patches()
    ecs_families.install(patches, module)
    assert patches.replaced == ["ministack.services.ecs._resolve_td_key"]
    return module


@pytest.mark.parametrize("name", ["web", "task-definition/web", f"{ARN}/web"])
def test_a_family_is_its_newest_active_revision(ecs: ModuleType, name: str) -> None:
    for revision in (1, 2, 3):
        registered(ecs, "web", revision)
    assert ecs._resolve_td_key(name) == "web:3"


def test_revisions_are_numbers_and_no_words(ecs: ModuleType) -> None:
    for revision in (9, 10, 2):
        registered(ecs, "web", revision)
    assert ecs._resolve_td_key("web") == "web:10"


@pytest.mark.parametrize("status", ["INACTIVE", "DELETE_IN_PROGRESS"])
def test_what_was_deregistered_is_passed_over(ecs: ModuleType, status: str) -> None:
    registered(ecs, "web", 1)
    registered(ecs, "web", 2)
    registered(ecs, "web", 3, status)
    assert ecs._resolve_td_key("web") == "web:2"


def test_a_revision_that_is_deregistered_later_is_passed_over_from_then_on(ecs: ModuleType) -> None:
    registered(ecs, "web", 1)
    registered(ecs, "web", 2)
    assert ecs._resolve_td_key("web") == "web:2"
    registered(ecs, "web", 2, "INACTIVE")
    assert ecs._resolve_td_key("web") == "web:1"


def test_another_family_that_begins_the_same_is_another_one(ecs: ModuleType) -> None:
    registered(ecs, "web", 1)
    registered(ecs, "web-green", 7)
    registered(ecs, "my-web", 8)
    assert ecs._resolve_td_key("web") == "web:1"


def test_a_family_without_an_active_revision_is_none(ecs: ModuleType) -> None:
    registered(ecs, "web", 1, "INACTIVE")
    assert ecs._resolve_td_key("web") is None
    assert ecs._resolve_td_key("nobody") is None


@pytest.mark.parametrize("exact", ["web:1", f"{ARN}/web:1", "web:99", "", "arn:aws:ecs:us-east-1:0:task-definition/"])
def test_an_exact_revision_and_what_is_no_name_stay_the_emulators_own(ecs: ModuleType, exact: str) -> None:
    registered(ecs, "web", 1, "INACTIVE")
    registered(ecs, "web", 2)
    assert ecs._resolve_td_key(exact) == f"ministack's own of {exact}"


@pytest.mark.parametrize("name", ["_resolve_td_key", "_task_defs"])
def test_an_emulator_without_what_is_replaced_is_refused(name: str) -> None:
    module = ModuleType("ministack.services.ecs")
    module._task_defs = {}
    module._resolve_td_key = lambda ref: ref
    delattr(module, name)
    with pytest.raises(RehearsalError, match=rf"no ministack\.services\.ecs\.{name}"):
        ecs_families.install(Patches(), module)


def test_an_emulator_that_asks_for_more_is_refused_and_left_as_it_is() -> None:
    module = ModuleType("ministack.services.ecs")
    module._task_defs = {}
    module._resolve_td_key = lambda ref, region: f"{region} {ref}"
    with pytest.raises(RehearsalError, match=r"takes \(ref, region\)"):
        ecs_families.install(Patches(), module)
    assert module._resolve_td_key("web", "here") == "here web"
