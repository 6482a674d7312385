"""The state machine's loop: one turn of a rollout for each invocation."""

import os
from collections.abc import Mapping

from ..aws import clients
from ..aws.auto_scaling_fleet import AutoScalingFleet
from ..aws.cloudwatch_metrics import CloudWatchMetrics
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.ecs_fleet import EcsFleet
from ..aws.eventbridge_events import EventBridgeEvents
from ..aws.fleets import ComputeFleets
from ..aws.lambda_hooks import LambdaHooks
from ..aws.weighted_rules import AlbWeightedRules
from ..environment import Environment
from ..errors import ConfigurationError
from ..invocation import answered, instant
from ..ports import Ports
from ..runner import tick


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point."""
    place = Environment.of(os.environ)
    errors = clients.TRANSPORT_ERRORS
    return serve(
        event,
        Ports(
            rules=AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), errors),
            metrics=CloudWatchMetrics(clients.cloudwatch(), errors),
            fleets=ComputeFleets(
                ecs=EcsFleet(clients.ecs(), clients.ecs_scaling(), errors),
                auto_scaling=AutoScalingFleet(clients.auto_scaling(), clients.launch_templates(), errors),
            ),
            hooks=LambdaHooks(clients.lambda_hooks(), errors),
            events=EventBridgeEvents(clients.eventbridge()),
            store=DynamoDbStore(clients.dynamodb(), place.table, errors),
        ),
    )


def serve(event: Mapping[str, object], ports: Ports) -> Mapping[str, object]:
    """One turn of the rollout that the event names."""
    target, rollout = event.get("target"), event.get("rollout")
    if not isinstance(target, str) or not isinstance(rollout, str):
        raise ConfigurationError(f"the input names target {target!r} and rollout {rollout!r}: give both as texts")
    return answered(tick(ports, target, rollout, instant(event)))
