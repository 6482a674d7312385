"""EcsBlueGreenService with comparisons: the judge, its hook, its alarm, and what a release is marked with."""

import json
from datetime import timedelta

import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Annotations, Match, Template

from bluegreen_constructs import (
    AbsoluteFloor,
    AcceptedRelease,
    AlarmGuardrail,
    AlarmThresholds,
    AllAtOnce,
    Canary,
    EcsBlueGreenService,
    ErrorComparison,
    ExpectedTraffic,
    Hotfix,
    HttpSmokeTest,
    Linear,
    ecs_judge,
)
from bluegreen_constructs.ecs_deployment_configuration import LONGEST_DEPLOYMENT, EcsDeployment
from bluegreen_constructs.engine.aws import verdict_metric
from bluegreen_constructs.engine.aws.handler_needs import NEEDS
from bluegreen_constructs.engine.ecs_hook import HookCall
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.settings_codec import settings_from_dict, settings_from_json
from bluegreen_constructs.engine.target_settings import AlarmName, Compute
from bluegreen_constructs.rehearsal.ecs.deployment_plan import Stage
from bluegreen_constructs.rehearsal.ecs.lifecycle_script import rollback_script
from tests.blue_green_service import (
    PLAIN,
    container,
    deployment_configuration,
    network,
    new_stack,
    only,
    resources,
    service,
    template,
)
from tests.judged_service import (
    GROUPS,
    GUARDRAILS,
    RULES,
    details_of,
    fully_judged,
    hooks_of,
    judge_hook,
    judged,
    resolved,
    watched,
)

TIGHT = timedelta(minutes=5)


@pytest.fixture
def full() -> Template:
    """The judged service with everything on, synthesised once for all files."""
    return fully_judged()


def functions(found: Template, handler: str) -> dict[str, dict]:
    return {
        name: one
        for name, one in resources(found, "AWS::Lambda::Function").items()
        if one["Properties"]["Handler"] == f"engine.handlers.{handler}.handler"
    }


