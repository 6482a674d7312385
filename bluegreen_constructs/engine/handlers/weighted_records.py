"""Lambda entry point of `RegionSwitch`: one event of the custom resource in, one answer to CloudFormation out."""

import time
from collections.abc import Callable

from ..aws import clients
from ..aws.route53_records import Route53Records
from ..cloudformation import PUT_SECONDS, Request, RequestType, Sender, put, request_of
from ..errors import ConfigurationError
from ..live_records import LiveRecords
from ..patience import Patience
from ..record_mark import owner_of
from ..record_settings import place_of, settings_of
from ..resource_answer import Applied, answer_event
from ..zone_records import ZoneRecords
from .traffic_rule import LambdaContext


def handler(event: dict[str, object], context: LambdaContext) -> None:
    """Lambda's entry point. Every event is answered, also one that cannot be served."""

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - PUT_SECONDS

    patience = Patience(seconds_left, time.sleep, clients.SECONDS_PER_CALL)
    serve(
        event,
        zone=lambda: Route53Records(clients.route53(), patience, clients.TRANSPORT_ERRORS, has_new_role=True),
        send=put,
        pause=time.sleep,
    )


def serve(
    event: dict[str, object],
    *,
    zone: Callable[[], ZoneRecords],
    send: Callable[[str, bytes], None],
    pause: Callable[[float], None],
) -> None:
    """Apply the event and send the answer; raises as `answer_event` does."""

    def apply(sender: Sender) -> Applied:
        return _applied(sender, request_of(event), zone, pause), {}

    answer_event(event, apply, send)


def _applied(sender: Sender, request: Request, zone: Callable[[], ZoneRecords], pause: Callable[[float], None]) -> str:
    def live() -> LiveRecords:
        return LiveRecords(zone(), owner_of(sender.stack_id, sender.logical_id), sender.request_id, pause)

    match request.type:
        case RequestType.CREATE:
            wanted = settings_of(request.properties)
            return live().create(wanted)
        case RequestType.UPDATE:
            wanted, former = settings_of(request.properties), settings_of(request.former_properties)
            return live().update(wanted, former)
        case RequestType.DELETE:
            try:
                place = place_of(request.properties)
            except ConfigurationError as error:
                # The create was refused for the same reason; a failure here would only wedge the stack.
                return f"nothing to delete: {error}"
            return live().delete(*place)
