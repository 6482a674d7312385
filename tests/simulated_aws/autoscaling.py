"""Amazon EC2 Auto Scaling: groups of instances, each of the launch template version it was started with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient
from .fleets import Fleet, Target

_ARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x"
_TEMPLATE = {"LaunchTemplateId": "lt-0123456789abcdef0", "LaunchTemplateName": "model"}


@dataclass(slots=True, eq=False)
class ScalingGroup:
    """A group, and the fleet of its instances; the fleet's release is the launch template's version."""

    name: str
    fleet: Fleet
    most: int


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
        """Make a group; its fleet has the minimum."""
        self.groups[name] = ScalingGroup(name, fleet, most)
        return self.groups[name]

    # the client

    def describe_auto_scaling_groups(self, **arguments: object) -> Answer:
        return self._serve("DescribeAutoScalingGroups", arguments, self._describe_groups)

    def describe_scaling_activities(self, **arguments: object) -> Answer:
        return self._serve("DescribeScalingActivities", arguments, self._describe_activities)

    def update_auto_scaling_group(self, **arguments: object) -> Answer:
        return self._serve("UpdateAutoScalingGroup", arguments, self._update_group)

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
            if any(template[key] != _TEMPLATE.get(key) for key in template if key != "Version"):
                raise self.error("UpdateAutoScalingGroup", "ValidationError", "The launch template does not exist")
            release = template["Version"]
            if not release.isdigit():
                raise NotSimulatedError(f"the simulated autoscaling knows version numbers only, not {release}")
        for tell in fleet.before_change:
            tell()
        fleet.minimum, group.most = least, most
        fleet.ask(desired=desired, release=release)
        return {}

    def _known(self, operation: str, name: str) -> ScalingGroup:
        if name not in self.groups:
            raise self.error(operation, "ValidationError", "AutoScalingGroup name not found - null")
        return self.groups[name]

    def _described(self, group: ScalingGroup) -> Answer:
        fleet = group.fleet
        fleet.settle(self._world.now)
        return {
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": f"{_ARN}:autoScalingGroupName/{group.name}",
            "LaunchTemplate": {**_TEMPLATE, "Version": fleet.release},
            "MinSize": fleet.minimum or 0,
            "MaxSize": group.most,
            "DesiredCapacity": fleet.desired,
            "DefaultCooldown": 300,
            "AvailabilityZones": ["us-east-1a"],
            "HealthCheckType": "ELB",
            "CreatedTime": datetime.fromtimestamp(0, UTC),
            "Instances": [self._instance(target) for target in fleet.targets],
        }

    def _instance(self, target: Target) -> Answer:
        in_service = target.healthy_at <= self._world.now
        return {
            "InstanceId": target.id,
            "AvailabilityZone": "us-east-1a",
            "LifecycleState": "InService" if in_service or target.is_lost else "Pending",
            "HealthStatus": "Unhealthy" if target.is_lost else "Healthy",
            "LaunchTemplate": {**_TEMPLATE, "Version": target.release},
            "ProtectedFromScaleIn": False,
        }
