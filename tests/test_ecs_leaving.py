"""Leaving an adopted service: what the state in between writes, what would linger, what cannot be adopted safely."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as patterns
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk.assertions import Template

from bluegreen_constructs import Adopted, AlarmGuardrail, EcsBlueGreenService, Scaling
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import network, new_stack, only

ROOT = Path(__file__).parents[1]
Pattern = patterns.ApplicationLoadBalancedFargateService
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
OFF = {"Enable": False, "Rollback": False}
# What `cdk init` switches on in new apps: without it the CDK writes an empty list of alarms itself.
NEW_APP = {"@aws-cdk/aws-ecs:removeDefaultDeploymentAlarm": True}


def pattern(stack: cdk.Stack, kind: type = Pattern, **options: object) -> Pattern:
    return kind(
        stack,
        "Web",
        **{
            "vpc": network(stack),
            "desired_count": 3,
            "task_image_options": patterns.ApplicationLoadBalancedTaskImageOptions(
                image=ecs.ContainerImage.from_registry("inference:1.0.0"), container_port=8080
            ),
            **options,
        },
    )


def service_of(stack: cdk.Stack) -> dict[str, object]:
    properties: dict[str, object] = only(Template.from_stack(stack).find_resources("AWS::ECS::Service"))["Properties"]
    return properties


def configuration(*, rolling: bool | None, **options: object) -> dict[str, object]:
    """The deployment configuration of the service, adopted or (None) the pattern's own, in an app of today."""
    stack = cdk.Stack(cdk.App(context=NEW_APP), "Stack", env=cdk.Environment(account="1" * 12, region="eu-west-1"))
    made = pattern(stack, **options)
    if rolling is not None:
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made, rolling=rolling))
    found = service_of(stack)["DeploymentConfiguration"]
    assert isinstance(found, dict)
    return found


class TestNothingOfTheRolloutsStaysBehind:
    """UpdateService keeps what an update leaves away, so the state before the last one has to write it out."""

    def test_the_pattern_itself_would_not_take_alarms_hooks_or_a_circuit_breaker_away(self) -> None:
        own = configuration(rolling=None)
        assert own.keys() == {"MaximumPercent", "MinimumHealthyPercent"}
        assert {"Alarms", "DeploymentCircuitBreaker", "Strategy"} <= configuration(rolling=False).keys()

    def test_the_rolling_state_takes_them_away_and_deploys_as_the_pattern_says(self) -> None:
        assert configuration(rolling=True, min_healthy_percent=50, max_healthy_percent=150) == {
            "MaximumPercent": 150,
            "MinimumHealthyPercent": 50,
            "Strategy": "ROLLING",
            "LifecycleHooks": [],
            "Alarms": {"AlarmNames": [], **OFF},
            "DeploymentCircuitBreaker": OFF,
        }

    def test_a_circuit_breaker_of_the_patterns_own_stays(self) -> None:
        breaker = ecs.DeploymentCircuitBreaker(rollback=False)
        assert configuration(rolling=True, circuit_breaker=breaker)["DeploymentCircuitBreaker"] == {
            "Enable": True,
            "Rollback": False,
        }

    def test_all_that_the_construct_made_can_be_taken_away_with_it(self) -> None:
        """Nothing of the pattern refers to it in the rolling state, but the order that the service waits in."""
        stack = new_stack()
        made = pattern(stack)
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made, rolling=True))
        brought = {name for name in Template.from_stack(stack).to_json()["Resources"] if name.startswith("Rollouts")}
        assert brought
        assert not [name for name in brought if f"'{name}'" in str(service_of(stack))]


