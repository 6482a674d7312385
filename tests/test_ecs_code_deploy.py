"""EcsBlueGreenService(controller=CodeDeploy(...)): what walk-throughs of CodeDeploy with Amazon ECS set up by hand."""

import json
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AllAtOnce,
    Canary,
    CodeDeploy,
    EcsBlueGreenService,
    HttpSmokeTest,
    LambdaHook,
    Linear,
    Scaling,
    Tasks,
)
from bluegreen_constructs.engine.app_spec import task_definition_in
from bluegreen_constructs.engine.code_deploy_hook import HOOKS, EventHooks
from bluegreen_constructs.engine.settings_codec import settings_from_dict
from bluegreen_constructs.engine.strategy import Strategy
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings
from tests.blue_green_service import container, network, new_stack, only, resources, service, shared, template
from tests.code_deploy_service import (
    FUNCTION_ARN,
    INTERNAL,
    TESTS,
    TOPIC_ARN,
    checking,
    deployed,
    everything_on,
    full,
)

MINUTES = timedelta(minutes=1)
GROUP = "AWS::CodeDeploy::DeploymentGroup"
CONFIGURATION = "AWS::CodeDeploy::DeploymentConfig"
UPDATE = "Custom::CodeDeployDeployment"


def properties(found: Template, type: str) -> dict:
    return only(resources(found, type))["Properties"]


def group(**options: object) -> dict:
    return properties(template(deployed(**options)), GROUP)


def name_of(found: Template, type: str) -> str:
    (name,) = resources(found, type)
    return name


def statements(found: Template, part: str) -> dict[str, dict]:
    """Of the role whose logical id has this part, by name."""
    (role,) = (one for name, one in resources(found, "AWS::IAM::Role").items() if part in name)
    (policy,) = role["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


class TestService:
    """Steps 1, 2 and 3 of the walk-through on Fargate, step 6 of the one on a pipeline: cluster, tasks, service."""

    def test_its_controller_is_codedeploy(self) -> None:
        assert properties(full(), "AWS::ECS::Service")["DeploymentController"] == {"Type": "CODE_DEPLOY"}

    def test_it_names_the_family_so_that_no_release_changes_it(self) -> None:
        found = properties(full(), "AWS::ECS::Service")
        assert found["TaskDefinition"] == properties(full(), "AWS::ECS::TaskDefinition")["Family"]
        assert isinstance(found["TaskDefinition"], str)

    def test_the_family_is_the_targets_own_in_each_environment(self) -> None:
        assert properties(full(), "AWS::ECS::TaskDefinition")["Family"] == "Stack-Inference"

    def test_it_says_nothing_that_a_rollout_or_a_scaling_changes(self) -> None:
        assert set(properties(full(), "AWS::ECS::Service")) == {
            "Cluster",
            "DeploymentController",
            "EnableECSManagedTags",
            "EnableExecuteCommand",
            "HealthCheckGracePeriodSeconds",
            "LaunchType",
            "LoadBalancers",
            "NetworkConfiguration",
            "PropagateTags",
            "TaskDefinition",
        }

    def test_it_starts_in_blue_on_fargate_with_the_containers_port(self) -> None:
        found = properties(full(), "AWS::ECS::Service")
        blue = next(name for name in resources(full(), "AWS::ElasticLoadBalancingV2::TargetGroup") if "Blue" in name)
        balancer = {"ContainerName": "Inference", "ContainerPort": 8080, "TargetGroupArn": {"Ref": blue}}
        assert found["LoadBalancers"] == [balancer]
        assert found["LaunchType"] == "FARGATE"

    def test_it_waits_for_its_first_revision_and_the_live_rule_and_for_nothing_that_comes_and_goes(self) -> None:
        found = only(resources(full(), "AWS::ECS::Service"))
        rule = next(name for name in resources(full(), "Custom::TrafficRule") if "Production" in name)
        assert found["DependsOn"] == [rule, name_of(full(), "AWS::ECS::TaskDefinition")]

    def test_the_roles_policies_are_there_before_the_task_definition(self) -> None:
        waits = only(resources(full(), "AWS::ECS::TaskDefinition"))["DependsOn"]
        assert [one for one in waits if "DefaultPolicy" in one]

    def test_former_revisions_are_kept_so_that_one_can_go_back_to_them(self) -> None:
        found = only(resources(full(), "AWS::ECS::TaskDefinition"))
        assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("Retain", "Retain")

    def test_how_many_tasks_run_is_said_by_application_auto_scaling_also_when_their_number_stays(self) -> None:
        target = properties(template(deployed(scaling=Scaling(min=3))), "AWS::ApplicationAutoScaling::ScalableTarget")
        assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 3)
        moving = properties(full(), "AWS::ApplicationAutoScaling::ScalableTarget")
        assert (moving["MinCapacity"], moving["MaxCapacity"]) == (2, 20)
        full().resource_count_is("AWS::ApplicationAutoScaling::ScalingPolicy", 1)

    def test_a_shell_can_be_opened_in_its_tasks(self) -> None:
        found = properties(template(deployed(tasks=Tasks(execute_command=True))), "AWS::ECS::Service")
        assert found["EnableExecuteCommand"] is True


