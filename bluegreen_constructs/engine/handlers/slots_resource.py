"""Lambda entry point of an application's slots: one event of a custom resource in, one answer to CloudFormation out."""

import os
from collections.abc import Callable
from typing import cast

from ..aws import clients
from ..aws.active_side_parameter import ActiveSideParameter
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.slot_families import EcsFamilies, FamilyClient
from ..aws.slot_services import EcsSlotServices
from ..cloudformation import Request, RequestType, Sender, put, request_of
from ..environment import Environment
from ..errors import ConfigurationError
from ..resource_answer import Applied, answer_event
from ..swap.installing import Installing
from ..swap.wanted_slots import wanted_slots

SIDES, SCALING = "Custom::SlotSides", "Custom::SlotScaling"


def handler(event: dict[str, object], _context: object) -> None:
    """Lambda's entry point. Every event is answered, also one that cannot be served."""
    serve(event, installing=_installing, send=put)


def serve(
    event: dict[str, object], *, installing: Callable[[str], Installing], send: Callable[[str, bytes], None]
) -> None:
    """Apply the event and send the answer; raises as `answer_event` does.

    installing: what applies the events of a stack, by the stack's ARN.
    """

    def apply(sender: Sender) -> Applied:
        return _applied(sender, str(event.get("ResourceType")), request_of(event), installing), {}

    answer_event(event, apply, send)


def _applied(sender: Sender, kind: str, request: Request, installing: Callable[[str], Installing]) -> str:
    if kind not in {SIDES, SCALING}:
        raise ConfigurationError(f"the resource type is {kind}: {SIDES} or {SCALING} is expected")
    if request.type is RequestType.DELETE:
        if kind == SCALING:
            return "the services' bounds go with the services"
        try:
            wanted = wanted_slots(request.properties)
        except ConfigurationError as error:
            # The create was refused for the same reason; a failure here would only wedge the stack.
            return f"nothing to delete: {error}"
        return installing(sender.stack_id).delete(wanted)
    wanted, slots = wanted_slots(request.properties), installing(sender.stack_id)
    if request.type is RequestType.CREATE:
        return slots.create(wanted) if kind == SIDES else slots.bound(wanted)
    if kind == SIDES:
        return slots.update(wanted)
    return slots.bound(wanted, wanted_slots(request.former_properties))


def _installing(stack_id: str) -> Installing:
    errors = clients.TRANSPORT_ERRORS
    ecs = clients.slot_services()
    return Installing(
        stack_id=stack_id,
        services=EcsSlotServices(ecs, clients.slot_scaling(), errors),
        families=EcsFamilies(cast("FamilyClient", ecs), errors),
        store=DynamoDbStore(clients.dynamodb(), Environment.of(os.environ).table, errors),
        active=ActiveSideParameter(clients.active_sides(), errors),
    )
