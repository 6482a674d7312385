"""Adopted: a service of CDK's patterns becomes a blue/green one where it stands, and can become a rolling one again."""

import json
from functools import cache

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as patterns
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    Adopted,
    Capacity,
    EcsBlueGreenService,
    ErrorComparison,
    Ingress,
    RuleOwner,
    ServiceConnect,
    Tasks,
)
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.settings_codec import settings_from_json
from tests.blue_green_service import container, network, new_stack, only
from tests.judged_service import resolved

GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


def pattern(stack: cdk.Stack, **options: object) -> patterns.ApplicationLoadBalancedFargateService:
    """A service as CDK's patterns make it, which has been running for years."""
    return patterns.ApplicationLoadBalancedFargateService(
        stack,
        "Web",
        **{
            "vpc": network(stack),
            "task_image_options": patterns.ApplicationLoadBalancedTaskImageOptions(
                image=ecs.ContainerImage.from_registry("inference:1.0.0"), container_port=8080
            ),
            **options,
        },
    )


@cache
def synthesised(how: str) -> dict[str, dict]:
    """The resources of the pattern alone, adopted, adopted and judged, or adopted and rolling."""
    stack = new_stack()
    made = pattern(stack)
    if how != "alone":
        EcsBlueGreenService(
            stack,
            "Rollouts",
            adopted=Adopted(made, rolling=how == "rolling"),
            guardrails=[ErrorComparison()] if how == "judged" else [],
            tasks=Tasks(execute_command=how == "judged"),
        )
    found: dict[str, dict] = Template.from_stack(stack).to_json()["Resources"]
    return found


def of_type(found: dict[str, dict], kind: str) -> dict[str, dict]:
    return {name: one for name, one in found.items() if one["Type"] == kind}


class TestAdopting:
    def test_everything_that_is_there_keeps_its_name_and_its_type(self) -> None:
        alone, adopted = synthesised("alone"), synthesised("adopted")
        assert {name: one["Type"] for name, one in alone.items()}.items() <= {
            name: one["Type"] for name, one in adopted.items()
        }.items()

    def test_only_the_service_and_the_task_definitions_retention_are_changed(self) -> None:
        alone, adopted = synthesised("alone"), synthesised("adopted")
        changed = {one["Type"] for name, one in alone.items() if adopted[name] != one}
        assert changed == {"AWS::ECS::Service", "AWS::ECS::TaskDefinition"}
        before, after = (only(of_type(one, "AWS::ECS::TaskDefinition")) for one in (alone, adopted))
        assert before["Properties"] == after["Properties"]
        assert (after["DeletionPolicy"], after["UpdateReplacePolicy"]) == ("Retain", "Retain")

    def test_of_the_service_only_what_rolls_it_out_is_changed(self) -> None:
        before, after = (
            only(of_type(synthesised(how), "AWS::ECS::Service"))["Properties"] for how in ("alone", "adopted")
        )
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        assert changed == {"DeploymentConfiguration", "LoadBalancers"}
        assert after["DeploymentConfiguration"]["Strategy"] == "CANARY"

    def test_blue_is_the_group_that_serves_and_green_is_a_second_one_like_it(self) -> None:
        adopted = synthesised("adopted")
        (balancer,) = only(of_type(adopted, "AWS::ECS::Service"))["Properties"]["LoadBalancers"]
        (own,) = of_type(synthesised("alone"), GROUP)
        assert balancer["TargetGroupArn"] == {"Ref": own}
        green = adopted[balancer["AdvancedConfiguration"]["AlternateTargetGroupArn"]["Ref"]]["Properties"]
        assert green == adopted[own]["Properties"]

    def test_both_rules_go_before_the_default_action_and_begin_where_it_leads(self) -> None:
        adopted = synthesised("adopted")
        rules = [one["Properties"] for one in of_type(adopted, "Custom::TrafficRule").values()]
        (own,) = of_type(synthesised("alone"), GROUP)
        assert sorted(rule["Priority"] for rule in rules) == [99, 100]
        for rule in rules:
            assert rule["Blue"] == {"Ref": own}
            assert rule["InitialCandidateWeight"] == 0
            assert "MustServe" not in rule
            assert rule["ListenerArn"] == {"Ref": next(iter(of_type(adopted, "AWS::ElasticLoadBalancingV2::Listener")))}

    def test_it_can_be_judged_and_entered(self) -> None:
        judged = synthesised("judged")
        service = only(of_type(judged, "AWS::ECS::Service"))["Properties"]
        (hook,) = service["DeploymentConfiguration"]["LifecycleHooks"]
        settings = settings_from_json(json.loads(resolved(hook["HookDetails"]))["settings"])
        assert (settings.target, settings.is_judged) == ("Stack/Rollouts", True)
        assert settings.blue.container == "web"
        assert service["EnableExecuteCommand"] is True