class TestWhoIsJudged:
    def test_alarms_alone_need_no_judge(self) -> None:
        found = template(service(guardrails=[AlarmThresholds()]))
        assert not functions(found, "ecs_judge")
        found.resource_count_is("AWS::DynamoDB::Table", 0)
        found.resource_count_is("AWS::Scheduler::Schedule", 0)

    def test_a_floor_alone_is_reason_enough_for_a_judge(self) -> None:
        found = template(judged(guardrails=[AbsoluteFloor(success_percent=99)]))
        assert len(functions(found, "ecs_judge")) == 1

    def test_one_judge_with_one_table_serves_all_services_of_a_stack(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        for name in ("Search", "Ranking"):
            EcsBlueGreenService(
                stack, name, vpc=vpc, container=container(), ingress=PLAIN, guardrails=[ErrorComparison()]
            )
        found = Template.from_stack(stack)
        ((judge, function),) = functions(found, "ecs_judge").items()
        found.resource_count_is("AWS::DynamoDB::Table", 1)
        found.resource_count_is("AWS::Scheduler::Schedule", 1)
        services = resources(found, "AWS::ECS::Service").values()
        asked = [one["Properties"]["DeploymentConfiguration"]["LifecycleHooks"][0]["HookTargetArn"] for one in services]
        assert asked == [{"Fn::GetAtt": [judge, "Arn"]}] * 2
        # Each may be ended, and each has a metric of its own.
        statements = policy_of(found, function)
        assert len(statements["OnServiceDeployment"]["Resource"]) == 2
        dimensions = [
            one["Properties"]["Dimensions"]
            for one in resources(found, "AWS::CloudWatch::Alarm").values()
            if "Dimensions" in one["Properties"]
        ]
        assert dimensions == [[{"Name": "Target", "Value": f"Stack/{name}"}] for name in ("Search", "Ranking")]

    def test_the_names_that_hold_state_never_change(self, full: Template) -> None:
        assert set(resources(full, "AWS::DynamoDB::Table")) == {"BlueGreenEcsJudgeTable"}
        assert set(functions(full, "ecs_judge")) == {"BlueGreenEcsJudgeFunction"}

    def test_what_was_judged_outlives_the_stack(self, full: Template) -> None:
        table = only(resources(full, "AWS::DynamoDB::Table"))
        assert table["DeletionPolicy"] in {"Retain", "RetainExceptOnCreate"}
        assert table["UpdateReplacePolicy"] == "Retain"
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


class TestTheHook:
    def test_the_judge_is_asked_before_anything_starts_and_before_each_step(self, full: Template) -> None:
        assert judge_hook(full)["LifecycleStages"] == ["PRE_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT"]
        assert judge_hook(full)["TargetType"] == "AWS_LAMBDA"

    def test_neither_stage_is_passed_again_on_the_way_back(self, full: Template) -> None:
        """Of everything that a rollback could pass, whatever it has visited before."""
        passed = {one.stage for one in rollback_script(frozenset(Stage), has_test_rule=True) if one.asks_hooks}
        assert passed == {Stage.PRODUCTION_TRAFFIC_SHIFT, Stage.TEST_TRAFFIC_SHIFT}
        assert not passed & set(map(Stage, judge_hook(full)["LifecycleStages"]))

    def test_no_other_hook_of_ours_is_asked_on_the_way_back_either(self) -> None:
        found = template(judged(hooks=[HttpSmokeTest("/ready")]))
        stages = {stage for hook in hooks_of(found) for stage in hook["LifecycleStages"]}
        assert stages == {"PRE_SCALE_UP", "PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"}

    def test_ecs_may_call_the_judge_by_a_permission_inside_the_role(self, full: Template) -> None:
        hook = judge_hook(full)
        role = resources(full, "AWS::IAM::Role")[hook["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        (trusts,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusts["Principal"] == {"Service": ["ecs.amazonaws.com", "scheduler.amazonaws.com"]}
        ((statement,),) = [one["PolicyDocument"]["Statement"] for one in role["Policies"]]
        assert statement["Action"] == "lambda:InvokeFunction"
        assert statement["Resource"] == hook["HookTargetArn"]

    def test_the_details_are_what_the_judge_reads(self, full: Template) -> None:
        event = {
            "lifecycleStage": "PRE_SCALE_UP",
            "resourceArn": "arn:aws:ecs:eu-west-1:123456789012:service-deployment/c/s/1",
            "hookDetails": details_of(judge_hook(full)),
        }
        call = HookCall.of(event)
        assert call.target == "Stack/Inference"
        assert call.hotfix is not None
        assert (call.hotfix.release, call.hotfix.reason) == ("1.0.1", "mends the parser")
        assert call.accepts is not None
        assert call.accepts.reason == "the data was wrong, not the model"
        named = deployment_configuration(full)["Alarms"]["AlarmNames"]
        assert list(call.alarms) == [resolved(name) for name in named]
        assert call.own_alarm == call.alarms[-1]

    def test_the_settings_in_the_details_are_read_back_as_they_were_meant(self, full: Template) -> None:
        settings = settings_from_json(details_of(judge_hook(full))["settings"])
        assert settings.target == "Stack/Inference"
        assert (settings.controller, settings.is_judged) == ("ecs", True)
        assert settings.guardrails == GUARDRAILS
        assert [(step.percent, step.span) for step in settings.steps] == [(10, TIGHT)]
        assert settings.bake == timedelta(minutes=10)
        assert settings.hold_timeout == timedelta(hours=12)
        assert settings.rule_arn.startswith(RULES)
        assert settings.load_balancer == "app/edge/50dc6c495c0c9188"
        for side, name in ((settings.blue, "Blue"), (settings.green, "Green")):
            assert side.group_arn == f"{GROUPS}/{name}/73e2d6bc24d8a067"
            assert side.metric_name == f"targetgroup/{name}/73e2d6bc24d8a067"
            assert (side.compute, side.container) == (Compute.ECS, "Inference")

    def test_the_hook_does_not_wait_for_the_service_that_waits_for_it(self, full: Template) -> None:
        (name,) = resources(full, "AWS::ECS::Service")
        hook = judge_hook(full)
        assert name not in json.dumps(hook)
        for other in resources(full, "AWS::Lambda::Function").values():
            assert name not in json.dumps(other)

    def test_the_parameter_has_what_the_command_line_needs_besides(self, full: Template) -> None:
        parameter = only(resources(full, "AWS::SSM::Parameter"))["Properties"]
        assert parameter["Name"] == "/bluegreen/targets/Stack/Inference"
        value = json.loads(resolved(parameter["Value"]))
        assert value["table"] == "<BlueGreenEcsJudgeTable>"
        assert value["state_machine"] == ""
        settings = settings_from_dict(value["settings"])
        (service_name,) = resources(full, "AWS::ECS::Service")
        assert settings.blue.service == settings.green.service == f"<{service_name}.Name>"
        named = [resolved(name) for name in deployment_configuration(full)["Alarms"]["AlarmNames"]]
        assert settings.guardrails == (*GUARDRAILS, *map(AlarmName, named))

    def test_without_a_judge_the_parameter_says_that_alarms_judge_alone(self) -> None:
        parameter = only(resources(template(service()), "AWS::SSM::Parameter"))["Properties"]
        value = json.loads(resolved(parameter["Value"]))
        settings = settings_from_dict(value["settings"])
        assert (settings.controller, settings.is_judged, value["table"]) == ("ecs", False, "")
        assert [type(one) for one in settings.guardrails] == [AlarmName] * 3


class TestTheVerdictsAlarm:
    def test_ecs_goes_back_on_it_between_two_hooks(self, full: Template) -> None:
        ((name, alarm),) = [
            (name, one["Properties"])
            for name, one in resources(full, "AWS::CloudWatch::Alarm").items()
            if "Dimensions" in one["Properties"]
        ]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("BlueGreen", "Unhealthy")
        assert alarm["Dimensions"] == [{"Name": "Target", "Value": "Stack/Inference"}]
        assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == ("Maximum", 1, 60)
        assert (alarm["ComparisonOperator"], alarm["EvaluationPeriods"]) == ("GreaterThanOrEqualToThreshold", 1)
        assert alarm["TreatMissingData"] == "notBreaching"  # nothing is published while nothing is rolled out
        alarms = deployment_configuration(full)["Alarms"]
        assert watched(full)[-1] == name
        assert len(watched(full)) == 4
        assert alarms["Enable"] is True
        assert alarms["Rollback"] is True

    def test_it_is_there_also_when_all_other_alarms_are_left_out(self) -> None:
        none = AlarmThresholds(error_rate_percent=None, p95_latency=None, unhealthy_targets=None)
        found = template(judged(guardrails=[none, ErrorComparison()]))
        (alarm,) = resources(found, "AWS::CloudWatch::Alarm")
        assert watched(found) == [alarm]
        alarms = deployment_configuration(found)["Alarms"]
        assert (alarms["Enable"], alarms["Rollback"]) == (True, True)

    def test_the_judge_publishes_what_the_alarm_watches(self, full: Template) -> None:
        assert (ecs_judge.NAMESPACE, ecs_judge.METRIC) == (verdict_metric.NAMESPACE, verdict_metric.METRIC)
        (dimension,) = [
            one["Properties"]["Dimensions"][0]["Name"]
            for one in resources(full, "AWS::CloudWatch::Alarm").values()
            if "Dimensions" in one["Properties"]
        ]
        assert dimension == verdict_metric.DIMENSION


def policy_of(found: Template, function: dict) -> dict[str, dict]:
    """The statements of a function's role, by their ids."""
    role = resources(found, "AWS::IAM::Role")[function["Properties"]["Role"]["Fn::GetAtt"][0]]
    (policy,) = role["Properties"]["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


class TestWhatTheJudgeMayDo:
    def test_it_may_do_what_its_adapters_call_and_nothing_else(self, full: Template) -> None:
        statements = policy_of(full, only(functions(full, "ecs_judge")))
        allowed = {action for name, one in statements.items() if name != "WriteLogs" for action in one["Action"]}
        assert allowed == {action for declared in NEEDS["ecs_judge"] for action in declared}

    def test_it_may_end_deployments_of_the_services_cluster_only(self, full: Template) -> None:
        statement = policy_of(full, only(functions(full, "ecs_judge")))["OnServiceDeployment"]
        assert "ecs:StopServiceDeployment" in statement["Action"]
        (cluster,) = resources(full, "AWS::ECS::Cluster")
        place = "arn:aws:ecs:eu-west-1:123456789012"
        assert resolved(statement["Resource"]) == [f"{place}:service-deployment/<{cluster}>/*"]

    def test_it_may_publish_into_its_own_namespace_only(self, full: Template) -> None:
        statement = policy_of(full, only(functions(full, "ecs_judge")))["OnMetricNamespace"]
        assert statement["Action"] == ["cloudwatch:PutMetricData"]
        assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "BlueGreen"}}

    def test_it_may_move_no_traffic(self, full: Template) -> None:
        statements = policy_of(full, only(functions(full, "ecs_judge")))
        assert "ModifyRule" not in json.dumps(statements)

    def test_a_schedule_has_it_look_each_minute_and_never_late(self, full: Template) -> None:
        schedule = only(resources(full, "AWS::Scheduler::Schedule"))["Properties"]
        assert schedule["ScheduleExpression"] == "rate(1 minute)"
        assert json.loads(schedule["Target"]["Input"]) == {"look": True, "now": "<aws.scheduler.scheduled-time>"}
        assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
        (judge,) = functions(full, "ecs_judge")
        assert schedule["Target"]["Arn"] == {"Fn::GetAtt": [judge, "Arn"]}


class TestReleaseMarks:
    def test_without_marks_the_judge_is_told_of_none(self) -> None:
        details = details_of(judge_hook(template(judged())))
        assert not {"hotfix", "accepts"} & details.keys()

    def test_a_hotfix_must_be_as_good_as_the_error_rate_alarm_asks_for_unless_it_says_so(self) -> None:
        def success(*guardrails: object, **said: float) -> float:
            marks = [Hotfix(release="1.0.1", reason="mends it", **said)]
            found = template(judged(guardrails=[ErrorComparison(), *guardrails], release_marks=marks))
            return details_of(judge_hook(found))["hotfix"]["success_percent"]

        assert success() == 99
        assert success(AlarmThresholds(error_rate_percent=2.5)) == 97.5
        assert success(AlarmThresholds(error_rate_percent=None)) == 99
        assert success(success_percent=90) == 90

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Hotfix(release="", reason="mends it"), "Hotfix has no release"),
            (lambda: Hotfix(release="1.0.1", reason=" "), "Hotfix has no reason"),
            (lambda: Hotfix(release="1.0.1", reason="x", success_percent=100), "above 0 and below 100"),
            (lambda: Hotfix(release="1.0.1", reason="x", success_percent=0), "above 0 and below 100"),
            (lambda: AcceptedRelease(release="", reason="x"), "AcceptedRelease has no release"),
            (lambda: AcceptedRelease(release="1.0.1", reason=""), "AcceptedRelease has no reason"),
        ],
    )
    def test_a_mark_that_marks_nothing_is_refused(self, make: object, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()

    @pytest.mark.parametrize("mark", [Hotfix, AcceptedRelease])
    def test_two_marks_of_a_kind_are_refused(self, mark: type) -> None:
        marks = [mark(release=release, reason="it mends") for release in ("1.0.1", "1.0.2")]
        with pytest.raises(ConfigurationError, match=f"has two {mark.__name__} marks"):
            judged(release_marks=marks)

    def test_a_mark_that_nobody_would_read_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="the mark Hotfix, which nobody would read"):
            service(release_marks=[Hotfix(release="1.0.1", reason="mends it")])


