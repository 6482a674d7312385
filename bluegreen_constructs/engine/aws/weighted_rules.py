"""The rules whose weights the engine moves, on Elastic Load Balancing v2: a given number of calls in each method."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..errors import AwsError
from ..listener_rules import Json, RuleNotFoundError
from ..ports import RuleSeen, TargetsSeen
from .client_calls import AwsClient, Calls, entries, entry, number
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
LOOK_ACTIONS: Actions = {"elasticloadbalancing:DescribeRules": ("any",)}
READ_ACTIONS: Actions = {
    **LOOK_ACTIONS,
    "elasticloadbalancing:DescribeTags": ("any",),
    "elasticloadbalancing:DescribeTargetHealth": ("any",),
}
TAG_ACTIONS: Actions = {"elasticloadbalancing:AddTags": ("rule",)}
WRITE_ACTIONS: Actions = {"elasticloadbalancing:ModifyRule": ("rule",)}
IAM_ACTIONS: Actions = {**READ_ACTIONS, **TAG_ACTIONS, **WRITE_ACTIONS}

_KINDS: Mapping[str, type[AwsError]] = {"RuleNotFound": RuleNotFoundError}

# A target that is leaving, or is asked about and not there, is not registered.
_LEAVING = "draining"
_NOT_REGISTERED = "Target.NotRegistered"
# The state `unavailable` of a target whose group has no health checks, as a function's has none by default.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
_UNCHECKED = "Target.HealthCheckDisabled"


FRESH_SECONDS = 30.0
"""How old what is known of a rule may be at most when its weights are written."""


class RuleReadClient(AwsClient, Protocol):
    """The reading calls of a boto3 `elbv2` client that are used here."""

    def describe_rules(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_tags(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_target_health(self, **arguments: object) -> Mapping[str, object]: ...


class RuleWriteClient(AwsClient, Protocol):
    """The writing calls of a boto3 `elbv2` client that are used here."""

    def modify_rule(self, **arguments: object) -> Mapping[str, object]: ...

    def add_tags(self, **arguments: object) -> Mapping[str, object]: ...


class AlbWeightedRules:
    """`engine.ports.WeightedRules` on AWS, and `engine.swap.ports.GroupMembers`."""

    def __init__(
        self,
        client: RuleReadClient,
        writer: RuleWriteClient,
        transport_errors: tuple[type[Exception], ...] = (),
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read by `client` and write by `writer`.

        Args:
            client: may try a call again by itself (`clients.elbv2`).
            writer: must not (`clients.elbv2_writes`): a write that is repeated late could undo somebody else's.
            transport_errors: what both raise when AWS could not be reached or did not answer.
            seconds: a clock that only goes forward; default: the process's.
        """
        self._seconds = seconds
        self._read_at = -FRESH_SECONDS
        self._client = client
        self._writer = writer
        self._reads = Calls(client, transport_errors, _KINDS)
        self._writes = Calls(writer, transport_errors, _KINDS)

    def read(self, rule_arn: str) -> RuleSeen:
        """The actions, then the tags: whoever marks the rule in between is seen. Raises RuleNotFoundError."""
        return RuleSeen(self.actions(rule_arn), self.tags(rule_arn))

    def actions(self, rule_arn: str) -> Sequence[Json]:
        """Raises RuleNotFoundError."""
        answer = self._reads.make(self._client.describe_rules, {"RuleArns": [rule_arn]})
        rules = entries(answer, "Rules")
        if not rules:
            raise RuleNotFoundError(f"rule {rule_arn} is not there: deploy its stack again, which makes it anew")
        return entries(rules[0], "Actions")

    def tags(self, rule_arn: str) -> Mapping[str, str]:
        """Raises RuleNotFoundError."""
        started = self._seconds()
        answer = self._reads.make(self._client.describe_tags, {"ResourceArns": [rule_arn]})
        self._read_at = started
        return {
            str(tag["Key"]): str(tag.get("Value", ""))
            for described in entries(answer, "TagDescriptions")
            for tag in entries(described, "Tags")
        }

    def targets(self, group_arn: str) -> TargetsSeen:
        """Targets that ELB calls healthy; one in a group that no rule forwards to is `unused`, and not healthy.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
        """
        registered = [entry(one, "TargetHealth") for one in self._registered(group_arn)]
        unchecked = [one for one in registered if one.get("Reason") == _UNCHECKED]
        healthy = [one for one in registered if one.get("State") == "healthy"]
        return TargetsSeen(healthy=len(healthy) + len(unchecked), registered=len(registered), is_checked=not unchecked)

    def addresses(self, group_arn: str) -> Sequence[tuple[str, int]]:
        """One call: DescribeTargetHealth. Address and port of each target that is not leaving, healthy or not yet."""
        targets = [entry(one, "Target") for one in self._registered(group_arn)]
        return [(str(target["Id"]), number(target, "Port")) for target in targets]

    def _registered(self, group_arn: str) -> list[Mapping[str, object]]:
        answer = self._reads.make(self._client.describe_target_health, {"TargetGroupArn": group_arn})
        return [
            one
            for one in entries(answer, "TargetHealthDescriptions")
            if (health := entry(one, "TargetHealth")).get("State") != _LEAVING
            and health.get("Reason") != _NOT_REGISTERED
        ]

    def write(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """Replace the whole action list. Raises RuleNotFoundError.

        After any other AwsError the rule may have the former actions or these: read it before the next write.
        """
        self._writes.make(self._writer.modify_rule, {"RuleArn": rule_arn, "Actions": list(actions)})

    def write_fresh(self, rule_arn: str, actions: Sequence[Json]) -> None:
        """`write`, but an AwsError when the tags were last read more than `FRESH_SECONDS` ago.

        A function can be held up between any two of its steps; what it read before may not be true any more, and
        nothing at Elastic Load Balancing would refuse the write.
        """
        age = self._seconds() - self._read_at
        if age > FRESH_SECONDS:
            raise AwsError(f"rule {rule_arn} was read {age:.0f} s ago, which is too long before a write: read it again")
        self.write(rule_arn, actions)

    def tag(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        """Set these tags and leave the others alone. Raises RuleNotFoundError."""
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._writes.make(self._writer.add_tags, {"ResourceArns": [rule_arn], "Tags": pairs})
