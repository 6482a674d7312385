"""RuleCondition: what a rule asks of a request, as the load balancer's API spells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class RawCondition(Protocol):
    """Whatever renders itself as a condition: `elbv2.ListenerCondition`, or a `RuleCondition`."""

    def render_raw_condition(self) -> object:
        """The condition as CloudFormation takes it."""


@dataclass(frozen=True)
class RuleCondition:
    """A condition that needs no call to Node, other than those of `elbv2.ListenerCondition`.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html
    """

    field: str
    config: str
    settings: Mapping[str, object]

    def render_raw_condition(self) -> object:
        """The condition in the API's words."""
        return {"Field": self.field, self.config: dict(self.settings)}

    @staticmethod
    def host_headers(values: Sequence[str]) -> "RuleCondition":
        """Requests to one of these hosts."""
        return RuleCondition("host-header", "HostHeaderConfig", {"Values": list(values)})

    @staticmethod
    def path_patterns(values: Sequence[str]) -> "RuleCondition":
        """Requests of one of these paths."""
        return RuleCondition("path-pattern", "PathPatternConfig", {"Values": list(values)})

    @staticmethod
    def http_header(name: str, values: Sequence[str]) -> "RuleCondition":
        """Requests whose header `name` has one of these values."""
        return RuleCondition("http-header", "HttpHeaderConfig", {"HttpHeaderName": name, "Values": list(values)})

    @staticmethod
    def http_header_like(name: str, expression: str) -> "RuleCondition":
        """Requests whose header `name` matches the regular expression, of at most 128 characters.

        The guide does not say whether a match may begin in the middle: give `^` and `$`.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
        """
        return RuleCondition("http-header", "HttpHeaderConfig", {"HttpHeaderName": name, "RegexValues": [expression]})

    @staticmethod
    def query_string(key: str, value: str) -> "RuleCondition":
        """Requests with this pair in their query; `*` in the value stands for any text."""
        return RuleCondition("query-string", "QueryStringConfig", {"Values": [{"Key": key, "Value": value}]})
