"""The alarms of the emulator: one thread that evaluates them, and what a change of state sets off."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ministack.core import responses as _responses
from ministack.services import cloudwatch as _cw
from ministack.services import eventbridge as _events

from ...engine.errors import BlueGreenError
from ..clock import Clock
from ..cloudwatch import alarm_record
from ..cloudwatch.alarm_definition import AlarmDefinition, read_alarm
from ..cloudwatch.alarm_events import DETAIL_TYPE, SOURCE, StateSnapshot, event_detail, lambda_action
from ..cloudwatch.alarm_record import AlarmRecord
from ..cloudwatch.alarms import evaluate_alarm, window_end
from ..cloudwatch.metric_queries import text
from ..cloudwatch.metric_store import MetricStore
from ..cloudwatch.missing_data import AlarmState
from .patches import Patches
from .world import World

_log = logging.getLogger("rehearsal.cloudwatch")

EVALUATION_INTERVAL_SECONDS = 15.0
"""How often every alarm is evaluated, in rehearsed seconds: four times a minute."""

_SHORTEST_PAUSE_SECONDS = 0.1
_LARGEST_CPU_SHARE = 0.2
# A minute's metrics are published by other threads when the minute ends; until then a FILL would show zeros. Real time.
_SETTLING_SECONDS = 0.4
_TRANSITIONS_KEPT = 50
_ACTIONS_OF = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


@dataclass(frozen=True)
class Transition:
    """One change of an alarm's state; `at` is rehearsed, `wall` real seconds since the epoch."""

    before: str
    after: str
    reason: str
    at: float
    wall: float

    def describe(self) -> dict[str, object]:
        """The form for a state report."""
        return {"from": self.before, "to": self.after, "reason": self.reason, "at": self.at, "wall": self.wall}


