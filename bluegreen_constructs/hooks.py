"""Hooks: what is asked about a candidate before it gets production traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from .acknowledgements import acknowledge
from .ecs_deployment_configuration import LifecycleHook
from .engine.smoke_test import HttpSmokeTest, SmokeTestPlan
from .engine_function import EngineFunction

# ECS calls the function again when it asks for it, so one invocation only has to outlast its own requests; Lambda
# allows 15 minutes.
LONGEST_INVOCATION_SECONDS = 900
_NETWORK_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


@dataclass(frozen=True)
class TestRoute:
    """How a function reaches the candidate: address, headers, host name, and whether from inside the VPC."""

    __test__: ClassVar[bool] = False  # the name starts with Test, but pytest has nothing to collect here

    url: str
    headers: Mapping[str, str]
    host: str | None
    inside_vpc: bool


class SmokeTestHook(Construct):
    """The function that sends the smoke tests, and the role by which Amazon ECS calls it.

    It runs after test traffic has moved to the candidate and before production traffic does.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        checks: Sequence[HttpSmokeTest],
        route: TestRoute,
        vpc: ec2.IVpc,
        subnet_ids: Sequence[str],
    ) -> None:
        """Make the function and the role; a route inside the VPC puts the function there."""
        super().__init__(scope, id)
        plan = SmokeTestPlan(url=route.url, headers=route.headers, checks=tuple(checks), host=route.host)
        seconds = sum(check.timeout_seconds for check in checks) + 10
        self._function = EngineFunction(
            self,
            "Function",
            handler="engine.handlers.smoke_test.handler",
            description="Sends the smoke tests to the candidate before it gets production traffic",
            timeout_seconds=min(round(seconds), LONGEST_INVOCATION_SECONDS),
        )
        self.connections: ec2.Connections | None = None
        if route.inside_vpc:
            self._move_into(vpc, subnet_ids)
        role = iam.Role(
            self,
            "InvocationRole",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            description="Amazon ECS calls the smoke tests",
            # Inline: hooks run during the first deployment too, when a policy of its own might not be attached yet.
            inline_policies={
                "Invoke": iam.PolicyDocument(
                    statements=[iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self._function.arn])]
                )
            },
        )
        self.lifecycle_hook: LifecycleHook = {
            "TargetType": "AWS_LAMBDA",
            "HookTargetArn": self._function.arn,
            "RoleArn": role.role_arn,
            "LifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"],
            "HookDetails": cdk.Stack.of(self).to_json_string(plan.to_details()),
        }

    def _move_into(self, vpc: ec2.IVpc, subnet_ids: Sequence[str]) -> None:
        group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="the smoke tests", allow_all_outbound=False
        )
        self.connections = ec2.Connections(security_groups=[group])
        self._function.resource.add_property_override(
            "VpcConfig",
            {"SubnetIds": list(subnet_ids), "SecurityGroupIds": [group.security_group_id]},
        )
        # Lambda makes the network interfaces with the function's role; its guide names no narrower resource.
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        self._function.allow("JoinNetwork", _NETWORK_ACTIONS, ["*"])
        acknowledge(
            self._function.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda creates the network interfaces of a function in a VPC with the function's role, and the interfaces "
            "have no ARN before; leaving the function outside the VPC was considered and cannot reach an internal "
            "load balancer",
        )
