"""RolloutEngine: what it makes, what its parts may do, and what it lets operators do."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import CandidateRoute, RolloutEngine, Targets
from bluegreen_constructs.engine.aws.handler_needs import NEEDS
from bluegreen_constructs.engine.environment import STATE_MACHINE_ARN, TABLE
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine_state_machine import definition
from tests.canary_service import (
    canary,
    flat,
    handler_name,
    new_stack,
    of_auto_scaling_groups,
    of_ecs_services,
    ready_sides,
    resources,
    template,
    vpc_in,
)
from tests.slots_application import of_slots

LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
BY_HANDLER = {"start": "BlueGreenRolloutStart", "tick": "BlueGreenRolloutTick", "alarm": "BlueGreenRolloutAlarm"}


def only(found: dict[str, dict]) -> dict:
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))["Properties"]


def statements_of(found: Template, function_id: str) -> list[dict]:
    """All that the function's role is allowed, inline or attached."""
    role_id = resources(found, "AWS::Lambda::Function")[function_id]["Properties"]["Role"]["Fn::GetAtt"][0]
    inline = resources(found, "AWS::IAM::Role")[role_id]["Properties"]["Policies"]
    attached = [
        policy["Properties"]
        for policy in resources(found, "AWS::IAM::Policy").values()
        if {"Ref": role_id} in policy["Properties"]["Roles"]
    ]
    return [one for policy in (*inline, *attached) for one in policy["PolicyDocument"]["Statement"]]


