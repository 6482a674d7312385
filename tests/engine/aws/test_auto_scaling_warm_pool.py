"""A warm pool beside an Auto Scaling side: no release ever comes into service out of the pool of another one."""

from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st
from scaling_groups import NAMED, RELEASE, SIDE, Faulty, ScalingGroup, Templates, group, instance, there_is
from stubbed_client import StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.warm_pool import WarmPool

POOL = WarmPool(minimum=2)
POOLED = replace(SIDE, warm_pool=POOL)
BACK = {"MinSize": 2, "PoolState": "Stopped"}


def waiting(version: str) -> dict:
    return instance(version, "Warmed:Stopped")


def world(
    running: list[str], pooled: list[str], *, version: str = "6", reuse: bool = False, lingers: int = 3
) -> ScalingGroup:
    configuration = {"MinSize": 2, "PoolState": "Stopped", "InstanceReusePolicy": {"ReuseOnScaleIn": reuse}}
    return ScalingGroup(
        [instance(one) for one in running],
        version,
        least=min(1, len(running)),
        pool=configuration,
        pooled=[waiting(one) for one in pooled],
        lingers=lingers,
    )


def prepared(there: ScalingGroup, fleet: AutoScalingFleet, turns: int = 12) -> None:
    """What a rollout does while it prepares."""
    for _ in range(turns):
        fleet.deploy(POOLED, RELEASE, 3)
        there.moves_on()


def the_pool_has(stubbed: StubbedClient, *instances: dict, **configuration: object) -> None:
    answer = {"Instances": list(instances)} | ({"WarmPoolConfiguration": configuration} if configuration else {})
    stubbed.answers("describe_warm_pool", answer, {"AutoScalingGroupName": "web-green", "MaxRecords": 50})


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize(
    ("running", "pooled"),
    [([], ["6", "6"]), (["6", "6"], ["6", "6"]), (["5", "7"], ["5", "7"]), ([], ["7", "6"]), (["7"], ["6"])],
)
def test_a_release_never_comes_out_of_the_pool_of_another_one(
    running: list[str], pooled: list[str], reuse: bool
) -> None:
    there = world(running, pooled, reuse=reuse)
    fleet = AutoScalingFleet(there, Templates())
    prepared(there, fleet)
    assert set(there.served) <= {"7"}
    assert fleet.seen(POOLED, RELEASE).is_settled
    assert [one["LaunchTemplate"]["Version"] for one in there.instances] == ["7"] * 3
    assert [one["LaunchTemplate"]["Version"] for one in there.pooled] == ["7"] * 2


def test_the_world_of_this_test_does_serve_an_old_release_from_a_pool_that_is_left_alone() -> None:
    there = world([], ["6", "6"])
    prepared(there, AutoScalingFleet(there, Templates()), turns=0)
    there.update_auto_scaling_group(LaunchTemplate={"Version": "7"}, DesiredCapacity=3)
    there.moves_on()
    assert there.served == ["6", "6", "7"]


def test_a_release_whose_pool_is_its_own_comes_out_of_it() -> None:
    """As after a rollback: what is there is used."""
    there = world([], ["7", "7"], version="7")
    fleet = AutoScalingFleet(there, Templates())
    fleet.deploy(POOLED, RELEASE, 2)
    there.moves_on()
    assert [one["LaunchTemplate"]["Version"] for one in there.instances] == ["7", "7"]
    assert there.pool == BACK | {"InstanceReusePolicy": {"ReuseOnScaleIn": False}}


@pytest.mark.parametrize("number", range(14))
@pytest.mark.parametrize("has_effect", [False, True])
@pytest.mark.parametrize("side", [POOLED, replace(NAMED, warm_pool=POOL)], ids=["numbered", "named"])
def test_a_fault_at_any_call_is_survived(side: object, number: int, has_effect: bool) -> None:
    there, templates = world(["6"], ["6", "6"], reuse=True), Templates()
    calls = Faulty(number, has_effect=has_effect)
    fleet = AutoScalingFleet(calls.around(there), calls.around(templates), (BotoCoreError,))
    release = RELEASE if side is POOLED else Release("1.4.2")
    for _ in range(14):
        try:
            fleet.deploy(side, release, 3)  # type: ignore[arg-type]
        except AwsError:
            assert calls.left < 0
        there.moves_on()
    assert fleet.seen(side, release).is_settled  # type: ignore[arg-type]
    assert set(there.served) == {"7" if side is POOLED else "8"}
    assert there.pool is not None


@given(st.lists(st.sampled_from(["deploy 7", "deploy 8", "scale", "time", "empty"]), max_size=16), st.booleans())
def test_in_any_order_of_calls_no_other_version_is_served(story: list[str], reuse: bool) -> None:
    there, templates = world(["6"], ["6", "6"], reuse=reuse, lingers=1), Templates()
    templates.edit()
    fleet = AutoScalingFleet(there, templates)
    for what in story:
        count = len(there.served)
        if what.startswith("deploy"):
            fleet.deploy(POOLED, Release(what[-1]), 3)
        elif what == "scale":
            fleet.scale(POOLED, there.desired + 1, None)
        elif what == "empty":
            fleet.scale(POOLED, 0, 0)
        there.moves_on()
        assert set(there.served[count:]) <= {there.version}, what