class TestRoutes:
    """Step 5 of the walk-through on a pipeline: the load balancer, its listeners, the target groups."""

    def test_both_listeners_answer_404_and_each_has_a_rule_between_both_groups(self) -> None:
        listeners = resources(full(), "AWS::ElasticLoadBalancingV2::Listener")
        kinds = sorted(one["Properties"]["DefaultActions"][0]["Type"] for one in listeners.values())
        assert kinds == ["fixed-response", "fixed-response", "redirect"]
        rules = [one["Properties"] for one in resources(full(), "Custom::TrafficRule").values()]
        assert len({json.dumps(rule["ListenerArn"]) for rule in rules}) == 2
        groups = set(resources(full(), "AWS::ElasticLoadBalancingV2::TargetGroup"))
        for rule in rules:
            assert {rule["Blue"]["Ref"], rule["Green"]["Ref"]} == groups
            assert rule["InitialCandidateWeight"] == 0

    def test_without_a_test_route_there_is_neither_a_second_listener_nor_a_second_rule(self) -> None:
        made = deployed()
        found = template(made)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::Listener", 1)
        found.resource_count_is("Custom::TrafficRule", 1)
        assert (made.test_rule, made.test_url, made.test_header) == (None, None, None)
        assert "TestTrafficRoute" not in properties(found, GROUP)["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]


class TestDeploymentGroup:
    """Steps 4, 5 and 6 of the walk-through on Fargate, step 7 of the one on a pipeline."""

    def test_the_application_is_one_of_amazon_ecs(self) -> None:
        assert properties(full(), "AWS::CodeDeploy::Application") == {
            "ComputePlatform": "ECS",
            "ApplicationName": "inference",
        }
        assert properties(template(deployed()), "AWS::CodeDeploy::Application") == {"ComputePlatform": "ECS"}

    def test_it_deploys_blue_green_with_traffic_control(self) -> None:
        style = {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"}
        assert properties(full(), GROUP)["DeploymentStyle"] == style

    def test_it_names_the_cluster_and_the_service(self) -> None:
        service_name = {"Fn::GetAtt": [name_of(full(), "AWS::ECS::Service"), "Name"]}
        cluster = {"Ref": name_of(full(), "AWS::ECS::Cluster")}
        assert properties(full(), GROUP)["ECSServices"] == [{"ClusterName": cluster, "ServiceName": service_name}]

    def test_it_names_both_target_groups_and_both_listeners(self) -> None:
        (pair,) = properties(full(), GROUP)["LoadBalancerInfo"]["TargetGroupPairInfoList"]
        groups = list(resources(full(), "AWS::ElasticLoadBalancingV2::TargetGroup"))
        assert pair["TargetGroups"] == [
            {"Name": {"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": one}]}]}} for one in groups
        ]
        names = {
            one["Properties"]["Port"]: name
            for name, one in resources(full(), "AWS::ElasticLoadBalancingV2::Listener").items()
        }
        assert pair["ProdTrafficRoute"] == {"ListenerArns": [{"Ref": names[443]}]}
        assert pair["TestTrafficRoute"] == {"ListenerArns": [{"Ref": names[9443]}]}

    def test_on_a_listener_that_is_shared_that_one_is_named(self) -> None:
        stack = new_stack()
        made = deployed(stack, ingress=shared(stack))
        (pair,) = properties(template(made), GROUP)["LoadBalancerInfo"]["TargetGroupPairInfoList"]
        assert pair["ProdTrafficRoute"]["ListenerArns"] == [made.listener.listener_arn]

    def test_without_an_approval_traffic_moves_at_once(self) -> None:
        waits = group()["BlueGreenDeploymentConfiguration"]
        option = {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0}
        assert waits["DeploymentReadyOption"] == option

    def test_with_an_approval_the_deployment_waits_and_stops_when_nobody_answers(self) -> None:
        waits = properties(full(), GROUP)["BlueGreenDeploymentConfiguration"]
        assert waits["DeploymentReadyOption"] == {"ActionOnTimeout": "STOP_DEPLOYMENT", "WaitTimeInMinutes": 15}

    @pytest.mark.parametrize("minutes", [0, 10, 2880])
    def test_the_bake_is_how_long_the_former_tasks_stay(self, minutes: int) -> None:
        waits = group(bake=minutes * MINUTES)["BlueGreenDeploymentConfiguration"]
        assert waits["TerminateBlueInstancesOnDeploymentSuccess"] == {
            "Action": "TERMINATE",
            "TerminationWaitTimeInMinutes": minutes,
        }

    def test_failures_alarms_and_requests_take_a_deployment_back(self) -> None:
        assert properties(full(), GROUP)["AutoRollbackConfiguration"] == {
            "Enabled": True,
            "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        }

    def test_the_built_in_alarms_stop_it_also_when_they_cannot_be_read(self) -> None:
        found = only(resources(full(), GROUP))
        names = [f"Stack/Inference/{name}" for name in ("ErrorRate", "Latency", "UnhealthyTargets")]
        assert found["Properties"]["AlarmConfiguration"] == {
            "Enabled": True,
            "IgnorePollAlarmFailure": False,
            "Alarms": [{"Name": name} for name in names],
        }
        assert set(resources(full(), "AWS::CloudWatch::Alarm")) <= set(found["DependsOn"])

    def test_where_alarms_take_nothing_back_none_is_watched(self) -> None:
        found = group(controller=CodeDeploy(rollback_on=["failure", "request", "failure"]))
        assert found["AlarmConfiguration"] == {"Enabled": False, "IgnorePollAlarmFailure": False, "Alarms": []}
        events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"]
        assert found["AutoRollbackConfiguration"] == {"Enabled": True, "Events": events}

    def test_nothing_needs_to_take_it_back(self) -> None:
        assert group(controller=CodeDeploy(rollback_on=[]))["AutoRollbackConfiguration"] == {
            "Enabled": False,
            "Events": [],
        }

    def test_a_topic_hears_of_each_state_and_of_a_deployment_that_waits(self) -> None:
        (trigger,) = properties(full(), GROUP)["TriggerConfigurations"]
        assert trigger["TriggerTargetArn"] == TOPIC_ARN
        assert set(trigger["TriggerEvents"]) == {
            "DeploymentStart",
            "DeploymentReady",
            "DeploymentSuccess",
            "DeploymentFailure",
            "DeploymentStop",
            "DeploymentRollback",
        }
        assert statements(full(), "CodeDeployRole")["TellTopic"]["Resource"] == [TOPIC_ARN]
        assert "TriggerConfigurations" not in group()


class TestStrategies:
    @pytest.mark.parametrize(
        ("strategy", "name"),
        [
            (AllAtOnce(), "CodeDeployDefault.ECSAllAtOnce"),
            (Canary(10, 5 * MINUTES), "CodeDeployDefault.ECSCanary10Percent5Minutes"),
            (Canary(10.0, cdk.Duration.minutes(15)), "CodeDeployDefault.ECSCanary10Percent15Minutes"),
            (Linear(10, 1 * MINUTES), "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"),
            (Linear(10, 3 * MINUTES), "CodeDeployDefault.ECSLinear10PercentEvery3Minutes"),
        ],
    )
    def test_what_codedeploy_has_is_used_by_its_name(self, strategy: Strategy, name: str) -> None:
        found = template(deployed(strategy=strategy))
        assert properties(found, GROUP)["DeploymentConfigName"] == name
        found.resource_count_is(CONFIGURATION, 0)

    @pytest.mark.parametrize(
        ("strategy", "routing"),
        [
            (
                Canary(20, 5 * MINUTES),
                {"Type": "TimeBasedCanary", "TimeBasedCanary": {"CanaryPercentage": 20, "CanaryInterval": 5}},
            ),
            (
                Canary(10, 7 * MINUTES),
                {"Type": "TimeBasedCanary", "TimeBasedCanary": {"CanaryPercentage": 10, "CanaryInterval": 7}},
            ),
            (
                Linear(25, 2 * MINUTES),
                {"Type": "TimeBasedLinear", "TimeBasedLinear": {"LinearPercentage": 25, "LinearInterval": 2}},
            ),
        ],
    )
    def test_what_it_does_not_have_becomes_a_configuration(self, strategy: Strategy, routing: dict) -> None:
        found = template(deployed(strategy=strategy))
        assert properties(found, CONFIGURATION) == {"ComputePlatform": "ECS", "TrafficRoutingConfig": routing}
        assert properties(found, GROUP)["DeploymentConfigName"] == {"Ref": name_of(found, CONFIGURATION)}

    @pytest.mark.parametrize(
        "strategy",
        [
            AllAtOnce(),
            Canary(10, 5 * MINUTES),
            Canary(10, 15 * MINUTES),
            Linear(10, 1 * MINUTES),
            Linear(10, 3 * MINUTES),
        ],
    )
    def test_each_name_is_one_that_the_cdk_knows(self, strategy: Strategy) -> None:
        from aws_cdk import aws_codedeploy as codedeploy  # noqa: PLC0415 - loads long, and is needed here only

        known = {
            getattr(codedeploy.EcsDeploymentConfig, name).deployment_config_name
            for name in ("ALL_AT_ONCE", "CANARY_10_PERCENT_5_MINUTES", "CANARY_10_PERCENT_15_MINUTES")
        } | {
            getattr(codedeploy.EcsDeploymentConfig, name).deployment_config_name
            for name in ("LINEAR_10_PERCENT_EVERY_1_MINUTES", "LINEAR_10_PERCENT_EVERY_3_MINUTES")
        }
        assert group(strategy=strategy)["DeploymentConfigName"] in known


class TestRole:
    """Step 7.2 of the walk-through on a pipeline: the service role, with no more rights than this service needs."""

    def test_codedeploy_takes_it_on(self) -> None:
        (role,) = (one for name, one in resources(full(), "AWS::IAM::Role").items() if "CodeDeployRole" in name)
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "codedeploy.amazonaws.com"}
        assert "ManagedPolicyArns" not in role["Properties"]

    def test_it_may_replace_the_tasks_of_this_service_only(self) -> None:
        for arn in statements(full(), "CodeDeployRole")["ReplaceTasks"]["Resource"]:
            assert {"Fn::GetAtt": [name_of(full(), "AWS::ECS::Service"), "Name"]} in arn["Fn::Join"][1]

    def test_it_may_give_tasks_their_own_roles_and_no_others(self) -> None:
        found = statements(full(), "CodeDeployRole")["GiveTasksTheirRoles"]
        assert found["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        definition = properties(full(), "AWS::ECS::TaskDefinition")
        assert found["Resource"] == [definition["TaskRoleArn"], definition["ExecutionRoleArn"]]

    def test_it_may_move_traffic_on_the_two_listeners_and_their_rules_only(self) -> None:
        found = statements(full(), "CodeDeployRole")["MoveTraffic"]["Resource"]
        rules = [{"Fn::GetAtt": [name, "RuleArn"]} for name in resources(full(), "Custom::TrafficRule")]
        assert [one for one in found if one in rules] == rules
        assert len(found) == 4

    def test_it_may_ask_the_functions_of_the_events_and_no_others(self) -> None:
        asked = statements(full(), "CodeDeployRole")["AskHooks"]["Resource"]
        assert [one["Fn::GetAtt"][0] for one in asked] == [functions()[event] for event in sorted(functions())]
        assert "AskHooks" not in statements(template(deployed()), "CodeDeployRole")

    def test_whatever_it_may_do_everywhere_is_looking(self) -> None:
        for one in statements(full(), "CodeDeployRole").values():
            if one["Resource"] == ["*"]:
                assert all(":Describe" in action for action in one["Action"])


def functions() -> dict[str, str]:
    """The functions of the events, by event."""
    found = resources(full(), "AWS::Lambda::Function")
    return {
        event: next(name for name in found if f"CodeDeploy{event}" in name)
        for event in ("AfterAllowTestTraffic", "AfterAllowTraffic")
    }


def asked_at(event: str) -> EventHooks:
    """What the function of an event is told, with references as their names."""
    variables = resources(full(), "AWS::Lambda::Function")[functions()[event]]["Properties"]["Environment"]["Variables"]
    return EventHooks.from_variable(flat(variables[HOOKS]))


def flat(value: object) -> str:
    """A CloudFormation text with the names of what it refers to in place."""
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        if kind == "Fn::Join":
            return "".join(map(flat, inner[1]))
        return ".".join(inner) if kind == "Fn::GetAtt" else str(inner)
    return str(value)


class TestHooks:
    def test_smoke_tests_and_functions_before_production_traffic_are_asked_in_order(self) -> None:
        hooks = asked_at("AfterAllowTestTraffic")
        assert [one.name for one in hooks.functions] == ["HttpSmokeTest", "Check"]
        assert hooks.functions[1].arn == FUNCTION_ARN
        assert hooks.target == "Stack/Inference"

    def test_functions_of_the_bake_are_asked_once_all_traffic_has_moved_with_their_details_and_time(self) -> None:
        (asked,) = asked_at("AfterAllowTraffic").functions
        assert (asked.arn, dict(asked.details), asked.timeout) == (FUNCTION_ARN, {"depth": 2}, 20 * MINUTES)

    def test_smoke_tests_go_to_the_test_listener(self) -> None:
        assert asked_at("AfterAllowTestTraffic").functions[0].details["url"].endswith(":9443")

    @pytest.mark.parametrize("event", ["AfterAllowTestTraffic", "AfterAllowTraffic"])
    def test_a_function_may_ask_its_hooks_tell_codedeploy_and_call_itself_and_nothing_else(self, event: str) -> None:
        found = statements(full(), f"CodeDeploy{event}Role")
        assert set(found) == {"WriteLogs", "OnHookFunction", "OnAny"}
        assert found["OnAny"]["Action"] == ["codedeploy:PutLifecycleEventHookExecutionStatus"]
        policies = resources(full(), "AWS::IAM::Policy")
        (again,) = (one["Properties"] for name, one in policies.items() if f"{event}Again" in name)
        (statement,) = again["PolicyDocument"]["Statement"]
        assert statement["Resource"] == [{"Fn::GetAtt": [functions()[event], "Arn"]}]

    def test_functions_can_go_on_before_the_first_deployment_asks_them(self) -> None:
        waits = only(resources(full(), GROUP))["DependsOn"]
        assert [one for one in waits if "Again" in one] == [
            name for name in resources(full(), "AWS::IAM::Policy") if "Again" in name and "StackUpdate" not in name
        ]

    def test_without_hooks_there_is_no_function_for_them(self) -> None:
        found = template(deployed())
        assert list(resources(found, "AWS::Lambda::Function")) == ["BlueGreenTrafficRuleHandler"]

    def test_a_hook_of_the_bake_alone_needs_no_test_listener(self) -> None:
        stack = new_stack()
        found = template(deployed(stack, hooks=[LambdaHook(checking(stack), stage="BAKING")]))
        assert [name for name in resources(found, "AWS::Lambda::Function") if "AfterAllow" in name] == [
            name for name in resources(found, "AWS::Lambda::Function") if "AfterAllowTraffic" in name
        ]


def settings_of(found: Template) -> TargetSettings:
    return settings_from_dict(json.loads(flat(properties(found, "AWS::SSM::Parameter")["Value"]))["settings"])


class TestOperators:
    def test_the_command_line_is_told_where_deployments_are_made(self) -> None:
        settings = settings_of(full())
        assert (settings.controller, settings.is_judged) == ("codedeploy", False)
        known = settings.codedeploy
        assert known is not None
        assert (known.application, known.group) == (name_of(full(), "AWS::CodeDeploy::Application"), "Inference")
        assert (known.platform, known.port) == ("ECS", 8080)
        assert known.family == properties(full(), "AWS::ECS::TaskDefinition")["Family"]
        assert known.definition == name_of(full(), "AWS::ECS::TaskDefinition")
        assert {hook.event: hook.function for hook in known.hooks} == functions()

    def test_it_is_told_of_the_plan_the_alarms_the_sides_and_the_live_rule(self) -> None:
        settings = settings_of(full())
        assert settings.guardrails == tuple(
            AlarmName(f"Stack/Inference/{name}") for name in ("ErrorRate", "Latency", "UnhealthyTargets")
        )
        assert [(step.percent, step.span) for step in settings.steps] == [(10, 5 * MINUTES)]
        assert settings.bake == 10 * MINUTES
        assert settings.rule_arn.startswith("InferenceRoutesProduction")
        for side in (settings.blue, settings.green):
            assert (side.service, side.container) == (f"{name_of(full(), 'AWS::ECS::Service')}.Name", "Inference")
            assert side.cluster == name_of(full(), "AWS::ECS::Cluster")

    def test_outputs_name_what_a_pipeline_is_wired_with(self) -> None:
        outputs = full().to_json()["Outputs"]
        by_id = {name.removeprefix("Inference")[:-8]: one["Value"] for name, one in outputs.items()}
        assert set(by_id) == {"Url", "TestUrl", "Target", "CodeDeployApplication", "DeploymentGroup"}
        assert by_id["CodeDeployApplication"] == {"Ref": name_of(full(), "AWS::CodeDeploy::Application")}
        assert by_id["DeploymentGroup"] == "Inference"

    def test_the_construct_names_application_and_group_too(self) -> None:
        made = deployed()
        assert cdk.Stack.of(made).resolve(made.code_deploy_application) == {
            "Ref": name_of(template(made), "AWS::CodeDeploy::Application")
        }
        assert made.deployment_group == "Inference"

    def test_without_codedeploy_there_is_nothing_of_it(self) -> None:
        made = service()
        assert (made.code_deploy_application, made.deployment_group) == (None, None)
        found = template(made).to_json()
        assert not [one for one in found["Resources"].values() if "CodeDeploy" in one["Type"]]
        assert not [name for name in found["Outputs"] if "CodeDeploy" in name or "DeploymentGroup" in name]


class TestStackUpdate:
    """Step 8 of the walk-through on Fargate, where `cdk deploy` is to start the deployment itself."""

    def test_the_resource_carries_the_revision_and_its_app_spec(self) -> None:
        found = properties(full(), UPDATE)
        revision = {"Ref": name_of(full(), "AWS::ECS::TaskDefinition")}
        assert found["TaskDefinition"] == revision
        app_spec = flat(found["AppSpec"])
        assert task_definition_in(app_spec) == revision["Ref"]
        assert 'ContainerName: "Inference"' in app_spec
        assert "ContainerPort: 8080" in app_spec
        for event, function in functions().items():
            assert f'- {event}: "{function}"' in app_spec

    def test_cloudformation_waits_for_as_long_as_it_can(self) -> None:
        assert properties(full(), UPDATE)["ServiceTimeout"] == 3600

    def test_it_waits_for_the_group_and_for_the_right_to_go_on(self) -> None:
        waits = only(resources(full(), UPDATE))["DependsOn"]
        assert name_of(full(), GROUP) in waits
        assert [one for one in waits if "StackUpdateAgain" in one]

    def test_its_function_may_deploy_with_this_group_and_look_at_this_service_and_nothing_else(self) -> None:
        found = statements(full(), "StackUpdateRole")
        kinds = {"OnCodeDeployApplication", "OnDeploymentConfiguration", "OnDeploymentGroup", "OnEcsService"}
        assert set(found) == {"WriteLogs", "OnAny", *kinds}
        assert found["OnAny"]["Action"] == ["codedeploy:StopDeployment"]
        application = name_of(full(), "AWS::CodeDeploy::Application")
        (arn,) = found["OnDeploymentGroup"]["Resource"]
        assert flat(arn).endswith(f":deploymentgroup:{application}/Inference")
        assert flat(found["OnDeploymentConfiguration"]["Resource"][0]).endswith(
            ":deploymentconfig:CodeDeployDefault.ECSCanary10Percent5Minutes"
        )
        assert found["OnEcsService"]["Action"] == ["ecs:DescribeServices"]

    def test_unless_it_is_asked_for_there_is_none(self) -> None:
        template(deployed()).resource_count_is(UPDATE, 0)


def changed(before: cdk.Stack, after: cdk.Stack) -> set[str]:
    """The types of the resources that differ."""
    one, other = (Template.from_stack(stack).to_json()["Resources"] for stack in (before, after))
    assert set(one) == set(other)
    return {one[name]["Type"] for name in one if one[name] != other[name]}


class TestNoUpdateMovesTraffic:
    """I2: what a rollout changes is in no template, so a new release touches no service, no rule and no listener."""

    def test_a_new_image_changes_the_task_definition_alone(self) -> None:
        before, after = new_stack(), new_stack()
        deployed(before)
        deployed(after, container=container(image=ecs.ContainerImage.from_registry("inference:2.0.0")))
        assert changed(before, after) == {"AWS::ECS::TaskDefinition"}

    def test_so_it_does_where_a_stack_update_deploys_it(self) -> None:
        """The resource refers to the revision: its template stays, and CloudFormation finds another ARN in it."""
        before, after = new_stack(), new_stack()
        everything_on(before, network(before))
        everything_on(after, network(after), tag="1.0.2")
        assert changed(before, after) == {"AWS::ECS::TaskDefinition"}

    @pytest.mark.parametrize(
        "options",
        [
            {"strategy": Linear(20, 5 * MINUTES)},
            {"bake": 30 * MINUTES},
            {"controller": CodeDeploy(approval=5 * MINUTES, rollback_on=["failure", "alarm"])},
            {"hooks": [HttpSmokeTest("/other")]},
            {"container": container(environment={"LOG_LEVEL": "debug"})},
            {"scaling": Scaling(min=4)},
        ],
    )
    def test_another_plan_touches_neither_the_service_nor_the_rules_nor_the_listeners(self, options: dict) -> None:
        before, after = new_stack(), new_stack()
        common = {"ingress": INTERNAL, "test_traffic": TESTS}
        deployed(before, **common)
        deployed(after, **{**common, **options})
        one, other = (Template.from_stack(stack).to_json()["Resources"] for stack in (before, after))
        kinds = {
            "AWS::ECS::Service",
            "Custom::TrafficRule",
            "AWS::ElasticLoadBalancingV2::Listener",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
        }
        for name, resource in one.items():
            if resource["Type"] in kinds:
                assert other[name] == resource


def test_connections_alarms_and_both_sides_are_there_as_of_every_service() -> None:
    made: EcsBlueGreenService = deployed()
    assert len(made.alarms.names) == 3
    assert made.blue.target_group_arn != made.green.target_group_arn
    assert made.connections.security_groups
    full().resource_count_is("AWS::CloudWatch::Dashboard", 1)
