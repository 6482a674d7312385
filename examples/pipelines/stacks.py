"""A repository on GitHub: its commits are built, tested and scanned, and deployed by CloudFormation, stage by stage.

    cdk deploy --app "python examples/pipelines/stacks.py" Images Delivery

The pipeline makes the other stacks. Each keeps the digest of its release as a parameter, so that a `cdk deploy` by
hand, of another network for example, ships no other release. Production is asked for, with the changes in the question,
begins in working hours only, and has its alarms watched for half an hour. What goes wrong in a stage is taken back
there, and goes no further.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import (
    AlarmOf,
    AppAssembly,
    BlueGreenPipeline,
    Canary,
    CodeBuildImage,
    ConnectionSource,
    Container,
    DeliveryStage,
    DeployWindow,
    EcsBlueGreenService,
    ErrorComparison,
    ExpectedTraffic,
    ImageRepository,
    ImageScan,
    Ingress,
    ReleaseImage,
    StackDeploy,
    StageApproval,
    StageBake,
)

ENV = cdk.Environment(region="eu-west-1")
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/6b5ff6b5-0000-4000-8000-000000000000"


class Images(cdk.Stack):
    """Where releases lie."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        self.repository = ImageRepository(self, "Images", name="prediction")


class Prediction(cdk.Stack):
    """The service, at whatever release the pipeline gave it last."""

    def __init__(self, scope: Construct, id: str, *, images: Images) -> None:
        super().__init__(scope, id, env=ENV)
        service = EcsBlueGreenService(
            self,
            "Inference",
            vpc=ec2.Vpc(self, "Vpc", availability_zones=[f"{ENV.region}a", f"{ENV.region}b"], nat_gateways=1),
            container=Container(image=ReleaseImage(images.repository), port=8080),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            strategy=Canary(percent=10, bake=timedelta(minutes=5)),
            guardrails=[ErrorComparison()],
            expected_traffic=ExpectedTraffic(requests_per_second=100, error_rate=0.002),
        )
        self.alarms = [AlarmOf(name) for name in service.alarms.names]


class Delivery(cdk.Stack):
    """The pipeline, which updates itself, too."""

    def __init__(self, scope: Construct, id: str, *, images: Images, dev: Prediction, prod: Prediction) -> None:
        super().__init__(scope, id, env=ENV)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[ConnectionSource(CONNECTION, "example", "prediction", exclude_paths=["docs/**"])],
            build=CodeBuildImage(
                images.repository.repository,
                tests=["pip install -r requirements-dev.txt", "python -m pytest"],
                scan=ImageScan(fail_on="HIGH"),
                tag="#{Source.CommitId}",
            ),
            app=AppAssembly(),
            stages=[
                DeliveryStage("Dev", deploys=[StackDeploy(dev)]),
                DeliveryStage(
                    "Prod",
                    deploys=[StackDeploy(prod)],
                    approval=StageApproval("the release manager"),
                    window=DeployWindow("* * 9-16 ? * MON-THU", time_zone="Europe/Dublin"),
                    bake=StageBake(timedelta(minutes=30), alarms=prod.alarms),
                ),
            ],
            self_mutating=True,
        )


app = cdk.App()
images = Images(app, "Images")
Delivery(
    app,
    "Delivery",
    images=images,
    dev=Prediction(app, "Prediction-dev", images=images),
    prod=Prediction(app, "Prediction-prod", images=images),
)
app.synth()
