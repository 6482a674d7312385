"""The overlay on the emulator's EventBridge Scheduler: schedules run on rehearsed time, and inputs name the time.

ministack looks at its schedules every ten real seconds, fires them by the wall clock and leaves the context attributes
of an input as they are. Here a rate is due at once and then at every interval from there, `cron` (UTC) and `at` when
they say; a target is invoked as EventBridge's are. When the machine was too busy for a whole interval, the latest
instant is fired and those before it are lost. A flexible time window is not used: the target is invoked at once.
"""

import logging
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import ModuleType
from typing import TypeAlias, cast

from ..clock import Clock
from .patches import Patches
from .schedule_times import context, filled_in, latest_due
from .world import World

_log = logging.getLogger("rehearsal.schedules")
_TICK_SECONDS = 5.0  # how often schedules are looked at, rehearsed
_SHORTEST_TICK_SECONDS = 0.1
# What ministack's handler of the template's resource leaves out.
_LEFT_OUT = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "KmsKeyArn")

Schedule: TypeAlias = MutableMapping[str, object]
_Key: TypeAlias = tuple[str, str, str]
_Made: TypeAlias = tuple[str, dict[str, str]]
_Properties: TypeAlias = Mapping[str, object]
_Invoke: TypeAlias = Callable[[Mapping[str, object], Mapping[str, object], Schedule], object]


def install(patches: Patches, world: World) -> "Schedules":
    """Put the schedules on rehearsed time, and complete their CloudFormation type."""
    from ministack.core import responses  # noqa: PLC0415  # an optional extra
    from ministack.services import eventbridge, scheduler  # noqa: PLC0415

    part = Schedules(
        world.clock,
        schedules=lambda: _stored(patches.original(scheduler, "_schedules")),
        enter=cast("Callable[[str, str], AbstractContextManager[None]]", patches.original(responses, "request_scope")),
        parsers=Parsers(
            rate=cast("Callable[[str], int | None]", patches.original(eventbridge, "_parse_rate_seconds")),
            at=cast("Callable[[str], float | None]", patches.original(scheduler, "_at_time_epoch")),
            cron=_next_cron(patches, eventbridge),
            instant=cast("Callable[[object], float | None]", patches.original(scheduler, "_to_epoch")),
        ),
        invoke=cast(_Invoke, patches.original(eventbridge, "_invoke_target")),
    )
    patches.replace(scheduler, "_now", world.clock.now, written_for=[])
    patches.replace(scheduler, "_tick_schedules", part.tick, written_for=[])
    tick = max(_SHORTEST_TICK_SECONDS, world.clock.real_seconds(_TICK_SECONDS))
    patches.replace(scheduler, "_SCHEDULE_TICK_INTERVAL", tick)
    _complete_type(patches, scheduler)
    return part


def _stored(store: object) -> MutableMapping[_Key, Schedule]:
    """The schedules of every account and region, by (account, region, "group/name")."""
    return cast("MutableMapping[_Key, Schedule]", store._data)  # type: ignore[attr-defined]  # ministack's own store


def _next_cron(patches: Patches, eventbridge: ModuleType) -> Callable[[str, float], float | None]:
    fields_of = cast("Callable[[str], object | None]", patches.original(eventbridge, "_parse_cron_fields"))
    next_fire = cast("Callable[[object, datetime], datetime | None]", patches.original(eventbridge, "_cron_next_fire"))

    def following(expression: str, after: float) -> float | None:
        fields = fields_of(expression)
        found = None if fields is None else next_fire(fields, datetime.fromtimestamp(after, UTC))
        return None if found is None else found.timestamp()

    return following


@dataclass(frozen=True)
class Parsers:
    """ministack's reading of expressions: a rate's seconds, an `at`'s instant, the next of a cron, a date's instant."""

    rate: Callable[[str], int | None]
    at: Callable[[str], float | None]
    cron: Callable[[str, float], float | None]
    instant: Callable[[object], float | None]


