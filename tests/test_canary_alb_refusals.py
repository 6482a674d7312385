"""CanaryAlb and its values: what they refuse at synth, in one sentence that says what to change."""

from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_

from bluegreen_constructs import (
    AbsoluteFloor,
    AlarmGuardrail,
    AlarmThresholds,
    AllAtOnce,
    Approval,
    Canary,
    CandidateRoute,
    ExpectedTraffic,
    HttpSmokeTest,
    Ingress,
    LambdaHook,
    Linear,
    RolloutLimits,
    ServiceRules,
    Split,
    Step,
    Steps,
    Targets,
    TestTraffic,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.targets import TargetKind
from tests.blue_green_service import CERTIFICATE_ARN, shared_listener
from tests.canary_service import (
    PLAIN,
    canary,
    ecs_service,
    function,
    group_of_instances,
    instance,
    new_stack,
    ready_group,
    vpc_in,
)

MINUTES = timedelta(minutes=1)
NOT_FOUND = elbv2.ListenerAction.fixed_response(404)


def refused(make: Callable[[], object]) -> str:
    """The refusal: one sentence, lower case, without a final period, that says what to do."""
    with pytest.raises(ConfigurationError) as raised:
        make()
    message = str(raised.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert ": " in message or "give" in message
    return message


@pytest.fixture(scope="module")
def ground() -> cdk.Stack:
    return new_stack()


class TestPlans:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"guardrails": []}, "nothing would ever stop a bad release"),
            ({"guardrails": ["errors"]}, "has the guardrail str: give ErrorComparison"),
            ({"guardrails": [AlarmThresholds(), AlarmThresholds()]}, "has 2 AlarmThresholds: give one"),
            ({"strategy": "canary"}, "give Steps, Canary, Linear, AllAtOnce or Split"),
            ({"hooks": ["smoke"]}, "has the hook str: give HttpSmokeTest, LambdaHook or Approval"),
            ({"hooks": [HttpSmokeTest("/", timeout=timedelta(seconds=60))] * 2}, "may take 120 s together"),
            ({"bake": 15}, "datetime.timedelta or an aws_cdk.Duration"),
            ({"bake": -MINUTES}, "negative"),
            ({"stickiness": timedelta(days=8)}, "7 days"),
            ({"stickiness": timedelta(days=1), "test_traffic": []}, "no rule would name the side that is out of use"),
            (
                {"strategy": AllAtOnce(), "limits": RolloutLimits(hold_back=0)},
                "ErrorComparison never sees a minute with requests on both sides",
            ),
            ({"bake": timedelta(hours=36)}, "a deadline of 36 h: give RolloutLimits"),
            (
                {"strategy": Linear(10, timedelta(hours=5)), "limits": RolloutLimits(deadline=timedelta(hours=40))},
                r"45.25 h together|2715 min together",
            ),
            ({"strategy": Canary(96, 5 * MINUTES)}, r"holds 5 % back during the bake: give .* at most 4"),
            (
                {
                    "strategy": Canary(10, 5 * MINUTES),
                    "expected_traffic": ExpectedTraffic(requests_per_second=1, error_rate=0.002),
                },
                "too little for the comparison of errors",
            ),
        ],
    )
    def test_a_plan_that_cannot_be_run_is_refused(self, options: dict[str, object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            canary(**options)

    def test_a_split_and_all_at_once_have_no_last_step_that_could_be_too_large(self) -> None:
        canary(strategy=Split(99), stickiness=timedelta(days=1))
        canary(strategy=AllAtOnce())
        floor = AbsoluteFloor(success_percent=99.0)
        canary(strategy=AllAtOnce(), limits=RolloutLimits(hold_back=0), guardrails=[floor])
        canary(strategy=Canary(95, 5 * MINUTES))
        canary(strategy=Canary(99, 5 * MINUTES), limits=RolloutLimits(hold_back=0))

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: Steps([]), "give at least one Step"),
            (lambda: Steps([Step(10, MINUTES), Step(5, MINUTES)]), "give percents that rise"),
            (lambda: Step(0.05, MINUTES), "multiple of 0.1"),
            (lambda: Split(100), "at most 99.9"),
            (lambda: RolloutLimits(hold_back=60), "at most 50"),
            (lambda: RolloutLimits(hold_back=0.05), "multiple of 0.1"),
            (lambda: RolloutLimits(deadline=timedelta()), "RolloutLimits deadline is 0"),
            (lambda: RolloutLimits(deadline=timedelta(days=301)), "give at most 7200 h, Step Functions ends"),
            (lambda: RolloutLimits(metric_lag=timedelta()), "RolloutLimits metric_lag is 0"),
            (lambda: RolloutLimits(metric_lag=16 * MINUTES), "give at most 15 min"),
            (lambda: RolloutLimits(retained=0), "whole number from 1 to 50"),
            (lambda: RolloutLimits(patience=5), "datetime.timedelta"),
            (lambda: Approval(""), "has no name"),
            (lambda: Approval(stage="LATER"), "give 'TESTING' or 'BAKING'"),
            (lambda: Approval(timeout=timedelta()), "timeout is 0"),
        ],
    )
    def test_values_that_mean_nothing_are_refused(self, make: Callable[[], object], said: str) -> None:
        with pytest.raises(ConfigurationError, match=said):
            make()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"blue": None, "green": None}, "has the blue None: give Targets.of(…)"),
            ({"ingress": "https"}, "has the ingress 'https': give Ingress(…)"),
            ({"limits": timedelta(hours=1)}, "has the limits timedelta: give RolloutLimits(…)"),
            ({"expected_traffic": 100}, "has the expected_traffic 100: give ExpectedTraffic(…)"),
            ({"test_traffic": "x-canary"}, "has the test_traffic 'x-canary': give CandidateRoute.header()"),
            ({"test_traffic": ["x-canary"]}, "has the test_traffic 'x-canary': give CandidateRoute.header()"),
            ({"guardrails": AlarmThresholds()}, "has the guardrails AlarmThresholds: give a list"),
            ({"hooks": HttpSmokeTest("/")}, "has the hooks HttpSmokeTest: give a list"),
            ({"ingress": Ingress(plain_http=True, sources=("office",))}, "source 'office': give IPv4 CIDRs"),
            ({"ingress": Ingress(plain_http=True, sources="10.0.0.0/8")}, "has the Ingress sources '10.0.0.0/8': give"),
            ({"test_traffic": TestTraffic.listener(9000, sources=["office"])}, "source 'office': give IPv4 CIDRs"),
            ({"test_traffic": TestTraffic.listener(9000, sources=["2001:db8::/32"])}, "give IPv4 CIDRs"),
        ],
    )
    def test_what_is_of_another_type_is_refused_by_its_name(self, options: dict[str, object], said: str) -> None:
        assert said in refused(lambda: canary(**options))

    def test_a_hooks_details_have_to_be_json(self, ground: cdk.Stack) -> None:
        hook = function(ground, "Hook")
        assert "plain values" in refused(lambda: LambdaHook(hook, details={"at": timedelta(1)}))
        assert "plain values" in refused(lambda: LambdaHook(hook, details={"share": float("nan")}))

    def test_settings_that_no_parameter_holds_are_refused(self) -> None:
        long = HttpSmokeTest("/", method="POST", body="x" * 9000)
        assert "give hooks shorter bodies" in refused(lambda: canary(hooks=[long]))
        template = HttpSmokeTest("/", method="POST", body='{"text": "{{name}}"}')
        assert "Parameter Store reads as a reference" in refused(lambda: canary(hooks=[template]))


