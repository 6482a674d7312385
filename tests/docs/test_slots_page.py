"""docs/slots.md and docs/slots_from_azure.md: their code runs, their commands exist, and what they promise happens."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from bluegreen_constructs.app_service_slots import DEFAULT_BAKE
from bluegreen_constructs.cli.commands import app
from bluegreen_constructs.engine.errors import BlueGreenError
from bluegreen_constructs.engine.ports import HeldError, RefusedError
from bluegreen_constructs.engine.slot_settings import PRODUCTION, ROUTING_NAME, WarmUpSettings
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase, swap_diagram
from bluegreen_constructs.engine.swap.rendering import OWN_NAMES
from bluegreen_constructs.engine.swap.telling import _EVENTS
from bluegreen_constructs.engine.weights import forward
from bluegreen_constructs.rehearsal.catalogue import CATALOGUE
from bluegreen_constructs.service_plan import Plan
from bluegreen_constructs.slot import Slot
from bluegreen_constructs.slot_checks import MOST_SLOTS
from bluegreen_constructs.slot_rules import TAKES
from bluegreen_constructs.swap_options import LONGEST_PREVIEW, Preview, WarmUp
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots
from bluegreen_constructs.web_app import WebApp
from tests.cli.operated_world import Operator
from tests.cli.slots_world import WEB, OperatedSlots

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "slots.md").read_text(encoding="utf-8")
AZURE = (ROOT / "docs" / "slots_from_azure.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
ALL = f"{PAGE}\n{AZURE}\n{README}\n{RUNBOOKS}"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


# What the pages show


def test_the_diagram_is_drawn_from_the_transition_table() -> None:
    assert f"```mermaid\n{swap_diagram()}```" in PAGE


@pytest.mark.parametrize("phase", SwapPhase)
def test_every_phase_is_explained(phase: SwapPhase) -> None:
    assert f"| `{phase.value}` |" in PAGE


def test_the_example_synthesises(tmp_path: Path) -> None:
    (example,) = EXAMPLES
    script = tmp_path / "app.py"
    script.write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_guard_that_is_named_is_a_test() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 15
    for file, name in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert re.search(rf"def {name}\(", path.read_text(encoding="utf-8")), f"{file}::{name}"


def test_every_scenario_that_is_named_can_be_rehearsed() -> None:
    named = set(re.findall(r"\b(slots-[a-z-]+)", PAGE))
    assert named == {scenario.name for scenario in CATALOGUE.scenarios if scenario.name.startswith("slots-")}


# The command line


def verbs() -> dict[str, set[str]]:
    """The verbs of `bluegreen slots`, with the options of each."""
    group = typer.main.get_command(app).commands["slots"]  # type: ignore[attr-defined]
    return {
        name: {option for parameter in verb.params for option in parameter.opts}
        for name, verb in group.commands.items()
    }


def test_every_verb_of_slots_that_a_page_names_exists() -> None:
    named = set(re.findall(r"bluegreen slots ([a-z-]+)", ALL)) | set(re.findall(r"`slots ([a-z-]+)[ `]", ALL))
    assert named - set(verbs()) == set()


def test_every_verb_there_is_is_explained_with_a_row() -> None:
    assert set(re.findall(r"^\| `bluegreen slots ([a-z-]+)", PAGE, flags=re.MULTILINE)) == set(verbs())


def test_every_option_that_a_command_on_a_page_has_exists() -> None:
    known = verbs()
    for command in re.findall(r"bluegreen slots ([a-z-]+[^`\n#]*)", ALL):
        verb, options = command.split()[0], re.findall(r"--[a-z-]+", command)
        assert set(options) <= known[verb], command


# Figures and names


@pytest.mark.parametrize(
    "said",
    [
        f"the bake ({in_words(DEFAULT_BAKE)}) or `end-bake`",
        f"the preview's time-out ({in_words(Preview().span)})",
        f"({in_words(Preview().span)} by default, at most {LONGEST_PREVIEW.days} days)",
        f"or {example_slots().prepare_timeout // timedelta(minutes=1)} minutes: then it goes back",
        f"{example_slots().patience // timedelta(minutes=1)} minutes more without enough evidence",
        f"wait longer than {example_slots().drain_timeout // timedelta(minutes=1)} minutes",
        f"take the {TAKES} priorities before",
        "five attempts of 90 s",
        "three good answers in a row",
    ],
)
def test_the_figures_of_the_page_are_the_defaults(said: str) -> None:
    assert said in re.sub(r"\s+", " ", PAGE)
    assert (WarmUp().attempts, WarmUp().in_a_row, WarmUp().span.total_seconds()) == (5, 3, 90)
    assert (WarmUpSettings().attempts, WarmUpSettings().in_a_row) == (5, 3)


def test_there_are_production_and_as_many_slots_more_as_the_pages_say() -> None:
    assert MOST_SLOTS == 6
    assert "`production`, and one to five more" in PAGE
    assert "production and one to five more" in AZURE


def test_what_a_task_is_told_is_explained() -> None:
    assert [name for name in OWN_NAMES if f"`{name}`" not in PAGE] == []


def test_the_events_are_those_of_the_engine() -> None:
    assert set(re.findall(r"`(Slots [A-Z]\w+)`", PAGE)) == set(_EVENTS.values())


def test_the_name_by_which_clients_choose_is_on_both_pages() -> None:
    assert f"?{ROUTING_NAME}=staging" in PAGE
    assert f"?{ROUTING_NAME}=staging" in AZURE


@pytest.mark.parametrize("kind", [Plan, Slot, WebApp, WarmUp, Preview])
def test_what_is_said_of_a_value_in_a_table_is_one_of_its_keywords(kind: type) -> None:
    known = {one.name for one in fields(kind)}
    for given in re.findall(rf"`{kind.__name__}\(([^`]*)\)`", AZURE + PAGE):
        assert set(re.findall(r"(\w+)=", re.sub(r"\([^()]*\)", "", given))) <= known, given


# What it must never do


def world_with_release() -> InMemorySlotsWorld:
    world = InMemorySlotsWorld()
    world.begin("deploy", slot="staging", release="2")
    world.run()
    return world


def leads_to(world: InMemorySlotsWorld, rule: str) -> set[str]:
    """The sides that a rule forwards to; none for a fixed answer."""
    actions = str(world.rules.rules[rule][0])
    return {side.name for side in world.slots.sides if side.group_arn in actions}


def turn_by_turn(world: InMemorySlotsWorld, look: Callable[[], None]) -> None:
    for _ in range(400):
        look()
        if world.op is None:
            return
        answer = world.turn()
        world.let_pass(timedelta(seconds=answer.wait_seconds))
    raise AssertionError(f"it does not end: {world.phase}")


def test_a_slots_own_host_never_leads_to_productions_settings() -> None:
    world = world_with_release()
    host_rule = world.slots.slot("staging").host_rule_arn
    closed_in = set()

    def look() -> None:
        found = leads_to(world, host_rule)
        assert all(world.slot_running_on(side) == "staging" for side in found), world.phase
        if not found:
            assert "'503'" in str(world.rules.rules[host_rule][0])
            closed_in.add(world.phase)

    world.begin("swap", slot="staging")
    turn_by_turn(world, look)
    assert {SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.BAKING, SwapPhase.DEMOTING} <= closed_in
    assert leads_to(world, host_rule) == {world.record.sides_of["staging"]}


def test_an_open_preview_leaves_the_host_as_it_is() -> None:
    settings = example_slots()
    assert settings.slots is not None
    world = InMemorySlotsWorld(replace(settings, slots=replace(settings.slots, is_preview_open=True)))
    world.begin("swap", slot="staging", preview=True)
    world.run(until=SwapPhase.READY)
    assert leads_to(world, world.slots.slot("staging").host_rule_arn) == {world.record.operation.candidate}


def test_after_the_flip_the_rule_names_one_side_and_is_not_sticky() -> None:
    world = world_with_release()
    world.begin("swap", slot="staging")
    world.run(until=SwapPhase.BAKING)
    assert leads_to(world, world.settings.rule_arn) == {world.record.operation.candidate}
    assert "Stickiness" not in str(world.rules.rules[world.settings.rule_arn][0])


def test_the_candidate_has_lives_number_of_tasks_at_the_flip() -> None:
    world = world_with_release()
    live, candidate = (world.slots.side(world.record.sides_of[slot]).service for slot in (PRODUCTION, "staging"))
    world.services.tasks[live] = 7
    assert world.services.tasks[candidate] < 7
    world.begin("swap", slot="staging")
    world.run(until=SwapPhase.COMMITTING)
    assert world.services.tasks[candidate] == world.services.tasks[live] == 7
    world.run()
    bounds = world.services.bounds
    assert (bounds[candidate], bounds[live]) == ((4, 8), (1, 2)), "the bounds went with the slots"


@pytest.mark.parametrize(("to", "production"), [("live", "first"), ("candidate", "2")])
def test_a_rule_that_somebody_wrote_halts_a_swap_until_a_person_resolves_it(to: str, production: str) -> None:
    world = world_with_release()
    world.begin("swap", slot="staging")
    world.run(until=SwapPhase.BAKING)
    op = world.record.operation
    live, candidate = (world.slots.side(name).group_arn for name in (op.live, op.candidate))
    by_hand = forward(live, candidate, 50, None)
    world.rules.write(world.settings.rule_arn, [by_hand])
    world.run(minutes=30)
    assert world.phase is SwapPhase.HALTED
    assert world.rules.rules[world.settings.rule_arn][0] == (by_hand,), "nobody has touched it"
    wanted = live if to == "live" else candidate
    world.rules.write(world.settings.rule_arn, [{"Type": "forward", "TargetGroupArn": wanted}])
    world.begin("resolve")
    world.run()
    assert (world.phase, world.release_of(PRODUCTION)) == (SwapPhase.IDLE, production)


def test_a_preview_that_nobody_completes_is_cancelled() -> None:
    world = world_with_release()
    world.begin("swap", slot="staging", preview=True)
    world.run(until=SwapPhase.READY)
    world.run(minutes=25 * 60, requests=6)
    assert world.record.last is not None
    assert (world.phase, world.record.last.outcome) == (SwapPhase.IDLE, "CANCELLED")
    assert world.slot_running_on(world.record.sides_of["staging"]) == "staging"


def test_who_is_held_learns_by_whom_and_what_to_do() -> None:
    world = world_with_release()
    world.begin("swap", id="swap-1", slot="staging", preview=True)
    world.run(until=SwapPhase.READY)
    world.clock.forward(timedelta(minutes=10))
    with pytest.raises(HeldError) as held:
        world.begin("deploy", slot="staging", release="3")
    for said in ("SWAP swap-1", "user/example", "READY for 10 min", f"bluegreen slots cancel {WEB}"):
        assert said in str(held.value)


@pytest.mark.parametrize("phase", [SwapPhase.CANARY, SwapPhase.BAKING])
def test_what_the_engine_itself_takes_back_comes_back(phase: SwapPhase) -> None:
    """A guardrail's objection, or a command, and nobody has written the rule before it, as an abort does."""
    settings = example_slots()
    assert settings.slots is not None
    canary = Step(10, timedelta(minutes=10))
    world = InMemorySlotsWorld(replace(settings, slots=replace(settings.slots, canary=canary)))
    world.begin("deploy", slot="staging", release="2")
    world.run()
    world.begin("swap", slot="staging")
    world.run(until=phase)
    world.let_pass(timedelta(seconds=30))
    world.turn()
    assert world.phase is phase
    world.give("abort")
    world.run()
    assert (world.phase, world.serving()) == (SwapPhase.IDLE, {world.record.production_side: 100.0})
    assert world.release_of(PRODUCTION) == "first"


