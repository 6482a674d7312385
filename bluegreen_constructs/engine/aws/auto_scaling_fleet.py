"""A side that is an EC2 Auto Scaling group: its launch template version, its number of instances, its warm pool."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from ..ports import FleetSeen
from ..release import Release
from ..target_settings import SideSettings
from .client_calls import Calls, entries, number
from .launch_template_versions import LaunchTemplateClient, LaunchTemplateVersions
from .launched_template import require_releasable, specification_of, version_of, with_version
from .resource_kinds import Actions
from .warm_pools import POOLED, WarmPoolClient, WarmPools

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
# UpdateAutoScalingGroup with a launch template checks that its caller could launch it: RunInstances, CreateTags for a
# template with tags, PassRole for one with an instance profile.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
IAM_ACTIONS: Actions = {
    "autoscaling:DescribeAutoScalingGroups": ("any",),
    "autoscaling:DescribeScalingActivities": ("any",),
    "autoscaling:UpdateAutoScalingGroup": ("auto scaling group",),
    "ec2:CreateTags": ("tagged at launch",),
    "ec2:RunInstances": ("launched from template",),
    "iam:PassRole": ("instance role",),
}

_LEAVING = "Terminating"


class AutoScalingClient(WarmPoolClient, Protocol):
    """The calls of a boto3 `autoscaling` client that are used here."""

    def describe_auto_scaling_groups(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_scaling_activities(self, **arguments: object) -> Mapping[str, object]: ...

    def update_auto_scaling_group(self, **arguments: object) -> Mapping[str, object]: ...


class AutoScalingFleet:
    """`engine.ports.Fleets` for sides whose compute is an Auto Scaling group with a launch template."""

    def __init__(
        self,
        client: AutoScalingClient,
        templates: LaunchTemplateClient,
        transport_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        """Use both clients; `transport_errors` is what they raise when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)
        self._versions = LaunchTemplateVersions(templates, transport_errors)
        self._pools = WarmPools(client, transport_errors)

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """DescribeAutoScalingGroups; and DescribeScalingActivities while it is not settled.

        With a release whose version the engine makes, the template's versions are looked at as well; with any release,
        a warm pool, which belongs to what has to be settled. Without one, the versions are named by their releases.

        The trouble is what the latest activity failed of. Until the first activity after a `deploy` that can be an
        earlier one's: it explains a time-out, and is no reason to stop waiting.

        Raises ConfigurationError for a release that an Auto Scaling side cannot run.
        """
        group = self._group(side)
        settled = _is_calm(group) and (release is None or self._runs(side, group, release))
        versions = {version_of(instance) for instance in _instances(group)} or {version_of(group)}
        is_numbered = release is not None and bool(_given(side, release))
        template = str(specification_of(group).get("LaunchTemplateId", ""))
        named = sorted(versions) if is_numbered or not template else self._versions.in_words(template, versions)
        (only, *others) = versions
        return FleetSeen(
            desired=number(group, "DesiredCapacity"),
            minimum=number(group, "MinSize"),
            is_settled=settled,
            release=", ".join(named),
            version="" if others or not only.isdigit() else only,
            trouble="" if settled else self._trouble(side),
        )

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Empty the group while instances of another version run, then fill it with the release's.

        The side must have no traffic. Each call asks for what the group as it is now needs next, so it is repeated
        until the side is settled. The lower bound is lowered where it stands in the way, and not raised again.

        The version, made before if need be, becomes its launch template's default before it becomes the group's: the
        default is what the stack's template names, so that a stack update puts back what the side runs, and nothing
        else.

        A warm pool with another release in it is deleted first: an instance that the group lets go could return to it,
        and one that the group asks for could come out of it. It is made again when the group stands with the release.

        Raises ConfigurationError for a release that an Auto Scaling side cannot run, or a group that cannot run it.
        """
        version = _given(side, release)
        group = self._group(side)
        require_releasable(side.auto_scaling_group, group)
        template = str(specification_of(group)["LaunchTemplateId"])
        is_default = True
        if not version:
            made = self._versions.ensure(template, release)
            version, is_default = str(made.number), made.is_default
        has_others = any(version_of(one) != version for one in _instances(group) if not _is_leaving(one))
        pool = self._pools.seen(side.auto_scaling_group) if side.warm_pool else None
        is_stale = pool is not None and pool.is_to_go(version, is_changing=has_others or version_of(group) != version)
        if is_stale:
            self._pools.delete(side.auto_scaling_group)
        present = number(group, "DesiredCapacity")
        wanted = desired
        if is_stale or (pool is not None and pool.can_give_other_than(version)):
            wanted = min(present, desired)
        if has_others:
            wanted = 0
        least = min(number(group, "MinSize"), wanted)
        if (version_of(group), present, number(group, "MinSize")) != (version, wanted, least):
            self._versions.make_default(template, version)
            self._update(side, {**with_version(group, version), "MinSize": least, "DesiredCapacity": wanted})
        elif not is_default:
            self._versions.make_default(template, version)
        elif side.warm_pool and pool is not None and pool.is_gone and _is_calm(group) and wanted == desired:
            self._pools.put(side.auto_scaling_group, side.warm_pool)

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """Both in one call; AWS refuses a number below the lower bound that then holds.

        A lower bound alone leaves an empty group as it is: AWS would fill it at once, also one that `deploy` has just
        begun to empty. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html

        A group that is to grow must not grow out of a warm pool with another version than its own: such a pool, which
        only somebody else's hand can leave, is deleted first, and comes back with the side's next release.
        """
        if desired is None and minimum is None:
            return
        raises = max(desired or 0, minimum or 0)
        if raises and (desired is None or side.warm_pool):
            group = self._group(side)
            present = number(group, "DesiredCapacity")
            if desired is None and (present == 0 or number(group, "MinSize") == minimum):
                return
            if side.warm_pool and raises > present:
                self._without_stale_pool(side, version_of(group))
        wanted = {"MinSize": minimum, "DesiredCapacity": desired}
        self._update(side, {name: value for name, value in wanted.items() if value is not None})

    def _group(self, side: SideSettings) -> Mapping[str, object]:
        arguments = {"AutoScalingGroupNames": [side.auto_scaling_group]}
        answer = self._calls.make(self._client.describe_auto_scaling_groups, arguments)
        groups = entries(answer, "AutoScalingGroups")
        if not groups:
            raise AwsError(f"Auto Scaling group {side.auto_scaling_group} is not there: deploy its stack again")
        return groups[0]

    def _update(self, side: SideSettings, wanted: Mapping[str, object]) -> None:
        arguments = {"AutoScalingGroupName": side.auto_scaling_group, **wanted}
        self._calls.make(self._client.update_auto_scaling_group, arguments)

    def _runs(self, side: SideSettings, group: Mapping[str, object], release: Release) -> bool:
        """Whether the group launches the release and nothing else, all its instances run it, and its pool holds it."""
        version = _given(side, release)
        if not version:
            template = str(specification_of(group).get("LaunchTemplateId", ""))
            version = self._versions.find(template, release).number or ""
        if {version_of(group), *(version_of(one) for one in _instances(group))} != {version}:
            return False
        return not side.warm_pool or self._pools.seen(side.auto_scaling_group).is_back(version)

    def _without_stale_pool(self, side: SideSettings, version: str) -> None:
        pool = self._pools.seen(side.auto_scaling_group)
        # `$Default` and `$Latest` are not what the instances say that they have.
        if version.isdigit() and pool.is_to_go(version, is_changing=False):
            self._pools.delete(side.auto_scaling_group)

    def _trouble(self, side: SideSettings) -> str:
        arguments = {"AutoScalingGroupName": side.auto_scaling_group, "MaxRecords": 1}
        answer = self._calls.make(self._client.describe_scaling_activities, arguments)
        latest = next(iter(entries(answer, "Activities")), {})
        if latest.get("StatusCode") != "Failed":
            return ""
        return str(latest.get("StatusMessage") or latest.get("Description") or "the latest scaling activity failed")


def _given(side: SideSettings, release: Release) -> str:
    """The version that the release is; empty where one is made for it."""
    return release.template_version(side.auto_scaling_group, named=side.named)


def _instances(group: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The instances that are in the group itself."""
    return [one for one in entries(group, "Instances") if not str(one.get("LifecycleState")).startswith(POOLED)]


def _is_leaving(instance: Mapping[str, object]) -> bool:
    return str(instance.get("LifecycleState")).startswith(_LEAVING)


def _is_calm(group: Mapping[str, object]) -> bool:
    instances = _instances(group)
    serving = [
        one for one in instances if one.get("LifecycleState") == "InService" and one.get("HealthStatus") == "Healthy"
    ]
    return len(serving) == len(instances) == number(group, "DesiredCapacity")