class TestSides:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda s: Targets.of(group_of_instances(s, "NoPort")), "an Auto Scaling group has no port"),
            (lambda s: Targets.of(["10.0.0.1"]), "IP addresses has no port"),
            (lambda s: Targets.of([], port=80), "give at least one instance or address"),
            (lambda s: Targets.of(["10.0.0"], port=80), "has the address '10.0.0'"),
            (lambda s: Targets.of(["10.0.0.1"], port=0), "between 1 and 65535"),
            (lambda s: Targets.of(function(s, "Port"), port=80), "a Lambda function has port 80: leave it out"),
            (lambda s: Targets.of(function(s, "Tls"), tls=True), "has tls: leave it out, a function is invoked"),
            (lambda s: Targets.of(ready_group(s, "Grpc"), protocol="GRPC"), "the group says so itself"),
            (lambda s: Targets.of(["10.0.0.1"], port=80, protocol="HTTP3"), "give 'HTTP1', 'HTTP2' or 'GRPC'"),
            (lambda s: Targets.of(["10.0.0.1"], port=80, container="web"), "only an ECS service has containers"),
            (
                lambda s: Targets.of(instance(s, "Runs"), port=80, runs=group_of_instances(s, "Runner")),
                "only a target group needs to be told what runs",
            ),
            (lambda s: Targets.of("10.0.0.1", port=80), "Targets is of str: give an AutoScalingGroup"),
            (lambda s: Targets.of(vpc_in(s)), "give an AutoScalingGroup"),
            (
                lambda s: Targets.of(
                    autoscaling.AutoScalingGroup.from_auto_scaling_group_name(s, "Imported", "group"), port=80
                ),
                "give an AutoScalingGroup",
            ),
        ],
    )
    def test_targets_that_no_group_can_hold_are_refused(
        self, ground: cdk.Stack, make: Callable[[cdk.Stack], Targets], said: str
    ) -> None:
        assert said in refused(lambda: make(ground).kind)

    def test_the_same_targets_twice_are_refused(self) -> None:
        stack = new_stack()
        group = ready_group(stack, "Group")
        sides = {"blue": Targets.of(group), "green": Targets.of(group)}
        assert "give it two sides" in refused(lambda: canary(stack, **sides))

    def test_an_ecs_service_whose_number_of_tasks_is_in_the_template_is_refused(self) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of(ecs_service(stack, "A", desired_count=3)),
            "green": Targets.of(ecs_service(stack, "B")),
        }
        assert "has desired_count 3 in the template" in refused(lambda: canary(stack, **sides))

    def test_an_ecs_service_that_others_deploy_is_refused(self) -> None:
        stack = new_stack()
        controller = ecs.DeploymentController(type=ecs.DeploymentControllerType.CODE_DEPLOY)
        sides = {
            "blue": Targets.of(ecs_service(stack, "A", deployment_controller=controller)),
            "green": Targets.of(ecs_service(stack, "B")),
        }
        assert "leave its deployment_controller out" in refused(lambda: canary(stack, **sides))

    def test_a_container_that_is_not_there_is_refused(self) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of(ecs_service(stack, "A"), container="sidecar"),
            "green": Targets.of(ecs_service(stack, "B")),
        }
        assert "has no container sidecar" in refused(lambda: canary(stack, **sides))

    def test_an_auto_scaling_group_without_a_launch_template_is_refused(self) -> None:
        stack = cdk.Stack(cdk.App(), "Serving", env=cdk.Environment(region="eu-west-1"))
        sides = {side: Targets.of(group_of_instances(stack, side), port=80) for side in ("blue", "green")}
        assert "has no launch template" in refused(lambda: canary(stack, **sides))

    def test_an_auto_scaling_group_that_a_stack_update_replaces_is_refused(self) -> None:
        stack = new_stack()
        rolling = autoscaling.UpdatePolicy.rolling_update()
        sides = {
            "blue": Targets.of(group_of_instances(stack, "A", update_policy=rolling), port=80),
            "green": Targets.of(group_of_instances(stack, "B"), port=80),
        }
        assert "has an update policy" in refused(lambda: canary(stack, **sides))

    def test_sides_whose_vpc_nobody_says_are_refused(self) -> None:
        stack = new_stack()
        sides = {"blue": Targets.of(["10.0.3.17"], port=80), "green": Targets.of(["10.0.3.18"], port=80)}
        assert "does not know its VPC: give vpc=…" in refused(lambda: canary(stack, **sides))

    @pytest.mark.parametrize("protocol", ["HTTP2", "GRPC"])
    def test_http2_and_grpc_targets_behind_plain_http_are_refused(self, protocol: str) -> None:
        stack = new_stack()
        sides = {
            "blue": Targets.of(["10.0.3.17"], port=80, protocol=protocol),  # type: ignore[arg-type]
            "green": Targets.of(["10.0.3.18"], port=80),
        }
        assert "give Ingress(certificate=…)" in refused(lambda: canary(stack, **sides, vpc=vpc_in(stack)))

    def test_grpc_without_a_method_to_ask_for_health_is_refused(self) -> None:
        stack = new_stack()
        sides = {
            side: Targets.of([address], port=80, protocol="GRPC")
            for side, address in (("blue", "10.0.3.17"), ("green", "10.0.3.18"))
        }
        ingress = Ingress(certificate=acm.Certificate.from_certificate_arn(stack, "C", CERTIFICATE_ARN))
        said = refused(lambda: canary(stack, **sides, ingress=ingress, vpc=vpc_in(stack)))
        assert "such as '/grpc.health.v1.Health/Check'" in said

    def test_grpc_targets_and_smoke_tests_over_http_are_refused(self) -> None:
        stack = new_stack()
        ingress = Ingress(
            certificate=acm.Certificate.from_certificate_arn(stack, "C", CERTIFICATE_ARN),
            host="api.example.com",
            health_path="/grpc.health.v1.Health/Check",
        )
        grpc = elbv2.ApplicationTargetGroup(
            stack,
            "Grpc",
            vpc=vpc_in(stack),
            port=80,
            target_type=elbv2.TargetType.IP,
            protocol_version=elbv2.ApplicationProtocolVersion.GRPC,
        )
        for number, blue in enumerate((Targets.of(["10.0.3.17"], port=80, protocol="GRPC"), Targets.of(grpc))):
            sides = {"blue": blue, "green": Targets.of(["10.0.3.18"], port=80, protocol="GRPC")}
            settings = {"ingress": ingress, "hooks": [HttpSmokeTest("/")], "vpc": vpc_in(stack)}
            said = refused(lambda n=number, s=sides, o=settings: canary(stack, f"Model{n}", **s, **o))
            assert "give a LambdaHook" in said


