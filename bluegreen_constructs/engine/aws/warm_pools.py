"""The warm pool beside an Auto Scaling group: deleted when it holds another release, and made again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..warm_pool import WarmPool
from .client_calls import AwsClient, Calls, entries, entry
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
IAM_ACTIONS: Actions = {
    "autoscaling:DeleteWarmPool": ("auto scaling group",),
    "autoscaling:DescribeWarmPool": ("any",),
    "autoscaling:PutWarmPool": ("auto scaling group",),
}

POOLED = "Warmed:"
"""How the lifecycle states of pooled instances begin."""

_LEAVING = f"{POOLED}Terminat"
_PAGE = 50  # the most that AWS gives at once


class WarmPoolClient(AwsClient, Protocol):
    """The calls of a boto3 `autoscaling` client that are used here."""

    def delete_warm_pool(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_warm_pool(self, **arguments: object) -> Mapping[str, object]: ...

    def put_warm_pool(self, **arguments: object) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A group's pool. versions: the launch template versions of the instances that may come out of it.

    is_there: whether the group has one. is_leaving: whether it is marked for deletion.
    """

    is_there: bool
    is_leaving: bool
    versions: frozenset[str]

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return not self.is_there and not self.versions

    def can_give_other_than(self, version: str) -> bool:
        """Whether a group that grows could be given an instance of another version. Nobody knows before it is gone."""
        return self.is_leaving or bool(self.versions - {version})

    def is_to_go(self, version: str, *, is_changing: bool) -> bool:
        """Whether it has to be deleted for the version. is_changing: whether the group has, or launches, another one.

        What such a group launches or lets go may get into the pool at any moment.
        """
        return self.is_there and not self.is_leaving and (is_changing or self.can_give_other_than(version))

    def is_back(self, version: str) -> bool:
        """Whether it is there to stay, and holds nothing but this version."""
        return self.is_there and not self.can_give_other_than(version)


class WarmPools:
    """The warm pools of groups, by the group's name.

    A new launch template version is for later instances only, and what is in a pool cannot be terminated one by one:
    TerminateInstanceInAutoScalingGroup is not for pooled instances. So the pool is deleted with all that is in it.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
    """

    def __init__(self, client: WarmPoolClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use the client; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def seen(self, group: str) -> PoolSeen:
        """DescribeWarmPool, once for each fifty instances. A group without a pool has none, without an error."""
        wanted: dict[str, object] = {"AutoScalingGroupName": group, "MaxRecords": _PAGE}
        versions: set[str] = set()
        while True:
            answer = self._calls.make(self._client.describe_warm_pool, wanted)
            versions |= {
                str(entry(one, "LaunchTemplate").get("Version", ""))
                for one in entries(answer, "Instances")
                if not str(one.get("LifecycleState")).startswith(_LEAVING)
            }
            if not answer.get("NextToken"):
                break
            wanted["NextToken"] = answer["NextToken"]
        pool = entry(answer, "WarmPoolConfiguration")
        return PoolSeen(bool(pool), pool.get("Status") == "PendingDelete", frozenset(versions))

    def delete(self, group: str) -> None:
        """Delete the pool and its instances. Without force AWS refuses a pool that still has some.

        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteWarmPool.html
        """
        self._calls.make(self._client.delete_warm_pool, {"AutoScalingGroupName": group, "ForceDelete": True})

    def put(self, group: str, pool: WarmPool) -> None:
        """Make the pool, which AWS fills from the group's launch template."""
        wanted: dict[str, object] = {
            "AutoScalingGroupName": group,
            "MinSize": pool.minimum,
            "PoolState": pool.state,
            "InstanceReusePolicy": {"ReuseOnScaleIn": pool.reuse},
        }
        if pool.most_prepared is not None:
            wanted["MaxGroupPreparedCapacity"] = pool.most_prepared
        self._calls.make(self._client.put_warm_pool, wanted)
