"""The example of two EC2 instances synthesises to what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("canary_ec2")
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "canary_ec2" / "app.py"],
        env={
            **os.environ,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": '{"testers": "198.51.100.0/24", "image": "ami-1"}',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "CanaryEc2.template.json").read_text(encoding="utf-8"))


def resources(template: dict, kind: str) -> dict[str, dict]:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def test_each_instance_is_in_a_target_group_of_its_own(template: dict) -> None:
    groups = resources(template, "AWS::ElasticLoadBalancingV2::TargetGroup").values()
    registered = [target["Id"]["Ref"] for group in groups for target in group["Targets"]]
    assert sorted(registered) == sorted(resources(template, "AWS::EC2::Instance"))


def test_the_image_is_the_one_that_was_given_and_not_the_latest_of_each_deploy(template: dict) -> None:
    assert [one["ImageId"] for one in resources(template, "AWS::EC2::Instance").values()] == ["ami-1", "ami-1"]


def test_x_canary_at_priority_100_meets_the_canary_from_the_testers_only(template: dict) -> None:
    rules = {rule["Priority"]: rule for rule in resources(template, "Custom::TrafficRule").values()}
    canary = rules[100]
    asked = {condition["Field"]: condition for condition in canary["Conditions"]}
    assert asked["http-header"]["HttpHeaderConfig"] == {"HttpHeaderName": "X-Canary", "Values": ["true"]}
    assert asked["source-ip"]["SourceIpConfig"]["Values"] == ["198.51.100.0/24"]
    assert canary["InitialCandidateWeight"] == 100


def test_everybody_else_meets_the_stable_instance(template: dict) -> None:
    live = max(resources(template, "Custom::TrafficRule").values(), key=lambda rule: rule["Priority"])
    assert live["InitialCandidateWeight"] == 0
    assert "Blue" in live["Blue"]["Ref"]


def test_the_load_balancers_dns_name_is_an_output(template: dict) -> None:
    (name,) = (one["Value"] for key, one in template["Outputs"].items() if "DnsName" in key)
    assert name["Fn::GetAtt"][1] == "DNSName"
    assert "CanaryEc2/Model" in [one["Value"] for one in template["Outputs"].values()]
