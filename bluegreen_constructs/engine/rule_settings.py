"""What a stack asks of a listener rule: the properties of the custom resource, parsed and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .errors import ConfigurationError
from .listener_rules import Json


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The wanted rule. What begins with `initial` counts when the rule is made, and only then.

    blue, green: the two sides of a rule that forwards to both, with weights.
    one_of: instead of them the groups of which the rule forwards to one at a time, such as those of slots: whoever
        moves it writes another one. initial_group: the one at first.
    must_serve: the group that an update wants to find with all of the traffic (empty: whichever).
    """

    listener_arn: str
    priority: int
    conditions: Sequence[Json]
    blue: str = ""
    green: str = ""
    initial_candidate_weight: int = field(default=0, compare=False)
    initial_stickiness_seconds: int | None = field(default=None, compare=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    must_serve: str = ""
    one_of: tuple[str, ...] = ()
    initial_group: str = field(default="", compare=False)

    @property
    def in_order(self) -> tuple[str, ...]:
        """The ARNs of the target groups as the stack names them."""
        return self.one_of or (self.blue, self.green)

    @property
    def groups(self) -> frozenset[str]:
        """The ARNs of the target groups, whichever is which."""
        return frozenset(self.in_order)

    def initial_actions(self) -> list[Json]:
        """Forward to both sides with the initial weights: both, so that whoever moves traffic finds both.

        A rule of one group at a time names that one alone: stickiness would keep clients on any other that it names.
        """
        if self.one_of:
            return _forward_to(self.initial_group)
        return self._forward(self.initial_candidate_weight)

    def actions_on(self, group: str) -> list[Json]:
        """Forward to both sides, with all weight on one of them; or, of one group at a time, to that one."""
        if self.one_of:
            return _forward_to(group)
        return self._forward(100 if group == self.green else 0)

    def _forward(self, green_weight: int) -> list[Json]:
        config: dict[str, object] = {
            "TargetGroups": [
                {"TargetGroupArn": self.blue, "Weight": 100 - green_weight},
                {"TargetGroupArn": self.green, "Weight": green_weight},
            ]
        }
        if self.initial_stickiness_seconds is not None:
            config["TargetGroupStickinessConfig"] = {
                "Enabled": True,
                "DurationSeconds": self.initial_stickiness_seconds,
            }
        return [{"Type": "forward", "ForwardConfig": config}]

    def has_conditions(self, live: Sequence[Json]) -> bool:
        """Whether a rule with the conditions `live`, as AWS describes them, has the wanted ones."""
        return [_essence(condition) for condition in live] == [_essence(condition) for condition in self.conditions]


def settings_of(properties: Mapping[str, object]) -> RuleSettings:
    """Read the custom resource's properties; CloudFormation hands over numbers as strings.

    Raises:
        ConfigurationError: a property is missing or makes no sense.
    """
    conditions = properties.get("Conditions")
    if not isinstance(conditions, list) or not conditions or not all(isinstance(one, dict) for one in conditions):
        raise ConfigurationError("the property Conditions is not a list of conditions: give at least one")
    settings = RuleSettings(
        listener_arn=listener_of(properties),
        priority=_whole(properties, "Priority", 1, 50_000),
        conditions=conditions,
        tags=_tags(properties.get("Tags", [])),
        must_serve=_text(properties, "MustServe") if "MustServe" in properties else "",
    )
    if "Groups" in properties:
        one_of, initial = _groups(properties)
        return replace(settings, one_of=one_of, initial_group=initial)
    weight = _whole(properties, "InitialCandidateWeight", 0, 100)
    stickiness = None
    if "InitialStickinessSeconds" in properties:
        stickiness = _whole(properties, "InitialStickinessSeconds", 1, 604_800)
    return replace(
        settings,
        blue=_text(properties, "Blue"),
        green=_text(properties, "Green"),
        initial_candidate_weight=weight,
        initial_stickiness_seconds=stickiness,
    )


def listener_of(properties: Mapping[str, object]) -> str:
    """The listener's ARN; raises `ConfigurationError` when there is none, so that no rule can be on it either."""
    arn = _text(properties, "ListenerArn")
    if ":listener/app/" not in arn:
        raise ConfigurationError(f"the property ListenerArn is {arn!r}: give the ARN of an application listener")
    return arn


def _essence(condition: Json) -> Json:
    """AWS describes host and path conditions twice, in `Values` and in a config; the config says it all.

    A list that is empty says nothing, such as the values of a condition with regular expressions.
    """
    if not any(key.endswith("Config") for key in condition):
        return condition
    return {key: _said(value) for key, value in condition.items() if key != "Values"}


def _said(value: object) -> object:
    return {key: one for key, one in value.items() if one != []} if isinstance(value, Mapping) else value


def _forward_to(group: str) -> list[Json]:
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 100}]}}]


def _groups(properties: Mapping[str, object]) -> tuple[tuple[str, ...], str]:
    groups, initial = properties["Groups"], properties.get("InitialGroup")
    if not isinstance(groups, list) or not groups or not all(isinstance(one, str) and one for one in groups):
        raise ConfigurationError(f"the property Groups is {groups!r}: give a list with the ARN of each target group")
    if len(set(groups)) < len(groups):
        raise ConfigurationError("the property Groups names a target group twice: give each one once")
    if initial not in groups:
        raise ConfigurationError(f"the property InitialGroup is {initial!r}: give one of Groups")
    return tuple(groups), str(initial)


def _text(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"the property {name} is {value!r}: give an ARN")
    return value


def _whole(properties: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = properties.get(name)
    text = str(value)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ConfigurationError(f"the property {name} is {value!r}: give a whole number from {least} to {most}")
    return int(text)


def _tags(entries: object) -> dict[str, str]:
    tags = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict) or not isinstance(entry.get("Key"), str):
            raise ConfigurationError("the property Tags is not a list of Key and Value: give such a list")
        tags[entry["Key"]] = str(entry.get("Value", ""))
    return tags
