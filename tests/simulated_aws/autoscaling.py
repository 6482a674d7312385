"""Amazon EC2 Auto Scaling: groups of instances, each of the launch template version it was started with, and pools."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient
from .fleets import Fleet, Target

_ARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x"
_POOL_GOES_SECONDS = 20.0


@dataclass(slots=True, eq=False)
class ScalingGroup:
    """A group, and the fleet of its instances; the fleet's release is the launch template's version.

    pool: the configuration of its warm pool (None: it has none). pool_goes_at: when one that was deleted is gone.
    """

    name: str
    fleet: Fleet
    most: int
    template: str
    pool: Answer | None = None
    pool_goes_at: float = 0.0


class AutoScaling(SimulatedClient):
    """The client. Instances keep the version they were started with; nothing replaces them."""

    service = "autoscaling"
    throttle = "Throttling"
    failure = "InternalFailure"
    exceptions = Exceptions(
        {"ScalingActivityInProgress": "ScalingActivityInProgressFault", "ResourceContention": "ResourceContentionFault"}
    )
    allowed: ClassVar = {
        "DescribeAutoScalingGroups": {"AutoScalingGroupNames", "MaxRecords", "NextToken"},
        "DeleteWarmPool": {"AutoScalingGroupName", "ForceDelete"},
        "DescribeWarmPool": {"AutoScalingGroupName", "MaxRecords"},
        "PutWarmPool": {
            "AutoScalingGroupName",
            "MinSize",
            "MaxGroupPreparedCapacity",
            "PoolState",
            "InstanceReusePolicy",
        },
        "DescribeScalingActivities": {"AutoScalingGroupName", "MaxRecords", "NextToken"},
        "UpdateAutoScalingGroup": {
            "AutoScalingGroupName",
            "LaunchTemplate",
            "MinSize",
            "MaxSize",
            "DesiredCapacity",
        },
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.groups: dict[str, ScalingGroup] = {}

    def add_group(self, name: str, fleet: Fleet, most: int) -> ScalingGroup:
        """Make a group with a launch template of its own; its fleet has the minimum."""
        number = len(self.groups) + 1
        template = f"lt-{number:017x}"
        # A number of its own for each version that is made, so that every release can behave in its own way.
        self._world.ec2.add_template(template, versions=50 * number)
        self.groups[name] = ScalingGroup(name, fleet, most, template)
        return self.groups[name]

    # the client

    def describe_auto_scaling_groups(self, **arguments: object) -> Answer:
        return self._serve("DescribeAutoScalingGroups", arguments, self._describe_groups)

    def describe_scaling_activities(self, **arguments: object) -> Answer:
        return self._serve("DescribeScalingActivities", arguments, self._describe_activities)

    def update_auto_scaling_group(self, **arguments: object) -> Answer:
        return self._serve("UpdateAutoScalingGroup", arguments, self._update_group)

    def delete_warm_pool(self, **arguments: object) -> Answer:
        return self._serve("DeleteWarmPool", arguments, self._delete_pool)

    def describe_warm_pool(self, **arguments: object) -> Answer:
        return self._serve("DescribeWarmPool", arguments, self._describe_pool)

    def put_warm_pool(self, **arguments: object) -> Answer:
        return self._serve("PutWarmPool", arguments, self._put_pool)

    def _delete_pool(self, arguments: Answer) -> Answer:
        group = self._known("DeleteWarmPool", arguments["AutoScalingGroupName"])
        if group.pool is None:
            raise self.error("DeleteWarmPool", "ValidationError", f"No warm pool found for group {group.name}")
        if not arguments.get("ForceDelete") and group.fleet.reserve:
            raise self.error("DeleteWarmPool", "ResourceInUse", "The warm pool still has instances")
        if "Status" not in group.pool:
            group.pool = {**group.pool, "Status": "PendingDelete"}
            group.pool_goes_at = self._world.now + _POOL_GOES_SECONDS
        return {}

    def _describe_pool(self, arguments: Answer) -> Answer:
        group = self._known("DescribeWarmPool", arguments["AutoScalingGroupName"])
        described = {"Instances": [self._pooled(group, release) for release in group.fleet.reserve]}
        return described if group.pool is None else {**described, "WarmPoolConfiguration": group.pool}

    def _put_pool(self, arguments: Answer) -> Answer:
        group = self._known("PutWarmPool", arguments["AutoScalingGroupName"])
        if group.pool is not None and "Status" in group.pool:
            raise self.error("PutWarmPool", "ValidationError", "The warm pool is being deleted")
        group.pool = {name: value for name, value in arguments.items() if name != "AutoScalingGroupName"}
        group.fleet.returns = arguments.get("InstanceReusePolicy", {}).get("ReuseOnScaleIn", False)
        self._tend_pool(group)
        return {}

    def _tend_pool(self, group: ScalingGroup) -> None:
        """What is to be in a pool is there at once, with the group's version; one that was deleted takes a while."""
        if group.pool is None:
            return
        if "Status" in group.pool:
            if self._world.now >= group.pool_goes_at:
                group.pool, group.fleet.reserve, group.fleet.returns = None, [], False
            return
        missing = group.pool["MinSize"] - len(group.fleet.reserve)
        group.fleet.reserve += [group.fleet.release] * max(0, missing)

    def _pooled(self, group: ScalingGroup, release: str) -> Answer:
        return {
            "InstanceId": "i-0123456789abcdef0",
            "AvailabilityZone": "us-east-1a",
            "LifecycleState": "Warmed:Stopped",
            "HealthStatus": "Healthy",
            "LaunchTemplate": _launched(group.template, release),
            "ProtectedFromScaleIn": False,
        }

    def _describe_groups(self, arguments: Answer) -> Answer:
        names = arguments.get("AutoScalingGroupNames", list(self.groups))
        # A group that is not there is left out, without an error.
        return {"AutoScalingGroups": [self._described(self.groups[name]) for name in names if name in self.groups]}

    def _describe_activities(self, arguments: Answer) -> Answer:
        group = self._known("DescribeScalingActivities", arguments["AutoScalingGroupName"])
        now = datetime.fromtimestamp(self._world.now, UTC)
        activities = []
        if group.fleet.unplaced:
            activities.append(
                {
                    "ActivityId": "activity-1",
                    "AutoScalingGroupName": group.name,
                    "Cause": "an instance was started in response to a difference between desired and actual capacity.",
                    "Description": "Launching a new EC2 instance. Status Reason: insufficient capacity.",
                    "StartTime": now,
                    "StatusCode": "Failed",
                    "StatusMessage": "We currently do not have sufficient m7i.large capacity in the Availability Zone.",
                    "Progress": 100,
                }
            )
        return {"Activities": activities}

    def _update_group(self, arguments: Answer) -> Answer:
        group = self._known("UpdateAutoScalingGroup", arguments["AutoScalingGroupName"])
        fleet = group.fleet
        least = arguments.get("MinSize", fleet.minimum or 0)
        most = arguments.get("MaxSize", group.most)
        # "If a new value for MinSize is specified without setting DesiredCapacity, and the new MinSize is larger than
        # the current size of the group, this sets the group's DesiredCapacity to the new MinSize value."
        # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
        desired = arguments.get("DesiredCapacity", max(least, min(most, fleet.desired)))
        if not 0 <= least <= desired <= most:
            message = f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}"
            raise self.error("UpdateAutoScalingGroup", "ValidationError", message)
        release = None
        if "LaunchTemplate" in arguments:
            template = arguments["LaunchTemplate"]
            if template["LaunchTemplateId"] != group.template:
                raise self.error("UpdateAutoScalingGroup", "ValidationError", "The launch template does not exist")
            release = template["Version"]
            if not release.isdigit():
                raise NotSimulatedError(f"the simulated autoscaling knows version numbers only, not {release}")
            if int(release) > len(self._world.ec2.templates[group.template]):
                message = f"The specified launch template version {release} does not exist"
                raise self.error("UpdateAutoScalingGroup", "ValidationError", message)
        for tell in fleet.before_change:
            tell()
        fleet.minimum, group.most = least, most
        fleet.ask(desired=desired, release=release)
        self._tend_pool(group)
        return {}

    def _known(self, operation: str, name: str) -> ScalingGroup:
        if name not in self.groups:
            raise self.error(operation, "ValidationError", "AutoScalingGroup name not found - null")
        self._tend_pool(self.groups[name])
        return self.groups[name]

    def _described(self, group: ScalingGroup) -> Answer:
        fleet = group.fleet
        fleet.settle(self._world.now)
        return {
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": f"{_ARN}:autoScalingGroupName/{group.name}",
            "LaunchTemplate": _launched(group.template, fleet.release),
            "MinSize": fleet.minimum or 0,
            "MaxSize": group.most,
            "DesiredCapacity": fleet.desired,
            "DefaultCooldown": 300,
            "AvailabilityZones": ["us-east-1a"],
            "HealthCheckType": "ELB",
            "CreatedTime": datetime.fromtimestamp(0, UTC),
            "Instances": [self._instance(group, target) for target in fleet.targets],
        }

    def _instance(self, group: ScalingGroup, target: Target) -> Answer:
        in_service = target.healthy_at <= self._world.now
        return {
            "InstanceId": target.id,
            "AvailabilityZone": "us-east-1a",
            "LifecycleState": "InService" if in_service or target.is_lost else "Pending",
            "HealthStatus": "Unhealthy" if target.is_lost else "Healthy",
            "LaunchTemplate": _launched(group.template, target.release),
            "ProtectedFromScaleIn": False,
        }


def _launched(template: str, version: str) -> Answer:
    return {"LaunchTemplateId": template, "LaunchTemplateName": "model", "Version": version}
