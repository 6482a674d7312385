"""The engine's own adapter on the emulator: releases whose launch template version it makes, and what is recorded."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from botocore.exceptions import BotoCoreError, ClientError

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings
from bluegreen_constructs.engine.warm_pool import WarmPool
from bluegreen_constructs.rehearsal.emulator.process import EmulatorProcess

pytestmark = pytest.mark.emulator

TASKS = """
[containers.App]
command = ["python3", "-c", "import time; time.sleep(600)"]
"""
POOL = WarmPool(minimum=1, most_prepared=4, reuse=True)


def template() -> str:
    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Fleet", synthesizer=cdk.LegacyStackSynthesizer())
    vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=0)
    launched = ec2.LaunchTemplate(
        stack,
        "Template",
        launch_template_name="web",
        machine_image=ec2.MachineImage.generic_linux({"us-east-1": "ami-12345678"}),
        instance_type=ec2.InstanceType("m7i.large"),
        user_data=ec2.UserData.for_linux(),
    )
    cdk.Tags.of(launched).add("bluegreen:release", "first")
    cdk.Tags.of(launched).add("Name", "web")
    group = autoscaling.AutoScalingGroup(
        stack,
        "Group",
        auto_scaling_group_name="web",
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
        mixed_instances_policy=autoscaling.MixedInstancesPolicy(
            launch_template=launched,
            launch_template_overrides=[
                autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType("m6i.large")),
                autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType("m7i.large")),
            ],
            instances_distribution=autoscaling.InstancesDistribution(on_demand_base_capacity=1),
        ),
        min_capacity=0,
        max_capacity=4,
    )
    autoscaling.CfnWarmPool(
        stack, "Pool", auto_scaling_group_name=group.auto_scaling_group_name, min_size=1, pool_state="Stopped"
    )
    return json.dumps(app.synth().get_stack_by_name("Fleet").template)


class Account:
    """The emulator's account with the fleet in it, and the engine's adapter."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        clients: list[Any] = [
            boto3.client(name, endpoint_url=emulator.endpoint, **keys)
            for name in ("autoscaling", "ec2", "cloudformation")
        ]
        self.scaling, self.ec2, self.cfn = clients
        self.cfn.create_stack(StackName="fleet", TemplateBody=template(), Capabilities=["CAPABILITY_IAM"])
        self.wait(lambda: self.stack() != "CREATE_IN_PROGRESS")
        assert self.stack() == "CREATE_COMPLETE", emulator.log.read_text()[-3000:]
        self.fleet = AutoScalingFleet(self.scaling, self.ec2, (BotoCoreError,))
        self.side = SideSettings(
            "arn", "name", Compute.AUTO_SCALING, auto_scaling_group="web", named=True, warm_pool=POOL
        )

    def stack(self) -> str:
        return str(self.cfn.describe_stacks(StackName="fleet")["Stacks"][0]["StackStatus"])

    def group(self) -> dict[str, Any]:
        return dict(self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0])

    def wait(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not seen():
            assert time.monotonic() < deadline, self.emulator.log.read_text()[-3000:]
            time.sleep(0.1)

    def ship(self, release: Release) -> None:
        """What a rollout does while it prepares."""

        def is_there() -> bool:
            self.fleet.deploy(self.side, release, 2)
            return self.fleet.seen(self.side, release).is_settled

        self.wait(is_there)

    def tags(self) -> set[str]:
        """The release that the tag of each running instance names."""
        states = [{"Name": "instance-state-name", "Values": ["running"]}]
        found = self.ec2.describe_instances(Filters=states)["Reservations"]
        tags = [one["Tags"] for reservation in found for one in reservation["Instances"]]
        return {tag["Value"] for of_one in tags for tag in of_one if tag["Key"] == "bluegreen:release"}

    def described(self, **wanted: object) -> list[dict[str, Any]]:
        answer = self.ec2.describe_launch_template_versions(LaunchTemplateName="web", **wanted)
        return list(answer["LaunchTemplateVersions"])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "tasks.toml").write_text(TASKS)
    with EmulatorProcess(folder / "emulator", tasks_file=folder / "tasks.toml", speed=120.0) as emulator:
        yield Account(emulator)


def test_a_mixed_policy_is_shown_as_the_stack_made_it(account: Account) -> None:
    group = account.group()
    policy = group["MixedInstancesPolicy"]
    assert "LaunchTemplate" not in group
    types = [one["InstanceType"] for one in policy["LaunchTemplate"]["Overrides"]]
    assert (types, policy["InstancesDistribution"]["OnDemandBaseCapacity"]) == (["m6i.large", "m7i.large"], 1)


