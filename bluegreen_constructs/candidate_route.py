"""CandidateRoute: which requests always reach the candidate of a CanaryAlb."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from .engine.errors import ConfigurationError
from .test_traffic import DEFAULT_HEADER, TestTraffic

# What a load balancer that drops invalid headers leaves; cookies and query keys take it, too.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_VALUE = re.compile(r"[A-Za-z0-9._~-]{1,80}")
_IPV4 = 4
_SHORTEST_PREFIX = {_IPV4: 8, 6: 16}
_WHERE = {"header": "the header", "cookie": "the cookie", "query": "the query parameter", "listener": "the listener"}


@dataclass(frozen=True)
class CandidateRoute:
    """Requests that reach the candidate before it gets production traffic, and also afterwards.

    Make one with `CandidateRoute.header()`, `.cookie()` or `.query()`. The value is generated at deploy and kept in
    Secrets Manager, unless one is given: on an internet-facing load balancer one of 16 characters or more, or any one
    together with `sources`, the CIDRs from which alone such requests count, none of them shorter than /8 (IPv6: /16).
    """

    kind: Literal["header", "cookie", "query", "listener"] = "header"
    name: str = DEFAULT_HEADER
    value: str | None = None
    sources: tuple[str, ...] = ()
    port: int | None = None

    def __post_init__(self) -> None:
        """Refuse a route that no request could take, or whose value a rule would read as a pattern."""
        for source in self.sources:
            _check_source(source, only_ipv4=self.kind == "listener")
        if self.kind == "listener":
            return
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"CandidateRoute name is {self.name!r}: use at most 40 letters, digits and hyphens, such as 'x-canary'"
            )
        if self.kind == "header" and self.name.lower() in ("host", "cookie"):
            raise ConfigurationError(
                f"CandidateRoute header is {self.name!r}, which routing needs: use another one, or "
                "CandidateRoute.cookie(…)"
            )
        if self.value is not None and not _VALUE.fullmatch(self.value):
            raise ConfigurationError(
                f"CandidateRoute value is {self.value!r}: use at most 80 letters, digits, dots, hyphens, _ and ~"
            )

    @staticmethod
    def header(
        name: str = DEFAULT_HEADER, value: str | None = None, *, sources: Sequence[str] = ()
    ) -> "CandidateRoute":
        """Requests with this header."""
        return CandidateRoute("header", name, value, tuple(sources))

    @staticmethod
    def cookie(name: str, value: str | None = None, *, sources: Sequence[str] = ()) -> "CandidateRoute":
        """Requests with this cookie: a browser that has it stays on the candidate."""
        return CandidateRoute("cookie", name, value, tuple(sources))

    @staticmethod
    def query(name: str, value: str | None = None, *, sources: Sequence[str] = ()) -> "CandidateRoute":
        """Requests with this query parameter: a link that can be sent around."""
        return CandidateRoute("query", name, value, tuple(sources))

    @staticmethod
    def from_test_traffic(traffic: TestTraffic) -> "CandidateRoute":
        """The same route."""
        if traffic.header_name is None:
            return CandidateRoute("listener", "", None, traffic.sources, traffic.port)
        return CandidateRoute("header", traffic.header_name, traffic.header_value, traffic.sources)

    @property
    def words(self) -> str:
        """For a sentence: "the header 'x-canary'"."""
        return f"{_WHERE[self.kind]} {self.port if self.kind == 'listener' else repr(self.name)}"

    def conditions(self, value: str) -> list[elbv2.ListenerCondition]:
        """What a rule asks of a request, with this value."""
        asked = []
        if self.kind == "header":
            asked.append(elbv2.ListenerCondition.http_header(self.name, [value]))
        elif self.kind == "cookie":
            asked.append(elbv2.ListenerCondition.http_header("cookie", [f"*{self.name}={value}*"]))
        elif self.kind == "query":
            asked.append(
                elbv2.ListenerCondition.query_strings([elbv2.QueryStringCondition(key=self.name, value=value)])
            )
        if self.sources and self.kind != "listener":  # a listener's sources are in its security group
            asked.append(elbv2.ListenerCondition.source_ips(list(self.sources)))
        return asked

    def headers(self, value: str) -> dict[str, str]:
        """The headers that take a request there."""
        if self.kind == "cookie":
            return {"cookie": f"{self.name}={value}"}
        return {self.name: value} if self.kind == "header" else {}


def are_limited(sources: Sequence[str]) -> bool:
    """Whether the CIDRs keep anybody out: there are some, and none of them is a good part of the internet."""
    networks = [ip_network(source, strict=False) for source in sources]
    return bool(networks) and all(network.prefixlen >= _SHORTEST_PREFIX[network.version] for network in networks)


def _check_source(source: object, *, only_ipv4: bool) -> None:
    try:
        version: int = ip_network(str(source)).version
    except ValueError:
        version = 0
    if not version or (only_ipv4 and version != _IPV4):
        raise ConfigurationError(
            f"CandidateRoute has the source {source!r}: give {'IPv4 ' if only_ipv4 else ''}CIDRs, such as '10.0.0.0/8' "
            "or '192.0.2.7/32'"
        )
