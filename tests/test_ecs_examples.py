"""The examples of services that Amazon ECS rolls out synthesise to what they say; the rehearsal plays them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def synthesised(example: str, folder: Path, **context: str) -> dict[str, dict]:
    """The one template of an example, by type and properties."""
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / example / "app.py"],
        env={
            **os.environ,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_VALIDATION": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (template,) = folder.glob("*.template.json")
    return json.loads(template.read_text(encoding="utf-8"))["Resources"]


def hook_details(resources: dict[str, dict]) -> str:
    (service,) = (one["Properties"] for one in resources.values() if one["Type"] == "AWS::ECS::Service")
    return json.dumps(service["DeploymentConfiguration"]["LifecycleHooks"])


def test_a_judged_service_has_its_judge_and_replays_requests_before_users_meet_a_release(tmp_path: Path) -> None:
    made = synthesised("ecs", tmp_path, release="1.4.2")
    handlers = {one["Properties"]["Handler"] for one in made.values() if one["Type"] == "AWS::Lambda::Function"}
    assert {"engine.handlers.ecs_judge.handler", "engine.handlers.replay.handler"} <= handlers
    assert "hotfix" not in hook_details(made)


def test_a_hotfix_is_marked_with_its_release_and_the_reason_of_the_command_line(tmp_path: Path) -> None:
    said = hook_details(synthesised("ecs", tmp_path, release="1.4.3", hotfix="1.4.2 fails"))
    assert r"\"hotfix\":{\"release\":\"1.4.3\",\"reason\":\"1.4.2 fails\"" in said


@pytest.mark.parametrize(("stage", "strategy"), [("pattern", None), ("rolling", "ROLLING"), ("bluegreen", "CANARY")])
def test_a_service_is_adopted_in_two_steps(stage: str, strategy: str | None, tmp_path: Path) -> None:
    made = synthesised("adopted_service", tmp_path, stage=stage, release="1.0.0")
    (service,) = (one["Properties"] for one in made.values() if one["Type"] == "AWS::ECS::Service")
    assert service.get("DeploymentConfiguration", {}).get("Strategy") == strategy
