"""Services that CodeDeploy deploys, to test: made with one call, changed by keyword."""

from datetime import timedelta
from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from bluegreen_constructs import (
    CodeDeploy,
    EcsBlueGreenService,
    HttpSmokeTest,
    Ingress,
    LambdaHook,
    Scaling,
    TestTraffic,
)
from tests.blue_green_service import CERTIFICATE_ARN, container, new_stack, service

INTERNAL = Ingress(internet_facing=False, health_path="/ready")
TESTS = TestTraffic.listener(9000, sources=["10.0.0.0/16"])
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:check"
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:releases"


def deployed(stack: cdk.Stack | None = None, **options: object) -> EcsBlueGreenService:
    """A public service without a test route, deployed by CodeDeploy with its defaults."""
    return service(stack, **{"controller": CodeDeploy(), **options})


def checking(stack: cdk.Stack) -> lambda_.IFunction:
    """A function of the user's."""
    return lambda_.Function.from_function_arn(stack, "Check", FUNCTION_ARN)


def everything_on(stack: cdk.Stack, vpc: ec2.IVpc, *, tag: str = "1.0.1") -> EcsBlueGreenService:
    """An internal service with all that CodeDeploy can have, and an image of this tag."""
    key = secretsmanager.Secret.from_secret_complete_arn(
        stack, "Key", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
    )
    repository = ecr.Repository.from_repository_name(stack, "Repository", "inference")
    function = checking(stack)
    made = EcsBlueGreenService(
        stack,
        "Inference",
        vpc=vpc,
        container=container(
            image=ecs.ContainerImage.from_ecr_repository(repository, tag),
            secrets={"API_KEY": ecs.Secret.from_secrets_manager(key)},
        ),
        ingress=Ingress(
            certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
            host="predict.example.com",
            health_path="/ready",
            internet_facing=False,
            access_logs=s3.Bucket.from_bucket_name(stack, "LogBucket", "logs"),
        ),
        test_traffic=TestTraffic.listener(9443, sources=["10.0.0.0/16"]),
        hooks=[
            HttpSmokeTest("/predict", method="POST", body='{"text": "hello"}', expects='"topic"'),
            LambdaHook(function),
            LambdaHook(function, stage="BAKING", details={"depth": 2}, timeout=timedelta(minutes=20)),
        ],
        scaling=Scaling(min=2, max=20, requests_per_target=500),
        controller=CodeDeploy(approval=timedelta(minutes=15), on_stack_update=True, application="inference"),
    )
    made.notify_on(sns.Topic.from_topic_arn(stack, "Topic", TOPIC_ARN))
    made.add_dashboard()
    return made


@cache
def full() -> Template:
    """The service with everything on, synthesised once for all files."""
    stack = new_stack()
    everything_on(stack, real_network(stack))
    return Template.from_stack(stack)


def real_network(stack: cdk.Stack) -> ec2.IVpc:
    """A VPC whose ids have the form that AWS gives them."""
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        vpc_cidr_block="10.0.0.0/16",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    )
