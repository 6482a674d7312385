"""The security group of a service's tasks, and how the load balancer reaches them."""

from functools import cache

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct


@cache
def tcp(port: int) -> ec2.Port:
    """The port; each is made once, by a call to Node."""
    return ec2.Port.tcp(port)


def task_security_group(
    scope: Construct, *, vpc: ec2.IVpc, port: int, listener: elbv2.IApplicationListener
) -> ec2.SecurityGroup:
    """Make the security group of the tasks, and let the listener's load balancer in."""
    group = ec2.SecurityGroup(scope, "SecurityGroup", vpc=vpc, description="tasks of both sides")
    group.connections.allow_from(listener, tcp(port), "requests from the load balancer")
    return group
