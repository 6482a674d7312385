"""A model server on EC2 instances with GPUs, two sides of them; the engine rolls releases out between the two.

    cdk deploy --app "python examples/fleet/app.py"
    bluegreen start Fleet/Model --release 1.1.0 --wait

A release is an archive in S3 with an executable `start` at its top, and its checksum beside it. Put the first one there
before the first deploy; the sample service of this repository is packed by

    python -m pip install --target build/release --only-binary :all: --platform manylinux2014_x86_64 \\
        --python-version 3.11 --requirement services/inference/requirements.txt
    cp -r services build/release/ && cp examples/fleet/start build/release/
    tar -czf 1.0.0.tar.gz -C build/release . && sha256sum 1.0.0.tar.gz > 1.0.0.tar.gz.sha256
    aws s3 cp 1.0.0.tar.gz s3://BUCKET/releases/ && aws s3 cp 1.0.0.tar.gz.sha256 s3://BUCKET/releases/

Instances fetch the release that their tag names when they boot. The side out of use is brought to live's number of
instances, each healthy, then gets 5 % and 25 % of the traffic, and all of it when the comparison has found no harm. Its
former instances stay for a quarter of an hour, in which going back to them starts none:

    bluegreen rollback Fleet/Model
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from bluegreen_constructs import (
    Artefact,
    Ec2BlueGreenFleet,
    ErrorComparison,
    FleetInstances,
    Ingress,
    RolloutLimits,
    Scaling,
    Step,
    Steps,
)


class Fleet(cdk.Stack):
    """Network and fleet; the bucket with the releases is there already."""

    def __init__(self, scope: Construct, id: str, *, bucket: str, image: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{env.region}a", f"{env.region}b"], nat_gateways=1)
        Ec2BlueGreenFleet(
            self,
            "Model",
            vpc=vpc,
            instances=FleetInstances(
                image=ec2.MachineImage.generic_linux({self.region: image}),
                types=["g5.xlarge"],
                artefact=Artefact(
                    s3.Bucket.from_bucket_name(self, "Releases", bucket),
                    first="1.0.0",
                    packages=["python3.11"],  # what `start` runs; Amazon Linux 2023 has 3.9
                ),
                port=8080,
                disk_gib=100,
            ),
            ingress=Ingress(internet_facing=False, health_path="/ready", grace=timedelta(minutes=5)),
            strategy=Steps([Step(5, timedelta(minutes=3)), Step(25, timedelta(minutes=3))]),
            bake=timedelta(minutes=5),
            guardrails=[ErrorComparison(negligible=0.1)],
            scaling=Scaling(min=2, max=6, cpu_percent=60),
            limits=RolloutLimits(keep=timedelta(minutes=15)),
        )


app = cdk.App()
Fleet(
    app,
    "Fleet",
    bucket=str(app.node.try_get_context("bucket") or "releases-of-ours"),
    # An AMI of Amazon Linux 2023 with the GPU's driver, by its id, which a later deploy does not change.
    image=str(app.node.try_get_context("image") or "ami-0123456789abcdef0"),
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
