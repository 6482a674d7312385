"""ServiceLoadBalancer: the listeners of a service that shares none, on a load balancer of its own or a given one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .acknowledgements import acknowledge_all
from .engine.errors import ConfigurationError
from .ingress import Ingress

if TYPE_CHECKING:
    from aws_cdk import aws_certificatemanager as acm

_NOT_FOUND = elbv2.ListenerAction.fixed_response(
    404, content_type="text/plain", message_body="no service answers this host and path\n"
)
_TO_HTTPS = elbv2.ListenerAction.redirect(protocol="HTTPS", port="443", permanent=True)


class ServiceLoadBalancer:
    """Listeners that answer 404 unless a rule says otherwise; production is never their default action.

    So a certificate or a TLS policy can change without touching a weight.
    """

    def __init__(self, scope: Construct, *, vpc: ec2.IVpc, ingress: Ingress) -> None:
        """Make the load balancer unless one is given, its production listener, and with HTTPS the redirect to it."""
        self._scope = Construct(scope, "LoadBalancer")
        self._ingress = ingress
        self._vpc = vpc
        self._is_everybodys = ingress.internet_facing and not ingress.sources
        self.resource = ingress.load_balancer or self._make()
        # Port 80 keeps its one listener, whether it serves or redirects: a certificate that comes later would otherwise
        # need a second listener on a port that is taken.
        if ingress.certificate is None:
            self.production = self._listener("Http", 80, _NOT_FOUND)
        else:
            self.production = self._listener("Https", 443, _NOT_FOUND, certificate=ingress.certificate)
            self._listener("Http", 80, _TO_HTTPS)

    def test_listener(self, port: int, sources: Sequence[str]) -> elbv2.ApplicationListener:
        """A further listener for test traffic, open to `sources` (IPv4 CIDRs) only."""
        return self._listener("Test", port, _NOT_FOUND, certificate=self._ingress.certificate, sources=sources)

    def _make(self) -> elbv2.ApplicationLoadBalancer:
        ingress = self._ingress
        balancer = elbv2.ApplicationLoadBalancer(
            self._scope,
            "Resource",
            vpc=self._vpc,
            internet_facing=ingress.internet_facing,
            drop_invalid_header_fields=True,
            ip_address_type=elbv2.IpAddressType.DUAL_STACK if ingress.dual_stack else None,
        )
        if ingress.web_acl_arn is not None:
            from aws_cdk import aws_wafv2 as wafv2  # noqa: PLC0415 -- few load balancers need it, and it loads long

            wafv2.CfnWebACLAssociation(
                self._scope, "WebAcl", resource_arn=balancer.load_balancer_arn, web_acl_arn=ingress.web_acl_arn
            )
        findings = self._open_findings()
        if ingress.access_logs is None:
            findings["AwsSolutions-ELB2"] = (
                "no bucket was given for access logs: Ingress(access_logs=...) turns them on; making a bucket for "
                "every service was considered and left to the platform's own logging set-up"
            )
        elif cdk.Token.is_unresolved(cdk.Stack.of(self._scope).region):  # ELB's log delivery differs by region
            raise ConfigurationError(
                f"{self._scope.node.path} has access_logs in a stack without a region: set the stack's env region, "
                "or leave access_logs out"
            )
        else:
            balancer.log_access_logs(ingress.access_logs, prefix=self._scope.node.path.replace("/", "-"))
        acknowledge_all(balancer, findings)
        return balancer

    def _open_findings(self) -> dict[str, str]:
        """Why the load balancer's security group, which is made with it, lets in whom it lets in."""
        if self._is_everybodys:
            return {
                "AwsSolutions-EC23": "a public service is reached from everywhere, on its listeners' ports only; "
                "closing it by default was considered, and is what Ingress(sources=...) and internet_facing=False are "
                "for"
            }
        if not self._ingress.sources:
            return {
                "AwsSolutions-EC23": "the check cannot read the VPC's address range, which is a reference here; "
                "demanding literal ranges by Ingress(sources=...) was considered and left as a choice"
            }
        return {}

    @property
    def _addresses(self) -> str:
        """Those of the VPC."""
        try:
            return str(self._vpc.vpc_cidr_block)
        except RuntimeError:  # how the CDK says that nobody said them
            raise ConfigurationError(
                f"{self._scope.node.path} admits the VPC's addresses, and {self._vpc.node.path} was imported without "
                "them: give Ingress(sources=...), or vpc_cidr_block where the VPC is imported"
            ) from None

    def _listener(
        self,
        id: str,
        port: int,
        default_action: elbv2.ListenerAction,
        *,
        certificate: "acm.ICertificate | None" = None,
        sources: Sequence[str] | None = None,
    ) -> elbv2.ApplicationListener:
        listener = elbv2.ApplicationListener(
            self._scope,
            id,
            load_balancer=self.resource,
            port=port,
            protocol=elbv2.ApplicationProtocol.HTTP if certificate is None else elbv2.ApplicationProtocol.HTTPS,
            certificates=None if certificate is None else [certificate],
            ssl_policy=None if certificate is None else elbv2.SslPolicy.RECOMMENDED_TLS,
            # Open lets everybody in, by IPv6 too where the load balancer speaks it.
            open=sources is None and self._is_everybodys,
            default_action=default_action,
        )
        if sources is None:
            sources = () if self._is_everybodys else self._ingress.sources or (self._addresses,)
        for source in sources:
            listener.connections.allow_from(ec2.Peer.ipv4(source), ec2.Port.tcp(port), "clients")
        return listener
