"""Listener rules of Elastic Load Balancing v2 through a boto3 client."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

from ..errors import AwsError
from ..listener_rules import Json, ListenerNotFoundError, PriorityTakenError, Rule, RuleNotFoundError
from ..patience import Patience, TryAgainError
from .client_calls import AwsClient, Calls, entries, entry

T = TypeVar("T")

# What an action is allowed on: a listener; a rule that is being made; a rule with our tags; anything (the action knows
# no resource-level permissions).
Resource = Literal["listener", "new rule", "own rule", "any"]

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
# CreateRule with tags needs AddTags on the rule-to-be as well.
IAM_ACTIONS: Mapping[str, tuple[Resource, ...]] = {
    "elasticloadbalancing:AddTags": ("new rule", "own rule"),
    "elasticloadbalancing:CreateRule": ("listener",),
    "elasticloadbalancing:DeleteRule": ("own rule",),
    "elasticloadbalancing:DescribeRules": ("any",),
    "elasticloadbalancing:DescribeTags": ("any",),
    "elasticloadbalancing:DescribeTargetHealth": ("any",),
    "elasticloadbalancing:ModifyRule": ("own rule",),
    "elasticloadbalancing:RemoveTags": ("own rule",),
    "elasticloadbalancing:SetRulePriorities": ("own rule",),
}

# The API's own limit for one DescribeTags.
_ARNS_PER_DESCRIBE_TAGS = 20

_TRANSLATED: Mapping[str, type[AwsError]] = {
    "RuleNotFound": RuleNotFoundError,
    "ListenerNotFound": ListenerNotFoundError,
    "LoadBalancerNotFound": ListenerNotFoundError,
    "PriorityInUse": PriorityTakenError,
    "AccessDenied": TryAgainError,
    "AccessDeniedException": TryAgainError,
    "RequestLimitExceeded": TryAgainError,
    "ServiceUnavailable": TryAgainError,
    "Throttling": TryAgainError,
    "ThrottlingException": TryAgainError,
}


class Elbv2Client(AwsClient, Protocol):
    """The calls of a boto3 `elbv2` client that are used here."""

    def describe_rules(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_tags(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_target_health(self, **arguments: object) -> Mapping[str, object]: ...

    def create_rule(self, **arguments: object) -> Mapping[str, object]: ...

    def modify_rule(self, **arguments: object) -> Mapping[str, object]: ...

    def set_rule_priorities(self, **arguments: object) -> Mapping[str, object]: ...

    def add_tags(self, **arguments: object) -> Mapping[str, object]: ...

    def remove_tags(self, **arguments: object) -> Mapping[str, object]: ...

    def delete_rule(self, **arguments: object) -> Mapping[str, object]: ...


class Elbv2Rules:
    """`engine.listener_rules.ListenerRules` on AWS."""

    def __init__(
        self, client: Elbv2Client, patience: Patience, transport_errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _TRANSLATED)
        self._patience = patience

    def of_listener(self, listener_arn: str) -> Sequence[Rule]:
        described: list[Mapping[str, object]] = []
        arguments: dict[str, object] = {"ListenerArn": listener_arn}
        while True:
            page = self._call(self._client.describe_rules, arguments)
            described += [rule for rule in entries(page, "Rules") if not rule.get("IsDefault")]
            if not page.get("NextMarker"):
                break
            arguments["Marker"] = page["NextMarker"]
        tags = self._tags([str(rule["RuleArn"]) for rule in described])
        # A rule without an entry was deleted while its tags were read.
        return [_rule(rule, tags[str(rule["RuleArn"])]) for rule in described if str(rule["RuleArn"]) in tags]

    def create(
        self,
        listener_arn: str,
        *,
        priority: int,
        conditions: Sequence[Json],
        actions: Sequence[Json],
        tags: Mapping[str, str],
    ) -> Rule:
        answer = self._call(
            self._client.create_rule,
            {
                "ListenerArn": listener_arn,
                "Priority": priority,
                "Conditions": list(conditions),
                "Actions": list(actions),
                "Tags": _tag_list(tags),
            },
        )
        return _rule(entries(answer, "Rules")[0], tags)

    def set_conditions(self, rule_arn: str, conditions: Sequence[Json]) -> None:
        # Without Actions: "any properties that you do not specify are unchanged".
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html
        self._call(self._client.modify_rule, {"RuleArn": rule_arn, "Conditions": list(conditions)})

    def set_priority(self, rule_arn: str, priority: int) -> None:
        # "Any existing rules that you do not specify retain their current priority."
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html
        pair = {"RuleArn": rule_arn, "Priority": priority}
        self._call(self._client.set_rule_priorities, {"RulePriorities": [pair]})

    def add_tags(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        self._call(self._client.add_tags, {"ResourceArns": [rule_arn], "Tags": _tag_list(tags)})

    def remove_tags(self, rule_arn: str, keys: Sequence[str]) -> None:
        self._call(self._client.remove_tags, {"ResourceArns": [rule_arn], "TagKeys": list(keys)})

    def delete(self, rule_arn: str) -> None:
        try:
            self._call(self._client.delete_rule, {"RuleArn": rule_arn})
        except (RuleNotFoundError, ListenerNotFoundError):
            return

    def healthy_targets(self, group_arn: str) -> int:
        answer = self._call(self._client.describe_target_health, {"TargetGroupArn": group_arn})
        states = [entry(one, "TargetHealth") for one in entries(answer, "TargetHealthDescriptions")]
        return sum(state.get("State") == "healthy" for state in states)

    def _tags(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        tags: dict[str, dict[str, str]] = {}
        for start in range(0, len(arns), _ARNS_PER_DESCRIBE_TAGS):
            batch = list(arns[start : start + _ARNS_PER_DESCRIBE_TAGS])
            try:
                tags |= self._tags_of(batch)
            except RuleNotFoundError:
                # One that is gone fails the whole call: ask for each.
                for arn in batch:
                    try:
                        tags |= self._tags_of([arn])
                    except RuleNotFoundError:
                        continue
        return tags

    def _tags_of(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        answer = self._call(self._client.describe_tags, {"ResourceArns": list(arns)})
        return {
            str(one["ResourceArn"]): {str(tag["Key"]): str(tag.get("Value", "")) for tag in entries(one, "Tags")}
            for one in entries(answer, "TagDescriptions")
        }

    def _call(self, operation: Callable[..., T], arguments: Mapping[str, object]) -> T:
        return self._patience.attempt(lambda: self._calls.make(operation, arguments))


def _rule(described: Mapping[str, object], tags: Mapping[str, str]) -> Rule:
    return Rule(
        arn=str(described["RuleArn"]),
        priority=int(str(described["Priority"])),
        conditions=entries(described, "Conditions"),
        actions=entries(described, "Actions"),
        tags=dict(tags),
    )


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
