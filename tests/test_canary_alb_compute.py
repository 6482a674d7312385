"""CanaryAlb and the compute behind it: what of it a stack update leaves alone, what is refused, what comes too late."""

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk.assertions import Template

from bluegreen_constructs import CanaryAlb, Ingress, Targets
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.canary_service import (
    canary,
    ecs_service,
    group_of_instances,
    instance,
    new_stack,
    of_auto_scaling_groups,
    of_ecs_services,
    resources,
    template,
    vpc_in,
)


def refused(stack: cdk.Stack, said: str, **sides: Targets) -> None:
    with pytest.raises(ConfigurationError) as raised:
        canary(stack, **sides)
    assert said in str(raised.value)
    assert not str(raised.value).endswith(".")


def of_services(stack: cdk.Stack, **options: object) -> dict[str, Targets]:
    return {"blue": Targets.of(ecs_service(stack, "A", **options)), "green": Targets.of(ecs_service(stack, "B"))}


class TestWhatAStackUpdateLeavesAlone:
    """I2: the template names no release of a side, so that no edit of it deploys one."""

    def test_an_ecs_service_names_the_family_of_its_task_definition_and_no_revision(self) -> None:
        definitions = resources(of_ecs_services(), "AWS::ECS::TaskDefinition")
        families = {name: one["Properties"]["Family"] for name, one in definitions.items()}
        services = resources(of_ecs_services(), "AWS::ECS::Service").values()
        assert sorted(one["Properties"]["TaskDefinition"] for one in services) == sorted(families.values())
        for service in services:  # made before it, which a reference said until now
            assert any(families.get(name) == service["Properties"]["TaskDefinition"] for name in service["DependsOn"])

    def test_a_revision_that_is_replaced_stays_for_the_side_that_runs_it(self) -> None:
        definitions = resources(of_ecs_services(), "AWS::ECS::TaskDefinition").values()
        assert [one["UpdateReplacePolicy"] for one in definitions] == ["Retain", "Retain"]

    def test_an_edit_of_a_task_definition_is_no_edit_of_its_service(self) -> None:
        def made(memory: str) -> Template:
            stack = new_stack()
            sides = of_services(stack)
            for side in sides.values():
                side.source.task_definition.add_container("more", image=ecs.ContainerImage.from_registry(memory))  # type: ignore[union-attr]
            return template(canary(stack, **sides))

        before, after = made("sidecar:1"), made("sidecar:2")
        assert resources(before, "AWS::ECS::TaskDefinition") != resources(after, "AWS::ECS::TaskDefinition")
        assert resources(before, "AWS::ECS::Service") == resources(after, "AWS::ECS::Service")

    def test_an_auto_scaling_group_names_the_default_version_that_the_engine_sets(self) -> None:
        for group in resources(of_auto_scaling_groups(), "AWS::AutoScaling::AutoScalingGroup").values():
            chosen = group["Properties"]["LaunchTemplate"]
            assert chosen["Version"] == {"Fn::GetAtt": [chosen["LaunchTemplateId"]["Ref"], "DefaultVersionNumber"]}

    def test_a_given_launch_template_of_the_app_is_treated_alike(self) -> None:
        stack = new_stack()
        sides = {side: Targets.of(launched_by(stack, side, own_template(stack, side)), port=80) for side in BOTH}
        found = resources(template(canary(stack, **sides)), "AWS::AutoScaling::AutoScalingGroup")
        versions = {one["Properties"]["LaunchTemplate"]["Version"]["Fn::GetAtt"][1] for one in found.values()}
        assert versions == {"DefaultVersionNumber"}


BOTH = ("blue", "green")


