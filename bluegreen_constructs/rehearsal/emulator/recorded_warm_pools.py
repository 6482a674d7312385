"""Warm pools as records: they are kept and shown, and no instance ever waits in one.

What is asked of a pool is answered as AWS answers it of one that has not been filled yet: every instance of the
rehearsal starts cold. Followed: the API reference of EC2 Auto Scaling, PutWarmPool, DeleteWarmPool, DescribeWarmPool.
"""

from collections.abc import Callable, Mapping
from typing import cast

from ministack.services import autoscaling

from .patches import Patches

Params = dict[str, str]
Answer = tuple[int, dict[str, str], bytes]
_Properties = Mapping[str, object]
_TYPE = "AWS::AutoScaling::WarmPool"
_FIELDS = ("MaxGroupPreparedCapacity", "MinSize", "PoolState", "InstanceReusePolicy")


def actions() -> dict[str, Callable[[Params], Answer]]:
    """By name."""
    return {"PutWarmPool": _put, "DeleteWarmPool": _delete, "DescribeWarmPool": _describe}


def install(patches: Patches) -> None:
    """Give CloudFormation the type, which the emulator lacks."""
    patches.resource_type(
        _TYPE, {"create": _create_resource, "update": _update_resource, "delete": _delete_resource}, is_there=False
    )


def shown(group: Mapping[str, object]) -> str:
    """What DescribeAutoScalingGroups says of a group's pool, in XML."""
    pool = group.get("WarmPool")
    if not pool:
        return ""
    return (
        f"<WarmPoolConfiguration>{autoscaling._member_xml(pool)}</WarmPoolConfiguration><WarmPoolSize>0</WarmPoolSize>"
    )


def _put(params: Params) -> Answer:
    group = _group(str(autoscaling._p(params, "AutoScalingGroupName")))
    if group is None:
        return _not_found(params)
    given = {name: autoscaling._p(params, name) for name in _FIELDS[:-1]}
    given["InstanceReusePolicy"] = autoscaling._parse_nested(params, "InstanceReusePolicy")
    group["WarmPool"] = _configuration(given)
    return _done("PutWarmPool")


def _delete(params: Params) -> Answer:
    name = str(autoscaling._p(params, "AutoScalingGroupName"))
    group = _group(name)
    if group is None:
        return _not_found(params)
    if not group.pop("WarmPool", None):
        return cast(Answer, autoscaling._error("ValidationError", f"No warm pool found for Auto Scaling group {name}"))
    return _done("DeleteWarmPool")


def _describe(params: Params) -> Answer:
    group = _group(str(autoscaling._p(params, "AutoScalingGroupName")))
    if group is None:
        return _not_found(params)
    result = f"<DescribeWarmPoolResult>{_told(group)}<Instances/></DescribeWarmPoolResult>"
    return cast(Answer, autoscaling._xml(200, "DescribeWarmPoolResponse", result))


def _told(group: Mapping[str, object]) -> str:
    pool = group.get("WarmPool")
    return f"<WarmPoolConfiguration>{autoscaling._member_xml(pool)}</WarmPoolConfiguration>" if pool else ""


def _configuration(given: Mapping[str, object]) -> dict[str, object]:
    """A pool's settings with AWS's defaults; a most that is not given, or -1, is the group's maximum."""
    pool: dict[str, object] = {
        "MinSize": int(str(given.get("MinSize") or 0)),
        "PoolState": str(given.get("PoolState") or "Stopped"),
    }
    most = given.get("MaxGroupPreparedCapacity")
    if most not in (None, "", -1, "-1"):
        pool["MaxGroupPreparedCapacity"] = int(str(most))
    reuse = cast("Mapping[str, object]", given.get("InstanceReusePolicy") or {}).get("ReuseOnScaleIn")
    pool["InstanceReusePolicy"] = {"ReuseOnScaleIn": str(reuse).lower() == "true"}
    return pool


def _create_resource(logical_id: str, props: _Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    del logical_id, stack_name
    name = str(props.get("AutoScalingGroupName"))
    group = _group(name)
    if group is None:
        raise ValueError(f"AutoScalingGroup name not found - {name}")
    group["WarmPool"] = _configuration(props)
    return name, {}


def _update_resource(
    physical_id: str, before: _Properties, after: _Properties, stack_name: str
) -> tuple[str, dict[str, str]]:
    """Another group is another pool ("Update requires: Replacement").

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-autoscaling-warmpool.html
    """
    del physical_id, before
    return _create_resource("", after, stack_name)


def _delete_resource(physical_id: str, props: _Properties) -> None:
    del props
    group = _group(physical_id)
    if group is not None:
        group.pop("WarmPool", None)


def _group(name: str) -> dict[str, object] | None:
    return cast("dict[str, object] | None", autoscaling._asgs.get(name))


def _done(action: str) -> Answer:
    return cast(Answer, autoscaling._xml(200, f"{action}Response", f"<{action}Result/>"))


def _not_found(params: Params) -> Answer:
    name = autoscaling._p(params, "AutoScalingGroupName")
    return cast(Answer, autoscaling._error("ValidationError", f"AutoScalingGroup name not found - {name}"))
