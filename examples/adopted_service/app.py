"""A service of CDK's own patterns, before, while and after Amazon ECS rolls out its releases blue/green.

    cdk deploy --app "python examples/adopted_service/app.py" --context stage=rolling --context release=1.0.0

`stage` says how far it is; docs/adoption.md says why, and what to do when a step fails:

- `pattern`: the pattern alone, which replaces its tasks in one target group. The default.
- `rolling`: all that the construct adds is there, and the service still rolls as before.
- `bluegreen`: releases go out by canary.

Adopting is one deployment of each, in this order. Leaving is the same way back, from a release that is live on blue.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ecs_patterns as patterns
from constructs import Construct

from bluegreen_constructs import Adopted, AlarmThresholds, Canary, EcsBlueGreenService

STAGES = ("pattern", "rolling", "bluegreen")


class AdoptedServiceStack(cdk.Stack):
    """A team's stack: its service as it always was, and from the second stage on the rollouts of it."""

    def __init__(self, scope: Construct, id: str, *, stage: str, release: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[f"{env.region}a", f"{env.region}b"],
            nat_gateways=0,
            subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
        )
        web = patterns.ApplicationLoadBalancedFargateService(
            self,
            "Web",
            vpc=vpc,
            assign_public_ip=True,
            desired_count=2,
            min_healthy_percent=100,
            task_image_options=patterns.ApplicationLoadBalancedTaskImageOptions(
                image=ecs.ContainerImage.from_registry(f"inference:{release}"),
                container_name="Inference",
                container_port=8080,
            ),
        )
        web.target_group.configure_health_check(
            path="/ready",
            interval=cdk.Duration.seconds(10),
            timeout=cdk.Duration.seconds(5),
            healthy_threshold_count=2,
        )
        web.target_group.set_attribute("deregistration_delay.timeout_seconds", "30")
        if stage == "pattern":
            return
        EcsBlueGreenService(
            self,
            "WebRollouts",
            adopted=Adopted(web, rolling=stage == "rolling"),
            strategy=Canary(percent=10, bake=timedelta(minutes=4)),
            bake=timedelta(minutes=1),
            guardrails=[AlarmThresholds(requests_floor=5)],
        )


app = cdk.App()
stage, release = (app.node.try_get_context(name) for name in ("stage", "release"))
if stage not in (None, *STAGES):
    raise SystemExit(f"stage is {stage}: give one of {', '.join(STAGES)}")
AdoptedServiceStack(
    app,
    "AdoptedService",
    stage=stage or "pattern",
    release=release or "1.0.0",
    # Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
