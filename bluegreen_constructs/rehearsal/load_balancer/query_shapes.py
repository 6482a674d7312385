"""The parts of the ELBv2 Query protocol that the emulator lacks: read from parameters, rendered as XML."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast
from xml.sax.saxutils import escape

from .health import TargetHealth
from .records import (
    ActionRecord,
    ConditionRecord,
    ForwardConfig,
    HttpHeaderConfig,
    KeyValuePair,
    QueryStringConfig,
    StickinessConfig,
    TargetGroupTuple,
    TargetRecord,
)

Parameters = Mapping[str, str | list[str]]

# The conditions whose values the emulator keeps in the flat list, and the name of their typed form.
VALUES_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
# Only these two have a flat form in the API's answers.
_ALSO_FLAT = frozenset({"host-header", "path-pattern"})


def value(parameters: Parameters, key: str) -> str | None:
    """One parameter, None when it was not sent."""
    sent = parameters.get(key)
    if isinstance(sent, list):
        return sent[0] if sent else None
    return sent


def members(parameters: Parameters, prefix: str) -> Iterator[str]:
    """The prefixes `<prefix>.member.1`, `.2`, ... for as long as something with that prefix was sent."""
    for number in itertools.count(1):
        member = f"{prefix}.member.{number}"
        if not any(key == member or key.startswith(f"{member}.") for key in parameters):
            return
        yield member


def strings(parameters: Parameters, prefix: str) -> list[str]:
    """A list of strings."""
    return [value(parameters, member) or "" for member in members(parameters, prefix)]


def forward_config(parameters: Parameters, prefix: str) -> ForwardConfig | None:
    """`<prefix>.ForwardConfig`, None when it was not sent; numbers stay as sent, to be checked with all actions."""
    at = f"{prefix}.ForwardConfig"
    if not any(key.startswith(f"{at}.") for key in parameters):
        return None
    groups: list[TargetGroupTuple] = []
    for member in members(parameters, f"{at}.TargetGroups"):
        group = TargetGroupTuple(TargetGroupArn=value(parameters, f"{member}.TargetGroupArn") or "")
        weight = value(parameters, f"{member}.Weight")
        if weight is not None:
            group["Weight"] = cast(int, weight)
        groups.append(group)
    config = ForwardConfig(TargetGroups=groups)
    enabled = value(parameters, f"{at}.TargetGroupStickinessConfig.Enabled")
    if enabled is not None:
        stickiness = StickinessConfig(Enabled=enabled.lower() == "true")
        duration = value(parameters, f"{at}.TargetGroupStickinessConfig.DurationSeconds")
        if duration is not None:
            stickiness["DurationSeconds"] = cast(int, duration)
        config["TargetGroupStickinessConfig"] = stickiness
    return config


def template_forward_config(config: Mapping[str, object]) -> ForwardConfig:
    """`ForwardConfig` of a CloudFormation template, where numbers and booleans may be strings."""
    groups: list[TargetGroupTuple] = []
    for given in cast(Iterable[Mapping[str, object]], config.get("TargetGroups") or ()):
        group = TargetGroupTuple(TargetGroupArn=str(given.get("TargetGroupArn", "")))
        if "Weight" in given:
            group["Weight"] = cast(int, given["Weight"])
        groups.append(group)
    read = ForwardConfig(TargetGroups=groups)
    sticky = cast(Mapping[str, object], config.get("TargetGroupStickinessConfig") or {})
    if sticky:
        stickiness = StickinessConfig(Enabled=str(sticky.get("Enabled", False)).lower() == "true")
        if "DurationSeconds" in sticky:
            stickiness["DurationSeconds"] = cast(int, sticky["DurationSeconds"])
        read["TargetGroupStickinessConfig"] = stickiness
    return read


def conditions(parameters: Parameters, prefix: str) -> list[ConditionRecord]:
    """The conditions of CreateRule and ModifyRule, whether sent flat or typed."""
    found = []
    for member in members(parameters, prefix):
        field = value(parameters, f"{member}.Field") or ""
        record = ConditionRecord(Field=field, Values=[])
        if field == "http-header":
            at = f"{member}.HttpHeaderConfig"
            record["HttpHeaderConfig"] = _header(
                value(parameters, f"{at}.HttpHeaderName"),
                strings(parameters, f"{at}.Values"),
                strings(parameters, f"{at}.RegexValues"),
            )
        elif field == "query-string":
            pairs: list[KeyValuePair] = []
            for at in members(parameters, f"{member}.QueryStringConfig.Values"):
                pair = KeyValuePair(Value=value(parameters, f"{at}.Value") or "")
                key = value(parameters, f"{at}.Key")
                if key is not None:
                    pair["Key"] = key
                pairs.append(pair)
            record["QueryStringConfig"] = QueryStringConfig(Values=pairs)
        else:
            typed = strings(parameters, f"{member}.{VALUES_CONFIGS.get(field, 'Unknown')}.Values")
            record["Values"] = strings(parameters, f"{member}.Values") or typed
        found.append(record)
    return found


def template_conditions(given: Sequence[Mapping[str, object]]) -> list[ConditionRecord]:
    """The conditions of a CloudFormation listener rule, flat or typed."""
    found = []
    for condition in given or ():
        field = str(condition.get("Field", ""))
        record = ConditionRecord(Field=field, Values=[])
        if field == "http-header":
            header = cast(Mapping[str, object], condition.get("HttpHeaderConfig") or {})
            record["HttpHeaderConfig"] = _header(
                header.get("HttpHeaderName"), _strings(header.get("Values")), _strings(header.get("RegexValues"))
            )
        elif field == "query-string":
            config = cast(Mapping[str, object], condition.get("QueryStringConfig") or {})
            pairs = cast(Iterable[Mapping[str, object]], config.get("Values") or ())
            record["QueryStringConfig"] = QueryStringConfig(
                Values=[cast(KeyValuePair, {key: str(part) for key, part in pair.items()}) for pair in pairs]
            )
        else:
            config = cast(Mapping[str, object], condition.get(VALUES_CONFIGS.get(field, "Unknown")) or {})
            record["Values"] = _strings(condition.get("Values")) or _strings(config.get("Values"))
        found.append(record)
    return found


def _header(name: object, values: list[str], expressions: list[str]) -> HttpHeaderConfig:
    config = HttpHeaderConfig(HttpHeaderName=str(name or ""), Values=values)
    if expressions:
        config["RegexValues"] = expressions
    return config


def _strings(given: object) -> list[str]:
    return [str(part) for part in cast(Iterable[object], given or ())]


def targets(parameters: Parameters, prefix: str) -> list[TargetRecord]:
    """The targets of RegisterTargets, DeregisterTargets and DescribeTargetHealth."""
    found = []
    for member in members(parameters, prefix):
        target = TargetRecord(Id=value(parameters, f"{member}.Id") or "")
        port = value(parameters, f"{member}.Port")
        if port is not None:
            target["Port"] = int(port)
        found.append(target)
    return found


def forward_xml(action: ActionRecord) -> str:
    """`ForwardConfig` of an action, as AWS answers it (stickiness is always told)."""
    config = action.get("ForwardConfig")
    if config is None:
        return ""
    groups = "".join(
        f"<member><TargetGroupArn>{escape(group['TargetGroupArn'])}</TargetGroupArn>"
        f"<Weight>{group.get('Weight', 1)}</Weight></member>"
        for group in config["TargetGroups"]
    )
    sticky = config.get("TargetGroupStickinessConfig", StickinessConfig(Enabled=False))
    duration = f"<DurationSeconds>{sticky['DurationSeconds']}</DurationSeconds>" if "DurationSeconds" in sticky else ""
    return (
        f"<ForwardConfig><TargetGroups>{groups}</TargetGroups><TargetGroupStickinessConfig>"
        f"<Enabled>{str(sticky['Enabled']).lower()}</Enabled>{duration}"
        f"</TargetGroupStickinessConfig></ForwardConfig>"
    )


def condition_xml(condition: ConditionRecord) -> str:
    """One condition, in the typed form, and flat as well where AWS has both."""
    field = condition["Field"]
    listed = _members_xml(condition["Values"])
    xml = f"<Field>{escape(field)}</Field>"
    if field in _ALSO_FLAT:
        xml += f"<Values>{listed}</Values>"
    if field in VALUES_CONFIGS:
        xml += f"<{VALUES_CONFIGS[field]}><Values>{listed}</Values></{VALUES_CONFIGS[field]}>"
    if "HttpHeaderConfig" in condition:
        header = condition["HttpHeaderConfig"]
        xml += (
            f"<HttpHeaderConfig><HttpHeaderName>{escape(header['HttpHeaderName'])}</HttpHeaderName>"
            + (f"<Values>{_members_xml(header['Values'])}</Values>" if header["Values"] else "")
            + (f"<RegexValues>{_members_xml(header['RegexValues'])}</RegexValues>" if "RegexValues" in header else "")
            + "</HttpHeaderConfig>"
        )
    if "QueryStringConfig" in condition:
        pairs = "".join(
            "<member>"
            + (f"<Key>{escape(pair['Key'])}</Key>" if "Key" in pair else "")
            + f"<Value>{escape(pair['Value'])}</Value></member>"
            for pair in condition["QueryStringConfig"]["Values"]
        )
        xml += f"<QueryStringConfig><Values>{pairs}</Values></QueryStringConfig>"
    return f"<member>{xml}</member>"


def _members_xml(listed: Iterable[str]) -> str:
    return "".join(f"<member>{escape(part)}</member>" for part in listed)


def target_health_xml(health: TargetHealth, check_port: int | None) -> str:
    """One `TargetHealthDescription`; `check_port` None is the traffic port. A function has neither port."""
    detail = "".join(
        f"<{name}>{escape(text)}</{name}>"
        for name, text in (("Reason", health.reason), ("Description", health.description))
        if text is not None
    )
    target = health.target
    port = f"<Port>{target.port}</Port>" if target.port else ""
    checked_at = f"<HealthCheckPort>{check_port or target.port}</HealthCheckPort>" if target.port else ""
    return (
        f"<member><Target><Id>{escape(target.id)}</Id>{port}</Target>{checked_at}"
        f"<TargetHealth><State>{health.state.value}</State>{detail}</TargetHealth></member>"
    )
