"""The overlay's patches refuse an emulator that is not the one they were written for."""

from types import ModuleType

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.emulator import patches as patches_module
from bluegreen_constructs.rehearsal.emulator.patches import EMULATOR_VERSION, Patches, assert_emulator_version


@pytest.fixture
def emulator() -> ModuleType:
    module = ModuleType("ministack.services.thing")
    module.answer = lambda params, prefix: (params, prefix)
    module.limit = 5
    return module


def test_a_replacement_takes_the_place_and_the_original_comes_back(emulator: ModuleType) -> None:
    patches = Patches()
    before = emulator.answer

    def answer(params: object, prefix: object) -> str:
        return "ours"

    assert patches.replace(emulator, "answer", answer) is before
    assert emulator.answer(1, 2) == "ours"
    assert patches.replaced == ["ministack.services.thing.answer"]


def test_a_name_that_is_not_there_is_refused_with_its_place(emulator: ModuleType) -> None:
    with pytest.raises(RehearsalError, match=r"no ministack\.services\.thing\.gone, which the rehearsal's overlay"):
        Patches().replace(emulator, "gone", 1)


def test_parameters_with_other_names_are_refused_when_the_overlay_says_what_it_was_written_for(
    emulator: ModuleType,
) -> None:
    with pytest.raises(RehearsalError, match=r"takes \(params, prefix\), .* written for \(params, index\)"):
        Patches().replace(emulator, "answer", print, written_for=["params", "index"])
    assert emulator.answer(1, 2) == (1, 2)


def test_another_number_of_parameters_is_refused(emulator: ModuleType) -> None:
    def answer(params: object) -> None: ...

    with pytest.raises(RehearsalError, match=r"takes \(params, prefix\)"):
        Patches().replace(emulator, "answer", answer)


def test_a_replacement_that_takes_anything_and_a_plain_value_are_not_compared(emulator: ModuleType) -> None:
    patches = Patches()
    patches.replace(emulator, "answer", lambda *args: args)
    patches.replace(emulator, "limit", 7)
    assert (emulator.answer(1), emulator.limit) == ((1,), 7)


def test_the_pinned_emulator_is_accepted() -> None:
    assert_emulator_version()


@pytest.mark.parametrize("installed", ["1.5.32", "1.5.34", "1.6.0"])
def test_any_other_emulator_is_refused_with_both_versions(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_module, "version", lambda name: installed)
    with pytest.raises(RehearsalError, match=rf"{installed} is installed.*written for {EMULATOR_VERSION}"):
        assert_emulator_version()


def test_no_emulator_is_refused_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise patches_module.PackageNotFoundError(name)

    monkeypatch.setattr(patches_module, "version", missing)
    with pytest.raises(RehearsalError, match=r"^the rehearsal needs the extra: pip install"):
        assert_emulator_version()
