"""What a service cannot have when CodeDeploy deploys it: refused at synth, in one sentence that names the way out."""

import re
from collections.abc import Callable
from datetime import timedelta

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as patterns
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    AbsoluteFloor,
    AcceptedRelease,
    Adopted,
    AlarmGuardrail,
    AlarmThresholds,
    AllAtOnce,
    Approval,
    Canary,
    Capacity,
    CodeDeploy,
    EcsBlueGreenService,
    ErrorComparison,
    ExpectedTraffic,
    HttpSmokeTest,
    Ingress,
    LambdaHook,
    Linear,
    MigrationTask,
    MinimumHealthy,
    ReplayRequest,
    ReplayRequests,
    RuleOwner,
    ServiceConnect,
    ServiceRules,
    Split,
    Step,
    Steps,
    Tasks,
    TestTraffic,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import PLAIN, network, new_stack, rules_of, shared
from tests.code_deploy_service import FUNCTION_ARN, INTERNAL, TESTS, deployed

MINUTES = timedelta(minutes=1)
NO_ALARMS = AlarmThresholds(error_rate_percent=None, p95_latency=None, unhealthy_targets=None)
PUBLIC_TESTS = TestTraffic.listener(9000, sources=["203.0.113.0/24"])


def refused(words: str, **options: object) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)) as found:
        deployed(**options)
    text = str(found.value)
    assert "\n" not in text
    assert not text.endswith(".")


class TestValues:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: CodeDeploy(approval=timedelta()), "approval is 0: leave it out for none"),
            (
                lambda: CodeDeploy(approval=timedelta(seconds=90)),
                "approval is 0:01:30, but CodeDeploy counts it in whole",
            ),
            (
                lambda: CodeDeploy(approval=timedelta(minutes=2881)),
                "approval is 2881 min: CodeDeploy allows at most 2880",
            ),
            (lambda: CodeDeploy(approval=-MINUTES), "which is negative: give zero or more"),
            (
                lambda: CodeDeploy(rollback_on=["alarms"]),
                "rollback_on names 'alarms': give 'failure', 'alarm', 'request'",
            ),
            (lambda: CodeDeploy(rollback_on="alarm"), "rollback_on is 'alarm': give a list of events"),
            (
                lambda: CodeDeploy(configuration="QuarterAtATime"),
                "configuration is 'QuarterAtATime': give 'OneAtATime'",
            ),
            (lambda: CodeDeploy(application="a b"), "application is 'a b': use 1 to 100 letters"),
            (lambda: CodeDeploy(application=""), "application is '': use 1 to 100 letters"),
            (lambda: CodeDeploy(application="a" * 101), "use 1 to 100 letters"),
            (MinimumHealthy, "has neither count and percent: give one of them"),
            (lambda: MinimumHealthy(count=1, percent=1), "has both count and percent: give one of them"),
            (lambda: MinimumHealthy(count=0), "count is 0: give a whole number from 1, or configuration='AllAtOnce'"),
            (lambda: MinimumHealthy(count=True), "count is True"),
            (lambda: MinimumHealthy(percent=100), "percent is 100: give a whole number from 1 to 99"),
            (lambda: MinimumHealthy(percent=0.5), "percent is 0.5"),
        ],
    )
    def test_what_codedeploy_does_not_take_is_refused(self, make: Callable[[], object], words: str) -> None:
        with pytest.raises(ConfigurationError, match=re.escape(words)):
            make()

    def test_the_longest_times_and_the_smallest_are_taken(self) -> None:
        assert CodeDeploy(approval=timedelta(hours=48)).ready_option() == {
            "ActionOnTimeout": "STOP_DEPLOYMENT",
            "WaitTimeInMinutes": 2880,
        }
        assert CodeDeploy(approval=cdk.Duration.minutes(1)).ready_option()["WaitTimeInMinutes"] == 1
        assert MinimumHealthy(percent=99).percent == 99
        assert MinimumHealthy(count=1).count == 1


