"""The launch template versions of releases: one for each release and source, whoever makes it and however often."""

import re

import pytest
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st
from launch_templates import TEMPLATE, LaunchTemplates
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.launch_template_versions import (
    IAM_ACTIONS,
    LaunchTemplateVersions,
    ReleaseVersion,
)
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release

RELEASE = Release("1.4.2")
WITH_IMAGE = Release("1.4.2", image="ami-0123456789abcdef0")


def described(number: int, description: str = "", *, is_default: bool = False, **data: object) -> dict:
    return {
        "LaunchTemplateId": TEMPLATE,
        "VersionNumber": number,
        "VersionDescription": description,
        "DefaultVersion": is_default,
        "LaunchTemplateData": data,
    }


def tags_of(data: dict, kind: str = "instance") -> dict[str, str]:
    (found,) = (one["Tags"] for one in data["TagSpecifications"] if one["ResourceType"] == kind)
    return {tag["Key"]: tag["Value"] for tag in found}


class TestTheCalls:
    """Each against AWS's own model of it."""

    def test_a_release_that_was_never_made_is_made_from_the_latest_version(self) -> None:
        stubbed = StubbedClient("ec2")
        edges = {"LaunchTemplateId": TEMPLATE, "Versions": ["$Latest", "$Default"]}
        stubbed.answers(
            "describe_launch_template_versions",
            {"LaunchTemplateVersions": [described(5), described(4, is_default=True)]},
            edges,
        )
        tags = [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "web"}]},
        ]
        source = {"LaunchTemplateId": TEMPLATE, "Versions": ["5"]}
        stubbed.answers(
            "describe_launch_template_versions",
            {"LaunchTemplateVersions": [described(5, TagSpecifications=tags, ImageId="ami-1")]},
            source,
        )
        stubbed.answers("create_launch_template_version", {"LaunchTemplateVersion": described(6)})
        made = LaunchTemplateVersions(stubbed.client, (BotoCoreError,)).ensure(TEMPLATE, WITH_IMAGE)
        assert made == ReleaseVersion("6", 5)
        asked = stubbed.asked[-1][1]
        assert (asked["LaunchTemplateId"], asked["SourceVersion"]) == (TEMPLATE, "5")
        assert re.fullmatch(r"bluegreen 1\.4\.2 from 5 [0-9a-f]{32}", asked["VersionDescription"])
        assert re.fullmatch(r"[0-9a-f]{64}", asked["ClientToken"])
        assert asked["LaunchTemplateData"]["ImageId"] == WITH_IMAGE.image
        assert tags_of(asked["LaunchTemplateData"]) == {"Name": "web", "bluegreen:release": "1.4.2"}
        assert tags_of(asked["LaunchTemplateData"], "volume") == {"Name": "web"}
        assert set(asked["LaunchTemplateData"]) == {"ImageId", "TagSpecifications"}
        stubbed.done()

    def test_versions_since_the_last_edit_are_read_page_by_page(self) -> None:
        stubbed = StubbedClient("ec2")
        mine = f"bluegreen 1.4.2 from 5 {'0' * 32}"
        stubbed.answers("describe_launch_template_versions", {"LaunchTemplateVersions": [described(300, mine)]})
        since = {"LaunchTemplateId": TEMPLATE, "MinVersion": "5", "MaxResults": 200}
        stubbed.answers("describe_launch_template_versions", {"LaunchTemplateVersions": [], "NextToken": "more"}, since)
        rest = {"LaunchTemplateVersions": [described(300, mine)]}
        stubbed.answers("describe_launch_template_versions", rest, {**since, "NextToken": "more"})
        found = LaunchTemplateVersions(stubbed.client).find(TEMPLATE, Release("another"))
        assert found == ReleaseVersion(None, 5)
        stubbed.done()

    def test_every_call_is_declared_and_nothing_else_is(self) -> None:
        stubbed = StubbedClient("ec2")
        for _ in range(2):
            stubbed.answers("describe_launch_template_versions", {"LaunchTemplateVersions": [described(1)]})
        stubbed.answers("create_launch_template_version", {"LaunchTemplateVersion": described(2)})
        asked = {"LaunchTemplateId": TEMPLATE, "DefaultVersion": "2"}
        stubbed.answers("modify_launch_template", {}, asked)
        versions = LaunchTemplateVersions(stubbed.client)
        versions.ensure(TEMPLATE, RELEASE)
        versions.make_default(TEMPLATE, "2")
        # what a version with a parameter as its image asks for besides
        assert {*stubbed.actions, "ssm:GetParameters"} == set(IAM_ACTIONS)
        stubbed.done()

    def test_a_refusal_and_silence_are_aws_errors(self) -> None:
        stubbed = StubbedClient("ec2")
        stubbed.fails("describe_launch_template_versions", "RequestLimitExceeded")
        with pytest.raises(AwsError, match="in the words of AWS"):
            LaunchTemplateVersions(stubbed.client).find(TEMPLATE, RELEASE)
        with pytest.raises(AwsError, match="timeout"):
            LaunchTemplateVersions(SilentClient("ec2"), (BotoCoreError,)).ensure(TEMPLATE, RELEASE)
        stubbed.done()