class TestExpectedTraffic:
    def test_what_the_comparison_can_see_is_said_at_synth(self) -> None:
        stack = new_stack()
        made = judged(stack, expected_traffic=ExpectedTraffic(requests_per_second=200, error_rate=0.01))
        Annotations.from_stack(stack).has_info(f"/{made.node.path}", Match.string_like_regexp("errors"))

    def test_a_plan_that_nobody_said_the_traffic_of_is_warned_of(self) -> None:
        stack = new_stack()
        made = judged(stack)
        Annotations.from_stack(stack).has_warning(
            f"/{made.node.path}", Match.string_like_regexp("give expected_traffic=ExpectedTraffic")
        )

    def test_a_plan_that_cannot_see_its_own_margin_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="the comparison of"):
            judged(
                strategy=Linear(percent=50, every=timedelta(minutes=1)),
                expected_traffic=ExpectedTraffic(requests_per_second=0.001, error_rate=0.001),
            )

    @pytest.mark.parametrize("guardrails", [[], [AbsoluteFloor(success_percent=99)]])
    def test_traffic_that_nothing_would_be_checked_against_is_refused(self, guardrails: list[object]) -> None:
        with pytest.raises(ConfigurationError, match="no comparison that would be checked against it"):
            service(guardrails=guardrails, expected_traffic=ExpectedTraffic(requests_per_second=200, error_rate=0.01))


