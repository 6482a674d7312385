"""An App Service plan, an application and its deployment slots, as Azure has them, on AWS.

    cdk deploy --app "python examples/slots/app.py" --context release=1.0.0
    bluegreen slots status Slots/Web

`Plan` is the App Service plan: the size of a task, how many of them, and on what. `WebApp` is the application with the
settings that all slots share. Each `Slot` is a place with its own host name and its own settings. Beside production
there are two, called blue and green here; a swap exchanges either with production:

    bluegreen slots deploy Slots/Web blue --release 1.1.0      # users see nothing of it; testers meet it by the host
    bluegreen slots swap Slots/Web blue                        # warmed with production's settings, then one write
    bluegreen slots rollback Slots/Web                         # within the bake one write back; later another swap
    bluegreen slots preview Slots/Web green                  # stops before the flip, until complete or cancel

MODEL_STAGE and RATE_LIMIT are sticky: whatever release a slot runs, it says them as the slot does. LOW_CONFIDENCE_BELOW
is the release's own: it was tried together with it, and travels along.

`release` counts when the stack is made. From then on the template neither knows nor changes what runs where.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import AbsoluteFloor, AppServiceSlots, Ingress, Plan, Slot, WarmUp, WebApp


class Slots(cdk.Stack):
    """A network, a cluster, and one application with three slots."""

    def __init__(self, scope: Construct, id: str, *, release: str, env: cdk.Environment) -> None:
        """Make them; `release` is the image tag that all slots run at first."""
        super().__init__(scope, id, env=env)
        repository = ecr.Repository.from_repository_name(self, "Repository", "inference")
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[f"{env.region}a", f"{env.region}b"],
            nat_gateways=1,
            flow_logs={"All": ec2.FlowLogOptions()},
        )
        AppServiceSlots(
            self,
            "Web",
            cluster=ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED),
            plan=Plan(cpu=512, memory_mib=1024, tasks=1),
            app=WebApp(
                name="Inference",
                image=ecs.ContainerImage.from_ecr_repository(repository, release),
                port=8080,
                environment={"STOP_SECONDS": "20"},
            ),
            slots=[
                Slot("production", tasks=2, environment={"MODEL_STAGE": "production", "RATE_LIMIT": "1000"}),
                Slot(
                    "blue",
                    environment={"MODEL_STAGE": "blue", "RATE_LIMIT": "10", "LOW_CONFIDENCE_BELOW": "0.4"},
                ),
                Slot("green", environment={"MODEL_STAGE": "green", "RATE_LIMIT": "10"}),
            ],
            sticky=["MODEL_STAGE", "RATE_LIMIT"],
            # A certificate makes it HTTPS, with a redirect; blue is at www-blue.example.test.
            ingress=Ingress(host="www.example.test", health_path="/ready", plain_http=True),
            # A whole streamed prediction, so that the model has done its work before users ask for it; it takes less
            # than a second, so nobody waits for 90 as by default.
            warm_up=WarmUp(path="/stream", timeout=timedelta(seconds=5), attempts=3),
            guardrails=[AbsoluteFloor(success_percent=95)],
            bake=timedelta(minutes=2),
        )


app = cdk.App()
Slots(
    app,
    "Slots",
    release=str(app.node.try_get_context("release") or "1.0.0"),
    # Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