class TestIngress:
    def test_a_listener_without_host_or_paths_is_refused_unless_all_paths_are_named(self) -> None:
        stack = new_stack()
        listener = shared_listener(stack)
        said = refused(lambda: canary(stack, ingress=Ingress(listener=listener, priority=9)))
        assert "would take every request of the listener" in said
        canary(stack, "All", **ready_sides_of(stack), ingress=Ingress(listener=listener, priority=9, paths=("/*",)))

    @pytest.mark.parametrize("is_public", [True, False])
    def test_an_ingress_that_contradicts_its_load_balancer_is_refused(self, is_public: bool) -> None:
        stack = new_stack()
        balancer = elbv2.ApplicationLoadBalancer(stack, "Own", vpc=ec2.Vpc(stack, "Vpc2"), internet_facing=is_public)
        listener = balancer.add_listener(
            "Http", port=8080, protocol=elbv2.ApplicationProtocol.HTTP, default_action=NOT_FOUND
        )
        for number, place in enumerate(({"load_balancer": balancer}, {"listener": listener, "priority": 9})):
            wrong = Ingress(**place, internet_facing=not is_public, plain_http=True, paths=("/*",))  # type: ignore[arg-type]
            said = refused(lambda n=number, i=wrong: canary(stack, f"Model{n}", ingress=i))
            assert f"give Ingress(internet_facing={is_public})" in said
            for child in ("BlueGroup", "GreenGroup"):
                stack.node.try_remove_child(child)

    def test_an_adopted_group_that_the_listener_does_not_forward_to_is_refused(self) -> None:
        stack = new_stack()
        serving, other = ready_group(stack, "Serving"), ready_group(stack, "Other")
        balancer = elbv2.ApplicationLoadBalancer(stack, "Own", vpc=ec2.Vpc(stack, "Vpc2"))

        def adoption(port: int, action: elbv2.ListenerAction) -> None:
            listener = balancer.add_listener(
                f"Http{port}", port=port, protocol=elbv2.ApplicationProtocol.HTTP, default_action=action
            )
            ingress = Ingress(listener=listener, priority=9, internet_facing=False)
            canary(stack, f"M{port}", blue=Targets.adopted(serving), green=Targets.of(other), ingress=ingress)

        adoption(8080, elbv2.ListenerAction.forward([serving]))
        both = [elbv2.WeightedTargetGroup(target_group=one, weight=1) for one in (serving, other)]
        for port, action in (
            (8081, elbv2.ListenerAction.forward([other])),
            (8082, elbv2.ListenerAction.weighted_forward(both)),
            (8083, NOT_FOUND),
        ):
            said = refused(lambda port=port, action=action: adoption(port, action))
            assert f"is not all that Serving/Own/Http{port} forwards to by default" in said

    def test_rules_of_another_stack_are_refused(self) -> None:
        stack = new_stack()
        made = canary(stack, "Other")
        rules = ServiceRules(made.live_rule, made.candidate_rules[0])
        said = refused(lambda: canary(stack, **ready_sides_of(stack), ingress=Ingress(rules=rules)))
        assert "give the listener and a priority instead" in said

    def test_two_adopted_sides_are_refused(self) -> None:
        stack = new_stack()
        sides = {side: Targets.adopted(ready_group(stack, side)) for side in ("blue", "green")}
        ingress = Ingress(listener=shared_listener(stack), priority=9)
        assert "adopt the group that serves now" in refused(lambda: canary(stack, **sides, ingress=ingress))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (None, r"give Ingress(listener=…, priority=…)"),
            ({"host": "api.example.com"}, "has a host or paths: leave them out"),
            ({"paths": ("/predict",)}, "has a host or paths: leave them out"),
        ],
    )
    def test_an_adoption_that_would_leave_requests_behind_is_refused(
        self, changes: dict[str, object] | None, said: str
    ) -> None:
        stack = new_stack()
        sides = {"blue": Targets.adopted(ready_group(stack, "One")), "green": Targets.of(ready_group(stack, "Two"))}
        ingress = PLAIN
        if changes is not None:
            ingress = Ingress(listener=shared_listener(stack), priority=9, **changes)  # type: ignore[arg-type]
        assert said in refused(lambda: canary(stack, **sides, ingress=ingress, vpc=vpc_in(stack)))

    def test_routes_that_no_priority_is_left_for_are_refused(self) -> None:
        stack = new_stack()
        routes = [CandidateRoute.header(), CandidateRoute.cookie("try")]
        ingress = Ingress(listener=shared_listener(stack), priority=2, paths=("/*",))
        said = refused(lambda: canary(stack, test_traffic=routes, ingress=ingress))
        assert "2 routes to the candidate, which take the priorities before it: give 3 or more" in said

    def test_a_test_listener_on_a_shared_load_balancer_is_refused(self) -> None:
        stack = new_stack()
        ingress = Ingress(listener=shared_listener(stack), priority=9, paths=("/*",))
        listener = TestTraffic.listener(9000, sources=["10.0.0.0/8"])
        said = refused(lambda: canary(stack, test_traffic=listener, ingress=ingress))
        assert "use CandidateRoute.header()" in said

    def test_a_web_acl_or_dual_stack_of_somebody_elses_load_balancer_is_refused(self) -> None:
        listener = shared_listener(new_stack())
        for given in ({"dual_stack": True}, {"web_acl_arn": "arn:aws:wafv2:…"}):
            said = refused(lambda given=given: Ingress(listener=listener, priority=9, **given))
            assert "set them where the load balancer is made" in said

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: CandidateRoute.header("x canary"), "letters, digits and hyphens"),
            (lambda: CandidateRoute.header("Host"), "which routing needs"),
            (lambda: CandidateRoute.header("Cookie"), "CandidateRoute.cookie(…)"),
            (lambda: CandidateRoute.cookie("a=b"), "letters, digits and hyphens"),
            (lambda: CandidateRoute.header("x-try", "*"), "at most 80 letters"),
            (lambda: CandidateRoute.query("try", "a b"), "at most 80 letters"),
            (lambda: CandidateRoute.header("x-try", sources=["office"]), "give CIDRs"),
        ],
    )
    def test_routes_that_no_request_could_take_are_refused(self, make: Callable[[], object], said: str) -> None:
        assert said in refused(make)


