"""An application with deployment slots in memory: for tests of swaps, ours and yours.

world = InMemorySlotsWorld()
world.begin("deploy", slot="staging", release="1.4.2")
world.run()
world.begin("swap", slot="staging")
world.run()
assert world.release_of("production") == "1.4.2"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .engine.errors import AwsError
from .engine.ports import Command, Series, TargetsSeen, Verb
from .engine.slot_settings import PRODUCTION, SLOT_TAG, SlotSettings, SlotSide, SlotsSettings
from .engine.swap.beginning import SlotsBeginning, SlotsRequest
from .engine.swap.lifecycle import SwapPhase
from .engine.swap.ports import DefinitionSeen, ServiceSeen, SlotsPorts
from .engine.swap.record import Operation, SideRecord, SlotsRecord
from .engine.swap.rendering import ACTIVE, rendered
from .engine.swap.shares import all_on, forward_to, shares_in
from .engine.swap.turn import slots_turn, step_at
from .engine.target_settings import Compute, SideSettings, TargetSettings
from .engine.tick_answer import TickAnswer
from .testing import (
    FixedClock,
    InMemoryEvents,
    InMemoryExecutions,
    InMemoryHooks,
    InMemoryMetrics,
    InMemoryRules,
    InMemorySettings,
    InMemoryStore,
)

__all__ = [
    "InMemoryActiveSides",
    "InMemorySlotServices",
    "InMemorySlotsWorld",
    "InMemoryStacks",
    "example_slots",
]

_ACCOUNT = "eu-west-1:123456789012"
_SIDES = "abcde"


@dataclass
class InMemorySlotServices:
    """`SlotServices`: task definitions by ARN; services by name, which have what they were told at once."""

    definitions: dict[str, DefinitionSeen] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    runs: dict[str, str] = field(default_factory=dict)
    bounds: dict[str, tuple[int, int]] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def seen(self, cluster: str, side: SlotSide) -> ServiceSeen:  # noqa: ARG002  # the port's signature
        """The service as it was told to be, unless `trouble` says why it is not."""
        count = self.tasks.get(side.service, 1)
        trouble = self.trouble.get(side.service, "")
        running = 0 if trouble else count
        newest = self.definition(side.family).arn
        return ServiceSeen(self.runs[side.service], newest, count, running, not trouble, trouble)

    def definition(self, name: str) -> DefinitionSeen:
        """By its ARN, or the newest active one of a family."""
        if name in self.definitions:
            return self.definitions[name]
        found = [arn for arn in self.revisions(name) if arn not in self.inactive]
        if not found:
            raise AwsError(f"there is no active task definition {name}")
        return self.definitions[found[0]]

    def revisions(self, family: str) -> Sequence[str]:
        """All of a family, the newest first."""
        found = [arn for arn in self.definitions if arn.partition("/")[2].rpartition(":")[0] == family]
        return sorted(found, key=lambda arn: int(arn.rpartition(":")[2]), reverse=True)

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        """One more revision."""
        family = str(content["family"])
        arn = f"arn:aws:ecs:{_ACCOUNT}:task-definition/{family}:{len(self.revisions(family)) + 1}"
        self.calls.append(("register", arn))
        self.definitions[arn] = DefinitionSeen(arn, content, tags)
        return arn

    def retire(self, definition: str) -> None:
        """Make it inactive."""
        self.calls.append(("retire", definition))
        self.inactive.add(definition)

    def run(self, cluster: str, side: SlotSide, definition: str) -> None:  # noqa: ARG002  # the port's signature
        """Run it."""
        if definition in self.inactive:
            raise AwsError(f"task definition {definition} is inactive")
        self.calls.append(("run", definition))
        self.runs[side.service] = definition

    def bound(self, cluster: str, side: SlotSide, minimum: int, maximum: int) -> None:  # noqa: ARG002  # as above
        """As many tasks as the bounds allow, at once."""
        self.calls.append(("bound", side.service))
        self.bounds[side.service] = (minimum, maximum)
        self.tasks[side.service] = min(max(self.tasks.get(side.service, 1), minimum), maximum)

    def updated_by_stack(self, side: SlotSide) -> None:
        """What CloudFormation does that touches the service: it runs the newest active revision of its family."""
        self.runs[side.service] = self.definition(side.family).arn


@dataclass
class InMemoryMembers:
    """`GroupMembers`, and the health of the groups: as many targets as the side's service runs tasks."""

    services: InMemorySlotServices
    sides: Sequence[SlotSide]

    def addresses(self, group_arn: str) -> Sequence[tuple[str, int]]:
        """One address for each task."""
        side = next(one for one in self.sides if one.group_arn == group_arn)
        return [(f"10.0.0.{number}", 8080) for number in range(1, self.services.tasks.get(side.service, 1) + 1)]


