"""Every scenario, played for real: the CDK CLI, the emulator, processes, load. One run for all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
DEMO = ("ecs-good", "ecs-bad-errors")
NAMES = [scenario.name for scenario in CATALOGUE.scenarios]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What `bluegreen rehearse --scenario all --format json` says, by scenario."""
    report = tmp_path_factory.mktemp("report") / "report.html"
    done = subprocess.run(
        [
            Path(sys.executable).parent / "bluegreen",
            *("rehearse", "--scenario", "all", "--format", "json", "--report", str(report)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.stdout.strip(), done.stderr[-4000:]
    outcome = json.loads(done.stdout)
    assert outcome["passed"] == (done.returncode == 0), "the exit code and the JSON disagree"
    assert "plotly" in report.read_text(encoding="utf-8")
    return {scenario["scenario"]: scenario for scenario in outcome["scenarios"]}


@pytest.mark.rehearsal
@pytest.mark.parametrize("name", NAMES)
def test_the_scenario_holds(played: dict[str, dict], name: str) -> None:
    broken = [f"{one['says']}: {one['found']}" for one in played[name]["conditions"] if not one["holds"]]
    assert played[name]["passed"], broken
    assert played[name]["conditions"]


def test_the_demo_is_among_the_scenarios_and_is_the_default() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"bluegreen rehearse --scenario {','.join(DEMO)}" in makefile
    assert set(DEMO) <= set(NAMES)