def allowed(statements: list[dict]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        given = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for action in actions:
            found.setdefault(action, set()).update(map(flat, given))
    return found


def needed(handler: str) -> set[str]:
    return {action for actions in NEEDS[handler] for action in actions}


# The parts


def test_every_function_runs_its_handler_and_knows_the_engines_parts() -> None:
    functions = resources(of_auto_scaling_groups(), "AWS::Lambda::Function")
    for handler, logical_id in BY_HANDLER.items():
        assert handler_name(functions[logical_id]) == handler
        variables = functions[logical_id]["Properties"]["Environment"]["Variables"]
        assert variables[TABLE] == {"Ref": "BlueGreenRolloutTable"}
    assert functions["BlueGreenRolloutAlarm"]["Properties"]["Environment"]["Variables"][STATE_MACHINE_ARN] == {
        "Ref": "BlueGreenRolloutStateMachine"
    }


def test_the_tables_keys_expiry_and_recovery_are_what_the_engine_relies_on() -> None:
    found = of_auto_scaling_groups()
    table = resources(found, "AWS::DynamoDB::Table")["BlueGreenRolloutTable"]
    assert table["DeletionPolicy"] == "RetainExceptOnCreate"
    assert table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert [key["AttributeName"] for key in table["Properties"]["KeySchema"]] == ["pk", "sk"]


def test_the_template_holds_the_definition_as_it_was_tested() -> None:
    machine = only(resources(of_auto_scaling_groups(), "AWS::StepFunctions::StateMachine"))
    start, tick = "<BlueGreenRolloutStart.Arn>", "<BlueGreenRolloutTick.Arn>"
    assert json.loads(flat(machine["DefinitionString"])) == definition(
        start_arn=start, start_seconds=120, tick_arn=tick, tick_seconds=300, partition="<AWS::Partition>"
    )
    assert machine["LoggingConfiguration"]["Level"] == "ALL"


def test_the_state_machine_writes_to_a_log_group_whose_prefix_keeps_the_accounts_log_policy_short() -> None:
    found = of_auto_scaling_groups()
    machine = only(resources(found, "AWS::StepFunctions::StateMachine"))
    (destination,) = machine["LoggingConfiguration"]["Destinations"]
    group_id = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
    name = flat(resources(found, "AWS::Logs::LogGroup")[group_id]["Properties"]["LogGroupName"])
    assert name == "/aws/vendedlogs/states/<AWS::StackName>-BlueGreenRollouts"


def test_no_template_names_the_partition_of_commercial_regions() -> None:
    assert "arn:aws:" not in json.dumps(of_ecs_services().to_json()["Resources"])


def test_one_target_more_than_a_roles_policies_can_name_is_refused_with_the_count() -> None:
    stack = new_stack()
    groups = ready_sides(stack)
    # Many routes to the candidate are many rules, as many targets are.
    routes = [CandidateRoute.header(f"x-try-{number}") for number in range(20)]
    canary(stack, "One", **groups, test_traffic=routes, vpc=vpc_in(stack))
    canary(stack, "Two", **groups, test_traffic=routes, vpc=vpc_in(stack))
    with pytest.raises(ConfigurationError, match=r"has 3 targets, .* of about 1\d{4} characters and IAM takes 10240"):
        canary(stack, "Three", **groups, test_traffic=routes, vpc=vpc_in(stack))


def test_a_state_outlasts_its_function_and_the_function_outlasts_a_hook() -> None:
    functions = resources(of_auto_scaling_groups(), "AWS::Lambda::Function")
    states = definition(start_arn="s", start_seconds=120, tick_arn="t", tick_seconds=300)["States"]
    for name in ("Start", "Tick"):
        timeout = functions[f"BlueGreenRollout{name}"]["Properties"]["Timeout"]
        assert states[name]["TimeoutSeconds"] > timeout
    assert functions["BlueGreenRolloutTick"]["Properties"]["Timeout"] >= 120 + 3 * 45


def test_two_targets_of_a_stack_share_one_engine_whose_roles_know_both() -> None:
    stack = new_stack()
    groups = ready_sides(stack)
    canary(stack, "One", **groups, vpc=vpc_in(stack))
    two = canary(stack, "Two", **groups, vpc=vpc_in(stack))
    found = template(two)
    found.resource_count_is("AWS::DynamoDB::Table", 1)
    found.resource_count_is("AWS::StepFunctions::StateMachine", 1)
    rules = allowed(statements_of(found, "BlueGreenRolloutTick"))["elasticloadbalancing:ModifyRule"]
    assert rules == {f"<{name}.RuleArn>" for name in resources(found, "Custom::TrafficRule")}
    assert len(rules) == 4


def test_each_stack_has_its_own_engine() -> None:
    app = cdk.App()
    one, two = new_stack("One", app), new_stack("Two", app)
    assert RolloutEngine.of(one) is not RolloutEngine.of(two)
    assert RolloutEngine.of(one) is RolloutEngine.of(one)


def test_the_logical_ids_of_what_lasts_do_not_depend_on_where_the_engine_is_made() -> None:
    stack = new_stack()
    RolloutEngine(stack, "Elsewhere")
    found = template(canary(stack))
    assert "BlueGreenRolloutTable" in resources(found, "AWS::DynamoDB::Table")
    assert "BlueGreenRolloutStateMachine" in resources(found, "AWS::StepFunctions::StateMachine")
    assert set(BY_HANDLER.values()) <= set(resources(found, "AWS::Lambda::Function"))


def test_a_second_engine_in_a_stack_is_refused_with_the_path_of_the_first() -> None:
    stack = new_stack()
    canary(stack)
    with pytest.raises(ConfigurationError, match="Serving/BlueGreenRolloutEngine: make the RolloutEngine before"):
        RolloutEngine(stack, "Late")


# What the parts may do


@pytest.mark.parametrize("handler", BY_HANDLER)
def test_a_function_may_do_what_its_adapters_declare_and_nothing_else(handler: str) -> None:
    """Over all kinds of targets, each action that any adapter of the handler declares is allowed somewhere."""
    found = set()
    for made in (of_auto_scaling_groups(), of_ecs_services(), of_slots()):
        found |= set(allowed(statements_of(made, BY_HANDLER[handler])))
    own = {"sqs:SendMessage"} if handler == "alarm" else set()
    unused = {"ssm:GetParameters"} if handler == "tick" else set()  # no group here has its image from a parameter
    assert found == (needed(handler) - unused) | LOGGING | own


def test_what_is_allowed_on_all_resources_is_what_knows_no_other() -> None:
    tick = allowed(statements_of(of_ecs_services(), "BlueGreenRolloutTick"))
    everywhere = {action for action, on in tick.items() if "*" in on}
    assert everywhere == {action for actions in NEEDS["tick"] for action, kinds in actions.items() if kinds == ("any",)}


def test_the_tick_writes_only_to_rules_services_and_hooks_of_this_stack() -> None:
    made = of_ecs_services()
    tick = allowed(statements_of(made, "BlueGreenRolloutTick"))
    assert tick["ecs:UpdateService"] == {f"<{name}>" for name in resources(made, "AWS::ECS::Service")}
    assert tick["elasticloadbalancing:ModifyRule"] == {
        f"<{name}.RuleArn>" for name in resources(made, "Custom::TrafficRule")
    }
    assert all(arn.startswith("arn:<AWS::Partition>:ecs:") for arn in tick["ecs:TagResource"])
    roles = {f"<{name}.Arn>" for name in resources(made, "AWS::IAM::Role") if "Task" in name}
    assert tick["iam:PassRole"] == roles


def test_roles_are_passed_to_ecs_and_ec2_only_and_launches_are_from_our_templates() -> None:
    for made, service in ((of_ecs_services(), "ecs-tasks"), (of_auto_scaling_groups(), "ec2")):
        (passing,) = (s for s in statements_of(made, "BlueGreenRolloutTick") if "iam:PassRole" in s["Action"])
        assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    statements = statements_of(of_auto_scaling_groups(), "BlueGreenRolloutTick")
    (launching,) = (s for s in statements if "ec2:RunInstances" in s["Action"])
    templates = resources(of_auto_scaling_groups(), "AWS::EC2::LaunchTemplate")
    launched_from = {flat(arn) for arn in launching["Condition"]["ArnLike"]["ec2:LaunchTemplate"]}
    assert launched_from == {
        f"arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:launch-template/<{name}>" for name in templates
    }


def test_tags_are_set_at_a_launch_only_and_versions_and_defaults_on_our_templates_only() -> None:
    made = of_auto_scaling_groups()
    (tagging,) = (s for s in statements_of(made, "BlueGreenRolloutTick") if "ec2:CreateTags" in s["Action"])
    assert tagging["Action"] == ["ec2:CreateTags"]
    assert tagging["Condition"] == {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    may = allowed(statements_of(made, "BlueGreenRolloutTick"))
    for action in ("ec2:ModifyLaunchTemplate", "ec2:CreateLaunchTemplateVersion"):
        assert {arn.rpartition("/")[2] for arn in may[action]} == {
            f"<{name}>" for name in resources(made, "AWS::EC2::LaunchTemplate")
        }


@pytest.mark.parametrize(
    ("image", "arn"),
    [
        ("/golden/web", "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/golden/web"),
        ("arn:aws:ssm:us-east-1:111122223333:parameter/web", "arn:aws:ssm:us-east-1:111122223333:parameter/web"),
        (None, None),
    ],
)
def test_of_parameters_that_lead_to_images_the_tick_reads_the_one_of_the_launch_template_alone(
    image: str | None, arn: str | None
) -> None:
    stack = new_stack()
    sides = {}
    for name in ("A", "B"):
        machine = ec2.MachineImage.latest_amazon_linux2023()
        if image is not None:
            machine = ec2.MachineImage.resolve_ssm_parameter_at_launch(image, parameter_version="3")
        launched = ec2.LaunchTemplate(
            stack,
            f"Template{name}",
            machine_image=machine,
            instance_type=ec2.InstanceType("t3.micro"),
            security_group=ec2.SecurityGroup(stack, f"Security{name}", vpc=vpc_in(stack)),
        )
        group = autoscaling.AutoScalingGroup(stack, f"Group{name}", vpc=vpc_in(stack), launch_template=launched)
        sides[name] = Targets.of(group, port=80)
    found = template(canary(stack, blue=sides["A"], green=sides["B"]))
    assert allowed(statements_of(found, "BlueGreenRolloutTick")).get("ssm:GetParameters") == ({arn} if arn else None)


def test_a_side_that_does_not_scale_gives_no_right_to_change_scaling() -> None:
    both = allowed(statements_of(of_ecs_services(), "BlueGreenRolloutTick"))
    assert "application-autoscaling:RegisterScalableTarget" in both
    none = allowed(statements_of(of_auto_scaling_groups(), "BlueGreenRolloutTick"))
    assert "application-autoscaling:RegisterScalableTarget" not in none


def test_the_state_machine_may_call_its_two_functions_restore_the_rules_and_write_its_log() -> None:
    made = of_auto_scaling_groups()
    role_id = only(resources(made, "AWS::StepFunctions::StateMachine"))["RoleArn"]["Fn::GetAtt"][0]
    (policy,) = resources(made, "AWS::IAM::Role")[role_id]["Properties"]["Policies"]
    may = allowed(policy["PolicyDocument"]["Statement"])
    rules = {f"<{name}.RuleArn>" for name in resources(made, "Custom::TrafficRule")}
    assert may.pop("lambda:InvokeFunction") == {"<BlueGreenRolloutStart.Arn>", "<BlueGreenRolloutTick.Arn>"}
    assert may.pop("elasticloadbalancing:ModifyRule") == rules
    assert may.pop("elasticloadbalancing:AddTags") == rules
    assert all(action.startswith("logs:") for action in may)


def test_only_what_runs_before_the_state_machine_is_made_has_its_policy_attached_afterwards() -> None:
    attached = resources(of_auto_scaling_groups(), "AWS::IAM::Policy")
    documents = [policy["Properties"]["PolicyDocument"]["Statement"] for name, policy in attached.items()]
    ours = [statement for document in documents for statement in document if statement.get("Sid")]
    assert [statement["Action"] for statement in ours] == [["states:DescribeExecution"]]


# Failures of the engine itself


def test_a_dead_letter_a_failed_execution_and_failing_functions_set_off_alarms_that_tell_the_topic() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "OnCall")
    RolloutEngine(stack, "Engine", notify=topic)
    found = template(canary(stack))
    alarms = [one["Properties"] for one in resources(found, "AWS::CloudWatch::Alarm").values()]
    watched = {metric["MetricStat"]["Metric"]["MetricName"] for alarm in alarms for metric in alarm["Metrics"][:-1]}
    assert watched == {"ApproximateNumberOfMessagesVisible", "MatchedEvents", "Errors"}
    (topic_id,) = resources(found, "AWS::SNS::Topic")
    assert all(alarm["AlarmActions"] == [{"Ref": topic_id}] for alarm in alarms)


def test_a_refusal_and_a_rollback_are_no_failures_of_the_engine() -> None:
    rule = only(resources(of_ecs_services(), "AWS::Events::Rule"))
    assert rule["EventPattern"]["detail"]["error"] == [
        {"anything-but": ["NotPromoted", "ConfigurationError", "HeldError", "RefusedError"]}
    ]


def test_the_queue_takes_messages_of_rules_in_this_account_and_of_the_alarm_function_only_encrypted() -> None:
    found = of_ecs_services()
    statements = only(resources(found, "AWS::SQS::QueuePolicy"))["PolicyDocument"]["Statement"]
    assert [(one["Effect"], one.get("Principal")) for one in statements] == [
        ("Deny", "*"),
        ("Allow", {"Service": "events.amazonaws.com"}),
    ]
    assert statements[1]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    (queue_id,) = resources(found, "AWS::SQS::Queue")
    function = resources(found, "AWS::Lambda::Function")["BlueGreenRolloutAlarm"]["Properties"]
    assert function["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": [queue_id, "Arn"]}}