class TestTheCalls:
    """In which order, and that each is repeated until it is not needed any more."""

    def test_a_pool_of_another_release_is_deleted_before_the_group_is_emptied(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance("6"), version="6"))
        the_pool_has(stubbed, waiting("6"), **BACK)
        stubbed.answers("delete_warm_pool", {}, {"AutoScalingGroupName": "web-green", "ForceDelete": True})
        stubbed.answers("update_auto_scaling_group", {})
        fleet.deploy(POOLED, RELEASE, 4)
        assert stubbed.asked[-1][1]["DesiredCapacity"] == 0

    def test_a_group_is_not_filled_while_its_pool_is_leaving(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(desired=0, least=0))
        the_pool_has(stubbed, waiting("6"), Status="PendingDelete", **BACK)
        fleet.deploy(POOLED, RELEASE, 4)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeWarmPool"]

    def test_nor_while_instances_of_a_pool_that_is_gone_are_left(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(desired=0, least=0))
        the_pool_has(stubbed, waiting("6"))
        fleet.deploy(POOLED, RELEASE, 4)
        assert len(stubbed.actions) == 2

    def test_the_pool_comes_back_when_the_group_stands(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance(), instance(state="Pending")))
        the_pool_has(stubbed)
        fleet.deploy(POOLED, RELEASE, 2)
        there_is(stubbed, group(instance(), instance()))
        the_pool_has(stubbed)
        asked = {
            "AutoScalingGroupName": "web-green",
            "MinSize": 2,
            "PoolState": "Stopped",
            "InstanceReusePolicy": {"ReuseOnScaleIn": False},
        }
        stubbed.answers("put_warm_pool", {}, asked)
        fleet.deploy(POOLED, RELEASE, 2)

    @pytest.mark.parametrize(
        ("instances", "configuration", "is_settled"),
        [
            ([], {}, False),
            ([], {"Status": "PendingDelete", **BACK}, False),
            (["6"], BACK, False),
            ([], BACK, True),
            (["7"], BACK, True),
        ],
    )
    def test_a_side_is_settled_when_its_pool_is_back_without_another_release(
        self,
        stubbed: StubbedClient,
        fleet: AutoScalingFleet,
        instances: list[str],
        configuration: dict,
        is_settled: bool,
    ) -> None:
        there_is(stubbed, group(instance(), instance()))
        the_pool_has(stubbed, *map(waiting, instances), **configuration)
        if not is_settled:
            stubbed.answers("describe_scaling_activities", {"Activities": []})
        assert fleet.seen(POOLED, RELEASE).is_settled is is_settled

    def test_pooled_instances_that_are_listed_with_the_group_are_none_of_it(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance(), instance(), waiting("7")))
        the_pool_has(stubbed, waiting("7"), **BACK)
        assert fleet.seen(POOLED, RELEASE).is_settled

    def test_a_side_without_a_pool_asks_for_none(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        there_is(stubbed, group(instance(), instance()))
        fleet.deploy(SIDE, RELEASE, 2)
        assert stubbed.actions == ["autoscaling:DescribeAutoScalingGroups"]

    def test_a_group_that_grows_loses_a_pool_of_another_version_first(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet
    ) -> None:
        there_is(stubbed, group(instance(), instance()))
        the_pool_has(stubbed, waiting("6"), **BACK)
        stubbed.answers("delete_warm_pool", {})
        stubbed.answers("update_auto_scaling_group", {}, {"AutoScalingGroupName": "web-green", "DesiredCapacity": 5})
        fleet.scale(POOLED, 5, None)

    def test_one_that_shrinks_keeps_its_pool_unasked(self, stubbed: StubbedClient, fleet: AutoScalingFleet) -> None:
        stubbed.answers("update_auto_scaling_group", {})
        fleet.scale(POOLED, 0, 0)
        there_is(stubbed, group(instance(), instance()))
        stubbed.answers("update_auto_scaling_group", {})
        fleet.scale(POOLED, 1, None)
        assert "autoscaling:DescribeWarmPool" not in stubbed.actions

    @pytest.mark.parametrize("version", ["$Default", "$Latest"])
    def test_a_group_whose_version_is_no_number_grows_as_it_is(
        self, stubbed: StubbedClient, fleet: AutoScalingFleet, version: str
    ) -> None:
        there_is(stubbed, group(instance("6"), version=version))
        the_pool_has(stubbed, waiting("6"), **BACK)
        stubbed.answers("update_auto_scaling_group", {})
        fleet.scale(POOLED, 3, None)
