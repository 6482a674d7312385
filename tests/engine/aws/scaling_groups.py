"""An Auto Scaling group: how AWS describes one, and one that does what it is asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import ClientError
from launch_templates import TEMPLATE, LaunchTemplates
from stubbed_client import TIMED_OUT, SilentClient, StubbedClient

from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.target_settings import Compute, SideSettings

SIDE = SideSettings("arn:green", "targetgroup/green/2", Compute.AUTO_SCALING, auto_scaling_group="web-green")
RELEASE = Release("1.4.2", version="7")
NAMED = SideSettings(
    "arn:green", "targetgroup/green/2", Compute.AUTO_SCALING, auto_scaling_group="web-green", named=True
)


class Templates(LaunchTemplates):
    """A template with seven versions; notes what the group was asked before its default was."""

    def __init__(self, group: StubbedClient | None = None, refuses: Exception | None = None) -> None:
        super().__init__([{"VersionNumber": number, "LaunchTemplateData": {}} for number in range(1, 8)], default=6)
        self.group, self.refuses = group, refuses
        self.actions_before: list[str] = []

    def modify_launch_template(self, **asked: object) -> dict:
        self.actions_before = list(self.group.actions) if self.group else []
        if self.refuses:
            raise self.refuses
        return super().modify_launch_template(**asked)


def instance(version: str = "7", state: str = "InService", health: str = "Healthy") -> dict:
    return {
        "InstanceId": "i-1",
        "AvailabilityZone": "us-east-1a",
        "LifecycleState": state,
        "HealthStatus": health,
        "LaunchTemplate": {"LaunchTemplateId": TEMPLATE, "Version": version},
        "ProtectedFromScaleIn": False,
    }


def group(
    *instances: dict, desired: int = 2, least: int = 1, version: str | None = "7", policy: dict | None = None
) -> dict:
    known = {
        "AutoScalingGroupName": "web-green",
        "MinSize": least,
        "MaxSize": 10,
        "DesiredCapacity": desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["us-east-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": "2026-11-21T12:00:00Z",
        "Instances": list(instances),
    }
    template = {"LaunchTemplateId": TEMPLATE, "LaunchTemplateName": "web", "Version": version}
    if policy is not None:
        launched = {"LaunchTemplateSpecification": template, **policy.get("LaunchTemplate", {})}
        return {**known, "MixedInstancesPolicy": {**policy, "LaunchTemplate": launched}}
    return {**known, **({"LaunchTemplate": template} if version else {})}


def there_is(stubbed: StubbedClient, described: dict) -> None:
    asked = {"AutoScalingGroupNames": ["web-green"]}
    stubbed.answers("describe_auto_scaling_groups", {"AutoScalingGroups": [described]}, asked)


def latest_activity(stubbed: StubbedClient, status: str, message: str = "") -> None:
    activity = {
        "ActivityId": "a",
        "AutoScalingGroupName": "web-green",
        "Cause": "c",
        "StartTime": "2026-11-21T12:00:00Z",
        "StatusCode": status,
        **({"StatusMessage": message} if message else {}),
    }
    asked = {"AutoScalingGroupName": "web-green", "MaxRecords": 1}
    stubbed.answers("describe_scaling_activities", {"Activities": [activity]}, asked)


@dataclass
class ScalingGroup:
    """A group that does at `moves_on` what was asked of it, through the interface of a boto3 client.

    pool: the warm pool's configuration, whose instances are `pooled` and are what the group takes first when it grows.
    served: every version that ever came into service. lingers: after how many moves a deleted pool is gone.
    """

    instances: list[dict]
    version: str
    least: int
    pool: dict | None = None
    pooled: list[dict] = field(default_factory=list)
    versions_at_once: set[tuple[str, ...]] = field(default_factory=set)
    served: list[str] = field(default_factory=list)
    lingers: int = 1

    def __post_init__(self) -> None:
        self.exceptions = SilentClient("autoscaling").exceptions
        self.desired = len(self.instances)

    def describe_auto_scaling_groups(self, **_: object) -> dict:
        self.versions_at_once.add(tuple(sorted({one["LaunchTemplate"]["Version"] for one in self.instances})))
        described = group(*self.instances, desired=self.desired, least=self.least, version=self.version)
        return {"AutoScalingGroups": [described]}

    def describe_scaling_activities(self, **_: object) -> dict:
        return {"Activities": []}

    def update_auto_scaling_group(self, **asked: object) -> dict:
        self.least = asked.get("MinSize", self.least)
        # "If you specify a new value for MinSize without specifying a value for DesiredCapacity, and the new MinSize is
        # larger than the current size of the group, this sets the group's DesiredCapacity to the new MinSize value."
        self.desired = asked.get("DesiredCapacity", max(self.desired, self.least))
        assert self.least <= self.desired  # AWS refuses the rest
        self.version = asked.get("LaunchTemplate", {}).get("Version", self.version)
        return {}

    def describe_warm_pool(self, **_: object) -> dict:
        return {"Instances": self.pooled} | ({"WarmPoolConfiguration": self.pool} if self.pool is not None else {})

    def delete_warm_pool(self, **asked: object) -> dict:
        # https://github.com/hashicorp/terraform-provider-aws, deleteWarmPool: what AWS answers without a pool, and
        # without force
        if self.pool is None:
            raise _refusal("ValidationError", "No warm pool found for group web-green")
        if self.pooled and not asked.get("ForceDelete"):
            raise _refusal("ResourceInUse", "the warm pool has instances")
        self.pool = {**self.pool, "Status": "PendingDelete"}
        return {}

    def put_warm_pool(self, **asked: object) -> dict:
        if self.pool is not None and self.pool.get("Status"):
            raise _refusal("ValidationError", "the warm pool is pending delete")
        reuse = asked["InstanceReusePolicy"]
        self.pool = {"MinSize": asked["MinSize"], "PoolState": asked["PoolState"], "InstanceReusePolicy": reuse}
        return {}

    def moves_on(self) -> None:
        """Instances leave, come out of the pool, or start; then the pool goes, or is filled."""
        leaving, self.instances = self.instances[self.desired :], self.instances[: self.desired]
        if self.pool is not None and self.pool["InstanceReusePolicy"]["ReuseOnScaleIn"]:
            self.pooled += [{**one, "LifecycleState": "Warmed:Stopped"} for one in leaving]
        while len(self.instances) < self.desired:
            came = {**self.pooled.pop(0), "LifecycleState": "InService"} if self.pooled else instance(self.version)
            self.instances.append(came)
            self.served.append(came["LaunchTemplate"]["Version"])
        if self.pool is None:
            return
        if self.pool.get("Status"):
            self.lingers -= 1
            if self.lingers <= 0:
                self.pool, self.pooled = None, []
            return
        while self.pool is not None and len(self.pooled) < int(self.pool["MinSize"]):
            self.pooled.append(instance(self.version, "Warmed:Stopped"))


def _refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "WarmPool")


class Faulty:
    """Lets one call of the clients that it is put around go unanswered, before its effect or after it."""

    def __init__(self, number: int, *, has_effect: bool) -> None:
        self.left, self._has_effect = number, has_effect

    def around(self, client: object) -> "FaultyClient":
        return FaultyClient(self, client)

    def made(self, call: Callable[..., dict], asked: dict) -> dict:
        self.left -= 1
        if self.left != -1:
            return call(**asked)
        if self._has_effect:
            call(**asked)
        raise TIMED_OUT


class FaultyClient:
    def __init__(self, faulty: Faulty, client: object) -> None:
        self._faulty, self._client = faulty, client
        self.exceptions = client.exceptions  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Callable[..., dict]:
        return lambda **asked: self._faulty.made(getattr(self._client, name), asked)
