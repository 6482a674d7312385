"""EcsBlueGreenService: what it makes, and what it refuses."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import (
    AlarmGuardrail,
    AlarmThresholds,
    AllAtOnce,
    Canary,
    Container,
    EcsBlueGreenService,
    HttpSmokeTest,
    Ingress,
    Linear,
    Scaling,
    ServiceRules,
    TestTraffic,
    TrafficRule,
)
from bluegreen_constructs.engine.errors import ConfigurationError

CERTIFICATE_ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/6b5ff6b5-0000-4000-8000-000000000000"
LISTENER_ARN = (
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/50dc6c495c0c9188/f2f7dc8efc522ab2"
)
PLAIN = Ingress(health_path="/ready", plain_http=True)


def container(**changes: object) -> Container:
    settings = {"image": ecs.ContainerImage.from_registry("inference:1.0.0"), "port": 8080, **changes}
    return Container(**settings)


def network(stack: cdk.Stack) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        public_subnet_ids=["subnet-public-a", "subnet-public-b"],
        private_subnet_ids=["subnet-private-a", "subnet-private-b"],
    )


def new_stack(**options: object) -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="eu-west-1"), **options)


def service(stack: cdk.Stack | None = None, **options: object) -> EcsBlueGreenService:
    stack = stack or new_stack()
    settings: dict[str, object] = {"ingress": PLAIN, **options}
    if "cluster" not in settings and "vpc" not in settings:
        settings["vpc"] = network(stack)
    if "container" not in settings and "task_definition" not in settings:
        settings["container"] = container()
    return EcsBlueGreenService(stack, "Inference", **settings)


def shared(stack: cdk.Stack, **changes: object) -> Ingress:
    """The ingress of a service on somebody else's listener."""
    group = ec2.SecurityGroup.from_security_group_id(stack, "SharedGroup", "sg-1")
    listener = elbv2.ApplicationListener.from_application_listener_attributes(
        stack, "Shared", listener_arn=LISTENER_ARN, security_group=group
    )
    return Ingress(**{"listener": listener, "priority": 40, "host": "predict.example.com", **changes})


def template(of: EcsBlueGreenService) -> Template:
    return Template.from_stack(cdk.Stack.of(of))


def only(found: dict[str, dict]) -> dict:
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def resources(of: Template, type: str) -> dict[str, dict]:
    return of.find_resources(type)


@pytest.fixture(scope="module")
def full() -> Template:
    """The service with everything on: HTTPS, smoke tests, scaling, secrets, logs."""
    stack = new_stack()
    return template(
        service(
            stack,
            container=container(
                environment={"LOG_LEVEL": "info"},
                secrets={
                    "API_KEY": ecs.Secret.from_secrets_manager(
                        secretsmanager.Secret.from_secret_complete_arn(
                            stack, "Key", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
                        )
                    )
                },
            ),
            ingress=Ingress(
                certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
                host="predict.example.com",
                health_path="/ready",
                access_logs=s3.Bucket.from_bucket_name(stack, "LogBucket", "logs"),
            ),
            hooks=[HttpSmokeTest("/predict", method="POST", body='{"text": "hello"}', expects='"topic"')],
            scaling=Scaling(min=2, max=20, requests_per_target=500),
        )
    )


def deployment_configuration(of: Template) -> dict:
    return only(resources(of, "AWS::ECS::Service"))["Properties"]["DeploymentConfiguration"]


class TestStrategies:
    def test_all_at_once_is_ecs_own_blue_green(self) -> None:
        configuration = deployment_configuration(template(service(strategy=AllAtOnce(), bake=timedelta(minutes=15))))
        assert configuration["Strategy"] == "BLUE_GREEN"
        assert configuration["BakeTimeInMinutes"] == 15
        assert "CanaryConfiguration" not in configuration

    def test_a_canary_says_percent_and_bake(self) -> None:
        configuration = deployment_configuration(
            template(service(strategy=Canary(percent=2.5, bake=cdk.Duration.minutes(7))))
        )
        assert configuration["Strategy"] == "CANARY"
        assert configuration["CanaryConfiguration"] == {"CanaryPercent": 2.5, "CanaryBakeTimeInMinutes": 7}

    def test_linear_says_step_and_time_between_steps(self) -> None:
        configuration = deployment_configuration(
            template(service(strategy=Linear(percent=20, every=timedelta(minutes=3))))
        )
        assert configuration["Strategy"] == "LINEAR"
        assert configuration["LinearConfiguration"] == {"StepPercent": 20, "StepBakeTimeInMinutes": 3}

    def test_without_hooks_an_empty_list_is_written_so_that_removed_hooks_do_not_go_on(self) -> None:
        configuration = deployment_configuration(template(service()))
        assert configuration["LifecycleHooks"] == []

    def test_without_alarms_an_empty_list_is_written_so_that_removed_alarms_do_not_go_on(self) -> None:
        none = AlarmThresholds(error_rate_percent=None, p95_latency=None, unhealthy_targets=None)
        configuration = deployment_configuration(template(service(alarms=none)))
        assert configuration["Alarms"] == {"AlarmNames": [], "Enable": False, "Rollback": False}

    def test_the_circuit_breaker_is_on_and_rolls_back(self) -> None:
        assert deployment_configuration(template(service()))["DeploymentCircuitBreaker"] == {
            "Enable": True,
            "Rollback": True,
        }

    def test_the_circuit_breaker_can_be_left_out(self) -> None:
        configuration = deployment_configuration(template(service(circuit_breaker=False)))
        assert configuration["DeploymentCircuitBreaker"] == {"Enable": False, "Rollback": False}

    def test_ecs_controls_the_deployment(self, full: Template) -> None:
        full.has_resource_properties("AWS::ECS::Service", {"DeploymentController": {"Type": "ECS"}})


