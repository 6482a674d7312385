"""What of a service that AWS CodeDeploy deploys can be changed without it."""

import pytest

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.rehearsal.ecs.task_set_updates import check_creation, check_update

BALANCER = {"targetGroupArn": "arn:blue", "containerName": "app", "containerPort": 8080}
SERVICE = {
    "taskDefinition": "td:1",
    "loadBalancers": [BALANCER],
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
    "platformVersion": "",
    "desiredCount": 1,
}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"taskDefinition": "td:2"}, "task definition"),
        ({"networkConfiguration": {}}, "network parameters"),
        ({"loadBalancers": [{**BALANCER, "targetGroupArn": "arn:green"}]}, "load balancers"),
        ({"platformVersion": "1.4.0"}, "platform version"),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, "capacity provider strategy"),
        ({"serviceConnectConfiguration": {"enabled": True}}, "Service Connect configuration"),
    ],
)
def test_what_codedeploy_controls_is_refused_in_ecs_words(request_: dict[str, object], words: str) -> None:
    sentence = (
        f"Unable to update {words} on services with a CODE_DEPLOY deployment controller. "
        r"Use AWS CodeDeploy to trigger a new deployment\."
    )
    with pytest.raises(ConfigurationError, match=sentence):
        check_update(SERVICE, request_)


def test_a_forced_deployment_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Cannot force a new deployment on services with a CODE_DEPLOY"):
        check_update(SERVICE, {"forceNewDeployment": True})
    check_update(SERVICE, {"forceNewDeployment": False})


def test_what_is_not_codedeploys_and_what_is_the_same_goes_through() -> None:
    check_update(SERVICE, {"desiredCount": 3, "healthCheckGracePeriodSeconds": 60, "propagateTags": "SERVICE"})
    check_update(SERVICE, {**SERVICE, "platformVersion": None, "serviceRegistries": []})


@pytest.mark.parametrize(
    ("balancers", "sentence"),
    [
        ([], "exactly one load balancer with a target group; 0 were given"),
        ([BALANCER, BALANCER], "2 were given"),
        ([{**BALANCER, "advancedConfiguration": {"alternateTargetGroupArn": "arn:green"}}], "advancedConfiguration"),
    ],
)  # fmt: skip
def test_a_service_that_codedeploy_could_never_deploy_is_refused(balancers: list[object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        check_creation({"loadBalancers": balancers})
    check_creation(SERVICE)
