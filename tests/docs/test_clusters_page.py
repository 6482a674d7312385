"""docs/clusters.md: its code runs, its commands are understood, its figures are the defaults, its guards are tests."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bluegreen_constructs import ClusterSide, ClusterSwitch, EksCluster, RegionSide, RegionSwitch, RolloutLimits
from bluegreen_constructs.cli.commands import app
from bluegreen_constructs.cluster_targets import CLUSTER_TAG
from bluegreen_constructs.eks_capacity import LoadBalancing
from bluegreen_constructs.engine.aws.route53_records import IAM_ACTIONS
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.record_mark import mark_name
from bluegreen_constructs.engine.region_settings import REGIONS_PREFIX
from bluegreen_constructs.engine.region_traffic import ALIAS_TTL, PROPAGATION, SETTLING
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.engine.weighted_records import _ANSWERS
from bluegreen_constructs.engine.weights import is_warm

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
FLOWING = re.sub(r"\s+", " ", PAGE)
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(example: str, tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize(
    "said",
    [
        f"for `RolloutLimits(prepare=…)` ({in_words(RolloutLimits().span('prepare'))})",
        f"all of it after `RolloutLimits(restore=…)` ({in_words(RolloutLimits().span('restore'))})",
        f"{RolloutLimits().hold_back:g} % stays on live",
        "that still has three quarters of them",
        f"`{LoadBalancing.AUTO_MODE.readiness_gate_label}: enabled`",
        f"`{LoadBalancing.CONTROLLER.readiness_gate_label.partition('/')[0]}/…`",
        f"the tag `{CLUSTER_TAG}`",
        f"the TXT record `{mark_name('shop.example.com')}`",
        f"up to {PROPAGATION.total_seconds():.0f} s",
        f"up to {SETTLING.total_seconds():.0f} s",
        f"an alias to a load balancer has {ALIAS_TTL.total_seconds():.0f} s",
        f"({', '.join(_ANSWERS)})",
        f"below `{REGIONS_PREFIX}`",
    ],
)
def test_the_figures_and_names_of_the_page_are_those_of_the_code(said: str) -> None:
    assert said in FLOWING


def test_a_side_is_warm_with_three_quarters_of_what_it_needs() -> None:
    assert is_warm(75, 100)
    assert not is_warm(74, 100)


def test_the_phases_are_the_engines() -> None:
    table = PAGE.split("| phase | with two clusters |")[1].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([A-Z_]+)`", row.split(" | ")[0])]
    assert sorted(named) == sorted(phase.value for phase in Phase)


def test_an_operator_is_said_to_need_what_the_verbs_of_regions_call() -> None:
    for action in IAM_ACTIONS:
        assert f"`{action}`" in PAGE


def test_each_verb_of_regions_has_a_row() -> None:
    verbs = typer.main.get_command(app).commands["regions"].commands  # type: ignore[attr-defined]
    rows = PAGE.split("| verb | does |")[1].split("\n\n")[0].splitlines()[2:]
    assert {row.split("`")[1] for row in rows} == set(verbs)


@pytest.mark.parametrize("kind", [ClusterSide, ClusterSwitch, EksCluster, RegionSide, RegionSwitch, RolloutLimits])
def test_what_is_said_of_a_value_is_one_of_its_keywords(kind: type) -> None:
    known = set(inspect.signature(kind.__init__).parameters)  # type: ignore[misc] # read, not called
    for given in re.findall(rf"`{kind.__name__}\(([^`]*)\)`", PAGE):
        assert set(re.findall(r"(\w+)=", given)) <= known, given


def test_every_command_of_the_page_is_understood() -> None:
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    typed = re.findall(r"bluegreen ([a-z]+)([^`|\n#]*)", PAGE)
    assert {"start", "rollback", "status"} <= {verb for verb, _ in typed}
    for verb, rest in typed:
        command = verbs[verb]
        if verb == "regions":
            command = command.commands[rest.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, verb


def test_every_guard_that_is_named_is_a_test() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 6
    for file, name in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert re.search(rf"def {name}\(", path.read_text(encoding="utf-8")), f"{file}::{name}"
