"""docs/engine.md draws the transition table as it is, and names the times as they are."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.invocation import answered
from bluegreen_constructs.engine.lifecycle import Phase, diagram
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import HoldKind, Note
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.strategy import Split
from bluegreen_constructs.engine.telling import _EVENTS, Teller
from bluegreen_constructs.engine_state_machine import NOT_PROMOTED, REFUSALS, definition
from bluegreen_constructs.rollout_limits import RolloutLimits
from bluegreen_constructs.rollout_rights import EngineParts, statements
from bluegreen_constructs.testing import InMemoryWorld, example_settings
from tests.played_state_machine import filled, play

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


def test_the_deadline_of_a_split_on_the_page_is_the_default() -> None:
    assert f"of a `Split` {RolloutLimits().deadline_of(Split(50)).days} days" in PAGE


# From a pipeline


def section(heading: str) -> str:
    return PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0]


def rows(heading: str, first: str) -> list[str]:
    """The first column of the table that begins with `first`."""
    table = section(heading).split(f"| {first} |")[1].split("\n\n")[0]
    return re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", table, flags=re.MULTILINE)


def pipelines_task() -> dict:
    (snippet,) = re.findall(r"^```json\n(.*?)^```", section("## From a pipeline"), flags=re.MULTILINE | re.DOTALL)
    return json.loads(snippet)


def test_the_task_of_a_pipeline_starts_a_rollout_of_what_it_is_given() -> None:
    task = pipelines_task()
    context = {"Execution": {"Id": "arn:aws:states:eu-west-1:123456789012:execution:Pipeline:77"}}
    given = filled(task["Parameters"], {"release": "1.4.2", "reason": "weekly"}, context)["Input"]
    world = InMemoryWorld()

    def engine(resource: str, parameters: dict) -> object:
        assert resource == "arn:aws:states:::lambda:invoke"
        assert parameters["FunctionName"] == "start", "the rest is the engine's own"
        event = parameters["Payload"]
        begun = Beginning(world.source, world.store, world.rules, world.executions)
        answer = answered(begun.begin(StartRequest.of(event), world.clock.now))
        return {"Payload": answer | {"done": True, "outcome": "PROMOTED"}}

    machine = definition(start_arn="start", start_seconds=120, tick_arn="tick", tick_seconds=300)
    assert play(machine, given, engine, name="generated").status == "SUCCEEDED"
    rollout = world.rollout
    assert (rollout.id, rollout.release, rollout.reason) == ("generated", Release("1.4.2"), "weekly")
    assert rollout.caller == "the release pipeline"


def test_the_task_waits_for_as_long_as_a_rollout_may_take() -> None:
    task = pipelines_task()
    assert task["Resource"].endswith(":states:startExecution.sync:2")
    assert timedelta(seconds=task["TimeoutSeconds"]) == SETTINGS.deadline
    assert {name for name in (*REFUSALS, NOT_PROMOTED) if f"`{name}`" in section("## From a pipeline")} == {
        *REFUSALS,
        NOT_PROMOTED,
    }


def test_the_rights_that_a_grant_gives_a_pipeline_are_those_that_the_page_says() -> None:
    listed = {name.strip("`") for row in rows("## From a pipeline", "action") for name in row.split(", ")}
    parts = EngineParts("table", "machine", "executions", ["parameters"])
    granted = {action for one in statements("start", parts, None) for action in one.actions}
    assert {name for name in listed if name.startswith("states:")} - granted == {"states:StopExecution"}


def test_the_events_of_the_page_and_their_fields_are_those_of_the_engine() -> None:
    assert {row.strip("`") for row in rows("### Events", "detail-type")} == set(_EVENTS.values())
    world = InMemoryWorld()
    world.begin(Release("1.4.2"))
    rollout = world.rollout
    Teller(world.ports).tell(replace(rollout, outbox=(Note(rollout.started_at, "PHASE", ""),)))
    ((_, detail),) = world.events.announced[-1:]
    assert [row.strip("`") for row in rows("### Events", "field of detail")] == list(detail)
