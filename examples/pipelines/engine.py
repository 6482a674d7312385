"""An image that is pushed, rolled out by the engine between two plain ECS services.

    cdk deploy --app "python examples/pipelines/engine.py" Serving Delivery
    docker push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/model:1.4.2

The stage ends with the engine's verdict. No template is deployed, and none knows which release is live: the pipeline
asks the engine for the image by its digest.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import (
    BlueGreenPipeline,
    CanaryAlb,
    DeliveryStage,
    EcrPush,
    EngineRollout,
    ErrorComparison,
    ExpectedTraffic,
    Ingress,
    Step,
    Steps,
    Targets,
)

ENV = cdk.Environment(region="eu-west-1")


class Serving(cdk.Stack):
    """Two services, and the rule between them; the release in it is the very first one."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENV)
        self.images = ecr.Repository.from_repository_name(self, "Images", "model")
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{ENV.region}a", f"{ENV.region}b"], nat_gateways=1)
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc)
        self.model = CanaryAlb(
            self,
            "Model",
            blue=Targets.of(self._side("Blue", cluster), port=8080),
            green=Targets.of(self._side("Green", cluster), port=8080),
            ingress=Ingress(internet_facing=False, health_path="/ready"),
            strategy=Steps([Step(1, timedelta(minutes=5)), Step(10, timedelta(minutes=20))]),
            bake=timedelta(minutes=15),
            guardrails=[ErrorComparison()],
            expected_traffic=ExpectedTraffic(requests_per_second=200, error_rate=0.002),
        )

    def _side(self, side: str, cluster: ecs.ICluster) -> ecs.FargateService:
        definition = ecs.FargateTaskDefinition(self, f"{side}Tasks", cpu=512, memory_limit_mib=1024)
        definition.add_container(
            "Model",
            image=ecs.ContainerImage.from_ecr_repository(self.images, "1.0.0"),
            port_mappings=[ecs.PortMapping(container_port=8080)],
        )
        return ecs.FargateService(self, side, cluster=cluster, task_definition=definition, min_healthy_percent=100)


class Delivery(cdk.Stack):
    """The pipeline: one source, one stage."""

    def __init__(self, scope: Construct, id: str, *, serving: Serving) -> None:
        super().__init__(scope, id, env=ENV)
        BlueGreenPipeline(
            self,
            "Pipeline",
            sources=[EcrPush(serving.images, tag_pattern="1.*")],
            stages=[DeliveryStage("Production", deploys=[EngineRollout(serving.model)])],
        )


app = cdk.App()
Delivery(app, "Delivery", serving=Serving(app, "Serving"))
app.synth()
