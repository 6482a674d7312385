"""docs/pipeline.md: its code runs, its figures are those of the code, and its names exist."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import bluegreen_constructs
from bluegreen_constructs.code_deploy_plan import LONGEST_IN_STACK_UPDATE
from bluegreen_constructs.ecs_deployment_configuration import LONGEST_DEPLOYMENT
from bluegreen_constructs.engine.already_live import ALREADY_LIVE
from bluegreen_constructs.engine.spans import in_words
from bluegreen_constructs.engine.stage_bake import LONGEST
from bluegreen_constructs.pipeline_limits import Limit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
FLOWING = re.sub(r"\s+", " ", PAGE)
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_runs(tmp_path: Path) -> None:
    (example,) = EXAMPLES
    script = tmp_path / "app.py"
    script.write_text(example, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def days(span: timedelta) -> str:
    return f"{span.days} days"


@pytest.mark.parametrize(
    "said",
    [
        f"| CloudFormation | {days(Limit.CLOUD_FORMATION.longest)} |",
        f"| CodeDeploy, CodeDeployToECS | {days(Limit.CODE_DEPLOY.longest)} |",
        f"| Step Functions | {days(Limit.STEP_FUNCTIONS.longest)} |",
        f"| CodeBuild | {in_words(Limit.CODE_BUILD.longest)} |",
        f"| Lambda | {in_words(Limit.LAMBDA.longest)} | a `StageBake`, at most {in_words(LONGEST)} |",
        f"| approval | {days(Limit.APPROVAL.longest)} |",
        f"of more than {in_words(LONGEST_DEPLOYMENT)} by itself",
        f"{LONGEST_IN_STACK_UPDATE // timedelta(minutes=1)} minutes for approval, steps and bake",
        f"the history says `{ALREADY_LIVE}`",
    ],
)
def test_its_figures_are_those_of_the_code(said: str) -> None:
    assert said in FLOWING


def test_every_construct_and_value_that_it_names_is_public() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z0-9]+)\(", PAGE)) | set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", PAGE))
    aws = {"UpdatePipeline"}  # a stage's name
    assert named
    assert sorted(named - aws - set(bluegreen_constructs.__all__)) == []
