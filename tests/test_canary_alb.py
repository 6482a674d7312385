"""CanaryAlb: what it makes of its sides, and what it tells the engine."""

import json
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk.assertions import Annotations, Match

from bluegreen_constructs import (
    AbsoluteFloor,
    AlarmGuardrail,
    AlarmThresholds,
    AllAtOnce,
    Canary,
    ErrorComparison,
    ExpectedTraffic,
    Ingress,
    LatencyComparison,
    Linear,
    MetricComparison,
    RolloutLimits,
    Split,
    Step,
    Steps,
    Targets,
)
from bluegreen_constructs.engine.handlers.alarm import AlarmPorts, serve
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.phases import pace_of_holds
from bluegreen_constructs.engine.ports import Command
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.smoke_test import SmokeTestPlan
from bluegreen_constructs.engine.target_settings import AlarmName, Compute, HookSettings, TargetSettings
from bluegreen_constructs.testing import InMemoryWorld
from tests.canary_service import (
    canary,
    ecs_service,
    flat,
    function,
    group_of_instances,
    instance,
    new_stack,
    of_auto_scaling_groups,
    of_ecs_services,
    parameter,
    plain,
    ready_group,
    resources,
    settings_in,
    template,
)

MINUTES = timedelta(minutes=1)


def only(found: dict[str, dict]) -> dict:
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))["Properties"]


def made_settings(**options: object) -> TargetSettings:
    return settings_in(template(canary(**options)))


class TestInvariants:
    """What the design says of every template."""

    def test_no_template_names_a_live_weight_or_a_listener_rule(self) -> None:
        for found in (of_auto_scaling_groups(), of_ecs_services()):
            text = json.dumps(found.to_json())
            assert '"Weight"' not in text
            assert "AWS::ElasticLoadBalancingV2::ListenerRule" not in text

    def test_the_template_is_the_same_whoever_is_live_and_whatever_was_rolled_out(self) -> None:
        """Nothing that a rollout changes is an argument, so that two synths cannot differ by it."""
        once = json.dumps(of_ecs_services().to_json())
        of_ecs_services.cache_clear()
        assert json.dumps(of_ecs_services().to_json()) == once
        for what in ("fence", "bluegreen:live", '"DesiredCount"'):
            assert what not in once

    def test_the_strategy_changes_the_settings_and_nothing_that_carries_traffic(self) -> None:
        def rendered(**options: object) -> dict[str, dict]:
            return template(canary(**options)).to_json()["Resources"]

        before = rendered(strategy=Canary(10, 10 * MINUTES), bake=10 * MINUTES)
        after = rendered(strategy=Split(50), stickiness=timedelta(days=1), bake=30 * MINUTES)
        changed = {one["Type"] for name, one in after.items() if before.get(name) != one}
        assert changed == {"AWS::SSM::Parameter", "Custom::TrafficRule"}
        rules = [one["Properties"] for one in after.values() if one["Type"] == "Custom::TrafficRule"]
        # Which the rule's handler reads when it makes the rule, and never again.
        assert sum("InitialStickinessSeconds" in rule for rule in rules) == 1