class TestRefusals:
    def test_all_at_once_is_refused_because_a_comparison_would_never_see_both_sides(self) -> None:
        with pytest.raises(ConfigurationError, match="AllAtOnce, where no comparison ever sees requests on both sides"):
            judged(strategy=AllAtOnce())

    def test_thresholds_that_are_given_twice_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="has 2 AlarmThresholds: give one"):
            service(guardrails=[AlarmThresholds(), AlarmThresholds(requests_floor=5)])

    def test_bakes_that_leave_no_time_for_a_verdict_are_refused(self) -> None:
        strategy = Canary(percent=10, bake=timedelta(hours=23))
        with pytest.raises(ConfigurationError, match="leave at least 30 min, by shorter bakes"):
            judged(strategy=strategy, bake=timedelta(hours=9, minutes=45))
        # Without a comparison there is nothing to wait for.
        service(strategy=strategy, bake=timedelta(hours=9, minutes=45))

    @pytest.mark.parametrize(
        ("strategy", "bake", "hold"),
        [
            (Canary(percent=10, bake=TIGHT), timedelta(minutes=10), timedelta(hours=12)),
            (Canary(percent=10, bake=timedelta(hours=20)), timedelta(hours=3), timedelta(hours=10)),
            (Linear(percent=25, every=timedelta(hours=2)), timedelta(hours=3), timedelta(hours=8)),
        ],
    )
    def test_all_holds_together_end_within_what_cloudformation_waits(
        self, strategy: Canary | Linear, bake: timedelta, hold: timedelta
    ) -> None:
        deployment = EcsDeployment(strategy, bake)
        assert deployment.hold == hold
        assert deployment.longest + deployment.hold * len(strategy.steps()) <= LONGEST_DEPLOYMENT
        assert details_hold(strategy, bake) == hold

    def test_an_alarm_of_ones_own_is_among_those_that_admission_looks_at(self) -> None:
        stack = new_stack()
        own = cloudwatch.Alarm.from_alarm_name(stack, "Own", "own-alarm")
        found = template(judged(stack, guardrails=[AlarmGuardrail(own), ErrorComparison()]))
        details = details_of(judge_hook(found))
        assert details["alarms"][3] == "own-alarm"
        assert len(details["alarms"]) == 5


def details_hold(strategy: Canary | Linear, bake: timedelta) -> timedelta:
    found = template(judged(strategy=strategy, bake=bake))
    return settings_from_json(details_of(judge_hook(found))["settings"]).hold_timeout
