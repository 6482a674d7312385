"""Which rule, target group and target answer a request: ALB's rules as pure functions.

Conditions follow https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html,
actions https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html, fail-open
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from .model import (
    Condition,
    Forward,
    HostHeader,
    HttpHeader,
    Listener,
    PathPattern,
    QueryString,
    Redirect,
    RequestMethod,
    Rule,
    SourceIp,
    Target,
)


@dataclass(frozen=True)
class Request:
    """What routing looks at; `path` and `query` as sent (still percent-encoded), header names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    source_ip: str = "127.0.0.1"

    def header_values(self, name: str) -> list[str]:
        """The values of a header, in the order received."""
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]

    @property
    def host(self) -> str:
        """The host that was asked for, without the port."""
        hosts = self.header_values("host")
        name = hosts[0] if hosts else ""
        return re.sub(r":\d+$", "", name)


def choose_rule(listener: Listener, request: Request) -> Rule | None:
    """The first rule, by priority, of which every condition matches; the default rule last. None without any rule."""
    for rule in listener.in_order():
        if all(matches(condition, request) for condition in rule.conditions):
            return rule
    return None


def matches(condition: Condition, request: Request) -> bool:
    """Whether one condition holds: any of its values is enough."""
    match condition:
        case HostHeader(values):
            return any(_pattern(value, ignore_case=True).fullmatch(request.host) for value in values)
        case PathPattern(values):
            return any(_pattern(value, ignore_case=False).fullmatch(request.path) for value in values)
        case HttpHeader(name, values, expressions):
            patterns = [_pattern(value, ignore_case=True, escapes=True) for value in values]
            sent = request.header_values(name)
            return any(pattern.fullmatch(one) for one in sent for pattern in patterns) or any(
                re.search(expression, one) for one in sent for expression in expressions
            )
        case QueryString(pairs):
            return any(_query_matches(key, value, request.query) for key, value in pairs)
        case RequestMethod(values):
            return request.method in values
        case SourceIp(cidrs):
            address = ip_address(request.source_ip)
            return any(address in ip_network(cidr, strict=False) for cidr in cidrs)


def _query_matches(key: str | None, value: str, query: str) -> bool:
    wanted = _pattern(value, ignore_case=True, escapes=True)
    wanted_key = None if key is None else _pattern(key, ignore_case=True, escapes=True)
    for pair in filter(None, query.split("&")):
        sent_key, _, sent = pair.partition("=")
        if (wanted_key is None or wanted_key.fullmatch(sent_key)) and wanted.fullmatch(sent):
            return True
    return False


@lru_cache(maxsize=1024)
def _pattern(value: str, *, ignore_case: bool, escapes: bool = False) -> re.Pattern[str]:
    """ALB's wildcards: * is any run of characters, ? exactly one; a backslash makes either literal where allowed."""
    out, at = [], 0
    while at < len(value):
        character = value[at]
        if escapes and character == "\\" and value[at + 1 : at + 2] in {"*", "?", "\\"}:
            at += 1
            out.append(re.escape(value[at]))
        else:
            out.append({"*": ".*", "?": "."}.get(character, re.escape(character)))
        at += 1
    return re.compile("".join(out), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def choose_target_group(forward: Forward, remembered: str | None, draw: float) -> str | None:
    """The ARN of the group that gets the request; `draw` is a random number in [0, 1). None when all weights are 0.

    A group that a valid AWSALBTG cookie names wins whatever its weight is, as long as the action still names it:
    stickiness takes precedence over weights, so setting a weight to 0 does not end existing sessions; dropping the
    group from the action does. There is no fail-over between groups.
    """
    if forward.sticky_seconds is not None and remembered in forward.weights:
        return remembered
    total = sum(group.weight for group in forward.target_groups)
    if total == 0:
        return None
    mark = draw * total
    for group in forward.target_groups:
        mark -= group.weight
        if mark < 0:
            return group.arn
    # A draw so close to 1 that rounding ate the difference belongs to the last group that gets anything.
    return [group.arn for group in forward.target_groups if group.weight][-1]


def usable_targets(targets: Sequence[Target], healthy: Collection[Target]) -> list[Target]:
    """The targets that may get a request: the healthy ones, or all of them when none is healthy (fail-open)."""
    return [target for target in targets if target in healthy] or list(targets)


def redirect_location(redirect: Redirect, listener: Listener, request: Request) -> str:
    """The Location header of a redirect: the keywords filled in, the port always written, as ALB does."""
    keywords = {
        "#{protocol}": listener.protocol.lower(),
        "#{host}": request.host,
        "#{port}": str(listener.port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }

    def filled(part: str) -> str:
        return re.sub(r"#\{\w+\}", lambda found: keywords.get(found.group(), found.group()), part)

    query = filled(redirect.query)
    address = f"{filled(redirect.protocol).lower()}://{filled(redirect.host)}:{filled(redirect.port)}"
    return f"{address}{filled(redirect.path)}" + (f"?{query}" if query else "")
