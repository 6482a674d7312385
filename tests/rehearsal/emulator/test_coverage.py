"""The list of what the rehearsal covers is true to the emulator, and refuses the rest before the start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.emulator import coverage as coverage_module
from bluegreen_constructs.rehearsal.emulator.coverage import (
    Kind,
    coverage,
    covered_types,
    require_covered,
    uncovered,
)

HANDLERS = """
import json, pathlib
from bluegreen_constructs.rehearsal.emulator.main import install_overlay
from bluegreen_constructs.rehearsal.emulator.patches import Patches
from bluegreen_constructs.rehearsal.emulator.world import EmulatorConfig, World
from bluegreen_constructs.rehearsal.clock import Clock
world = World(EmulatorConfig(port=1, work_dir=pathlib.Path.cwd()), Clock())
install_overlay(Patches(), world)
from ministack.services.cloudformation import provisioners
print(json.dumps(sorted(provisioners._RESOURCE_HANDLERS)))
"""


def test_every_listed_type_has_a_handler_and_every_handler_is_listed(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", HANDLERS],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(coverage_module.__file__).parents[3]), "GATEWAY_PORT": "1"},
    )
    assert json.loads(answer.stdout.splitlines()[-1]) == list(covered_types())


def test_no_type_stands_in_two_lists() -> None:
    assert not set(coverage_module.TYPES) & coverage_module.EMULATED_ELSEWHERE
    assert not coverage_module.PLAYED_CUSTOM_RESOURCES.keys() & coverage_module.UNCOVERED_CUSTOM_RESOURCES.keys()


def test_every_covered_type_says_in_one_line_how_true_it_is() -> None:
    for name, found in covered_types().items():
        assert found.note, name
        assert "\n" not in found.note, name
        assert not found.note.endswith("."), name


@pytest.mark.parametrize(
    ("resource_type", "kind"),
    [
        ("AWS::Lambda::Function", Kind.REAL),
        ("Custom::Anything", Kind.REAL),
        ("AWS::DynamoDB::Table", Kind.EMULATED),
        ("AWS::ECS::Service", Kind.PLAYED),
        ("AWS::AutoScaling::AutoScalingGroup", Kind.PLAYED),
        ("AWS::EC2::Instance", Kind.PLAYED),
        ("Custom::VpcRestrictDefaultSG", Kind.PLAYED),
        ("AWS::EC2::NatGateway", Kind.RECORD_ONLY),
        ("AWS::EC2::SecurityGroup", Kind.RECORD_ONLY),
    ],
)
def test_a_type_is_labelled_by_what_really_happens(resource_type: str, kind: Kind) -> None:
    found = coverage(resource_type)
    assert found is not None
    assert found.kind is kind


def test_a_type_that_the_rehearsal_does_not_know_is_found_with_its_place() -> None:
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC"},
            "Shield": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {}},
            "Sdk": {"Type": "Custom::AWS", "Properties": {"ServiceToken": "x"}},
        }
    }
    assert [str(finding) for finding in uncovered(template)] == [
        "Shield (AWS::WAFv2::WebACLAssociation): no such type in the rehearsal",
        "Sdk (Custom::AWS): CDK's function needs AWS SDK clients for Node that only Lambda's runtime brings",
    ]


@pytest.mark.parametrize(
    ("resource_type", "properties", "reason"),
    [
        (
            "AWS::ECS::Service",
            {"DeploymentController": {"Type": "EXTERNAL"}},
            "DeploymentController.Type EXTERNAL",
        ),
        ("AWS::ECS::Service", {"LaunchType": "EC2"}, "LaunchType EC2"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Type": "network"}, "Type network"),
        ("AWS::ElasticLoadBalancingV2::Listener", {"Protocol": "TLS"}, "Protocol TLS"),
        (
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            {"Actions": [{"Type": "authenticate-oidc"}, {"Type": "forward"}]},
            "Actions.Type authenticate-oidc",
        ),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", {"TargetType": "alb"}, "TargetType alb"),
        ("AWS::Lambda::Function", {"Runtime": "java21"}, "Runtime java21"),
        ("AWS::Lambda::Function", {"PackageType": "Image"}, "PackageType Image"),
    ],
)
def test_a_property_that_would_be_played_wrong_is_found(
    resource_type: str, properties: dict[str, object], reason: str
) -> None:
    (finding,) = uncovered({"Resources": {"It": {"Type": resource_type, "Properties": properties}}})
    assert finding.reason.startswith(reason + ": ")


@pytest.mark.parametrize(
    ("resource_type", "properties"),
    [
        ("AWS::ECS::Service", {"DeploymentController": {"Type": "ECS"}, "LaunchType": "FARGATE"}),
        ("AWS::ECS::Service", {"DeploymentController": {"Type": "CODE_DEPLOY"}}),
        ("AWS::ECS::Service", {}),
        ("AWS::Lambda::Function", {"Runtime": "python3.14"}),
        ("AWS::Lambda::Function", {"Runtime": {"Fn::FindInMap": ["NodeVersion", {"Ref": "AWS::Region"}, "value"]}}),
        ("AWS::ElasticLoadBalancingV2::Listener", {"Protocol": "HTTPS", "DefaultActions": [{"Type": "redirect"}]}),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", {"TargetType": "lambda"}),
    ],
)
def test_what_is_covered_or_not_written_out_is_no_finding(resource_type: str, properties: dict[str, object]) -> None:
    assert uncovered({"Resources": {"It": {"Type": resource_type, "Properties": properties}}}) == []


def test_an_assembly_is_refused_with_the_whole_list_also_of_nested_templates(tmp_path: Path) -> None:
    stage = tmp_path / "assembly-Prod"
    stage.mkdir()
    good = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    bad = {"Resources": {"Queue": {"Type": "AWS::Batch::JobQueue"}}}
    (tmp_path / "Good.template.json").write_text(json.dumps(good), encoding="utf-8")
    require_covered(tmp_path)
    (tmp_path / "Bad.template.json").write_text(json.dumps(bad), encoding="utf-8")
    (stage / "Nested.nested.template.json").write_text(json.dumps(bad), encoding="utf-8")
    with pytest.raises(RehearsalError, match=r"(?s)does not cover 2 of .*Bad: Queue .*Nested\.nested: Queue"):
        require_covered(tmp_path)
