"""A fleet's Auto Scaling group as a side that the engine puts releases on."""

from dataclasses import replace

from aws_cdk import aws_autoscaling as autoscaling

from .fleet_instances import FleetInstances
from .targets import Targets


def fleet_targets(group: autoscaling.AutoScalingGroup, instances: FleetInstances) -> Targets:
    """The side: whether a bare name is a release there, and the pool that a release must not come out of."""
    found = Targets.of(group, port=instances.port)
    return replace(found, named=instances.artefact is not None, warm_pool=instances.pool)
