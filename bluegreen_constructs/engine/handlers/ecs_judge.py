"""Lambda entry point of the judge: a lifecycle hook of Amazon ECS, or the look of every minute."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from ..aws import clients
from ..aws.cloudwatch_metrics import CloudWatchMetrics
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.ecs_deployments import EcsDeployments
from ..aws.eventbridge_events import EventBridgeEvents
from ..aws.parameter_settings import ParameterSettings
from ..aws.verdict_metric import CloudWatchVerdict
from ..aws.weighted_rules import AlbWeightedRules
from ..ecs_hook import HookCall
from ..ecs_judge import Judge, JudgePorts
from ..environment import Environment
from ..errors import ConfigurationError
from ..invocation import instant
from ..present_time import present

_log = logging.getLogger(__name__)


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point."""
    place, errors = Environment.of(os.environ), clients.TRANSPORT_ERRORS
    ports = JudgePorts(
        source=ParameterSettings(clients.ssm(), errors),
        store=DynamoDbStore(clients.dynamodb(), place.table, errors),
        rules=AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), errors),
        metrics=CloudWatchMetrics(clients.cloudwatch(), errors),
        deployments=EcsDeployments(clients.service_deployments(), errors),
        events=EventBridgeEvents(clients.eventbridge()),
        verdicts=CloudWatchVerdict(clients.verdict_metric(), errors),
    )
    # A hook's event has no time in it, unlike all else that calls the engine.
    return serve(event, Judge(ports), lambda: present(os.environ, time.time()))


def serve(event: Mapping[str, object], judge: Judge, clock: Callable[[], datetime]) -> Mapping[str, object]:
    """Answer a hook, or look at everything that is in flight."""
    if event.get("look"):
        # The schedule's time is some seconds early: what is read now must not count for the minute that it names.
        troubles = judge.look(max(instant(event), clock()) if event.get("now") else clock())
        for trouble in troubles:
            _log.error("could not look: %s", trouble)
        return {"done": "LOOKED", "troubles": list(troubles)}
    try:
        call = HookCall.of(event)
    except ConfigurationError as error:
        _log.error("the hook was called with what it cannot read: %s", error, extra={"event": dict(event)})
        return {"hookStatus": "FAILED"}  # nobody would know of which deployment, also later
    reply = judge.answer(call, clock())
    _log.log(
        logging.INFO if reply.status == "SUCCEEDED" else logging.WARNING,
        "%s: %s",
        reply.status,
        reply.reason,
        extra={"target": call.target, "deployment": call.deployment, "stage": call.stage},
    )
    return reply.to_answer(call)