class TestWhatThePatternDecides:
    @pytest.mark.parametrize("rolling", [True, False])
    def test_the_desired_count_stays_the_patterns(self, rolling: bool) -> None:
        stack = new_stack()
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(pattern(stack), rolling=rolling))
        assert service_of(stack)["DesiredCount"] == 3

    def test_a_task_count_that_would_be_ignored_is_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match=r"scaling with min=7 and adopts .*: change desired_count there"):
            EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(pattern(stack)), scaling=Scaling(min=7))

    def test_without_a_desired_count_none_is_written(self) -> None:
        """Another one would undo what people or Application Auto Scaling have set."""
        stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="1" * 12, region="eu-west-1"))
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(pattern(stack, desired_count=None)))
        assert "DesiredCount" not in service_of(stack)

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_green_follows_the_health_check_that_is_set_before_or_after_the_adoption(self, when: str) -> None:
        def configure(group: elbv2.ApplicationTargetGroup) -> None:
            group.configure_health_check(
                path="/ready", interval=cdk.Duration.seconds(7), healthy_http_codes="200-299", port="8081"
            )
            group.set_attribute("deregistration_delay.timeout_seconds", "45")

        stack = new_stack()
        made = pattern(stack)
        if when == "before":
            configure(made.target_group)
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made))
        if when == "after":
            configure(made.target_group)
        blue, green = (one["Properties"] for one in Template.from_stack(stack).find_resources(GROUP).values())
        assert blue == green
        assert (blue["HealthCheckPath"], blue["Matcher"]) == ("/ready", {"HttpCode": "200-299"})

    def test_of_its_target_group_only_what_is_missing_is_added(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made))
        (balancer,) = service_of(stack)["LoadBalancers"]
        assert balancer.keys() == {"ContainerName", "ContainerPort", "TargetGroupArn", "AdvancedConfiguration"}

    @pytest.mark.parametrize(
        ("options", "internet_facing", "plain_http"),
        [({}, True, True), ({"public_load_balancer": False}, False, True)],
    )
    def test_the_scheme_and_the_protocol_are_the_patterns(
        self, options: dict[str, object], internet_facing: bool, plain_http: bool
    ) -> None:
        ingress = Adopted(pattern(new_stack(), **options)).ingress()
        assert (ingress.internet_facing, ingress.plain_http) == (internet_facing, plain_http)


def with_own_alarms(made: Pattern) -> None:
    alarm = cloudwatch.Alarm(
        made, "Own", metric=cloudwatch.Metric(namespace="Web", metric_name="Bad"), threshold=1, evaluation_periods=1
    )
    made.service.enable_deployment_alarms([alarm.alarm_name])


def in_a_second_group(made: Pattern) -> None:
    other = elbv2.ApplicationTargetGroup(made, "Second", vpc=made.cluster.vpc, port=80)
    made.service.attach_to_application_target_group(other)


def with_rule(priority: int) -> Callable[[Pattern], None]:
    def add(made: Pattern) -> None:
        made.listener.add_action(
            "Api",
            priority=priority,
            conditions=[elbv2.ListenerCondition.path_patterns(["/api/*"])],
            action=elbv2.ListenerAction.fixed_response(404),
        )

    return add


class TestHowManyTasks:
    def test_a_second_scalable_target_is_refused(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        made.service.auto_scale_task_count(max_capacity=9).scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=50
        )
        with pytest.raises(ConfigurationError, match="a service has one scalable target, leave scaling out"):
            EcsBlueGreenService(
                stack, "Rollouts", adopted=Adopted(made), scaling=Scaling(min=2, max=9, requests_per_target=100)
            )

    def test_the_patterns_own_scaling_on_cpu_stays(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        made.service.auto_scale_task_count(max_capacity=9).scale_on_cpu_utilization(
            "Cpu", target_utilization_percent=50
        )
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made))
        Template.from_stack(stack).resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 1)

    @pytest.mark.parametrize("rolling", [True, False])
    def test_scaling_on_the_requests_of_one_side_is_refused_once_the_other_one_may_be_live(self, rolling: bool) -> None:
        stack = new_stack()
        made = pattern(stack)
        made.service.auto_scale_task_count(max_capacity=9).scale_on_request_count(
            "Requests", requests_per_target=100, target_group=made.target_group
        )
        if rolling:
            EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made, rolling=True))
            return
        with pytest.raises(ConfigurationError, match="scale on something else"):
            EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made))