@dataclass
class _RulesOfSides(InMemoryRules):
    """Rules over groups whose targets are the tasks of the sides' services."""

    services: InMemorySlotServices = field(default_factory=InMemorySlotServices)
    sides: Sequence[SlotSide] = ()

    def targets(self, group_arn: str) -> TargetsSeen:
        """As many as the service runs, unless `healthy` says otherwise."""
        self.calls.append(("DescribeTargetHealth", group_arn))
        service = next(one.service for one in self.sides if one.group_arn == group_arn)
        count = 0 if self.services.trouble.get(service) else self.services.tasks.get(service, 1)
        healthy = self.healthy.get(group_arn, count)
        return TargetsSeen(healthy, count)


@dataclass
class InMemoryStacks:
    """`Stacks`: one status for all of them."""

    state: str = "UPDATE_COMPLETE"

    def status(self, stack_id: str) -> str:  # noqa: ARG002  # the port's signature
        """The status."""
        return self.state


@dataclass
class InMemoryActiveSides:
    """`ActiveSides`: what was told last, by parameter."""

    told: dict[str, str] = field(default_factory=dict)

    def tell(self, parameter: str, side: str) -> None:
        """Keep it."""
        self.told[parameter] = side


def example_slots(*names: str, target: str = "Web/App") -> TargetSettings:
    """An application with production and these slots (default: staging), without guardrails, with default times."""
    slots = (PRODUCTION, *(names or ("staging",)))
    rules = f"arn:aws:elasticloadbalancing:{_ACCOUNT}:listener-rule/app/web/0123456789abcdef/0123456789abcdef"
    sides = tuple(_example_side(name) for name in _SIDES[: len(slots)])
    blue, green = (
        SideSettings(one.group_arn, one.group_arn.rpartition(":")[2], Compute.ECS, "web", one.service, "app")
        for one in sides[:2]
    )
    return TargetSettings(
        target=target,
        rule_arn=f"{rules}/production",
        load_balancer="app/web/0123456789abcdef",
        blue=blue,
        green=green,
        controller="slots",
        slots=SlotsSettings(
            cluster="web",
            container="app",
            sides=sides,
            slots=tuple(
                SlotSettings(
                    slot,
                    f"arn:aws:ecs:{_ACCOUNT}:task-definition/web-{slot}-settings:1",
                    "" if slot == PRODUCTION else f"{rules}/{slot}-host",
                    () if slot == PRODUCTION else (f"{rules}/{slot}-cookie", f"{rules}/{slot}-header"),
                    minimum=4 if slot == PRODUCTION else 1,
                    maximum=8 if slot == PRODUCTION else 2,
                )
                for slot in slots
            ),
            sticky=("DB_URL",),
            host="www.example.com",
            stack=f"arn:aws:cloudformation:{_ACCOUNT}:stack/Web/0123",
            role_parameter="/bluegreen/slots/Web/App/active-side",
        ),
    )


def _example_side(name: str) -> SlotSide:
    group = f"targetgroup/side-{name}/0123456789abcdef"
    return SlotSide(name, f"arn:aws:elasticloadbalancing:{_ACCOUNT}:{group}", f"web-{name}", f"web-{name}")