def test_a_warm_pool_is_recorded_and_holds_nothing(account: Account) -> None:
    pool = account.scaling.describe_warm_pool(AutoScalingGroupName="web")
    assert pool["WarmPoolConfiguration"] == {
        "MinSize": 1,
        "PoolState": "Stopped",
        "InstanceReusePolicy": {"ReuseOnScaleIn": False},
    }
    assert pool["Instances"] == []
    assert account.group()["WarmPoolSize"] == 0


def test_releases_by_name_run_one_after_the_other_and_each_is_one_version(account: Account) -> None:
    account.ship(Release("1.4.2"))
    assert account.tags() == {"1.4.2"}
    account.ship(Release("1.4.3", image="ami-0123456789abcdef0"))
    assert account.tags() == {"1.4.3"}
    account.ship(Release("1.4.2"))
    assert account.tags() == {"1.4.2"}
    made = [one for one in account.described() if one.get("VersionDescription", "").startswith("bluegreen ")]
    assert [one["VersionDescription"].split()[1:4] for one in made] == [["1.4.3", "from", "1"], ["1.4.2", "from", "1"]]
    (latest, first) = (one["LaunchTemplateData"] for one in made)
    assert (latest["ImageId"], first["ImageId"]) == ("ami-0123456789abcdef0", "ami-12345678")
    assert "UserData" in latest
    for data, release in ((latest, "1.4.3"), (first, "1.4.2")):
        of = {
            one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in data["TagSpecifications"]
        }
        assert of["instance"] == {"Name": "web", "bluegreen:release": release}
        assert of["volume"]["bluegreen:release"] == release
    (default,) = account.described(Versions=["$Default"])
    assert default["VersionDescription"].startswith("bluegreen 1.4.2 ")
    group = account.group()
    assert len(group["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]) == 2
    assert group["WarmPoolConfiguration"]["MaxGroupPreparedCapacity"] == 4


class TestWhatAwsRefuses:
    def test_a_version_that_is_not_there(self, account: Account) -> None:
        with pytest.raises(ClientError, match="VersionNotFound"):
            account.described(Versions=["900"])
        with pytest.raises(ClientError, match="VersionNotFound"):
            account.ec2.create_launch_template_version(
                LaunchTemplateName="web", SourceVersion="900", LaunchTemplateData={"ImageId": "ami-1"}
            )

    def test_a_token_for_another_request_and_the_same_one_makes_nothing(self, account: Account) -> None:
        def make(image: str) -> int:
            answer = account.ec2.create_launch_template_version(
                LaunchTemplateName="web", SourceVersion="1", ClientToken="t", LaunchTemplateData={"ImageId": image}
            )
            return int(answer["LaunchTemplateVersion"]["VersionNumber"])

        assert make("ami-1") == make("ami-1")
        with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
            make("ami-2")

    def test_the_deletion_of_a_pool_that_is_gone(self, account: Account) -> None:
        account.scaling.delete_warm_pool(AutoScalingGroupName="web", ForceDelete=True)
        assert "WarmPoolConfiguration" not in account.scaling.describe_warm_pool(AutoScalingGroupName="web")
        with pytest.raises(ClientError, match="No warm pool found"):
            account.scaling.delete_warm_pool(AutoScalingGroupName="web", ForceDelete=True)

    def test_a_group_that_is_not_there_has_no_pool(self, account: Account) -> None:
        with pytest.raises(ClientError, match="not found - none"):
            account.scaling.describe_warm_pool(AutoScalingGroupName="none")


def test_versions_come_in_ranges_and_pages_the_newest_first(account: Account) -> None:
    numbers = [one["VersionNumber"] for one in account.described()]
    assert numbers == sorted(numbers, reverse=True)
    assert [one["VersionNumber"] for one in account.described(MinVersion="2", MaxVersion="3")] == [3, 2]
    first = account.ec2.describe_launch_template_versions(LaunchTemplateName="web", MaxResults=1)
    token = first["NextToken"]
    second = account.ec2.describe_launch_template_versions(LaunchTemplateName="web", MaxResults=1, NextToken=token)
    shown = [answer["LaunchTemplateVersions"][0]["VersionNumber"] for answer in (first, second)]
    assert shown == numbers[:2]
