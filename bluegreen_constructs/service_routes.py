"""ServiceRoutes: the production and the test rule of a service, and how both are addressed."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .engine.errors import ConfigurationError
from .hooks import SmokeTestHook, TestRoute
from .ingress import Ingress
from .service_load_balancer import ServiceLoadBalancer
from .test_traffic import TestTraffic
from .traffic_rule import TrafficRule

OWN_PRIORITY = 100  # on a listener that holds nothing else
SHORTEST_SECRET = 16


class ServiceRoutes(Construct):
    """Where requests to a service arrive, and the two rules that Amazon ECS re-weights."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingress: Ingress,
        load_balancer: ServiceLoadBalancer | None,
        test_traffic: TestTraffic,
        blue: elbv2.IApplicationTargetGroup,
        green: elbv2.IApplicationTargetGroup,
    ) -> None:
        """Make both rules on the load balancer's listeners or on the given one, or take the given rules."""
        super().__init__(scope, id)
        self._ingress = ingress
        self._load_balancer = load_balancer
        self._test_traffic = test_traffic
        self._test_value = test_traffic.header_value
        self._refuse_guessable_tests()
        if ingress.rules is not None:
            self.production_rule, self.test_rule = ingress.rules.production, ingress.rules.test
            return
        listener = load_balancer.production if load_balancer is not None else ingress.listener
        if listener is None:
            raise ConfigurationError(f"{self.node.path} has neither a load balancer nor a listener nor rules: give one")
        priority = ingress.priority or OWN_PRIORITY
        conditions = _conditions(ingress)
        if test_traffic.header_name is None:
            test_listener: elbv2.IApplicationListener = self._test_listener()
            test_conditions = conditions
        else:
            # The last part of a stack's id: nobody outside the account can tell it, and it never changes.
            self._test_value = self._test_value or cdk.Fn.select(2, cdk.Fn.split("/", cdk.Stack.of(self).stack_id))
            test_listener = listener
            test_conditions = [
                *([] if ingress.host is None and not ingress.paths else conditions),
                elbv2.ListenerCondition.http_header(test_traffic.header_name, [self._test_value]),
            ]
        self.production_rule = TrafficRule(
            self,
            "Production",
            listener=listener,
            priority=priority,
            conditions=conditions,
            blue=blue,
            green=green,
        )
        self.test_rule = TrafficRule(
            self,
            "Test",
            listener=test_listener,
            priority=priority - 1,  # before production's, or the header would never be looked at
            conditions=test_conditions,
            blue=blue,
            green=green,
        )

    @property
    def load_balancer_full_name(self) -> str:
        """The load balancer's name in CloudWatch dimensions, `app/name/id`.

        Of a given listener it is read from the ARN, `...:listener/app/name/id/listener-id`, for an imported listener's
        load balancer is not known.
        """
        if self._load_balancer is not None and isinstance(self._load_balancer.resource, elbv2.ApplicationLoadBalancer):
            return self._load_balancer.resource.load_balancer_full_name
        parts = cdk.Fn.split("/", self.production_rule.listener.listener_arn)
        return cdk.Fn.join("/", [cdk.Fn.select(index, parts) for index in (1, 2, 3)])

    @property
    def url(self) -> str | None:
        """Where users reach the service: its host, else the load balancer's own name; None when neither is known."""
        host = self._ingress.host
        name = host if host is not None and "*" not in host else self._name()
        return None if name is None else f"{self._scheme}://{name}"

    @property
    def test_url(self) -> str | None:
        """Where the candidate is reached; with a header route, together with that header."""
        return None if self.url is None else self.url + self._test_port

    @property
    def test_header(self) -> str | None:
        """The header that takes a request to the candidate, as `name: value`; None with a test listener."""
        if self._test_traffic.header_name is None or self._test_value is None:
            return None
        return cdk.Fn.join(": ", [self._test_traffic.header_name, self._test_value])

    def test_route(self) -> TestRoute:
        """How a function reaches the candidate; raises ConfigurationError when it could not."""
        sources = self._ingress.sources or self._test_traffic.sources
        if self._ingress.internet_facing and sources:
            raise ConfigurationError(
                f"{self.node.path} admits only {', '.join(sources)} to an internet-facing load balancer, and smoke "
                "tests come from Lambda's own addresses: use a test header without sources, or internet_facing=False, "
                "where the tests run inside the VPC"
            )
        if self._scheme == "https" and (self._ingress.host is None or "*" in self._ingress.host):
            raise ConfigurationError(
                f"{self.node.path} has smoke tests over HTTPS and {self._ingress.host or 'no host'}: give "
                "Ingress(host=...) with a name that the certificate is for, none is for the load balancer's own name"
            )
        header = self._test_traffic.header_name
        given = self._ingress.rules
        if given is not None and (
            header is None or self._test_value is None or not given.test.matches_header(header, self._test_value)
        ):
            raise ConfigurationError(
                f"{self.node.path} was given rules and smoke tests, but not the header that the test rule matches: "
                "give test_traffic=TestTraffic.header(name, value) as in that rule's conditions, or the tests would "
                "meet the live side"
            )
        name = self._name() or self._ingress.host
        if name is None:
            raise ConfigurationError(
                f"{self.node.path} has smoke tests on an imported listener, whose load balancer's name is not known: "
                "give Ingress(host=...)"
            )
        return TestRoute(
            url=f"{self._scheme}://{name}{self._test_port}",
            host=self._ingress.host,
            headers={header: self._test_value} if header is not None and self._test_value is not None else {},
            inside_vpc=not self._ingress.internet_facing,
        )

    def admit_tests(self, tests: SmokeTestHook) -> None:
        """Let the smoke-test function of an internal load balancer connect to where its tests go."""
        if tests.connections is not None:
            port = self._test_traffic.port or (443 if self._scheme == "https" else 80)
            tests.connections.allow_to(self.test_rule.listener, ec2.Port.tcp(port), "smoke tests")

    @property
    def _test_port(self) -> str:
        return f":{self._test_traffic.port}" if self._test_traffic.port is not None else ""

    @property
    def _scheme(self) -> str:
        if self._load_balancer is not None:
            return "https" if self._ingress.certificate is not None else "http"
        return "http" if self._ingress.plain_http else "https"

    def _name(self) -> str | None:
        """The name the load balancer itself answers to; None of an imported listener's."""
        if self._load_balancer is not None:
            return str(self._load_balancer.resource.load_balancer_dns_name)
        listener = self.production_rule.listener
        if isinstance(listener, elbv2.ApplicationListener):
            return str(listener.load_balancer.load_balancer_dns_name)
        return None

    def _test_listener(self) -> elbv2.ApplicationListener:
        if self._load_balancer is None or self._test_traffic.port is None:
            raise ConfigurationError(
                f"{self.node.path} asks for a test listener on a listener that is shared: use TestTraffic.header(), "
                "which needs no listener"
            )
        return self._load_balancer.test_listener(self._test_traffic.port, self._test_traffic.sources)

    def _refuse_guessable_tests(self) -> None:
        value = self._test_traffic.header_value
        if value is None or cdk.Token.is_unresolved(value) or len(value) >= SHORTEST_SECRET:
            return
        if self._ingress.internet_facing:
            raise ConfigurationError(
                f"{self.node.path} is internet-facing with a test header value of {len(value)} characters: leave "
                f"the value out to have one generated, or give {SHORTEST_SECRET} characters or more"
            )


def _conditions(ingress: Ingress) -> list[elbv2.ListenerCondition]:
    conditions = []
    if ingress.host is not None:
        conditions.append(elbv2.ListenerCondition.host_headers([ingress.host]))
    if ingress.paths or ingress.host is None:
        conditions.append(elbv2.ListenerCondition.path_patterns(list(ingress.paths) or ["/*"]))
    return conditions
