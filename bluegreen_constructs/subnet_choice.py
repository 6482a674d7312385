"""Which subnets of a VPC a selection means."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2


@dataclass(frozen=True)
class Network:
    """What is asked of a VPC for the services in it."""

    zones: Sequence[str]
    subnet_ids: Sequence[str]
    has_public: bool


def network_of(vpc: ec2.IVpc, selection: ec2.SubnetSelection | None = None) -> Network:
    """The zones of `vpc`, and the subnets that the selection means (default: private subnets)."""
    selected = selected_subnets(vpc, selection)
    return Network(vpc.availability_zones, selected.subnet_ids, selected.has_public)


def selected_subnets(vpc: ec2.IVpc, selection: ec2.SubnetSelection | None = None) -> ec2.SelectedSubnets:
    """`IVpc.select_subnets`, which takes a selection apart, for a selection in one piece (default: private subnets)."""
    chosen = selection or ec2.SubnetSelection()
    return vpc.select_subnets(
        availability_zones=chosen.availability_zones,
        one_per_az=chosen.one_per_az,
        subnet_filters=chosen.subnet_filters,
        subnet_group_name=chosen.subnet_group_name,
        subnets=chosen.subnets,
        subnet_type=chosen.subnet_type,
    )
