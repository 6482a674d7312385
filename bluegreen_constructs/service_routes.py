"""ServiceRoutes: the production and the test rule of a service, and how both are addressed."""

from collections.abc import Sequence
from functools import cache, cached_property

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .engine.errors import ConfigurationError
from .guardrail_alarms import Name
from .hooks import FunctionsInVpc, TestRoute
from .ingress import Ingress
from .metric_names import load_balancer_name
from .rule_conditions import RuleCondition
from .rule_owner import RuleMaker, RuleOwner, ServiceRule
from .service_load_balancer import ServiceLoadBalancer
from .service_network import tcp
from .test_traffic import TestTraffic

OWN_PRIORITY = 100  # on a listener that holds nothing else
SHORTEST_SECRET = 16
_EVERYBODY = "0.0.0.0/0"


class ServiceRoutes:
    """Where requests to a service arrive, and the rules that its rollouts re-weight: production's, and the test rule.

    Only a service that CodeDeploy deploys can be without a test rule.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        ingress: Ingress,
        load_balancer: ServiceLoadBalancer | None,
        test_traffic: TestTraffic | None,
        stack: cdk.Stack,
        group_arns: tuple[str, str],
        owner: RuleOwner = RuleOwner.TRAFFIC_RULE,
        blue_must_serve: bool = False,
    ) -> None:
        """Make both rules on the load balancer's listeners or on the given one, or take the given rules.

        test_traffic: None for no test rule.
        """
        self._scope = scope
        self._ingress = ingress
        self._load_balancer = load_balancer
        self._test_traffic = test_traffic
        self._header_name = None if test_traffic is None else test_traffic.header_name
        self._test_value = None if test_traffic is None else test_traffic.header_value
        self.production_rule: ServiceRule
        self.test_rule: ServiceRule | None
        self._refuse_guessable_tests()
        if ingress.rules is not None:
            given = ingress.rules
            self.production_rule, self.test_rule = (
                ServiceRule(rule.rule_arn, rule.listener, rule.listener.listener_arn, rule.priority, rule.resource)
                for rule in (given.production, given.test)
            )
            return
        listener = load_balancer.production if load_balancer is not None else ingress.listener
        if listener is None:
            raise ConfigurationError(f"{self._path} has neither a load balancer nor a listener nor rules: give one")
        priority = ingress.priority or OWN_PRIORITY
        conditions = _conditions(ingress)
        if self._header_name is None:
            test_listener = None if test_traffic is None else self._test_listener(test_traffic)
            test_conditions = conditions
        else:
            self._test_value = self._test_value or _generated_value()
            test_listener = listener
            test_conditions = [
                *([] if ingress.host is None and not ingress.paths else conditions),
                RuleCondition.http_header(self._header_name, [self._test_value]),
            ]
        maker = RuleMaker(
            Construct(scope, "Routes"), owner, stack=stack, group_arns=group_arns, blue_must_serve=blue_must_serve
        )
        self.production_rule = maker.make(
            "Production", listener=listener, priority=priority, conditions=conditions, is_live=True
        )
        # Before production's, or the header would never be looked at.
        self.test_rule = (
            None
            if test_listener is None
            else maker.make("Test", listener=test_listener, priority=priority - 1, conditions=test_conditions)
        )

    @property
    def _path(self) -> str:
        return str(self._scope.node.path)

    @property
    def load_balancer_full_name(self) -> Name:
        """The load balancer's name in CloudWatch dimensions, `app/name/id`."""
        balancer = None if self._load_balancer is None else self._load_balancer.resource
        if isinstance(balancer, elbv2.ApplicationLoadBalancer):
            return balancer.load_balancer_full_name
        return load_balancer_name(self.production_rule.listener_arn)

    @cached_property
    def url(self) -> str | None:
        """Where users reach the service: its host, else the load balancer's own name; None when neither is known."""
        host = self._ingress.host
        name = host if host is not None and "*" not in host else self._name()
        return None if name is None else f"{self._scheme}://{name}"

    @property
    def test_url(self) -> str | None:
        """Where the candidate is reached; with a header route, together with that header; None without a test route."""
        return None if self.url is None or self._test_traffic is None else self.url + self._test_port

    @property
    def test_header(self) -> str | None:
        """The header that takes a request to the candidate, as `name: value`; None with a test listener."""
        if self._header_name is None or self._test_value is None:
            return None
        return f"{self._header_name}: {self._test_value}"

    @property
    def test_condition(self) -> tuple[str, str] | None:
        """Name and value of that header; None with a test listener."""
        if self._header_name is None or self._test_value is None:
            return None
        return self._header_name, self._test_value

    def test_route(self) -> TestRoute:
        """How a function reaches the candidate; raises ConfigurationError when it could not."""
        tests = self._test_traffic
        self._refuse_closed(self._ingress.sources if tests is None or tests.port is None else tests.sources)
        if self._scheme == "https" and (self._ingress.host is None or "*" in self._ingress.host):
            raise ConfigurationError(
                f"{self._path} has smoke tests over HTTPS and {self._ingress.host or 'no host'}: give "
                "Ingress(host=...) with a name that the certificate is for, none is for the load balancer's own name"
            )
        header = self._header_name
        given = self._ingress.rules
        if given is not None and (
            header is None or self._test_value is None or not given.test.matches_header(header, self._test_value)
        ):
            raise ConfigurationError(
                f"{self._path} was given rules and smoke tests, but not the header that the test rule matches: "
                "give test_traffic=TestTraffic.header(name, value) as in that rule's conditions, or the tests would "
                "meet the live side"
            )
        name = self._name() or self._ingress.host
        if name is None:
            raise ConfigurationError(
                f"{self._path} has smoke tests on an imported listener or load balancer, whose name is not known: "
                "give Ingress(host=...)"
            )
        return TestRoute(
            url=f"{self._scheme}://{name}{self._test_port}",
            host=self._ingress.host,
            headers={header: self._test_value} if header is not None and self._test_value is not None else {},
            inside_vpc=not self._ingress.internet_facing,
        )

    def _refuse_closed(self, sources: Sequence[str]) -> None:
        if self._ingress.internet_facing and sources and _EVERYBODY not in sources:
            raise ConfigurationError(
                f"{self._path} admits only {', '.join(sources)} to an internet-facing load balancer, and smoke "
                "tests come from Lambda's own addresses: use a test header without sources, or internet_facing=False, "
                "where the tests run inside the VPC"
            )

    def live_route(self) -> TestRoute:
        """How a function reaches the live side, beside `test_route` for the candidate."""
        route = self.test_route()
        self._refuse_closed(self._ingress.sources)
        name = self._name() or self._ingress.host
        return TestRoute(f"{self._scheme}://{name}", {}, route.host, route.inside_vpc)

    def admit_tests(self, tests: FunctionsInVpc, *, also_live: bool = False) -> None:
        """Let a function inside the VPC of an internal load balancer connect to where its requests go."""
        if tests.connections is not None and self.test_rule is not None and self._test_traffic is not None:
            own = 443 if self._scheme == "https" else 80
            tests.connections.allow_to(self.test_rule.listener, tcp(self._test_traffic.port or own), "test requests")
            if also_live and self._test_traffic.port is not None:
                tests.connections.allow_to(self.production_rule.listener, tcp(own), "requests to live")

    @property
    def _test_port(self) -> str:
        port = None if self._test_traffic is None else self._test_traffic.port
        return "" if port is None else f":{port}"

    @property
    def _scheme(self) -> str:
        if self._load_balancer is not None:
            return "https" if self._ingress.certificate is not None else "http"
        return "http" if self._ingress.plain_http else "https"

    def _name(self) -> str | None:
        """The name the load balancer itself answers to; None where it, or its listener, was imported without one."""
        if self._load_balancer is not None:
            try:
                return str(self._load_balancer.resource.load_balancer_dns_name)
            except RuntimeError:  # how the CDK says that nobody said it
                return None
        listener = self.production_rule.listener
        if isinstance(listener, elbv2.ApplicationListener):
            return str(listener.load_balancer.load_balancer_dns_name)
        return None

    def _test_listener(self, tests: TestTraffic) -> elbv2.IApplicationListener:
        if self._load_balancer is None or tests.port is None:
            raise ConfigurationError(
                f"{self._path} asks for a test listener on a listener that is shared: use TestTraffic.header(), "
                "which needs no listener"
            )
        return self._load_balancer.test_listener(tests.port, tests.sources)

    def _refuse_guessable_tests(self) -> None:
        value = self._test_value
        if value is None or cdk.Token.is_unresolved(value) or len(value) >= SHORTEST_SECRET:
            return
        if self._ingress.internet_facing:
            raise ConfigurationError(
                f"{self._path} is internet-facing with a test header value of {len(value)} characters: leave "
                f"the value out to have one generated, or give {SHORTEST_SECRET} characters or more"
            )


def _conditions(ingress: Ingress) -> list[RuleCondition]:
    conditions = []
    if ingress.host is not None:
        conditions.append(RuleCondition.host_headers([ingress.host]))
    if ingress.paths or ingress.host is None:
        conditions.append(RuleCondition.path_patterns(ingress.paths or ["/*"]))
    return conditions


@cache
def _generated_value() -> str:
    """The last part of a stack's id: nobody outside the account can tell it, and it never changes."""
    return cdk.Token.as_string({"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]})