class TestSettings:
    """What the engine reads from the parameter."""

    def test_the_parameter_is_named_by_the_target_and_says_where_the_engine_is(self) -> None:
        found = plain()
        assert only(resources(found, "AWS::SSM::Parameter"))["Name"] == "/bluegreen/targets/Serving/Model"
        value = parameter(found)
        assert (value["table"], value["state_machine"]) == ("<BlueGreenRolloutTable>", "<BlueGreenRolloutStateMachine>")
        assert settings_in(found).target == "Serving/Model"

    def test_a_target_inside_constructs_stages_and_nested_stacks_has_its_stacks_name(self) -> None:
        app = cdk.App()
        stack = cdk.Stack(cdk.Stage(app, "Prod"), "Serving", stack_name="serving-prod", env=cdk.Environment())
        nested = cdk.NestedStack(stack, "Inner")
        assert canary(nested, vpc=ec2.Vpc(nested, "Vpc")).target == "serving-prod/Inner/Model"

    def test_rules_groups_and_load_balancer_are_those_of_the_template(self) -> None:
        found = of_auto_scaling_groups()
        settings = settings_in(found)
        rules = {
            rule["Properties"]["Priority"]: f"<{name}.RuleArn>"
            for name, rule in resources(found, "Custom::TrafficRule").items()
        }
        assert settings.rule_arn == rules.pop(1000)
        assert set(settings.test_rule_arns) == set(rules.values())
        groups = {f"<{name}>" for name in resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup")}
        assert {settings.blue.group_arn, settings.green.group_arn} == groups
        assert settings.blue.metric_name == settings.blue.group_arn.replace(">", ".TargetGroupFullName>")
        (balancer,) = resources(found, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        assert settings.load_balancer == f"<{balancer}.LoadBalancerFullName>"
        assert not settings.shares_load_balancer

    @pytest.mark.parametrize(
        ("strategy", "steps"),
        [
            (Canary(10, 5 * MINUTES), [(10, 5)]),
            (Linear(25, 10 * MINUTES), [(25, 10), (50, 10), (75, 10)]),
            (Steps([Step(0.1, 5 * MINUTES), Step(25, 10 * MINUTES)]), [(0.1, 5), (25, 10)]),
            (AllAtOnce(), []),
        ],
    )
    def test_a_strategy_is_its_steps(self, strategy: object, steps: list[tuple[float, int]]) -> None:
        settings = made_settings(strategy=strategy)
        assert [(step.percent, step.span / MINUTES) for step in settings.steps] == steps
        assert settings.split is None

    def test_a_split_is_one_step_that_does_not_end(self) -> None:
        settings = made_settings(strategy=Split(20), stickiness=timedelta(days=1))
        assert (settings.split, settings.steps) == (20, Split(20).steps())
        assert settings.stickiness_seconds == 86_400

    def test_a_split_runs_until_somebody_promotes_it(self) -> None:
        settings = made_settings(strategy=Split(20), stickiness=timedelta(days=1))
        world = InMemoryWorld(settings)
        world.rules.healthy[settings.green.group_arn] = 4
        world.begin(Release("b"))
        world.run(minutes=6 * 60)
        assert (world.rollout.phase, world.share, world.rollout.hold) == (Phase.SHIFTING, 20, None)
        now = world.clock.now
        world.store.give(settings.target, Command("promote", "b", "sam", "b has the better effect", now, 0))
        world.run(minutes=6 * 60)
        assert (world.rollout.phase, world.share) == (Phase.PROMOTED, 100)

    @pytest.mark.parametrize(
        ("options", "deadline"),
        [
            ({}, timedelta(hours=36)),
            ({"strategy": Split(20)}, timedelta(days=30)),
            ({"strategy": Split(20), "limits": RolloutLimits(deadline=timedelta(days=300))}, timedelta(days=300)),
            ({"limits": RolloutLimits(deadline=timedelta(days=3))}, timedelta(days=3)),
        ],
    )
    def test_a_split_has_a_deadline_of_weeks_unless_one_is_given(
        self, options: dict[str, object], deadline: timedelta
    ) -> None:
        assert made_settings(**options).deadline == deadline

    def test_how_often_a_split_is_looked_at_is_what_the_limits_say(self) -> None:
        text = RolloutLimits.__doc__ or ""
        for days, said in ((1.5, "about every 2 minutes"), (30, "every 36"), (300, "every 6 hours")):
            settings = made_settings(strategy=Split(20), limits=RolloutLimits(deadline=timedelta(days=days)))
            world = InMemoryWorld(settings)
            world.begin(Release("b"))
            pace = pace_of_holds(world.rollout) / MINUTES
            shown = f"every {pace / 60:g} hours" if pace >= 60 else f"every {pace:.0f}"
            assert shown in said
            assert said in text

    def test_limits_and_bake_are_passed_on_and_durations_are_taken_like_spans(self) -> None:
        settings = made_settings(
            bake=cdk.Duration.minutes(20),
            stickiness=cdk.Duration.hours(1),
            limits=RolloutLimits(
                hold_back=2.5,
                patience=cdk.Duration.minutes(45),
                hold=timedelta(hours=8),
                prepare=timedelta(minutes=11),
                restore=timedelta(minutes=12),
                deadline=timedelta(hours=13),
                drain=timedelta(minutes=14),
                metric_lag=timedelta(minutes=3),
                retained=3,
            ),
        )
        assert settings.bake == timedelta(minutes=20)
        assert settings.stickiness_seconds == 3600
        assert settings.hold_back == 2.5
        assert settings.patience == timedelta(minutes=45)
        assert settings.hold_timeout == timedelta(hours=8)
        assert settings.prepare_timeout == timedelta(minutes=11)
        assert settings.restore_timeout == timedelta(minutes=12)
        assert settings.deadline == timedelta(hours=13)
        assert settings.drain_timeout == timedelta(minutes=14)
        assert settings.metric_lag == timedelta(minutes=3)
        assert settings.retained == 3

    def test_the_defaults_of_construct_and_engine_are_the_same(self) -> None:
        settings, known = (
            made_settings(),
            {one.name: one.default for one in TargetSettings.__dataclass_fields__.values()},
        )
        for name in (
            "bake",
            "hold_back",
            "patience",
            "hold_timeout",
            "prepare_timeout",
            "restore_timeout",
            "deadline",
            "drain_timeout",
            "metric_lag",
            "retained",
        ):
            assert getattr(settings, name) == known[name], name

    def test_every_kind_of_guardrail_reaches_the_engine_alarms_by_name(self) -> None:
        stack = new_stack()
        alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Pages", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:pages")
        given = [
            ErrorComparison(margin=3.0),
            LatencyComparison(slo=timedelta(milliseconds=800)),
            MetricComparison(namespace="App", bad="Refusals", total="Answers"),
            AbsoluteFloor(success_percent=99.0),
        ]
        settings = made_settings(stack=stack, guardrails=[*given, AlarmGuardrail(alarm)])
        assert list(settings.guardrails) == [*given, AlarmName("pages")]

    def test_thresholds_make_alarms_whose_names_reach_the_engine(self) -> None:
        found = template(canary(guardrails=[ErrorComparison(), AlarmThresholds(p95_latency=None)]))
        alarms = resources(found, "AWS::CloudWatch::Alarm")
        own = {one["Properties"]["AlarmName"] for name, one in alarms.items() if name.startswith("Model")}
        names = {one.alarm for one in settings_in(found).guardrails if isinstance(one, AlarmName)}
        assert len(own) == 2
        assert names == own

    def test_without_thresholds_there_is_no_alarm_over_both_sides(self) -> None:
        """Such an alarm goes off when live is at fault, too, and would take an innocent candidate back."""
        found = resources(plain(), "AWS::CloudWatch::Alarm")
        assert not [name for name in found if name.startswith("Model")]

    def test_hooks_keep_their_order_and_smoke_tests_are_one_hook_at_the_place_of_the_first(self) -> None:
        found = of_auto_scaling_groups()
        approval, tests, check = settings_in(found).hooks
        assert approval == HookSettings("release manager", timeout=timedelta(hours=24))
        assert approval.is_approval
        assert check.name == "Check"
        assert (check.stage, check.details) == ("BAKING", {"level": 3})
        assert [one["path"] for one in tests.details["checks"]] == ["/", "/second"]  # type: ignore[attr-defined]
        assert "x-bluegreen-test" in tests.details["headers"]  # type: ignore[operator]

    def test_the_smoke_tests_function_reads_the_details_it_is_given(self) -> None:

        tests = settings_in(of_auto_scaling_groups()).hooks[1]
        plan = SmokeTestPlan.from_details(tests.details)
        assert [check.path for check in plan.checks] == ["/", "/second"]
        assert plan.url.startswith("http://")


class TestSides:
    """Each kind of compute: what becomes of it in the template, and what the engine is told."""

    def test_auto_scaling_groups_are_attached_and_named(self) -> None:
        found = of_auto_scaling_groups()
        settings = settings_in(found)
        for side in (settings.blue, settings.green):
            assert side.compute is Compute.AUTO_SCALING
            group = resources(found, "AWS::AutoScaling::AutoScalingGroup")[side.auto_scaling_group.strip("<>")]
            assert group["Properties"]["TargetGroupARNs"] == [{"Ref": side.group_arn.strip("<>")}]
        found.has_resource_properties(
            "AWS::ElasticLoadBalancingV2::TargetGroup", {"Port": 80, "Protocol": "HTTP", "TargetType": "instance"}
        )

    def test_ecs_services_are_attached_named_and_wait_for_their_rules(self) -> None:
        found = of_ecs_services()
        settings = settings_in(found)
        assert (settings.blue.compute, settings.blue.container) == (Compute.ECS, "web")
        assert (settings.blue.scalable, settings.green.scalable) == (True, False)
        for side in (settings.blue, settings.green):
            (service_id,) = (
                name
                for name, one in resources(found, "AWS::ECS::Service").items()
                if one["Properties"]["LoadBalancers"][0]["TargetGroupArn"] == {"Ref": side.group_arn.strip("<>")}
            )
            service = resources(found, "AWS::ECS::Service")[service_id]
            assert side.service == f"<{service_id}.Name>"
            assert set(resources(found, "Custom::TrafficRule")) <= set(service["DependsOn"])
            assert "DesiredCount" not in service["Properties"]

    def test_instances_are_registered_and_nothing_of_them_is_scaled(self) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of([instance(stack, "One"), instance(stack, "Two")], port=8080),
            "green": Targets.of(instance(stack, "Three"), port=8080),
        }
        found = template(canary(stack, **sides))
        settings = settings_in(found)
        assert settings.blue.compute is settings.green.compute is Compute.FIXED
        group = resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup")[settings.blue.group_arn.strip("<>")]
        assert len(group["Properties"]["Targets"]) == 2

    def test_addresses_are_registered_and_the_load_balancer_may_reach_them(self) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of(["10.0.3.17", "10.0.3.18"], port=9000),
            "green": Targets.of(["10.0.4.17"], port=9000),
        }
        found = template(canary(stack, **sides, vpc=ec2.Vpc(stack, "Own")))
        assert settings_in(found).blue.compute is Compute.FIXED
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::TargetGroup", {"TargetType": "ip", "Port": 9000})
        for address in ("10.0.3.17", "10.0.3.18", "10.0.4.17"):
            found.has_resource_properties(
                "AWS::EC2::SecurityGroup",
                {
                    "SecurityGroupEgress": Match.array_with(
                        [Match.object_like({"CidrIp": f"{address}/32", "FromPort": 9000})]
                    )
                },
            )

    def test_functions_are_targets_without_port_and_health(self) -> None:
        stack = new_stack()
        sides = {"blue": Targets.of(function(stack, "One")), "green": Targets.of(function(stack, "Two"))}
        found = template(canary(stack, **sides, vpc=ec2.Vpc(stack, "Own")))
        assert settings_in(found).green.compute is Compute.LAMBDA
        found.resource_properties_count_is(
            "AWS::ElasticLoadBalancingV2::TargetGroup", {"TargetType": "lambda", "Port": Match.absent()}, 2
        )
        found.resource_properties_count_is(
            "AWS::Lambda::Permission", {"Principal": "elasticloadbalancing.amazonaws.com"}, 2
        )

    def test_a_ready_group_is_taken_as_it_is_and_what_runs_behind_it_may_be_said(self) -> None:
        stack = new_stack()
        runs = group_of_instances(stack, "Runs")
        group = ready_group(stack, "Ready")
        runs.attach_to_application_target_group(group)
        sides = {"blue": Targets.of(group, runs=runs), "green": Targets.of(ready_group(stack, "Other"))}
        found = template(canary(stack, **sides))
        settings = settings_in(found)
        assert (settings.blue.compute, settings.green.compute) == (Compute.AUTO_SCALING, Compute.FIXED)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::TargetGroup", 2)

    def test_only_the_port_of_the_targets_is_opened_between_load_balancer_and_targets(self) -> None:
        found = of_ecs_services()
        opened = [
            rule["Properties"]
            for rule in resources(found, "AWS::EC2::SecurityGroupIngress").values()
            if "SourceSecurityGroupId" in rule["Properties"]
        ]
        assert [(rule["FromPort"], rule["ToPort"]) for rule in opened] == [(8080, 8080)] * 2

    def test_health_checks_draining_and_protocol_are_the_sides_own(self) -> None:
        stack = new_stack()
        sides = {
            side: Targets.of([address], port=8443, tls=True, health_codes="200-299")
            for side, address in (("blue", "10.0.3.17"), ("green", "10.0.3.18"))
        }
        ingress = Ingress(plain_http=True, health_path="/ready", drain=timedelta(seconds=90))
        found = template(canary(stack, **sides, ingress=ingress, vpc=ec2.Vpc(stack, "Own")))
        found.resource_properties_count_is(
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            {
                "Protocol": "HTTPS",
                "HealthCheckPath": "/ready",
                "Matcher": {"HttpCode": "200-299"},
                "TargetGroupAttributes": Match.array_with(
                    [{"Key": "deregistration_delay.timeout_seconds", "Value": "90"}]
                ),
            },
            2,
        )


