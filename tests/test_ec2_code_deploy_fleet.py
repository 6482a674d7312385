"""Ec2BlueGreenFleet that AWS CodeDeploy deploys to: every property that the walk-through names, and what stays away."""

from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Template

from bluegreen_constructs import AlarmGuardrail, CodeDeploy, Ec2BlueGreenFleet, MinimumHealthy
from tests.canary_service import new_stack, resources, settings_in
from tests.fleet import fleet, under_code_deploy

GROUP = "AWS::CodeDeploy::DeploymentGroup"


def deployed(controller: CodeDeploy | None = None, **options: object) -> tuple[Ec2BlueGreenFleet, Template]:
    stack = new_stack()
    options.setdefault("bake", timedelta(minutes=5))
    made = fleet(stack, instances=under_code_deploy(stack), controller=controller or CodeDeploy(), **options)
    return made, Template.from_stack(stack)


@cache
def plain() -> Template:
    return deployed()[1]


@cache
def guarded() -> Template:
    """With an approval, an alarm, and instances that are kept."""
    stack = new_stack()
    alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Alarm", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:Model-5xx")
    fleet(
        stack,
        instances=under_code_deploy(stack),
        controller=CodeDeploy(
            approval=timedelta(minutes=30), configuration="HalfAtATime", terminate=False, application="models"
        ),
        guardrails=[AlarmGuardrail(alarm)],
    )
    return Template.from_stack(stack)


def by_side(of: Template) -> dict[str, dict]:
    """The deployment groups, by the side whose instances they replace."""
    found = {}
    for group in resources(of, GROUP).values():
        sets = group["Properties"]["Ec2TagSet"]["Ec2TagSetList"]
        tags = {one["Ec2TagGroup"][0]["Key"]: one["Ec2TagGroup"][0]["Value"] for one in sets}
        assert tags["bluegreen:fleet"] == "Serving/Model"
        found[tags["bluegreen:side"]] = group["Properties"]
    return found


def test_the_application_is_for_servers_and_each_side_has_a_deployment_group_of_it() -> None:
    ((name, application),) = resources(plain(), "AWS::CodeDeploy::Application").items()
    assert application["Properties"] == {"ComputePlatform": "Server"}
    assert set(by_side(plain())) == {"blue", "green"}
    for group in by_side(plain()).values():
        assert group["ApplicationName"] == {"Ref": name}


def test_deployments_replace_one_side_by_the_other_and_move_the_traffic() -> None:
    for group in by_side(plain()).values():
        assert group["DeploymentStyle"] == {
            "DeploymentType": "BLUE_GREEN",
            "DeploymentOption": "WITH_TRAFFIC_CONTROL",
        }
        assert group["BlueGreenDeploymentConfiguration"] == {
            "DeploymentReadyOption": {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0},
            "GreenFleetProvisioningOption": {"Action": "DISCOVER_EXISTING"},
            "TerminateBlueInstancesOnDeploymentSuccess": {"Action": "TERMINATE", "TerminationWaitTimeInMinutes": 5},
        }
        assert "AutoScalingGroups" not in group


def test_one_instance_at_a_time_unless_told_otherwise() -> None:
    assert {one["DeploymentConfigName"] for one in by_side(plain()).values()} == {"CodeDeployDefault.OneAtATime"}
    assert {one["DeploymentConfigName"] for one in by_side(guarded()).values()} == {"CodeDeployDefault.HalfAtATime"}


@pytest.mark.parametrize(
    ("healthy", "said"),
    [
        (MinimumHealthy(count=1), {"Type": "HOST_COUNT", "Value": 1}),
        (MinimumHealthy(percent=75), {"Type": "FLEET_PERCENT", "Value": 75}),
    ],
)
def test_a_configuration_of_ones_own_is_made(healthy: MinimumHealthy, said: dict[str, object]) -> None:
    _, found = deployed(CodeDeploy(configuration=healthy))
    ((name, made),) = resources(found, "AWS::CodeDeploy::DeploymentConfig").items()
    assert made["Properties"] == {"ComputePlatform": "Server", "MinimumHealthyHosts": said}
    assert {str(one["DeploymentConfigName"]) for one in by_side(found).values()} == {str({"Ref": name})}


