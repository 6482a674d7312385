"""A model service on Amazon ECS that AWS CodeDeploy deploys, for teams that must.

    cdk deploy --app "python examples/code_deploy/app.py"
    bluegreen start CodeDeployed/Inference --release 1.4.2 --wait
    bluegreen abort CodeDeployed/Inference              # and status, watch, promote, history, rollback

A deployment starts the release's tasks on the idle side, brings the test listener (port 9001, from inside the VPC) and
a smoke test to them, moves a tenth of the traffic, and after five minutes all of it. For five more minutes the former
tasks stay, and going back is one call. The alarms judge: CodeDeploy asks nobody between two steps.

In a pipeline, CodePipeline's CodeDeployToECS takes the two files that these print:

    bluegreen appspec CodeDeployed/Inference > appspec.yaml
    bluegreen taskdef CodeDeployed/Inference > taskdef.json
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
    CodeDeploy,
    Container,
    EcsBlueGreenService,
    HttpSmokeTest,
    Ingress,
    Scaling,
    TestTraffic,
)


class CodeDeployed(cdk.Stack):
    """One service with a load balancer of its own inside the VPC, and CodeDeploy's application and deployment group."""

    def __init__(self, scope: Construct, id: str, *, env: cdk.Environment) -> None:
        """Make the service at its first release; the others are no part of the template."""
        super().__init__(scope, id, env=env)
        repository = ecr.Repository.from_repository_name(self, "Repository", "inference")
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{env.region}a", f"{env.region}b"], nat_gateways=1)
        EcsBlueGreenService(
            self,
            "Inference",
            vpc=vpc,
            container=Container(
                image=ecs.ContainerImage.from_ecr_repository(repository, "1.0.0"), port=8080, cpu=512, memory_mib=1024
            ),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            controller=CodeDeploy(),
            strategy=Canary(percent=10, bake=timedelta(minutes=5)),
            bake=timedelta(minutes=5),
            guardrails=[AlarmThresholds(error_rate_percent=5, requests_floor=5)],
            hooks=[HttpSmokeTest("/ready")],
            test_traffic=TestTraffic.listener(9001, sources=[ec2.Vpc.DEFAULT_CIDR_RANGE]),
            scaling=Scaling(min=2),
        )


app = cdk.App()
CodeDeployed(app, "CodeDeployed", env=cdk.Environment(region="us-east-1"))
app.synth()
