"""The examples of pipelines: each synthesises, and together they have every source and every way to deploy."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.codepipeline_model import objections
from tests.delivered_stacks import graph, properties
from tests.nag_findings import lint

FOLDER = Path(__file__).parents[1] / "examples" / "pipelines"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


@cache
def assembly(name: str, folder: Path) -> Path:
    out = folder / name
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        env={**os.environ, "CDK_OUTDIR": str(out)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


def pipeline(name: str, folder: Path) -> dict:
    found: dict = json.loads((assembly(name, folder) / "Delivery.template.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_synthesises_to_a_pipeline_whose_stages_go_back(name: str, folder: Path) -> None:
    told = properties(pipeline(name, folder))
    assert told["PipelineType"] == "V2"
    assert objections(dict(told)) == []
    assert [one["Name"] for one in told["Stages"] if one.get("OnFailure", {}).get("Result") == "ROLLBACK"]


def test_cfn_lint_finds_nothing_in_them_and_no_circle(folder: Path) -> None:
    """A synth makes a template whose resources wait for one another without a word, and CloudFormation refuses it."""
    assert lint([assembly(name, folder) / "Delivery.template.json" for name in NAMES]) == (0, "")


def test_there_is_one_for_each_source_and_each_way_to_deploy(folder: Path) -> None:
    providers = {
        provider for name in NAMES for stage in graph(pipeline(name, folder)).values() for _, _, provider in stage
    }
    assert providers >= {
        "ECR",
        "CodeCommit",
        "CodeStarSourceConnection",
        "S3",
        "CodeBuild",
        "ECRBuildAndPublish",
        "CloudFormation",
        "CodeDeployToECS",
        "CodeDeploy",
        "StepFunctions",
        "Manual",
        "Lambda",
    }


def test_in_a_cluster_the_stage_ends_with_argos_verdict(folder: Path) -> None:
    stages = graph(pipeline("kubernetes", folder))
    assert [name for _, name, _ in stages["Production"]] == [
        "Cluster.Prepare",
        "Cluster.Deploy",
        "shop-predict.Verdict",
    ]


def test_regions_are_waves_with_a_bake_between(folder: Path) -> None:
    stages = graph(pipeline("regions_and_accounts", folder))
    assert list(stages) == ["Source", "Synth", "ReviewFirst", "First", "Others"]
    assert stages["First"][-1][1:] == ("Bake", "Lambda")
    assert {name for order, name, _ in stages["Others"] if order == 1} == {
        "Shop-us-east-1.Prepare",
        "Shop-ap-southeast-2.Prepare",
    }


def test_the_image_and_two_files_are_two_sources_of_one_pipeline(folder: Path) -> None:
    stages = graph(pipeline("image_and_code", folder))
    assert [provider for _, _, provider in stages["Source"]] == ["ECR", "CodeCommit"]
    assert [provider for _, _, provider in stages["Production"]] == ["CodeDeployToECS"]
    shop = json.loads((assembly("image_and_code", folder) / "Shop.template.json").read_text(encoding="utf-8"))
    (seed,) = (one["Properties"] for one in shop["Resources"].values() if one["Type"] == "Custom::RepositorySeed")
    assert {one["Path"] for one in seed["Files"]} == {"taskdef.json", "appspec.yaml"}
