"""CanaryAlbs to test: made with one call, changed by keyword; and what their stack's engine was told of them."""

import json
import re
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    Approval,
    CanaryAlb,
    CandidateRoute,
    HttpSmokeTest,
    Ingress,
    LambdaHook,
    Targets,
)
from bluegreen_constructs.engine.settings_codec import settings_from_dict
from bluegreen_constructs.engine.target_settings import TargetSettings
from tests.blue_green_service import network

FLAGS = {"@aws-cdk/aws-autoscaling:generateLaunchTemplateInsteadOfLaunchConfig": True}
PLAIN = Ingress(plain_http=True)
ENV = cdk.Environment(account="123456789012", region="eu-west-1")


def new_stack(name: str = "Serving", app: cdk.App | None = None) -> cdk.Stack:
    return cdk.Stack(app or cdk.App(context=FLAGS), name, env=ENV)


def vpc_in(stack: cdk.Stack) -> ec2.IVpc:
    return stack.node.try_find_child("Vpc") or network(stack)  # type: ignore[return-value]


def group_of_instances(stack: cdk.Stack, id: str, **options: object) -> autoscaling.AutoScalingGroup:
    return autoscaling.AutoScalingGroup(
        stack,
        id,
        vpc=vpc_in(stack),
        instance_type=ec2.InstanceType("t3.micro"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(),
        **options,  # type: ignore[arg-type]
    )


def instance(stack: cdk.Stack, id: str) -> ec2.Instance:
    return ec2.Instance(
        stack,
        id,
        vpc=vpc_in(stack),
        instance_type=ec2.InstanceType("t3.micro"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(),
    )


def ecs_service(stack: cdk.Stack, id: str, **options: object) -> ecs.FargateService:
    cluster = stack.node.try_find_child("Cluster") or ecs.Cluster(stack, "Cluster", vpc=vpc_in(stack))
    definition = ecs.FargateTaskDefinition(stack, f"{id}Tasks")
    definition.add_container(
        "web",
        image=ecs.ContainerImage.from_registry("inference:1.0.0"),
        port_mappings=[ecs.PortMapping(container_port=8080)],
    )
    settings = {"min_healthy_percent": 100, **options}
    return ecs.FargateService(stack, id, cluster=cluster, task_definition=definition, **settings)  # type: ignore[arg-type]


def function(stack: cdk.Stack, id: str) -> lambda_.Function:
    return lambda_.Function(
        stack,
        id,
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("handler = print"),
    )


def ready_group(stack: cdk.Stack, id: str) -> elbv2.ApplicationTargetGroup:
    return elbv2.ApplicationTargetGroup(
        stack, id, vpc=vpc_in(stack), port=80, protocol=elbv2.ApplicationProtocol.HTTP, target_type=elbv2.TargetType.IP
    )


def ready_sides(stack: cdk.Stack) -> dict[str, Targets]:
    """The cheapest sides: target groups of whatever."""
    return {side.lower(): Targets.of(ready_group(stack, f"{side}Group")) for side in ("Blue", "Green")}


def canary(stack: cdk.Stack | None = None, id: str = "Model", **options: object) -> CanaryAlb:
    stack = stack or new_stack()
    settings: dict[str, object] = {"ingress": PLAIN, **options}
    if "blue" not in settings and "green" not in settings:
        settings |= ready_sides(stack) | {"vpc": options.get("vpc", vpc_in(stack))}
    return CanaryAlb(stack, id, **settings)  # type: ignore[arg-type]


def template(of: CanaryAlb) -> Template:
    return Template.from_stack(cdk.Stack.of(of))


def resources(of: Template, type: str) -> dict[str, dict]:
    return of.find_resources(type)


def rules_by_priority(of: Template) -> list[dict]:
    rules = resources(of, "Custom::TrafficRule").values()
    return sorted((rule["Properties"] for rule in rules), key=lambda rule: rule["Priority"])


def parameter(of: Template) -> dict[str, object]:
    """The settings parameter's value, with references written as `<LogicalId.Attribute>`."""
    (found,) = resources(of, "AWS::SSM::Parameter").values()
    return json.loads(flat(found["Properties"]["Value"]))


def settings_in(of: Template) -> TargetSettings:
    """What the engine reads."""
    return settings_from_dict(parameter(of)["settings"])


def flat(value: object) -> str:
    match value:
        case {"Fn::Join": [between, parts]}:
            return between.join(flat(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Select": [_, _]} | {"Fn::ImportValue": _}:
            return "<other>"
    return str(value)


def handler_name(resource: dict) -> str:
    return re.sub(r"engine\.handlers\.(\w+)\.handler", r"\1", resource["Properties"]["Handler"])


@cache
def plain() -> Template:
    """All defaults, on target groups that are there."""
    return template(canary())


@cache
def of_auto_scaling_groups() -> Template:
    """Two Auto Scaling groups with everything on."""
    stack = new_stack()
    return template(
        canary(
            stack,
            blue=Targets.of(group_of_instances(stack, "A"), port=80),
            green=Targets.of(group_of_instances(stack, "B"), port=80),
            hooks=[
                Approval("release manager"),
                HttpSmokeTest("/"),
                LambdaHook(function(stack, "Check"), stage="BAKING", details={"level": 3}),
                HttpSmokeTest("/second"),
            ],
            test_traffic=[CandidateRoute.header(), CandidateRoute.cookie("preview"), CandidateRoute.query("preview")],
        )
    )


@cache
def of_ecs_services() -> Template:
    """Two plain ECS services, the blue one with scaling."""
    stack = new_stack()
    blue, green = ecs_service(stack, "A"), ecs_service(stack, "B")
    blue.auto_scale_task_count(min_capacity=2, max_capacity=4)
    return template(canary(stack, blue=Targets.of(blue), green=Targets.of(green)))