class TestPlan:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"bake": timedelta(seconds=90)}, "bake is 0:01:30, but CodeDeploy counts it in whole minutes"),
            ({"bake": timedelta(minutes=2881)}, "bake is 2881 min: CodeDeploy allows at most 2880 minutes (48 h)"),
            (
                {"strategy": Canary(0.5, 5 * MINUTES)},
                "Canary percent is 0.5: CodeDeploy takes whole numbers from 1 to 99",
            ),
            ({"strategy": Canary(99.5, 5 * MINUTES)}, "Canary percent is 99.5: CodeDeploy takes whole numbers"),
            ({"strategy": Canary(10, timedelta())}, "Canary bake is 0: give 1 minute or more, or use AllAtOnce"),
            (
                {"strategy": Canary(10, timedelta(seconds=30))},
                "Canary bake is 0:00:30, but CodeDeploy counts it in whole",
            ),
            (
                {"strategy": Canary(10, timedelta(days=3))},
                "Canary bake is 72 h: CodeDeploy allows at most 2880 minutes",
            ),
            (
                {"strategy": Linear(2.5, 5 * MINUTES)},
                "Linear percent is 2.5: CodeDeploy takes whole numbers from 1 to 99",
            ),
            ({"strategy": Linear(10, timedelta())}, "Linear every is 0: give 1 minute or more"),
            (
                {"strategy": Linear(1, 30 * MINUTES)},
                "the strategy takes 2970 min from the first shift of traffic to the last",
            ),
            ({"strategy": Steps([Step(1, MINUTES)])}, "the strategy is Steps, which CodeDeploy cannot do"),
            ({"strategy": Split(10)}, "the strategy is Split, which CodeDeploy cannot do"),
            ({"strategy": Canary(10, 2 * MINUTES)}, "Canary bake is 2 min: the alarms need two minutes of metrics"),
            ({"guardrails": [NO_ALARMS]}, "Stack/Inference is taken back on an alarm, and has none"),
        ],
    )
    def test_what_codedeploy_could_not_do_is_refused(self, options: dict[str, object], words: str) -> None:
        refused(words, **options)

    @pytest.mark.parametrize(
        "options",
        [
            {"strategy": Canary(1, 2880 * MINUTES), "bake": 2880 * MINUTES},
            {"strategy": Canary(99, 3 * MINUTES), "bake": timedelta()},
            {"strategy": Linear(2, 58 * MINUTES)},
            {"strategy": AllAtOnce()},
            # Nobody is taken back on alarms that there are none of, or that come too late.
            {"guardrails": [NO_ALARMS], "controller": CodeDeploy(rollback_on=["failure"])},
            {"strategy": Canary(10, 2 * MINUTES), "controller": CodeDeploy(rollback_on=["failure", "request"])},
        ],
    )
    def test_what_it_can_do_is_not(self, options: dict[str, object]) -> None:
        deployed(**options)

    def test_a_plan_that_a_stack_update_cannot_wait_for_is_refused_with_the_limit(self) -> None:
        refused(
            "takes 46 min (steps 5 min, bake 40 min, grace 1 min): CloudFormation waits 1 h for a custom resource, of "
            "which this may take 45 min",
            controller=CodeDeploy(on_stack_update=True),
            bake=40 * MINUTES,
        )
        refused(
            "takes 46 min (approval 30 min, steps 5 min, bake 10 min, grace 1 min)",
            controller=CodeDeploy(on_stack_update=True, approval=30 * MINUTES),
        )

    def test_one_that_just_fits_is_not_and_neither_is_a_longer_one_that_no_update_waits_for(self) -> None:
        deployed(controller=CodeDeploy(on_stack_update=True), bake=39 * MINUTES)
        deployed(bake=40 * MINUTES)


