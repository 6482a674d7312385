"""ECS's calls to Elastic Load Balancing, made for real against the emulator's gateway.

Register and deregister targets, read their health, and write the weights of the production and test rules: each write
is read first and carries the whole list of actions (ModifyRule replaces it).
"""

from collections.abc import Mapping
from typing import Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from ...engine.errors import RehearsalError
from .deployment_plan import mapping, mappings
from .revision import Ingress
from .traffic_weights import Actions, serving_group, with_weights


class ElbClient(Protocol):
    """The methods of boto3's elbv2 client that are used."""

    def register_targets(self, *, TargetGroupArn: str, Targets: list[dict[str, object]]) -> object: ...  # noqa: N803
    def deregister_targets(self, *, TargetGroupArn: str, Targets: list[dict[str, object]]) -> object: ...  # noqa: N803
    def describe_target_health(self, *, TargetGroupArn: str) -> dict[str, object]: ...  # noqa: N803
    def describe_rules(self, *, RuleArns: list[str]) -> dict[str, object]: ...  # noqa: N803
    def modify_rule(self, *, RuleArn: str, Actions: list[dict[str, object]]) -> object: ...  # noqa: N803


class LoadBalancerCalls:
    """Target groups and rules, as ECS uses them."""

    def __init__(self, client: ElbClient) -> None:
        self._client = client

    def register(self, group: str, address: str, port: int) -> None:
        """RegisterTargets; RehearsalError when the group is not there."""
        try:
            self._client.register_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": port}])
        except (ClientError, BotoCoreError) as error:
            raise RehearsalError(f"unable to register targets in target-group {group}: {error}") from error

    def deregister(self, group: str, address: str, port: int) -> None:
        """DeregisterTargets; a group that is gone has no target either."""
        try:
            self._client.deregister_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": port}])
        except (ClientError, BotoCoreError) as error:
            if "TargetGroupNotFound" not in str(error):
                raise RehearsalError(f"unable to deregister targets in target-group {group}: {error}") from error

    def health(self, group: str) -> Mapping[str, str]:
        """DescribeTargetHealth: state by address; nothing for a group that is gone.

        RehearsalError when it cannot be read: what is not known must not pass for a target that has drained.
        """
        try:
            answer = self._client.describe_target_health(TargetGroupArn=group)
        except (ClientError, BotoCoreError) as error:
            if "TargetGroupNotFound" in str(error):
                return {}
            raise RehearsalError(f"unable to describe target health in target-group {group}: {error}") from error
        return {
            str(mapping(described.get("Target")).get("Id")): str(mapping(described.get("TargetHealth")).get("State"))
            for described in mappings(answer.get("TargetHealthDescriptions"))
        }

    def serving_group(self, ingress: Ingress) -> str:
        """The group that production traffic goes to; RehearsalError in ECS's words for rules it would refuse."""
        production = self._actions(ingress.production_rule)
        return serving_group(ingress, production, self._actions(ingress.test_rule) if ingress.test_rule else None)

    def shift(self, rule: str, shares: Mapping[str, float]) -> None:
        """Make `rule` forward to `shares` (percent by group); RehearsalError when the rule is not there."""
        actions = self._actions(rule)
        wanted = with_weights(actions, shares)
        if not any(action.get("Type") == "forward" for action in wanted):
            raise RehearsalError(f"of invalid networking configuration. Rule {rule} has no forward action")
        try:
            self._client.modify_rule(RuleArn=rule, Actions=wanted)
        except (ClientError, BotoCoreError) as error:
            raise RehearsalError(f"of invalid networking configuration. {error}") from error

    def _actions(self, rule: str) -> Actions:
        try:
            found = mappings(self._client.describe_rules(RuleArns=[rule]).get("Rules"))
        except (ClientError, BotoCoreError) as error:
            if "NotFound" not in str(error):
                raise RehearsalError(f"of invalid networking configuration. {error}") from error
            found = ()
        if not found:
            raise RehearsalError("of invalid networking configuration. One or more rules not found")
        return cast(Actions, mappings(found[0].get("Actions")))
