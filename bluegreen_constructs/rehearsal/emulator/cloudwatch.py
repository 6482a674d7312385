"""CloudWatch inside the emulator: ministack's service over the rehearsal's own metrics, metric math and alarms.

*Emulated*: PutMetricData, GetMetricData (with metric math), GetMetricStatistics, ListMetrics, alarms with everything
that `alarm_definition.read_alarm` lets through, their history, their SNS and Lambda actions and their EventBridge
events. All of it lives in rehearsed time: a datum without a timestamp, or with a wall-clock "now", is put at
`Clock.now()`; the windows of GetMetricData and GetMetricStatistics are rehearsed time as given; history, state
timestamps and events are rehearsed time. Composite alarms, dashboards, tags and paging stay ministack's.

An alarm is evaluated about every fifteen rehearsed seconds by one thread, over whole minutes (ten seconds for short
periods) that ended a moment ago, so that what is published when a minute ends is there. A state set by SetAlarmState
holds until the next minute is evaluated, as in CloudWatch.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from ministack.core import responses as _responses
from ministack.services import cloudwatch as _cw
from ministack.services.cloudformation import provisioners as _provisioners

from ...engine.errors import BlueGreenError, ConfigurationError
from ..clock import Clock
from ..cloudwatch import alarm_record, metric_api
from ..cloudwatch.alarm_definition import read_alarm
from ..cloudwatch.alarm_record import AlarmRecord
from ..cloudwatch.metric_queries import text
from ..cloudwatch.missing_data import AlarmState
from ..cloudwatch.wire import as_xml, moment, nested, with_instants
from .alarm_evaluation import CloudWatch
from .patches import Patches
from .world import World

Request: TypeAlias = Mapping[str, object]
Response: TypeAlias = tuple[int, dict[str, str], bytes]
# ministack's signature for an operation: (query parameters, decoded body, is_cbor, is_json).
Operation: TypeAlias = Callable[[Mapping[str, object], dict[str, object], bool, bool], Response]


class _RehearsedTime:
    """What ministack's CloudWatch sees as the `time` module: the clock of the rehearsal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.now()


def install(patches: Patches, world: World) -> CloudWatch:
    """Put the rehearsal's CloudWatch in the place of ministack's; the alarms are evaluated once it is started."""
    part = CloudWatch(patches, world)
    patches.replace(_cw, "time", _RehearsedTime(world.clock))
    _install_metrics(patches, part)
    _install_alarms(patches, part)
    world.metrics = part
    return part


def _install_metrics(patches: Patches, part: CloudWatch) -> None:
    def put_metric_data(request: Request) -> None:
        metric_api.put_metric_data(request, part, part.clock, wall=time.time())

    def record_metric(
        namespace: str, metric_name: str, value: float, unit: str = "None", dimensions: dict[str, str] | None = None
    ) -> None:
        part.put(namespace, metric_name, dimensions or {}, [float(value)], part.clock.now(), unit)

    reset = cast("Callable[[], None]", patches.original(_cw, "reset"))

    def reset_all() -> None:
        reset()
        part.forget_everything()

    patches.replace(_cw, "_put_metric_data", _operation("PutMetricData", put_metric_data))
    patches.replace(
        _cw, "_get_metric_data", _operation("GetMetricData", lambda request: metric_api.get_metric_data(request, part))
    )
    patches.replace(
        _cw,
        "_get_metric_statistics",
        _operation("GetMetricStatistics", lambda request: metric_api.get_metric_statistics(request, part)),
    )
    patches.replace(
        _cw, "_list_metrics", _operation("ListMetrics", lambda request: metric_api.list_metrics(request, part))
    )
    patches.replace(_cw, "record_metric", record_metric)
    patches.replace(_cw, "reset", reset_all)


def _install_alarms(patches: Patches, part: CloudWatch) -> None:
    for name in (
        "_alarm_request_tags",
        "_alarm_tags_refusal",
        "_resource_tags",
        "_error",
        "_xml",
        "_json_ok",
        "_cbor_ok",
    ):
        patches.original(_cw, name)
    operations = _AlarmOperations(
        part,
        store=cast("Callable[[AlarmRecord], None]", patches.original(_cw, "cloudformation_put_metric_alarm")),
        set_alarm_state=cast("Operation", patches.original(_cw, "_set_alarm_state")),
    )
    patches.replace(_cw, "_evaluate_alarm", _leave_to_the_thread)
    patches.replace(
        _cw,
        "_dispatch_alarm_actions",
        part.state_changed,
        written_for=["alarm", "old_state", "new_state", "reason"],
    )
    patches.replace(_cw, "cloudformation_put_metric_alarm", operations.store, written_for=["alarm"])
    patches.replace(_cw, "_put_metric_alarm", _as_operation(operations.put_metric_alarm))
    patches.replace(_cw, "_set_alarm_state", _as_operation(operations.set_alarm_state))
    patches.replace(_cw, "_describe_alarms_for_metric", _operation("DescribeAlarmsForMetric", operations.for_metric))
    for action, name in (("DescribeAlarms", "_describe_alarms"), ("DescribeAlarmHistory", "_describe_alarm_history")):
        patches.replace(_cw, name, _complete_xml(action, cast("Operation", patches.original(_cw, name))))
    patches.replace(_provisioners, "_cw_metric_alarm_record", operations.template_record, written_for=["name", "props"])


def _leave_to_the_thread(alarm: AlarmRecord) -> None:
    """Alarms are evaluated by the part's own thread, never while they are put."""


