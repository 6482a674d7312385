"""Commits on GitHub, deployed to EC2 instances by AWS CodeDeploy: in place, and blue/green.

    cdk deploy --app "python examples/pipelines/instances.py" Instances Fleet Delivery

Dev is a group of instances that CodeDeploy finds by their Auto Scaling group; CodePipeline's own action deploys the
source's files to them in place. Production is a fleet of two sides that take turns: `bluegreen start` finds the one
that is out of use, and deploys the archive named by the commit. The repository's own workflow makes it. When the tests
of a commit on `main` have passed, it uploads releases/COMMIT.zip, and only then pushes the commit to the branch that
the pipeline watches; so the archive is there whenever the pipeline asks for it:

    git archive --format=zip --output=release.zip "$COMMIT"
    aws s3 cp release.zip "s3://releases-of-ours/releases/$COMMIT.zip"
    git push origin "$COMMIT:refs/heads/release"

The source's requirements.txt names this library with its command line, which Production's build installs.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from bluegreen_constructs import (
    Artefact,
    BlueGreenPipeline,
    CodeDeploy,
    CodeDeployServerDeploy,
    ConnectionSource,
    DeliveryStage,
    Ec2BlueGreenFleet,
    FleetDeploy,
    FleetInstances,
    Ingress,
    Scaling,
)

ENV = cdk.Environment(region="eu-west-1")
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/6b5ff6b5-0000-4000-8000-000000000000"
ZONES = [f"{ENV.region}a", f"{ENV.region}b"]


class Instances(cdk.Stack):
    """Two instances behind nothing, and the deployment group that finds them."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        group = autoscaling.AutoScalingGroup(
            self,
            "Instances",
            vpc=ec2.Vpc(self, "Vpc", availability_zones=ZONES, nat_gateways=1),
            instance_type=ec2.InstanceType("t3.micro"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(),
            min_capacity=2,
            require_imdsv2=True,
        )
        self.deployments = codedeploy.ServerDeploymentGroup(
            self, "Deployments", auto_scaling_groups=[group], install_agent=True
        )


class Fleet(cdk.Stack):
    """Two sides behind a load balancer; CodeDeploy deploys to them in turn."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        self.fleet = Ec2BlueGreenFleet(
            self,
            "Web",
            vpc=ec2.Vpc(self, "Vpc", availability_zones=ZONES, nat_gateways=1),
            instances=FleetInstances(
                image=ec2.MachineImage.latest_amazon_linux2023(),
                types=["t3.small"],
                artefact=Artefact(s3.Bucket.from_bucket_name(self, "Releases", "releases-of-ours")),
                port=8080,
            ),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            controller=CodeDeploy(),
            bake=timedelta(minutes=10),
            scaling=Scaling(min=2),
        )


class Delivery(cdk.Stack):
    """The pipeline."""

    def __init__(self, scope: Construct, id: str, *, instances: Instances, fleet: Fleet) -> None:
        super().__init__(scope, id, env=ENV)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[ConnectionSource(CONNECTION, "example", "web", branch="release")],
            stages=[
                DeliveryStage("Dev", deploys=[CodeDeployServerDeploy(instances.deployments)]),
                DeliveryStage("Production", deploys=[FleetDeploy(fleet.fleet, release="#{Source.CommitId}")]),
            ],
        )


app = cdk.App(context={"@aws-cdk/aws-autoscaling:generateLaunchTemplateInsteadOfLaunchConfig": True})
Delivery(app, "Delivery", instances=Instances(app, "Instances"), fleet=Fleet(app, "Fleet"))
app.synth()
