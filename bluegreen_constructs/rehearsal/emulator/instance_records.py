"""EC2 instances, Auto Scaling groups and targets as ministack keeps them, read and written for the played instances."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from ministack.core.responses import request_scope
from ministack.services import alb, autoscaling, ec2

from ..ecs.deployment_plan import mapping, mappings
from ..instances.group_keeper import Group, Member
from ..instances.instance_processes import RunningInstance
from ..instances.program import RELEASE_TAG, Template, read_template

_Record = dict[str, object]


class EmulatorInstances:
    """EC2, Auto Scaling and target groups as ministack keeps them, in one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region

    def groups(self) -> Mapping[str, Group]:
        with request_scope(self._account, self._region):
            return {str(name): _group(record) for name, record in list(autoscaling._asgs.items())}

    def running(self) -> Mapping[str, RunningInstance]:
        with request_scope(self._account, self._region):
            found: dict[str, RunningInstance] = {}
            ports = _ports()
            for instance, record in list(ec2._instances.items()):
                if record["State"]["Name"] == "running":
                    tags = {str(tag["Key"]): str(tag["Value"]) for tag in ec2._tags.get(instance) or ()}
                    release = tags.get(RELEASE_TAG) or str(record.get("_release") or "")
                    found[instance] = RunningInstance(release, ports.get(instance), tags)
            return found

    def zone(self, group: str) -> str:
        with request_scope(self._account, self._region):
            record = autoscaling._asgs.get(group) or {}
            return str((record.get("AvailabilityZones") or [f"{self._region}a"])[0])

    def launch(self, group: Group, address: str) -> str:
        template = group.template
        assert template is not None  # noqa: S101  # the caller has refused a group without one
        with request_scope(self._account, self._region):
            subnets = str((autoscaling._asgs.get(group.name) or {}).get("VPCZoneIdentifier") or "").split(",")
            (record,) = ec2._launch_instances_internal(
                template.image_id, template.instance_type, subnets[0], 1, requested_private_ip=address
            )
            record["_release"] = template.release
            tags = {**template.tags, "aws:autoscaling:groupName": group.name}
            ec2._tags[record["InstanceId"]] = [{"Key": key, "Value": value} for key, value in tags.items()]
            return str(record["InstanceId"])

    def terminate(self, instance: str) -> None:
        with request_scope(self._account, self._region):
            ec2._terminate_instances({"InstanceId.1": [instance]})

    def port(self, target_group: str) -> int:
        with request_scope(self._account, self._region):
            return int((alb._tgs.get(target_group) or {}).get("Port", 80))

    def show(self, group: str, members: tuple[Member, ...]) -> None:
        with request_scope(self._account, self._region):
            record = autoscaling._asgs.get(group)
            if record is not None:
                zone = (record.get("AvailabilityZones") or [f"{self._region}a"])[0]
                record["Instances"] = [_shown(member, zone) for member in members]


def _group(record: _Record) -> Group:
    return Group(
        name=str(record["AutoScalingGroupName"]),
        desired=int(str(record["DesiredCapacity"])),
        target_groups=tuple(str(arn) for arn in cast("list[object]", record.get("TargetGroupARNs") or [])),
        uses_elb_health="ELB" in str(record.get("HealthCheckType", "")),
        grace=float(str(record.get("HealthCheckGracePeriod") or 0)),
        template=_of_group(record),
    )


def specification_of(group: Mapping[str, object]) -> Mapping[str, object]:
    """Which launch template a group launches, alone or in a mixed instances policy; empty for none."""
    policy = mapping(mapping(group.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    return mapping(group.get("LaunchTemplate")) or mapping(policy.get("LaunchTemplateSpecification"))


def _of_group(record: _Record) -> Template | None:
    """What the group launches; of a mixed instances policy the first type, always, and never on Spot."""
    found = chosen_template(specification_of(record))
    policy = mapping(mapping(record.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    first = next((str(one["InstanceType"]) for one in mappings(policy.get("Overrides")) if "InstanceType" in one), "")
    return replace(found, instance_type=first) if found is not None and first else found


def chosen_template(specification: Mapping[str, object]) -> Template | None:
    """The version that a group's launch template specification means now."""
    wanted = {str(specification.get("LaunchTemplateId", "")), str(specification.get("LaunchTemplateName", ""))} - {""}
    for record in ec2._launch_templates.values():
        if {record["LaunchTemplateId"], record["LaunchTemplateName"]} & wanted:
            return read_template(record, str(specification.get("Version") or ""))
    return None


def _ports() -> dict[str, int]:
    """Where the first target group of each instance expects it."""
    found: dict[str, int] = {}
    for arn, targets in list(alb._targets.items()):
        group = alb._tgs.get(arn)
        for target in targets or ():
            if group is not None and str(target["Id"]).startswith("i-"):
                found.setdefault(str(target["Id"]), int(target.get("Port") or group["Port"]))
    return found


def _shown(member: Member, zone: object) -> _Record:
    return {
        "InstanceId": member.id,
        "LifecycleState": str(member.lifecycle),
        "HealthStatus": "Healthy" if member.is_healthy else "Unhealthy",
        "AvailabilityZone": zone,
        "ProtectedFromScaleIn": False,
        "LaunchTemplate": {
            "LaunchTemplateId": member.template.id,
            "LaunchTemplateName": member.template.name,
            "Version": str(member.template.version),
        },
        "LaunchConfigurationName": "",
    }
