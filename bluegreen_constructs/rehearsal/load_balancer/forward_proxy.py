"""The forward proxy: makes `http://<a load balancer's DNS name>:<port>/...` work where that name does not resolve.

Deployed functions and the load generator get it as `http_proxy`. It takes absolute-form requests (RFC 9112, 3.2.2)
and, for tools that know no proxies, plain ones whose Host is a load balancer's DNS name. https URLs would need
CONNECT and TLS, which the rehearsal does not play: they are refused in words.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp.web import BaseRequest, Response, StreamResponse

from .model import HostHeader, LoadBalancer, RoutingTable
from .proxy import Proxy


class ForwardProxy:
    """Finds the load balancer that a URL means and lets the data plane answer, without another hop."""

    def __init__(self, table: Callable[[], RoutingTable], proxy: Proxy) -> None:
        self._table = table
        self._proxy = proxy

    async def answer(self, request: BaseRequest) -> StreamResponse:
        """Answer one request of a client that was told to use a proxy."""
        if request.method == "CONNECT":
            return _refusal(
                501, "the rehearsal terminates no TLS; ask the load balancer with http:// instead of https://"
            )
        located = _locate(request)
        if located is None:
            return _refusal(400, "the forward proxy needs an absolute http:// URL or the Host of a load balancer")
        host, port, path_and_query = located
        balancer = load_balancer_for(self._table(), host)
        if balancer is None:
            return _refusal(
                502, f"no load balancer has the DNS name {host}, and no rule of exactly one names that host"
            )
        if balancer.listener(port) is None:
            ports = ", ".join(str(listener.port) for listener in balancer.listeners) or "none"
            return _refusal(502, f"{balancer.name} has no listener on port {port}; it listens on: {ports}")
        return await self._proxy.answer(request, balancer.arn, port, path_and_query)


def load_balancer_for(table: RoutingTable, host: str) -> LoadBalancer | None:
    """The load balancer with this DNS name; else the only one with a rule for exactly this host.

    The second stands in for the DNS record that would point a service's own host name to its load balancer.
    """
    wanted = host.lower()
    for balancer in table.load_balancers:
        if balancer.dns_name.lower() == wanted:
            return balancer
    named = [balancer for balancer in table.load_balancers if wanted in _hosts(balancer)]
    return named[0] if len(named) == 1 else None


def _hosts(balancer: LoadBalancer) -> set[str]:
    return {
        value.lower()
        for listener in balancer.listeners
        for rule in listener.rules
        for condition in rule.conditions
        if isinstance(condition, HostHeader)
        for value in condition.values
    }


def _locate(request: BaseRequest) -> tuple[str, int, str] | None:
    """Host, port and the rest of the URL, as the data plane wants it (still percent-encoded)."""
    raw = request.raw_path
    if raw.startswith("/"):
        host, _, port = request.headers.get("Host", "").partition(":")
        return (host, int(port) if port.isdigit() else 80, raw) if host else None
    try:
        url = urlsplit(raw)
        port_number = url.port or 80
    except ValueError:
        return None
    if url.scheme != "http" or not url.hostname:
        return None
    rest = re.sub(r"^http://[^/?#]*", "", raw, flags=re.IGNORECASE)
    return url.hostname, port_number, rest if rest.startswith("/") else f"/{rest}"


def _refusal(status: int, sentence: str) -> Response:
    return Response(status=status, text=f"{sentence}\n", headers={"Server": "bluegreen-rehearsal"})
