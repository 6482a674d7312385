"""An application of your own, and its rehearsal: a web server that Amazon ECS rolls out blue/green.

It knows nothing of the rehearsal: `bluegreen_constructs` is all that it imports of this library, and its image comes
from a registry. What its container is on your machine, which builds there are and what is wrong with one of them, is
said beside it, in `rehearse.toml`. In this folder:

    pip install 'bluegreen-constructs[cli,rehearsal]'
    bluegreen rehearse --app "python app.py" --tasks rehearse.toml

No AWS account, no Docker and no context is needed. In a pull request, `--format markdown` makes the summary, and the
exit code says whether every release became what the file expects.
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from bluegreen_constructs import Canary, Container, EcsBlueGreenService, Ingress, Scaling


class ShopStack(cdk.Stack):
    """The whole shop: a network, and one service in it."""

    def __init__(self, scope: Construct, id: str, *, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env)
        EcsBlueGreenService(
            self,
            "Web",
            vpc=ec2.Vpc(self, "Vpc", max_azs=2),
            container=Container(
                image=ecs.ContainerImage.from_registry("public.ecr.aws/example/shop:1.0.0"),
                port=8080,
                environment={"GREETING": "welcome"},
            ),
            ingress=Ingress(health_path="/health", plain_http=True),  # a certificate makes it HTTPS, with a redirect
            strategy=Canary(percent=20, bake=timedelta(minutes=3)),
            bake=timedelta(minutes=3),
            scaling=Scaling(min=2),
        )


app = cdk.App()
# Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
ShopStack(app, "Shop", env=cdk.Environment(region="eu-central-1"))
app.synth()
