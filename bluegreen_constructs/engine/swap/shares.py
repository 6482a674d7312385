"""What a rule's actions give to each side, and the actions that give exactly that. Pure."""

from collections.abc import Mapping, Sequence

from ..listener_rules import Json
from ..live_rule import forwarded_groups

Shares = Mapping[str, float]
"""Percent of the traffic by target group; a group without any is not among them."""

_WHOLE = 100.0


def all_on(group_arn: str) -> Shares:
    """Everything to one group."""
    return {group_arn: _WHOLE}


def shares_in(actions: Sequence[Json]) -> Shares | None:
    """What the actions give to each group; None for actions that forward nothing, such as a fixed answer."""
    groups = {arn: weight for arn, weight in forwarded_groups(actions).items() if weight > 0}
    total = sum(groups.values())
    return {arn: round(1000 * weight / total) / 10 for arn, weight in groups.items()} if total else None


def is_alone(actions: Sequence[Json], group_arn: str) -> bool:
    """Whether the actions name this group and no other, not even one with a weight of 0.

    Stickiness outranks weights: a group at 0 still gets the clients that know it.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    """
    return set(forwarded_groups(actions)) == {group_arn}


def forward_to(shares: Shares) -> Json:
    """The forward action with these shares, in multiples of 0.1 percent, without stickiness."""
    tenths = {arn: round(percent * 10) for arn, percent in shares.items() if percent}
    is_whole = all(weight % 10 == 0 for weight in tenths.values())
    # ELB takes weights up to 999: whole percents as they are, others as parts of a thousand.
    weights = {arn: weight // 10 if is_whole else min(weight, 999) for arn, weight in tenths.items()}
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in sorted(weights.items())]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def closed(slot: str) -> Json:
    """The answer of a slot's own hostname while its side has production's settings."""
    return {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": "503",
            "ContentType": "text/plain",
            "MessageBody": f"slot {slot} is being swapped with production\n",
        },
    }
