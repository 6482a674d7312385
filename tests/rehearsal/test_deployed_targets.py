"""What a rehearsal learns of a deployed target from its stack, its parameter and its sides, as AWS answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings
from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.engine.settings_codec import settings_to_dict
from bluegreen_constructs.engine.target_settings import Compute, SideSettings, TargetSettings
from bluegreen_constructs.rehearsal.deployed_by_code_deploy import deployed_by_code_deploy
from bluegreen_constructs.rehearsal.deployed_target import release_on
from bluegreen_constructs.testing import example_settings
from tests.rehearsal.canary_records import TARGET as CANARY

STACK = "CodeDeployed"
TARGET = "CodeDeployed/Inference"
PARAMETER = f"/bluegreen/targets/{TARGET}"
WHERE = CodeDeploySettings("Application", "Group", family="Inference", port=8080)


def stub(service: str) -> Stubber:
    stubber = Stubber(boto3.client(service, region_name="eu-west-1"))
    stubber.activate()
    return stubber


# Deployed by CodeDeploy


def resource(kind: str, name: str) -> dict[str, object]:
    when = "2026-01-05T08:50:00+00:00"
    return {
        "LogicalResourceId": f"Its{kind.rpartition(':')[2]}",
        "PhysicalResourceId": name,
        "ResourceType": kind,
        "LastUpdatedTimestamp": when,
        "ResourceStatus": "CREATE_COMPLETE",
    }


def apis(parameters: Sequence[str], settings: TargetSettings | None = None) -> SimpleNamespace:
    """A stack with a service and these parameters, on two pages; the first is read."""
    cloudformation, ssm = stub("cloudformation"), stub("ssm")
    others = [resource("AWS::ECS::Service", PARAMETER), resource("AWS::SSM::Parameter", "/another/parameter")]
    page = {"StackResourceSummaries": others, "NextToken": "2"}
    cloudformation.add_response("list_stack_resources", page, {"StackName": STACK})
    found = [resource("AWS::SSM::Parameter", name) for name in parameters]
    cloudformation.add_response(
        "list_stack_resources", {"StackResourceSummaries": found}, {"StackName": STACK, "NextToken": "2"}
    )
    if settings is not None:
        value = json.dumps({"settings": settings_to_dict(settings), "table": "", "state_machine": ""})
        ssm.add_response("get_parameter", {"Parameter": {"Value": value}}, {"Name": PARAMETER})
    return SimpleNamespace(cloudformation=cloudformation.client, ssm=ssm.client)


def settings(where: CodeDeploySettings | None = WHERE) -> TargetSettings:
    return replace(example_settings(TARGET), controller="codedeploy" if where else "engine", codedeploy=where)


def test_the_target_of_a_stack_is_found_by_its_parameter() -> None:
    found = deployed_by_code_deploy(STACK, apis([PARAMETER], settings()))
    assert (found.name, found.rule, found.code_deploy) == (TARGET, settings().rule_arn, WHERE)
    assert [found.side_of(settings().side(side).group_arn) for side in ("blue", "green")] == ["blue", "green"]


def test_a_group_of_somebody_else_is_on_no_side() -> None:
    found = deployed_by_code_deploy(STACK, apis([PARAMETER], settings()))
    with pytest.raises(RehearsalError, match="the target CodeDeployed/Inference has no target group arn:other"):
        found.side_of("arn:other")


@pytest.mark.parametrize(("parameters", "count"), [([], 0), ([PARAMETER, f"{PARAMETER}2"], 2)])
def test_a_stack_without_just_one_target_is_refused(parameters: Sequence[str], count: int) -> None:
    with pytest.raises(RehearsalError, match=rf"^stack CodeDeployed holds {count} targets, and one is rehearsed$"):
        deployed_by_code_deploy(STACK, apis(parameters))


def test_a_target_that_codedeploy_does_not_deploy_is_refused() -> None:
    with pytest.raises(RehearsalError, match=r"^the target CodeDeployed/Inference is not deployed by CodeDeploy$"):
        deployed_by_code_deploy(STACK, apis([PARAMETER], settings(None)))


# The release on a side of instances

TAGS = [{"Key": "team", "Value": "ml"}, {"Key": "bluegreen:release", "Value": "2.0.0"}]


def group_of(name: str, version: str) -> dict[str, object]:
    return {
        "AutoScalingGroupName": name,
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": 2,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["eu-west-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": "2026-01-05T08:50:00+00:00",
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "fleet", "Version": version},
    }


def release_of(side: str, version: str, data: Mapping[str, object]) -> str:
    """What is said of a side whose group launches this version, which holds this data."""
    sides = {
        one: SideSettings(f"arn:{one}", f"targetgroup/{one}/1", Compute.AUTO_SCALING, auto_scaling_group=f"fleet-{one}")
        for one in ("blue", "green")
    }
    target = replace(CANARY, settings=replace(CANARY.settings, **sides))
    autoscaling, ec2 = stub("autoscaling"), stub("ec2")
    autoscaling.add_response(
        "describe_auto_scaling_groups",
        {"AutoScalingGroups": [group_of(f"fleet-{side}", version)]},
        {"AutoScalingGroupNames": [f"fleet-{side}"]},
    )
    ec2.add_response(
        "describe_launch_template_versions",
        {"LaunchTemplateVersions": [{"VersionNumber": 7, "LaunchTemplateData": data}]},
        {"LaunchTemplateId": "lt-1", "Versions": [version]},
    )
    found = release_on(target, side, SimpleNamespace(autoscaling=autoscaling.client, ec2=ec2.client))
    autoscaling.assert_no_pending_responses()
    ec2.assert_no_pending_responses()
    return found


@pytest.mark.parametrize("side", ["blue", "green"])
def test_the_release_of_instances_is_the_tag_that_their_launch_template_version_gives_them(side: str) -> None:
    data = {"TagSpecifications": [{"ResourceType": "instance", "Tags": TAGS}]}
    assert release_of(side, "7", data) == "2.0.0"


def test_a_tag_of_the_volumes_is_no_release() -> None:
    data = {"TagSpecifications": [{"ResourceType": "volume", "Tags": TAGS}]}
    assert release_of("blue", "7", data) == "7"


@pytest.mark.parametrize("data", [{}, {"TagSpecifications": [{"ResourceType": "instance", "Tags": TAGS[:1]}]}])
def test_instances_without_the_tag_run_what_their_version_is_called(data: Mapping[str, object]) -> None:
    assert release_of("green", "7", data) == "7"
