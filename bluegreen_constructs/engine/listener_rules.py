"""Listener rules as the engine sees them: the value, what a port to them can do, and how that can fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .errors import AwsError

# A condition or an action, in the words and the nesting of the Elastic Load Balancing API.
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rule:
    """A listener rule as it is now, with its tags."""

    arn: str
    priority: int
    conditions: Sequence[Json]
    actions: Sequence[Json]
    tags: Mapping[str, str] = field(default_factory=dict)


class ListenerRules(Protocol):
    """What can be done with the rules of a listener. Any call may raise an `AwsError`."""

    def of_listener(self, listener_arn: str) -> Sequence[Rule]:
        """All rules of the listener but its default one; raises `ListenerNotFoundError`."""

    def create(
        self,
        listener_arn: str,
        *,
        priority: int,
        conditions: Sequence[Json],
        actions: Sequence[Json],
        tags: Mapping[str, str],
    ) -> Rule:
        """Make a rule, tagged from its first moment; raises `PriorityTakenError`."""

    def set_conditions(self, rule_arn: str, conditions: Sequence[Json]) -> None:
        """Replace the conditions and leave the actions alone."""

    def set_priority(self, rule_arn: str, priority: int) -> None:
        """Move the rule; raises `PriorityTakenError`."""

    def add_tags(self, rule_arn: str, tags: Mapping[str, str]) -> None:
        """Set these tags and leave the others alone."""

    def remove_tags(self, rule_arn: str, keys: Sequence[str]) -> None:
        """Remove the tags with these keys; a key that is not there is no error."""

    def delete(self, rule_arn: str) -> None:
        """Delete the rule; one that is gone already is no error."""

    def healthy_targets(self, group_arn: str) -> int:
        """How many healthy targets a target group has."""


class RuleNotFoundError(AwsError):
    """The rule is gone: deleted by hand, or with its listener."""


class ListenerNotFoundError(AwsError):
    """The listener is gone, and its rules with it."""


class PriorityTakenError(AwsError):
    """Another rule of the listener has the priority."""
