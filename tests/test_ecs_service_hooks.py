"""EcsBlueGreenService: functions and people that are asked before a release goes on."""

import json
from datetime import timedelta
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from bluegreen_constructs import AllAtOnce, Approval, HttpSmokeTest, LambdaHook
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.settings_codec import settings_from_dict
from bluegreen_constructs.engine.target_settings import HookSettings
from bluegreen_constructs.rehearsal.ecs.deployment_plan import PAUSE_STAGES, Stage
from bluegreen_constructs.rehearsal.ecs.lifecycle_script import rollback_script
from tests.blue_green_service import (
    deployment_configuration,
    new_stack,
    only,
    resources,
    service,
    shared,
    template,
)
from tests.judged_service import details_of, hooks_of, judged, resolved

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function"


def function(stack: cdk.Stack, name: str) -> lambda_.IFunction:
    """Somebody's function, of another stack."""
    return lambda_.Function.from_function_arn(stack, name, f"{FUNCTION}:{name.lower()}")


@cache
def asked() -> Template:
    """A service with hooks of all kinds, at both stages; synthesised once."""
    stack = new_stack()
    check = function(stack, "Check")
    return template(
        service(
            stack,
            hooks=[
                HttpSmokeTest("/ready"),
                LambdaHook(check, details={"level": 3}),
                LambdaHook(function(stack, "Report"), stage="BAKING"),
                LambdaHook(check, stage="BAKING"),
                Approval(timeout=timedelta(hours=2)),
                Approval("release manager", stage="BAKING", timeout=cdk.Duration.minutes(45)),
            ],
        )
    )


@pytest.fixture
def full() -> Template:
    return asked()


def lambdas(found: Template, name: str) -> list[dict]:
    return [one for one in hooks_of(found) if one.get("HookTargetArn") == f"{FUNCTION}:{name}"]


