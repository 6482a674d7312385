"""Sources in S3, built by CodePipeline's own action, onto a deployment slot, and swapped with production.

    cdk deploy --app "python examples/pipelines/slots.py" Web Delivery
    git archive --format=zip --output=web.zip HEAD
    aws s3 cp web.zip s3://BUCKET/web.zip

The bucket is the output Bucket of the stack Delivery; every version of the object starts the pipeline.

The stage Staging leaves the release on the slot, at staging's own address, where people look at it. Production begins
when somebody has said so: the swap gives the release production's settings, warms it, writes one rule, and watches it.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from bluegreen_constructs import (
    AbsoluteFloor,
    AppServiceSlots,
    BlueGreenPipeline,
    DeliveryStage,
    EcrBuildAndPublish,
    Ingress,
    Plan,
    S3Source,
    Slot,
    SlotSwap,
    StageApproval,
    WebApp,
)

ENV = cdk.Environment(region="eu-west-1")


class Web(cdk.Stack):
    """An application with the slots production and staging."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        self.images = ecr.Repository.from_repository_name(self, "Images", "web")
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{ENV.region}a", f"{ENV.region}b"], nat_gateways=1)
        self.application = AppServiceSlots(
            self,
            "App",
            cluster=ecs.Cluster(self, "Cluster", vpc=vpc),
            plan=Plan(cpu=512, memory_mib=1024, tasks=2),
            app=WebApp(image=ecs.ContainerImage.from_ecr_repository(self.images, "1.0.0"), port=8080),
            slots=[Slot("production"), Slot("staging", tasks=1)],
            ingress=Ingress(internet_facing=False, host="www.example.internal", health_path="/ready"),
            guardrails=[AbsoluteFloor(success_percent=99)],
            bake=timedelta(minutes=15),
        )


class Delivery(cdk.Stack):
    """The pipeline."""

    def __init__(self, scope: Construct, id: str, *, web: Web) -> None:
        super().__init__(scope, id, env=ENV)
        bucket = s3.Bucket(
            self,
            "Sources",
            versioned=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        )
        cdk.CfnOutput(self, "Bucket", value=bucket.bucket_name)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[S3Source(bucket, "web.zip")],
            build=EcrBuildAndPublish(web.images),
            stages=[
                DeliveryStage("Staging", deploys=[SlotSwap(web.application, swap=False)]),
                DeliveryStage(
                    "Production", deploys=[SlotSwap(web.application)], approval=StageApproval("whoever looked at it")
                ),
            ],
        )


app = cdk.App()
Delivery(app, "Delivery", web=Web(app, "Web"))
app.synth()