def split(world: InMemorySlotsWorld) -> None:
    world.begin("traffic", shares={"staging": 15.0})
    world.run()


def updating(world: InMemorySlotsWorld) -> None:
    world.stacks.state = "UPDATE_IN_PROGRESS"


def written(world: InMemorySlotsWorld) -> None:
    one, other = (side.group_arn for side in world.slots.sides)
    world.rules.write(world.settings.rule_arn, [forward(one, other, 10, None)])


def as_it_is(world: InMemorySlotsWorld) -> None:
    assert world.op is None


@pytest.mark.parametrize(
    ("situation", "asked", "said"),
    [
        (as_it_is, {"verb": "deploy", "slot": PRODUCTION, "release": "3"}, "production is never the candidate"),
        (as_it_is, {"verb": "swap", "slot": PRODUCTION}, "production is never the candidate"),
        (split, {"verb": "swap", "slot": "staging"}, "production's traffic is split"),
        (split, {"verb": "deploy", "slot": "staging", "release": "3"}, "production's traffic is split"),
        (updating, {"verb": "swap", "slot": "staging"}, "UPDATE_IN_PROGRESS"),
        (written, {"verb": "swap", "slot": "staging"}, "somebody wrote it by hand"),
        (as_it_is, {"verb": "traffic", "shares": {"staging": 100.0}}, "swap instead"),
        (as_it_is, {"verb": "resolve"}, "nothing to resolve"),
    ],
)
def test_what_the_page_says_is_refused_is_refused(
    situation: Callable[[InMemorySlotsWorld], None], asked: Mapping[str, object], said: str
) -> None:
    world = world_with_release()
    situation(world)
    before = world.record
    with pytest.raises(RefusedError, match=re.escape(said)):
        world.begin(**asked)  # type: ignore[arg-type]
    assert world.record == before


