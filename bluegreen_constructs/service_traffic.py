"""Everything of a service that a request passes: load balancer, listener, rules, groups, and the way to the tasks."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .adoption import Adopted
from .guardrail_alarms import SideMetrics
from .rule_owner import RuleOwner
from .service_groups import ServiceGroups
from .service_load_balancer import ServiceLoadBalancer
from .service_network import task_security_group, tcp
from .service_place import ServicePlace
from .service_routes import ServiceRoutes
from .test_traffic import TestTraffic


class ServiceTraffic:
    """The parts in the order in which they depend on each other."""

    def __init__(
        self,
        scope: Construct,
        *,
        stack: Stack,
        place: ServicePlace,
        port: int,
        adopted: Adopted | None,
        test_traffic: TestTraffic | None,
        rule_owner: RuleOwner,
    ) -> None:
        """Make what is not given; tasks listen on `port`. test_traffic: None for no test route."""
        self.groups = (
            ServiceGroups.of(scope, place) if adopted is None else ServiceGroups.given(scope, *adopted.sides(scope))
        )
        balancer = None
        if place.ingress.listener is None and place.ingress.rules is None:
            balancer = ServiceLoadBalancer(scope, vpc=place.vpc, ingress=place.ingress)
        self.load_balancer: elbv2.IApplicationLoadBalancer | None = None if balancer is None else balancer.resource
        self.routes = ServiceRoutes(
            scope,
            ingress=place.ingress,
            load_balancer=balancer,
            test_traffic=test_traffic,
            stack=stack,
            group_arns=self.groups.arns,
            owner=rule_owner,
            blue_must_serve=adopted is not None and adopted.rolling,
        )
        self.production_rule, self.test_rule = self.routes.production_rule, self.routes.test_rule
        made = [rule for rule in (self.production_rule, self.test_rule) if rule is not None]
        self.rules: tuple[object, ...] = tuple(rule.reference for rule in made)
        self.metrics = SideMetrics(
            load_balancer=self.routes.load_balancer_full_name,
            blue=self.groups.metric_names[0],
            green=self.groups.metric_names[1],
            shares_load_balancer=balancer is None or place.ingress.load_balancer is not None,
        )
        self._port = port
        self._connections = None if adopted is None else adopted.connections
        self.security_group: ec2.ISecurityGroup = (
            adopted.security_group
            if adopted is not None
            else task_security_group(scope, vpc=place.vpc, port=port, listener=self.production_rule.listener)
        )

    @property
    def connections(self) -> ec2.Connections:
        """The network connections of the tasks."""
        if self._connections is None:
            self._connections = ec2.Connections(security_groups=[self.security_group], default_port=tcp(self._port))
        return self._connections
