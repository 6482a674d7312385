"""The example of Argo Rollouts synthesises to what its nine steps say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.canary_service import flat
from tests.eks_services import MANIFEST

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "eks"
DEPLOYMENT = yaml.safe_load((FOLDER / "deployment.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict]:
    """What the stack `Services` applies, by kind and name."""
    folder = tmp_path_factory.mktemp("eks")
    done = subprocess.run(
        [sys.executable, FOLDER / "app.py"],
        env={**os.environ, "CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": '{"image": "inference:7"}'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    template = json.loads((folder / "Services.template.json").read_text(encoding="utf-8"))
    found = {}
    for one in template["Resources"].values():
        if one["Type"] == MANIFEST:
            for manifest in json.loads(flat(one["Properties"]["Manifest"])):
                found[manifest["kind"], manifest["metadata"]["name"]] = manifest
    return found


def test_the_deployment_is_one_that_kubernetes_takes() -> None:
    kubernetes_validate.validate(DEPLOYMENT, "1.36", strict=True)


def test_the_rollout_takes_over_the_deployment_of_step_three(manifests: dict[tuple[str, str], dict]) -> None:
    rollout = manifests["Rollout", "inference"]
    assert rollout["spec"]["workloadRef"]["name"] == DEPLOYMENT["metadata"]["name"]
    assert rollout["metadata"]["namespace"] == DEPLOYMENT["metadata"]["namespace"]
    assert rollout["spec"]["replicas"] == DEPLOYMENT["spec"]["replicas"]
    live = manifests["Service", "inference"]["spec"]
    assert live["selector"] == DEPLOYMENT["spec"]["selector"]["matchLabels"]
    (container,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
    assert live["ports"][0]["targetPort"] == container["ports"][0]["containerPort"]


def test_it_is_rolled_out_blue_green_and_tested_before(manifests: dict[tuple[str, str], dict]) -> None:
    strategy = manifests["Rollout", "inference"]["spec"]["strategy"]["blueGreen"]
    assert (strategy["activeService"], strategy["previewService"]) == ("inference", "inference-candidate")
    assert strategy["prePromotionAnalysis"]
    assert manifests["AnalysisTemplate", "inference-bake"]["spec"]["metrics"][0]["count"] == 11


def test_the_second_service_gets_ten_percent_first(manifests: dict[tuple[str, str], dict]) -> None:
    steps = manifests["Rollout", "predict"]["spec"]["strategy"]["canary"]["steps"]
    assert [step["setWeight"] for step in steps if "setWeight" in step] == [10, 100]
    (container,) = manifests["Rollout", "predict"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "inference:7"


def test_the_names_in_the_commands_are_those_of_the_example(manifests: dict[tuple[str, str], dict]) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for verb, name, namespace in re.findall(r"kubectl argo rollouts (\w+(?: rollout)?) (\w+) -n (\w+)", text):
        assert manifests["Rollout", name]["metadata"]["namespace"] == namespace, verb
    assert f"app={DEPLOYMENT['spec']['template']['spec']['containers'][0]['image'].partition(':')[0]}:" in text