@dataclass(frozen=True)
class _Call:
    """One call as ministack hands it to an operation."""

    params: Mapping[str, object]
    body: dict[str, object]
    is_cbor: bool
    is_json: bool

    @property
    def request(self) -> Request:
        """The request's members, whatever protocol they came in."""
        return self.body if self.is_cbor or self.is_json else nested(self.params)

    def passed_to(self, original: Operation) -> Response:
        """What ministack's own operation answers."""
        return original(self.params, self.body, self.is_cbor, self.is_json)

    def answered(self, action: str, answer: Mapping[str, object]) -> Response:
        """An answer in the call's protocol."""
        if self.is_cbor:
            tagged = with_instants(answer, lambda at: _cw._cbor_timestamp(at.timestamp()))
            return cast("Response", _cw._cbor_ok(tagged))
        if self.is_json:
            return cast("Response", _cw._json_ok(with_instants(answer, lambda at: int(at.timestamp()))))
        inner = f"<{action}Result>{as_xml(answer)}</{action}Result>" if answer else ""
        return cast("Response", _cw._xml(200, f"{action}Response", inner))

    def refused(self, why: BlueGreenError) -> Response:
        """A refusal in the call's protocol."""
        return cast(
            "Response",
            _cw._error("ValidationError", str(why), 400, use_json=self.is_json, use_cbor=self.is_cbor),
        )


def _as_operation(answer: Callable[[_Call], Response]) -> Operation:
    """A function of one call in ministack's signature; what it refuses becomes a ValidationError."""

    def operation(
        params: Mapping[str, object],
        cbor_data: dict[str, object],
        is_cbor: bool,  # noqa: FBT001  # ministack's signature
        is_json: bool = False,  # noqa: FBT001, FBT002
    ) -> Response:
        call = _Call(params, cbor_data, is_cbor, is_json)
        try:
            return answer(call)
        except BlueGreenError as why:
            return call.refused(why)

    return operation


def _operation(action: str, answer: Callable[[Request], Mapping[str, object] | None]) -> Operation:
    """An operation that needs nothing of a call but its request."""
    return _as_operation(lambda call: call.answered(action, answer(call.request) or {}))


def _complete_xml(action: str, original: Operation) -> Operation:
    """ministack's operation, whose query-protocol answer leaves most members out, with all of them in it."""

    def complete(call: _Call) -> Response:
        if call.is_cbor or call.is_json:
            return call.passed_to(original)
        status, _, body = _Call({}, dict(call.request), is_cbor=False, is_json=True).passed_to(original)
        if status != 200:
            return call.passed_to(original)
        return call.answered(action, _with_moments(json.loads(body)))

    return _as_operation(complete)


class _AlarmOperations:
    """The operations on alarms that the rehearsal answers itself."""

    def __init__(self, part: CloudWatch, *, store: Callable[[AlarmRecord], None], set_alarm_state: Operation) -> None:
        self._part = part
        self._store = store
        self._set_alarm_state = set_alarm_state

    def store(self, alarm: AlarmRecord) -> None:
        """Create or update an alarm, wherever its record comes from; an update keeps the state."""
        self._part.put_alarm(alarm, self._store)

    def template_record(self, name: str, props: Mapping[str, object]) -> dict[str, object]:
        """The record of a template's AWS::CloudWatch::Alarm; what cannot be rehearsed fails the resource."""
        return self._record({**props, "AlarmName": name})

    def put_metric_alarm(self, call: _Call) -> Response:
        """PutMetricAlarm, with Metrics."""
        tags = _cw._alarm_request_tags(call.params, call.body, call.is_cbor, call.is_json)
        is_new = text(call.request.get("AlarmName")) not in _cw._alarms
        refusal = _cw._alarm_tags_refusal(tags, None, is_new, call.is_cbor, call.is_json)
        if refusal:
            return cast("Response", refusal)
        record = self._record(call.request)
        self.store(record)
        if is_new and tags:
            _cw._resource_tags[record["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in tags}
        return call.answered("PutMetricAlarm", {})

    def set_alarm_state(self, call: _Call) -> Response:
        """SetAlarmState; the state holds until the next minute is evaluated."""
        value = text(call.request.get("StateValue"))
        if value not in tuple(AlarmState):
            raise ConfigurationError(f"StateValue was given as {value!r}; give {', '.join(AlarmState)}")
        with self._part.alarm_lock:
            record = _cw._alarms.get(text(call.request.get("AlarmName")))
            if record is not None:
                record.pop("StateReasonData", None)
                self._part.hold(record)
        return call.passed_to(self._set_alarm_state)

    def for_metric(self, request: Request) -> dict[str, object]:
        """DescribeAlarmsForMetric: only plain alarms, on exactly the metric that is named."""
        with self._part.alarm_lock:
            found = [record for record in _cw._alarms.values() if alarm_record.watches_metric(record, request)]
            return {"MetricAlarms": [_with_moments(record) for record in found]}

    def _record(self, request: Request) -> dict[str, object]:
        definition = read_alarm(request)
        arn = f"arn:aws:cloudwatch:{_responses.get_region()}:{_responses.get_account_id()}:alarm:{definition.name}"
        return alarm_record.new_record(request, definition, arn=arn, now=self._part.clock.now())


def _with_moments(answer: Mapping[str, object]) -> dict[str, object]:
    """A structure with the members named ...Timestamp as instants instead of numbers."""
    return {name: _moments(name, value) for name, value in answer.items()}


def _moments(name: str, value: object) -> object:
    if name.endswith("Timestamp") and isinstance(value, int | float):
        return moment(value)
    if isinstance(value, Mapping):
        return _with_moments(value)
    if isinstance(value, list):
        return [_moments("", member) for member in value]
    return value
