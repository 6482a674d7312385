"""A guardrail's alarm went off: abort at once what is in flight, without waiting for the next tick."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..abort import Abortable, abort
from ..aws import clients
from ..aws.dynamodb_store import DynamoDbStore
from ..aws.executions import StepFunctionsExecutions
from ..aws.weighted_rules import AlbWeightedRules
from ..environment import Environment
from ..errors import AwsError, ConfigurationError
from ..invocation import instant
from ..lifecycle import Phase
from ..ports import Executions, WeightedRules
from ..swap.lifecycle import SwapPhase
from ..swap.ports import AllStores

_log = logging.getLogger(__name__)
_WITH_TRAFFIC = frozenset({Phase.SHIFTING, Phase.BAKING})
_SWAP_WITH_TRAFFIC = frozenset({SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING})


@dataclass(frozen=True, slots=True)
class AlarmPorts:
    """The part of the world that an alarm's abort needs."""

    rules: WeightedRules
    store: AllStores
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
        found = _to_be_aborted(ports.store, target)
    except AwsError:
        # With the table down the rule itself says what is in flight; that it moved no traffic yet, nobody can say.
        if not isinstance(event.get("rule"), str):
            raise
        where: Abortable = _RuleOnly(target, str(event["rule"]))
    else:
        if found is None:
            return {"done": "NOTHING_IN_FLIGHT"}
        if instant(event) < found.since:
            return {"done": "BEFORE_THIS_ROLLOUT"}
        where = found.where
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


@dataclass(frozen=True, slots=True)
class _InFlight:
    where: Abortable
    since: datetime


def _to_be_aborted(store: AllStores, target: str) -> _InFlight | None:
    """The rollout or the swap that an alarm ends.

    An alarm before traffic moved is not the candidate's; what cannot be taken back the tick freezes.
    """
    rollout = store.load(target)
    if rollout is not None and not rollout.has_ended:
        ends = rollout.phase in _WITH_TRAFFIC and not rollout.is_irreversible and not rollout.is_expedited
        return _InFlight(rollout.settings, rollout.started_at) if ends else None
    record = store.slots(target)
    if record is None or record.op is None or record.settings is None or record.op.phase not in _SWAP_WITH_TRAFFIC:
        return None
    return _InFlight(record.settings, record.op.started_at)
