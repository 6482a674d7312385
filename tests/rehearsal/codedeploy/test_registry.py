"""What is kept of applications, groups and configurations, and what is refused."""

from collections.abc import Callable

import pytest

from bluegreen_constructs.rehearsal.codedeploy.refusals import RefusedError
from bluegreen_constructs.rehearsal.codedeploy.registry import Json, Registry
from bluegreen_constructs.rehearsal.codedeploy.traffic_routing import canary

GROUP: Json = {
    "applicationName": "web",
    "deploymentGroupName": "all",
    "serviceRoleArn": "arn:role",
    "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    "ecsServices": [{"clusterName": "c", "serviceName": "web"}],
    "loadBalancerInfo": {
        "targetGroupPairInfoList": [
            {
                "targetGroups": [{"name": "blue"}, {"name": "green"}],
                "prodTrafficRoute": {"listenerArns": ["arn:listener"]},
            }
        ]
    },
}


def registry(controller: str = "CODE_DEPLOY") -> Registry:
    service = {"deploymentController": {"type": controller}}
    made = Registry(now=lambda: 0.0, find_service=lambda _, name: service if name == "web" else None)
    made.create_application({"applicationName": "web", "computePlatform": "ECS"})
    return made


def test_a_group_gets_the_default_of_its_platform_and_keeps_what_it_was_given() -> None:
    made = registry()
    made.create_group(GROUP)
    group = made.group("web", "all")
    assert (group["deploymentConfigName"], group["computePlatform"]) == ("CodeDeployDefault.ECSAllAtOnce", "ECS")
    assert group["serviceRoleArn"] == "arn:role"
    made.update_group("web", "all", {"serviceRoleArn": "arn:other", "deploymentConfigName": None})
    updated = made.group("web", "all")
    assert (updated["serviceRoleArn"], updated["deploymentConfigName"]) == ("arn:other", group["deploymentConfigName"])
    replaced = made.replace_group("web", "all", {**GROUP, "serviceRoleArn": "arn:third"})
    assert (replaced["serviceRoleArn"], replaced["deploymentGroupId"]) == ("arn:third", group["deploymentGroupId"])


def test_groups_of_instances_are_kept_without_a_look() -> None:
    made = registry()
    made.create_application({"applicationName": "fleet"})
    made.create_group({"applicationName": "fleet", "deploymentGroupName": "Blue", "serviceRoleArn": "arn:role"})
    assert made.group("fleet", "Blue")["deploymentConfigName"] == "CodeDeployDefault.OneAtATime"
    assert (made.applications(), made.groups("fleet")) == (["fleet", "web"], ["Blue"])
    made.delete_application("fleet")
    assert made.applications() == ["web"]


def test_a_configuration_in_use_is_not_deleted() -> None:
    made = registry()
    shift = {"deploymentConfigName": "slow", "computePlatform": "ECS", "trafficRoutingConfig": canary(5, 20)}
    made.create_configuration(shift)
    made.create_group({**GROUP, "deploymentConfigName": "slow"})
    with pytest.raises(RefusedError, match="in use by all"):
        made.delete_configuration("slow")
    made.delete_group("web", "all")
    made.delete_configuration("slow")
    with pytest.raises(RefusedError, match="No deployment configuration found for name: slow"):
        made.configuration("slow")


def with_keep_alive() -> Json:
    ends = {"terminateBlueInstancesOnDeploymentSuccess": {"action": "KEEP_ALIVE"}}
    return {**GROUP, "blueGreenDeploymentConfiguration": ends}


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (lambda it: it.create_application({"applicationName": "web"}), "ApplicationAlreadyExistsException"),
        (lambda it: it.create_application({}), "ApplicationNameRequiredException"),
        (lambda it: it.create_application({"applicationName": "x", "computePlatform": "EKS"}), "InvalidCompute"),
        (lambda it: it.application("none"), "ApplicationDoesNotExistException"),
        (lambda it: it.group("web", "none"), "DeploymentGroupDoesNotExistException"),
        (lambda it: it.create_group({**GROUP, "serviceRoleArn": ""}), "RoleRequiredException"),
        (lambda it: it.create_group({**GROUP, "deploymentStyle": {}}), "InvalidDeploymentStyleException"),
        (lambda it: it.create_group(with_keep_alive()), "InvalidBlueGreenDeploymentConfigurationException"),
        (lambda it: it.create_group({**GROUP, "deploymentConfigName": "none"}), "DeploymentConfigDoesNotExist"),
        (lambda it: [it.create_group(GROUP), it.create_group(GROUP)], "DeploymentGroupAlreadyExistsException"),
        (lambda it: it.create_configuration({"deploymentConfigName": "CodeDeployDefault.AllAtOnce"}), "ConfigAlready"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_the_name_of_the_error(refused: Callable[[Registry], object], code: str) -> None:
    with pytest.raises(RefusedError) as error:
        refused(registry())
    assert code in error.value.code


@pytest.mark.parametrize("controller", ["ECS", "EXTERNAL"])
def test_a_service_that_codedeploy_does_not_control_is_refused(controller: str) -> None:
    with pytest.raises(RefusedError, match="must be configured for a CODE_DEPLOY deployment controller"):
        registry(controller).create_group(GROUP)
