"""The declarations that handlers' policies are made of: real actions, known kinds, no more than is needed."""

from typing import get_args

import botocore.session
import pytest

from bluegreen_constructs.engine.aws.handler_needs import NEEDS
from bluegreen_constructs.engine.aws.resource_kinds import Kind

# The services whose API is not called what IAM calls it; iam:PassRole is a permission without an operation.
_SERVICES = {"elasticloadbalancing": "elbv2", "states": "stepfunctions"}
_OPERATIONS = {"lambda:InvokeFunction": "lambda:Invoke"}
_NO_OPERATION = {"iam:PassRole"}
_BOTOCORE = botocore.session.get_session()

ALL = [(handler, action) for handler, needs in NEEDS.items() for actions in needs for action in actions]


def allowed(handler: str) -> set[str]:
    return {action for one, action in ALL if one == handler}


@pytest.mark.parametrize("action", sorted({action for _, action in ALL} - _NO_OPERATION))
def test_every_action_is_an_operation_that_aws_has(action: str) -> None:
    service, operation = _OPERATIONS.get(action, action).split(":")
    model = _BOTOCORE.get_service_model(_SERVICES.get(service, service))
    assert operation in model.operation_names


def test_every_kind_of_resource_is_a_known_one_and_each_is_used() -> None:
    kinds = {kind for needs in NEEDS.values() for actions in needs for some in actions.values() for kind in some}
    assert kinds == set(get_args(Kind))


def test_each_handler_of_the_engine_has_its_needs() -> None:
    of_code_deploy = {"code_deploy_hook", "code_deployment_resource"}
    known = {
        "start",
        "tick",
        "alarm",
        "ecs_judge",
        "migration",
        "replay",
        "slots_resource",
        "bootstrap_image",
        "repository_seed",
    }
    assert set(NEEDS) == known | of_code_deploy


def test_the_functions_of_code_deploy_move_no_traffic_themselves_and_change_no_service() -> None:
    services = {action.split(":")[0] for action in allowed("code_deploy_hook")}
    assert services == {"codedeploy", "lambda"}
    updates = allowed("code_deployment_resource")
    assert {action for action in updates if not action.startswith("codedeploy:")} == {
        "ecs:DescribeServices",
        "lambda:InvokeFunction",
    }


def test_start_and_alarm_change_no_compute_and_invoke_nothing() -> None:
    for handler in ("start", "alarm"):
        services = {action.split(":")[0] for action in allowed(handler)}
        assert not services & {"ecs", "autoscaling", "application-autoscaling", "ec2", "iam", "lambda"}


def test_start_writes_no_rule_and_starts_nothing() -> None:
    assert not allowed("start") & {"elasticloadbalancing:ModifyRule", "states:StartExecution", "states:StopExecution"}


def test_what_a_stacks_events_do_to_slots_moves_no_traffic() -> None:
    actions = allowed("slots_resource")
    assert not {action for action in actions if action.startswith(("elasticloadbalancing:", "lambda:"))}


def test_alarm_can_abort() -> None:
    abort = {"DescribeTags", "DescribeTargetHealth", "ModifyRule", "AddTags"}
    assert {f"elasticloadbalancing:{call}" for call in abort} <= allowed("alarm")
    assert {"states:StartExecution", "states:StopExecution", "dynamodb:PutItem"} <= allowed("alarm")


def test_alarm_deletes_nothing_and_reads_no_history() -> None:
    assert not allowed("alarm") & {"dynamodb:DeleteItem", "dynamodb:Query"}


def test_the_judge_moves_no_traffic_answers_no_pause_and_deploys_nothing() -> None:
    services = {action.split(":")[0] for action in allowed("ecs_judge")}
    assert services == {"ssm", "dynamodb", "elasticloadbalancing", "cloudwatch", "ecs", "events"}
    reads = {"ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition"}
    assert {one for one in allowed("ecs_judge") if one.startswith("ecs:")} == {*reads, "ecs:StopServiceDeployment"}
    assert {one for one in allowed("ecs_judge") if one.startswith("elastic")} == {"elasticloadbalancing:DescribeRules"}
