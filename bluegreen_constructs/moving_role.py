"""The role by which Amazon ECS registers the tasks of both sides and moves the weights of the two rules."""

from collections.abc import Sequence

from constructs import Construct

from .acknowledgements import acknowledge
from .service_role import service_role

# What Amazon ECS does to a load balancer during a deployment.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
_TARGET_ACTIONS = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
_DESCRIBE_ACTIONS = [
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
]


def moving_role(scope: Construct, *, group_arns: Sequence[str], rules: Sequence[object]) -> str:
    """Make the role, limited to these groups and rules (their ARNs, or what stands for them), and answer its ARN."""
    role = service_role(
        scope,
        "InfrastructureRole",
        services="ecs.amazonaws.com",
        description="Amazon ECS registers the tasks of both sides and moves the weights of the two rules",
        policy="MoveTraffic",
        statements=[
            {"Action": _TARGET_ACTIONS, "Resource": list(group_arns)},
            {"Action": "elasticloadbalancing:ModifyRule", "Resource": list(rules)},
            {"Action": _DESCRIBE_ACTIONS, "Resource": "*"},
        ],
    )
    acknowledge(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "Elastic Load Balancing's Describe calls take no resource; AWS's managed policy was considered, and would "
        "allow changes of every load balancer, where this role is limited to two target groups and two rules",
    )
    return role.attr_arn