def own_template(stack: cdk.Stack, id: str) -> ec2.LaunchTemplate:
    return ec2.LaunchTemplate(
        stack,
        f"{id}Template",
        instance_type=ec2.InstanceType("t3.micro"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(),
        security_group=ec2.SecurityGroup.from_security_group_id(stack, f"{id}Group", "sg-1"),
    )


def launched_by(stack: cdk.Stack, id: str, template_: ec2.ILaunchTemplate) -> autoscaling.AutoScalingGroup:
    return autoscaling.AutoScalingGroup(stack, id, vpc=vpc_in(stack), launch_template=template_)


class TestAutoScalingGroups:
    def test_one_launch_template_for_both_sides_is_refused(self) -> None:
        stack = new_stack()
        shared = own_template(stack, "Shared")
        sides = {side: Targets.of(launched_by(stack, side, shared), port=80) for side in BOTH}
        refused(stack, "Model/Blue and Serving/Model/Green have one launch template", **sides)

    def test_a_version_in_the_template_is_refused(self) -> None:
        stack = new_stack()
        imported = ec2.LaunchTemplate.from_launch_template_attributes(
            stack, "Imported", launch_template_id="lt-1", version_number="3"
        )
        sides = {side: Targets.of(launched_by(stack, side, imported), port=80) for side in BOTH}
        refused(stack, "has version 3 of its launch template in the template", **sides)

    def test_a_type_with_a_launch_template_of_its_own_is_refused(self) -> None:
        stack = new_stack()
        policy = autoscaling.MixedInstancesPolicy(
            launch_template=own_template(stack, "Mixed"),
            launch_template_overrides=[
                autoscaling.LaunchTemplateOverrides(
                    instance_type=ec2.InstanceType("t3.small"), launch_template=own_template(stack, "Own")
                )
            ],
        )
        mixed = autoscaling.AutoScalingGroup(stack, "A", vpc=vpc_in(stack), mixed_instances_policy=policy)
        sides = {"blue": Targets.of(mixed, port=80), "green": Targets.of(group_of_instances(stack, "B"), port=80)}
        refused(stack, "in which a type has a launch template of its own", **sides)

    def test_mixed_instances_launch_the_default_version_of_their_one_template(self) -> None:
        stack = new_stack()
        sides = {}
        for side in BOTH:
            policy = autoscaling.MixedInstancesPolicy(
                launch_template=own_template(stack, f"{side}Template"),
                launch_template_overrides=[
                    autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType("t3.small"))
                ],
            )
            group = autoscaling.AutoScalingGroup(
                stack, f"{side}Group", vpc=vpc_in(stack), mixed_instances_policy=policy
            )
            sides[side] = Targets.of(group, port=80)
        for group in resources(template(canary(stack, **sides)), "AWS::AutoScaling::AutoScalingGroup").values():
            launched = group["Properties"]["MixedInstancesPolicy"]["LaunchTemplate"]
            assert launched["LaunchTemplateSpecification"]["Version"]["Fn::GetAtt"][1] == "DefaultVersionNumber"
            assert [one["InstanceType"] for one in launched["Overrides"]] == ["t3.small"]


class TestEcsServices:
    def test_one_task_definition_for_both_sides_is_refused(self) -> None:
        stack = new_stack()
        one = ecs_service(stack, "A")
        other = ecs.FargateService(
            stack, "B", cluster=one.cluster, task_definition=one.task_definition, min_healthy_percent=100
        )
        refused(stack, "have one task definition (family)", blue=Targets.of(one), green=Targets.of(other))

    @pytest.mark.parametrize("strategy", ["BLUE_GREEN", "CANARY", "LINEAR"])
    def test_services_whose_traffic_ecs_moves_are_refused(self, strategy: str) -> None:
        stack = new_stack()
        sides = of_services(stack, deployment_strategy=ecs.DeploymentStrategy[strategy])
        refused(stack, f"has the deployment strategy {strategy}, with which Amazon ECS moves traffic itself", **sides)

    def test_a_circuit_breaker_that_rolls_back_is_refused_and_one_that_does_not_is_not(self) -> None:
        stack = new_stack()
        sides = of_services(stack, circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True))
        refused(stack, "give DeploymentCircuitBreaker(rollback=False)", **sides)
        stack = new_stack()
        canary(stack, **of_services(stack, circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=False)))

    def test_deployment_alarms_that_roll_back_are_refused(self) -> None:
        stack = new_stack()
        alarm = cloudwatch.Alarm.from_alarm_arn(stack, "Pages", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:pages")
        alarms = ecs.DeploymentAlarmConfig(alarm_names=[alarm.alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM)
        refused(stack, "behavior=AlarmBehavior.FAIL_ON_ALARM", **of_services(stack, deployment_alarms=alarms))


class TestWhatComesTooLate:
    """What is done to a side after the CanaryAlb was made, and would be missed."""

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (
                lambda service: service.auto_scale_task_count(min_capacity=1, max_capacity=2),
                "got auto_scale_task_count after the CanaryAlb was made",
            ),
            (
                lambda service: service.task_definition.obtain_execution_role(),
                "got its execution role after the CanaryAlb was made",
            ),
            (lambda service: setattr(service.node.default_child, "desired_count", 3), "has desired_count 3"),
        ],
    )
    def test_a_change_of_a_service_is_refused_at_synth(
        self, change: Callable[[ecs.FargateService], object], said: str
    ) -> None:
        stack = new_stack()
        sides = of_services(stack)
        made = canary(stack, **sides)
        assert made.node.find_child("Blue").node.validate() == []
        change(sides["blue"].source)  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match=said):
            stack.node.root.synth()  # type: ignore[attr-defined]

    def test_an_update_policy_that_is_added_later_is_refused_at_synth(self) -> None:
        stack = new_stack()
        one = group_of_instances(stack, "A")
        canary(stack, blue=Targets.of(one, port=80), green=Targets.of(group_of_instances(stack, "B"), port=80))
        one.node.default_child.cfn_options.update_policy = cdk.CfnUpdatePolicy(  # type: ignore[union-attr]
            auto_scaling_replacing_update=cdk.CfnAutoScalingReplacingUpdate(will_replace=True)
        )
        with pytest.raises(RuntimeError, match="has an update policy"):
            stack.node.root.synth()  # type: ignore[attr-defined]


