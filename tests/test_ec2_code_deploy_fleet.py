"""Ec2BlueGreenFleet that AWS CodeDeploy deploys to: every property that the walk-through names, and what stays away."""

from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Template

from bluegreen_constructs import AlarmGuardrail, CodeDeploy, Ec2BlueGreenFleet, Ingress, MinimumHealthy, Scaling
from bluegreen_constructs.engine.errors import ConfigurationError
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


def alarms_in(stack: cdk.Stack, many: int) -> list[cloudwatch.IAlarm]:
    """So many alarms, which are there already."""
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:Model"
    return [cloudwatch.Alarm.from_alarm_arn(stack, f"Alarm{n}", f"{arn}-{n}") for n in range(many)]


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
    _, found = deployed(CodeDeploy(configuration=healthy), scaling=Scaling(min=4))
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
            "Alarms": [{"Name": "Serving/Model/HealthyInstances"}, {"Name": "Model-5xx"}],
        }


def test_the_alarm_that_counts_instances_is_one_of_both_groups_without_being_given() -> None:
    ((name, alarm),) = resources(plain(), "AWS::CloudWatch::Alarm").items()
    for group in by_side(plain()).values():
        assert group["AutoRollbackConfiguration"]["Events"][1] == "DEPLOYMENT_STOP_ON_ALARM"
        assert group["AlarmConfiguration"] == {
            "Enabled": True,
            "IgnorePollAlarmFailure": False,
            "Alarms": [{"Name": "Serving/Model/HealthyInstances"}],
        }
    assert alarm["Properties"]["AlarmName"] == "Serving/Model/HealthyInstances"
    assert {name} == {one for group in resources(plain(), GROUP).values() for one in group["DependsOn"]}


