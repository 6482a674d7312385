"""The Auto Scaling actions that are answered for played groups, in the place of ministack's."""

from collections.abc import Callable, Mapping
from typing import cast

from ministack.services import autoscaling, ec2

from ..instances.activity import activities_xml
from ..instances.played_instances import PlayedInstances
from . import recorded_warm_pools
from .instance_records import chosen_template, specification_of

Params = dict[str, str]
Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[Params], Answer]
_Record = dict[str, object]
_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


class AutoScalingActions:
    """The Auto Scaling actions that are answered here; `originals` are ministack's."""

    def __init__(self, part: PlayedInstances, originals: Mapping[str, Action]) -> None:
        self._part = part
        self._originals = originals

    def actions(self) -> dict[str, Action]:
        """By name."""
        return {
            "CreateAutoScalingGroup": self.create,
            "UpdateAutoScalingGroup": self.update,
            "SetDesiredCapacity": self.set_desired_capacity,
            "DeleteAutoScalingGroup": self.delete,
            "DescribeAutoScalingGroups": self.describe,
            "DescribeScalingActivities": self.describe_activities,
            "AttachLoadBalancerTargetGroups": self.attach,
            "DetachLoadBalancerTargetGroups": self.detach,
            "TerminateInstanceInAutoScalingGroup": self.terminate,
            "StartInstanceRefresh": self.refuse_refresh,
            **recorded_warm_pools.actions(),
        }

    def create(self, params: Params) -> Answer:
        answer = self._originals["CreateAutoScalingGroup"](params)
        record = autoscaling._asgs.get(autoscaling._p(params, "AutoScalingGroupName"))
        if answer[0] < 400 and record is not None:
            record["TargetGroupARNs"] = autoscaling._parse_member_list(params, "TargetGroupARNs")
            _choose_template(record, params)
        return answer

    def update(self, params: Params) -> Answer:
        """A new minimum or maximum takes the desired capacity with it (API reference: UpdateAutoScalingGroup)."""
        record = _record(params)
        if record is None:
            return _not_found(params)
        sizes = {name: int(value) for name in _SIZES if (value := autoscaling._p(params, name)) != ""}
        lowest = sizes.get("MinSize", int(str(record["MinSize"])))
        highest = sizes.get("MaxSize", int(str(record["MaxSize"])))
        present = int(str(record["DesiredCapacity"]))
        desired = sizes.get("DesiredCapacity", min(max(present, lowest), highest))
        if refusal := _wrong_size(lowest, desired, highest) or _wrong_template(params):
            return refusal
        answer = self._originals["UpdateAutoScalingGroup"](params)
        _choose_template(record, params)
        record["DesiredCapacity"] = desired
        return answer

    def set_desired_capacity(self, params: Params) -> Answer:
        record, desired = _record(params), autoscaling._p(params, "DesiredCapacity")
        if record is None:
            return _not_found(params)
        refusal = desired != "" and _wrong_size(int(str(record["MinSize"])), int(desired), int(str(record["MaxSize"])))
        return refusal or self._originals["SetDesiredCapacity"](params)

    def delete(self, params: Params) -> Answer:
        name = autoscaling._p(params, "AutoScalingGroupName")
        if autoscaling._p(params, "ForceDelete") != "true" and self._part.keeper.members(name):
            message = (
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
                "still in the group."
            )
            return cast(Answer, autoscaling._error("ResourceInUse", message))
        return self._originals["DeleteAutoScalingGroup"](params)

    def describe(self, params: Params) -> Answer:
        """ministack's answer with what it leaves out: target groups, a mixed instances policy, a warm pool."""
        status, headers, body = self._originals["DescribeAutoScalingGroups"](params)
        text = body.decode()
        for record in autoscaling._asgs.values():
            arn = f"<AutoScalingGroupARN>{record['AutoScalingGroupARN']}</AutoScalingGroupARN>"
            members = "".join(f"<member>{group}</member>" for group in record.get("TargetGroupARNs") or ())
            policy = record.get("MixedInstancesPolicy")
            mixed = f"<MixedInstancesPolicy>{autoscaling._member_xml(policy)}</MixedInstancesPolicy>" if policy else ""
            more = f"<TargetGroupARNs>{members}</TargetGroupARNs>{mixed}{recorded_warm_pools.shown(record)}"
            text = text.replace(arn, f"{arn}{more}")
        return status, headers, text.encode()

    def describe_activities(self, params: Params) -> Answer:
        """Newest first; MaxRecords at most (100 by default, as on AWS)."""
        name = autoscaling._p(params, "AutoScalingGroupName")
        if name and name not in autoscaling._asgs:
            return _not_found(params)
        names = [name] if name else list(autoscaling._asgs)
        found = sorted(
            (activity for one in names for activity in self._part.keeper.activities(one)),
            key=lambda activity: activity.started_at,
            reverse=True,
        )
        most = int(autoscaling._p(params, "MaxRecords") or 100)
        result = f"<DescribeScalingActivitiesResult>{activities_xml(found[:most])}</DescribeScalingActivitiesResult>"
        return cast(Answer, autoscaling._xml(200, "DescribeScalingActivitiesResponse", result))

    def attach(self, params: Params) -> Answer:
        return self._change_groups(
            params, "Attach", lambda has, given: [*has, *(arn for arn in given if arn not in has)]
        )

    def detach(self, params: Params) -> Answer:
        return self._change_groups(params, "Detach", lambda has, given: [arn for arn in has if arn not in given])

    def _change_groups(self, params: Params, verb: str, change: Callable[[list[str], list[str]], list[str]]) -> Answer:
        record = _record(params)
        if record is None:
            return _not_found(params)
        present = [str(arn) for arn in cast("list[object]", record.get("TargetGroupARNs") or [])]
        record["TargetGroupARNs"] = change(present, autoscaling._parse_member_list(params, "TargetGroupARNs"))
        action = f"{verb}LoadBalancerTargetGroups"
        return cast(Answer, autoscaling._xml(200, f"{action}Response", f"<{action}Result/>"))

    def terminate(self, params: Params) -> Answer:
        """The group notices at its next round, and starts another unless its capacity shrinks too."""
        instance = autoscaling._p(params, "InstanceId")
        for record in autoscaling._asgs.values():
            if instance in {str(one["InstanceId"]) for one in record["Instances"]}:
                if autoscaling._p(params, "ShouldDecrementDesiredCapacity") == "true":
                    if int(record["DesiredCapacity"]) <= int(record["MinSize"]):
                        message = "Terminating the instance would take the group below its minimum size"
                        return cast(Answer, autoscaling._error("ValidationError", message))
                    record["DesiredCapacity"] = int(record["DesiredCapacity"]) - 1
                ec2._terminate_instances({"InstanceId.1": [instance]})
                action = "TerminateInstanceInAutoScalingGroup"
                return cast(Answer, autoscaling._xml(200, f"{action}Response", f"<{action}Result/>"))
        return cast(Answer, autoscaling._error("ValidationError", f"Instance Id not found - {instance} is in no group"))

    def refuse_refresh(self, params: Params) -> Answer:
        """ministack would call it successful and replace nothing."""
        del params
        message = "the rehearsal does not play instance refreshes; scale the group in, then out with the new version"
        return cast(Answer, autoscaling._error("ValidationError", message))


