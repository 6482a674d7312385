"""How a function of the engine joins a VPC: its security group, its subnets, and the right to make interfaces there."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2

from .engine_function import EngineFunction

_NETWORK_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def join_network(function: EngineFunction, group: ec2.ISecurityGroup, subnet_ids: Sequence[str]) -> None:
    """Put `function` into `subnet_ids`, behind `group`.

    Lambda makes the network interfaces with the function's role; its guide names no narrower resource, so who calls
    this acknowledges the finding, with what it considered instead.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    function.resource.add_property_override(
        "VpcConfig", {"SubnetIds": list(subnet_ids), "SecurityGroupIds": [group.security_group_id]}
    )
    function.allow("JoinNetwork", _NETWORK_ACTIONS, ["*"])
