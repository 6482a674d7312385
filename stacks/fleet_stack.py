"""FleetStack: the sample inference service on EC2 instances in two Auto Scaling groups."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from bluegreen_constructs import (
    Artefact,
    Ec2BlueGreenFleet,
    ErrorComparison,
    FleetInstances,
    RolloutEngine,
    Scaling,
)

from .environments import Environment
from .front_door import front_door
from .golden_check import golden_checks
from .network_stack import NetworkStack

_PORT = 8080


class FleetStack(cdk.Stack):
    """One fleet in the network of a NetworkStack.

    The release is no argument: the template holds the very first one only, the others come with `bluegreen start`. The
    bucket with the releases is there before, as the repository of images is for the other stacks.
    """

    def __init__(
        self, scope: Construct, id: str, *, environment: Environment, network: NetworkStack, env: cdk.Environment
    ) -> None:
        """Wire the fleet of `environment`."""
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        settings = environment.fleet
        keep = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        RolloutEngine(self, "Engine", removal_policy=keep if environment.protected else cdk.RemovalPolicy.DESTROY)
        name = settings.bucket or f"inference-releases-{self.account}-{self.region}"
        fleet = Ec2BlueGreenFleet(
            self,
            "Inference",
            vpc=network.vpc,
            instances=FleetInstances(
                # A deploy reads which one it is, and the next release is the first that runs on it.
                image=ec2.MachineImage.latest_amazon_linux2023(),
                types=settings.types,
                artefact=Artefact(
                    s3.Bucket.from_bucket_name(self, "Releases", name),
                    first=settings.first_release,
                    packages=["python3.11"],  # what `start` of a release runs; Amazon Linux 2023 has 3.9
                ),
                port=_PORT,
                subnets=network.task_subnets,
            ),
            ingress=front_door(self, settings, environment=environment, network=network, grace=settings.boot),
            strategy=settings.strategy,
            bake=settings.bake,
            guardrails=[ErrorComparison(negligible=settings.negligible)],
            hooks=golden_checks(),
            scaling=Scaling(min=settings.instances, max=settings.most_instances, cpu_percent=settings.cpu_percent),
            expected_traffic=settings.traffic,
            limits=settings.limits,
        )
        fleet.add_dashboard()
