"""docs/engine.md draws the transition table as it is, and names the times as they are."""

from datetime import timedelta
from pathlib import Path

import pytest

from bluegreen_constructs.engine.lifecycle import Phase, diagram
from bluegreen_constructs.engine.rollout import HoldKind
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.testing import example_settings

PAGE = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
SETTINGS = example_settings()


def test_the_diagram_is_drawn_from_the_transition_table() -> None:
    assert f"```mermaid\n{diagram()}```" in PAGE


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_explained(phase: Phase) -> None:
    assert f"| `{phase.value}` |" in PAGE


@pytest.mark.parametrize("name", ["prepare_timeout", "restore_timeout", "patience", "hold_timeout", "deadline"])
def test_the_times_of_the_page_are_the_defaults(name: str) -> None:
    span: timedelta = getattr(SETTINGS, name)
    assert f"`{name}` ({in_words(span)}" in PAGE


def test_the_hold_back_of_the_page_is_the_default() -> None:
    assert f"a hold-back ({SETTINGS.hold_back:g} %)" in PAGE


@pytest.mark.parametrize("kind", [HoldKind.NO_DATA, HoldKind.UNSURE, HoldKind.INTERFERENCE])
def test_the_holds_of_the_page_exist(kind: HoldKind) -> None:
    assert f"`{kind.value}`" in PAGE
