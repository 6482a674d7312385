"""How long the clients take and how often they try, which decides whether a write can be repeated unseen."""

import pytest

from bluegreen_constructs.engine.aws import clients

PATIENT = [
    (clients.elbv2, "elbv2"),
    (clients.cloudwatch, "cloudwatch"),
    (clients.dynamodb, "dynamodb"),
    (clients.ecs, "ecs"),
    (clients.service_deployments, "ecs"),
    (clients.verdict_metric, "cloudwatch"),
    (clients.ecs_scaling, "application-autoscaling"),
    (clients.auto_scaling, "autoscaling"),
    (clients.eventbridge, "events"),
    (clients.step_functions, "sfn"),
    (clients.ssm, "ssm"),
    (clients.one_off_tasks, "ecs"),
    (clients.s3, "s3"),
    (clients.code_deployments, "codedeploy"),
    (clients.target_health, "elbv2"),
    (clients.instances, "ec2"),
    (clients.stored_objects, "s3"),
    (clients.ecr_images, "ecr"),
    (clients.code_builds, "codebuild"),
    (clients.code_repositories, "codecommit"),
]


@pytest.mark.parametrize(("make", "service"), PATIENT)
def test_a_client_tries_three_times_and_ends_within_what_it_says(make, service: str) -> None:
    client = make()
    config = client.meta.config
    assert client.meta.service_model.service_name in {service, "stepfunctions"}
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    tries = 3 * (config.connect_timeout + config.read_timeout)
    assert tries < clients.SECONDS_PER_CALL <= tries + 10


def test_a_weight_is_written_in_one_try_that_ends_within_eight_seconds() -> None:
    config = clients.elbv2_writes().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert (config.connect_timeout, config.read_timeout) == (3, 5)
    assert clients.SECONDS_PER_WRITE == 8


def test_a_hook_is_invoked_once_and_waited_for() -> None:
    config = clients.lambda_hooks().meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert config.read_timeout == clients.HOOK_SECONDS
