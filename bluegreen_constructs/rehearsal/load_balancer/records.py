"""The ELBv2 API's own shapes (as the emulator stores them) read as a routing table."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

from .model import (
    DEFAULT_IDLE_SECONDS,
    DEFAULT_STICKY_SECONDS,
    Action,
    Condition,
    FixedResponse,
    Forward,
    HealthCheck,
    HostHeader,
    HttpHeader,
    Listener,
    LoadBalancer,
    PathPattern,
    QueryString,
    Redirect,
    RequestMethod,
    RoutingTable,
    Rule,
    SourceIp,
    Target,
    TargetGroup,
    Uncovered,
    WeightedTargetGroup,
)


class TargetGroupTuple(TypedDict):
    """`TargetGroupTuple` of the API."""

    TargetGroupArn: str
    Weight: NotRequired[int]


class StickinessConfig(TypedDict):
    """`TargetGroupStickinessConfig` of the API."""

    Enabled: bool
    DurationSeconds: NotRequired[int]


class ForwardConfig(TypedDict):
    """`ForwardActionConfig` of the API."""

    TargetGroups: list[TargetGroupTuple]
    TargetGroupStickinessConfig: NotRequired[StickinessConfig]


class ActionRecord(TypedDict):
    """`Action` of the API."""

    Type: str
    Order: NotRequired[int]
    TargetGroupArn: NotRequired[str]
    ForwardConfig: NotRequired[ForwardConfig]
    FixedResponseConfig: NotRequired[dict[str, str]]
    RedirectConfig: NotRequired[dict[str, str]]


class ValuesConfig(TypedDict):
    """The `...Config` of most conditions."""

    Values: list[str]


class HttpHeaderConfig(TypedDict):
    """`HttpHeaderConditionConfig` of the API."""

    HttpHeaderName: str
    Values: list[str]
    RegexValues: NotRequired[list[str]]


class KeyValuePair(TypedDict):
    """`QueryStringKeyValuePair` of the API."""

    Key: NotRequired[str]
    Value: str


class QueryStringConfig(TypedDict):
    """`QueryStringConditionConfig` of the API."""

    Values: list[KeyValuePair]


class ConditionRecord(TypedDict):
    """`RuleCondition` of the API; the emulator keeps the values of all but headers and queries in `Values`."""

    Field: str
    Values: list[str]
    HttpHeaderConfig: NotRequired[HttpHeaderConfig]
    QueryStringConfig: NotRequired[QueryStringConfig]


class RuleRecord(TypedDict):
    """`Rule` of the API, with its listener."""

    RuleArn: str
    ListenerArn: str
    Priority: str
    Conditions: list[ConditionRecord]
    Actions: list[ActionRecord]
    IsDefault: bool
    Transforms: NotRequired[list[object]]


class ListenerRecord(TypedDict):
    """`Listener` of the API."""

    ListenerArn: str
    LoadBalancerArn: str
    Port: int
    Protocol: str
    DefaultActions: list[ActionRecord]


class LoadBalancerRecord(TypedDict):
    """`LoadBalancer` of the API."""

    LoadBalancerArn: str
    LoadBalancerName: str
    DNSName: str


class TargetRecord(TypedDict):
    """`TargetDescription` of the API."""

    Id: str
    Port: NotRequired[int]


class TargetGroupRecord(TypedDict):
    """`TargetGroup` of the API."""

    TargetGroupArn: str
    TargetGroupName: str
    Port: int
    Protocol: str
    TargetType: str
    HealthCheckEnabled: NotRequired[bool]
    HealthCheckPath: str
    HealthCheckPort: str
    HealthCheckIntervalSeconds: int
    HealthCheckTimeoutSeconds: int
    HealthyThresholdCount: int
    UnhealthyThresholdCount: int
    Matcher: dict[str, str]
    LoadBalancerArns: list[str]


def read_routing_table(
    *,
    load_balancers: Sequence[tuple[LoadBalancerRecord, Mapping[str, str]]],
    listeners: Sequence[ListenerRecord],
    rules: Sequence[RuleRecord],
    target_groups: Sequence[tuple[TargetGroupRecord, Sequence[TargetRecord], Mapping[str, str]]],
) -> RoutingTable:
    """One table from the API's records; balancers come with their attributes, groups with targets and attributes."""
    uncovered = {record["TargetGroupArn"]: _uncovered(record, attributes) for record, _, attributes in target_groups}
    read_rules: dict[str, list[Rule]] = {}
    for record in rules:
        read_rules.setdefault(record["ListenerArn"], []).append(_rule(record, uncovered))
    read_listeners: dict[str, list[Listener]] = {}
    for listener in listeners:
        read_listeners.setdefault(listener["LoadBalancerArn"], []).append(
            Listener(
                listener["ListenerArn"],
                int(listener["Port"]),
                listener["Protocol"],
                tuple(read_rules.get(listener["ListenerArn"], ())),
            )
        )
    return RoutingTable(
        tuple(
            LoadBalancer(
                record["LoadBalancerArn"],
                record["LoadBalancerName"],
                record["DNSName"],
                tuple(read_listeners.get(record["LoadBalancerArn"], ())),
                float(attributes.get("idle_timeout.timeout_seconds", DEFAULT_IDLE_SECONDS)),
            )
            for record, attributes in load_balancers
        ),
        {record["TargetGroupArn"]: _group(record, targets, attrs) for record, targets, attrs in target_groups},
    )


