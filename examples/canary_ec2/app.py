"""Two EC2 instances behind a load balancer: one stable, one canary, and an engine that moves the traffic between them.

    cdk deploy --app "python examples/canary_ec2/app.py" --context testers=192.0.2.0/24

Everybody meets the stable instance. Requests with `X-Canary: true` from the testers' addresses meet the canary (the
rule at priority 100, before production's). When a new model server is on the canary instance, this gives it 1, 10 and
50 % of the traffic, compares its errors with the stable one's all the while, and goes back by itself:

    bluegreen start CanaryEc2/Model --release 2.0.0

Instances are fixed targets: you put releases on them, here by user data; the engine moves traffic and scales nothing.
"""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import CanaryAlb, CandidateRoute, ErrorComparison, Ingress, Targets

PORT = 80


class CanaryEc2Stack(cdk.Stack):
    """Network, both instances, and the load balancer between them."""

    def __init__(self, scope: Construct, id: str, *, testers: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[f"{env.region}a", f"{env.region}b"],
            nat_gateways=0,
            subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
        )
        CanaryAlb(
            self,
            "Model",
            blue=Targets.of(self._server("Stable"), port=PORT),
            green=Targets.of(self._server("Canary"), port=PORT),
            ingress=Ingress(plain_http=True),  # a certificate makes it HTTPS, with a redirect
            guardrails=[ErrorComparison()],
            # A value that anybody could guess, so it counts from the testers' addresses only.
            test_traffic=CandidateRoute.header("X-Canary", "true", sources=[testers]),
        )

    def _server(self, name: str) -> ec2.Instance:
        """An instance that answers with its name, in the place of a model server."""
        script = ec2.UserData.for_linux()
        script.add_commands(
            f"mkdir -p /srv && echo 'answered by {name}' > /srv/index.html",
            f"cd /srv && nohup python3 -m http.server {PORT} &",
        )
        return ec2.Instance(
            self,
            name,
            vpc=self.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            instance_type=ec2.InstanceType("t3.micro"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(),
            require_imdsv2=True,
            user_data=script,
        )


app = cdk.App()
CanaryEc2Stack(
    app,
    "CanaryEc2",
    testers=str(app.node.try_get_context("testers") or "192.0.2.0/24"),
    # Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
