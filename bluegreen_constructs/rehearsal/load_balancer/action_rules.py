"""What the ELBv2 API refuses or completes in the actions of a rule or listener.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ForwardActionConfig.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html.
"""

from collections.abc import Mapping, Sequence

from .records import ActionRecord, ForwardConfig, StickinessConfig, TargetGroupTuple

_MOST_TARGET_GROUPS = 5
_MOST_WEIGHT = 999
_LONGEST_STICKINESS = 604_800
_ROUTING = frozenset({"forward", "redirect", "fixed-response"})


class ApiRefusal(Exception):  # noqa: N818  # it is an answer to an API call, not a failure of ours
    """An ELBv2 error answer: AWS's error code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def complete_actions(
    actions: Sequence[ActionRecord],
    *,
    balancer_arn: str,
    users: Mapping[str, str | None],
) -> list[ActionRecord]:
    """The actions as AWS stores and answers them, or ApiRefusal.

    `users` has every target group's ARN and the load balancer that uses it (None: none). A forward to one group is
    answered with both TargetGroupArn and ForwardConfig, to several with ForwardConfig only.
    """
    if not actions or [action["Type"] in _ROUTING for action in actions].count(True) != 1:
        raise ApiRefusal("ValidationError", "A rule must have exactly one forward, redirect or fixed-response action")
    ordered = sorted(actions, key=lambda action: action.get("Order", 1))
    if ordered[-1]["Type"] not in _ROUTING:
        raise ApiRefusal("InvalidLoadBalancerAction", "The forward, redirect or fixed-response action must be the last")
    completed = [_complete_forward(action) if action["Type"] == "forward" else action for action in ordered]
    for action in completed:
        for group in action["ForwardConfig"]["TargetGroups"] if action["Type"] == "forward" else ():
            _check_group(group["TargetGroupArn"], balancer_arn, users)
    return completed


def _check_group(arn: str, balancer_arn: str, users: Mapping[str, str | None]) -> None:
    if arn not in users:
        raise ApiRefusal("TargetGroupNotFound", f"One or more target groups not found: '{arn}'")
    if users[arn] not in {None, balancer_arn}:
        raise ApiRefusal(
            "TargetGroupAssociationLimit",
            f"The following target groups cannot be associated with more than one load balancer: {arn}",
        )


def _complete_forward(action: ActionRecord) -> ActionRecord:
    config = action.get("ForwardConfig")
    single = action.get("TargetGroupArn")
    groups = _groups(config["TargetGroups"] if config else [])
    if single and groups and [group["TargetGroupArn"] for group in groups] != [single]:
        raise ApiRefusal(
            "ValidationError",
            "You can specify both TargetGroupArn and ForwardConfig only for the same one target group",
        )
    groups = groups or ([TargetGroupTuple(TargetGroupArn=single, Weight=1)] if single else [])
    if not groups:
        raise ApiRefusal("ValidationError", "You must specify a target group for an action of type 'forward'")
    completed = ActionRecord(Type="forward", Order=action.get("Order", 1))
    if len(groups) == 1:
        completed["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    stickiness = _stickiness(config.get("TargetGroupStickinessConfig") if config else None)
    completed["ForwardConfig"] = ForwardConfig(TargetGroups=groups, TargetGroupStickinessConfig=stickiness)
    return completed


def _groups(given: Sequence[TargetGroupTuple]) -> list[TargetGroupTuple]:
    if len(given) > _MOST_TARGET_GROUPS:
        raise ApiRefusal(
            "ValidationError", f"An action can have at most {_MOST_TARGET_GROUPS} target groups, not {len(given)}"
        )
    arns = [group["TargetGroupArn"] for group in given]
    if len(set(arns)) < len(arns):
        raise ApiRefusal("ValidationError", "The target groups of an action must be different")
    return [
        TargetGroupTuple(
            TargetGroupArn=group["TargetGroupArn"], Weight=_whole(group.get("Weight", 1), "weight", 0, _MOST_WEIGHT)
        )
        for group in given
    ]


def _stickiness(given: StickinessConfig | None) -> StickinessConfig:
    if given is None or not given["Enabled"]:
        return StickinessConfig(Enabled=False)
    if "DurationSeconds" not in given:
        raise ApiRefusal("ValidationError", "Target group stickiness needs a duration when it is enabled")
    seconds = _whole(given["DurationSeconds"], "stickiness duration", 1, _LONGEST_STICKINESS)
    return StickinessConfig(Enabled=True, DurationSeconds=seconds)


def _whole(value: int | str, what: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ApiRefusal("ValidationError", f"The {what} '{value}' must be a whole number between {low} and {high}")
    return number
