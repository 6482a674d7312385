"""What the services of every variant are put into: stacks with a VPC, a cluster and a certificate that exist."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs

SERVICES_PER_STACK = 10  # more would pass CloudFormation's 500 resources in a stack
_CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0f5a2d8c-0000-4000-8000-000000000000"
IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"


@dataclass(frozen=True)
class Surroundings:
    """A stack, and what exists before its services."""

    stack: cdk.Stack
    vpc: ec2.IVpc
    cluster: ecs.ICluster
    certificate: acm.ICertificate


MakeService: TypeAlias = Callable[[Surroundings, str], None]


def surroundings(app: cdk.App, id: str) -> Surroundings:
    """A stack for services. Its VPC and cluster are imported, as those of a platform team are."""
    stack = cdk.Stack(app, id, env=cdk.Environment(account="111122223333", region="eu-west-1"))
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-0a1b2c3d4e5f60718",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        public_subnet_ids=["subnet-0000000000000000a", "subnet-0000000000000000b"],
        private_subnet_ids=["subnet-0000000000000000c", "subnet-0000000000000000d"],
        vpc_cidr_block="10.0.0.0/16",
    )
    cluster = ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="platform", vpc=vpc)
    certificate = acm.Certificate.from_certificate_arn(stack, "Certificate", _CERTIFICATE)
    return Surroundings(stack, vpc, cluster, certificate)


def make_app(services: int, make: MakeService, output: str | None = None) -> cdk.App:
    """An app with so many services, ten in a stack; `output` is the folder it writes into (default: the CDK's)."""
    app = cdk.App(outdir=output)
    for first in range(0, max(services, 1), SERVICES_PER_STACK):
        into = surroundings(app, f"Stack{first // SERVICES_PER_STACK}")
        for number in range(first, min(first + SERVICES_PER_STACK, services)):
            make(into, f"Service{number}")
    return app


def main(make: MakeService) -> None:
    """What the app of a variant does: `python -m benchmarks.synth.<variant> SERVICES`."""
    make_app(int(sys.argv[1]), make).synth()
