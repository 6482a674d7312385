"""What an Application Load Balancer is configured to do, as frozen values: the routing table of the rehearsal.

Names follow the ELBv2 API (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html).
Seconds are rehearsed seconds, except where a field says that it is a real time-out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DEFAULT_STICKY_SECONDS = 86_400
DEFAULT_IDLE_SECONDS = 60.0
"""What ELB sets as `idle_timeout.timeout_seconds` unless told otherwise."""


@dataclass(frozen=True)
class Target:
    """One registered target: for IP targets `id` is the address; the port is always the effective one.

    A function's `id` is its ARN, and its port is 0: it has none.
    """

    id: str
    port: int

    def __str__(self) -> str:
        return f"{self.id}:{self.port}" if self.port else self.id


@dataclass(frozen=True)
class HealthCheck:
    """How a group's targets are checked; `port` None is `traffic-port`, `matcher` as in AWS ("200", "200-299,301").

    Defaults are those of an HTTP target group that is made by the API.
    """

    path: str = "/"
    port: int | None = None
    interval_seconds: float = 30.0
    timeout_seconds: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: str = "200"

    def accepts(self, status: int) -> bool:
        """Whether an HTTP status is a success for the matcher."""
        for part in self.matcher.split(","):
            low, dash, high = part.strip().partition("-")
            if (int(low) <= status <= int(high)) if dash else (int(low) == status):
                return True
        return False


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its registered targets (a deregistered target is no longer here, it drains in the plane).

    `sticky_seconds` is the duration of the AWSALB cookie, None when the group's own stickiness is off. `is_function`:
    the one target is a Lambda function, told of headers as `multi_value_headers` says. `is_checked`: health checks are
    on, as they always are for other targets.
    """

    arn: str
    targets: tuple[Target, ...] = ()
    health_check: HealthCheck = field(default_factory=HealthCheck)
    deregistration_delay_seconds: float = 300.0
    sticky_seconds: int | None = None
    is_function: bool = False
    multi_value_headers: bool = False
    is_checked: bool = True

    @property
    def dimension(self) -> str:
        """The value of CloudWatch's TargetGroup dimension: `targetgroup/name/id`."""
        return self.arn.rpartition(":")[2]


@dataclass(frozen=True)
class WeightedTargetGroup:
    """A target group in a forward action; weights are relative, 0 to 999, and 0 gets nothing."""

    arn: str
    weight: int = 1


@dataclass(frozen=True)
class Forward:
    """A forward action; `sticky_seconds` is the duration of the AWSALBTG cookie, None without group stickiness."""

    target_groups: tuple[WeightedTargetGroup, ...]
    sticky_seconds: int | None = None

    @property
    def weights(self) -> dict[str, int]:
        """Target group ARN to weight."""
        return {group.arn: group.weight for group in self.target_groups}


@dataclass(frozen=True)
class FixedResponse:
    """A fixed-response action."""

    status: int
    content_type: str = "text/plain"
    body: str = ""


@dataclass(frozen=True)
class Redirect:
    """A redirect action; the parts may hold ALB's keywords #{protocol}, #{host}, #{port}, #{path} and #{query}."""

    status: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


@dataclass(frozen=True)
class Uncovered:
    """Something the rehearsal does not play; requests that meet it are answered with a 500 that names it."""

    what: str


Action = Forward | FixedResponse | Redirect | Uncovered


@dataclass(frozen=True)
class HostHeader:
    """A host-header condition: any value, wildcards * and ?, not case-sensitive."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class PathPattern:
    """A path-pattern condition: any value, wildcards * and ?, case-sensitive, never the query."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class HttpHeader:
    """An http-header condition: one header, any value, wildcards * and ?, not case-sensitive; or any expression."""

    name: str
    values: tuple[str, ...]
    expressions: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryString:
    """A query-string condition: any of the pairs; a pair without key matches the value of any key."""

    pairs: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True)
class RequestMethod:
    """An http-request-method condition: any value, exact and case-sensitive."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class SourceIp:
    """A source-ip condition: the client's own address in any of the CIDR blocks (X-Forwarded-For is not read)."""

    cidrs: tuple[str, ...]


Condition = HostHeader | PathPattern | HttpHeader | QueryString | RequestMethod | SourceIp


@dataclass(frozen=True)
class Rule:
    """A listener rule; `priority` None is the default rule, which has no conditions."""

    arn: str
    priority: int | None
    action: Action
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A listener; `rules` hold the default rule too, in any order. `protocol` is HTTP or HTTPS (played without TLS)."""

    arn: str
    port: int
    protocol: str = "HTTP"
    rules: tuple[Rule, ...] = ()

    def in_order(self) -> list[Rule]:
        """The rules in the order in which they are tried: by priority, the default rule last."""
        return sorted(self.rules, key=lambda rule: (rule.priority is None, rule.priority or 0))


@dataclass(frozen=True)
class LoadBalancer:
    """An Application Load Balancer; `idle_timeout_seconds` is a real time-out (latencies are never compressed)."""

    arn: str
    name: str
    dns_name: str
    listeners: tuple[Listener, ...] = ()
    idle_timeout_seconds: float = DEFAULT_IDLE_SECONDS

    @property
    def dimension(self) -> str:
        """The value of CloudWatch's LoadBalancer dimension: `app/name/id`."""
        return self.arn.partition(":loadbalancer/")[2] or self.name

    def listener(self, port: int) -> Listener | None:
        """The listener on `port`, if there is one."""
        return next((listener for listener in self.listeners if listener.port == port), None)


@dataclass(frozen=True)
class RoutingTable:
    """One consistent reading of all load balancers and target groups of the account and region."""

    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: Mapping[str, TargetGroup] = field(default_factory=dict)

    def load_balancer(self, arn: str) -> LoadBalancer | None:
        """The load balancer with this ARN, if it is there."""
        return next((balancer for balancer in self.load_balancers if balancer.arn == arn), None)

    def forwards(self) -> Iterator[tuple[LoadBalancer, Listener, Rule, Forward]]:
        """Every rule that forwards, with its listener and load balancer."""
        for balancer in self.load_balancers:
            for listener in balancer.listeners:
                for rule in listener.rules:
                    if isinstance(rule.action, Forward):
                        yield balancer, listener, rule, rule.action

    def users(self) -> dict[str, LoadBalancer]:
        """Target group ARN to the load balancer that names it in a rule, also with weight 0.

        A target group can be used by one load balancer only
        (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html).
        """
        return {group.arn: balancer for balancer, _, _, forward in self.forwards() for group in forward.target_groups}