def grounds() -> dict[str, tuple[Callable[[cdk.Stack], dict[str, object]], str]]:
    """What is asked for beside CodeDeploy, and the words of its refusal."""

    def function(stack: cdk.Stack) -> lambda_.IFunction:
        return lambda_.Function.from_function_arn(stack, "Check", FUNCTION_ARN)

    return {
        "a comparison": (
            lambda _: {"guardrails": [ErrorComparison()]},
            "has the guardrail ErrorComparison and is deployed by CodeDeploy, which asks nobody between two steps",
        ),
        "a floor": (lambda _: {"guardrails": [AbsoluteFloor(success_percent=99)]}, "has the guardrail AbsoluteFloor"),
        "expected traffic": (
            lambda _: {"expected_traffic": ExpectedTraffic(requests_per_second=10, error_rate=0.01)},
            "has expected_traffic and is deployed by CodeDeploy",
        ),
        "a mark": (
            lambda _: {"release_marks": [AcceptedRelease(release="1", reason="it was the data")]},
            "has the mark AcceptedRelease and is deployed by CodeDeploy, where no judge reads it",
        ),
        "an approval hook": (
            lambda _: {"hooks": [Approval()]},
            "has the hook Approval and is deployed by CodeDeploy, which has no place for it: use CodeDeploy(app",
        ),
        "replayed requests": (
            lambda _: {"hooks": [ReplayRequests([ReplayRequest("/")])]},
            "has the hook ReplayRequests and is deployed by CodeDeploy, which has no place for it",
        ),
        "a migration": (
            lambda _: {"hooks": [MigrationTask(["upgrade"], "expand")]},
            "has the hook MigrationTask and is deployed by CodeDeploy, which has no place for it: run the",
        ),
        "smoke tests without a test listener": (
            lambda _: {"hooks": [HttpSmokeTest("/")]},
            "has the hook HttpSmokeTest before production traffic, and no test listener",
        ),
        "a function before production traffic without a test listener": (
            lambda stack: {"hooks": [LambdaHook(function(stack))]},
            "has the hook LambdaHook before production traffic, and no test listener",
        ),
        "a function that nobody waits for so long": (
            lambda stack: {"hooks": [LambdaHook(function(stack), stage="BAKING", timeout=timedelta(hours=4))]},
            "has a LambdaHook with timeout 4 h and is deployed by CodeDeploy, which fails what is not reported within",
        ),
        "a test header": (
            lambda _: {"test_traffic": TestTraffic.header()},
            "has a header for its test traffic, and CodeDeploy knows listeners only: give TestTraffic.listener(port",
        ),
        "smoke tests on a public listener": (
            lambda _: {"hooks": [HttpSmokeTest("/")], "test_traffic": PUBLIC_TESTS},
            "its internet-facing test listener admits only 203.0.113.0/24: use internet_facing=False",
        ),
        "rules that are given": (
            lambda stack: {"ingress": Ingress(rules=ServiceRules(*rules_of(stack)))},
            "was given rules and is deployed by CodeDeploy, which looks for them on its listeners itself",
        ),
        "a test listener on a shared one": (
            lambda stack: {"ingress": shared(stack), "test_traffic": TESTS},
            "asks for a test listener on a listener that is shared: leave test_traffic out, or give",
        ),
        "rules of CloudFormation's": (
            lambda _: {"rule_owner": RuleOwner.CLOUDFORMATION},
            "has rule_owner=CLOUDFORMATION and is deployed by CodeDeploy, which moves the weights",
        ),
        "capacity providers": (
            lambda _: {"tasks": Tasks(capacity=Capacity.spot(50))},
            "has Tasks(capacity=...) and is deployed by CodeDeploy",
        ),
        "Service Connect": (
            lambda _: {"tasks": Tasks(service_connect=ServiceConnect("internal"))},
            "has Tasks(service_connect=...), which Amazon ECS does not support",
        ),
        "the circuit breaker": (
            lambda _: {"tasks": Tasks(circuit_breaker=True)},
            "has Tasks(circuit_breaker=True), which Amazon ECS does not support",
        ),
        "a configuration of EC2's": (
            lambda _: {"controller": CodeDeploy(configuration="AllAtOnce")},
            "has CodeDeploy(configuration=...), which is about EC2 instances: leave it out",
        ),
        "former tasks that stay": (
            lambda _: {"controller": CodeDeploy(terminate=False)},
            "has CodeDeploy(terminate=False), and of Amazon ECS the former tasks always end after the bake",
        ),
    }


@pytest.mark.parametrize("ground", grounds())
def test_what_codedeploy_has_no_place_for_is_refused(ground: str) -> None:
    make, words = grounds()[ground]
    stack = new_stack()
    refused(words, stack=stack, **make(stack))


def test_a_running_service_cannot_be_adopted_by_codedeploy() -> None:
    stack = new_stack()
    pattern = patterns.ApplicationLoadBalancedFargateService(
        stack,
        "Pattern",
        vpc=network(stack),
        task_image_options=patterns.ApplicationLoadBalancedTaskImageOptions(
            image=ecs.ContainerImage.from_registry("inference:1.0.0")
        ),
    )
    with pytest.raises(ConfigurationError, match="has adopted and controller=CodeDeploy"):
        EcsBlueGreenService(stack, "Adopting", adopted=Adopted(pattern), controller=CodeDeploy())


