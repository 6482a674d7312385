"""CanaryRoutes: the live rule of a CanaryAlb, the rules that always lead to the candidate, and how to reach both."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from .canary_side import CanarySide
from .candidate_route import CandidateRoute, are_limited
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta
from .generated_secret import generated_secret, value_of
from .hooks import SmokeTests, TestRoute
from .ingress import Ingress
from .listener_address import ListenerAddress
from .service_load_balancer import ServiceLoadBalancer
from .traffic_rule import TrafficRule

# On a listener of its own: the routes to the candidate from 100 on, production behind them.
_FIRST_ROUTE, _PRODUCTION = 100, 1000
_SHORTEST_SECRET = 16


class CanaryRoutes(Construct):
    """The rules; the engine moves the weights of all of them."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingress: Ingress,
        load_balancer: ServiceLoadBalancer | None,
        routes: Sequence[CandidateRoute],
        blue: CanarySide,
        green: CanarySide,
        adopted: CanarySide | None,
        stickiness: Span | None,
    ) -> None:
        """Make the rules on the load balancer's listener, or on the given one.

        adopted: the side that the listener's default action forwards to; all traffic goes there at first.

        Raises ConfigurationError for routes that everybody could guess, or that no free priority is left for.
        """
        super().__init__(scope, id)
        self._ingress = ingress
        self._load_balancer = load_balancer
        self._routes = tuple(routes)
        self._secret: secretsmanager.CfnSecret | None = None
        listener = ingress.listener if load_balancer is None else load_balancer.production
        if listener is None:
            raise ConfigurationError(f"{self.node.path} has neither a load balancer nor a listener: give one")
        self.address = ListenerAddress(ingress, load_balancer, listener)
        priorities = self._priorities()
        conditions = _conditions(ingress)
        # What these say counts when the rules are made; from then on only the engine writes weights.
        self.live_rule = TrafficRule(
            self,
            "Production",
            listener=listener,
            priority=ingress.priority or _PRODUCTION,
            conditions=conditions,
            candidate_weight=100 if adopted is green else 0,
            stickiness=None if stickiness is None else as_timedelta(stickiness, "stickiness"),
            blue=blue.group,
            green=green.group,
        )
        self._values = [self._value(route) for route in self._routes]
        self.candidate_rules = tuple(
            TrafficRule(
                self,
                f"Candidate{route.kind.capitalize()}{'' if number == 0 else number + 1}",
                listener=self._listener(route, listener),
                priority=priority,
                conditions=[
                    *([] if self._asks_nothing and route.kind != "listener" else conditions),
                    *route.conditions(value),
                ],
                candidate_weight=0 if adopted is green else 100,
                blue=blue.group,
                green=green.group,
            )
            for number, (route, value, priority) in enumerate(zip(self._routes, self._values, priorities, strict=True))
        )

    @property
    def url(self) -> str | None:
        """Where users reach the service: its host, else the load balancer's own name; None when neither is known."""
        return self.address.url(self._ingress.host)

    @property
    def secret_arn(self) -> str | None:
        """The secret with the generated value of the routes to the candidate; None when none was generated."""
        return None if self._secret is None else self._secret.ref

    def test_route(self) -> TestRoute:
        """How a function reaches the candidate; raises ConfigurationError when it could not."""
        ingress = self._ingress
        found = next(
            ((route, value) for route, value in zip(self._routes, self._values, strict=True) if self._is_open(route)),
            None,
        )
        if found is None or (ingress.internet_facing and ingress.sources):
            raise ConfigurationError(
                f"{self.node.path} has smoke tests and no way for a function to the candidate: give test_traffic= a "
                "header or a cookie without sources, and Ingress no sources unless it is internet_facing=False"
            )
        if self.address.scheme == "https" and (ingress.host is None or "*" in ingress.host):
            raise ConfigurationError(
                f"{self.node.path} has smoke tests over HTTPS and {ingress.host or 'no host'}: give Ingress(host=...) "
                "with a name that the certificate is for, none is for the load balancer's own name"
            )
        name = self.address.dns_name or ingress.host
        if name is None:
            raise ConfigurationError(
                f"{self.node.path} has smoke tests on an imported listener, whose load balancer's name is not known: "
                "give Ingress(host=...)"
            )
        route, value = found
        self._tested = route
        return TestRoute(
            url=f"{self.address.scheme}://{name}{self.address.port_in_url(route.port)}",
            host=ingress.host,
            headers=route.headers(value),
            inside_vpc=not ingress.internet_facing,
        )

    def admit_tests(self, tests: SmokeTests) -> None:
        """Let the smoke tests of an internal load balancer connect to where they go."""
        if tests.connections is not None:
            port = self._tested.port or self.address.port
            listener = self.candidate_rules[self._routes.index(self._tested)].listener
            tests.connections.allow_to(listener, ec2.Port.tcp(port), "smoke tests")

    @property
    def _asks_nothing(self) -> bool:
        """Whether the live rule takes every request, so that a route need not repeat it."""
        return self._ingress.host is None and not self._ingress.paths

    def _is_open(self, route: CandidateRoute) -> bool:
        if route.kind == "listener":
            return not self._ingress.internet_facing
        return route.kind != "query" and not route.sources

    def _priorities(self) -> list[int]:
        """One for each route, before production's: a rule behind it would never be looked at."""
        count = len(self._routes)
        if self._ingress.priority is None:
            return [_FIRST_ROUTE + number for number in range(count)]
        first = self._ingress.priority - count
        if first < 1:
            raise ConfigurationError(
                f"{self.node.path} has priority {self._ingress.priority} and {count} routes to the candidate, which "
                f"take the priorities before it: give {count + 1} or more"
            )
        return [first + number for number in range(count)]

    def _listener(self, route: CandidateRoute, production: elbv2.IApplicationListener) -> elbv2.IApplicationListener:
        if route.kind != "listener":
            return production
        if self._load_balancer is None or route.port is None:
            raise ConfigurationError(
                f"{self.node.path} asks for a test listener on a listener that is shared: use CandidateRoute.header(), "
                "which needs no listener"
            )
        return self._load_balancer.test_listener(route.port, route.sources)

    def _value(self, route: CandidateRoute) -> str:
        is_public = self._ingress.internet_facing and not (
            are_limited(self._ingress.sources) or are_limited(route.sources)
        )
        if route.kind == "listener":
            if is_public:
                raise ConfigurationError(
                    f"{self.node.path} is internet-facing and {route.words} admits {', '.join(route.sources)}: name "
                    "the few that test, by CIDRs of /8 or longer"
                )
            return ""
        if route.value is None:
            return self._generated()
        if is_public and len(route.value) < _SHORTEST_SECRET:
            raise ConfigurationError(
                f"{self.node.path} is internet-facing and {route.words} has a value of {len(route.value)} characters: "
                f"leave the value out to have one generated, give {_SHORTEST_SECRET} characters or more, or sources=[…]"
                " of /8 or longer"
            )
        return route.value

    def _generated(self) -> str:
        """One value for all routes that were given none."""
        if self._secret is None:
            self._secret = generated_secret(
                self,
                "CandidateValue",
                description=f"What requests must carry to reach the candidate of {self.node.path}",
                opens="a version that is not released yet",
            )
        return value_of(self._secret)


def _conditions(ingress: Ingress) -> list[elbv2.ListenerCondition]:
    conditions = []
    if ingress.host is not None:
        conditions.append(elbv2.ListenerCondition.host_headers([ingress.host]))
    if ingress.paths or ingress.host is None:
        conditions.append(elbv2.ListenerCondition.path_patterns(list(ingress.paths) or ["/*"]))
    return conditions