class TestTheTwoSides:
    def test_the_service_names_both_groups_and_both_rules(self, full: Template) -> None:
        (balancer,) = only(resources(full, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        groups = resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup")
        rules = resources(full, "Custom::TrafficRule")
        assert {
            balancer["TargetGroupArn"]["Ref"],
            balancer["AdvancedConfiguration"]["AlternateTargetGroupArn"]["Ref"],
        } == set(groups)
        named = [
            balancer["AdvancedConfiguration"][key]["Fn::GetAtt"]
            for key in ("ProductionListenerRule", "TestListenerRule")
        ]
        assert {rule for rule, _ in named} == set(rules)
        assert {attribute for _, attribute in named} == {"RuleArn"}

    def test_both_rules_forward_to_both_groups(self, full: Template) -> None:
        groups = set(resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup"))
        for rule in resources(full, "Custom::TrafficRule").values():
            assert {rule["Properties"]["Blue"]["Ref"], rule["Properties"]["Green"]["Ref"]} == groups

    def test_both_groups_are_alike_so_that_the_sides_are(self, full: Template) -> None:
        blue, green = resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup").values()
        assert blue == green

    def test_the_test_rule_comes_before_production_or_its_header_would_never_be_read(self, full: Template) -> None:
        by_priority = sorted(
            resources(full, "Custom::TrafficRule").values(), key=lambda rule: rule["Properties"]["Priority"]
        )
        fields = [[condition["Field"] for condition in rule["Properties"]["Conditions"]] for rule in by_priority]
        assert fields == [["host-header", "http-header"], ["host-header"]]

    def test_the_generated_test_header_is_the_random_part_of_the_stack_id(self, full: Template) -> None:
        rules = resources(full, "Custom::TrafficRule").values()
        (header,) = [c for rule in rules for c in rule["Properties"]["Conditions"] if c["Field"] == "http-header"]
        assert header["HttpHeaderConfig"]["Values"] == [
            {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
        ]

    def test_no_listener_has_production_as_its_default(self, full: Template) -> None:
        for listener in resources(full, "AWS::ElasticLoadBalancingV2::Listener").values():
            (action,) = listener["Properties"]["DefaultActions"]
            assert action["Type"] in ("fixed-response", "redirect")

    def test_no_listener_rule_is_left_to_cloudformation(self, full: Template) -> None:
        full.resource_count_is("AWS::ElasticLoadBalancingV2::ListenerRule", 0)

    def test_production_starts_on_one_side_and_both_rules_are_what_their_names_say(self, full: Template) -> None:
        (balancer,) = only(resources(full, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        rules = resources(full, "Custom::TrafficRule")
        named = {
            key: rules[balancer["AdvancedConfiguration"][key]["Fn::GetAtt"][0]]["Properties"]
            for key in ("ProductionListenerRule", "TestListenerRule")
        }
        assert named["ProductionListenerRule"]["InitialCandidateWeight"] == 0
        assert [c["Field"] for c in named["ProductionListenerRule"]["Conditions"]] == ["host-header"]
        assert "http-header" in [c["Field"] for c in named["TestListenerRule"]["Conditions"]]

    def test_a_changed_port_replaces_no_group(self) -> None:
        def groups(port: int) -> dict[str, dict]:
            made = service(container=container(port=port))
            return resources(template(made), "AWS::ElasticLoadBalancingV2::TargetGroup")

        assert groups(8080) == groups(9090)

    def test_the_groups_say_how_long_they_drain_and_what_they_ask(self) -> None:
        ingress = Ingress(plain_http=True, health_path="/ready", drain=timedelta(seconds=75))
        group, _ = resources(template(service(ingress=ingress)), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
        assert group["Properties"]["HealthCheckPath"] == "/ready"
        attributes = {one["Key"]: one["Value"] for one in group["Properties"]["TargetGroupAttributes"]}
        assert attributes["deregistration_delay.timeout_seconds"] == "75"

    def test_the_load_balancer_reaches_the_tasks_port(self) -> None:
        found = template(service(container=container(port=9090)))
        (path,) = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        assert path["Properties"]["FromPort"] == 9090

    def test_ecs_may_move_only_these_rules_and_groups(self, full: Template) -> None:
        rules = set(resources(full, "Custom::TrafficRule"))
        groups = set(resources(full, "AWS::ElasticLoadBalancingV2::TargetGroup"))
        (role,) = [
            r
            for r in resources(full, "AWS::IAM::Role").values()
            if "moves the weights" in r["Properties"].get("Description", "")
        ]
        (policy,) = role["Properties"]["Policies"]
        targets, modify, describe = policy["PolicyDocument"]["Statement"]
        assert {entry["Ref"] for entry in targets["Resource"]} == groups
        assert modify["Action"] == "elasticloadbalancing:ModifyRule"
        assert {entry["Fn::GetAtt"][0] for entry in modify["Resource"]} == rules
        assert set(targets["Action"]) == {
            "elasticloadbalancing:RegisterTargets",
            "elasticloadbalancing:DeregisterTargets",
        }
        assert set(describe["Action"]) == {
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTargetGroups",
            "elasticloadbalancing:DescribeTargetHealth",
        }


class TestTheRuleNeverChanges:
    """I2: nothing but the rule's own settings may change a byte of it, or a stack update could touch live weights."""

    @staticmethod
    def rules(build: Callable[[cdk.Stack], EcsBlueGreenService], tag: str = "a") -> dict[str, dict]:
        stack = new_stack()
        cdk.Tags.of(stack.node.root).add("commit", tag)
        return resources(template(build(stack)), "Custom::TrafficRule")

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param({"container": "inference:2.0.0"}, id="image"),
            pytest.param({"environment": {"LOG_LEVEL": "debug"}}, id="environment"),
            pytest.param({"certificate": CERTIFICATE_ARN.replace("6b5f", "7c60")}, id="certificate"),
            pytest.param({"tag": "0d1e2f3"}, id="tags of the whole app"),
        ],
    )
    def test_the_rules_are_byte_identical_when_something_else_changes(self, changed: dict[str, object]) -> None:
        def build(settings: dict[str, object]) -> Callable[[cdk.Stack], EcsBlueGreenService]:
            return lambda stack: service(
                stack,
                container=container(
                    image=ecs.ContainerImage.from_registry(str(settings.get("container", "inference:1.0.0"))),
                    environment=settings.get("environment", {}),
                ),
                ingress=Ingress(
                    certificate=acm.Certificate.from_certificate_arn(
                        stack, "Certificate", str(settings.get("certificate", CERTIFICATE_ARN))
                    ),
                ),
            )

        assert self.rules(build({})) == self.rules(build(changed), tag=str(changed.get("tag", "a")))


class TestAlarms:
    def test_three_alarms_watch_both_sides_and_all_are_named_in_the_deployment(self, full: Template) -> None:
        alarms = resources(full, "AWS::CloudWatch::Alarm")
        assert len(alarms) == 3
        assert {name["Ref"] for name in deployment_configuration(full)["Alarms"]["AlarmNames"]} == set(alarms)
        for alarm in alarms.values():
            groups = {
                str(dimension["Value"])
                for metric in alarm["Properties"]["Metrics"]
                if "MetricStat" in metric
                for dimension in metric["MetricStat"]["Metric"]["Dimensions"]
                if dimension["Name"] == "TargetGroup"
            }
            assert len(groups) == 2

    def test_a_minute_without_data_sets_no_alarm_off(self, full: Template) -> None:
        for alarm in resources(full, "AWS::CloudWatch::Alarm").values():
            assert alarm["Properties"]["TreatMissingData"] == "notBreaching"
            wait = 3 if "fail their health check" in alarm["Properties"]["AlarmDescription"] else 2
            assert alarm["Properties"]["DatapointsToAlarm"] == wait
            assert alarm["Properties"]["EvaluationPeriods"] == wait + 3

    def test_the_error_rate_counts_refused_connections_and_has_a_floor_of_requests(self) -> None:
        found = template(service(alarms=AlarmThresholds(requests_floor=37)))
        (alarm,) = [
            a
            for a in resources(found, "AWS::CloudWatch::Alarm").values()
            if "failed requests" in a["Properties"]["AlarmDescription"]
        ]
        metrics = alarm["Properties"]["Metrics"]
        assert {m["MetricStat"]["Metric"]["MetricName"] for m in metrics if "MetricStat" in m} == {
            "RequestCount",
            "HTTPCode_Target_5XX_Count",
            "TargetConnectionErrorCount",
            "HTTPCode_ELB_5XX_Count",
        }
        (expression,) = [m["Expression"] for m in metrics if "Expression" in m]
        assert expression.count(">37") == 3

    def test_on_a_shared_load_balancer_its_own_answers_are_not_counted_for_this_service(self) -> None:
        stack = new_stack()
        found = template(service(stack, ingress=shared(stack)))
        text = str(resources(found, "AWS::CloudWatch::Alarm"))
        assert "HTTPCode_ELB_5XX_Count" not in text
        assert "xl" not in text

    def test_the_load_balancer_of_a_shared_listener_is_read_from_the_listeners_name(self) -> None:
        stack = new_stack()
        found = template(service(stack, ingress=shared(stack)))
        (alarm, *_) = resources(found, "AWS::CloudWatch::Alarm").values()
        (metric, *_) = alarm["Properties"]["Metrics"]
        values = {one["Name"]: one["Value"] for one in metric["MetricStat"]["Metric"]["Dimensions"]}
        assert values["LoadBalancer"] == "app/shared/50dc6c495c0c9188"
        assert values["TargetGroup"]["Fn::Select"][0] == 5

    def test_a_model_that_loads_for_ten_minutes_sets_no_alarm_off_while_it_loads(self) -> None:
        slow = Ingress(plain_http=True, health_path="/ready", grace=timedelta(minutes=10))
        found = template(service(ingress=slow))
        found.has_resource_properties("AWS::ECS::Service", {"HealthCheckGracePeriodSeconds": 600})
        (alarm,) = [
            one
            for one in resources(found, "AWS::CloudWatch::Alarm").values()
            if "fail their health check" in one["Properties"]["AlarmDescription"]
        ]
        assert alarm["Properties"]["DatapointsToAlarm"] == 12

    def test_an_alarm_of_ones_own_joins_the_built_in_ones(self) -> None:
        stack = new_stack()
        own = [cloudwatch.Alarm.from_alarm_name(stack, f"Own{n}", f"own-{n}") for n in range(2)]
        found = deployment_configuration(template(service(stack, guardrails=[AlarmGuardrail(alarm) for alarm in own])))
        assert found["Alarms"]["AlarmNames"][3:] == ["own-0", "own-1"]
        assert found["Alarms"]["Rollback"] is True

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"error_rate_percent": 0}, "error_rate_percent is 0"),
            ({"error_rate_percent": 100}, "less than 100"),
            ({"p95_latency": timedelta()}, "p95_latency is 0"),
            ({"unhealthy_targets": 0}, "1 or more, or None"),
            ({"requests_floor": -1}, "0 or more"),
        ],
    )
    def test_thresholds_that_say_nothing_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            AlarmThresholds(**settings)


class TestHooks:
    def test_the_smoke_test_runs_after_the_test_traffic_shift_with_its_plan(self, full: Template) -> None:
        (hook,) = deployment_configuration(full)["LifecycleHooks"]
        assert hook["LifecycleStages"] == ["POST_TEST_TRAFFIC_SHIFT"]
        details = str(hook["HookDetails"])
        assert "/predict" in details
        assert "predict.example.com" in details

    def test_the_hooks_permission_is_inside_its_role_so_that_no_deployment_outruns_it(self, full: Template) -> None:
        (hook,) = deployment_configuration(full)["LifecycleHooks"]
        role = resources(full, "AWS::IAM::Role")[hook["RoleArn"]["Fn::GetAtt"][0]]
        (policy,) = role["Properties"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "lambda:InvokeFunction"
        assert statement["Resource"] == hook["HookTargetArn"]

    def test_an_internal_load_balancer_is_tested_from_inside_the_vpc(self) -> None:
        found = template(service(ingress=Ingress(internet_facing=False), hooks=[HttpSmokeTest("/ready")]))
        found.has_resource_properties(
            "AWS::Lambda::Function",
            {
                "Handler": "engine.handlers.smoke_test.handler",
                "VpcConfig": {
                    "SubnetIds": ["subnet-private-a", "subnet-private-b"],
                    "SecurityGroupIds": Match.any_value(),
                },
            },
        )

    def test_smoke_tests_of_an_internal_load_balancer_are_let_in(self) -> None:
        found = template(service(ingress=Ingress(internet_facing=False), hooks=[HttpSmokeTest("/ready")]))
        admitted = [
            rule["Properties"]
            for rule in resources(found, "AWS::EC2::SecurityGroupIngress").values()
            if rule["Properties"]["FromPort"] == 80
        ]
        assert len(admitted) == 1
        assert "SmokeTest" in str(admitted[0]["SourceSecurityGroupId"])

    @pytest.mark.parametrize("host", [None, "*.example.com"])
    def test_smoke_tests_over_https_without_a_name_of_the_certificate_are_refused(self, host: str | None) -> None:
        stack = new_stack()
        certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)
        with pytest.raises(ConfigurationError, match="a name that the certificate is for"):
            service(stack, ingress=Ingress(certificate=certificate, host=host), hooks=[HttpSmokeTest("/ready")])

    def test_smoke_tests_that_could_not_reach_the_load_balancer_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="use a test header without sources, or internet_facing=False"):
            service(ingress=Ingress(plain_http=True, sources=("192.0.2.0/24",)), hooks=[HttpSmokeTest("/ready")])

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"path": "predict"}, "start it with /"),
            ({"path": "/a b"}, "escape spaces"),
            ({"path": "/", "method": "FETCH"}, "use one of GET"),
            ({"path": "/", "statuses": ()}, "at least one"),
            ({"path": "/", "statuses": (99,)}, "between 100 and 599"),
            ({"path": "/", "timeout": timedelta(seconds=61)}, "at most 60 s"),
            ({"path": "/", "timeout": 5}, "datetime.timedelta or an aws_cdk.Duration"),
        ],
    )
    def test_smoke_tests_that_cannot_run_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            HttpSmokeTest(**settings)