# How it runs


def test_in_a_vpc_all_functions_are_behind_one_group_that_reaches_aws_and_nothing_reaches() -> None:
    stack = new_stack()
    RolloutEngine(stack, "Engine", vpc=vpc_in(stack))
    found = template(canary(stack))
    functions = resources(found, "AWS::Lambda::Function")
    configs = [functions[name]["Properties"]["VpcConfig"] for name in BY_HANDLER.values()]
    assert configs[0]["SubnetIds"] == ["subnet-private-a", "subnet-private-b"]
    assert configs[0] == configs[1] == configs[2]
    found.has_resource_properties(
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": "the rollout engine",
            "SecurityGroupEgress": [Match.object_like({"FromPort": 443, "ToPort": 443})],
            "SecurityGroupIngress": Match.absent(),
        },
    )


def test_chosen_subnets_are_taken() -> None:
    stack = new_stack()
    chosen = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)
    RolloutEngine(stack, "Engine", vpc=vpc_in(stack), subnets=chosen)
    found = template(canary(stack))
    config = resources(found, "AWS::Lambda::Function")["BlueGreenRolloutTick"]["Properties"]["VpcConfig"]
    assert config["SubnetIds"] == ["subnet-public-a", "subnet-public-b"]


def test_a_key_encrypts_the_table_and_the_logs_and_the_functions_may_use_it() -> None:
    stack = new_stack()
    RolloutEngine(stack, "Engine", encryption_key=kms.Key(stack, "Key"))
    found = template(canary(stack, hooks=()))
    (key_id,) = resources(found, "AWS::KMS::Key")
    key_arn = {"Fn::GetAtt": [key_id, "Arn"]}
    table = only(resources(found, "AWS::DynamoDB::Table"))
    assert table["SSESpecification"] == {"KMSMasterKeyId": key_arn, "SSEEnabled": True, "SSEType": "KMS"}
    logs = [one["Properties"] for name, one in resources(found, "AWS::Logs::LogGroup").items() if "Engine" in name]
    assert [one["KmsKeyId"] for one in logs] == [key_arn] * 4
    for function_id in BY_HANDLER.values():
        assert "kms:Decrypt" in allowed(statements_of(found, function_id))
    assert "logs." in json.dumps(only(resources(found, "AWS::KMS::Key"))["KeyPolicy"])


