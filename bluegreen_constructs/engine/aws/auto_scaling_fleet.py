"""A side that is an EC2 Auto Scaling group: its launch template version, and its number of instances."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError, ConfigurationError
from ..ports import FleetSeen
from ..release import Release
from ..target_settings import SideSettings
from .client_calls import AwsClient, Calls, entries, entry, number
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
# UpdateAutoScalingGroup with a launch template checks that its caller could launch it: RunInstances, CreateTags for a
# template with tags, PassRole for one with an instance profile.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
IAM_ACTIONS: Actions = {
    "autoscaling:DescribeAutoScalingGroups": ("any",),
    "autoscaling:DescribeScalingActivities": ("any",),
    "autoscaling:UpdateAutoScalingGroup": ("auto scaling group",),
    "ec2:CreateTags": ("tagged at launch",),
    "ec2:ModifyLaunchTemplate": ("launch template",),
    "ec2:RunInstances": ("launched from template",),
    "iam:PassRole": ("instance role",),
}

_LEAVING = "Terminating"


class AutoScalingClient(AwsClient, Protocol):
    """The calls of a boto3 `autoscaling` client that are used here."""

    def describe_auto_scaling_groups(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_scaling_activities(self, **arguments: object) -> Mapping[str, object]: ...

    def update_auto_scaling_group(self, **arguments: object) -> Mapping[str, object]: ...


class LaunchTemplateClient(AwsClient, Protocol):
    """The call of a boto3 `ec2` client that is used here."""

    def modify_launch_template(self, **arguments: object) -> Mapping[str, object]: ...


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
        self._templates = templates
        self._calls = Calls(client, transport_errors)
        self._template_calls = Calls(templates, transport_errors)

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """One call, DescribeAutoScalingGroups; and DescribeScalingActivities while it is not settled.

        The trouble is what the latest activity failed of. Until the first activity after a `deploy` that can be an
        earlier one's: it explains a time-out, and is no reason to stop waiting.

        Raises ConfigurationError for a release without a launch template version.
        """
        group = self._group(side)
        instances = entries(group, "Instances")
        settled = _is_calm(group) and (release is None or _runs_only(group, version_of(release)))
        versions = sorted({_version(instance) for instance in instances}) or [_version(group)]
        return FleetSeen(
            desired=number(group, "DesiredCapacity"),
            minimum=number(group, "MinSize"),
            is_settled=settled,
            release=", ".join(versions),
            trouble="" if settled else self._trouble(side),
        )

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Empty the group while instances of another version run, then fill it with the release's.

        The side must have no traffic. Each call asks for what the group as it is now needs next, so it is repeated
        until the side is settled. The lower bound is lowered where it stands in the way, and not raised again.

        The version becomes its launch template's default before it becomes the group's: the default is what the
        stack's template names, so that a stack update puts back what the side runs, and nothing else.

        Raises ConfigurationError for a release without a launch template version, or a group without a launch template
        of its own.
        """
        version = version_of(release)
        group = self._group(side)
        template = entry(group, "LaunchTemplate")
        if not template:
            raise ConfigurationError(
                f"Auto Scaling group {side.auto_scaling_group} has no launch template of its own (it has a launch "
                "configuration or a mixed instances policy): give it one"
            )
        staying = [one for one in entries(group, "Instances") if not _is_leaving(one)]
        wanted = 0 if any(_version(one) != version for one in staying) else desired
        least = min(number(group, "MinSize"), wanted)
        if (_version(group), number(group, "DesiredCapacity"), number(group, "MinSize")) == (version, wanted, least):
            return
        chosen = {"LaunchTemplateId": template["LaunchTemplateId"], "Version": version}
        default = {"LaunchTemplateId": template["LaunchTemplateId"], "DefaultVersion": version}
        self._template_calls.make(self._templates.modify_launch_template, default)
        self._update(side, {"LaunchTemplate": chosen, "MinSize": least, "DesiredCapacity": wanted})

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """Both in one call; AWS refuses a number below the lower bound that then holds.

        A lower bound alone leaves an empty group as it is: AWS would fill it at once, also one that `deploy` has just
        begun to empty. https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
        """
        if desired is None and minimum:
            group = self._group(side)
            if number(group, "DesiredCapacity") == 0 or number(group, "MinSize") == minimum:
                return
        wanted: dict[str, object] = {}
        if minimum is not None:
            wanted["MinSize"] = minimum
        if desired is not None:
            wanted["DesiredCapacity"] = desired
        if wanted:
            self._update(side, wanted)

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

    def _trouble(self, side: SideSettings) -> str:
        arguments = {"AutoScalingGroupName": side.auto_scaling_group, "MaxRecords": 1}
        answer = self._calls.make(self._client.describe_scaling_activities, arguments)
        latest = next(iter(entries(answer, "Activities")), {})
        if latest.get("StatusCode") != "Failed":
            return ""
        return str(latest.get("StatusMessage") or latest.get("Description") or "the latest scaling activity failed")


def version_of(release: Release) -> str:
    """The launch template version that the release stands for.

    Raises ConfigurationError for a release that has none and whose name is no number.
    """
    version = release.version or release.name
    if not version.isdigit():
        raise ConfigurationError(
            f"release {release.name} has no launch template version, which an Auto Scaling side runs: give its number"
        )
    return version


def _version(owner: Mapping[str, object]) -> str:
    return str(entry(owner, "LaunchTemplate").get("Version", ""))


def _is_leaving(instance: Mapping[str, object]) -> bool:
    return str(instance.get("LifecycleState")).startswith(_LEAVING)


def _is_calm(group: Mapping[str, object]) -> bool:
    instances = entries(group, "Instances")
    serving = [
        one for one in instances if one.get("LifecycleState") == "InService" and one.get("HealthStatus") == "Healthy"
    ]
    return len(serving) == len(instances) == number(group, "DesiredCapacity")


def _runs_only(group: Mapping[str, object], version: str) -> bool:
    return _version(group) == version and all(_version(one) == version for one in entries(group, "Instances"))
