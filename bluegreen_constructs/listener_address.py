"""How a listener is reached: scheme, port, names; on a load balancer of its own, a given one, or imported."""

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from .ingress import Ingress
from .known_listener import scheme_and_port
from .service_load_balancer import ServiceLoadBalancer

_USUAL_PORTS = {"http": 80, "https": 443}


class ListenerAddress:
    """Where requests go. `own`: what made the listener; None when it was given."""

    def __init__(self, ingress: Ingress, own: ServiceLoadBalancer | None, listener: elbv2.IApplicationListener) -> None:
        """Look at the listener, as far as this app knows it."""
        self._ingress, self._own, self._listener = ingress, own, listener

    @property
    def scheme(self) -> str:
        """http or https."""
        if self._own is not None:
            return "https" if self._ingress.certificate is not None else "http"
        known = scheme_and_port(self._ingress.listener)
        if known is not None:
            return known[0]
        return "http" if self._ingress.plain_http else "https"

    @property
    def port(self) -> int:
        """Of an imported listener the scheme's usual one."""
        known = scheme_and_port(self._ingress.listener)
        return _USUAL_PORTS[self.scheme] if known is None else known[1]

    @property
    def dns_name(self) -> str | None:
        """The name that the load balancer itself answers to; None of an imported listener's."""
        if self._own is not None:
            return str(self._own.resource.load_balancer_dns_name)
        if isinstance(self._listener, elbv2.ApplicationListener):
            return str(self._listener.load_balancer.load_balancer_dns_name)
        return None

    @property
    def load_balancer_full_name(self) -> str:
        """The load balancer's name in CloudWatch dimensions, `app/name/id`; of a given listener's ARN a part."""
        if self._own is not None and isinstance(self._own.resource, elbv2.ApplicationLoadBalancer):
            return self._own.resource.load_balancer_full_name
        parts = cdk.Fn.split("/", self._listener.listener_arn)
        return cdk.Fn.join("/", [cdk.Fn.select(index, parts) for index in (1, 2, 3)])

    def port_in_url(self, given: int | None = None) -> str:
        """The port as a URL has it: nothing for the scheme's usual one. given: another listener's."""
        port = given or self.port
        return "" if port == _USUAL_PORTS[self.scheme] else f":{port}"

    def url(self, host: str | None) -> str | None:
        """The URL of `host`, else of the load balancer's own name; None when neither is known."""
        name = host if host is not None and "*" not in host else self.dns_name
        return None if name is None else f"{self.scheme}://{name}{self.port_in_url()}"