def effective_target(target: TargetRecord, group: TargetGroupRecord) -> Target:
    """A target with its port: the group's unless it was registered with one of its own; a function has none."""
    if is_function_group(group):
        return Target(target["Id"], 0)
    return Target(target["Id"], int(target.get("Port", group["Port"])))


def is_function_group(record: TargetGroupRecord) -> bool:
    """Whether the group's target is a Lambda function."""
    return record["TargetType"] == "lambda"


def _group(record: TargetGroupRecord, targets: Sequence[TargetRecord], attributes: Mapping[str, str]) -> TargetGroup:
    is_function = is_function_group(record)
    sticky = attributes.get("stickiness.enabled") == "true" and not is_function
    port = str(record["HealthCheckPort"])
    return TargetGroup(
        arn=record["TargetGroupArn"],
        targets=tuple(effective_target(target, record) for target in targets),
        health_check=HealthCheck(
            path=record["HealthCheckPath"],
            port=int(port) if port.isdigit() else None,
            interval_seconds=float(record["HealthCheckIntervalSeconds"]),
            timeout_seconds=float(record["HealthCheckTimeoutSeconds"]),
            healthy_threshold=record["HealthyThresholdCount"],
            unhealthy_threshold=record["UnhealthyThresholdCount"],
            matcher=record["Matcher"].get("HttpCode", "200"),
        ),
        # A function has no such delay: "in-flight requests fail with HTTP 5XX errors" when it is deregistered.
        deregistration_delay_seconds=0.0
        if is_function
        else float(attributes.get("deregistration_delay.timeout_seconds", "300")),
        sticky_seconds=int(attributes.get("stickiness.lb_cookie.duration_seconds", DEFAULT_STICKY_SECONDS))
        if sticky
        else None,
        is_function=is_function,
        multi_value_headers=is_function and attributes.get("lambda.multi_value_headers.enabled") == "true",
        is_checked=not is_function or record.get("HealthCheckEnabled", False),
    )


def _uncovered(record: TargetGroupRecord, attributes: Mapping[str, str]) -> str | None:
    """What about a target group the rehearsal does not play; None for a group that it does."""
    name = record["TargetGroupName"]
    if is_function_group(record):
        return None
    if attributes.get("stickiness.enabled") == "true" and attributes.get("stickiness.type") == "app_cookie":
        return f"stickiness of {name} by the application's own cookie"
    return None


def _rule(record: RuleRecord, uncovered: Mapping[str, str | None]) -> Rule:
    priority = str(record["Priority"])
    action: Action = (
        Uncovered("rule transforms (URL and host rewrites)")
        if record.get("Transforms")
        else _action(record["Actions"], uncovered)
    )
    return Rule(
        record["RuleArn"],
        int(priority) if priority.isdigit() else None,
        action,
        tuple(_condition(condition) for condition in record["Conditions"]),
    )


def _action(records: Sequence[ActionRecord], uncovered: Mapping[str, str | None]) -> Action:
    for record in records:
        if record["Type"] not in {"forward", "fixed-response", "redirect"}:
            return Uncovered(f"actions of type {record['Type']}")
    if not records:
        return Uncovered("a rule without actions")
    record = records[-1]
    match record["Type"]:
        case "fixed-response":
            fixed = record.get("FixedResponseConfig", {})
            return FixedResponse(
                int(fixed.get("StatusCode", "200")),
                fixed.get("ContentType") or "text/plain",
                fixed.get("MessageBody", ""),
            )
        case "redirect":
            parts = record.get("RedirectConfig", {})
            named = {key: str(parts[key.title()]) for key in _REDIRECT_PARTS if key.title() in parts}
            return Redirect(status=int(parts.get("StatusCode", "HTTP_302").removeprefix("HTTP_")), **named)
        case _:
            forward = _forward(record)
            named_groups = (uncovered.get(group.arn) for group in forward.target_groups)
            return next((Uncovered(what) for what in named_groups if what), forward)


_REDIRECT_PARTS = ("protocol", "host", "port", "path", "query")


def _forward(record: ActionRecord) -> Forward:
    config = record.get("ForwardConfig")
    if config is None:
        return Forward((WeightedTargetGroup(record.get("TargetGroupArn", "")),))
    stickiness = config.get("TargetGroupStickinessConfig")
    return Forward(
        tuple(WeightedTargetGroup(group["TargetGroupArn"], group.get("Weight", 1)) for group in config["TargetGroups"]),
        stickiness.get("DurationSeconds", DEFAULT_STICKY_SECONDS) if stickiness and stickiness["Enabled"] else None,
    )


def _condition(record: ConditionRecord) -> Condition:
    values = tuple(record["Values"])
    match record["Field"]:
        case "host-header":
            return HostHeader(values)
        case "path-pattern":
            return PathPattern(values)
        case "http-request-method":
            return RequestMethod(values)
        case "source-ip":
            return SourceIp(values)
        case "http-header" if "HttpHeaderConfig" in record:
            header = record["HttpHeaderConfig"]
            return HttpHeader(header["HttpHeaderName"], tuple(header["Values"]), tuple(header.get("RegexValues", ())))
        case "query-string" if "QueryStringConfig" in record:
            return QueryString(
                tuple((pair.get("Key"), pair["Value"]) for pair in record["QueryStringConfig"]["Values"])
            )
        case field:
            raise ValueError(f"a rule condition on {field!r} has no values")