def ready_sides_of(stack: cdk.Stack) -> dict[str, Targets]:
    return {
        "blue": Targets.of(ready_group(stack, "OtherBlue")),
        "green": Targets.of(ready_group(stack, "OtherGreen")),
    }


class TestOfOtherPlaces:
    @pytest.mark.parametrize(
        ("place", "said"), [("us-east-1:123456789012", "region us-east-1"), ("eu-west-1:1", "account 1")]
    )
    def test_alarms_of_another_account_or_region_are_refused(self, place: str, said: str) -> None:
        stack = new_stack()
        alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Far", f"arn:aws:cloudwatch:{place}:alarm:pages")
        assert f"has an alarm in {said}" in refused(lambda: canary(stack, guardrails=[AlarmGuardrail(alarm)]))

    def test_an_alarm_of_a_stack_in_another_region_is_refused(self) -> None:
        app = cdk.App()
        far = cdk.Stack(app, "Far", env=cdk.Environment(account="123456789012", region="us-east-1"))
        metric = cloudwatch.Metric(namespace="App", metric_name="Errors")
        alarm = metric.create_alarm(far, "Alarm", threshold=1, evaluation_periods=1)
        near = new_stack(app=app)
        assert "has an alarm in region us-east-1" in refused(lambda: canary(near, guardrails=[AlarmGuardrail(alarm)]))

    def test_a_repository_of_another_account_is_refused(self) -> None:
        stack = new_stack()
        made = canary(stack, blue=Targets.of(ecs_service(stack, "A")), green=Targets.of(ecs_service(stack, "B")))
        arn = "arn:aws:ecr:eu-west-1:999999999999:repository/inference"
        images = ecr.Repository.from_repository_arn(stack, "Images", arn)
        assert "has a repository in account 999999999999" in refused(lambda: made.start_on_push(images))


