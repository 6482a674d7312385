"""What metrics call a load balancer and a target group: parts of their ARNs, written without a call to Node."""

from .guardrail_alarms import Name

_UNKNOWN = "${Token["


def load_balancer_name(listener_arn: str) -> Name:
    """`app/name/id` of `...:listener/app/name/id/listener-id`, which an imported listener has, too."""
    if _UNKNOWN not in listener_arn:
        return "/".join(listener_arn.split("/")[1:4])
    parts = {"Fn::Split": ["/", listener_arn]}
    return {"Fn::Join": ["/", [{"Fn::Select": [index, parts]} for index in (1, 2, 3)]]}


def target_group_name(group_arn: str) -> Name:
    """`targetgroup/name/id`, the last part of the ARN."""
    if _UNKNOWN not in group_arn:
        return group_arn.rpartition(":")[2]
    return {"Fn::Select": [5, {"Fn::Split": [":", group_arn]}]}
