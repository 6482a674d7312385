"""EcsBlueGreenService with everything on is clean under cdk-nag, and every acknowledgement names an alternative."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from bluegreen_constructs import (
    AbsoluteFloor,
    AcceptedRelease,
    Approval,
    Capacity,
    EcsBlueGreenService,
    ErrorComparison,
    ExpectedTraffic,
    Hotfix,
    HttpSmokeTest,
    Ingress,
    LambdaHook,
    LatencyComparison,
    RuleOwner,
    Scaling,
    ScheduledScaling,
    ServiceConnect,
    Tasks,
    TestTraffic,
)
from tests.blue_green_service import CERTIFICATE_ARN, container, network
from tests.nag_findings import acknowledgements, findings


@dataclass(frozen=True)
class Checked:
    """What cdk-nag found, and what was acknowledged: construct path and rule, with the reason."""

    findings: frozenset[tuple[str, str]]
    acknowledged: dict[tuple[str, str], str]


@cache
def checked() -> Checked:
    """One service with everything on, an internal one with the other choices, and a planted finding beside them."""
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    stack, planted = cdk.Stack(app, "Stack", env=env), cdk.Stack(app, "Planted", env=env)
    s3.Bucket(planted, "Open")
    vpc = network(stack)
    everything_on(stack, vpc)
    EcsBlueGreenService(
        stack,
        "Internal",
        cluster=ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="shared", vpc=vpc),
        container=container(),
        ingress=Ingress(internet_facing=False),
        guardrails=[AbsoluteFloor(success_percent=99)],
        hooks=[HttpSmokeTest("/ready")],
        rule_owner=RuleOwner.CLOUDFORMATION,
        test_traffic=TestTraffic.listener(9000, sources=["10.0.0.0/16"]),
    )
    return Checked(
        findings(app),
        dict(acknowledgements(folder / "Stack.metadata.json")),
    )


def everything_on(stack: cdk.Stack, vpc: ec2.IVpc) -> None:
    key = secretsmanager.Secret.from_secret_complete_arn(
        stack, "Key", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-AbCdEf"
    )
    function = lambda_.Function.from_function_arn(
        stack, "Check", "arn:aws:lambda:eu-west-1:123456789012:function:check"
    )
    repository = ecr.Repository.from_repository_name(stack, "Repository", "inference")
    made = EcsBlueGreenService(
        stack,
        "Public",
        vpc=vpc,
        container=container(
            image=ecs.ContainerImage.from_ecr_repository(repository, "1.0.1"),
            environment={"LOG_LEVEL": "info"},
            secrets={"API_KEY": ecs.Secret.from_secrets_manager(key)},
            architecture=ecs.CpuArchitecture.ARM64,
        ),
        ingress=Ingress(
            certificate=acm.Certificate.from_certificate_arn(stack, "Certificate", CERTIFICATE_ARN),
            host="predict.example.com",
            health_path="/ready",
            access_logs=s3.Bucket.from_bucket_name(stack, "LogBucket", "logs"),
            dual_stack=True,
            drain=timedelta(minutes=2),
            longest_stream=timedelta(minutes=2),
        ),
        guardrails=[
            ErrorComparison(),
            LatencyComparison(slo=timedelta(milliseconds=800), expected_rate=0.02),
            AbsoluteFloor(success_percent=98),
        ],
        expected_traffic=ExpectedTraffic(requests_per_second=500, error_rate=0.01),
        hooks=[
            HttpSmokeTest("/predict", method="POST", body='{"text": "hello"}', expects='"topic"'),
            LambdaHook(function, stage="BAKING"),
            Approval(timeout=timedelta(hours=1)),
        ],
        scaling=Scaling(
            min=2,
            max=20,
            requests_per_target=500,
            cpu_percent=60,
            schedules=[ScheduledScaling("cron(0 6 ? * MON-FRI *)", min=6, max=30)],
        ),
        tasks=Tasks(
            capacity=Capacity.spot(50),
            execute_command=True,
            service_connect=ServiceConnect("internal", name="inference"),
        ),
        release_marks=[
            Hotfix(release="1.0.1", reason="mends the parser"),
            AcceptedRelease(release="1.0.1", reason="the data was wrong"),
        ],
    )
    made.notify_on(sns.Topic.from_topic_arn(stack, "Topic", "arn:aws:sns:eu-west-1:123456789012:releases"))
    made.add_dashboard()


def test_the_checks_find_what_nobody_acknowledged() -> None:
    assert {place for place, _ in checked().findings if place.startswith("Planted/")}


def test_a_service_with_everything_on_is_clean() -> None:
    assert sorted(one for one in checked().findings if not one[0].startswith("Planted/")) == []


def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative() -> None:
    for (place, rule), reason in checked().acknowledged.items():
        assert "/" in place, f"{rule} is acknowledged on a whole stack"
        assert "considered" in reason or "alternative" in reason, (place, rule, reason)


def test_the_acknowledgements_are_these_and_no_others() -> None:
    assert set(checked().acknowledged) == EXPECTED


def _on(service: str, resource: str) -> str:
    return f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:{service}:<AWS::Region>:<AWS::AccountId>:{resource}]"


ANY = "AwsSolutions-IAM5[Resource::*]"
JUDGE = "Stack/BlueGreenEcsJudge/Function/Role"
EXPECTED = {
    (JUDGE, ANY),
    (JUDGE, _on("ecs", "service-deployment/<PublicCluster>/*")),
    (JUDGE, _on("ecs", "service-deployment/shared/*")),
    (JUDGE, _on("ecs", "service-revision/<PublicCluster>/*")),
    (JUDGE, _on("ecs", "service-revision/shared/*")),
    (JUDGE, _on("ssm", "parameter/bluegreen/targets/*")),
    ("Stack/BlueGreenTrafficRules/Role", ANY),
    ("Stack/BlueGreenTrafficRules/Role", _on("elasticloadbalancing", "listener-rule/app/*")),
    ("Stack/Internal/InfrastructureRole", ANY),
    ("Stack/Internal/LoadBalancer", "AwsSolutions-EC23"),
    ("Stack/Internal/LoadBalancer", "AwsSolutions-ELB2"),
    ("Stack/Internal/SmokeTest/Function/Role", ANY),
    ("Stack/Public/InfrastructureRole", ANY),
    ("Stack/Public/LoadBalancer", "AwsSolutions-EC23"),
    ("Stack/Public/TaskDefinition", "AwsSolutions-ECS2"),
    ("Stack/Public/TaskDefinition/ExecutionRole", ANY),
    ("Stack/Public/TaskDefinition/TaskRole", ANY),
}
