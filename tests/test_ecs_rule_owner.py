"""RuleOwner.CLOUDFORMATION: two native rules that never change, and no Lambda function."""

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ecs as ecs
from aws_cdk.assertions import Template

from bluegreen_constructs import AlarmThresholds, EcsBlueGreenService, Ingress, RuleOwner, Scaling, ServiceRules, Tasks
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.blue_green_service import (
    CERTIFICATE_ARN,
    container,
    network,
    new_stack,
    only,
    resources,
    rules_of,
    service,
    shared,
    shared_listener,
    template,
)
from tests.judged_service import judged, resolved

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
NATIVE = {"rule_owner": RuleOwner.CLOUDFORMATION}


def secure(stack: cdk.Stack, arn: str = CERTIFICATE_ARN) -> Ingress:
    return Ingress(certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", arn), host="a.example.com")


def rules(build: Callable[[cdk.Stack], EcsBlueGreenService], tags: dict[str, str] | None = None) -> dict[str, dict]:
    """The native rules of a service, in an app with these tags."""
    stack = new_stack()
    for key, value in (tags or {}).items():
        cdk.Tags.of(stack.node.root).add(key, value)
    build(stack)
    return resources(Template.from_stack(stack), RULE)


class TestNativeRules:
    def test_there_are_two_and_no_function_and_no_custom_resource(self) -> None:
        found = template(service(**NATIVE))
        found.resource_count_is(RULE, 2)
        found.resource_count_is("AWS::Lambda::Function", 0)
        found.resource_count_is("Custom::TrafficRule", 0)

    def test_both_forward_to_both_sides_and_begin_with_blue(self) -> None:
        for rule in rules(lambda stack: service(stack, **NATIVE)).values():
            (action,) = rule["Properties"]["Actions"]
            assert action["Type"] == "forward"
            targets = action["ForwardConfig"]["TargetGroups"]
            assert [(resolved(one["TargetGroupArn"]).split("/")[1], one["Weight"]) for one in targets] == [
                ("Blue", 100),
                ("Green", 0),
            ]

    def test_they_ask_for_the_same_as_those_of_a_traffic_rule(self) -> None:
        def asked(kind: str, **options: object) -> list[tuple[int, object]]:
            stack = new_stack()
            found = template(service(stack, ingress=shared(stack, paths=("/predict", "/score")), **options))
            made = [one["Properties"] for one in resources(found, kind).values()]
            return sorted((one["Priority"], resolved(one["Conditions"])) for one in made)

        native = asked(RULE, **NATIVE)
        assert native == asked("Custom::TrafficRule")
        assert [priority for priority, _ in native] == [39, 40]

    def test_ecs_is_given_their_arns_and_may_change_them(self) -> None:
        found = template(service(**NATIVE))
        names = set(resources(found, RULE))
        (balancer,) = only(resources(found, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        advanced = balancer["AdvancedConfiguration"]
        assert {advanced["ProductionListenerRule"]["Ref"], advanced["TestListenerRule"]["Ref"]} == names
        (role,) = [
            one
            for one in resources(found, "AWS::IAM::Role").values()
            if "moves the weights" in one["Properties"].get("Description", "")
        ]
        statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        (modify,) = [one for one in statements if one["Action"] == "elasticloadbalancing:ModifyRule"]
        assert {one["Ref"] for one in modify["Resource"]} == names

    def test_a_judged_service_has_its_judge_and_no_other_function(self) -> None:
        handlers = [
            one["Properties"]["Handler"]
            for one in resources(template(judged(**NATIVE)), "AWS::Lambda::Function").values()
        ]
        assert handlers == ["engine.handlers.ecs_judge.handler"]


class TestTheyNeverChange:
    """A rule that changes is written back: blue 100, green 0, whichever side is live (aws-cdk#36649)."""

    def test_they_have_no_tags_whatever_the_app_is_tagged_with(self) -> None:
        stack = new_stack()
        made = service(stack, **NATIVE)
        for scope in (stack.node.root, stack, made):
            cdk.Tags.of(scope).add("commit", "0d1e2f3", priority=900)
        found = Template.from_stack(stack)
        assert all("Tags" not in rule["Properties"] for rule in resources(found, RULE).values())
        # The tags are on everything else.
        assert {"Key": "commit", "Value": "0d1e2f3"} in only(resources(found, "AWS::ECS::Service"))["Properties"][
            "Tags"
        ]

    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param({"image": "inference:2.0.0"}, id="image"),
            pytest.param({"environment": {"LOG_LEVEL": "debug"}}, id="environment"),
            pytest.param({"certificate": CERTIFICATE_ARN.replace("6b5f", "7c60")}, id="certificate"),
            pytest.param({"tags": {"commit": "0d1e2f3"}}, id="tags of the whole app"),
            pytest.param({"port": 9090}, id="port"),
            pytest.param({"guardrails": [AlarmThresholds(requests_floor=5)]}, id="alarms"),
            pytest.param({"scaling": Scaling(min=5)}, id="scaling"),
            pytest.param({"tasks": Tasks(execute_command=True)}, id="shells"),
        ],
    )
    def test_they_are_byte_identical_when_something_else_changes(self, changed: dict[str, object]) -> None:
        def build(stack: cdk.Stack, **what: object) -> EcsBlueGreenService:
            image = ecs.ContainerImage.from_registry(str(what.get("image", "inference:1.0.0")))
            options = {name: what[name] for name in ("guardrails", "scaling", "tasks") if name in what}
            return service(
                stack,
                container=container(image=image, environment=what.get("environment", {}), port=what.get("port", 8080)),
                ingress=secure(stack, str(what.get("certificate", CERTIFICATE_ARN))),
                **NATIVE,
                **options,
            )

        tags = changed.get("tags")
        after = rules(lambda stack: build(stack, **changed), tags if isinstance(tags, dict) else None)
        assert rules(build) == after
        assert len(after) == 2


class TestRefusals:
    def test_rules_that_have_an_owner_already_are_refused(self) -> None:
        stack = new_stack()
        given = ServiceRules(*rules_of(stack))
        with pytest.raises(ConfigurationError, match="the rules have an owner already, leave rule_owner out"):
            service(stack, ingress=Ingress(rules=given, plain_http=True), **NATIVE)

    def test_a_priority_that_another_service_has_is_refused(self) -> None:
        stack = new_stack()
        vpc, listener = network(stack), shared_listener(stack)

        def made(name: str, priority: int) -> EcsBlueGreenService:
            ingress = Ingress(listener=listener, priority=priority, host=f"{name.lower()}.example.com")
            return EcsBlueGreenService(stack, name, vpc=vpc, container=container(), ingress=ingress, **NATIVE)

        made("Search", 40)
        with pytest.raises(ConfigurationError, match=r"Ranking/\S*Test\S* asks for priority 40, which Stack/Search"):
            made("Ranking", 41)
