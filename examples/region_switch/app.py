"""A service in two regions, between which an operator moves the answers of Route 53.

    cdk deploy --all --app "python examples/region_switch/app.py"

Each region has a load balancer and the service of its own; blue is live at first. The switch is a third stack, in a
region of its own, so that it can be operated when one of the two is down:

    bluegreen regions status Dns/Shop
    bluegreen regions shift Dns/Shop 10
    bluegreen regions shift Dns/Shop 100
    bluegreen regions promote Dns/Shop
    bluegreen regions abort Dns/Shop

Look at both regions' graphs between the steps: nothing judges them here. `promote` is refused for two minutes after the
last shift, as resolvers may still have the answer of before. The way back is one command as well, and is
felt after minutes, as resolvers and clients keep what they were answered.

Certificate and zone are yours: give them with `-c zone_id=…`, `-c zone=example.com`, `-c blue_certificate=…` and
`-c green_certificate=…`.
"""

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_route53 as route53
from constructs import Construct

from bluegreen_constructs import RegionSide, RegionSwitch

REGIONS = {"Blue": "eu-west-1", "Green": "eu-central-1"}
HOME = "us-east-1"  # of the switch: there Route 53's control plane is as well, without which it moves nothing
HEALTH_PATH = "/ready"


class Service(cdk.Stack):
    """The service in one region: whatever it consists of, it has a load balancer and a target group."""

    def __init__(self, scope: Construct, id: str, *, image: str, certificate_arn: str, env: cdk.Environment) -> None:
        super().__init__(scope, id, env=env, cross_region_references=True)
        vpc = ec2.Vpc(self, "Vpc", availability_zones=[f"{env.region}a", f"{env.region}b"], nat_gateways=1)
        definition = ecs.FargateTaskDefinition(self, "Tasks", cpu=256, memory_limit_mib=512)
        definition.add_container(
            "web",
            image=ecs.ContainerImage.from_registry(image),
            port_mappings=[ecs.PortMapping(container_port=8080)],
        )
        service = ecs.FargateService(
            self,
            "Service",
            cluster=ecs.Cluster(self, "Cluster", vpc=vpc),
            task_definition=definition,
            desired_count=2,
            min_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        )
        self.load_balancer = elbv2.ApplicationLoadBalancer(self, "Alb", vpc=vpc, internet_facing=True)
        listener = self.load_balancer.add_listener(
            "Https",
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn)],
            port=443,
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
        )
        # Every host is answered, the load balancer's own name among them, by which Route 53 asks for its health.
        self.targets = listener.add_targets(
            "Web",
            port=8080,
            protocol=elbv2.ApplicationProtocol.HTTP,
            targets=[service],
            health_check=elbv2.HealthCheck(path=HEALTH_PATH),
        )

    def side(self) -> RegionSide:
        """What the switch needs to know of it."""
        return RegionSide(
            self.region,
            dns_name=self.load_balancer.load_balancer_dns_name,
            hosted_zone_id=self.load_balancer.load_balancer_canonical_hosted_zone_id,
            target_groups=[self.targets.target_group_arn],
        )


class Dns(cdk.Stack):
    """The switch between them."""

    def __init__(
        self, scope: Construct, id: str, *, zone_id: str, zone_name: str, sides: dict[str, RegionSide]
    ) -> None:
        super().__init__(scope, id, env=cdk.Environment(region=HOME), cross_region_references=True)
        zone = route53.HostedZone.from_hosted_zone_attributes(self, "Zone", hosted_zone_id=zone_id, zone_name=zone_name)
        RegionSwitch(
            self,
            "Shop",
            zone=zone,
            name=f"shop.{zone_name}",
            blue=sides["Blue"],
            green=sides["Green"],
            health_path=HEALTH_PATH,
        )


app = cdk.App()


def given(name: str, instead: str) -> str:
    """A context value, or what stands for it while there is none."""
    return str(app.node.try_get_context(name) or instead)


services = {
    side: Service(
        app,
        f"Shop{side}",
        image=given("image", "inference:1.0.0"),
        certificate_arn=given(
            f"{side.lower()}_certificate",
            f"arn:aws:acm:{region}:123456789012:certificate/6b5ff6b5-0000-4000-8000-000000000000",
        ),
        env=cdk.Environment(region=region),
    )
    for side, region in REGIONS.items()
}
Dns(
    app,
    "Dns",
    zone_id=given("zone_id", "Z0123456789ABCDEFGHIJ"),
    zone_name=given("zone", "example.com"),
    sides={side: service.side() for side, service in services.items()},
)
app.synth()