class TestIngress:
    def test_https_has_a_redirect_from_port_80(self, full: Template) -> None:
        full.has_resource_properties("AWS::ElasticLoadBalancingV2::Listener", {"Port": 443, "Protocol": "HTTPS"})
        full.has_resource_properties(
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "Port": 80,
                "DefaultActions": [
                    Match.object_like(
                        {"Type": "redirect", "RedirectConfig": Match.object_like({"Protocol": "HTTPS", "Port": "443"})}
                    )
                ],
            },
        )

    def test_a_certificate_that_comes_later_keeps_the_listener_of_port_80(self) -> None:
        def port_80(with_certificate: bool) -> tuple[str, str]:
            stack = new_stack()
            certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)
            made = service(stack, ingress=Ingress(certificate=certificate) if with_certificate else PLAIN)
            ((name, listener),) = [
                (name, one)
                for name, one in resources(template(made), "AWS::ElasticLoadBalancingV2::Listener").items()
                if one["Properties"]["Port"] == 80
            ]
            return name, listener["Properties"]["DefaultActions"][0]["Type"]

        assert port_80(with_certificate=False) == (port_80(with_certificate=True)[0], "fixed-response")
        assert port_80(with_certificate=True)[1] == "redirect"

    def test_a_service_of_some_paths_on_an_imported_listener_has_no_url_to_tell(self) -> None:
        stack = new_stack()
        made = service(stack, ingress=shared(stack, host=None, paths=("/predict",)))
        assert made.url is None
        assert "Url" not in str(template(made).to_json()["Outputs"])

    def test_a_wildcard_host_is_answered_and_not_shown_as_an_address(self) -> None:
        made = service(ingress=Ingress(plain_http=True, host="*.example.com"))
        assert "*" not in str(template(made).to_json()["Outputs"])

    def test_a_shared_listener_gets_two_rules_and_nothing_else_of_a_load_balancer(self) -> None:
        stack = new_stack()
        listener = elbv2.ApplicationListener.from_application_listener_attributes(
            stack,
            "Shared",
            listener_arn=LISTENER_ARN,
            security_group=ec2.SecurityGroup.from_security_group_id(stack, "SharedGroup", "sg-1"),
        )
        made = service(stack, ingress=Ingress(listener=listener, priority=40, host="predict.example.com"))
        found = template(made)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::Listener", 0)
        rules = resources(found, "Custom::TrafficRule").values()
        assert sorted(rule["Properties"]["Priority"] for rule in rules) == [39, 40]
        assert {rule["Properties"]["ListenerArn"] for rule in rules} == {LISTENER_ARN}
        assert made.url == "https://predict.example.com"

    def test_an_existing_load_balancer_gets_listeners(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        balancer = elbv2.ApplicationLoadBalancer.from_application_load_balancer_attributes(
            stack,
            "Existing",
            load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188",
            load_balancer_dns_name="edge.example.com",
            security_group_id="sg-1",
            vpc=vpc,
        )
        certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN)
        made = service(stack, vpc=vpc, ingress=Ingress(load_balancer=balancer, certificate=certificate))
        found = template(made)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::LoadBalancer", 0)
        ports = {
            one["Properties"]["Port"] for one in resources(found, "AWS::ElasticLoadBalancingV2::Listener").values()
        }
        assert ports == {443, 80}
        opened = resources(found, "AWS::EC2::SecurityGroupIngress").values()
        ports = [rule["Properties"]["FromPort"] for rule in opened if rule["Properties"]["GroupId"] == "sg-1"]
        assert sorted(ports) == [80, 443]
        assert made.url == "https://edge.example.com"

    def test_many_services_share_one_listener(self) -> None:
        stack = new_stack()
        listener = elbv2.ApplicationListener.from_application_listener_attributes(
            stack,
            "Shared",
            listener_arn=LISTENER_ARN,
            security_group=ec2.SecurityGroup.from_security_group_id(stack, "SharedGroup", "sg-1"),
        )
        vpc = network(stack)
        for number, name in enumerate(("Search", "Ranking")):
            EcsBlueGreenService(
                stack,
                name,
                vpc=vpc,
                container=container(),
                ingress=Ingress(listener=listener, priority=10 * (number + 1), host=f"{name.lower()}.example.com"),
            )
        found = Template.from_stack(stack)
        found.resource_count_is("Custom::TrafficRule", 4)
        handlers = [
            f
            for f in resources(found, "AWS::Lambda::Function").values()
            if "traffic_rule" in f["Properties"]["Handler"]
        ]
        assert len(handlers) == 1

    def test_rules_made_in_another_stack_are_used_as_they_are(self) -> None:
        app = cdk.App()
        env = cdk.Environment(account="123456789012", region="eu-west-1")
        edge, own = cdk.Stack(app, "Edge", env=env), cdk.Stack(app, "Own", env=env)
        vpc = network(edge)
        balancer = elbv2.ApplicationLoadBalancer(edge, "LoadBalancer", vpc=vpc)
        listener = balancer.add_listener("Listener", port=80, default_action=elbv2.ListenerAction.fixed_response(404))
        groups = {
            side.lower(): elbv2.ApplicationTargetGroup(
                edge, side, vpc=vpc, port=8080, protocol=elbv2.ApplicationProtocol.HTTP, target_type=elbv2.TargetType.IP
            )
            for side in ("Blue", "Green")
        }
        production = TrafficRule(
            edge,
            "Production",
            listener=listener,
            priority=2,
            conditions=[elbv2.ListenerCondition.path_patterns(["/*"])],
            **groups,
        )
        test = TrafficRule(
            edge,
            "Test",
            listener=listener,
            priority=1,
            conditions=[elbv2.ListenerCondition.http_header("x-test", ["secret"])],
            **groups,
        )
        service(own, ingress=Ingress(rules=ServiceRules(production, test)), vpc=vpc)
        found = Template.from_stack(own)
        found.resource_count_is("Custom::TrafficRule", 0)
        found.resource_count_is("AWS::ElasticLoadBalancingV2::TargetGroup", 0)
        (balancer_entry,) = only(resources(found, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        assert all(
            "Fn::ImportValue" in balancer_entry["AdvancedConfiguration"][key]
            for key in ("ProductionListenerRule", "TestListenerRule")
        )

    def test_a_test_listener_is_closed_to_all_but_its_sources(self) -> None:
        found = template(service(test_traffic=TestTraffic.listener(9000, sources=["192.0.2.0/24"])))
        groups = resources(found, "AWS::EC2::SecurityGroup").values()
        opened = [
            rule
            for group in groups
            for rule in group["Properties"].get("SecurityGroupIngress", [])
            if rule["FromPort"] == 9000
        ]
        assert [rule["CidrIp"] for rule in opened] == ["192.0.2.0/24"]
        ports = {
            listener["Properties"]["Port"]
            for listener in resources(found, "AWS::ElasticLoadBalancingV2::Listener").values()
        }
        assert ports == {80, 9000}

    def test_an_internal_load_balancer_admits_the_vpc_only(self) -> None:
        found = template(service(ingress=Ingress(internet_facing=False)))
        found.has_resource_properties("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"})
        found.has_resource_properties(
            "AWS::EC2::SecurityGroup",
            {"SecurityGroupIngress": [Match.object_like({"CidrIp": "10.0.0.0/16", "FromPort": 80})]},
        )

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({}, "internet-facing without a certificate"),
            ({"plain_http": True, "priority": 5}, "priority 5 without listener"),
            ({"plain_http": True, "host": "https://x.example.com"}, "without scheme"),
            ({"plain_http": True, "paths": ("predict",)}, "start it with /"),
            ({"plain_http": True, "health_path": "ready"}, "start it with /"),
            ({"plain_http": True, "host": "a.example.com", "paths": ("/a", "/b", "/c", "/d")}, "give at most 4"),
            ({"plain_http": True, "drain": timedelta(hours=2)}, "at most 3600 s"),
            ({"plain_http": True, "grace": timedelta(hours=2)}, "give at most 1 h"),
        ],
    )
    def test_settings_that_contradict_each_other_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Ingress(**settings)

    def test_a_listener_without_priority_is_refused(self) -> None:
        stack = new_stack()
        listener = elbv2.ApplicationListener.from_application_listener_attributes(
            stack,
            "Shared",
            listener_arn=LISTENER_ARN,
            security_group=ec2.SecurityGroup.from_security_group_id(stack, "G", "sg-1"),
        )
        with pytest.raises(ConfigurationError, match="a listener without priority"):
            Ingress(listener=listener)
        with pytest.raises(ConfigurationError, match="between 2 and 50000"):
            Ingress(listener=listener, priority=1)

    def test_a_test_listener_on_a_shared_load_balancer_is_refused(self) -> None:
        stack = new_stack()
        listener = elbv2.ApplicationListener.from_application_listener_attributes(
            stack,
            "Shared",
            listener_arn=LISTENER_ARN,
            security_group=ec2.SecurityGroup.from_security_group_id(stack, "G", "sg-1"),
        )
        with pytest.raises(ConfigurationError, match=r"use TestTraffic.header\(\)"):
            service(
                stack,
                ingress=Ingress(listener=listener, priority=5),
                test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/8"]),
            )

    def test_access_logs_in_a_stack_without_a_region_are_refused(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack")
        with pytest.raises(ConfigurationError, match="set the stack's env region"):
            service(
                stack, ingress=Ingress(plain_http=True, access_logs=s3.Bucket.from_bucket_name(stack, "Logs", "logs"))
            )

    def test_a_guessable_test_header_on_the_internet_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="leave the value out to have one generated"):
            service(test_traffic=TestTraffic.header("x-test", "true"))

    def test_a_short_test_header_inside_the_vpc_is_accepted(self) -> None:
        service(ingress=Ingress(internet_facing=False), test_traffic=TestTraffic.header("x-test", "true"))

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: TestTraffic.header("x test"), "letters, digits and hyphens"),
            (lambda: TestTraffic.header("x_test"), "letters, digits and hyphens"),
            (lambda: TestTraffic(header_name="Host", header_value="*"), "use another header"),
            (lambda: TestTraffic.header("Host"), "use another header"),
            (lambda: TestTraffic.header("x-test", "*"), "wildcards"),
            (lambda: TestTraffic.listener(443, sources=["10.0.0.0/8"]), "a port of its own"),
            (lambda: TestTraffic.listener(9000, sources=[]), "name the CIDRs"),
        ],
    )
    def test_test_traffic_that_cannot_be_is_refused(self, make: Callable[[], TestTraffic], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()


class TestScaling:
    def test_requests_are_counted_over_both_sides(self, full: Template) -> None:
        policy = only(resources(full, "AWS::ApplicationAutoScaling::ScalingPolicy"))["Properties"]
        metrics = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]["Metrics"]
        assert [m["Expression"] for m in metrics if "Expression" in m] == ["FILL(tb,0)+FILL(tg,0)"]
        assert len([m for m in metrics if "MetricStat" in m]) == 2

    def test_a_scaled_service_has_no_task_count_in_the_template_that_an_update_would_reset(
        self, full: Template
    ) -> None:
        assert "DesiredCount" not in only(resources(full, "AWS::ECS::Service"))["Properties"]

    def test_an_unscaled_service_has_its_task_count(self) -> None:
        found = template(service(scaling=Scaling(min=3)))
        found.has_resource_properties("AWS::ECS::Service", {"DesiredCount": 3})
        found.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"min": 0}, "at least 1 task"),
            ({"min": 3, "max": 2}, "give at least 3"),
            ({"min": 2, "max": 4}, "give requests_per_target"),
            ({"requests_per_target": 10}, "without max"),
            ({"max": 4, "requests_per_target": 0}, "give 1 or more"),
        ],
    )
    def test_bounds_that_cannot_hold_are_refused(self, settings: dict[str, int], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            Scaling(**settings)


class TestTasks:
    def test_secrets_are_read_when_a_task_starts_and_settings_are_plain(self, full: Template) -> None:
        (definition,) = only(resources(full, "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert definition["Environment"] == [{"Name": "LOG_LEVEL", "Value": "info"}]
        assert [secret["Name"] for secret in definition["Secrets"]] == ["API_KEY"]

    def test_the_container_has_the_name_of_the_service(self, full: Template) -> None:
        (definition,) = only(resources(full, "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert definition["Name"] == "Inference"

    def test_a_sidecar_can_be_added(self) -> None:
        made = service()
        made.task_definition.add_container(
            "Telemetry", image=ecs.ContainerImage.from_registry("telemetry:1"), essential=False
        )
        definition = only(resources(template(made), "AWS::ECS::TaskDefinition"))["Properties"]["ContainerDefinitions"]
        assert [entry["Name"] for entry in definition] == ["Inference", "Telemetry"]

    def test_a_task_definition_of_ones_own_is_used_with_its_port(self) -> None:
        stack = new_stack()
        definition = ecs.FargateTaskDefinition(stack, "Own")
        definition.add_container(
            "Web", image=ecs.ContainerImage.from_registry("web:1"), port_mappings=[ecs.PortMapping(container_port=9090)]
        )
        found = template(service(stack, task_definition=definition))
        (balancer,) = only(resources(found, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        assert (balancer["ContainerName"], balancer["ContainerPort"]) == ("Web", 9090)

    def test_private_tasks_have_no_public_address(self, full: Template) -> None:
        assert (
            only(resources(full, "AWS::ECS::Service"))["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"][
                "AssignPublicIp"
            ]
            == "DISABLED"
        )

    def test_tasks_in_public_subnets_get_public_addresses_or_they_could_not_pull_their_image(self) -> None:
        found = template(service(subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)))
        configuration = only(resources(found, "AWS::ECS::Service"))["Properties"]["NetworkConfiguration"][
            "AwsvpcConfiguration"
        ]
        assert configuration["AssignPublicIp"] == "ENABLED"
        assert configuration["Subnets"] == ["subnet-public-a", "subnet-public-b"]

    def test_without_cluster_and_vpc_both_are_made(self) -> None:
        stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(region="eu-west-1"))
        EcsBlueGreenService(stack, "Inference", ingress=PLAIN, container=container())
        found = Template.from_stack(stack)
        found.resource_count_is("AWS::EC2::VPC", 1)
        found.resource_count_is("AWS::ECS::Cluster", 1)

    def test_an_existing_cluster_is_used(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=vpc)
        found = template(service(stack, cluster=cluster))
        found.resource_count_is("AWS::ECS::Cluster", 0)
        found.has_resource_properties("AWS::ECS::Service", {"Cluster": "shared"})

    def test_the_service_can_be_granted_access_to_a_database(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        made = service(stack, vpc=vpc)
        database = ec2.Connections(
            security_groups=[ec2.SecurityGroup(stack, "Database", vpc=vpc)], default_port=ec2.Port.tcp(5432)
        )
        database.allow_default_port_from(made)
        Template.from_stack(stack).has_resource_properties("AWS::EC2::SecurityGroupIngress", {"FromPort": 5432})

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"cpu": 300}, "Fargate has 256, 512"),
            ({"cpu": 256, "memory_mib": 4096}, "Fargate allows 512, 1024, 2048"),
            ({"cpu": 8192, "memory_mib": 17000}, "16384 to 61440 in steps of 4096"),
            ({"port": 0}, "between 1 and 65535"),
            ({"stop_timeout": timedelta(seconds=121)}, "at most 120 s"),
            ({"environment": {"KEY": "a"}, "secrets": {"KEY": None}}, "in both environment and secrets"),
        ],
    )
    def test_containers_that_fargate_cannot_run_are_refused(self, settings: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            container(**settings)


class TestRefusals:
    """Every row of the trap table that the CDK lets through and ECS or CloudFormation refuses at deploy."""

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"bake": timedelta(days=3)}, "at most 1440 minutes"),
            ({"bake": timedelta(seconds=90)}, "whole minutes"),
            ({"bake": -timedelta(minutes=1)}, "negative"),
            ({"bake": 10}, "datetime.timedelta or an aws_cdk.Duration"),
            ({"strategy": Linear(percent=3, every=timedelta(minutes=1440))}, r"allows an ECS deployment 33 h"),
            ({"strategy": Linear(percent=2, every=timedelta(minutes=1))}, "steps of 3 percent or more"),
            ({"strategy": Canary(percent=5, bake=timedelta(seconds=30))}, "Canary bake is 0:00:30"),
            ({"strategy": Canary(percent=5, bake=timedelta(hours=25))}, "at most 1440 minutes"),
            ({"strategy": Canary(percent=5, bake=timedelta(minutes=2))}, "give at least 3 min"),
            ({"strategy": Canary(percent=5, bake=timedelta(0))}, "give at least 3 min"),
            (
                {"strategy": Linear(percent=50, every=timedelta(hours=24)), "bake": timedelta(hours=10)},
                "take 34 h together",
            ),
            ({"strategy": "canary"}, "use AllAtOnce, Canary or Linear"),
        ],
    )
    def test_what_ecs_or_cloudformation_would_refuse_is_refused_at_synth(
        self, options: dict[str, object], said: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=said):
            service(**options)

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Canary(percent=0, bake=timedelta(minutes=1)), "above 0"),
            (lambda: Canary(percent=100, bake=timedelta(minutes=1)), "at most 99.9"),
            (lambda: Canary(percent=0.25, bake=timedelta(minutes=1)), "multiple of 0.1"),
            (lambda: Linear(percent=True, every=timedelta(minutes=1)), "above 0"),
        ],
    )
    def test_percentages_that_a_rule_cannot_express_are_refused(self, make: Callable[[], object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()

    def test_both_of_cluster_and_vpc_are_refused(self) -> None:
        stack = new_stack()
        vpc = network(stack)
        cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=vpc)
        with pytest.raises(ConfigurationError, match="both cluster and vpc"):
            service(stack, vpc=vpc, cluster=cluster)

    def test_neither_or_both_of_container_and_task_definition_are_refused(self) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="both container and task_definition"):
            service(stack, container=container(), task_definition=ecs.FargateTaskDefinition(stack, "Own"))

    def test_a_task_definition_without_a_port_is_refused(self) -> None:
        stack = new_stack()
        definition = ecs.FargateTaskDefinition(stack, "Own")
        definition.add_container("Web", image=ecs.ContainerImage.from_registry("web:1"))
        with pytest.raises(ConfigurationError, match="no container with a port"):
            service(stack, task_definition=definition)

    def test_a_vpc_with_one_zone_is_refused(self) -> None:
        stack = new_stack()
        vpc = ec2.Vpc.from_vpc_attributes(
            stack, "Small", vpc_id="vpc-2", availability_zones=["eu-west-1a"], private_subnet_ids=["subnet-1"]
        )
        with pytest.raises(ConfigurationError, match="two zones or more"):
            service(stack, vpc=vpc)

    def test_a_test_rule_that_would_never_be_looked_at_is_refused(self) -> None:
        made = service()
        with pytest.raises(ConfigurationError, match="give the test rule a lower number"):
            ServiceRules(made.test_rule, made.production_rule)
        with pytest.raises(ConfigurationError, match="give the test rule a lower number"):
            ServiceRules(made.production_rule, made.production_rule)

    @pytest.mark.parametrize("route", [TestTraffic.header(), TestTraffic.header("x-other", "0123456789abcdef")])
    def test_smoke_tests_that_the_given_test_rule_would_not_match_are_refused(self, route: TestTraffic) -> None:
        own = service(test_traffic=TestTraffic.header("x-try", "0123456789abcdef"))
        rules = ServiceRules(own.production_rule, own.test_rule)
        with pytest.raises(ConfigurationError, match="would meet the live side"):
            EcsBlueGreenService(
                cdk.Stack.of(own),
                "Other",
                vpc=own.cluster.vpc,
                container=container(),
                ingress=Ingress(rules=rules, plain_http=True),
                hooks=[HttpSmokeTest("/ready")],
                test_traffic=route,
            )

    def test_rules_of_two_services_are_refused(self) -> None:
        made = service()
        other = EcsBlueGreenService(
            cdk.Stack.of(made), "Other", vpc=made.cluster.vpc, container=container(), ingress=PLAIN
        )
        with pytest.raises(ConfigurationError, match="different blue"):
            ServiceRules(made.production_rule, other.test_rule)


def test_two_durations_of_the_same_length_make_the_same_template() -> None:
    by_timedelta = template(service(bake=timedelta(minutes=20))).to_json()
    by_duration = template(service(bake=cdk.Duration.minutes(20))).to_json()
    assert by_timedelta == by_duration


def test_outputs_say_where_users_and_testers_go_and_the_targets_name(full: Template) -> None:
    outputs = full.to_json()["Outputs"]
    assert sorted(output["Description"] for output in outputs.values()) == [
        "the name for the bluegreen command",
        "what such a request must carry",
        "where the candidate is reached by the test route",
        "where users reach the service",
    ]
