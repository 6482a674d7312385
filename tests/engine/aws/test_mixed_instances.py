"""A mixed instances policy on a side: its launch template is what a release changes, all else is handed back."""

import pytest
from launch_templates import TEMPLATE
from scaling_groups import RELEASE, SIDE, group, instance, there_is
from stubbed_client import StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.errors import ConfigurationError

POLICY = {
    "LaunchTemplate": {"Overrides": [{"InstanceType": "g5.xlarge"}, {"InstanceType": "g6.xlarge"}]},
    "InstancesDistribution": {"OnDemandBaseCapacity": 1, "SpotAllocationStrategy": "capacity-optimized"},
}


def test_its_version_is_exchanged_and_all_else_stays(stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
    there_is(stubbed, group(desired=0, least=0, version="6", policy=POLICY))
    launched = {
        **POLICY["LaunchTemplate"],
        "LaunchTemplateSpecification": {"LaunchTemplateId": TEMPLATE, "Version": "7"},
    }
    asked = {
        "AutoScalingGroupName": "web-green",
        "MixedInstancesPolicy": {**POLICY, "LaunchTemplate": launched},
        "MinSize": 0,
        "DesiredCapacity": 4,
    }
    stubbed.answers("update_auto_scaling_group", {}, asked)
    fleet.deploy(SIDE, RELEASE, 4)


def test_the_version_of_the_policy_is_the_groups(stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
    there_is(stubbed, group(instance(), instance(), policy=POLICY))
    seen = fleet.seen(SIDE, RELEASE)
    assert (seen.is_settled, seen.version) == (True, "7")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-other", "Version": "1"}},
            "a type has a launch template or an image of its own",
        ),
        ({"ImageId": "ami-0123456789abcdef0"}, "a type has a launch template or an image of its own"),
        ({"WeightedCapacity": "2"}, "counts its capacity in weights or vCPUs"),
    ],
)
def test_types_that_no_release_reaches_are_refused(
    stubbed: StubbedClient, fleet: AutoScalingFleet, more: dict, sentence: str
) -> None:
    policy = {"LaunchTemplate": {"Overrides": [{"InstanceType": "g5.xlarge", **more}]}}
    there_is(stubbed, group(policy=policy))
    with pytest.raises(ConfigurationError, match=f"web-green .*{sentence}"):
        fleet.deploy(SIDE, RELEASE, 4)


def test_a_capacity_that_is_no_number_of_instances_is_refused(stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
    there_is(stubbed, {**group(policy=POLICY), "DesiredCapacityType": "vcpu"})
    with pytest.raises(ConfigurationError, match="leave WeightedCapacity and DesiredCapacityType out"):
        fleet.deploy(SIDE, RELEASE, 4)
