"""A fleet's instances by their tags, and which of them are registered in its target group."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..fleet_sides import FLEET_TAG, SIDE_TAG, InstanceSeen
from .client_calls import AwsClient, Calls, entries, entry

# Neither action knows resource-level permissions.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
IAM_ACTIONS: Mapping[str, str] = {"ec2:DescribeInstances": "*", "elasticloadbalancing:DescribeTargetHealth": "*"}
"""What an operator needs; no function of ours has it."""


class TargetHealthClient(AwsClient, Protocol):
    """The calls of a boto3 `elbv2` client that are used here."""

    def describe_target_health(self, **arguments: object) -> Mapping[str, object]: ...


class InstancesClient(AwsClient, Protocol):
    """The calls of a boto3 `ec2` client that are used here."""

    def describe_instances(self, **arguments: object) -> Mapping[str, object]: ...


class AwsFleetSides:
    """`engine.fleet_sides.FleetSides` on AWS."""

    def __init__(
        self,
        targets: TargetHealthClient,
        instances: InstancesClient,
        transport_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        """Use both clients; `transport_errors` is what they raise when AWS could not be reached or did not answer."""
        self._targets = targets
        self._instances = instances
        self._target_calls = Calls(targets, transport_errors)
        self._instance_calls = Calls(instances, transport_errors)

    def registered(self, group_arn: str) -> Mapping[str, str]:
        """All in one answer: the call has no pages."""
        answer = self._target_calls.make(self._targets.describe_target_health, {"TargetGroupArn": group_arn})
        return {
            str(entry(one, "Target").get("Id") or ""): str(entry(one, "TargetHealth").get("State") or "")
            for one in entries(answer, "TargetHealthDescriptions")
        }

    def instances(self, fleet: str) -> Sequence[InstanceSeen]:
        """By the tag, in whatever state they are; a value of a filter may hold wildcards, so each tag is looked at."""
        asked: dict[str, object] = {"Filters": [{"Name": f"tag:{FLEET_TAG}", "Values": [fleet]}]}
        found: list[InstanceSeen] = []
        while True:
            answer = self._instance_calls.make(self._instances.describe_instances, asked)
            for reservation in entries(answer, "Reservations"):
                for one in entries(reservation, "Instances"):
                    tags = {str(tag.get("Key")): str(tag.get("Value") or "") for tag in entries(one, "Tags")}
                    if tags.get(FLEET_TAG) == fleet:
                        is_running = entry(one, "State").get("Name") == "running"
                        found.append(InstanceSeen(str(one["InstanceId"]), tags.get(SIDE_TAG, ""), is_running))
            token = answer.get("NextToken")
            if not token:
                return found
            asked = {**asked, "NextToken": token}