def test_a_task_definition_whose_family_is_known_at_deploy_only_is_refused() -> None:
    stack = new_stack()
    family = cdk.CfnParameter(stack, "Family").value_as_string
    definition = ecs.FargateTaskDefinition(stack, "Given", family=family)
    definition.add_container(
        "app",
        image=ecs.ContainerImage.from_registry("inference:1.0.0"),
        port_mappings=[ecs.PortMapping(container_port=8080)],
    )
    refused(
        "has a family that is known at deploy only: give family='...' as a text",
        stack=stack,
        task_definition=definition,
    )


def test_hooks_that_no_environment_holds_are_refused_with_its_size() -> None:
    long = HttpSmokeTest("/predict", method="POST", body="x" * 4000)
    refused(
        "a Lambda function's environment holds 3500 of them: give shorter bodies",
        hooks=[long],
        test_traffic=TESTS,
        ingress=INTERNAL,
    )


@pytest.mark.parametrize(
    "options",
    [
        {"tasks": Tasks(circuit_breaker=False)},
        {"tasks": Tasks(execute_command=True)},
        {
            "ingress": PLAIN,
            "test_traffic": TestTraffic.listener(9000, sources=["0.0.0.0/0"]),
            "hooks": [HttpSmokeTest("/")],
        },
        {"ingress": INTERNAL, "test_traffic": TESTS, "hooks": [HttpSmokeTest("/")]},
    ],
)
def test_what_it_has_a_place_for_is_not(options: dict[str, object]) -> None:
    deployed(**options)


def test_a_shared_listener_without_a_test_route_is_taken() -> None:
    stack = new_stack()
    deployed(stack, ingress=shared(stack))


def test_a_second_topic_is_refused() -> None:
    made = deployed()
    made.notify_on(sns.Topic(made, "Topic"))
    with pytest.raises(ConfigurationError, match="tells a topic already: call notify_on once"):
        made.notify_on(sns.Topic(made, "Other"))


def alarms_in(stack: cdk.Stack, many: int) -> list[AlarmGuardrail]:
    """So many alarms, which are there already."""
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:Model"
    found = [cloudwatch.Alarm.from_alarm_arn(stack, f"Alarm{n}", f"{arn}-{n}") for n in range(many)]
    return [AlarmGuardrail(alarm) for alarm in found]


def alarms_of(made: EcsBlueGreenService) -> list[str]:
    """The names of the alarms that stop its deployments."""
    (group,) = Template.from_stack(cdk.Stack.of(made)).find_resources("AWS::CodeDeploy::DeploymentGroup").values()
    return [one["Name"] for one in group["Properties"]["AlarmConfiguration"]["Alarms"]]


def test_codedeploy_takes_ten_alarms_with_the_built_in_ones() -> None:
    stack = new_stack()
    assert len(alarms_of(deployed(stack, guardrails=[AlarmThresholds(), *alarms_in(stack, 7)]))) == 10


def test_an_eleventh_alarm_is_refused_with_what_is_built_in() -> None:
    stack = new_stack()
    with pytest.raises(ConfigurationError) as raised:
        deployed(stack, guardrails=[AlarmThresholds(), *alarms_in(stack, 8)])
    assert str(raised.value) == (
        "Stack/Inference has 11 alarms, 3 built in and 8 given, and CodeDeploy takes at most 10: give at most 7 "
        "AlarmGuardrail, or leave 'alarm' out of CodeDeploy rollback_on"
    )


def test_an_alarm_that_is_given_twice_counts_once() -> None:
    stack = new_stack()
    (alarm,) = alarms_in(stack, 1)
    assert [name for name in alarms_of(deployed(stack, guardrails=[alarm, alarm])) if "/" not in name] == ["Model-0"]


def test_any_number_of_alarms_may_ring_where_none_judges() -> None:
    stack = new_stack()
    controller = CodeDeploy(rollback_on=["failure"])
    assert alarms_of(deployed(stack, controller=controller, guardrails=alarms_in(stack, 12))) == []
