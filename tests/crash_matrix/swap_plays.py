"""Whole operations on slots, played on in-memory ports with something happening between any two calls.

A call may be preceded or followed by the death of its worker, may fail with or without its effect, or may be held up
while somebody else acts: another worker, an operator's abort, CloudFormation, or all of them until the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from bluegreen_constructs.engine.abort import abort
from bluegreen_constructs.engine.aws.weighted_rules import FRESH_SECONDS
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import HookAnswer, LostLockError, RuleSeen
from bluegreen_constructs.engine.slot_settings import PRODUCTION, SLOT_TAG
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.swap.beginning import SlotsBeginning, SlotsRequest
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.ports import SlotsPorts
from bluegreen_constructs.engine.swap.turn import slots_turn
from bluegreen_constructs.engine.target_settings import AlarmName, TargetSettings
from bluegreen_constructs.testing_slots import InMemorySlotsWorld, example_slots

MOST_TURNS = 400
MAY_SPLIT = {SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.ROLLING_BACK, SwapPhase.ROUTING, SwapPhase.HALTED}


class Killed(BaseException):
    """The worker's process is gone."""


class BrokenError(AssertionError):
    """An invariant does not hold."""


class Fault(Enum):
    """What befalls one call."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    FAILED = "failed without effect"
    TIMED_OUT = "failed with effect"


@dataclass
class Interruptions:
    """Counts the calls of all ports, and does what is planned for the numbered ones."""

    faults: dict[int, Fault] = field(default_factory=dict)
    acts: dict[int, Callable[[], object]] = field(default_factory=dict)
    watch: Callable[[str, str, tuple[Any, ...]], None] = lambda _port, _name, _arguments: None
    calls: list[str] = field(default_factory=list)
    is_off: bool = False

    def around(self, port: str, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self.is_off:
            return self._watched(port, name, call, arguments)
        number = len(self.calls)
        self.calls.append(f"{port}.{name}")
        act = self.acts.pop(number, None)
        if act is not None:
            self.is_off = True  # what somebody else does has no numbers of ours
            try:
                act()
            finally:
                self.is_off = False
        fault = self.faults.pop(number, None)
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        if fault is Fault.FAILED:
            raise AwsError(f"{port}.{name} was throttled")
        answer = self._watched(port, name, call, arguments)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault is Fault.TIMED_OUT:
            raise AwsError(f"{port}.{name} was not answered")
        return answer

    def _watched(self, port: str, name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        answer = call(*arguments)
        self.watch(port, name, arguments)
        return answer


class Between:
    """A port, each call of which passes the interruptions."""

    def __init__(self, port: str, inner: object, interruptions: Interruptions) -> None:
        self._port, self._inner, self._interruptions = port, inner, interruptions

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return lambda *arguments: self._interruptions.around(self._port, name, found, arguments)


class FreshRules(Between):
    """Elastic Load Balancing by its adapter, which refuses to write a rule whose tags were read too long ago."""

    read_at = datetime.min.replace(tzinfo=UTC)

    def tags(self, rule: str) -> Any:
        self.read_at = self.now()
        return super().__getattr__("tags")(rule)

    def read(self, rule: str) -> RuleSeen:
        return RuleSeen(super().__getattr__("actions")(rule), self.tags(rule))

    def write_fresh(self, rule: str, actions: Any) -> None:
        self._interruptions.around("rules", "write_fresh", self._write_fresh, (rule, actions))

    def _write_fresh(self, rule: str, actions: Any) -> None:
        if self.now() - self.read_at > timedelta(seconds=FRESH_SECONDS):
            raise AwsError(f"{rule} was read too long ago")
        self._inner.write(rule, actions)

    def now(self) -> datetime:
        return self.clock.now


class SwapStage:
    """An application, its watched ports, and the invariants after every change."""

    def __init__(self, settings: TargetSettings | None = None) -> None:
        self.world = world = InMemorySlotsWorld(settings)
        self.between = Interruptions(watch=self._require)
        wrapped = {name: self._wrapped(name) for name in ("rules", "members", "services", "metrics", "hooks", "store")}
        self.store = wrapped["store"]
        wrapped["rules"] = self._rules()
        self.ports = SlotsPorts(**wrapped, events=world.events, stacks=world.stacks, active=self._wrapped("active"))
        self.halts_are_fine = False
        self.epochs = [0]

    def _wrapped(self, name: str) -> Any:
        return Between(name, getattr(self.world, name), self.between)

    def _rules(self) -> FreshRules:
        """Each worker has its own, which knows when this worker read last."""
        rules = FreshRules("rules", self.world.rules, self.between)
        rules.clock = self.world.clock
        return rules

    # What is played

    def begin(self, verb: str, slot: str = "staging", **options: object) -> str:
        """Begin it, again until it has begun, as the state machine does."""
        world = self.world
        name = f"{verb}-{slot}-{world.record.op_seq}"
        event = {
            "target": world.settings.target,
            "rollout": name,
            "execution": world.executions.start(name, {}),
            "caller": "somebody",
            "slots": {"verb": verb, "slot": slot, **options},
        }
        beginning = SlotsBeginning(world.source, self.store, self.ports.rules, world.stacks, world.executions)
        for _ in range(5):
            try:
                beginning.begin(SlotsRequest.of(event), world.clock.now)
            except (Killed, AwsError, LostLockError):
                continue
            return name
        raise BrokenError(f"{name} could not begin")

    def play(self, operation: str, *, until: SwapPhase | None = None, give: Callable[[], object] | None = None) -> None:
        """Turns until the operation is done, each again when its worker died; `give` when the phase is reached."""
        world = self.world
        for _ in range(MOST_TURNS):
            if until is not None and world.phase is until:
                if give is None:
                    return
                until, act = None, give
                act()
            try:
                answer = slots_turn(self.ports, world.settings.target, operation, world.clock.now)
            except (Killed, AwsError):
                world.let_pass(timedelta(seconds=5))
                continue
            if answer is None or answer.done:
                world.executions.running = dict.fromkeys(world.executions.running, False)
                return
            world.let_pass(timedelta(seconds=answer.wait_seconds))
        raise BrokenError(f"{operation} does not end: {world.phase}")

    def abort(self) -> None:
        """As `bluegreen abort` does, with the engine's table out of reach."""
        world = self.world
        abort(
            world.rules,
            world.settings,
            caller="operator",
            reason="",
            now=world.clock.now,
            store=None,
            executions=None,
        )

    def stack_update(self) -> None:
        """CloudFormation touches every service: each runs the newest active revision of its family."""
        for side in self.world.slots.sides:
            self.world.services.updated_by_stack(side)

    def another_worker(self, turns: int) -> None:
        """Another copy of the state machine goes on while this worker is held up."""
        world = self.world
        own = replace(self.ports, rules=self._rules())
        for _ in range(turns):
            op = world.op
            if op is None:
                return
            answer = slots_turn(own, world.settings.target, op.id, world.clock.now)
            if answer is None or answer.done:
                return
            world.let_pass(timedelta(seconds=answer.wait_seconds))

    # What must hold

    def _require(self, port: str, name: str, arguments: tuple[Any, ...]) -> None:
        """After every change of the world."""
        world = self.world
        if (port, name) not in {
            ("rules", "write"),
            ("rules", "write_fresh"),
            ("services", "run"),
            ("store", "put_slots"),
        }:
            return
        serving = world.serving()
        if not serving:
            raise BrokenError(f"after {port}.{name} nobody serves production")
        if len(serving) > 1 and world.phase not in MAY_SPLIT and not world.record.shares:
            raise BrokenError(f"production names {serving} in {world.phase}")
        for side in serving:
            is_split = world.phase is SwapPhase.ROUTING or bool(world.record.shares)
            if world.slot_running_on(side) != PRODUCTION and not is_split:
                raise BrokenError(f"side {side} serves production with the settings of {world.slot_running_on(side)}")
        if (port, name) == ("services", "run"):
            _, side, definition = arguments
            if side.name in serving and world.services.runs[side.service] != definition:
                raise BrokenError(f"side {side.name} was changed while it served")
        if (port, name) == ("store", "put_slots"):
            if sorted(world.record.sides_of.values()) != sorted(one.name for one in world.slots.sides):
                raise BrokenError(f"the map is no bijection: {world.record.sides_of}")
            if world.record.epoch < self.epochs[-1]:
                raise BrokenError(f"the epoch went from {self.epochs[-1]} to {world.record.epoch}")
            self.epochs.append(world.record.epoch)

    def require_good_end(self) -> None:
        """When nothing is under way: every side as the record says, and nothing newer left in any family."""
        world, record = self.world, self.world.record
        if record.op is not None:
            if record.op.phase is SwapPhase.HALTED and self.halts_are_fine:
                return
            raise BrokenError(f"it ended in {record.op.phase}: {record.op.halted or record.op.why_back}")
        if not record.shares and world.serving() != {record.production_side: 100.0}:
            raise BrokenError(f"production is served by {world.serving()}, the record says {record.production_side}")
        for slot, name in record.sides_of.items():
            side, held = world.slots.side(name), record.sides[name]
            newest = world.services.definition(side.family).arn
            runs = world.services.runs[side.service]
            # A worker that dies may leave a twin of what runs, of which nobody takes notice.
            ours = world.services.definitions[held.definition]
            theirs = [world.services.definitions[one] for one in (runs, newest)]
            if any((one.content, one.tags) != (ours.content, ours.tags) for one in theirs):
                raise BrokenError(f"side {name} runs {runs}, the record has {held.definition}, the newest is {newest}")
            if world.services.definitions[runs].tags[SLOT_TAG] != slot:
                raise BrokenError(f"slot {slot} runs with the settings of {world.slot_running_on(name)}")
            (container,) = world.services.definitions[runs].content["containerDefinitions"]
            if {"name": "RELEASE", "value": held.release} not in container["environment"]:
                raise BrokenError(f"slot {slot} does not run {held.release}")
        for slot in world.slots.slots:
            for rule in slot.rule_arns:
                group = world.slots.side(record.sides_of[slot.name]).group_arn
                actions = world.rules.rules[rule][0]
                if group not in str(actions):
                    raise BrokenError(f"rule {rule} leads to {actions} instead of side {record.sides_of[slot.name]}")