class TestWhichVersion:
    def test_what_was_made_is_found_and_nothing_is_made_again(self) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        made = versions.ensure(TEMPLATE, RELEASE)
        versions.make_default(TEMPLATE, str(made.number))
        assert versions.ensure(TEMPLATE, RELEASE) == ReleaseVersion("2", 1, is_default=True)
        assert there.calls().count("CreateLaunchTemplateVersion") == 1

    def test_it_is_no_default_before_it_was_made_one(self) -> None:
        versions = LaunchTemplateVersions(LaunchTemplates())
        versions.ensure(TEMPLATE, RELEASE)
        assert not versions.find(TEMPLATE, RELEASE).is_default

    def test_one_that_is_the_latest_and_the_default_is_the_default_also_when_aws_answers_it_once_for_each_name(
        self,
    ) -> None:
        there = LaunchTemplates(doubles=True)
        versions = LaunchTemplateVersions(there)
        made = versions.ensure(TEMPLATE, RELEASE)
        versions.make_default(TEMPLATE, str(made.number))
        answer = there.describe_launch_template_versions(LaunchTemplateId=TEMPLATE, Versions=["$Latest", "$Default"])
        assert [one["VersionNumber"] for one in answer["LaunchTemplateVersions"]] == [2, 2]
        assert versions.find(TEMPLATE, RELEASE) == ReleaseVersion("2", 1, is_default=True)

    def test_a_default_that_is_answered_twice_is_the_default_of_no_other_release(self) -> None:
        there = LaunchTemplates(doubles=True)
        versions = LaunchTemplateVersions(there)
        versions.ensure(TEMPLATE, RELEASE)
        other = versions.ensure(TEMPLATE, Release("1.4.3"))
        versions.make_default(TEMPLATE, str(other.number))
        assert versions.find(TEMPLATE, RELEASE) == ReleaseVersion("2", 1)

    def test_other_releases_are_other_versions_and_none_keeps_anything_of_another(self) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        numbers = [versions.ensure(TEMPLATE, one).number for one in (WITH_IMAGE, RELEASE, Release("1.4.3"))]
        assert numbers == ["2", "3", "4"]
        images = [one["LaunchTemplateData"]["ImageId"] for one in there.versions]
        assert images == ["ami-00000001", WITH_IMAGE.image, "ami-00000001", "ami-00000001"]
        assert [one["SourceVersion"] for name, one in there.asked if name.startswith("Create")] == ["1", "1", "1"]

    def test_an_edit_of_the_stacks_template_is_shipped_with_the_next_release(self) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        versions.ensure(TEMPLATE, RELEASE)
        edited = there.edit(ImageId="ami-00000002", UserData="boot differently")
        assert versions.find(TEMPLATE, RELEASE) == ReleaseVersion(None, edited)
        made = versions.ensure(TEMPLATE, RELEASE)
        assert (made.source, there.versions[-1]["LaunchTemplateData"]["UserData"]) == (edited, "boot differently")

    def test_an_edit_that_came_between_looking_and_making_is_not_overlooked_later(self) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        versions.ensure(TEMPLATE, RELEASE)
        create = there.create_launch_template_version

        def late(**asked: object) -> dict:
            there.edit(ImageId="ami-00000002")
            there.create_launch_template_version = create  # type: ignore[method-assign]
            return create(**asked)

        there.create_launch_template_version = late  # type: ignore[method-assign]
        assert versions.ensure(TEMPLATE, Release("1.4.3")).source == 1
        assert versions.find(TEMPLATE, Release("1.4.3")) == ReleaseVersion(None, 3)

    def test_a_name_that_a_description_could_be_mistaken_for_is_told_apart(self) -> None:
        versions = LaunchTemplateVersions(LaunchTemplates())
        versions.ensure(TEMPLATE, Release("1.4.20"))
        assert versions.find(TEMPLATE, Release("1.4.2")).number is None

    def test_a_version_that_somebody_described_in_other_words_is_a_source(self) -> None:
        there = LaunchTemplates()
        there.versions[0]["VersionDescription"] = "bluegreen fleet, first version"
        assert LaunchTemplateVersions(there).find(TEMPLATE, RELEASE) == ReleaseVersion(None, 1)

    def test_volumes_from_snapshots_are_named_again_as_aws_leaves_them_out_otherwise(self) -> None:
        there = LaunchTemplates()
        data = {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "snap-0123456789abcdef0", "VolumeSize": 40}}
        root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}
        there.edit(BlockDeviceMappings=[root])
        versions = LaunchTemplateVersions(there)
        versions.ensure(TEMPLATE, RELEASE)
        assert "BlockDeviceMappings" not in there.asked[-1][1]["LaunchTemplateData"]
        there.edit(BlockDeviceMappings=[root, data])
        versions.ensure(TEMPLATE, RELEASE)
        assert there.asked[-1][1]["LaunchTemplateData"]["BlockDeviceMappings"] == [root, data]

    def test_the_tag_of_a_release_takes_the_place_of_the_templates_first_one(self) -> None:
        there = LaunchTemplates()
        first = [{"Key": "bluegreen:side", "Value": "blue"}, {"Key": "bluegreen:release", "Value": "first"}]
        there.edit(TagSpecifications=[{"ResourceType": "instance", "Tags": first}])
        LaunchTemplateVersions(there).ensure(TEMPLATE, RELEASE)
        made = there.versions[-1]["LaunchTemplateData"]
        assert tags_of(made) == {"bluegreen:side": "blue", "bluegreen:release": "1.4.2"}

    def test_disks_and_whatever_else_says_its_release_say_the_new_one(self) -> None:
        there = LaunchTemplates()
        first = [{"Key": "Name", "Value": "web"}, {"Key": "bluegreen:release", "Value": "1.0.0"}]
        kinds = ("volume", "instance", "network-interface")
        there.edit(TagSpecifications=[{"ResourceType": kind, "Tags": first} for kind in kinds])
        LaunchTemplateVersions(there).ensure(TEMPLATE, Release("2.7"))
        made = there.versions[-1]["LaunchTemplateData"]
        for kind in kinds:
            assert tags_of(made, kind) == {"Name": "web", "bluegreen:release": "2.7"}

    def test_what_does_not_say_its_release_keeps_its_tags_as_they_are(self) -> None:
        there = LaunchTemplates()
        volume = {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "web"}]}
        there.edit(TagSpecifications=[volume])
        LaunchTemplateVersions(there).ensure(TEMPLATE, RELEASE)
        instance = {"ResourceType": "instance", "Tags": [{"Key": "bluegreen:release", "Value": "1.4.2"}]}
        assert there.versions[-1]["LaunchTemplateData"]["TagSpecifications"] == [volume, instance]


