"""The emulator's ELBv2 state: read as a routing table, and asked before a call changes it.

Every function works on the account and region of the current request (`ministack.core.responses.request_scope`).
"""

from collections.abc import Iterable, Mapping
from typing import cast

from ministack.services import alb

from ..load_balancer.action_rules import ApiRefusal
from ..load_balancer.model import RoutingTable
from ..load_balancer.records import RuleRecord, TargetGroupRecord, read_routing_table


def read_table() -> RoutingTable:
    """The emulator's load balancers of the current account and region, as one table. Safe from any thread."""
    return read_routing_table(
        load_balancers=[
            (record, stored_attributes(alb._lb_attrs.get(record["LoadBalancerArn"])))
            for record in alb._lbs.values()
            if record["Type"] == "application"
        ],
        listeners=alb._listeners.values(),
        rules=alb._rules.values(),
        target_groups=[
            (
                record,
                list(alb._targets.get(record["TargetGroupArn"]) or ()),
                stored_attributes(alb._tg_attrs.get(record["TargetGroupArn"])),
            )
            for record in alb._tgs.values()
        ],
    )


def stored_attributes(stored: Iterable[Mapping[str, object]] | None) -> dict[str, str]:
    """The attributes that ministack keeps as a list of pairs, by key."""
    return {str(pair["Key"]): _text(pair["Value"]) for pair in stored or ()}


def _text(given: object) -> str:
    return str(given).lower() if isinstance(given, bool) else str(given)


def users_of_groups() -> dict[str, str | None]:
    """Every target group and the load balancer of a rule that names it."""
    users: dict[str, str | None] = dict.fromkeys(alb._tgs.keys())
    for rule in list(alb._rules.values()):
        listener = alb._listeners.get(rule["ListenerArn"])
        for action in rule["Actions"] if listener else ():
            for group in action.get("ForwardConfig", {}).get("TargetGroups", ()):
                if group["TargetGroupArn"] in users:
                    users[group["TargetGroupArn"]] = listener["LoadBalancerArn"]
    return users


def tell_groups_their_balancers() -> None:
    """`LoadBalancerArns` is derived on AWS; the emulator stores it, and only for the first group of a listener."""
    for arn, balancer in users_of_groups().items():
        alb._tgs[arn]["LoadBalancerArns"] = [balancer] if balancer else []


def refuse_a_group_in_use(arn: str) -> None:
    """As AWS does: a group that a rule or a listener names cannot be deleted."""
    if users_of_groups().get(arn) is not None:
        raise ApiRefusal("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")


def refuse_a_taken_priority(listener_arn: str, priority: object, *, except_for: Iterable[str] = ()) -> None:
    """As AWS does: one rule a priority on each listener, 1 to 50000; `except_for` are rules that give theirs up."""
    number = str(priority)
    if not number.isdigit() or not 1 <= int(number) <= 50_000:
        raise ApiRefusal("ValidationError", f"Priority '{number}' must be a whole number between 1 and 50000")
    spared = set(except_for)
    for rule in alb._rules.values():
        if rule["ListenerArn"] == listener_arn and rule["Priority"] == number and rule["RuleArn"] not in spared:
            raise ApiRefusal("PriorityInUse", f"Priority '{number}' is currently in use")


def existing_rule(arn: str) -> RuleRecord:
    """The rule, or AWS's refusal for one that is not there."""
    rule = alb._rules.get(arn)
    if rule is None:
        raise ApiRefusal("RuleNotFound", f"One or more rules not found: '{arn}'")
    return cast(RuleRecord, rule)


def existing_group(arn: str) -> TargetGroupRecord:
    """The target group, or AWS's refusal for one that is not there."""
    group = alb._tgs.get(arn)
    if group is None:
        raise ApiRefusal("TargetGroupNotFound", f"One or more target groups not found: '{arn}'")
    return cast(TargetGroupRecord, group)


def balancer_of(listener_arn: str) -> str:
    """The load balancer of a listener, or AWS's refusal for a listener that is not there."""
    listener = alb._listeners.get(listener_arn)
    if listener is None:
        raise ApiRefusal("ListenerNotFound", f"One or more listeners not found: '{listener_arn}'")
    return str(listener["LoadBalancerArn"])


def refuse_a_taken_port(balancer: str, port: str, *, except_for: str = "") -> None:
    """As AWS does: one listener a port on each load balancer."""
    for listener in alb._listeners.values():
        if (
            listener["LoadBalancerArn"] == balancer
            and str(listener["Port"]) == port
            and listener["ListenerArn"] != except_for
        ):
            raise ApiRefusal(
                "DuplicateListener", f"A listener already exists on port {port} for the load balancer '{balancer}'"
            )
