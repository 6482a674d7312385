"""examples/own_app is rehearsed as a foreign app is: by its command and its tasks file, in a folder of its own."""

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_app"
PYTHON_APP = f"{shlex.quote(sys.executable)} app.py"


def rehearsed(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`bluegreen rehearse` in a copy of the example that knows nothing of this checkout but the CDK CLI."""
    return subprocess.run(
        [Path(sys.executable).parent / "bluegreen", "rehearse", "--app", PYTHON_APP, *options],
        cwd=folder,
        env={**os.environ, "BLUEGREEN_CDK": str(ROOT / ".toolchain/node_modules/aws-cdk/bin/cdk")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "own_app", ignore=shutil.ignore_patterns(".rehearsal", "cdk.out")))


def test_it_imports_the_cdk_and_the_constructs_and_nothing_else_of_this_checkout() -> None:
    for file in EXAMPLE.glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        ours = {"aws_cdk", "constructs", "bluegreen_constructs"} if file.name == "app.py" else set()
        assert {name.partition(".")[0] for name in modules} <= {*sys.stdlib_module_names, *ours}, file.name
        assert not any(name.startswith("bluegreen_constructs.") for name in modules), file.name


@pytest.mark.rehearsal
def test_a_foreign_app_passes_with_one_good_and_one_bad_release(copy: Path) -> None:
    done = rehearsed(copy, "--tasks", "rehearse.toml", "--format", "json")
    assert done.stdout, done.stderr[-4000:]
    outcome = json.loads(done.stdout)
    played = {scenario["scenario"]: scenario for scenario in outcome["scenarios"]}
    broken = [
        f"{name}: {one['says']}: {one['found']}"
        for name, scenario in played.items()
        for one in scenario["conditions"]
        if not one["holds"]
    ]
    assert broken == [], done.stderr[-4000:]
    assert list(played) == ["Shop/Web 1.1.0", "Shop/Web 1.2.0"]
    assert done.returncode == 0
    assert played["Shop/Web 1.1.0"]["figures"]["failed"] == 0
    assert played["Shop/Web 1.2.0"]["figures"]["failed"] > 0
    assert {path.name for path in copy.iterdir()} <= {"app.py", "web.py", "rehearse.toml", ".rehearsal", "__pycache__"}


@pytest.mark.cdk_cli
def test_what_is_not_covered_is_listed_and_nothing_is_started(copy: Path) -> None:
    app = copy / "app.py"
    app.write_text(
        app.read_text(encoding="utf-8").replace(
            "app.synth()",
            'cdk.CfnResource(cdk.Stack(app, "More"), "Queue", type="AWS::Batch::JobQueue")\napp.synth()',
        ),
        encoding="utf-8",
    )
    done = rehearsed(copy)
    assert done.returncode == 1
    assert done.stdout == "not covered: More: Queue (AWS::Batch::JobQueue): no such type in the rehearsal\n"
    assert done.stderr.splitlines()[-1] == (
        "bluegreen: the rehearsal does not cover the app, for 1 reason, so nothing was started"
    )
    assert "emulator" not in done.stderr