def test_it_goes_off_below_the_number_of_instances_of_a_side_and_when_nothing_is_registered() -> None:
    _, found = deployed(scaling=Scaling(min=4))
    (alarm,) = (one["Properties"] for one in resources(found, "AWS::CloudWatch::Alarm").values())
    assert (alarm["MetricName"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "HealthyHostCount",
        "LessThanThreshold",
        4,
    )
    # Each node of the load balancer counts for itself; with nothing registered there is no data.
    assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Maximum", "breaching")
    ((group, _),) = resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup").items()
    ((balancer, _),) = resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer").items()
    assert {one["Name"]: one["Value"]["Fn::GetAtt"] for one in alarm["Dimensions"]} == {
        "TargetGroup": [group, "TargetGroupFullName"],
        "LoadBalancer": [balancer, "LoadBalancerFullName"],
    }


def test_operators_know_the_number_and_the_alarm_that_counts() -> None:
    settings = settings_in(deployed(scaling=Scaling(min=4))[1])
    assert settings.codedeploy is not None
    assert (settings.codedeploy.size, settings.codedeploy.size_alarm) == (4, "Serving/Model/HealthyInstances")
    assert [one.name for one in settings.guardrails] == ["alarm Serving/Model/HealthyInstances"]


def test_where_no_alarm_takes_a_deployment_back_it_still_rings_and_judges_none() -> None:
    _, found = deployed(CodeDeploy(rollback_on=["failure"]))
    assert len(resources(found, "AWS::CloudWatch::Alarm")) == 1
    for group in by_side(found).values():
        assert group["AlarmConfiguration"]["Enabled"] is False
    settings = settings_in(found)
    assert settings.codedeploy is not None
    assert settings.codedeploy.size_alarm == ""


def test_an_alarm_that_is_asked_for_is_there_without_one_of_your_own() -> None:
    _, found = deployed(CodeDeploy(rollback_on=["alarm"]))
    for group in by_side(found).values():
        assert group["AutoRollbackConfiguration"]["Events"] == ["DEPLOYMENT_STOP_ON_ALARM"]


def test_an_alarm_that_is_given_twice_counts_once() -> None:
    stack = new_stack()
    alarm = alarms_in(stack, 1)[0]
    fleet(stack, instances=under_code_deploy(stack), controller=CodeDeploy(), guardrails=[AlarmGuardrail(alarm)] * 2)
    for group in by_side(Template.from_stack(stack)).values():
        assert [one["Name"] for one in group["AlarmConfiguration"]["Alarms"]] == [
            "Serving/Model/HealthyInstances",
            "Model-0",
        ]


def test_codedeploy_takes_ten_alarms_with_the_built_in_one() -> None:
    stack = new_stack()
    guardrails = [AlarmGuardrail(alarm) for alarm in alarms_in(stack, 9)]
    fleet(stack, instances=under_code_deploy(stack), controller=CodeDeploy(), guardrails=guardrails)
    for group in by_side(Template.from_stack(stack)).values():
        assert len(group["AlarmConfiguration"]["Alarms"]) == 10


def test_an_eleventh_alarm_is_refused_with_what_is_built_in() -> None:
    stack = new_stack()
    guardrails = [AlarmGuardrail(alarm) for alarm in alarms_in(stack, 10)]
    with pytest.raises(ConfigurationError) as raised:
        fleet(stack, instances=under_code_deploy(stack), controller=CodeDeploy(), guardrails=guardrails)
    assert str(raised.value) == (
        "Serving/Model has 11 alarms, 1 built in and 10 given, and CodeDeploy takes at most 10: give at most 9 "
        "AlarmGuardrail, or leave 'alarm' out of CodeDeploy rollback_on"
    )


def test_any_number_of_alarms_may_ring_where_none_judges() -> None:
    stack = new_stack()
    guardrails = [AlarmGuardrail(alarm) for alarm in alarms_in(stack, 10)]
    controller = CodeDeploy(rollback_on=["failure"])
    fleet(stack, instances=under_code_deploy(stack), controller=controller, guardrails=guardrails)


def test_auto_scaling_ends_no_instance_that_may_serve() -> None:
    """Neither to balance zones nor for a lower number: it would not deregister it before."""
    groups = resources(plain(), "AWS::AutoScaling::AutoScalingGroup").values()
    assert [one["Properties"]["NewInstancesProtectedFromScaleIn"] for one in groups] == [True, True]


def test_the_engine_ends_instances_itself_so_that_its_own_are_not_protected() -> None:
    stack = new_stack()
    fleet(stack)
    for one in resources(Template.from_stack(stack), "AWS::AutoScaling::AutoScalingGroup").values():
        assert "NewInstancesProtectedFromScaleIn" not in one["Properties"]


def test_where_the_former_instances_stay_there_is_no_bake() -> None:
    assert settings_in(guarded()).bake == timedelta()
    assert settings_in(plain()).bake == timedelta(minutes=5)


def test_no_bake_can_be_asked_for_where_the_former_instances_stay() -> None:
    _, found = deployed(CodeDeploy(terminate=False), bake=timedelta())
    assert settings_in(found).bake == timedelta()


@pytest.mark.parametrize(
    ("configuration", "size"),
    [
        (MinimumHealthy(percent=75), 4),
        (MinimumHealthy(percent=1), 2),
        (MinimumHealthy(percent=99), 100),
        (MinimumHealthy(count=3), 4),
        ("HalfAtATime", 2),
        ("HalfAtATime", 3),
        ("OneAtATime", 1),
        (None, 1),
        ("AllAtOnce", 1),
    ],
)
def test_a_minimum_that_leaves_an_instance_to_deploy_to_is_taken(configuration: object, size: int) -> None:
    _, found = deployed(CodeDeploy(configuration=configuration), scaling=Scaling(min=size))  # type: ignore[arg-type]
    assert len(by_side(found)) == 2


@pytest.mark.parametrize(("events", "said"), [(["failure"], ["DEPLOYMENT_FAILURE"]), ([], [])])
def test_events_that_are_left_out_take_nothing_back(events: list, said: list[str]) -> None:
    _, found = deployed(CodeDeploy(rollback_on=events))
    for group in by_side(found).values():
        assert group["AutoRollbackConfiguration"] == {"Enabled": bool(said), "Events": said}


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


def test_users_reach_it_where_the_load_balancer_answers() -> None:
    made, found = deployed()
    (balancer,) = resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    name = {"Fn::GetAtt": [balancer, "DNSName"]}
    outputs = {one["Description"]: one["Value"] for one in found.find_outputs("*").values()}
    assert outputs["the load balancer's own name"] == name
    assert outputs["where users reach the service"] == {"Fn::Join": ["", ["http://", name]]}
    assert cdk.Stack.of(made).resolve(made.url) == outputs["where users reach the service"]


def test_users_reach_it_by_the_host_that_the_ingress_names() -> None:
    made, _ = deployed(ingress=Ingress(host="predict.example.com", internet_facing=False))
    assert made.url == "http://predict.example.com"


def test_the_application_can_have_a_name() -> None:
    (application,) = resources(guarded(), "AWS::CodeDeploy::Application").values()
    assert application["Properties"]["ApplicationName"] == "models"
