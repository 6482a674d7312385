"""What the verbs ask AWS for a target that Amazon ECS rolls out: the parameter, ECS, and a table only where one is."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from bluegreen_constructs.cli.aws_world import AwsWorld
from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.service_deployments import IN_FLIGHT
from bluegreen_constructs.engine.settings_codec import settings_to_dict
from tests.cli.deployed_services import CLUSTER, ECS_TARGET, SERVICE, deployment_arn, ecs_settings

ARN = deployment_arn("abc")
BRIEF = {"serviceDeploymentArn": ARN, "status": "IN_PROGRESS", "createdAt": datetime(2026, 1, 5, tzinfo=UTC)}


def stubbed(monkeypatch: pytest.MonkeyPatch, maker: str, service: str) -> Stubber:
    stubber = Stubber(boto3.client(service))
    stubber.activate()
    monkeypatch.setattr(clients, maker, lambda: stubber.client)
    return stubber


def parameter(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    settings = settings_to_dict(ecs_settings(is_judged=bool(table)))
    value = json.dumps({"settings": settings, "table": table, "state_machine": ""})
    name = f"/bluegreen/targets/{ECS_TARGET}"
    ssm = stubbed(monkeypatch, "ssm", "ssm")
    ssm.add_response("get_parameter", {"Parameter": {"Name": name, "Value": value}}, {"Name": name})


@pytest.mark.parametrize(("table", "has_table"), [("Serving-Judge", True), ("", False)])
def test_who_moves_the_traffic_and_whether_there_is_a_table_comes_from_the_parameter(
    monkeypatch: pytest.MonkeyPatch, table: str, has_table: bool
) -> None:
    parameter(monkeypatch, table)
    engine = AwsWorld().engine(ECS_TARGET)
    assert (engine.is_ecs, engine.has_table, engine.service) == (True, has_table, (CLUSTER, SERVICE))


def test_an_abort_asks_ecs_twice_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parameter(monkeypatch, "")
    ecs = stubbed(monkeypatch, "service_deployments", "ecs")
    asked = {"cluster": CLUSTER, "service": SERVICE, "status": list(IN_FLIGHT)}
    ecs.add_response("list_service_deployments", {"serviceDeployments": [BRIEF]}, asked)
    stop = {"serviceDeploymentArn": ARN, "stopType": "ROLLBACK"}
    ecs.add_response("stop_service_deployment", {"serviceDeploymentArn": ARN}, stop)
    back = {**BRIEF, "status": "ROLLBACK_REQUESTED", "statusReason": "Rollback requested."}
    ecs.add_response("describe_service_deployments", {"serviceDeployments": [back]})
    assert run(["abort", ECS_TARGET]) == 0
    ecs.assert_no_pending_responses()
    assert "goes back (ROLLBACK_REQUESTED: Rollback requested)" in capsys.readouterr().out


def test_a_pause_is_answered_with_one_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    parameter(monkeypatch, "")
    ecs = stubbed(monkeypatch, "service_deployments", "ecs")
    hook = {"hookId": "ecs-pause-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}
    waits = {**BRIEF, "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT", "lifecycleHookDetails": [hook]}
    ecs.add_response("list_service_deployments", {"serviceDeployments": [BRIEF]})
    ecs.add_response("describe_service_deployments", {"serviceDeployments": [waits]})
    ecs.add_client_error("describe_service_revisions", "InvalidParameterException")  # the release goes by its revision
    answer = {"serviceDeploymentArn": ARN, "hookId": "ecs-pause-1", "action": "CONTINUE"}
    ecs.add_response("continue_service_deployment", {"serviceDeploymentArn": ARN}, answer)
    assert run(["promote", ECS_TARGET]) == 0
    ecs.assert_no_pending_responses()
    assert capsys.readouterr().out.startswith("pause hook ecs-pause-1 of deployment abc was answered with CONTINUE")
