"""docs/runbooks.md: every command on it is typed here, in its order, in the situation that its section describes."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from bluegreen_constructs.engine.errors import BlueGreenError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rollout import Hold, HoldKind
from bluegreen_constructs.engine.rule_tags import ABORTED, LIVE, ROLLOUT
from bluegreen_constructs.engine.weights import forward
from tests.cli.operated_world import OperatedWorld, Operator

PAGE = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text(encoding="utf-8")
ID = "1-4-2-20260105T090000-4f1c"
"""Of the rollout in flight: another text than its release's name, as `bluegreen start` makes it."""


def sections() -> dict[str, list[str]]:
    """The commands of each section, by its heading."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
        found[heading] = [line for block in blocks for line in block.splitlines()]
    return found


# The situations


def at_ten_percent(world: OperatedWorld) -> None:
    world.begun("1.4.2", minutes=3, id=ID)
    assert world.first.share == 10


def held(world: OperatedWorld) -> None:
    at_ten_percent(world)
    now = world.now()
    world.put(hold=Hold(HoldKind.OPERATOR, "lunch", now, now + timedelta(hours=24)))


def died(world: OperatedWorld) -> None:
    at_ten_percent(world)
    world.crash()


def engine_down(world: OperatedWorld) -> None:
    died(world)
    world.store.is_down = world.machine.is_down = True


def all_down(world: OperatedWorld) -> None:
    engine_down(world)
    world.is_ssm_down = world.is_sts_down = True


def cold(world: OperatedWorld) -> None:
    at_ten_percent(world)
    world.crash()
    world.rules_there.healthy[world.first.settings.blue.group_arn] = 1


def aborted_while_down(world: OperatedWorld) -> None:
    engine_down(world)
    blue, green = world.first.settings.blue.group_arn, world.first.settings.green.group_arn
    world.rules_there.write(world.first.settings.rule_arn, [forward(blue, green, 0, None)])
    world.rules_there.tag(world.first.settings.rule_arn, {ABORTED: ID})
    world.store.is_down = world.machine.is_down = False


def moved_by_hand(world: OperatedWorld) -> None:
    died(world)
    blue, green = world.first.settings.blue.group_arn, world.first.settings.green.group_arn
    world.rules_there.write(world.first.settings.rule_arn, [forward(blue, green, 100, None)])


def promoted(world: OperatedWorld) -> None:
    world.promoted("1.4.1")
    world.promoted("1.4.2")


# What must have become of them


def went_back(world: OperatedWorld) -> bool:
    return world.first.share == 0 and world.rollout.phase is Phase.ROLLED_BACK


def live_has_all(world: OperatedWorld) -> bool:
    return world.first.share == 0


def started_again(world: OperatedWorld) -> bool:
    return world.rollout.release.name == "1.4.3"


def went_back_and_was_accepted(world: OperatedWorld) -> bool:
    accepted = world.rollout.release.name == "1.4.2" and not world.rollout.has_ended
    return accepted and world.store.records["Serving/Model"]["1.4.1"].status == "promoted"


@dataclass(frozen=True)
class Situation:
    """How a section begins, and how it must end."""

    begins: Callable[[OperatedWorld], None]
    ends: Callable[[OperatedWorld], bool]


SITUATIONS = {
    "A rollout is stuck": Situation(held, went_back),
    "The execution of a rollout has died": Situation(died, started_again),
    "Abort with the engine down": Situation(engine_down, live_has_all),
    "Parameter Store is down, too": Situation(all_down, live_has_all),
    "Live is not warm": Situation(cold, live_has_all),
    "There is no bluegreen at hand": Situation(at_ten_percent, went_back),
    "When the engine is back": Situation(aborted_while_down, went_back),
    "The lock": Situation(at_ten_percent, lambda world: world.rollout.release.name == "1.4.2"),
    "Take the lock away": Situation(moved_by_hand, started_again),
    "Back from a release that was promoted": Situation(promoted, went_back_and_was_accepted),
    "A stack is stuck": Situation(at_ten_percent, went_back),
    "Before a stack is deleted": Situation(at_ten_percent, went_back),
}


def test_every_section_is_played() -> None:
    assert list(SITUATIONS) == list(sections())
    assert all(sections().values())


@pytest.mark.parametrize("heading", SITUATIONS)
def test_the_commands_of_a_section_do_what_it_says(capsys: pytest.CaptureFixture[str], heading: str) -> None:
    operator = Operator(capsys, OperatedWorld())
    SITUATIONS[heading].begins(operator.world)
    for line in sections()[heading]:
        command, _, expected = line.partition("   # exit code ")
        words = shlex.split(command)
        if words[0] == "bluegreen":
            assert operator.types(*words[1:]) == int(expected or 0), f"{line}\n{operator.out}{operator.err}"
        else:
            assert words[0] == "aws"
            assert not expected
            by_hand(operator.world, *words[1:])
        operator.world.go_on(1 if {"aws", "start"} & set(words) else 4)
    assert SITUATIONS[heading].ends(operator.world)


def by_hand(world: OperatedWorld, service: str, operation: str, *options: str) -> None:
    """Hold a command of the AWS CLI against the API's own model, and give its effect on the live rule to the world."""
    model = boto3.client(service).meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    known = {xform_name(member, "-"): member for member in shape.members}
    given = {known[name.removeprefix("--")]: value for name, value in zip(options[::2], options[1::2], strict=True)}
    assert set(shape.required_members) <= set(given)
    rule = world.first.settings.rule_arn
    match operation:
        case "describe-tags":
            tags = world.rules_there.tags(given["ResourceArns"])
            # What the next two commands have typed in.
            assert (tags[LIVE], tags[ROLLOUT]) == (world.first.settings.blue.group_arn, ID)
        case "modify-rule":
            world.rules_there.write(
                given["RuleArn"], [dict(pair.split("=", 1) for pair in given["Actions"].split(","))]
            )
        case "add-tags":
            key, value = (part.partition("=")[2] for part in given["Tags"].split(","))
            assert given["ResourceArns"] == rule
            assert (key, value) == (ABORTED, ID)
            world.rules_there.tag(rule, {key: value})
        case _:
            assert service == "cloudformation"
            assert given == {"StackName": "Serving"}


def test_every_exit_code_of_the_table_is_that_of_its_error() -> None:
    codes = {kind.exit_code for kind in [BlueGreenError, *all_below(BlueGreenError)]}
    assert codes <= {int(code) for code in re.findall(r"^\| (\d) \|", PAGE, flags=re.MULTILINE)}


def all_below(kind: type[BlueGreenError]) -> list[type[BlueGreenError]]:
    return [below for child in kind.__subclasses__() for below in (child, *all_below(child))]


def test_every_kind_of_hold_is_explained() -> None:
    assert set(re.findall(r"`paused \((\w+)\)`", PAGE)) == {kind.value for kind in HoldKind}
