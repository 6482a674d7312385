"""An Auto Scaling side: emptied of another version before it is filled, in calls that can be repeated."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import IAM_ACTIONS, AutoScalingFleet, version_of
from bluegreen_constructs.engine.errors import AwsError, ConfigurationError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings

SIDE = SideSettings("arn:green", "targetgroup/green/2", Compute.AUTO_SCALING, auto_scaling_group="web-green")
TEMPLATE = "lt-0123456789abcdef0"
RELEASE = Release("1.4.2", version="7")


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("autoscaling")
    yield stubbed
    stubbed.done()


class Templates:
    """The call of an `ec2` client, noted in the order of the group's calls."""

    def __init__(self, group: StubbedClient | None = None, refuses: Exception | None = None) -> None:
        self.exceptions = SilentClient("ec2").exceptions
        self.group, self.refuses = group, refuses
        self.asked: list[dict] = []
        self.actions_before: list[str] = []

    def modify_launch_template(self, **asked: object) -> dict:
        self.asked.append(asked)
        self.actions_before = list(self.group.actions) if self.group else []
        if self.refuses:
            raise self.refuses
        return {}


@pytest.fixture
def templates(stubbed: StubbedClient) -> Templates:
    return Templates(stubbed)


@pytest.fixture
def fleet(stubbed: StubbedClient, templates: Templates) -> AutoScalingFleet:
    return AutoScalingFleet(stubbed.client, templates, (BotoCoreError,))


def instance(version: str = "7", state: str = "InService", health: str = "Healthy") -> dict:
    return {
        "InstanceId": "i-1",
        "AvailabilityZone": "us-east-1a",
        "LifecycleState": state,
        "HealthStatus": health,
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": version},
        "ProtectedFromScaleIn": False,
    }


def group(*instances: dict, desired: int = 2, least: int = 1, version: str | None = "7") -> dict:
    known = {
        "AutoScalingGroupName": "web-green",
        "MinSize": least,
        "MaxSize": 10,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": "2026-11-21T12:00:00Z",
        "Instances": list(instances),
    }
    template = {"LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "Version": version}
    return {**known, **({"LaunchTemplate": template} if version else {})}


def there_is(stubbed: StubbedClient, described: dict) -> None:
    asked = {"AutoScalingGroupNames": ["web-green"]}
    stubbed.answers("describe_auto_scaling_groups", {"AutoScalingGroups": [described]}, asked)


def latest_activity(stubbed: StubbedClient, status: str, message: str = "") -> None:
    activity = {
        "ActivityId": "a",
        "AutoScalingGroupName": "web-green",
        "Cause": "c",
        "StartTime": "2026-11-21T12:00:00Z",
        "StatusCode": status,
        **({"StatusMessage": message} if message else {}),
    }
    asked = {"AutoScalingGroupName": "web-green", "MaxRecords": 1}
    stubbed.answers("describe_scaling_activities", {"Activities": [activity]}, asked)


class TestSeen:
    def test_a_group_at_rest_is_settled_in_one_call(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance(), instance()))
        seen = fleet.seen(SIDE, RELEASE)
        assert (seen.desired, seen.minimum, seen.is_settled, seen.release, seen.trouble) == (2, 1, True, "7", "")

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
        assert (seen.is_settled, seen.release) == (True, "6, 7")

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
        assert templates.asked == [{"LaunchTemplateId": TEMPLATE, "DefaultVersion": "7"}]
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
        world = Group([instance("5"), instance("6"), instance("7")], version="5", least=3)
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
        with pytest.raises(ConfigurationError, match=r"release 1\.4\.2 has no launch template version"):
            fleet.deploy(SIDE, Release("1.4.2"), 2)
        assert stubbed.actions == []


class Group:
    """A group that does at `moves_on` what was asked of it, through the interface of a boto3 client."""

    def __init__(self, instances: list[dict], *, version: str, least: int) -> None:
        self.exceptions = SilentClient("autoscaling").exceptions
        self.instances = instances
        self.version, self.least, self.desired = version, least, len(instances)
        self.versions_at_once: set[tuple[str, ...]] = set()

    def describe_auto_scaling_groups(self, **_: object) -> dict:
        self.versions_at_once.add(tuple(sorted({one["LaunchTemplate"]["Version"] for one in self.instances})))
        described = group(*self.instances, desired=self.desired, least=self.least, version=self.version)
        return {"AutoScalingGroups": [described]}

    def describe_scaling_activities(self, **_: object) -> dict:
        return {"Activities": []}

    def update_auto_scaling_group(self, **asked: object) -> dict:
        self.least = asked.get("MinSize", self.least)
        # "If you specify a new value for MinSize without specifying a value for DesiredCapacity, and the new MinSize is
        # larger than the current size of the group, this sets the group's DesiredCapacity to the new MinSize value."
        self.desired = asked.get("DesiredCapacity", max(self.desired, self.least))
        assert self.least <= self.desired  # AWS refuses the rest
        self.version = asked.get("LaunchTemplate", {}).get("Version", self.version)
        return {}

    def moves_on(self) -> None:
        del self.instances[self.desired :]
        while len(self.instances) < self.desired:
            self.instances.append(instance(self.version))


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


def test_a_number_as_the_releases_name_is_its_version() -> None:
    assert (version_of(Release("12")), version_of(RELEASE)) == ("12", "7")


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
    beside = {"ec2:CreateTags", "ec2:ModifyLaunchTemplate", "ec2:RunInstances", "iam:PassRole"}
    assert {*stubbed.actions, *beside} == set(IAM_ACTIONS)