def test_the_table_can_go_with_a_stack_that_is_only_tried_out() -> None:
    stack = new_stack()
    RolloutEngine(stack, "Engine", removal_policy=cdk.RemovalPolicy.DESTROY)
    table = resources(template(canary(stack)), "AWS::DynamoDB::Table")["BlueGreenRolloutTable"]
    assert table["DeletionPolicy"] == "Delete"


# Operators


def granted(*verbs: str, target: str | None = None, late_target: bool = False) -> dict[str, list[dict]]:
    """The statements that a role gets by these verbs, by action."""
    stack = new_stack()
    engine = RolloutEngine.of(stack)
    role = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
    made = None if late_target else canary(stack)
    for verb in verbs:
        grant = getattr(engine, f"grant_{verb}")
        grant(role) if target is None else grant(role, target)
    made = made or canary(stack)
    (role_id,) = (name for name in resources(template(made), "AWS::IAM::Role") if name.startswith("Operator"))
    policy = next(
        one["Properties"]
        for one in resources(template(made), "AWS::IAM::Policy").values()
        if {"Ref": role_id} in one["Properties"]["Roles"]
    )
    found: dict[str, list[dict]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            found.setdefault(action, []).append(statement)
    return found


def keys(statements: list[dict]) -> list[str]:
    (statement,) = statements
    assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}
    found = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return found if isinstance(found, list) else [found]