class TestAddresses:
    @staticmethod
    def made(blue: Targets, green: Targets, *, dual_stack: bool = False) -> CanaryAlb:
        stack = new_stack()
        ingress = Ingress(plain_http=True, dual_stack=dual_stack)
        vpc = ec2.Vpc(stack, "Own", ip_protocol=ec2.IpProtocol.DUAL_STACK)
        return canary(stack, blue=blue, green=green, ingress=ingress, vpc=vpc)

    @staticmethod
    def groups(of: CanaryAlb) -> list[dict]:
        return [
            one["Properties"] for one in resources(template(of), "AWS::ElasticLoadBalancingV2::TargetGroup").values()
        ]

    def test_ipv6_addresses_are_in_a_group_of_ipv6(self) -> None:
        sides = [Targets.of([address], port=80) for address in ("2001:db8::1", "2001:db8::2")]
        groups = self.groups(self.made(*sides, dual_stack=True))
        assert [group["IpAddressType"] for group in groups] == [elbv2.TargetGroupIpAddressType.IPV6.value.lower()] * 2

    def test_ipv6_addresses_behind_a_load_balancer_without_are_refused(self) -> None:
        sides = [Targets.of([address], port=80) for address in ("2001:db8::1", "2001:db8::2")]
        with pytest.raises(ConfigurationError, match=r"give Ingress\(dual_stack=True\)"):
            self.made(*sides)

    def test_addresses_outside_the_vpc_are_in_all_zones(self) -> None:
        inside, outside = Targets.of(["10.0.3.17"], port=80), Targets.of(["192.168.3.17"], port=80, outside_vpc=True)
        found = [group["Targets"] for group in self.groups(self.made(inside, outside))]
        assert found == [[{"Id": "10.0.3.17"}], [{"AvailabilityZone": "all", "Id": "192.168.3.17"}]]

    def test_what_no_group_can_hold_is_refused(self) -> None:
        stack = new_stack()
        one = instance(stack, "One")
        with pytest.raises(ConfigurationError, match="a list of addresses and instances"):
            Targets.of(["10.0.3.17", one], port=80)  # type: ignore[list-item]
        with pytest.raises(ConfigurationError, match="IPv4 and IPv6 addresses: give one kind"):
            Targets.of(["10.0.3.17", "2001:db8::1"], port=80)
        with pytest.raises(ConfigurationError, match="has outside_vpc: leave it out"):
            Targets.of(one, port=80, outside_vpc=True)

    def test_the_same_address_or_instance_on_both_sides_is_refused(self) -> None:
        twice = {"blue": Targets.of(["10.0.3.17", "10.0.3.18"], port=80), "green": Targets.of(["10.0.3.17"], port=80)}
        stack = new_stack()
        with pytest.raises(ConfigurationError, match=r"have 10\.0\.3\.17 on both"):
            canary(stack, **twice, vpc=vpc_in(stack))
        one, two = instance(stack, "One"), instance(stack, "Two")
        sides = {"blue": Targets.of([one, two], port=80), "green": Targets.of(one, port=80)}
        with pytest.raises(ConfigurationError, match="on both: give each instance or address to one side"):
            canary(stack, "Second", **sides)