def test_a_template_takes_effect_with_the_next_operation() -> None:
    """Production's sticky settings come with the next swap, and nothing runs otherwise before."""
    world = world_with_release()
    own = world.slots.slot(PRODUCTION).definition
    held = world.services.definitions[own]
    changed = json.loads(json.dumps(held.content).replace("production-db", "new-db"))
    world.services.definitions[own] = replace(held, content=changed)
    runs = dict(world.services.runs)
    world.let_pass(timedelta(minutes=10))
    assert world.services.runs == runs
    world.begin("swap", slot="staging")
    world.run()
    serving = world.slots.side(world.record.sides_of[PRODUCTION]).service
    assert "new-db" in str(world.services.definitions[world.services.runs[serving]].content)


# The walk-through from Azure


def test_the_walk_through_is_possible_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    section = AZURE.split("\n## The walk-through\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    typed = [line for block in blocks for line in block.splitlines() if line.startswith("bluegreen ")]
    assert len(typed) > 8
    operator = Operator(capsys, OperatedSlots(example_slots("blue", "green")))  # type: ignore[arg-type]
    world = operator.world.app  # type: ignore[attr-defined]
    served = []
    for line in typed:
        command, _, expected = line.partition("   # exit code ")
        words = [WEB if word == "Slots/Web" else word for word in shlex.split(command)[1:]]
        if words[1] == "deploy":
            words += ["--image", "registry/app:1.1.0"]
        assert operator.types(*words) == int(expected or 0), f"{line}\n{operator.out}{operator.err}"
        operator.world.go_on(4)
        served.append(world.release_of(PRODUCTION))
    assert served[-5:] == ["1.1.0", "first", "first", "1.1.0", "first"], served


def test_the_walk_through_is_of_the_example() -> None:
    example = (ROOT / "examples" / "slots" / "app.py").read_text(encoding="utf-8")
    for said in ("Plan(cpu=512, memory_mib=1024, tasks=1)", 'sticky=["MODEL_STAGE", "RATE_LIMIT"]'):
        assert said in AZURE
        assert said in example
    for slot in ("production", "blue", "green"):
        assert f'"{slot}"' in example
    assert 'host="www.example.test"' in example


def test_errors_of_the_engine_have_the_exit_codes_of_the_page() -> None:
    codes = {kind.exit_code for kind in (BlueGreenError, RefusedError, HeldError)}
    assert codes == {1, 3, 4}
    assert "3 refused by a safety rule, 4\nheld by another operation" in PAGE
