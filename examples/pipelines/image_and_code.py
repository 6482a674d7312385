"""An image in Amazon ECR and two files in AWS CodeCommit, deployed to Amazon ECS by AWS CodeDeploy.

    cdk deploy --app "python examples/pipelines/image_and_code.py" Shop
    cdk deploy --app "python examples/pipelines/image_and_code.py" Delivery
    docker push 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:latest
    docker push 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1.4.2     # starts the pipeline

The first stack makes the repositories. That of the images has a first image, so that the service can start before
there is a release; that of the files has taskdef.json and appspec.yaml, as they fit the service, in its first commit.
From then on a push of either starts the pipeline: CodePipeline registers the task definition with the image's digest,
and CodeDeploy moves the traffic. An alarm brings it back. A commit ships the image that is called `latest`, the one tag
that can be moved.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_sns as sns
from constructs import Construct

from bluegreen_constructs import (
    BlueGreenPipeline,
    Canary,
    CodeCommitSource,
    CodeDeploy,
    CodeDeployEcsDeploy,
    Container,
    DeliveryRepository,
    DeliveryStage,
    EcrPush,
    EcsBlueGreenService,
    ExecutionMode,
    ImageLifecycle,
    ImageRepository,
    Ingress,
    Notifications,
    PipelineFiles,
    ReleaseImage,
    StageApproval,
)

ENV = cdk.Environment(region="us-east-1")


class Shop(cdk.Stack):
    """The service, and the repositories that it is delivered from."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        # `latest` moves, and the release that it leaves may be live: nothing expires for want of a tag.
        kept = ImageLifecycle(untagged_after=None)
        self.images = ImageRepository(self, "Images", name="shop", moving_tags=["latest"], lifecycle=kept)
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{ENV.region}a", f"{ENV.region}b"], nat_gateways=1)
        self.service = EcsBlueGreenService(
            self,
            "Web",
            vpc=vpc,
            container=Container(image=ReleaseImage(self.images), port=8080),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            controller=CodeDeploy(),
            strategy=Canary(percent=10, bake=timedelta(minutes=5)),
            bake=timedelta(minutes=10),
        )
        self.files = DeliveryRepository(self, "Files", name="shop-delivery", files=PipelineFiles.of(self.service))


class Delivery(cdk.Stack):
    """The pipeline."""

    def __init__(self, scope: Construct, id: str, *, shop: Shop) -> None:
        super().__init__(scope, id, env=ENV)
        waiting = sns.Topic(self, "Waiting", display_name="Releases of the shop", enforce_ssl=True)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[EcrPush(shop.images.repository), CodeCommitSource(shop.files.repository)],
            stages=[
                DeliveryStage(
                    "Production",
                    deploys=[CodeDeployEcsDeploy(shop.service)],
                    approval=StageApproval("whoever is on call", topic=waiting, timeout=timedelta(days=2)),
                )
            ],
            # Every release is shipped, one after the other.
            execution_mode=ExecutionMode.QUEUED,
            notifications=Notifications(),
        )


app = cdk.App()
Delivery(app, "Delivery", shop=Shop(app, "Shop"))
app.synth()