class CloudWatch(MetricStore):
    """The rehearsal's CloudWatch: the metrics, and the thread that evaluates the alarms."""

    def __init__(self, patches: Patches, world: World) -> None:
        super().__init__()
        self.clock: Clock = world.clock
        self._account = world.config.account
        self._region = world.config.region
        # Guards alarm records against the evaluation thread; never held while an action or event is delivered.
        self.alarm_lock = threading.RLock()
        self._send_to_sns = cast("Callable[..., None]", patches.original(_cw, "_dispatch_alarm_actions"))
        for name in ("_dispatch_event", "_archive_event", "_events_log_list", "_dispatch_to_lambda"):
            patches.original(_events, name)
        for name in ("_record_history", "_evaluate_parent_alarms", "_alarms", "_composite_alarms"):
            patches.original(_cw, name)
        self._definitions: dict[str, tuple[AlarmRecord, AlarmDefinition]] = {}
        self._states: dict[str, StateSnapshot] = {}
        self._transitions: dict[str, list[Transition]] = {}
        self._held_since: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # The part

    def start(self) -> None:
        """Begin to evaluate the alarms."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True, name="alarm-evaluation")
        self._thread.start()

    def stop(self) -> None:
        """End the evaluation; an evaluation under way is waited for."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def describe(self) -> dict[str, object]:
        """The metrics' number and every alarm's state and transitions."""
        with _responses.request_scope(self._account, self._region), self.alarm_lock:
            alarms = [*_cw._alarms.values(), *_cw._composite_alarms.values()]
            described = [
                {
                    "name": text(record.get("AlarmName")),
                    "state": text(record.get("StateValue")),
                    "reason": text(record.get("StateReason")),
                    "transitions": [
                        transition.describe() for transition in self._transitions.get(text(record.get("AlarmArn")), [])
                    ],
                }
                for record in alarms
            ]
        return {**super().describe(), "alarms": described}

    # Evaluation

    def _run(self) -> None:
        pause = self._interval()
        forgotten = 0.0
        while not self._stopping.wait(pause):
            began = time.perf_counter()
            self.evaluate_alarms()
            now = self.clock.now()
            if now - forgotten > 60:
                self.forget(now)
                forgotten = now
            spent = time.perf_counter() - began
            pause = max(self._interval() - spent, spent * (1 / _LARGEST_CPU_SHARE - 1))

    def _interval(self) -> float:
        return max(_SHORTEST_PAUSE_SECONDS, self.clock.real_seconds(EVALUATION_INTERVAL_SECONDS))

    def evaluate_alarms(self) -> None:
        """Evaluate every metric alarm once, and deliver what the changes of state cause."""
        for (account, region, name), record in self._all_alarms():
            with _responses.request_scope(account, region):
                try:
                    self._evaluate(name, record)
                except Exception:  # noqa: BLE001  # one alarm must not keep the others from being evaluated
                    _log.exception("the evaluation of the alarm %s failed", name)

    def _all_alarms(self) -> list[tuple[tuple[str, str, str], AlarmRecord]]:
        return cast("list[tuple[tuple[str, str, str], AlarmRecord]]", _cw._alarms.all_items())

    def _evaluate(self, name: str, record: AlarmRecord) -> None:
        arn = text(record.get("AlarmArn"))
        now = self.clock.at(time.time() - _SETTLING_SECONDS)
        definition = self._definition(arn, record)
        if definition is None:
            return
        held_since = self._held_since.get(arn)
        if held_since is not None:
            if window_end(definition.period, now) <= window_end(definition.period, held_since):
                return
            self._held_since.pop(arn, None)
        outcome = evaluate_alarm(definition, self, current=AlarmState(text(record["StateValue"])), now=now)
        with self.alarm_lock:
            before = text(record["StateValue"])
            if outcome is None or outcome.state == before or _cw._alarms.get(name) is not record:
                return
            if arn in self._held_since:  # set by hand while we evaluated
                return
            alarm_record.apply(record, outcome, now=self.clock.now())
            _cw._record_history(
                name, before, outcome.state.value, outcome.reason, "MetricAlarm", json.loads(outcome.reason_data)
            )
        _cw._dispatch_alarm_actions(record, before, outcome.state.value, outcome.reason)
        _cw._evaluate_parent_alarms(record)

    def _definition(self, arn: str, record: AlarmRecord) -> AlarmDefinition | None:
        """What a record means; None for one of the emulator's own making that the rehearsal cannot evaluate."""
        known = self._definitions.get(arn)
        if known is not None and known[0] is record:
            return known[1]
        if record.get("EvaluationState") == "EVALUATION_ERROR":
            return None
        try:
            definition = read_alarm(record)
        except BlueGreenError as refused:
            record["EvaluationState"] = "EVALUATION_ERROR"
            record["StateReason"] = str(refused)
            return None
        self._definitions[arn] = (record, definition)
        return definition

    # Changes of state

    def state_changed(self, record: AlarmRecord, before: str, after: str, reason: str) -> None:
        """Keep a transition and deliver its event and actions; runs for metric and composite alarms alike."""
        now, arn = self.clock.now(), text(record.get("AlarmArn"))
        with self.alarm_lock:
            record["StateTransitionedTimestamp"] = round(now, 3)
            state = alarm_record.snapshot(record, now=now)
            previous = self._states.get(arn)
            if previous is None or previous.value != before:
                previous = StateSnapshot(before, StateSnapshot.initial(now).reason, now)
            self._states[arn] = state
            kept = self._transitions.setdefault(arn, [])
            kept.append(Transition(before, after, reason, now, time.time()))
            del kept[:-_TRANSITIONS_KEPT]
            detail = event_detail(record, state, previous)
        self._send_event(arn, detail, now)
        self._send_to_sns(record, before, after, reason)
        self._invoke_functions(record, detail, now)

    def _send_event(self, arn: str, detail: dict[str, object], now: float) -> None:
        """Put the event on the default bus; not through PutEvents, which would give it a wall-clock time."""
        event = {
            "EventId": _responses.new_uuid(),
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(detail),
            "EventBusName": "default",
            "Time": int(now),
            "Resources": [arn],
            "Account": _responses.get_account_id(),
            "Region": _responses.get_region(),
        }
        _events._events_log_list().append(event)
        _events._dispatch_event(event)
        _events._archive_event(event)

    def _invoke_functions(self, record: AlarmRecord, detail: dict[str, object], now: float) -> None:
        if not record.get("ActionsEnabled", True):
            return
        actions = record.get(_ACTIONS_OF.get(text(record.get("StateValue")), ""))
        for action in actions if isinstance(actions, list) else []:
            if text(action).startswith("arn:aws:lambda:"):
                account, region = _responses.get_account_id(), _responses.get_region()
                payload = lambda_action(record, detail, account=account, region=region, at=now)
                _events._dispatch_to_lambda(text(action), json.dumps(payload))

    # Records

    def put_alarm(self, record: AlarmRecord, store: Callable[[AlarmRecord], None]) -> None:
        """Store a new or updated alarm through `store`, keeping the state of the one it replaces."""
        arn = text(record.get("AlarmArn"))
        with self.alarm_lock:
            existing = _cw._alarms.get(text(record["AlarmName"]))
            alarm_record.keep_state(record, existing)
            if existing is None:
                self._states[arn] = StateSnapshot.initial(self.clock.now())
                self._transitions.pop(arn, None)
                self._held_since.pop(arn, None)
            store(record)

    def hold(self, record: AlarmRecord) -> None:
        """Leave a state that was set by hand alone until the next minute is evaluated."""
        self._held_since[text(record.get("AlarmArn"))] = self.clock.now()

    def forget_everything(self) -> None:
        """Start over, as ministack's own reset does."""
        self.clear()
        with self.alarm_lock:
            for kept in (self._definitions, self._states, self._transitions, self._held_since):
                kept.clear()
