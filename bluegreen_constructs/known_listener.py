"""What is known at synth of a listener and a load balancer: much of one that this app makes, nothing of another."""

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from .ingress import Ingress


def scheme_and_port(listener: elbv2.IApplicationListener | None) -> tuple[str, int] | None:
    """ "http" or "https", and the port."""
    resource = _resource(listener)
    if resource is None or resource.protocol is None or resource.port is None or cdk.Token.is_unresolved(resource.port):
        return None
    return resource.protocol.lower(), round(resource.port)


def default_groups(listener: elbv2.IApplicationListener | None) -> list[object] | None:
    """The ARNs of the target groups that the default action forwards to, resolved; of a fixed response none."""
    resource = _resource(listener)
    actions = None if resource is None else resolved(resource, resource.default_actions)
    if not isinstance(actions, list) or not actions:
        return None
    last = actions[-1]  # authentication comes before
    groups = (last.get("forwardConfig") or {}).get("targetGroups") or [last]
    return [group["targetGroupArn"] for group in groups if "targetGroupArn" in group]


def authenticates(listener: elbv2.IApplicationListener | None) -> bool:
    """Whether the default action is known to ask users who they are."""
    resource = _resource(listener)
    actions = None if resource is None else resolved(resource, resource.default_actions)
    kinds = [one.get("type", "") for one in actions if isinstance(one, dict)] if isinstance(actions, list) else []
    return any(kind.startswith("authenticate") for kind in kinds)


def is_internet_facing(ingress: Ingress) -> bool | None:
    """Whether the load balancer that is given, or whose listener is, is reachable from the internet."""
    balancer: object = ingress.load_balancer
    if isinstance(ingress.listener, elbv2.ApplicationListener):
        balancer = ingress.listener.load_balancer
    resource = balancer.node.default_child if isinstance(balancer, elbv2.ApplicationLoadBalancer) else None
    if not isinstance(resource, elbv2.CfnLoadBalancer) or resource.scheme not in ("internal", "internet-facing"):
        return None
    return resource.scheme == "internet-facing"


def resolved(listener: elbv2.IApplicationListener | elbv2.CfnListener, value: object) -> object:
    """The value as the listener's stack writes it into a template, for a comparison."""
    found: object = cdk.Stack.of(listener).resolve(value)
    return found


def _resource(listener: elbv2.IApplicationListener | None) -> elbv2.CfnListener | None:
    child = listener.node.default_child if isinstance(listener, elbv2.ApplicationListener) else None
    return child if isinstance(child, elbv2.CfnListener) else None