class TestNetwork:
    """Where the VPC comes from when nobody says it."""

    def test_it_is_that_of_the_auto_scaling_groups_instances_or_clusters(self) -> None:
        for make in (group_of_instances, instance, ecs_service):
            stack = new_stack()
            ec2.Vpc(stack, "Foreign")
            one, two = make(stack, "One"), make(stack, "Two")
            port = None if make is ecs_service else 80
            found = template(canary(stack, blue=Targets.of(one, port=port), green=Targets.of(two, port=port)))
            groups = resources(found, "AWS::ElasticLoadBalancingV2::TargetGroup").values()
            assert {group["Properties"]["VpcId"] for group in groups} == {"vpc-1"}


class TestAlarms:
    """How an alarm reaches the engine."""

    def test_an_alarm_of_a_guardrail_calls_the_engine_with_target_name_state_and_time(self) -> None:
        stack = new_stack()
        alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Pages", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:pages")
        found = template(canary(stack, guardrails=[AlarmGuardrail(alarm)]))
        rule = next(
            one["Properties"]
            for one in resources(found, "AWS::Events::Rule").values()
            if one["Properties"]["EventPattern"]["source"] == ["aws.cloudwatch"]
        )
        assert rule["EventPattern"]["detail"] == {"alarmName": ["pages"], "state": {"value": ["ALARM"]}}
        (target,) = rule["Targets"]
        transformer = target["InputTransformer"]
        event = {"detail": {"alarmName": "pages", "state": {"value": "ALARM"}}, "time": "2026-11-21T12:00:00Z"}
        assert delivered(transformer, event) == {
            "target": "Serving/Model",
            "alarm": "pages",
            "state": "ALARM",
            "now": "2026-11-21T12:00:00Z",
            "rule": settings_in(found).rule_arn,
        }
        assert target["Arn"] == {"Fn::GetAtt": ["BlueGreenRolloutAlarm", "Arn"]}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 900
        assert "DeadLetterConfig" in target
        found.has_resource_properties("AWS::Lambda::Permission", {"Principal": "events.amazonaws.com"})

    @pytest.mark.parametrize("is_table_down", [False, True])
    def test_what_the_rule_delivers_aborts_also_while_the_table_is_down(self, is_table_down: bool) -> None:
        stack = new_stack()
        alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Pages", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:pages")
        found = template(canary(stack, guardrails=[ErrorComparison(), AlarmGuardrail(alarm)]))
        settings = settings_in(found)
        world = InMemoryWorld(settings)
        world.metrics.alarms["pages"] = "OK"
        world.rules.healthy[settings.green.group_arn] = 4
        world.begin(Release("1.4.2"))
        world.run(minutes=10)
        assert world.share
        transformer = next(
            target["InputTransformer"]
            for one in resources(found, "AWS::Events::Rule").values()
            for target in one["Properties"]["Targets"]
            if "InputTransformer" in target
        )
        went_off = {
            "detail": {"alarmName": "pages", "state": {"value": "ALARM"}},
            "time": world.clock.now.isoformat(),
        }
        world.store.is_down = is_table_down
        answer = serve(delivered(transformer, went_off), AlarmPorts(world.rules, world.store, world.executions))
        assert answer["done"] == "RESTORED"
        assert world.share == 0

    def test_without_alarms_nothing_listens(self) -> None:
        found = template(canary())
        sources = [
            one["Properties"]["EventPattern"]["source"] for one in resources(found, "AWS::Events::Rule").values()
        ]
        assert sources == [["aws.states"]]