@dataclass(frozen=True, eq=False)
class SwapPlay:
    """One operation from its beginning to its end. ends: which releases serve which slot then."""

    name: str
    act: Callable[[SwapStage], None]
    ends: dict[str, str]
    settings: Callable[[], TargetSettings] = example_slots

    def stage(self) -> SwapStage:
        """With release 2 on staging, put there before anything is counted; a short bake, whose turns are all alike."""
        stage = SwapStage(replace(self.settings(), bake=timedelta(minutes=1)))
        stage.between.is_off = True
        stage.play(stage.begin("deploy", release="2"))
        stage.between.is_off = False
        return stage


def _swap(stage: SwapStage) -> None:
    stage.play(stage.begin("swap"))


def _deploy(stage: SwapStage) -> None:
    stage.play(stage.begin("deploy", release="3"))


def _bad_warm_up(stage: SwapStage) -> None:
    stage.world.hooks.answers["warm-up"] = [HookAnswer("FAILED", details={"reason": "task 10.0.0.1 answered 500"})]
    stage.play(stage.begin("swap"))


def _preview_cancelled(stage: SwapStage) -> None:
    operation = stage.begin("swap", preview=True)
    stage.play(operation, until=SwapPhase.READY, give=lambda: stage.world.give("abort"))


def _preview_expired(stage: SwapStage) -> None:
    stage.play(stage.begin("swap", preview=True))