class InMemorySlotsWorld:
    """A whole application in memory: begin operations, let time pass under traffic, and look at what became of it."""

    def __init__(self, settings: TargetSettings | None = None) -> None:
        """As its stack makes it: each slot on a side of its own, all with the release `first`."""
        self.settings = example_slots() if settings is None else settings
        if self.settings.slots is None:
            raise LookupError("the settings have no slots")
        self.slots: SlotsSettings = self.settings.slots
        self.clock = FixedClock()
        self.services = InMemorySlotServices()
        self.rules = _RulesOfSides(services=self.services, sides=self.slots.sides)
        self.members = InMemoryMembers(self.services, self.slots.sides)
        self.metrics, self.hooks, self.events = InMemoryMetrics(), InMemoryHooks(), InMemoryEvents()
        self.store, self.executions, self.stacks = InMemoryStore(), InMemoryExecutions(), InMemoryStacks()
        self.active = InMemoryActiveSides()
        self.source = InMemorySettings({self.settings.target: self.settings})
        self.answer: TickAnswer | None = None
        self._install()
        self.ports = SlotsPorts(
            self.rules,
            self.members,
            self.services,
            self.metrics,
            self.hooks,
            self.events,
            self.store,
            self.stacks,
            self.active,
        )

    @property
    def record(self) -> SlotsRecord:
        """The record as it is stored."""
        return self.store.slots_records[self.settings.target]

    @property
    def op(self) -> Operation | None:
        """What is under way."""
        return self.record.op

    @property
    def phase(self) -> SwapPhase:
        """Its phase; IDLE when nothing is under way."""
        return SwapPhase.IDLE if self.op is None else self.op.phase

    def serving(self) -> Mapping[str, float]:
        """Percent of production's traffic by side, as the live rule has it."""
        shares = shares_in(self.rules.rules[self.settings.rule_arn][0]) or {}
        names = {side.group_arn: side.name for side in self.slots.sides}
        return {names.get(group, group): percent for group, percent in shares.items()}

    def release_of(self, slot: str) -> str:
        """The release that serves a slot, by the record."""
        return self.record.sides[self.record.sides_of[slot]].release

    def slot_running_on(self, side: str) -> str:
        """Whose settings a side runs with, by the tag of the revision that its service runs."""
        return self.services.definitions[self.services.runs[self.slots.side(side).service]].tags[SLOT_TAG]

    def begin(self, verb: str, *, id: str = "", slot: str = "staging", **options: object) -> TickAnswer:
        """Begin an operation (`deploy`, `swap`, `traffic`, `resolve`); options as in an execution's input."""
        name = id or f"{verb}-{self.record.op_seq}"
        event = {
            "target": self.settings.target,
            "rollout": name,
            "execution": self.executions.start(name, {}),
            "caller": "arn:aws:iam::123456789012:user/example",
            "slots": {"verb": verb, "slot": slot, **options},
        }
        try:
            self.answer = self.beginning.begin(SlotsRequest.of(event), self.clock.now)
        except Exception:
            self.executions.running[self.executions.arn_of(name)] = False
            raise
        return self.answer

    @property
    def beginning(self) -> SlotsBeginning:
        """What begins operations here."""
        return SlotsBeginning(self.source, self.store, self.rules, self.stacks, self.executions)

    def give(self, verb: Verb, reason: str = "") -> None:
        """Leave a command for what is under way."""
        op = self.record.operation
        step = step_at(op.phase) if verb == "promote" else None
        command = Command(verb, op.id, "arn:aws:iam::123456789012:user/example", reason, self.clock.now, step)
        self.store.give(self.settings.target, command)

    def turn(self) -> TickAnswer:
        """One turn, now."""
        if self.answer is None:
            raise LookupError("no operation was begun")
        found = slots_turn(self.ports, self.settings.target, self.answer.rollout, self.clock.now)
        if found is None:
            raise LookupError(f"the record does not know operation {self.answer.rollout}")
        self.answer = found
        if found.done:
            self.executions.running[self.record.execution] = False
        return found

    def run(self, *, until: SwapPhase | None = None, minutes: float = 180, requests: int = 600) -> None:
        """Turns as asked for, with traffic by the live rule, until the phase is reached, or the operation is done."""
        end = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < end and not (self.answer and self.answer.done):
            if until is not None and self.phase is until:
                return
            self.turn()
            self.let_pass(timedelta(seconds=self.answer.wait_seconds if self.answer else 1), requests)

    def let_pass(self, span: timedelta, requests: int = 600) -> None:
        """Let time pass with so many requests a minute."""
        end = self.clock.now + span
        while self.clock.now < end:
            minute_ends = (int(self.clock.now.timestamp() // 60) + 1) * 60
            passing = min(end, datetime.fromtimestamp(minute_ends, self.clock.now.tzinfo)) - self.clock.now
            self._count(requests / 60 * passing.total_seconds())
            self.clock.forward(passing)

    def _count(self, requests: float) -> None:
        minute = int(self.clock.now.timestamp() // 60)
        for side, percent in self.serving().items():
            group = next((one.group_arn for one in self.slots.sides if one.name == side), side)
            name = group.rpartition(":")[2]
            dimensions = (("LoadBalancer", self.settings.load_balancer), ("TargetGroup", name))
            series = Series("AWS/ApplicationELB", "RequestCount", dimensions, "Sum")
            self.metrics.add(series, minute, requests * percent / 100)

    def _install(self) -> None:
        """What the stack makes."""
        for slot in self.slots.slots:
            family = slot.definition.partition("/")[2].rpartition(":")[0]
            self.services.register(_example_definition(family, slot.name), {})
        sides, sides_of = {}, {}
        for slot, side in zip(self.slots.slots, self.slots.sides, strict=True):
            content = self.services.definition(slot.definition).content
            first = rendered(
                self.slots,
                slot=slot.name,
                side=side,
                of_slot=content,
                of_release=content,
                release="first",
                role=ACTIVE if slot.name == PRODUCTION else "",
            )
            arn = self.services.register(first.content, first.tags)
            self.services.runs[side.service] = arn
            self.services.bound("web", side, slot.minimum, slot.maximum)
            sides[side.name], sides_of[slot.name] = SideRecord("first", arn, first.digest), side.name
            for rule in slot.rule_arns or (self.settings.rule_arn,):
                self.rules.rules[rule] = ((forward_to(all_on(side.group_arn)),), {})
        record = SlotsRecord(self.settings.target, self.slots.stack, sides_of, sides)
        self.store.slots_records[record.target] = replace(record, revision=1)
        self.services.calls.clear()


def _example_definition(family: str, slot: str) -> Mapping[str, object]:
    return {
        "family": family,
        "taskRoleArn": f"arn:aws:iam::123456789012:role/{slot}",
        "containerDefinitions": [
            {
                "name": "app",
                "image": "registry/app:first",
                "environment": [{"name": "LOG", "value": "info"}, {"name": "DB_URL", "value": f"{slot}-db"}],
            }
        ],
    }
