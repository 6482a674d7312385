"""Services to test: made with one call, changed by keyword."""

from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs import (
    Container,
    EcsBlueGreenService,
    HttpSmokeTest,
    Ingress,
    Scaling,
    TrafficRule,
)

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


def shared_listener(stack: cdk.Stack) -> elbv2.IApplicationListener:
    """Somebody else's listener, imported."""
    group = ec2.SecurityGroup.from_security_group_id(stack, "SharedGroup", "sg-1")
    return elbv2.ApplicationListener.from_application_listener_attributes(
        stack, "Shared", listener_arn=LISTENER_ARN, security_group=group
    )


def shared(stack: cdk.Stack, **changes: object) -> Ingress:
    """The ingress of a service on somebody else's listener."""
    known = {"listener": shared_listener(stack), "priority": 40, "host": "predict.example.com"}
    return Ingress(**{**known, **changes})


def rules_of(
    stack: cdk.Stack, *, id: str = "Edge", priority: int = 20, header: tuple[str, str] = ("x-try", "0123456789abcdef")
) -> tuple[TrafficRule, TrafficRule]:
    """A production and a test rule with groups of their own, on somebody else's listener."""
    scope = Construct(stack, id)
    vpc = ec2.Vpc.from_vpc_attributes(scope, "Vpc", vpc_id="vpc-9", availability_zones=["eu-west-1a", "eu-west-1b"])
    blue, green = (
        elbv2.ApplicationTargetGroup(scope, side, vpc=vpc, port=80, target_type=elbv2.TargetType.IP)
        for side in ("Blue", "Green")
    )
    listener = elbv2.ApplicationListener.from_application_listener_attributes(
        scope,
        "Listener",
        listener_arn=LISTENER_ARN,
        security_group=ec2.SecurityGroup.from_security_group_id(scope, "Group", "sg-1"),
    )
    conditions = {
        "Production": elbv2.ListenerCondition.path_patterns(["/*"]),
        "Test": elbv2.ListenerCondition.http_header(header[0], [header[1]]),
    }
    production, test = (
        TrafficRule(
            scope, name, listener=listener, priority=number, conditions=[conditions[name]], blue=blue, green=green
        )
        for name, number in (("Production", priority), ("Test", priority - 1))
    )
    return production, test


def template(of: EcsBlueGreenService) -> Template:
    return Template.from_stack(cdk.Stack.of(of))


def only(found: dict[str, dict]) -> dict:
    assert len(found) == 1, sorted(found)
    return next(iter(found.values()))


def resources(of: Template, type: str) -> dict[str, dict]:
    return of.find_resources(type)


def deployment_configuration(of: Template) -> dict:
    return only(resources(of, "AWS::ECS::Service"))["Properties"]["DeploymentConfiguration"]


@cache
def everything_on() -> Template:
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
