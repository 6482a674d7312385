"""ReplayHook: the function that replays requests to both sides, and what Amazon ECS is to ask it with."""

from collections.abc import Sequence
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from .account_arns import arn_here
from .engine.replay import SECONDS_PER_INVOCATION, ReplayRequests
from .hook_function import HookFunction, HookHistory
from .hooks import TestRoute

# What is left of an invocation for three requests that take their time, and for the calls to S3 and DynamoDB.
_SECONDS_FOR_AWS = 150


class ReplayHook(Construct):
    """Replays requests after test traffic has moved to the candidate and before production traffic does.

    function_arn, details, stage: what the service's lifecycle hook is made of. connections: set for a route inside the
    VPC, to be admitted where the requests go. function: the function itself, to be allowed to decrypt an encrypted
    sample, say.
    """

    stage: Literal["POST_TEST_TRAFFIC_SHIFT"] = "POST_TEST_TRAFFIC_SHIFT"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        replay: ReplayRequests,
        cluster_name: str,
        route: TestRoute,
        live_url: str,
        live_host: str | None = None,
        vpc: ec2.IVpc | None = None,
        subnet_ids: Sequence[str] = (),
        history: HookHistory | None = None,
    ) -> None:
        """Make the function.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            replay: what is replayed.
            cluster_name: the cluster of the service, whose deployments the function asks whether there is a live
                release.
            route: how the candidate is reached; one inside the VPC puts the function there.
            live_url: where production traffic goes, as `https://name`.
            live_host: the host name that production traffic asks for; default: that of `live_url`.
            vpc: the VPC of a route inside one.
            subnet_ids: the subnets there; with sampled requests or a history they need a way to S3 and DynamoDB, by
                a NAT gateway or endpoints.
            history: where the result goes; default: to the function's log only.

        Raises ConfigurationError for more requests than a hook's details hold.
        """
        super().__init__(scope, id)
        self.details: dict[str, object] = {
            "replay": replay.to_details(),
            "candidate": {"url": route.url, "headers": dict(route.headers), "host": route.host},
            "live": {"url": live_url, "host": live_host},
        }
        if history is not None:
            self.details["target"] = history.target
        self.function = HookFunction(
            self,
            "Function",
            module="replay",
            description="Replays requests to both sides before the candidate gets production traffic",
            timeout_seconds=round(SECONDS_PER_INVOCATION + 3 * replay.timeout_seconds) + _SECONDS_FOR_AWS,
            history=history,
        )
        self.function.allow_kind(
            "service deployment",
            [arn_here("ecs", f"service-deployment/{cluster_name}/*")],
            because="it has no ARN before it is made; naming the service was considered, and would have the service "
            "wait for its own hook, so all of the cluster's are named",
        )
        sample = replay.sample
        if sample is not None:
            # A bucket's ARN has no account and no region.
            arn = f"arn:{cdk.Aws.PARTITION}:s3:::{sample.bucket}/{sample.key}"
            self.function.allow_kind("sampled object", [arn], because="the object's own name has the character")
        self.connections: ec2.Connections | None = None
        if route.inside_vpc and vpc is not None:
            self.connections = self.function.move_into(vpc, subnet_ids, name="replayed requests")
            self.connections.allow_to_any_ipv4(ec2.Port.tcp(443), "AWS")
        self.function_arn = self.function.arn