class TestPushes:
    """A rollout for an image that is pushed."""

    def test_a_push_starts_a_rollout_of_the_tag_that_runs_the_digest(self) -> None:
        stack = new_stack()
        made = canary(stack, blue=Targets.of(ecs_service(stack, "A")), green=Targets.of(ecs_service(stack, "B")))
        made.start_on_push(ecr.Repository.from_repository_name(stack, "Images", "inference"), "v*")
        found = template(made)
        rule = next(
            one["Properties"]
            for one in resources(found, "AWS::Events::Rule").values()
            if one["Properties"]["EventPattern"]["source"] == ["aws.ecr"]
        )
        assert rule["EventPattern"]["detail"] == {
            "action-type": ["PUSH"],
            "result": ["SUCCESS"],
            "repository-name": ["inference"],
            "image-tag": [{"wildcard": "v*"}],
        }
        (target,) = rule["Targets"]
        event = {"detail": {"image-tag": "v1.2", "image-digest": "sha256:ab"}}
        request = delivered(target["InputTransformer"], event)
        assert request["target"] == "Serving/Model"
        assert request["release"]["name"] == "v1.2"
        assert request["release"]["image"].endswith("/inference@sha256:ab")
        assert request["reason"] == "the image was pushed with the tag v1.2"
        role_id = target["RoleArn"]["Fn::GetAtt"][0]
        (policy,) = resources(found, "AWS::IAM::Role")[role_id]["Properties"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "states:StartExecution"
        assert statement["Resource"] == target["Arn"] == {"Ref": "BlueGreenRolloutStateMachine"}


def delivered(transformer: dict, event: dict) -> dict:
    """What EventBridge makes of an input transformer: a bare variable becomes a JSON value, one in a text is text."""

    text = flat(transformer["InputTemplate"])
    for name, path in transformer["InputPathsMap"].items():
        value: object = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]  # type: ignore[index]
        assert f"<{name}>" in text
        text = text.replace(f":<{name}>", f":{json.dumps(value)}").replace(f"<{name}>", str(value))
    return json.loads(text)


