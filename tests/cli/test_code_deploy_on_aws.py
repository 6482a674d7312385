"""What the verbs ask AWS for a target of AWS CodeDeploy: the parameter, CodeDeploy and Amazon ECS, and no table."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.app_spec import ecs_app_spec
from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.code_deployments import IN_FLIGHT
from bluegreen_constructs.engine.settings_codec import settings_to_dict
from bluegreen_constructs.engine.target_settings import TargetSettings
from tests.cli.code_deployed import (
    APPLICATION,
    FAMILY,
    GROUP,
    OTHER_GROUP,
    TARGET,
    code_deploy_settings,
    definition_arn,
    server_settings,
)

WHERE = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
IN_GROUP = {**WHERE, "includeOnlyStatuses": list(IN_FLIGHT)}


def stubbed(monkeypatch: pytest.MonkeyPatch, maker: str, service: str) -> Stubber:
    stubber = Stubber(boto3.client(service))
    stubber.activate()
    monkeypatch.setattr(clients, maker, lambda: stubber.client)
    return stubber


def stubbed_with(monkeypatch: pytest.MonkeyPatch, target: TargetSettings) -> Stubber:
    """CodeDeploy, and a parameter with the target's settings."""
    settings = settings_to_dict(target)
    value = json.dumps({"settings": settings, "table": "", "state_machine": ""})
    name = f"/bluegreen/targets/{TARGET}"
    ssm = stubbed(monkeypatch, "ssm", "ssm")
    ssm.add_response("get_parameter", {"Parameter": {"Name": name, "Value": value}}, {"Name": name})
    return stubbed(monkeypatch, "code_deployments", "codedeploy")


@pytest.fixture
def codedeploy(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    return stubbed_with(monkeypatch, code_deploy_settings())


def info(**more: object) -> dict:
    return {"deploymentId": "d-1", "status": "InProgress", "createTime": datetime(2026, 1, 5, tzinfo=UTC), **more}


def test_an_abort_is_two_calls_before_anything_else(codedeploy: Stubber, capsys: pytest.CaptureFixture[str]) -> None:
    codedeploy.add_response("list_deployments", {"deployments": ["d-1"]}, IN_GROUP)
    stop = {"deploymentId": "d-1", "autoRollbackEnabled": True}
    codedeploy.add_response("stop_deployment", {"status": "Pending"}, stop)
    stopped = info(status="Stopped", errorInformation={"code": "MANUAL_STOP", "message": "Stopped by a user."})
    codedeploy.add_response("get_deployment", {"deploymentInfo": stopped})
    assert run(["abort", TARGET]) == 0
    codedeploy.assert_no_pending_responses()
    assert "deployment d-1 of Serving/Inference goes back (Stopped: Stopped by a user)" in capsys.readouterr().out


def test_a_start_registers_a_revision_and_deploys_it(
    monkeypatch: pytest.MonkeyPatch, codedeploy: Stubber, capsys: pytest.CaptureFixture[str]
) -> None:
    ecs = stubbed(monkeypatch, "slot_services", "ecs")
    containers = [{"name": "app", "image": "repo:1.0", "portMappings": [{"containerPort": 8080}]}]
    described = {"taskDefinitionArn": definition_arn(1), "family": FAMILY, "revision": 1, "status": "ACTIVE"}
    asked = {"taskDefinition": FAMILY, "include": ["TAGS"]}
    answer = {"taskDefinition": {**described, "containerDefinitions": containers}}
    for _ in range(2):  # the stack's, and the newest
        ecs.add_response("describe_task_definition", answer, asked)
    wanted = {"family": FAMILY, "containerDefinitions": [{**containers[0], "image": "repo:1.1"}]}
    made = {"taskDefinition": {"taskDefinitionArn": definition_arn(2)}}
    ecs.add_response("register_task_definition", made, wanted)
    codedeploy.add_response("list_deployments", {"deployments": []}, IN_GROUP)
    settings = code_deploy_settings().codedeploy
    assert settings is not None
    content = ecs_app_spec(settings, "app", definition_arn(2))
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
    said = "release 1.1 (Inference:2): ticket 4711"
    created = {**WHERE, "revision": revision, "description": said}
    codedeploy.add_response("create_deployment", {"deploymentId": "d-1"}, created)
    left_out = {"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "cafe"}}
    codedeploy.add_response(
        "get_deployment", {"deploymentInfo": info(status="Created", revision=left_out, description=said)}
    )
    location = {"applicationName": APPLICATION, "revision": left_out}
    codedeploy.add_response("get_application_revision", {"revision": revision}, location)
    codedeploy.add_client_error("batch_get_deployment_targets", "DeploymentNotStartedException")
    assert run(["start", TARGET, "--release", "1.1", "--reason", "ticket 4711"]) == 0
    for one in (ecs, codedeploy):
        one.assert_no_pending_responses()
    assert capsys.readouterr().out.startswith("deployment d-1 of 1.1 to Serving/Inference has begun")


def test_a_start_on_instances_looks_at_both_groups_the_archive_and_the_sides_and_deploys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = server_settings()
    codedeploy = stubbed_with(monkeypatch, settings)
    elbv2 = stubbed(monkeypatch, "target_health", "elbv2")
    ec2 = stubbed(monkeypatch, "instances", "ec2")
    s3 = stubbed(monkeypatch, "stored_objects", "s3")
    for group in (GROUP, OTHER_GROUP):
        codedeploy.add_response("list_deployments", {"deployments": []}, {**IN_GROUP, "deploymentGroupName": group})
    s3.add_response("head_object", {}, {"Bucket": "releases", "Key": "inference/1.1.zip"})
    healthy = {"Target": {"Id": "i-1"}, "TargetHealth": {"State": "healthy"}}
    elbv2.add_response(
        "describe_target_health",
        {"TargetHealthDescriptions": [healthy]},
        {"TargetGroupArn": settings.blue.group_arn},
    )
    instances = [
        {
            "InstanceId": name,
            "State": {"Name": "running"},
            "Tags": [{"Key": "bluegreen:fleet", "Value": TARGET}, {"Key": "bluegreen:side", "Value": side}],
        }
        for name, side in (("i-1", "green"), ("i-2", "blue"))
    ]
    asked = {"Filters": [{"Name": "tag:bluegreen:fleet", "Values": [TARGET]}]}
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": instances}]}, asked)
    stored = {"bucket": "releases", "key": "inference/1.1.zip", "bundleType": "zip"}
    tags = {"bluegreen:fleet": TARGET, "bluegreen:side": "blue"}
    sets = [[{"Key": key, "Value": value, "Type": "KEY_AND_VALUE"}] for key, value in tags.items()]
    revision = {"revisionType": "S3", "s3Location": stored}
    created = {
        "applicationName": APPLICATION,
        "deploymentGroupName": OTHER_GROUP,
        "revision": revision,
        "targetInstances": {"ec2TagSet": {"ec2TagSetList": sets}},
        "description": "release 1.1 (blue)",
    }
    codedeploy.add_response("create_deployment", {"deploymentId": "d-1"}, created)
    seen = info(status="Created", revision=revision, description="release 1.1 (blue)", deploymentGroupName=OTHER_GROUP)
    codedeploy.add_response("get_deployment", {"deploymentInfo": seen})
    assert run(["start", TARGET, "--release", "1.1"]) == 0
    for one in (codedeploy, elbv2, ec2, s3):
        one.assert_no_pending_responses()
    assert capsys.readouterr().out.startswith("deployment d-1 of 1.1 to Serving/Inference has begun")
