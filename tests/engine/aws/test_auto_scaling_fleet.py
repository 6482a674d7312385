"""An Auto Scaling side: emptied of another version before it is filled, in calls that can be repeated."""

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from launch_templates import TEMPLATE
from scaling_groups import (
    RELEASE,
    SIDE,
    ScalingGroup,
    Templates,
    group,
    instance,
    latest_activity,
    there_is,
)
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import IAM_ACTIONS, AutoScalingFleet
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.release import Release


class TestSeen:
    def test_a_group_at_rest_is_settled_in_one_call(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance(), instance()))
        seen = fleet.seen(SIDE, RELEASE)
        assert (seen.desired, seen.minimum, seen.is_settled, seen.release, seen.trouble) == (2, 1, True, "7", "")
        assert seen.version == "7"

    @pytest.mark.parametrize(
        "instances",
        [
            [instance()],
            [instance(), instance(), instance()],
            [instance(), instance(state="Pending")],
            [instance(), instance(health="Unhealthy")],
            [instance(), instance(), instance(state="Terminating:Wait")],
            [instance(), instance("6")],
        ],
    )
    def test_one_in_motion_is_not_settled(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet, instances: list
    ) -> None:
        there_is(stubbed, group(*instances))
        latest_activity(stubbed, "InProgress")
        seen = fleet.seen(SIDE, RELEASE)
        assert (seen.is_settled, seen.trouble) == (False, "")

    def test_an_empty_group_that_would_launch_another_version_is_not_settled(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(desired=0, version="$Latest"))
        latest_activity(stubbed, "Successful")
        assert not fleet.seen(SIDE, RELEASE).is_settled

    def test_without_a_release_any_version_will_do_and_all_are_named(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance("6"), instance("7")))
        seen = fleet.seen(SIDE)
        assert (seen.is_settled, seen.release, seen.version) == (True, "6, 7", "")

    def test_an_empty_group_says_what_it_would_launch(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(desired=0))
        assert fleet.seen(SIDE).release == "7"

    def test_an_activity_that_failed_is_the_trouble(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        message = "We currently do not have sufficient g5.xlarge capacity. Launching EC2 instance failed."
        there_is(stubbed, group(instance()))
        latest_activity(stubbed, "Failed", message)
        assert fleet.seen(SIDE, RELEASE).trouble == message

    def test_a_group_without_activities_has_no_trouble(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group())
        stubbed.answers("describe_scaling_activities", {"Activities": []})
        assert fleet.seen(SIDE, RELEASE).trouble == ""

    def test_a_group_that_is_gone_is_an_error(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        stubbed.answers("describe_auto_scaling_groups", {"AutoScalingGroups": []})
        with pytest.raises(AwsError, match="Auto Scaling group web-green is not there"):
            fleet.seen(SIDE)


class TestDeploy:
    @staticmethod
    def asked(*, least: int, desired: int) -> dict:
        return {
            "AutoScalingGroupName": "web-green",
            "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": "7"},
            "MinSize": least,
            "DesiredCapacity": desired,
        }

    @pytest.mark.parametrize("state", ["InService", "Pending", "Standby"])
    def test_a_group_with_instances_of_another_version_is_emptied_first(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet, state: str
    ) -> None:
        there_is(stubbed, group(instance("6", state), instance("7"), version="6"))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=0, desired=0))
        fleet.deploy(SIDE, RELEASE, 4)

    def test_one_that_is_being_emptied_is_left_alone(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance("6"), desired=0, least=0))
        fleet.deploy(SIDE, RELEASE, 4)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]

    def test_one_whose_instances_of_another_version_are_leaving_is_filled(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance("6", "Terminating"), desired=0, least=0))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=0, desired=4))
        fleet.deploy(SIDE, RELEASE, 4)

    def test_an_empty_one_gets_the_version_and_the_number_in_one_call(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(desired=0, least=0, version="$Latest"))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=0, desired=4))
        fleet.deploy(SIDE, RELEASE, 4)

    def test_the_version_is_the_templates_default_before_it_is_the_groups(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
    ) -> None:
        there_is(stubbed, group(desired=0, least=0, version="6"))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=0, desired=4))
        fleet.deploy(SIDE, RELEASE, 4)
        asked = {"LaunchTemplateId": TEMPLATE, "DefaultVersion": "7"}
        assert templates.asked == [("ModifyLaunchTemplate", asked)]
        assert templates.actions_before == ["autoscaling:DescribeAutoScalingGroups"]

    def test_a_version_that_cannot_be_the_default_does_not_become_the_groups(self, stubbed: StubbedClient) -> None:
        words = {"Error": {"Code": "InvalidLaunchTemplateId.VersionNotFound", "Message": "no version 7"}}
        refusing = Templates(stubbed, ClientError(words, "ModifyLaunchTemplate"))
        there_is(stubbed, group(desired=0, least=0, version="6"))
        with pytest.raises(AwsError, match="no version 7"):
            AutoScalingFleet(stubbed.client, refusing, (BotoCoreError,)).deploy(SIDE, RELEASE, 4)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]

    def test_the_lower_bound_gives_way_to_a_smaller_number_and_stays_otherwise(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance(), instance(), desired=2, least=2))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=1, desired=1))
        fleet.deploy(SIDE, RELEASE, 1)
        there_is(stubbed, group(instance(), instance(), desired=2, least=2))
        stubbed.answers("update_auto_scaling_group", {}, self.asked(least=2, desired=4))
        fleet.deploy(SIDE, RELEASE, 4)

    def test_a_group_that_is_as_wanted_needs_no_write(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance(), instance()))
        fleet.deploy(SIDE, RELEASE, 2)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]

    def test_repeated_calls_end_with_the_release_alone_wherever_they_began(self) -> None:
        world = ScalingGroup([instance("5"), instance("6"), instance("7")], version="5", least=3)
        fleet = AutoScalingFleet(world, Templates())
        for _ in range(6):  # as a rollout does while it prepares
            fleet.deploy(SIDE, RELEASE, 4)
            fleet.scale(SIDE, None, 4)
            world.moves_on()
        assert fleet.seen(SIDE, RELEASE).is_settled
        assert [one["LaunchTemplate"]["Version"] for one in world.instances] == ["7"] * 4
        assert world.versions_at_once == {("5", "6", "7"), (), ("7",)}

    def test_a_group_without_a_launch_template_of_its_own_is_refused(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(version=None))
        with pytest.raises(ConfigurationError, match="web-green has no launch template of its own"):
            fleet.deploy(SIDE, RELEASE, 2)

    def test_a_release_without_a_version_is_refused_before_any_call(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        with pytest.raises(ConfigurationError, match=r"release 1\.4\.2 names no launch template version"):
            fleet.deploy(SIDE, Release("1.4.2"), 2)
        assert stubbed.actions == []


class TestScale:
    def test_number_and_lower_bound_are_one_call(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        asked = {"AutoScalingGroupName": "web-green", "MinSize": 0, "DesiredCapacity": 0}
        stubbed.answers("update_auto_scaling_group", {}, asked)
        fleet.scale(SIDE, 0, 0)

    def test_what_is_none_is_left_alone(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        stubbed.answers("update_auto_scaling_group", {}, {"AutoScalingGroupName": "web-green", "DesiredCapacity": 3})
        fleet.scale(SIDE, 3, None)
        there_is(stubbed, group(instance(), instance()))
        stubbed.answers("update_auto_scaling_group", {}, {"AutoScalingGroupName": "web-green", "MinSize": 3})
        fleet.scale(SIDE, None, 3)
        stubbed.answers("update_auto_scaling_group", {}, {"AutoScalingGroupName": "web-green", "MinSize": 0})
        fleet.scale(SIDE, None, 0)
        fleet.scale(SIDE, None, None)

    def test_a_lower_bound_alone_does_not_fill_a_group_that_is_being_emptied(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance("6"), desired=0, least=0))
        fleet.scale(SIDE, None, 4)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]

    def test_a_lower_bound_that_holds_already_needs_no_write(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance(), instance(), least=2))
        fleet.scale(SIDE, None, 2)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]


def test_a_refusal_and_silence_are_aws_errors(stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
    stubbed.fails("update_auto_scaling_group", "ValidationError")
    with pytest.raises(AwsError, match="in the words of AWS"):
        fleet.scale(SIDE, 99, None)
    with pytest.raises(AwsError, match="timeout"):
        AutoScalingFleet(SilentClient("autoscaling"), SilentClient("ec2"), (BotoCoreError,)).seen(SIDE)


def test_every_call_is_declared_and_nothing_else_is(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    there_is(stubbed, group())
    latest_activity(stubbed, "Successful")
    fleet.seen(SIDE, RELEASE)
    there_is(stubbed, group(instance("6")))
    stubbed.answers("update_auto_scaling_group")
    fleet.deploy(SIDE, RELEASE, 2)
    assert len(templates.asked) == 1
    stubbed.answers("update_auto_scaling_group")
    fleet.scale(SIDE, 1, 1)
    # what a change of the launch template asks for besides
    beside = {"ec2:CreateTags", "ec2:RunInstances", "iam:PassRole"}
    assert {*stubbed.actions, *beside} == set(IAM_ACTIONS)
