"""Fleets to test: made with one call, changed by keyword."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3

from bluegreen_constructs import Artefact, Ec2BlueGreenFleet, FleetInstances, Ingress
from tests.canary_service import PLAIN, vpc_in

AMI = "ami-0123456789abcdef0"
IMAGE = ec2.MachineImage.generic_linux({"eu-west-1": AMI})


def bucket(stack: cdk.Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, f"Bucket{len(stack.node.children)}", "releases-of-ours")


def instances(stack: cdk.Stack, **changes: object) -> FleetInstances:
    given: dict[str, object] = {"image": IMAGE, "types": ["g5.xlarge"]}
    if "user_data" not in changes and "artefact" not in changes:
        given["artefact"] = Artefact(bucket(stack), first="1.0.0")
    return FleetInstances(**(given | changes))  # type: ignore[arg-type]


def fleet(
    stack: cdk.Stack, *, of: dict[str, object] | None = None, ingress: Ingress = PLAIN, **options: object
) -> Ec2BlueGreenFleet:
    """`of`: what the instances are, where it differs."""
    options.setdefault("instances", instances(stack, **(of or {})))
    return Ec2BlueGreenFleet(stack, "Model", vpc=vpc_in(stack), ingress=ingress, **options)  # type: ignore[arg-type]


def under_code_deploy(stack: cdk.Stack, **changes: object) -> FleetInstances:
    """Instances on which the CodeDeploy agent installs revisions."""
    return instances(stack, **({"artefact": Artefact(bucket(stack))} | changes))