def test_an_approval_stops_the_deployment_when_its_time_is_over() -> None:
    for group in by_side(guarded()).values():
        ready = group["BlueGreenDeploymentConfiguration"]["DeploymentReadyOption"]
        assert ready == {"ActionOnTimeout": "STOP_DEPLOYMENT", "WaitTimeInMinutes": 30}


def test_the_former_instances_can_be_kept() -> None:
    for group in by_side(guarded()).values():
        ended = group["BlueGreenDeploymentConfiguration"]["TerminateBlueInstancesOnDeploymentSuccess"]
        assert ended == {"Action": "KEEP_ALIVE"}


def test_failures_requests_and_alarms_take_a_deployment_back() -> None:
    for group in by_side(guarded()).values():
        assert group["AutoRollbackConfiguration"] == {
            "Enabled": True,
            "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        }
        assert group["AlarmConfiguration"] == {
            "Enabled": True,
            "IgnorePollAlarmFailure": False,
            "Alarms": [{"Name": "Model-5xx"}],
        }


def test_without_an_alarm_none_is_waited_for() -> None:
    for group in by_side(plain()).values():
        assert group["AutoRollbackConfiguration"]["Events"] == ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"]
        assert group["AlarmConfiguration"]["Enabled"] is False


def test_instances_move_in_and_out_of_one_target_group_and_the_rule_never_changes() -> None:
    ((name, _),) = resources(plain(), "AWS::ElasticLoadBalancingV2::TargetGroup").items()
    for group in by_side(plain()).values():
        (info,) = group["LoadBalancerInfo"]["TargetGroupInfoList"]
        assert info == {"Name": {"Fn::GetAtt": [name, "TargetGroupName"]}}
    (rule,) = resources(plain(), "AWS::ElasticLoadBalancingV2::ListenerRule").values()
    assert [one["TargetGroupArn"] for one in rule["Properties"]["Actions"]] == [{"Ref": name}]
    for one in resources(plain(), "AWS::AutoScaling::AutoScalingGroup").values():
        assert "TargetGroupARNs" not in one["Properties"]
    assert not resources(plain(), "Custom::TrafficRule")


def test_instances_boot_with_the_agent_and_may_read_revisions() -> None:
    for one in resources(plain(), "AWS::EC2::LaunchTemplate").values():
        assert "codedeploy-agent" in str(one["Properties"]["LaunchTemplateData"]["UserData"])
    (policy,) = (
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in resources(plain(), "AWS::IAM::Policy").items()
        if "InstanceRole" in name
    )
    (statement,) = policy
    assert statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    assert "*" not in statement["Resource"]


def test_the_service_role_has_the_one_managed_policy_that_aws_has_for_servers() -> None:
    (role,) = (one for name, one in resources(plain(), "AWS::IAM::Role").items() if "CodeDeployRole" in name)
    assert role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {
        "Service": "codedeploy.amazonaws.com"
    }
    (managed,) = role["Properties"]["ManagedPolicyArns"]
    assert managed["Fn::Join"][1][-1] == ":iam::aws:policy/service-role/AWSCodeDeployRole"


def test_operators_and_pipelines_find_application_and_groups() -> None:
    made, found = deployed()
    stack = cdk.Stack.of(made)
    assert stack.resolve(made.code_deploy_application) in [
        one["Value"] for name, one in found.find_outputs("*").items() if "CodeDeployApplication" in name
    ]
    assert set(made.deployment_groups) == {"blue", "green"}
    settings = settings_in(found)
    assert (settings.controller, settings.is_judged) == ("codedeploy", False)
    assert settings.codedeploy is not None
    assert settings.codedeploy.platform == "Server"
    assert (settings.codedeploy.bucket, settings.codedeploy.prefix) == ("releases-of-ours", "releases/")
    assert {settings.codedeploy.group, settings.codedeploy.other_group} == {
        f"<{name}>" for name in resources(found, GROUP)
    }


def test_the_application_can_have_a_name() -> None:
    (application,) = resources(guarded(), "AWS::CodeDeploy::Application").values()
    assert application["Properties"]["ApplicationName"] == "models"
