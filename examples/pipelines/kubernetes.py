"""A repository on GitLab, built, and rolled out in a cluster by Argo Rollouts, whose verdict the stage waits for.

    cdk deploy --app "python examples/pipelines/kubernetes.py" Images Cluster Delivery

The image's digest is a parameter of the cluster's stack. CloudFormation hands it to the cluster, Argo Rollouts rolls it
out and judges it, and a build in the cluster's VPC waits until that image was promoted or aborted.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import (
    AppAssembly,
    ArgoImageUpdate,
    BlueGreenPipeline,
    Canary,
    CodeBuildImage,
    ConnectionSource,
    DeliveryStage,
    EksCluster,
    EksRollouts,
    ImageRepository,
    Ingress,
    Pods,
    ReleaseImage,
)

ENV = cdk.Environment(region="eu-west-1")
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/6b5ff6b5-0000-4000-8000-000000000000"


class Images(cdk.Stack):
    """Where releases lie."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        self.repository = ImageRepository(self, "Images", name="predict")


class Cluster(cdk.Stack):
    """The cluster, and the service in it at the release that this stack keeps."""

    def __init__(self, scope: Construct, id: str, *, images: Images) -> None:
        super().__init__(scope, id, env=ENV)
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{ENV.region}a", f"{ENV.region}b"], nat_gateways=1)
        self.service = EksRollouts(self, "Rollouts", cluster=EksCluster(self, "Cluster", vpc=vpc)).add_service(
            "predict",
            namespace="shop",
            pods=Pods(image=ReleaseImage(images.repository).reference(self), port=8080, health_path="/ready"),
            ingress=Ingress(internet_facing=False),
            strategy=Canary(percent=10, bake=timedelta(minutes=5)),
            deadline=timedelta(hours=6),  # a pipeline waits eight hours for a build
        )


class Delivery(cdk.Stack):
    """The pipeline."""

    def __init__(self, scope: Construct, id: str, *, images: Images, cluster: Cluster) -> None:
        super().__init__(scope, id, env=ENV)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[ConnectionSource(CONNECTION, "example/models", "predict")],
            build=CodeBuildImage(images.repository.repository),
            app=AppAssembly(),
            stages=[DeliveryStage("Production", deploys=[ArgoImageUpdate(cluster, service=cluster.service)])],
        )


app = cdk.App()
images = Images(app, "Images")
Delivery(app, "Delivery", images=images, cluster=Cluster(app, "Cluster", images=images))
app.synth()
