"""Which launch template an Auto Scaling group launches, alone or in a mixed instances policy."""

from collections.abc import Mapping

from ..errors import ConfigurationError
from .client_calls import entries, entry


def specification_of(group: Mapping[str, object]) -> Mapping[str, object]:
    """The group's launch template and its version as AWS describes them; empty for a launch configuration."""
    return entry(group, "LaunchTemplate") or entry(_of_policy(group), "LaunchTemplateSpecification")


def version_of(owner: Mapping[str, object]) -> str:
    """The version of the launch template that a group or an instance has."""
    return str(specification_of(owner).get("Version", ""))


def with_version(group: Mapping[str, object], version: str) -> dict[str, object]:
    """What UpdateAutoScalingGroup is given for this version; a policy whole, with its types and shares as they are.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_MixedInstancesPolicy.html
    """
    chosen = {"LaunchTemplateId": specification_of(group)["LaunchTemplateId"], "Version": version}
    if entry(group, "LaunchTemplate"):
        return {"LaunchTemplate": chosen}
    launched = {**_of_policy(group), "LaunchTemplateSpecification": chosen}
    return {"MixedInstancesPolicy": {**entry(group, "MixedInstancesPolicy"), "LaunchTemplate": launched}}


def require_releasable(name: str, group: Mapping[str, object]) -> None:
    """Raise ConfigurationError for a group on which no release can be put as one launch template version."""
    if not specification_of(group):
        raise ConfigurationError(
            f"Auto Scaling group {name} has no launch template of its own (it has a launch configuration): give it one"
        )
    overrides = entries(_of_policy(group), "Overrides")
    if any(entry(one, "LaunchTemplateSpecification") or one.get("ImageId") for one in overrides):
        raise ConfigurationError(
            f"Auto Scaling group {name} has a mixed instances policy in which a type has a launch template or an image "
            "of its own, which no release reaches: leave them out of the overrides"
        )
    is_weighted = any(one.get("WeightedCapacity") for one in overrides)
    if is_weighted or group.get("DesiredCapacityType") not in {None, "", "units"}:
        raise ConfigurationError(
            f"Auto Scaling group {name} counts its capacity in weights or vCPUs, and a side has as many instances as "
            "the other one: leave WeightedCapacity and DesiredCapacityType out"
        )


def _of_policy(group: Mapping[str, object]) -> Mapping[str, object]:
    return entry(entry(group, "MixedInstancesPolicy"), "LaunchTemplate")
