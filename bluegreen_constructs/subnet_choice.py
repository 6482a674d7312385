"""Which subnets of a VPC a selection means."""

from aws_cdk import aws_ec2 as ec2


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
