"""ServiceListener: where requests to a service arrive, and its two rules, production and test."""

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .acknowledgements import acknowledge
from .engine.errors import ConfigurationError
from .hooks import SmokeTestHook, TestRoute
from .ingress import Ingress
from .test_traffic import TestTraffic
from .traffic_rule import TrafficRule

OWN_PRIORITY = 100
SHORTEST_SECRET = 16
_NOT_FOUND = elbv2.ListenerAction.fixed_response(
    404, content_type="text/plain", message_body="no service answers this host and path\n"
)


@dataclass(frozen=True)
class _Address:
    """How a listener is addressed from outside: scheme, DNS name or host, and port when it is not the scheme's own."""

    scheme: str
    name: str
    port: int | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.name}" + (f":{self.port}" if self.port else "")


class ServiceListener(Construct):
    """Where requests to a service arrive, and the two rules that Amazon ECS re-weights.

    A listener made here answers 404 by default and is never production itself: its certificate and TLS policy can
    change without touching a weight.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        ingress: Ingress,
        test_traffic: TestTraffic,
        blue: elbv2.IApplicationTargetGroup,
        green: elbv2.IApplicationTargetGroup,
    ) -> None:
        """Make the load balancer unless a listener is given, then both rules."""
        super().__init__(scope, id)
        self._ingress = ingress
        self._test_traffic = test_traffic
        self._refuse_guessable_tests()
        self.load_balancer: elbv2.ApplicationLoadBalancer | None = None
        self._security_group: ec2.SecurityGroup | None = None
        self._test_listener: elbv2.ApplicationListener | None = None
        self._test_value: str | None = test_traffic.header_value
        if ingress.rules is not None:
            self.production_rule, self.test_rule = ingress.rules.production, ingress.rules.test
            self.production = self.production_rule.listener
            return
        if ingress.listener is None:
            self.production = self._own_listener(vpc)
            priority = OWN_PRIORITY
        else:
            self.production = ingress.listener
            priority = ingress.priority or OWN_PRIORITY
        conditions = _conditions(ingress)
        if test_traffic.header_name is not None:
            # The last part of a stack's id is random: nobody outside the account can guess it, and it never changes.
            self._test_value = self._test_value or cdk.Fn.select(2, cdk.Fn.split("/", cdk.Stack.of(self).stack_id))
            test_conditions = [
                *([] if ingress.host is None and not ingress.paths else conditions),
                elbv2.ListenerCondition.http_header(test_traffic.header_name, [self._test_value]),
            ]
        else:
            self._test_listener = self._make_test_listener()
            test_conditions = conditions
        self.production_rule = TrafficRule(
            self,
            "ProductionRule",
            listener=self.production,
            priority=priority,
            conditions=conditions,
            blue=blue,
            green=green,
        )
        self.test_rule = TrafficRule(
            self,
            "TestRule",
            listener=self._test_listener or self.production,
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
        if self.load_balancer is not None:
            return self.load_balancer.load_balancer_full_name
        parts = cdk.Fn.split("/", self.production.listener_arn)
        return cdk.Fn.join("/", [cdk.Fn.select(index, parts) for index in (1, 2, 3)])

    @property
    def url(self) -> str:
        """Where users reach the service: its host, else the load balancer's own name."""
        address = self._address()
        return _Address(address.scheme, self._ingress.host or address.name).url

    @property
    def test_url(self) -> str:
        """Where the candidate is reached; with a header route, together with that header."""
        address = self._address()
        return _Address(address.scheme, self._ingress.host or address.name, self._test_traffic.port).url

    @property
    def test_header(self) -> str | None:
        """The header that takes a request to the candidate, as `name: value`; None with a test listener."""
        if self._test_traffic.header_name is None or self._test_value is None:
            return None
        return cdk.Fn.join(": ", [self._test_traffic.header_name, self._test_value])

    def test_route(self) -> TestRoute:
        """How a function reaches the candidate; raises ConfigurationError when it could not."""
        if self._ingress.internet_facing and (self._ingress.sources or self._test_traffic.sources):
            raise ConfigurationError(
                f"{self.node.path} admits only {', '.join(self._ingress.sources or self._test_traffic.sources)} to an "
                "internet-facing load balancer, and smoke tests come from Lambda's own addresses: use a test header "
                "without sources, or internet_facing=False, where the tests run inside the VPC"
            )
        address = self._address()
        header = self._test_traffic.header_name
        if header is not None and self._test_value is None:
            raise ConfigurationError(
                f"{self.node.path} was given rules and smoke tests, but not the header that its test rule matches: "
                "give test_traffic=TestTraffic.header(name, value) as in that rule's conditions"
            )
        return TestRoute(
            url=_Address(address.scheme, address.name, self._test_traffic.port).url,
            host=self._ingress.host,
            headers={header: self._test_value} if header is not None and self._test_value is not None else {},
            inside_vpc=not self._ingress.internet_facing,
        )

    def admit_tests(self, tests: SmokeTestHook) -> None:
        """Let the smoke-test function of an internal load balancer connect."""
        if tests.connections is None:
            return
        for listener in filter(None, (self.production, self._test_listener)):
            port = self._test_traffic.port if listener is self._test_listener else self._production_port
            tests.connections.allow_to(listener, ec2.Port.tcp(port or self._production_port), "smoke tests")

    @property
    def _production_port(self) -> int:
        return 443 if self._scheme == "https" else 80

    @property
    def _scheme(self) -> str:
        if self._ingress.listener is None and self._ingress.rules is None:
            return "https" if self._ingress.certificate is not None else "http"
        return "http" if self._ingress.plain_http else "https"

    def _address(self) -> _Address:
        if self.load_balancer is not None:
            return _Address(self._scheme, self.load_balancer.load_balancer_dns_name)
        if isinstance(self.production, elbv2.ApplicationListener):
            return _Address(self._scheme, self.production.load_balancer.load_balancer_dns_name)
        if self._ingress.host is None:
            raise ConfigurationError(
                f"{self.node.path} is on an imported listener, whose load balancer's name is not known: give "
                "Ingress(host=...)"
            )
        return _Address(self._scheme, self._ingress.host)

    def _own_listener(self, vpc: ec2.IVpc) -> elbv2.IApplicationListener:
        ingress = self._ingress
        self._security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="the load balancer", allow_all_outbound=False
        )
        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=vpc,
            internet_facing=ingress.internet_facing,
            security_group=self._security_group,
            drop_invalid_header_fields=True,
        )
        if ingress.access_logs is not None:
            if cdk.Token.is_unresolved(cdk.Stack.of(self).region):
                raise ConfigurationError(
                    f"{self.node.path} has access_logs in a stack without a region: set the stack's env region, "
                    "or leave access_logs out"
                )
            self.load_balancer.log_access_logs(ingress.access_logs, prefix=self.node.path.replace("/", "-"))
        else:
            acknowledge(
                self.load_balancer,
                "AwsSolutions-ELB2",
                "no bucket was given for access logs: Ingress(access_logs=...) turns them on; making a bucket for "
                "every service was considered and left to the platform's own logging set-up",
            )
        if ingress.certificate is None:
            listener = self._listener_on("Http", 80, elbv2.ApplicationProtocol.HTTP)
            self._open_to_clients(80)
            return listener
        listener = self._listener_on("Https", 443, elbv2.ApplicationProtocol.HTTPS)
        self.load_balancer.add_listener(
            "Redirect",
            port=80,
            protocol=elbv2.ApplicationProtocol.HTTP,
            open=False,
            default_action=elbv2.ListenerAction.redirect(protocol="HTTPS", port="443", permanent=True),
        )
        self._open_to_clients(443, 80)
        return listener

    def _listener_on(self, id: str, port: int, protocol: elbv2.ApplicationProtocol) -> elbv2.ApplicationListener:
        if self.load_balancer is None:
            raise ConfigurationError(f"{self.node.path} adds a listener to a load balancer that it does not own")
        secure = protocol is elbv2.ApplicationProtocol.HTTPS and self._ingress.certificate is not None
        return self.load_balancer.add_listener(
            id,
            port=port,
            protocol=protocol,
            certificates=[self._ingress.certificate] if secure and self._ingress.certificate is not None else None,
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS if secure else None,
            open=False,
            default_action=_NOT_FOUND,
        )

    def _open_to_clients(self, *ports: int) -> None:
        group = self._security_group
        if group is None:
            return
        everybody = not self._ingress.sources and self._ingress.internet_facing
        if everybody:
            peers: list[ec2.IPeer] = [ec2.Peer.any_ipv4()]
            acknowledge(
                group,
                "AwsSolutions-EC23",
                "a public service is reached from everywhere, on its listeners' ports only; closing it by default was "
                "considered, and is what Ingress(sources=...) and internet_facing=False are for",
            )
        elif self._ingress.sources:
            peers = [ec2.Peer.ipv4(source) for source in self._ingress.sources]
        else:
            peers = [ec2.Peer.ipv4(_vpc_cidr(self))]
            acknowledge(
                group,
                "AwsSolutions-EC23",
                "the check cannot read the VPC's address range, which is a reference here; demanding literal ranges by "
                "Ingress(sources=...) was considered and left as a choice",
            )
        for port in ports:
            for peer in peers:
                group.add_ingress_rule(peer, ec2.Port.tcp(port), "clients")

    def _make_test_listener(self) -> elbv2.ApplicationListener:
        port = self._test_traffic.port
        if self.load_balancer is None or self._security_group is None or port is None:
            raise ConfigurationError(
                f"{self.node.path} asks for a test listener on a load balancer that is not its own: use "
                "TestTraffic.header(), which needs no listener"
            )
        secure = self._ingress.certificate is not None
        listener = self._listener_on(
            "Test", port, elbv2.ApplicationProtocol.HTTPS if secure else elbv2.ApplicationProtocol.HTTP
        )
        for source in self._test_traffic.sources:
            self._security_group.add_ingress_rule(ec2.Peer.ipv4(source), ec2.Port.tcp(port), "test traffic")
        return listener

    def _refuse_guessable_tests(self) -> None:
        value = self._test_traffic.header_value
        short = value is not None and not cdk.Token.is_unresolved(value) and len(value) < SHORTEST_SECRET
        if short and self._ingress.internet_facing:
            raise ConfigurationError(
                f"{self.node.path} is internet-facing with a test header value of {len(value or '')} characters: leave "
                f"the value out to have one generated, or give {SHORTEST_SECRET} characters or more"
            )


def _conditions(ingress: Ingress) -> list[elbv2.ListenerCondition]:
    conditions = []
    if ingress.host is not None:
        conditions.append(elbv2.ListenerCondition.host_headers([ingress.host]))
    if ingress.paths or ingress.host is None:
        conditions.append(elbv2.ListenerCondition.path_patterns(list(ingress.paths) or ["/*"]))
    return conditions


def _vpc_cidr(listener: ServiceListener) -> str:
    if listener.load_balancer is None or listener.load_balancer.vpc is None:
        raise ConfigurationError(f"{listener.node.path} has no VPC whose addresses could be admitted")
    return listener.load_balancer.vpc.vpc_cidr_block