class TestDashboardAndOutputs:
    def test_the_dashboard_shows_six_graphs_of_both_sides(self) -> None:
        made = canary()
        made.add_dashboard()

        body = json.loads(flat(only(resources(template(made), "AWS::CloudWatch::Dashboard"))["DashboardBody"]))
        graphs = [widget["properties"] for widget in body["widgets"] if widget["type"] == "metric"]
        assert [graph["metrics"][0][1] for graph in graphs] == [
            "RequestCount",
            "HTTPCode_Target_5XX_Count",
            "TargetResponseTime",
            "TargetConnectionErrorCount",
            "HealthyHostCount",
            "UnHealthyHostCount",
        ]
        assert all([line[-1]["label"] for line in graph["metrics"]] == ["blue", "green"] for graph in graphs)
        assert all(graph["region"] == "eu-west-1" for graph in graphs)

    def test_there_is_no_dashboard_that_nobody_asked_for(self) -> None:
        plain().resource_count_is("AWS::CloudWatch::Dashboard", 0)

    def test_the_outputs_say_the_target_the_dns_name_the_url_and_where_the_secret_is(self) -> None:
        outputs = {key: one["Value"] for key, one in plain().to_json()["Outputs"].items()}
        by_id = {key[:-8]: value for key, value in outputs.items()}  # without the hash
        assert set(by_id) == {"ModelTarget", "ModelLiveRule", "ModelDnsName", "ModelUrl", "ModelCandidateValue"}
        assert flat(by_id["ModelLiveRule"]) == settings_in(plain()).rule_arn
        assert by_id["ModelTarget"] == "Serving/Model"
        assert by_id["ModelDnsName"]["Fn::GetAtt"][1] == "DNSName"
        (secret,) = resources(plain(), "AWS::SecretsManager::Secret")
        assert by_id["ModelCandidateValue"] == {"Ref": secret}


class TestPlan:
    """What is said at synth about what the plan can see."""

    def test_the_power_of_a_plan_is_stated(self) -> None:
        made = canary(
            strategy=Canary(10, timedelta(minutes=40)), expected_traffic=ExpectedTraffic(100, error_rate=0.002)
        )
        Annotations.from_stack(cdk.Stack.of(made)).has_info("/Serving/Model", Match.string_like_regexp("^errors: "))

    def test_without_expected_traffic_there_is_a_warning(self) -> None:
        Annotations.from_stack(cdk.Stack.of(canary())).has_warning(
            "/Serving/Model", Match.string_like_regexp("give expected_traffic=ExpectedTraffic")
        )

    def test_a_split_without_stickiness_says_what_that_means_and_a_sticky_one_says_nothing(self) -> None:
        free = Annotations.from_stack(cdk.Stack.of(canary(strategy=Split(50))))
        free.has_warning("/Serving/Model", Match.string_like_regexp("a user meets both versions"))
        sticky = Annotations.from_stack(cdk.Stack.of(canary(strategy=Split(50), stickiness=timedelta(days=1))))
        sticky.has_no_warning("/Serving/Model", Match.any_value())