class TestWhoeverMakesIt:
    def test_a_worker_that_does_not_see_it_yet_gets_the_same_version(self) -> None:
        there = LaunchTemplates(hidden={2})
        versions = LaunchTemplateVersions(there)
        assert [versions.ensure(TEMPLATE, RELEASE).number for _ in range(2)] == ["2", "2"]
        assert len(there.versions) == 2

    def test_of_twins_everybody_takes_the_first_one(self) -> None:
        there = LaunchTemplates(forgets_tokens=True, hidden={2, 3})
        versions = LaunchTemplateVersions(there)
        assert [versions.ensure(TEMPLATE, RELEASE).number for _ in range(2)] == ["2", "3"]
        there.hidden.clear()
        assert [versions.ensure(TEMPLATE, RELEASE).number for _ in range(2)] == ["2", "2"]

    def test_a_time_out_with_effect_leaves_a_version_that_is_found(self) -> None:
        there = LaunchTemplates()
        create = there.create_launch_template_version

        def lost(**asked: object) -> dict:
            create(**asked)
            there.create_launch_template_version = create  # type: ignore[method-assign]
            return SilentClient("ec2").call()

        there.create_launch_template_version = lost  # type: ignore[method-assign]
        versions = LaunchTemplateVersions(there, (BotoCoreError,))
        with pytest.raises(AwsError, match="timeout"):
            versions.ensure(TEMPLATE, RELEASE)
        assert versions.ensure(TEMPLATE, RELEASE) == ReleaseVersion("2", 1)

    def test_a_source_that_is_gone_is_an_error_in_awss_words(self) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        versions.ensure(TEMPLATE, RELEASE)
        del there.versions[0]
        there.default = 2
        with pytest.raises(AwsError, match="VersionNotFound"):
            versions.ensure(TEMPLATE, Release("1.4.3"))

    @given(st.lists(st.one_of(st.just("edit"), st.sampled_from(["1.4.2", "1.4.3", "sha256:" + "0" * 64])), max_size=12))
    def test_in_any_order_a_release_is_made_of_the_last_edit_and_once_for_each(self, story: list[str]) -> None:
        there = LaunchTemplates()
        versions = LaunchTemplateVersions(there)
        wanted: dict[tuple[str, int], str] = {}
        edited = 1
        for what in story:
            if what == "edit":
                edited = there.edit(UserData=f"edit {len(there.versions)}")
                continue
            made = versions.ensure(TEMPLATE, Release(what))
            assert made.source == edited
            assert made.number == wanted.setdefault((what, edited), str(made.number))
            data = there.versions[int(str(made.number)) - 1]["LaunchTemplateData"]
            assert data["UserData"] == there.versions[edited - 1]["LaunchTemplateData"]["UserData"]
            assert tags_of(data) == {"bluegreen:release": what}
        assert len(set(wanted.values())) == len(wanted)


class TestInWords:
    def test_a_version_that_was_made_is_named_with_its_release(self) -> None:
        versions = LaunchTemplateVersions(LaunchTemplates())
        versions.ensure(TEMPLATE, RELEASE)
        assert versions.in_words(TEMPLATE, {"1", "2"}) == ["1", "2 (1.4.2)"]

    def test_a_name_is_no_reason_to_fail(self) -> None:
        assert LaunchTemplateVersions(LaunchTemplates()).in_words(TEMPLATE, {"1", "9"}) == ["1", "9"]
        silent = LaunchTemplateVersions(SilentClient("ec2"), (BotoCoreError,))
        assert silent.in_words(TEMPLATE, {"$Latest"}) == ["$Latest"]
