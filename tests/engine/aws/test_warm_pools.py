"""Warm pools: what is in them, and the calls by which they go and come back."""

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.warm_pools import IAM_ACTIONS, PoolSeen, WarmPools
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.warm_pool import WarmPool


def pooled(version: str, state: str = "Warmed:Stopped") -> dict:
    return {
        "InstanceId": "i-1",
        "AvailabilityZone": "us-east-1a",
        "LifecycleState": state,
        "HealthStatus": "Healthy",
        "LaunchTemplate": {"LaunchTemplateId": "lt-0123456789abcdef0", "Version": version},
        "ProtectedFromScaleIn": False,
    }


def test_a_pool_is_seen_with_the_versions_that_may_come_out_of_it() -> None:
    stubbed = StubbedClient("autoscaling")
    configuration = {"MinSize": 2, "PoolState": "Stopped"}
    first = {"WarmPoolConfiguration": configuration, "Instances": [pooled("6")], "NextToken": "more"}
    second = {
        "WarmPoolConfiguration": configuration,
        "Instances": [pooled("7", "Warmed:Pending:Wait"), pooled("5", "Warmed:Terminating:Wait")],
    }
    asked = {"AutoScalingGroupName": "web", "MaxRecords": 50}
    stubbed.answers("describe_warm_pool", first, asked)
    stubbed.answers("describe_warm_pool", second, {**asked, "NextToken": "more"})
    assert WarmPools(stubbed.client).seen("web") == PoolSeen(True, False, frozenset({"6", "7"}))
    stubbed.done()


def test_a_group_without_a_pool_has_none() -> None:
    stubbed = StubbedClient("autoscaling")
    stubbed.answers("describe_warm_pool", {"Instances": []})
    assert WarmPools(stubbed.client).seen("web").is_gone
    stubbed.done()


def test_a_pool_that_is_marked_for_deletion_is_leaving() -> None:
    stubbed = StubbedClient("autoscaling")
    configuration = {"MinSize": 2, "Status": "PendingDelete"}
    stubbed.answers("describe_warm_pool", {"WarmPoolConfiguration": configuration, "Instances": [pooled("6")]})
    seen = WarmPools(stubbed.client).seen("web")
    assert (seen.is_leaving, seen.is_gone, seen.is_back("6")) == (True, False, False)
    stubbed.done()


def test_it_is_deleted_with_all_that_is_in_it() -> None:
    stubbed = StubbedClient("autoscaling")
    stubbed.answers("delete_warm_pool", {}, {"AutoScalingGroupName": "web", "ForceDelete": True})
    WarmPools(stubbed.client).delete("web")
    stubbed.done()


@pytest.mark.parametrize(
    ("pool", "more"),
    [
        (WarmPool(), {"MinSize": 0, "PoolState": "Stopped", "InstanceReusePolicy": {"ReuseOnScaleIn": False}}),
        (
            WarmPool(2, 8, "Hibernated", reuse=True),
            {
                "MinSize": 2,
                "MaxGroupPreparedCapacity": 8,
                "PoolState": "Hibernated",
                "InstanceReusePolicy": {"ReuseOnScaleIn": True},
            },
        ),
        (
            WarmPool(most_prepared=0),
            {
                "MinSize": 0,
                "MaxGroupPreparedCapacity": 0,
                "PoolState": "Stopped",
                "InstanceReusePolicy": {"ReuseOnScaleIn": False},
            },
        ),
    ],
)
def test_it_is_made_again_as_the_settings_say(pool: WarmPool, more: dict) -> None:
    stubbed = StubbedClient("autoscaling")
    stubbed.answers("put_warm_pool", {}, {"AutoScalingGroupName": "web", **more})
    WarmPools(stubbed.client).put("web", pool)
    stubbed.done()


@pytest.mark.parametrize(
    ("pool", "is_changing", "is_to_go", "can_give"),
    [
        (PoolSeen(True, False, frozenset({"7"})), False, False, False),
        (PoolSeen(True, False, frozenset()), False, False, False),
        (PoolSeen(True, False, frozenset()), True, True, False),
        (PoolSeen(True, False, frozenset({"6", "7"})), False, True, True),
        (PoolSeen(True, True, frozenset({"6"})), True, False, True),
        (PoolSeen(True, True, frozenset()), False, False, True),
        (PoolSeen(False, False, frozenset({"6"})), True, False, True),
        (PoolSeen(False, False, frozenset()), True, False, False),
    ],
)
def test_a_pool_goes_that_could_give_another_version(
    pool: PoolSeen, is_changing: bool, is_to_go: bool, can_give: bool
) -> None:
    assert pool.is_to_go("7", is_changing=is_changing) is is_to_go
    assert pool.can_give_other_than("7") is can_give


def test_every_call_is_declared_and_nothing_else_is() -> None:
    stubbed = StubbedClient("autoscaling")
    for operation in ("describe_warm_pool", "delete_warm_pool", "put_warm_pool"):
        stubbed.answers(operation, {"Instances": []} if operation.startswith("describe") else {})
    pools = WarmPools(stubbed.client)
    pools.seen("web")
    pools.delete("web")
    pools.put("web", WarmPool())
    assert set(stubbed.actions) == set(IAM_ACTIONS)
    stubbed.done()


def test_a_refusal_and_silence_are_aws_errors() -> None:
    stubbed = StubbedClient("autoscaling")
    stubbed.fails("delete_warm_pool", "ScalingActivityInProgress")
    with pytest.raises(AwsError, match="in the words of AWS"):
        WarmPools(stubbed.client).delete("web")
    with pytest.raises(AwsError, match="timeout"):
        WarmPools(SilentClient("autoscaling"), (BotoCoreError,)).seen("web")
    stubbed.done()