def _rolled_back(stage: SwapStage) -> None:
    stage.play(stage.begin("swap"), until=SwapPhase.BAKING, give=stage.abort)


def _called_back(stage: SwapStage) -> None:
    """By a command, which the engine obeys: it writes the rule itself."""
    stage.play(stage.begin("swap"), until=SwapPhase.BAKING, give=lambda: stage.world.give("abort"))


def _alarmed(stage: SwapStage) -> None:
    ring = stage.world.metrics.alarms
    ring["errors"] = "OK"
    stage.play(stage.begin("swap"), until=SwapPhase.CANARY, give=lambda: ring.update(errors="ALARM"))


def _traffic(stage: SwapStage) -> None:
    stage.play(stage.begin("traffic", shares={"staging": 20.0}))
    stage.play(stage.begin("traffic", shares={"production": 100.0}))


def _warming() -> TargetSettings:
    settings = example_slots()
    assert settings.slots is not None
    warm_up = replace(settings.slots.warm_up, function_arn="warm-up", attempts=2)
    return replace(settings, slots=replace(settings.slots, warm_up=warm_up))


def _with_canary() -> TargetSettings:
    settings = example_slots()
    assert settings.slots is not None
    return replace(settings, slots=replace(settings.slots, canary=Step(10, timedelta(minutes=3))))


def _with_alarm() -> TargetSettings:
    return replace(_with_canary(), guardrails=(AlarmName("errors"),))


def _briefly_previewed() -> TargetSettings:
    settings = example_slots()
    assert settings.slots is not None
    return replace(settings, slots=replace(settings.slots, preview_ttl=timedelta(minutes=10)))


SWAPPED = {"production": "2", "staging": "first"}
UNTOUCHED = {"production": "first", "staging": "2"}

SWAP_PLAYS = (
    SwapPlay("a swap", _swap, SWAPPED),
    SwapPlay("a swap of three sides", _swap, {**SWAPPED, "qa": "first"}, lambda: example_slots("qa", "staging")),
    SwapPlay("a swap with a canary", _swap, SWAPPED, _with_canary),
    SwapPlay("a swap that is rolled back in its bake", _rolled_back, UNTOUCHED),
    SwapPlay("a swap that a command calls back in its bake", _called_back, UNTOUCHED),
    SwapPlay("a swap whose alarm rings in its canary", _alarmed, UNTOUCHED, _with_alarm),
    SwapPlay("a swap whose warm-up fails", _bad_warm_up, UNTOUCHED, _warming),
    SwapPlay("a preview that is cancelled", _preview_cancelled, UNTOUCHED),
    SwapPlay("a preview that nobody completes", _preview_expired, UNTOUCHED, _briefly_previewed),
    SwapPlay("a deployment", _deploy, {"production": "first", "staging": "3"}),
    SwapPlay("traffic to a slot and back", _traffic, UNTOUCHED),
)
