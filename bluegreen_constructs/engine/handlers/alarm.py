"""A guardrail's alarm went off: abort at once what is in flight, without waiting for the next tick."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..abort import Abortable, abort
from ..aws import clients
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.executions import StepFunctionsExecutions
from ..aws.weighted_rules import AlbWeightedRules
from ..environment import Environment
from ..errors import AwsError, ConfigurationError
from ..invocation import instant
from ..lifecycle import Phase
from ..ports import Executions, Store, WeightedRules
from ..rollout import Rollout

_log = logging.getLogger(__name__)
_WITH_TRAFFIC = frozenset({Phase.SHIFTING, Phase.BAKING})


@dataclass(frozen=True, slots=True)
class AlarmPorts:
    """The part of the world that an alarm's abort needs."""

    rules: WeightedRules
    store: Store
    executions: Executions


@dataclass(frozen=True, slots=True)
class _RuleOnly:
    target: str
    rule_arn: str


def handler(event: Mapping[str, object], _context: object) -> Mapping[str, object]:
    """Lambda's entry point."""
    place = Environment.of(os.environ)
    errors = clients.TRANSPORT_ERRORS
    ports = AlarmPorts(
        AlbWeightedRules(clients.elbv2(), clients.elbv2_writes(), errors),
        DynamoDbStore(clients.dynamodb(), place.table, errors),
        StepFunctionsExecutions(clients.step_functions(), place.state_machine_arn, errors),
    )
    return serve(event, ports)


def serve(event: Mapping[str, object], ports: AlarmPorts) -> Mapping[str, object]:
    """Abort the target's rollout if its candidate has traffic; an event that comes twice finds nothing in flight."""
    target, alarm = event.get("target"), event.get("alarm")
    if not isinstance(target, str) or not isinstance(alarm, str):
        raise ConfigurationError(f"the event names target {target!r} and alarm {alarm!r}: give both as texts")
    if event.get("state") != "ALARM":
        return {"done": "NOT_IN_ALARM"}
    try:
        rollout = ports.store.load(target)
    except AwsError:
        # With the table down the rule itself says what is in flight; that it moved no traffic yet, nobody can say.
        if not isinstance(event.get("rule"), str):
            raise
        where: Abortable = _RuleOnly(target, str(event["rule"]))
    else:
        if rollout is None or not _is_to_be_aborted(rollout):
            return {"done": "NOTHING_IN_FLIGHT"}
        if instant(event) < rollout.started_at:
            return {"done": "BEFORE_THIS_ROLLOUT"}
        where = rollout.settings
    outcome = abort(
        ports.rules,
        where,
        caller=f"alarm {alarm}",
        reason=f"alarm {alarm} went off",
        now=instant(event),
        store=ports.store,
        executions=ports.executions,
        is_bad=True,
        is_alarm=True,
    )
    _log.info("aborted by an alarm", extra={"target": target, "alarm": alarm, "notes": list(outcome.notes)})
    return {"done": outcome.state, "calls": outcome.calls}


def _is_to_be_aborted(rollout: Rollout) -> bool:
    """An alarm before traffic moved is not the candidate's; what cannot be taken back the tick freezes."""
    return rollout.phase in _WITH_TRAFFIC and not rollout.is_irreversible and not rollout.is_expedited
