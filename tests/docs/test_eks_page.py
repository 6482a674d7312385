"""docs/eks.md and examples/eks/README.md: their code runs, their figures are the defaults, their commands exist."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bluegreen_constructs import AlarmThresholds, ArgoChart, EksCluster, EksRollouts, ExistingDeployment, Pods
from bluegreen_constructs.argo.analysis_template import FIRST_MEASUREMENT_SECONDS, INTERVAL_SECONDS
from bluegreen_constructs.argo.pod_template import SPREAD_SECONDS
from bluegreen_constructs.eks_rollouts import DEFAULT_DEADLINE, DEFAULT_KEEP
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.ingress import Ingress

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "eks.md").read_text(encoding="utf-8")
WALK = (ROOT / "examples" / "eks" / "README.md").read_text(encoding="utf-8")
FLOWING = re.sub(r"\s+", " ", PAGE)
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

# `kubectl argo rollouts --help` of 1.9.1; `make test-eks` runs those that the pages name.
PLUGIN_VERBS = {"get", "promote", "abort", "undo", "retry", "status", "dashboard", "list", "pause", "restart", "set"}


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
        f"the former pods stay for `keep` ({DEFAULT_KEEP.total_seconds() / 60:g} minutes) |",
        f"not over after `deadline` ({in_words(DEFAULT_DEADLINE)})",
        f"it sleeps {SPREAD_SECONDS} s longer than `Ingress(drain=…)` ({Ingress(plain_http=True).drain_seconds} s)",
        f"`Pods(stop_timeout=…)` ({Pods(image='x', port=1).stop_seconds} s)",
        f"bakes {(FIRST_MEASUREMENT_SECONDS + INTERVAL_SECONDS) // 60} minutes or more",
        f"The chart is {ArgoChart().version} (Argo Rollouts 1.9.0)",
    ],
)
def test_the_figures_of_the_page_are_the_defaults(said: str) -> None:
    assert said in FLOWING


@pytest.mark.parametrize("kind", [Pods, ExistingDeployment, EksCluster, ArgoChart, AlarmThresholds, Ingress])
def test_what_is_said_of_a_value_is_one_of_its_keywords(kind: type) -> None:
    known = set(inspect.signature(kind.__init__).parameters)  # type: ignore[misc] # read, not called
    for given in re.findall(rf"`{kind.__name__}\(([^`]*)\)`", PAGE + WALK):
        assert set(re.findall(r"(\w+)=", given)) <= known, given


@pytest.mark.parametrize(
    "word", ["keep", "deadline", "hooks", "strategy", "accept_dropped_requests", "shape", "ingress"]
)
def test_the_keywords_of_a_service_are_those_of_the_code(word: str) -> None:
    assert f"`{word}" in PAGE
    assert word in inspect.signature(EksRollouts.add_service).parameters


def test_every_command_is_one_that_the_plugin_has() -> None:
    verbs = set(re.findall(r"kubectl argo rollouts ([a-z]+)", PAGE + WALK))
    assert {"get", "promote", "abort", "undo", "dashboard"} <= verbs
    assert verbs <= PLUGIN_VERBS


def test_the_walk_through_has_nine_steps() -> None:
    assert [
        int(number) for number in re.findall(r"\*\*(\d)\. |, and (\d)\.|, (\d)\. ", WALK) for number in number if number
    ] == list(range(1, 10))


def test_every_guard_that_is_named_is_a_test() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    for file, name in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert re.search(rf"def {name}\(", path.read_text(encoding="utf-8")), f"{file}::{name}"
