"""Releases of an Auto Scaling side for which the engine makes the launch template version."""

import pytest
from botocore.exceptions import BotoCoreError
from launch_templates import TEMPLATE
from scaling_groups import NAMED, SIDE, Faulty, ScalingGroup, Templates, group, instance, latest_activity, there_is
from stubbed_client import StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.aws.launch_template_versions import LaunchTemplateVersions
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import SideSettings

WITH_IMAGE = Release("1.4.2", image="ami-0123456789abcdef0")


@pytest.mark.parametrize(("side", "release"), [(NAMED, Release("1.4.2")), (SIDE, WITH_IMAGE)])
def test_a_release_is_made_then_the_default_then_the_groups(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates, side: SideSettings, release: Release
) -> None:
    there_is(stubbed, group(desired=0, least=0, version="6"))
    wanted = {
        "AutoScalingGroupName": "web-green",
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": "8"},
        "MinSize": 0,
        "DesiredCapacity": 4,
    }
    stubbed.answers("update_auto_scaling_group", {}, wanted)
    fleet.deploy(side, release, 4)
    writes = [name for name in templates.calls() if not name.startswith("Describe")]
    assert writes == ["CreateLaunchTemplateVersion", "ModifyLaunchTemplate"]
    assert templates.number_of("bluegreen 1.4.2 from 7 ") == ["8"]
    assert templates.default == 8


def test_a_number_is_a_name_too_where_names_are_releases(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    there_is(stubbed, group(desired=0, least=0, version="6"))
    stubbed.answers("update_auto_scaling_group", {})
    fleet.deploy(NAMED, Release("3"), 4)
    assert templates.default == 8


def test_a_group_that_has_it_is_settled_and_says_its_name(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    versions = LaunchTemplateVersions(templates)
    versions.ensure(TEMPLATE, Release("1.4.2"))
    there_is(stubbed, group(instance("8"), instance("8"), version="8"))
    seen = fleet.seen(NAMED, Release("1.4.2"))
    assert (seen.is_settled, seen.release, seen.version) == (True, "8 (1.4.2)", "8")


def test_a_live_group_says_the_name_of_what_it_runs(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    LaunchTemplateVersions(templates).ensure(TEMPLATE, Release("1.4.2"))
    there_is(stubbed, group(instance("7"), instance("8"), version="8"))
    assert fleet.seen(NAMED).release == "7, 8 (1.4.2)"


def test_another_release_than_the_one_that_was_made_is_not_settled(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    LaunchTemplateVersions(templates).ensure(TEMPLATE, Release("1.4.2"))
    there_is(stubbed, group(instance("8"), instance("8"), version="8"))
    latest_activity(stubbed, "Successful")
    assert not fleet.seen(NAMED, Release("1.4.3")).is_settled


def test_a_release_from_before_an_edit_of_the_template_is_not_settled(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    LaunchTemplateVersions(templates).ensure(TEMPLATE, Release("1.4.2"))
    templates.edit(UserData="other")
    there_is(stubbed, group(instance("8"), instance("8"), version="8"))
    latest_activity(stubbed, "Successful")
    assert not fleet.seen(NAMED, Release("1.4.2")).is_settled


def test_a_default_that_a_twin_has_taken_is_taken_back(
    stubbed: StubbedClient, fleet: AutoScalingFleet, templates: Templates
) -> None:
    LaunchTemplateVersions(templates).ensure(TEMPLATE, Release("1.4.2"))
    there_is(stubbed, group(instance("8"), instance("8"), version="8"))
    fleet.deploy(NAMED, Release("1.4.2"), 2)
    assert templates.default == 8


def test_two_workers_whose_twins_meet_end_with_one_version() -> None:
    templates = Templates()
    templates.forgets_tokens, templates.hidden = True, {8, 9}
    world = ScalingGroup([instance("6")], version="6", least=1)
    fleet = AutoScalingFleet(world, templates)
    for _ in range(2):
        fleet.deploy(NAMED, Release("1.4.2"), 3)
        world.moves_on()
    templates.hidden = set()
    for _ in range(6):
        fleet.deploy(NAMED, Release("1.4.2"), 3)
        world.moves_on()
    assert fleet.seen(NAMED, Release("1.4.2")).is_settled
    assert {one["LaunchTemplate"]["Version"] for one in world.instances} == {"8"}
    assert (world.version, templates.default) == ("8", 8)


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("has_effect", [False, True])
def test_a_fault_at_any_call_leaves_one_version_that_the_group_has(number: int, has_effect: bool) -> None:
    templates, world = Templates(), ScalingGroup([instance("6")], version="6", least=1)
    calls = Faulty(number, has_effect=has_effect)
    fleet = AutoScalingFleet(calls.around(world), calls.around(templates), (BotoCoreError,))
    for _ in range(6):
        try:
            fleet.deploy(NAMED, Release("1.4.2"), 3)
        except AwsError:
            assert calls.left < 0
        world.moves_on()
    assert fleet.seen(NAMED, Release("1.4.2")).is_settled
    assert templates.number_of("bluegreen 1.4.2 ") == ["8"]
    assert templates.default == 8