class TestTheStateBetween:
    def test_the_service_rolls_in_its_own_group_with_all_that_the_construct_adds(self) -> None:
        alone, rolling, adopted = (synthesised(how) for how in ("alone", "rolling", "adopted"))
        before, after = (only(of_type(one, "AWS::ECS::Service"))["Properties"] for one in (alone, rolling))
        assert before["LoadBalancers"] == after["LoadBalancers"]
        assert after["DeploymentConfiguration"]["Strategy"] == "ROLLING"
        assert after["DeploymentConfiguration"]["LifecycleHooks"] == []
        assert rolling.keys() == adopted.keys()

    def test_an_update_to_it_is_refused_while_green_serves(self) -> None:
        """The rule's handler looks; the service waits for what it says."""
        rolling = synthesised("rolling")
        (own,) = of_type(synthesised("alone"), GROUP)
        live = {name: one for name, one in of_type(rolling, "Custom::TrafficRule").items() if "MustServe" in str(one)}
        ((name, rule),) = live.items()
        assert rule["Properties"]["MustServe"] == {"Ref": own}
        assert rule["Properties"]["Priority"] == 100
        assert name in only(of_type(rolling, "AWS::ECS::Service"))["DependsOn"]

    @pytest.mark.parametrize("rolling", [False, True])
    def test_rules_of_cloudformations_are_refused_because_they_cannot_look(self, rolling: bool) -> None:
        stack = new_stack()
        adopted = Adopted(pattern(stack), rolling=rolling)
        with pytest.raises(ConfigurationError, match="only a TrafficRule refuses to be left while green serves"):
            EcsBlueGreenService(stack, "Rollouts", adopted=adopted, rule_owner=RuleOwner.CLOUDFORMATION)


class TestRefusals:
    @pytest.mark.parametrize("given", ["ingress", "container", "cluster", "vpc", "task_definition"])
    def test_what_the_adopted_service_has_already_is_refused(self, given: str) -> None:
        stack = new_stack()
        made = pattern(stack)
        values = {
            "ingress": Ingress(plain_http=True),
            "container": container(),
            "cluster": made.cluster,
            "vpc": made.cluster.vpc,
            "task_definition": made.task_definition,
        }
        with pytest.raises(ConfigurationError, match=f"has adopted together with {given}: the adopted service keeps"):
            EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(made), **{given: values[given]})

    @pytest.mark.parametrize(
        "tasks",
        [
            Tasks(capacity=Capacity.spot(50)),
            Tasks(service_connect=ServiceConnect("internal")),
            Tasks(subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)),
        ],
    )
    def test_tasks_elsewhere_than_the_adopted_ones_are_refused(self, tasks: Tasks) -> None:
        stack = new_stack()
        with pytest.raises(ConfigurationError, match="tasks with subnets, capacity or service_connect"):
            EcsBlueGreenService(stack, "Rollouts", adopted=Adopted(pattern(stack)), tasks=tasks)

    def test_what_is_no_such_service_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="Adopted is given str: give an ApplicationLoadBalancedFargate"):
            Adopted("Web")

    def test_a_service_that_codedeploy_deploys_is_refused(self) -> None:
        controller = ecs.DeploymentController(type=ecs.DeploymentControllerType.CODE_DEPLOY)
        with pytest.raises(ConfigurationError, match="is deployed by CODE_DEPLOY: move it to the ECS controller"):
            Adopted(pattern(new_stack(), deployment_controller=controller))

    def test_a_service_that_ecs_itself_deploys_is_adopted_also_when_it_says_so(self) -> None:
        controller = ecs.DeploymentController(type=ecs.DeploymentControllerType.ECS)
        Adopted(pattern(new_stack(), deployment_controller=controller))

    def test_a_listener_that_authenticates_is_refused(self) -> None:
        made = pattern(new_stack())
        resource = made.listener.node.default_child
        assert isinstance(resource, elbv2.CfnListener)
        resource.default_actions = [
            {"type": "authenticate-oidc", "order": 1},
            {"type": "forward", "order": 2, "targetGroupArn": made.target_group.target_group_arn},
        ]
        with pytest.raises(ConfigurationError, match="authenticates users in its listener"):
            Adopted(made)

    def test_a_listener_that_leads_elsewhere_is_refused(self) -> None:
        stack = new_stack()
        made = pattern(stack)
        other = elbv2.ApplicationTargetGroup(
            stack, "Other", vpc=made.cluster.vpc, port=80, target_type=elbv2.TargetType.IP
        )
        made.listener.add_action("Default", action=elbv2.ListenerAction.forward([other]))
        with pytest.raises(ConfigurationError, match="forwards to other target groups than its own"):
            Adopted(made)
