"""A model service on Amazon ECS, judged by evidence: each release is compared with live before it gets more traffic.

    cdk deploy --context release=1.4.2
    bluegreen status Prediction/Inference         # and explain, promote, abort, history

Amazon ECS moves the traffic: a tenth of it, and all of it once the comparison has shown that the candidate does not
fail more often than live. A release whose answers differ from live's is stopped before any user meets it. While an
alarm is red nothing is deployed but the release that mends it:

    cdk deploy --context release=1.4.3 --context hotfix="1.4.2 fails every fifth request"
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    Canary,
    Container,
    EcsBlueGreenService,
    ErrorComparison,
    ExpectedTraffic,
    Hotfix,
    Ingress,
    ReplayRequest,
    ReplayRequests,
    Scaling,
    Score,
)

# What a reviewed release must still answer; a prediction writes nothing, though it is a POST.
GOLDEN = [
    ReplayRequest("/predict", method="POST", body='{"text": "where is my parcel?"}', safe=True),
    ReplayRequest("/predict", method="POST", body='{"text": "I want my money back"}', safe=True),
]


class Prediction(cdk.Stack):
    """One service with a load balancer of its own inside the VPC."""

    def __init__(self, scope: Construct, id: str, *, release: str, hotfix: str | None, env: cdk.Environment) -> None:
        """Make the service at `release`, an image tag that is never moved; `hotfix` says why it mends a red alarm."""
        super().__init__(scope, id, env=env)
        repository = ecr.Repository.from_repository_name(self, "Repository", "inference")
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{env.region}a", f"{env.region}b"], nat_gateways=1)
        EcsBlueGreenService(
            self,
            "Inference",
            vpc=vpc,
            container=Container(
                image=ecs.ContainerImage.from_ecr_repository(repository, release), port=8080, cpu=512, memory_mib=1024
            ),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            strategy=Canary(percent=10, bake=timedelta(minutes=3)),
            bake=timedelta(minutes=5),
            # A quiet service without errors: a release is shown to be good by requests that do not fail, and to be bad
            # by some that do. An alarm on so few would ring for a single one, so that it watches for worse things.
            guardrails=[ErrorComparison(negligible=0.1), AlarmThresholds(error_rate_percent=5)],
            hooks=[ReplayRequests(GOLDEN, comparator=Score("confidence", below=0.2))],
            expected_traffic=ExpectedTraffic(requests_per_second=2, error_rate=0.0),
            scaling=Scaling(min=2),
            release_marks=[] if hotfix is None else [Hotfix(release, hotfix)],
        )


app = cdk.App()
Prediction(
    app,
    "Prediction",
    release=app.node.try_get_context("release") or "1.0.0",
    hotfix=app.node.try_get_context("hotfix"),
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