def _record(params: Params) -> _Record | None:
    return cast("_Record | None", autoscaling._asgs.get(autoscaling._p(params, "AutoScalingGroupName")))


def _not_found(params: Params) -> Answer:
    name = autoscaling._p(params, "AutoScalingGroupName")
    return cast(Answer, autoscaling._error("ValidationError", f"AutoScalingGroup name not found - {name}"))


def _wrong_size(lowest: int, desired: int, highest: int) -> Answer | None:
    if lowest > highest:
        message = f"Max bound, {highest}, must be greater than or equal to min bound, {lowest}"
        return cast(Answer, autoscaling._error("ValidationError", message))
    if lowest <= desired <= highest:
        return None
    side, bound = ("above", highest) if desired > highest else ("below", lowest)
    name = "max" if desired > highest else "min"
    message = f"New SetDesiredCapacity value {desired} is {side} {name} value {bound} for the AutoScalingGroup."
    return cast(Answer, autoscaling._error("ValidationError", message))


def _specification(params: Params) -> dict[str, object]:
    given = {name: autoscaling._parse_nested(params, name) for name in ("LaunchTemplate", "MixedInstancesPolicy")}
    return dict(specification_of(given))


def _wrong_template(params: Params) -> Answer | None:
    given = _specification(params)
    if not given or chosen_template(given) is not None:
        return None
    said = given.get("LaunchTemplateId") or given.get("LaunchTemplateName") or ""
    message = (
        f"You must use a valid fully-formed launch template. The specified launch template {said} with version "
        f"{given.get('Version', '$Default')} does not exist."
    )
    return cast(Answer, autoscaling._error("ValidationError", message))


def _choose_template(record: _Record, params: Params) -> None:
    given = _specification(params)
    found = chosen_template(given) if given else None
    if found is None:
        return
    chosen = {
        "LaunchTemplateId": found.id,
        "LaunchTemplateName": found.name,
        "Version": given.get("Version") or "$Default",
    }
    policy = cast(_Record, autoscaling._parse_nested(params, "MixedInstancesPolicy"))
    if not policy:
        record["LaunchTemplate"], record["MixedInstancesPolicy"] = chosen, None
        return
    launched = {**cast(_Record, policy["LaunchTemplate"]), "LaunchTemplateSpecification": chosen}
    record["LaunchTemplate"], record["MixedInstancesPolicy"] = {}, {**policy, "LaunchTemplate": launched}
