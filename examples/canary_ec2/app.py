"""Two EC2 instances behind a load balancer: one stable, one canary, and an engine that moves the traffic between them.

    cdk deploy --app "python examples/canary_ec2/app.py" --context testers=192.0.2.0/24 \\
        --context image=ami-0123456789abcdef0

`image` is an AMI by its id, here of Amazon Linux 2023, which a later deploy does not change ("the latest" is another
one next month, and CloudFormation would replace both instances for it, the live one too). Look it up once and keep it:

    aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64

Everybody meets the stable instance. Requests with `X-Canary: true` from the testers' addresses meet the canary (the
rule at priority 100, before production's). When another model server is on the canary instance, this gives it 1, 10 and
50 % of the traffic, compares its errors with the stable one's all the while, and goes back by itself:

    bluegreen start CanaryEc2/Model --release 2.0.0

Instances are fixed targets: the engine moves traffic and scales nothing. You put releases on the instance that is out
of use, by Systems Manager Run Command, say. User data is no way to do it: it runs at an instance's first start only, an
edit of it stops and starts the instance, and does not run it again. After the first promotion the two have changed
their roles: the instance that is called Canary is live, the header leads to the one that is called Stable, and the next
release belongs there (`bluegreen status CanaryEc2/Model` says which side is live).
"""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from bluegreen_constructs import CanaryAlb, CandidateRoute, ErrorComparison, Ingress, Targets

PORT = 80


class CanaryEc2Stack(cdk.Stack):
    """Network, both instances, and the load balancer between them."""

    def __init__(self, scope: Construct, id: str, *, testers: str, image: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        self.image = ec2.MachineImage.generic_linux({self.region: image})
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
            machine_image=self.image,
            require_imdsv2=True,
            user_data=script,
        )


app = cdk.App()
CanaryEc2Stack(
    app,
    "CanaryEc2",
    testers=str(app.node.try_get_context("testers") or "192.0.2.0/24"),
    image=str(app.node.try_get_context("image") or "ami-0123456789abcdef0"),
    # Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
    env=cdk.Environment(region="us-east-1"),
)
app.synth()
