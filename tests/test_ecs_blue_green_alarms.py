"""EcsBlueGreenService: the alarms and the smoke tests that stop a release."""

from datetime import timedelta

import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Match, Template

from bluegreen_constructs import (
    AlarmGuardrail,
    AlarmThresholds,
    HttpSmokeTest,
    Ingress,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    CERTIFICATE_ARN,
    deployment_configuration,
    everything_on,
    new_stack,
    only,
    resources,
    service,
    shared,
    template,
)


@pytest.fixture
def full() -> Template:
    """The service with everything on, synthesised once for all files."""
    return everything_on()


class TestAlarms:
    def test_three_alarms_watch_both_sides_and_all_are_named_in_the_deployment(self, full: Template) -> None:
        alarms = resources(full, "AWS::CloudWatch::Alarm")
        assert len(alarms) == 3
        named = {one["Properties"]["AlarmName"] for one in alarms.values()}
        assert named == {f"Stack/Inference/{name}" for name in ("ErrorRate", "Latency", "UnhealthyTargets")}
        assert set(deployment_configuration(full)["Alarms"]["AlarmNames"]) == named
        assert set(alarms) <= set(only(resources(full, "AWS::ECS::Service"))["DependsOn"])
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
        found = template(service(guardrails=[AlarmThresholds(requests_floor=37)]))
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

    def test_an_alarm_of_another_region_is_refused_because_ecs_would_not_find_it(self) -> None:
        stack = new_stack()
        arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:own"
        own = cloudwatch.Alarm.from_alarm_arn(stack, "Own", arn)
        with pytest.raises(ConfigurationError, match="has an alarm in region us-east-1"):
            service(stack, guardrails=[AlarmGuardrail(own)])

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
        assert statement["Resource"] == [hook["HookTargetArn"]]

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