class TestWhatCannotBeAdopted:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (with_own_alarms, r"deployment alarms of its own.*guardrails=\[AlarmGuardrail"),
            (in_a_second_group, "registers its tasks in 2 target groups"),
            (with_rule(200), "Api.* has priority 200, .* 99 and 100 would hide it .* at least 202"),
            (with_rule(100), "would hide it or collide with it"),
            (with_rule(99), "would hide it or collide with it"),
        ],
    )
    def test_what_the_service_would_lose_is_refused(self, change: Callable[[Pattern], None], said: str) -> None:
        made = pattern(new_stack())
        change(made)
        with pytest.raises(ConfigurationError, match=said):
            Adopted(made)

    def test_a_rule_that_goes_first_stays_first(self) -> None:
        made = pattern(new_stack())
        with_rule(98)(made)
        Adopted(made)

    def test_a_priority_after_the_other_rules_lets_them_be(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        with_rule(200)(made)
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made, priority=202))
        rules = Template.from_stack(stack).find_resources("Custom::TrafficRule").values()
        assert sorted(rule["Properties"]["Priority"] for rule in rules) == [201, 202]

    def test_its_alarms_can_be_given_as_guardrails_instead(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        own = cloudwatch.Alarm(
            stack, "Own", metric=cloudwatch.Metric(namespace="W", metric_name="B"), threshold=1, evaluation_periods=1
        )
        EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made), guardrails=[AlarmGuardrail(own)])
        watched = service_of(stack)["DeploymentConfiguration"]["Alarms"]["AlarmNames"]
        assert stack.resolve(own.alarm_name) in watched

    @pytest.mark.parametrize("priority", [-1, 0, 1, 50_001])
    def test_a_priority_that_leaves_no_place_for_the_test_rule_is_refused(self, priority: int) -> None:
        with pytest.raises(ConfigurationError, match=f"Adopted priority is {priority}: give 2 to 50000"):
            Adopted(pattern(new_stack()), priority=priority)

    @pytest.mark.parametrize("priority", [2, 50_000])
    def test_the_first_and_the_last_priority_are_fine(self, priority: int) -> None:
        assert Adopted(pattern(new_stack()), priority=priority).ingress().priority == priority

    def test_another_pattern_is_refused_by_its_name(self) -> None:
        stack = new_stack()
        options = patterns.NetworkLoadBalancedTaskImageOptions(
            image=ecs.ContainerImage.from_registry("inference:1.0.0"), container_port=8080
        )
        made = pattern(stack, patterns.NetworkLoadBalancedFargateService, task_image_options=options)
        with pytest.raises(ConfigurationError, match="is given NetworkLoadBalancedFargateService: give an Application"):
            Adopted(made)


class TestTheExample:
    @staticmethod
    def synthesised(stage: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "examples" / "adopted_service" / "app.py"],
            env={
                **os.environ,
                "CDK_OUTDIR": str(folder),
                "CDK_CONTEXT_JSON": json.dumps({"stage": stage, "release": "4.5.6", **NEW_APP}),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def test_each_stage_keeps_the_logical_ids_of_the_one_before(self, tmp_path: Path) -> None:
        known: dict[str, str] = {}
        for stage in ("pattern", "rolling", "bluegreen"):
            done = self.synthesised(stage, tmp_path / stage)
            assert done.returncode == 0, done.stderr
            template = json.loads((tmp_path / stage / "AdoptedService.template.json").read_text(encoding="utf-8"))
            found = {name: one["Type"] for name, one in template["Resources"].items()}
            assert known.items() <= found.items()
            assert "inference:4.5.6" in str(template)
            assert ("Custom::TrafficRule" in found.values()) == (stage != "pattern")
            known = found

    def test_another_stage_is_refused_with_the_choice(self, tmp_path: Path) -> None:
        done = self.synthesised("green", tmp_path)
        assert done.returncode == 1
        assert done.stderr.strip().endswith("stage is green: give one of pattern, rolling, bluegreen")