LOOKING = {
    "ssm:GetParameter",
    "ssm:GetParametersByPath",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "states:DescribeExecution",
    "states:GetExecutionHistory",
    "states:ListExecutions",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetHealth",
}


def test_whoever_may_view_changes_nothing() -> None:
    assert set(granted("view")) == LOOKING


def test_whoever_may_start_starts_executions_and_writes_nothing() -> None:
    found = granted("start")
    assert set(found) - LOOKING == {"states:StartExecution"}
    assert found["states:StartExecution"][0]["Resource"] == {"Ref": "BlueGreenRolloutStateMachine"}


def test_whoever_may_promote_leaves_only_those_commands() -> None:
    found = granted("promote")
    assert set(found) - LOOKING == {"dynamodb:PutItem"}
    assert keys(found["dynamodb:PutItem"]) == ["promote#*", "pause#*", "resume#*"]


def test_whoever_may_unlock_leaves_only_that_command() -> None:
    found = granted("unlock")
    assert set(found) - LOOKING == {"dynamodb:PutItem"}
    assert keys(found["dynamodb:PutItem"]) == ["unlock#*"]


def test_whoever_may_abort_writes_the_rule_and_the_state_and_closes_the_execution() -> None:
    found = granted("abort")
    assert set(found) - LOOKING == {
        "dynamodb:PutItem",
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:ModifyRule",
        "states:StartExecution",
        "states:StopExecution",
    }
    assert keys(found["dynamodb:PutItem"]) == ["state#*", "abort#*"]
    (statement,) = found["elasticloadbalancing:ModifyRule"]
    assert [one["Fn::GetAtt"][1] for one in statement["Resource"]] == ["RuleArn", "RuleArn"]


def test_whoever_may_abort_all_may_abort_targets_that_are_made_later() -> None:
    assert granted("abort", late_target=True)["elasticloadbalancing:ModifyRule"]


@pytest.mark.parametrize("verb", ["view", "promote", "abort", "unlock"])
def test_a_right_on_one_target_is_on_its_items_only(verb: str) -> None:
    found = granted(verb, target="Serving/Model")
    assert all(key.endswith("#Serving/Model") for key in keys(found["dynamodb:GetItem"]))
    if verb != "view":
        assert all(key.endswith("#Serving/Model") for key in keys(found["dynamodb:PutItem"]))


@pytest.mark.parametrize("verb", ["view", "abort"])
def test_a_right_on_a_target_that_is_not_there_is_refused_with_those_there_are(verb: str) -> None:
    with pytest.raises(ConfigurationError, match="runs no target 'Serving/Modle': give one of Serving/Model"):
        granted(verb, target="Serving/Modle")
