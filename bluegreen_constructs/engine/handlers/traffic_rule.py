"""Lambda entry point of `TrafficRule`: one event of the custom resource in, one answer to CloudFormation out."""

import time
from collections.abc import Callable
from typing import Protocol

from ..aws import clients
from ..aws.elbv2_rules import Elbv2Rules
from ..cloudformation import PUT_SECONDS, Request, RequestType, Sender, put, request_of
from ..errors import ConfigurationError
from ..listener_rules import ListenerRules
from ..live_rule import LiveRule, Outcome, Owner
from ..patience import Patience
from ..resource_answer import Applied, answer_event
from ..rule_settings import listener_of, settings_of


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: dict[str, object], context: LambdaContext) -> None:
    """Lambda's entry point. Every event is answered, also one that cannot be served."""

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - PUT_SECONDS

    patience = Patience(seconds_left, time.sleep, clients.SECONDS_PER_CALL)
    serve(
        event,
        rules=lambda: Elbv2Rules(clients.elbv2(), patience, clients.TRANSPORT_ERRORS),
        send=put,
        pause=time.sleep,
    )


def serve(
    event: dict[str, object],
    *,
    rules: Callable[[], ListenerRules],
    send: Callable[[str, bytes], None],
    pause: Callable[[float], None],
) -> None:
    """Apply the event and send the answer; raises as `answer_event` does."""

    def apply(sender: Sender) -> Applied:
        outcome = _applied(sender, request_of(event), rules, pause)
        return outcome.note, {"RuleArn": outcome.rule_arn}

    answer_event(event, apply, send)


def _applied(
    sender: Sender, request: Request, rules: Callable[[], ListenerRules], pause: Callable[[float], None]
) -> Outcome:
    def live_rule() -> LiveRule:
        return LiveRule(rules(), Owner(sender.stack_id, sender.logical_id), sender.request_id, pause)

    match request.type:
        case RequestType.CREATE:
            wanted = settings_of(request.properties)
            return live_rule().create(wanted)
        case RequestType.UPDATE:
            wanted, former = settings_of(request.properties), settings_of(request.former_properties)
            return live_rule().update(wanted, former)
        case RequestType.DELETE:
            try:
                listener_arn = listener_of(request.properties)
            except ConfigurationError as error:
                # The create was refused for the same reason; a failure here would only wedge the stack.
                return Outcome("", f"nothing to delete: {error}")
            return live_rule().delete(listener_arn)