class TestNamesAndPushes:
    def test_a_second_repository_and_a_second_dashboard_are_refused(self) -> None:
        stack = new_stack()
        made = canary(stack, blue=Targets.of(ecs_service(stack, "A")), green=Targets.of(ecs_service(stack, "B")))
        images = ecr.Repository.from_repository_name(stack, "Images", "inference")
        made.start_on_push(images)
        assert "call start_on_push once" in refused(lambda: made.start_on_push(images, "v*"))
        made.add_dashboard()
        assert "call add_dashboard once" in refused(made.add_dashboard)

    def test_a_name_that_parameter_store_does_not_take_is_refused(self) -> None:
        assert "use letters, digits, dots, hyphens and _" in refused(lambda: canary(id="Model two"))

    def test_a_push_to_sides_that_run_no_images_is_refused(self) -> None:
        made = canary()
        images = ecr.Repository.from_repository_name(made, "Images", "inference")
        assert "start_on_push needs ECS services on both" in refused(lambda: made.start_on_push(images))

    @pytest.mark.parametrize("pattern", ["", "v**", 'v"*', "v 1", "<tag>"])
    def test_a_tag_pattern_that_matches_nothing_or_everything_by_mistake_is_refused(self, pattern: str) -> None:
        stack = new_stack()
        made = canary(stack, blue=Targets.of(ecs_service(stack, "A")), green=Targets.of(ecs_service(stack, "B")))
        images = ecr.Repository.from_repository_name(stack, "Images", "inference")
        assert "such as 'v*'" in refused(lambda: made.start_on_push(images, pattern))


def test_an_imported_function_and_an_alias_are_taken_for_functions() -> None:
    stack = new_stack()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:model"
    alias = lambda_.Alias(stack, "Alias", alias_name="live", version=function(stack, "F").current_version)
    for one in (lambda_.Function.from_function_arn(stack, "Imported", arn), alias):
        assert Targets.of(one).kind is TargetKind.FUNCTION
