"""MigrationHook: what Amazon ECS is to ask with, and what the function may do."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.migration import MigrationTask
from bluegreen_constructs.hook_function import HookHistory
from bluegreen_constructs.migration_hook import MigrationHook
from tests.blue_green_service import new_stack, only

EXPAND = MigrationTask(["upgrade"], "expand", name="add topic")
CONTRACT = MigrationTask(["drop"], "contract", after="1.4.0", name="drop topic")
ROLES = ["arn:aws:iam::123456789012:role/task", "arn:aws:iam::123456789012:role/execution"]
HISTORY = HookHistory("Serving/Model", "Engine", "arn:aws:dynamodb:eu-west-1:123456789012:table/Engine")


def hook(*migrations: MigrationTask, scope: cdk.Stack | None = None, **options: object) -> MigrationHook:
    given = {"cluster_name": "apps", "family": "web", "container_name": "app", "role_arns": ROLES, **options}
    return MigrationHook(scope or new_stack(), "Migration", migrations=migrations, **given)


def statements(of: MigrationHook) -> dict[str, dict]:
    role = only(Template.from_stack(cdk.Stack.of(of)).find_resources("AWS::IAM::Role"))
    (policy,) = role["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


def flat(arn: object) -> str:
    """An ARN of this account as text, its pseudo parameters by name."""
    if not isinstance(arn, dict):
        return str(arn)
    return "".join(part if isinstance(part, str) else part["Ref"] for part in arn["Fn::Join"][1])


def test_the_details_say_what_is_run_in_which_container() -> None:
    made = hook(EXPAND, CONTRACT)
    assert made.stage == "PRE_SCALE_UP"
    assert made.details == {"migrations": [EXPAND.to_details(), CONTRACT.to_details()], "container": "app"}
    assert cdk.Token.is_unresolved(made.function_arn)


def test_it_may_run_tasks_of_the_family_in_the_cluster_with_the_roles_of_the_service_and_no_others() -> None:
    found = statements(hook(EXPAND))
    place = "AWS::Region:AWS::AccountId"
    rights = {
        action: [flat(arn).replace("arn:AWS::Partition:", "") for arn in one["Resource"]]
        for sid, one in found.items()
        if sid != "WriteLogs"
        for action in one["Action"]
    }
    assert rights == {
        "ecs:DescribeServiceDeployments": [f"ecs:{place}:service-deployment/apps/*"],
        "ecs:DescribeServiceRevisions": [f"ecs:{place}:service-revision/apps/*"],
        "ecs:DescribeTaskDefinition": ["*"],
        "ecs:DescribeTasks": [f"ecs:{place}:task/apps/*"],
        "ecs:ListTasks": ["*"],
        "ecs:RunTask": [f"ecs:{place}:task-definition/web:*"],
        "ecs:StopTask": [f"ecs:{place}:task/apps/*"],
        "iam:PassRole": ROLES,
    }
    for sid in ("OnTaskDefinition", "OnTasksOfTheCluster"):
        cluster = found[sid]["Condition"]["ArnEquals"]["ecs:cluster"]
        assert flat(cluster).endswith(":cluster/apps")
    assert found["OnTasksOfTheCluster"]["Action"] == ["ecs:ListTasks"]
    assert found["OnTaskRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_with_a_history_it_reads_what_was_run_and_adds_to_it() -> None:
    made = hook(EXPAND, history=HISTORY)
    assert made.details["target"] == "Serving/Model"
    found = statements(made)
    assert found["ReadHistory"]["Action"] == ["dynamodb:GetItem", "dynamodb:Query"]
    assert found["AddToHistory"]["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["history#Serving/Model"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_the_handler_is_the_migration() -> None:
    found = Template.from_stack(cdk.Stack.of(hook(EXPAND))).find_resources("AWS::Lambda::Function")
    assert only(found)["Properties"]["Handler"] == "engine.handlers.migration.handler"


def test_no_migration_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="there are no migrations to run"):
        hook()


def test_two_with_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two migrations have the name 'add topic'"):
        hook(EXPAND, MigrationTask(["other"], "expand", name="add topic"))


def test_it_leaves_no_finding_of_cdk_nag() -> None:
    stack = new_stack()
    made = hook(EXPAND, scope=stack, cluster_name=_cluster(stack).ref, history=HISTORY)
    cdk.Validations.of(made.node.root).add_plugins(AwsSolutionsChecks(made.node.root))
    made.node.root.synth()  # a finding ends it with ValidationFailed


def _cluster(stack: cdk.Stack) -> ecs.CfnCluster:
    insights = ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")
    return ecs.CfnCluster(stack, "Cluster", cluster_settings=[insights])
