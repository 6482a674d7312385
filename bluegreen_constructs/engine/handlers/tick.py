"""The state machine's loop: one turn of a rollout, or of an operation on slots, for each invocation."""

import os
from collections.abc import Mapping

from ..aws import clients
from ..aws.active_side_parameter import ActiveSideParameter
from ..aws.auto_scaling_fleet import AutoScalingFleet
from ..aws.cloudformation_stacks import CloudFormationStacks
from ..aws.cloudwatch_metrics import CloudWatchMetrics
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.ecs_fleet import EcsFleet
from ..aws.eventbridge_events import EventBridgeEvents
from ..aws.fleets import ComputeFleets
from ..aws.lambda_hooks import LambdaHooks
from ..aws.slot_services import EcsSlotServices
from ..aws.weighted_rules import AlbWeightedRules
from ..environment import Environment
from ..errors import ConfigurationError
from ..invocation import answered, instant
from ..ports import Ports
from ..runner import SUPERSEDED, tick
from ..swap.ports import SlotsPorts
from ..swap.turn import slots_turn


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point."""
    place = Environment.of(os.environ)
    errors = clients.TRANSPORT_ERRORS
    rules = AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), errors)
    metrics = CloudWatchMetrics(clients.cloudwatch(), errors)
    hooks = LambdaHooks(clients.lambda_hooks(), errors)
    events = EventBridgeEvents(clients.eventbridge())
    store = DynamoDbStore(clients.dynamodb(), place.table, errors)
    return serve(
        event,
        Ports(
            rules=rules,
            metrics=metrics,
            fleets=ComputeFleets(
                ecs=EcsFleet(clients.ecs(), clients.ecs_scaling(), errors),
                auto_scaling=AutoScalingFleet(clients.auto_scaling(), clients.launch_templates(), errors),
            ),
            hooks=hooks,
            events=events,
            store=store,
        ),
        SlotsPorts(
            rules=rules,
            members=rules,
            services=EcsSlotServices(clients.slot_services(), clients.slot_scaling(), errors),
            metrics=metrics,
            hooks=hooks,
            events=events,
            store=store,
            stacks=CloudFormationStacks(clients.cloudformation(), errors),
            active=ActiveSideParameter(clients.active_sides(), errors),
        ),
    )


def serve(event: Mapping[str, object], ports: Ports, of_slots: SlotsPorts) -> Mapping[str, object]:
    """One turn of the rollout, or of the operation on slots, that the event names."""
    target, rollout = event.get("target"), event.get("rollout")
    if not isinstance(target, str) or not isinstance(rollout, str):
        raise ConfigurationError(f"the input names target {target!r} and rollout {rollout!r}: give both as texts")
    now = instant(event)
    answer = tick(ports, target, rollout, now)
    if answer.outcome == SUPERSEDED:
        # A target has rollouts or operations on slots; whose id this is, only the one or the other record says.
        answer = slots_turn(of_slots, target, rollout, now) or answer
    return answered(answer)
