"""docs/fleets.md: its code runs, its commands are understood, its figures are the defaults, its guards are tests."""

import ast
import inspect
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import aws_cdk as cdk
import pytest
import typer
from aws_cdk import aws_s3 as s3

from bluegreen_constructs import Artefact, Ec2BlueGreenFleet, FleetInstances, Spot
from bluegreen_constructs.cli.commands import app
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.phases import QUIET_MINUTES
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.engine.warm_pool import POOL_STATES, WarmPool
from bluegreen_constructs.fleet_fingerprint import GROUP_TAG
from bluegreen_constructs.fleet_lifecycle import answering_script
from bluegreen_constructs.ingress import GRACE_OF_INSTANCES, Ingress
from bluegreen_constructs.rehearsal.catalogue import CATALOGUE
from bluegreen_constructs.release_artefact import RELEASE_TAG, boot_script
from bluegreen_constructs.rollout_limits import RolloutLimits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")
FLOWING = re.sub(r"\s+", " ", PAGE)
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(example: str, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3


def test_the_values_of_the_small_examples_are_as_the_page_says_of_them() -> None:
    found: dict[str, object] = {}
    for example in EXAMPLES[1:]:
        exec(example, found)
    assert found["spot"] == Spot(on_demand=2, percent=25)
    assert "Here two instances of a side are on demand, and of those above a quarter" in FLOWING
    assert isinstance(found["pool"], WarmPool)
    assert found["pool"].state == "Stopped"


def test_the_program_of_the_example_runs_on_what_the_example_installs() -> None:
    """Amazon Linux 2023 has Python 3.9, and the wheels of the example are those of another one."""
    started = re.findall(
        r"^exec /usr/bin/(\S+) ", (ROOT / "examples/fleet/start").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(started) == 1
    for place in ("examples/fleet/app.py", "stacks/fleet_stack.py"):
        (made,) = (
            call
            for call in ast.walk(ast.parse((ROOT / place).read_text(encoding="utf-8")))
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Artefact"
        )
        packages = [ast.literal_eval(given.value) for given in made.keywords if given.arg == "packages"]
        assert packages == [started], place


# What a release is


def started(row: str) -> Release:
    """The release that a command line means, by the options of `bluegreen start`."""
    words = shlex.split(row)
    given = dict(zip(words[::2], words[1::2], strict=True))
    return Release(given["--release"], given.get("--image", ""), given.get("--version", ""))


@pytest.mark.parametrize(
    ("first", "is_named", "version"), [("`artefact=", True, ""), ("`user_data=", False, ""), ("either", True, "7")]
)
def test_each_way_to_name_a_release_is_one(first: str, is_named: bool, version: str) -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {first}"))
    release = started(re.findall(r"`(--release [^`]*)`", row)[0])
    assert release.template_version("the group", named=is_named) == version


def test_a_number_is_a_version_without_an_artefact_and_a_name_with_one() -> None:
    assert "With `user_data` its number alone is enough, `--release 7`" in FLOWING
    assert Release("7").template_version("the group", named=False) == "7"
    assert Release("7").template_version("the group", named=True) == ""


def test_a_parameter_is_named_with_its_version_only() -> None:
    (image,) = re.findall(r"`--image (resolve:ssm:[^`]*)`", PAGE)
    assert Release("1.4.2", image).template_version("the group", named=False) == ""
    with pytest.raises(ConfigurationError, match="without its version moves"):
        Release("1.4.2", image.rpartition(":")[0]).template_version("the group", named=False)


def test_an_instance_does_with_an_archive_what_the_page_says() -> None:
    stack = cdk.Stack(cdk.App(), "Serving")
    artefact = Artefact(s3.Bucket.from_bucket_name(stack, "Releases", "releases-of-ours"), first="1.0.0")
    script = boot_script(artefact, 8080)
    for name in ("PORT", "RELEASE", "BLUEGREEN_SIDE"):
        assert f"`{name}`" in PAGE
        assert f"Environment={name}=" in script
    for program in ("curl", "tar", "sha256sum"):
        assert f"`{program}`" in PAGE
        assert f"{program} " in script
    assert f"`{RELEASE_TAG}`" in PAGE
    assert f"{artefact.prefix}1.4.2.tar.gz" in PAGE
    assert "/start\n" in script


def test_the_unit_and_the_tag_of_the_page_are_the_ones_there_are() -> None:
    assert "`answer-hook.service`" in PAGE
    assert "/answer-hook.service" in answering_script(8080, 300)
    assert f"`{GROUP_TAG}`" in PAGE


# Phases, figures, commands


def test_the_phases_are_the_engines() -> None:
    table = PAGE.split("| phase | on instances |")[1].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([A-Z_]+)`", row.split(" | ")[0])]
    assert named == [phase.value for phase in Phase]


@pytest.mark.parametrize(
    "said",
    [
        f"within `RolloutLimits(prepare=…)` ({in_words(RolloutLimits().span('prepare'))})",
        f"{RolloutLimits().hold_back:g} % stays on live",
        "(at most 14 days; default: none stay)",
        "without requests for two minutes",
        f"(default {in_words(GRACE_OF_INSTANCES)})",
    ],
)
def test_the_figures_of_the_page_are_the_defaults(said: str) -> None:
    assert said in FLOWING
    assert (RolloutLimits().span("keep"), QUIET_MINUTES) == (timedelta(0), 2)


def test_the_longest_keeping_is_the_one_of_the_page() -> None:
    RolloutLimits(keep=timedelta(days=14))
    with pytest.raises(ConfigurationError, match="RolloutLimits keep is"):
        RolloutLimits(keep=timedelta(days=15))


def test_the_drain_is_shorter_than_the_notice_unless_told_otherwise() -> None:
    assert Ingress(internet_facing=False).drain_seconds < 120


def test_the_states_of_a_pool_are_those_of_the_page() -> None:
    assert [state for state in POOL_STATES if f"`{state}`" not in PAGE] == []


@pytest.mark.parametrize("kind", [FleetInstances, Artefact, Spot, Ec2BlueGreenFleet, RolloutLimits, WarmPool])
def test_what_is_said_of_a_value_is_one_of_its_keywords(kind: type) -> None:
    known = set(inspect.signature(kind).parameters)
    for given in re.findall(rf"`{kind.__name__}\(([^`]*)\)`", PAGE):
        assert set(re.findall(r"(\w+)=", re.sub(r"\([^()]*\)", "", given))) <= known, given


def test_every_command_of_the_page_is_understood() -> None:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    typed = re.findall(r"bluegreen ([a-z]+)([^`|\n#]*)", PAGE)
    assert {"start", "rollback"} <= {verb for verb, _ in typed}
    for verb, rest in typed:
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, verb


def test_every_scenario_that_is_named_can_be_rehearsed() -> None:
    named = set(re.findall(r"`(fleet-[a-z-]+)`", PAGE))
    assert named == {scenario.name for scenario in CATALOGUE.scenarios if scenario.name.startswith("fleet-")}


def test_every_guard_that_is_named_is_a_test() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 9
    for file, name in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert re.search(rf"def {name}\(", path.read_text(encoding="utf-8")), f"{file}::{name}"
