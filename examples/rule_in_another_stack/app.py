"""A listener shared by teams: the ingress stack owns listener, target groups and rules, the service stack the service.

    cdk deploy --all --app "python examples/rule_in_another_stack/app.py" --context release=1.0.0

The ingress stack may change while the service's traffic is shifting: conditions and tags reach the rules, weights stay
where they are. Context for trying that out: `paths` (path patterns with commas between them), `team` (a tag of the
rules), and `collision=yes` (a plain rule with a priority that is taken, so that the update fails and rolls back).
"""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    Canary,
    Container,
    EcsBlueGreenService,
    Ingress,
    Scaling,
    ServiceRules,
    Tasks,
    TestTraffic,
    TrafficRule,
)

PRODUCTION_PRIORITY = 20
TEST_PRIORITY = 10
# Not guessable, as it must not be on a listener that the internet reaches; a team would keep it in its settings.
TEST_HEADER = TestTraffic.header("x-try", "4c7d0a52-inference-candidate")


class IngressStack(cdk.Stack):
    """Network, load balancer, the service's two target groups and its two rules."""

    def __init__(
        self, scope: Construct, id: str, *, paths: list[str], team: str, collision: bool, env: cdk.Environment
    ) -> None:
        super().__init__(scope, id, env=env)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[f"{env.region}a", f"{env.region}b"],
            nat_gateways=0,
            subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
        )
        balancer = elbv2.ApplicationLoadBalancer(self, "LoadBalancer", vpc=self.vpc, internet_facing=True)
        listener = balancer.add_listener(
            "Listener", port=80, open=True, default_action=elbv2.ListenerAction.fixed_response(404)
        )
        blue, green = self._group("Blue"), self._group("Green")
        conditions = [elbv2.ListenerCondition.path_patterns(paths)]
        production = TrafficRule(
            self,
            "Production",
            listener=listener,
            priority=PRODUCTION_PRIORITY,
            conditions=conditions,
            blue=blue,
            green=green,
            tags={"team": team},
        )
        test = TrafficRule(
            self,
            "Test",
            listener=listener,
            priority=TEST_PRIORITY,
            conditions=[
                elbv2.ListenerCondition.http_header(str(TEST_HEADER.header_name), [str(TEST_HEADER.header_value)])
            ],
            blue=blue,
            green=green,
        )
        self.rules = ServiceRules(production, test)
        if collision:
            taken = elbv2.CfnListenerRule(
                self,
                "Collision",
                listener_arn=listener.listener_arn,
                priority=PRODUCTION_PRIORITY,
                conditions=[{"field": "path-pattern", "values": ["/taken"]}],
                actions=[{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "404"}}],
            )
            taken.node.add_dependency(production)

    def _group(self, side: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            side,
            vpc=self.vpc,
            port=8080,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path="/ready",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
            ),
        )


class ServiceStack(cdk.Stack):
    """The service of the team, behind rules of another stack."""

    def __init__(
        self, scope: Construct, id: str, *, vpc: ec2.IVpc, rules: ServiceRules, release: str, env: cdk.Environment
    ) -> None:
        super().__init__(scope, id, env=env)
        EcsBlueGreenService(
            self,
            "Inference",
            vpc=vpc,
            tasks=Tasks(subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC)),
            container=Container(image=ecs.ContainerImage.from_registry(f"inference:{release}"), port=8080),
            ingress=Ingress(rules=rules, health_path="/ready", plain_http=True),
            test_traffic=TEST_HEADER,
            scaling=Scaling(min=2),
            strategy=Canary(percent=10, bake=timedelta(minutes=12)),
            bake=timedelta(minutes=3),
            guardrails=[AlarmThresholds(requests_floor=5)],
        )


app = cdk.App()
context = app.node.try_get_context
# Whatever account the credentials belong to; with a fixed one the CDK would look up its zones.
anywhere = cdk.Environment(region="us-east-1")
ingress = IngressStack(
    app,
    "SharedIngress",
    paths=str(context("paths") or "/*").split(","),
    team=str(context("team") or "search"),
    collision=context("collision") == "yes",
    env=anywhere,
)
ServiceStack(
    app, "SharedService", vpc=ingress.vpc, rules=ingress.rules, release=str(context("release") or "1.0.0"), env=anywhere
)
app.synth()
