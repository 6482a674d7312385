"""Elastic Load Balancing: rules, their tags, and the health of the targets in their groups."""

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient
from .fleets import Fleet

PAGE = 3
"""Rules on one page of a listener's; small, so that nobody can live without the next page."""

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Tag.html
_TAG_KEY = re.compile(r"[\w .:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")
_MOST_WEIGHT = 999
_MOST_GROUPS = 5


class Group:
    """A target group, and the fleet whose targets are registered in it.

    used_since: when a rule began to forward to it; None: none does, its targets are not checked and show as unused.
    Then it takes check_seconds from the next use until they are healthy again. That requests are lost in this time is
    our assumption, on the safe side: AWS does not say what becomes of them.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    """

    __slots__ = ("arn", "check_seconds", "fleet", "is_checked", "used_since")

    def __init__(self, arn: str, fleet: Fleet, *, is_checked: bool, check_seconds: float) -> None:
        self.arn = arn
        self.fleet = fleet
        self.is_checked = is_checked
        self.check_seconds = check_seconds
        self.used_since: float | None = None

    @property
    def checked_from(self) -> float:
        """When the first checks of the targets that were there when it came into use are done; infinity: never."""
        return float("inf") if self.used_since is None else self.used_since + self.check_seconds

    def healthy(self, now: float) -> int:
        """How many targets the control plane calls healthy."""
        if not self.is_checked:
            return len(self.fleet.targets)
        return self.fleet.healthy(now) if self.checked_from <= now else 0

    def answering(self, now: float) -> int:
        """How many targets answer what the nodes send them; the nodes may not know yet that the group is out of use."""
        return self.fleet.healthy(now) if self.is_checked and self.used_since is None else self.healthy(now)


class Rule:
    """A rule as the control plane has it, with what it was before, for reads that are out of date."""

    __slots__ = ("actions", "arn", "conditions", "listener", "past_actions", "past_tags", "priority", "tags")

    def __init__(self, arn: str, listener: str, priority: int, actions: list[Answer], tags: dict[str, str]) -> None:
        self.arn = arn
        self.listener = listener
        self.priority = priority
        self.conditions: list[Answer] = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        self.actions = actions
        self.tags = tags
        self.past_actions: list[tuple[float, list[Answer]]] = []
        self.past_tags: list[tuple[float, dict[str, str]]] = []

    @property
    def weights(self) -> dict[str, int]:
        """The weight of each target group that the rule names."""
        return weights_of(self.actions)


def weights_of(actions: list[Answer]) -> dict[str, int]:
    """The weight of each target group in actions as AWS takes them."""
    weights: dict[str, int] = {}
    for action in actions:
        if action.get("Type") != "forward":
            continue
        config = action.get("ForwardConfig")
        if config:
            weights |= {one["TargetGroupArn"]: one.get("Weight", 1) for one in config["TargetGroups"]}
        else:
            weights[action["TargetGroupArn"]] = 1
    return weights