class TestFunctions:
    def test_a_function_is_asked_before_production_traffic_or_once_all_of_it_has_moved(self, full: Template) -> None:
        assert [one["LifecycleStages"] for one in lambdas(full, "check")] == [
            ["POST_TEST_TRAFFIC_SHIFT"],
            ["POST_PRODUCTION_TRAFFIC_SHIFT"],
        ]
        assert [one["LifecycleStages"] for one in lambdas(full, "report")] == [["POST_PRODUCTION_TRAFFIC_SHIFT"]]

    def test_a_function_gets_its_details_and_without_any_there_are_none(self, full: Template) -> None:
        with_details, without = lambdas(full, "check")
        assert details_of(with_details) == {"level": 3}
        assert "HookDetails" not in without

    def test_no_hook_is_at_a_stage_that_a_rollback_passes_again(self, full: Template) -> None:
        passed = {one.stage for one in rollback_script(frozenset(Stage), has_test_rule=True)}
        assert not passed & {Stage(stage) for hook in hooks_of(full) for stage in hook["LifecycleStages"]}

    def test_one_role_calls_exactly_the_functions_that_are_hooks(self, full: Template) -> None:
        (name,) = {hook["RoleArn"]["Fn::GetAtt"][0] for hook in hooks_of(full) if "RoleArn" in hook}
        role = resources(full, "AWS::IAM::Role")[name]["Properties"]
        (trusts,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusts["Principal"] == {"Service": "ecs.amazonaws.com"}
        # Inside the role: with a policy of its own the first deployment could be asked before it is attached.
        ((statement,),) = [one["PolicyDocument"]["Statement"] for one in role["Policies"]]
        assert statement["Action"] == "lambda:InvokeFunction"
        (smoke_test,) = resources(full, "AWS::Lambda::Function").keys() - {"BlueGreenTrafficRuleHandler"}
        assert [resolved(one) for one in statement["Resource"]] == [
            f"<{smoke_test}.Arn>",
            f"{FUNCTION}:check",
            f"{FUNCTION}:report",
        ]

    def test_the_judge_is_called_by_its_own_role_and_the_other_hooks_by_theirs(self) -> None:
        stack = new_stack()
        found = template(judged(stack, hooks=[LambdaHook(function(stack, "Check"))]))
        judge, check = hooks_of(found)
        assert judge["LifecycleStages"][0] == "PRE_SCALE_UP"
        assert judge["RoleArn"] != check["RoleArn"]
        role = resources(found, "AWS::IAM::Role")[check["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        assert role["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"] == [f"{FUNCTION}:check"]


class TestPeople:
    def test_an_approval_is_a_pause_that_goes_back_when_nobody_answers(self, full: Template) -> None:
        pauses = [hook for hook in hooks_of(full) if hook["TargetType"] == "PAUSE"]
        assert pauses == [
            {
                "TargetType": "PAUSE",
                "LifecycleStages": [stage],
                "TimeoutConfiguration": {"TimeoutInMinutes": minutes, "Action": "ROLLBACK"},
            }
            for stage, minutes in (("POST_TEST_TRAFFIC_SHIFT", 120), ("POST_PRODUCTION_TRAFFIC_SHIFT", 45))
        ]

    def test_ecs_can_pause_where_it_is_told_to(self, full: Template) -> None:
        stages = {Stage(stage) for hook in hooks_of(full) for stage in hook["LifecycleStages"] if "RoleArn" not in hook}
        assert stages <= PAUSE_STAGES

    def test_a_pause_alone_needs_no_role(self) -> None:
        found = template(service(hooks=[Approval()]))
        assert not [name for name in resources(found, "AWS::IAM::Role") if "HookRole" in name]

    def test_operators_are_told_of_approvals_by_their_names(self, full: Template) -> None:
        parameter = only(resources(full, "AWS::SSM::Parameter"))["Properties"]
        settings = settings_from_dict(json.loads(resolved(parameter["Value"]))["settings"])
        assert settings.hooks == (
            HookSettings("approval", timeout=timedelta(hours=2)),
            HookSettings("release manager", stage="BAKING", timeout=timedelta(minutes=45)),
        )


def test_removed_hooks_leave_an_empty_list_or_ecs_would_go_on_asking_them(full: Template) -> None:
    """UpdateService keeps what an update leaves away."""
    with_hooks, without = deployment_configuration(full), deployment_configuration(template(service()))
    assert len(with_hooks["LifecycleHooks"]) == 6
    assert without == {**with_hooks, "LifecycleHooks": [], "Alarms": without["Alarms"]}


class TestRefusals:
    def test_what_is_no_hook_is_refused_with_what_is_one(self) -> None:
        with pytest.raises(ConfigurationError, match="has the hook str: give HttpSmokeTest, LambdaHook, Approval"):
            service(hooks=["/ready"])

    @pytest.mark.parametrize("stage", ["TESTING", "BAKING"])
    def test_two_approvals_at_one_stage_are_refused(self, stage: str) -> None:
        both = [Approval(name, stage=stage, timeout=timedelta(hours=1)) for name in ("product", "operations")]
        with pytest.raises(ConfigurationError, match=f"two approvals at the stage {stage}"):
            service(hooks=both)

    @pytest.mark.parametrize(
        ("timeout", "said"),
        [
            (timedelta(days=15), "Amazon ECS waits at most 14 days"),
            (timedelta(seconds=90), "counts it in whole minutes"),
            # 14 days are the limit of ECS, but CloudFormation does not wait so long.
            (timedelta(days=14), "for approvals.*take larger steps or shorter bakes or approvals"),
            (timedelta(hours=33), "with 33 h for approvals"),
        ],
    )
    def test_an_approval_that_cannot_be_waited_for_is_refused(self, timeout: timedelta, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            service(hooks=[Approval(timeout=timeout)])

    def test_two_approvals_count_together(self) -> None:
        day = [Approval(stage=stage, timeout=timedelta(hours=17)) for stage in ("TESTING", "BAKING")]
        with pytest.raises(ConfigurationError, match="with 34 h for approvals"):
            service(strategy=AllAtOnce(), hooks=day)

    def test_a_verdict_gets_the_time_that_approvals_leave(self) -> None:
        with pytest.raises(ConfigurationError, match="leave at least 30 min"):
            judged(hooks=[Approval(timeout=timedelta(hours=32, minutes=30))])

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda stack: Approval(""), "Approval has no name"),
            (lambda stack: Approval(timeout=timedelta()), "Approval timeout is 0"),
            (lambda stack: Approval(stage="SHIFTING"), "give 'TESTING' or 'BAKING'"),
            (lambda stack: LambdaHook(function(stack, "Check"), stage="PRODUCTION_TRAFFIC_SHIFT"), "give 'TESTING'"),
            (lambda stack: LambdaHook(function(stack, "Check"), timeout=timedelta()), "LambdaHook timeout is 0"),
            (lambda stack: LambdaHook(function(stack, "Check"), details={"at": timedelta(1)}), "give plain values"),
        ],
    )
    def test_a_hook_that_nobody_could_ask_is_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make(new_stack())

    def test_smoke_tests_on_an_imported_listener_whose_name_nobody_knows_are_refused(self) -> None:
        stack = new_stack()
        ingress = shared(stack, host=None, paths=("/predict",), plain_http=True)
        with pytest.raises(ConfigurationError, match="load balancer, whose name is not known: give Ingress"):
            service(stack, ingress=ingress, hooks=[HttpSmokeTest("/ready")])

    def test_a_name_that_parameter_store_would_read_as_a_reference_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="which Parameter Store reads as a reference"):
            service(hooks=[Approval("{{team}}")])

    def test_settings_that_no_parameter_holds_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="a parameter holds 8192"):
            service(hooks=[Approval("a" * 9000)])