@dataclass
class Schedules:
    """Fires what is due. `invoke(target, event, schedule)` reaches a target; `enter` the account and region."""

    clock: Clock
    schedules: Callable[[], MutableMapping[_Key, Schedule]]
    enter: Callable[[str, str], AbstractContextManager[None]]
    parsers: Parsers
    invoke: _Invoke
    # The instant up to which a schedule is done with; one that was made anew under its name begins anew.
    _done: dict[tuple[_Key, object], float] = field(default_factory=dict)
    _fired: int = 0

    def describe(self) -> dict[str, object]:
        """How often a target was invoked."""
        return {"fired": self._fired}

    def tick(self) -> None:
        """Fire every schedule that is due by now, once each."""
        now = self.clock.now()
        stored = self.schedules()
        for key, schedule in list(stored.items()):
            try:
                self._look_at(key, schedule, now, stored)
            except Exception:  # noqa: BLE001  # one schedule must not keep the others from being fired
                _log.exception("the schedule %s failed", key[2])

    def _look_at(self, key: _Key, schedule: Schedule, now: float, stored: MutableMapping[_Key, Schedule]) -> None:
        known = (key, schedule.get("CreationDate"))
        due = self._due(schedule, self._done.get(known), now)
        if schedule.get("State") != "ENABLED":
            self._done[known] = now  # what is missed meanwhile is not made up for
            return
        if due is None:
            return
        self._done[known] = due
        self._fire(key, schedule, due)
        is_over = self.parsers.at(str(schedule.get("ScheduleExpression"))) is not None
        if is_over and schedule.get("ActionAfterCompletion") == "DELETE":
            stored.pop(key, None)

    def _due(self, schedule: Schedule, done: float | None, now: float) -> float | None:
        """The instant that is to be fired now, if any."""
        expression = str(schedule.get("ScheduleExpression", ""))
        created = float(str(schedule.get("CreationDate")))
        if (at := self.parsers.at(expression)) is not None:
            return at if at <= now and (done is None or done < at) else None
        begin = self.parsers.instant(schedule.get("StartDate"))
        end = self.parsers.instant(schedule.get("EndDate"))
        first = created if begin is None else begin
        if (interval := self.parsers.rate(expression)) is not None:
            due = latest_due(first, interval, now)
        else:
            due = self.parsers.cron(expression, max(first, done if done is not None else first))
        is_due = due is not None and due <= now and (done is None or due > done) and (end is None or due <= end)
        return due if is_due else None

    def _fire(self, key: _Key, schedule: Schedule, due: float) -> None:
        account, region, _ = key
        target = schedule.get("Target")
        if not isinstance(target, Mapping):
            return
        self._fired += 1
        arn, execution = str(schedule.get("Arn", "")), f"{self._fired:016x}"
        if target.get("Input"):
            target = {**target, "Input": filled_in(str(target["Input"]), context(arn, due, execution))}
        event = {
            "EventId": execution,
            "Source": "aws.scheduler",
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "Time": due,
            "Resources": [arn],
            "Account": account,
            "Region": region,
        }
        with self.enter(account, region):
            self.invoke(target, event, schedule)


def _complete_type(patches: Patches, scheduler: ModuleType) -> None:
    """A template's schedule: the members that ministack leaves out, and its refusals, which it swallows."""
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415  # an optional extra

    name = "AWS::Scheduler::Schedule"
    table = cast("dict[str, dict[str, Callable[..., _Made]]]", patches.original(provisioners, "_RESOURCE_HANDLERS"))
    before = table[name]
    schedules = cast("MutableMapping[str, Schedule]", patches.original(scheduler, "_schedules"))

    def completed(made: _Made, props: _Properties) -> _Made:
        schedule = schedules[f"{props.get('GroupName', 'default')}/{made[0]}"]
        for member in _LEFT_OUT:
            schedule[member] = props.get(member)
        return made

    def create(logical_id: str, props: _Properties, stack_name: str) -> _Made:
        given, group = props.get("Name"), props.get("GroupName", "default")
        if given and f"{group}/{given}" in schedules:
            raise ValueError(f"Schedule {given} already exists. (HandlerErrorCode: AlreadyExists)")
        return completed(before["create"](logical_id, props, stack_name), props)

    def update(physical_id: str, had: _Properties, wanted: _Properties, stack_name: str) -> _Made:
        return completed(before["update"](physical_id, had, wanted, stack_name), wanted)

    patches.resource_type(name, {**before, "create": create, "update": update}, is_there=True)
    replacing = cast("dict[str, tuple[str, ...]]", patches.original(provisioners, "_REPLACING_PROPERTIES"))
    replacing[name] = ("Name", "GroupName")