class Elbv2(SimulatedClient):
    """The client. `before_write` and `on_write` are called when the actions of the rule with that ARN are written."""

    service = "elbv2"
    throttle = "Throttling"
    exceptions = Exceptions(
        {
            "RuleNotFound": "RuleNotFoundException",
            "ListenerNotFound": "ListenerNotFoundException",
            "TargetGroupNotFound": "TargetGroupNotFoundException",
            "PriorityInUse": "PriorityInUseException",
            "TooManyTargetGroups": "TooManyTargetGroupsException",
            "TooManyTags": "TooManyTagsException",
        }
    )
    allowed: ClassVar = {
        "DescribeRules": {"RuleArns", "ListenerArn", "Marker", "PageSize"},
        "DescribeTags": {"ResourceArns"},
        "DescribeTargetHealth": {"TargetGroupArn"},
        "ModifyRule": {"RuleArn", "Conditions", "Actions"},
        "SetRulePriorities": {"RulePriorities"},
        "AddTags": {"ResourceArns", "Tags"},
        "RemoveTags": {"ResourceArns", "TagKeys"},
    }

    rules: dict[str, Rule]

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.rules = {}
        self.groups: dict[str, Group] = {}
        self.before_write: dict[str, list[Callable[[], None]]] = {}
        self.on_write: dict[str, list[Callable[[], None]]] = {}
        self._users: dict[str, set[str]] = {}

    # what tests do beside the engine

    def add_group(self, arn: str, fleet: Fleet, *, is_checked: bool = True, check_seconds: float = 10.0) -> Group:
        """Make a target group; `check_seconds` pass from its first use to its first healthy target."""
        self.groups[arn] = Group(arn, fleet, is_checked=is_checked, check_seconds=check_seconds)
        return self.groups[arn]

    def add_rule(self, arn: str, listener: str, priority: int, actions: list[Answer]) -> Rule:
        """Make a rule that has been there for ever."""
        rule = self.rules[arn] = Rule(arn, listener, priority, self._normal(actions), {})
        self._note_use(rule, {}, since=float("-inf"))
        return rule

    def write_by_hand(self, arn: str, weights: Mapping[str, int]) -> None:
        """Somebody moves traffic in the console, beside the log."""
        groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in weights.items()]
        self._write(self.rules[arn], self._normal([{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]))

    # the client

    def describe_rules(self, **arguments: object) -> Answer:
        return self._serve("DescribeRules", arguments, self._describe_rules)

    def describe_tags(self, **arguments: object) -> Answer:
        return self._serve("DescribeTags", arguments, self._describe_tags)

    def describe_target_health(self, **arguments: object) -> Answer:
        return self._serve("DescribeTargetHealth", arguments, self._describe_target_health)

    def modify_rule(self, **arguments: object) -> Answer:
        return self._serve("ModifyRule", arguments, self._modify_rule)

    def set_rule_priorities(self, **arguments: object) -> Answer:
        return self._serve("SetRulePriorities", arguments, self._set_rule_priorities)

    def add_tags(self, **arguments: object) -> Answer:
        return self._serve("AddTags", arguments, self._add_tags)

    def remove_tags(self, **arguments: object) -> Answer:
        return self._serve("RemoveTags", arguments, self._remove_tags)

    def _describe_rules(self, arguments: Answer) -> Answer:
        if "RuleArns" in arguments:
            return {"Rules": [self._described(self._known("DescribeRules", arn)) for arn in arguments["RuleArns"]]}
        listener = arguments["ListenerArn"]
        rules = [rule for rule in self.rules.values() if rule.listener == listener]
        if not rules:
            raise self.error("DescribeRules", "ListenerNotFound", f"One or more listeners not found: {listener}")
        described = [self._described(rule) for rule in sorted(rules, key=lambda one: one.priority)]
        described.append(
            {
                "RuleArn": f"{listener}/default",
                "Priority": "default",
                "IsDefault": True,
                "Conditions": [],
                "Actions": [],
            }
        )
        first = int(arguments.get("Marker", 0))
        last = first + int(arguments.get("PageSize", PAGE))
        page: Answer = {"Rules": described[first:last]}
        return page | {"NextMarker": str(last)} if len(described) > last else page

    def _describe_tags(self, arguments: Answer) -> Answer:
        arns = arguments["ResourceArns"]
        if len(arns) > 20:
            raise self.error("DescribeTags", "ValidationError", "Up to 20 resources can be described in one call")
        found = []
        for arn in arns:
            rule = self._known("DescribeTags", arn)
            tags = self._as_read(rule.tags, rule.past_tags)
            found.append({"ResourceArn": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]})
        return {"TagDescriptions": found}

    def _describe_target_health(self, arguments: Answer) -> Answer:
        group = self.groups.get(arguments["TargetGroupArn"])
        if group is None:
            raise self.error("DescribeTargetHealth", "TargetGroupNotFound", "One or more target groups not found")
        now = self._world.now
        fleet = group.fleet
        fleet.settle(now)
        if not group.is_checked:
            health: Answer = {"State": "unavailable", "Reason": "Target.HealthCheckDisabled"}
            return {
                "TargetHealthDescriptions": [
                    {"Target": {"Id": one.id}, "TargetHealth": health} for one in fleet.targets
                ]
            }
        described = []
        for target in fleet.targets:
            if group.used_since is None:
                health = _UNUSED
            elif target.healthy_at <= now and group.checked_from <= now:
                health = _HEALTHY
            elif target.is_lost or not self._world.behaviour(target.release).starts:
                health = _UNHEALTHY
            else:
                health = _INITIAL
            described.append({"Target": {"Id": target.id, "Port": 80}, "HealthCheckPort": "80", "TargetHealth": health})
        described += [
            {"Target": {"Id": target.id, "Port": 80}, "HealthCheckPort": "80", "TargetHealth": _DRAINING}
            for target in fleet.draining
        ]
        return {"TargetHealthDescriptions": described}

    def _modify_rule(self, arguments: Answer) -> Answer:
        rule = self._known("ModifyRule", arguments["RuleArn"])
        if "Conditions" in arguments:
            rule.conditions = list(arguments["Conditions"])
        if "Actions" in arguments:
            self._write(rule, self._normal(arguments["Actions"]))
        return {"Rules": [self._described(rule, stale=False)]}

    def _set_rule_priorities(self, arguments: Answer) -> Answer:
        for pair in arguments["RulePriorities"]:
            rule = self._known("SetRulePriorities", pair["RuleArn"])
            rivals = (one for one in self.rules.values() if one.listener == rule.listener and one is not rule)
            if any(one.priority == pair["Priority"] for one in rivals):
                raise self.error(
                    "SetRulePriorities", "PriorityInUse", f"Priority '{pair['Priority']}' is currently in use"
                )
            rule.priority = pair["Priority"]
        return {"Rules": []}

    def _add_tags(self, arguments: Answer) -> Answer:
        for arn in arguments["ResourceArns"]:
            rule = self._known("AddTags", arn)
            tags = dict(rule.tags)
            for tag in arguments["Tags"]:
                key, value = tag["Key"], tag.get("Value", "")
                if not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
                    raise self.error("AddTags", "ValidationError", f"The tag {key!r} with value {value!r} is not valid")
                tags[key] = value
            if len(tags) > 50:
                raise self.error("AddTags", "TooManyTags", "The maximum number of tags has been reached")
            self._tag(rule, tags)
        return {}

    def _remove_tags(self, arguments: Answer) -> Answer:
        for arn in arguments["ResourceArns"]:
            rule = self._known("RemoveTags", arn)
            self._tag(rule, {key: value for key, value in rule.tags.items() if key not in arguments["TagKeys"]})
        return {}

    # the control plane

    def _known(self, operation: str, arn: object) -> Rule:
        rule = self.rules.get(arn)
        if rule is None:
            raise self.error(operation, "RuleNotFound", f"One or more rules not found: {arn}")
        return rule

    def _write(self, rule: Rule, actions: list[Answer]) -> None:
        for tell in self.before_write.get(rule.arn, ()):
            tell()
        former = rule.weights
        rule.past_actions.append((self._world.now, rule.actions))
        rule.actions = actions
        self._note_use(rule, former, since=self._world.now)
        for tell in self.on_write.get(rule.arn, ()):
            tell()

    def _tag(self, rule: Rule, tags: dict[str, str]) -> None:
        rule.past_tags.append((self._world.now, rule.tags))
        rule.tags = tags

    def _note_use(self, rule: Rule, former: Mapping[str, int], since: float) -> None:
        """Groups come into use with the first rule that forwards to them, and out of it with the last."""
        weights = rule.weights
        for arn in former.keys() - weights.keys():
            self._users[arn].discard(rule.arn)
            if not self._users[arn]:
                self.groups[arn].used_since = None
        for arn in weights:
            users = self._users.setdefault(arn, set())
            if not users:
                self.groups[arn].used_since = since
            users.add(rule.arn)

    def _normal(self, actions: object) -> list[Answer]:
        """The actions as AWS keeps them: weights spelled out, stickiness said, a single group named twice."""
        if not actions or actions[-1]["Type"] not in {"forward", "redirect", "fixed-response"}:
            raise self.error("ModifyRule", "ValidationError", "The last action must route")
        return [self._forward(action) if action["Type"] == "forward" else _copied(action) for action in actions]

    def _forward(self, action: Answer) -> Answer:
        if action.keys() - {"Type", "Order", "TargetGroupArn", "ForwardConfig"}:
            raise NotSimulatedError(f"the simulated elbv2 does not know the forward action {action}")
        config = action.get("ForwardConfig")
        groups = config["TargetGroups"] if config else [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
        if not 1 <= len(groups) <= _MOST_GROUPS:
            raise self.error("ModifyRule", "TooManyTargetGroups", f"{len(groups)} target groups in one action")
        tuples = []
        for one in groups:
            arn, weight = one["TargetGroupArn"], one.get("Weight", 1)
            if arn not in self.groups:
                raise self.error("ModifyRule", "TargetGroupNotFound", f"Target group '{arn}' not found")
            if type(weight) is not int or not 0 <= weight <= _MOST_WEIGHT:
                raise self.error("ModifyRule", "ValidationError", f"Weight '{weight}' must be between 0 and 999")
            tuples.append({"TargetGroupArn": arn, "Weight": weight})
        if len({one["TargetGroupArn"] for one in tuples}) < len(tuples):
            raise self.error("ModifyRule", "ValidationError", "A target group is given twice in one action")
        sticky = (config or {}).get("TargetGroupStickinessConfig") or {"Enabled": False}
        if sticky.get("Enabled") and not 1 <= sticky.get("DurationSeconds", 0) <= 604_800:
            raise self.error("ModifyRule", "ValidationError", "The stickiness duration is missing or out of range")
        kept: Answer = {
            "Type": "forward",
            "ForwardConfig": {"TargetGroups": tuples, "TargetGroupStickinessConfig": dict(sticky)},
        }
        if len(tuples) == 1:
            kept["TargetGroupArn"] = tuples[0]["TargetGroupArn"]
        if "Order" in action:
            kept["Order"] = action["Order"]
        return kept

    def _described(self, rule: Rule, *, stale: bool = True) -> Answer:
        actions = self._as_read(rule.actions, rule.past_actions) if stale else rule.actions
        return {
            "RuleArn": rule.arn,
            "Priority": str(rule.priority),
            "Conditions": _copied(rule.conditions),
            "Actions": _copied(actions),
            "IsDefault": False,
        }

    def _as_read(self, current: object, past: list) -> object:
        """What a read answers: as it is, or as it was within the time for which reads may be out of date."""
        world = self._world
        if not past or not world.disturbances.stale_reads:
            return current
        as_of = world.now - world.random.uniform(0, world.disturbances.stale_reads)
        return next((former for until, former in past if until > as_of), current)


_HEALTHY = {"State": "healthy"}
_UNUSED = {"State": "unused", "Reason": "Target.NotInUse", "Description": "Target group is not in use"}
_INITIAL = {
    "State": "initial",
    "Reason": "Elb.InitialHealthChecking",
    "Description": "Initial health checks in progress",
}
_UNHEALTHY = {"State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": "Health checks failed"}
_DRAINING = {
    "State": "draining",
    "Reason": "Target.DeregistrationInProgress",
    "Description": "Target deregistration is in progress",
}


def _copied(value: object) -> object:
    """A copy, so that nobody holds a piece of the control plane."""
    if isinstance(value, Mapping):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
