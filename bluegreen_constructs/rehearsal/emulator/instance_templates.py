"""CloudFormation's handlers of AWS::AutoScaling::AutoScalingGroup and AWS::EC2::Instance."""

import time
from collections.abc import Callable, Mapping
from typing import cast

from ministack.services import autoscaling, ec2
from ministack.services.cloudformation import provisioners

from ...engine.errors import RehearsalError
from ..ecs.deployment_plan import mappings
from ..instances.played_instances import PlayedInstances
from ..instances.program import Template
from .instance_records import specification_of
from .patches import Patches
from .world import World

_Properties = Mapping[str, object]
_GROUP = "AWS::AutoScaling::AutoScalingGroup"
_DELETE_SECONDS = 120.0  # real: how long a stack waits for the instances of a group it deletes


def install_instance_types(patches: Patches, world: World, part: PlayedInstances) -> None:
    """Put them in the table; a group's waits for its instances, so it runs off the event loop."""
    table = cast("dict[str, dict[str, Callable[..., object]]]", patches.original(provisioners, "_RESOURCE_HANDLERS"))
    own = table[_GROUP]

    def create(logical_id: str, props: _Properties, stack_name: str) -> object:
        _refuse_without_template(props)
        answer = cast("tuple[str, object]", own["create"](logical_id, props, stack_name))
        autoscaling._asgs[answer[0]]["TargetGroupARNs"] = list(cast("list[str]", props.get("TargetGroupARNs") or []))
        autoscaling._asgs[answer[0]]["MixedInstancesPolicy"] = props.get("MixedInstancesPolicy")
        return answer

    def update(
        physical_id: str, before: _Properties, after: _Properties, stack_name: str, logical_id: str | None = None
    ) -> object:
        """A desired capacity that the template does not give stays as it is, within the bounds."""
        _refuse_without_template(after)
        present = autoscaling._asgs.get(physical_id) or {}
        desired = int(present.get("DesiredCapacity", 0))
        answer = cast(
            "tuple[str, object]", own["update"](physical_id, before, after, stack_name, logical_id=logical_id)
        )
        record = autoscaling._asgs[answer[0]]
        if answer[0] == physical_id and "DesiredCapacity" not in after:
            record["DesiredCapacity"] = min(max(desired, record["MinSize"]), record["MaxSize"])
        record["TargetGroupARNs"] = list(cast("list[str]", after.get("TargetGroupARNs") or []))
        record["MixedInstancesPolicy"] = after.get("MixedInstancesPolicy")
        return answer

    def delete(physical_id: str, props: _Properties) -> None:
        own["delete"](physical_id, props)
        give_up_at = time.monotonic() + _DELETE_SECONDS
        while part.keeper.members(physical_id):
            if time.monotonic() >= give_up_at:
                raise RehearsalError(f"the instances of {physical_id} did not end within {_DELETE_SECONDS:g} seconds")
            time.sleep(0.1)

    world.worker_thread_types.add(_GROUP)
    patches.resource_type(_GROUP, {**own, "create": create, "update": update, "delete": delete}, is_there=True)
    patches.resource_type(
        "AWS::EC2::Instance",
        {"create": _create_instance, "update": _update_instance, "delete": _delete_instance},
        is_there=False,
    )
    replacing = cast("dict[str, tuple[str, ...]]", patches.original(provisioners, "_REPLACING_PROPERTIES"))
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
    replacing["AWS::EC2::Instance"] = ("AvailabilityZone", "ImageId", "KeyName", "SubnetId", "UserData")


def _refuse_without_template(props: _Properties) -> None:
    if not specification_of(props):
        raise ValueError(
            "the rehearsal launches instances from launch templates only; give the group a LaunchTemplate instead of a "
            "LaunchConfigurationName"
        )


def _create_instance(logical_id: str, props: _Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del logical_id, stack_name
    (record,) = ec2._launch_instances_internal(
        str(props.get("ImageId") or Template.image_id),
        str(props.get("InstanceType") or Template.instance_type),
        str(props.get("SubnetId") or ""),
        1,
        sg_ids=list(cast("list[str]", props.get("SecurityGroupIds") or [])) or None,
    )
    if props.get("AvailabilityZone"):
        record["Placement"]["AvailabilityZone"] = str(props["AvailabilityZone"])
    _tag(str(record["InstanceId"]), props)
    return str(record["InstanceId"]), _attributes(record)


def _update_instance(
    physical_id: str, before: _Properties, after: _Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    del before, stack_name
    _tag(physical_id, after)
    return physical_id, _attributes(ec2._instances[physical_id])


def _delete_instance(physical_id: str, props: _Properties) -> None:
    del props
    if physical_id in ec2._instances:
        ec2._terminate_instances({"InstanceId.1": [physical_id]})


def _tag(instance: str, props: _Properties) -> None:
    ec2._tags[instance] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in mappings(props.get("Tags"))]


def _attributes(record: Mapping[str, object]) -> dict[str, str]:
    placement = cast(Mapping[str, object], record["Placement"])
    return {
        "AvailabilityZone": str(placement["AvailabilityZone"]),
        "InstanceId": str(record["InstanceId"]),
        "PrivateDnsName": str(record["PrivateDnsName"]),
        "PrivateIp": str(record["PrivateIpAddress"]),
        "PublicDnsName": str(record["PublicDnsName"]),
        "PublicIp": str(record["PublicIpAddress"]),
        "VpcId": str(record["VpcId"]),
    }
