"""An operator's world with one application that has slots, in which the real engine swaps: waiting lets it go on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bluegreen_constructs.cli.operator_world import ExecutionFailure, TargetEngine
from bluegreen_constructs.engine.errors import AwsError, BlueGreenError, ConfigurationError
from bluegreen_constructs.engine.ports import Command
from bluegreen_constructs.engine.swap.beginning import SlotsRequest
from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from bluegreen_constructs.engine.swap.record import SlotsRecord
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing import InMemoryExecutions, InMemoryRules
from bluegreen_constructs.testing_slots import InMemorySlotServices, InMemorySlotsWorld, example_slots
from tests.cli.deployed_services import DeployedServices

OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators/sam"
WEB = "Web/App"


class SlotsMachine(InMemoryExecutions):
    """Executions that begin operations, as the engine's state machine does; `is_mute`: they never come to it."""

    def __init__(self, world: InMemorySlotsWorld) -> None:
        super().__init__()
        self.world = world
        self.failures: dict[str, ExecutionFailure] = {}
        self.is_mute = False

    def start(self, name: str, request: Mapping[str, object]) -> str:
        json.dumps(request)
        arn = super().start(name, request)
        if self.is_mute or not request:
            return arn
        try:
            asked = SlotsRequest.of({**request, "rollout": name, "execution": arn})
            self.world.answer = self.world.beginning.begin(asked, self.world.clock.now)
        except BlueGreenError as error:
            self.running[arn] = False
            cause = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []})
            self.failures[arn] = ExecutionFailure(type(error).__name__, cause)
        return arn


class OperatedSlots:
    """`OperatorWorld`, with other targets beside the one with slots if they are given."""

    def __init__(self, settings: TargetSettings | None = None, *others: TargetSettings) -> None:
        self.app = InMemorySlotsWorld(settings or example_slots())
        self.app.executions = SlotsMachine(self.app)
        self.others = {one.target: one for one in others}
        self.waited = 0.0
        self.on_wait: list[Callable[[], object]] = []
        self.is_sts_down = False

    # What tests look at

    @property
    def machine(self) -> SlotsMachine:
        assert isinstance(self.app.executions, SlotsMachine)
        return self.app.executions

    @property
    def record(self) -> SlotsRecord:
        return self.app.record

    @property
    def phase(self) -> SwapPhase:
        return self.app.phase

    @property
    def given(self) -> list[Command]:
        return [command for commands in self.app.store.given.values() for command in commands.values()]

    @property
    def asked(self) -> Mapping[str, object]:
        """What the last execution was asked for."""
        return self.machine.started[-1][1]["slots"]

    def deployed(self, release: str = "1.4.2", slot: str = "staging") -> None:
        """A deployment from its beginning to its end, before the operator comes."""
        self.app.begin("deploy", id=f"pipeline-{release}", slot=slot, release=release, image=f"registry/app:{release}")
        self.app.run()
        assert self.app.release_of(slot) == release

    def swapping(self, until: SwapPhase | None, slot: str = "staging", **options: object) -> None:
        """A swap that was begun by the pipeline and is in this phase (None: at its end)."""
        self.app.begin("swap", id="swap-1", slot=slot, **options)
        self.app.run(until=until)
        assert self.phase is (until or SwapPhase.IDLE)

    def go_on(self, minutes: float) -> None:
        """Let time pass under traffic, and the engine take its turns."""
        until = self.app.clock.now + timedelta(minutes=minutes)
        if self.record.op is not None and self.machine.running.get(self.record.execution):
            self.app.run(minutes=minutes)
        if self.app.clock.now < until:
            self.app.let_pass(until - self.app.clock.now)

    def put(self, **changed: object) -> None:
        """Change the stored record."""
        self.app.store.slots_records[WEB] = replace(self.record, **changed)

    def put_op(self, **changed: object) -> None:
        """Change what is under way."""
        self.put(op=replace(self.record.operation, **changed))

    # OperatorWorld

    def targets(self) -> Sequence[str]:
        return sorted([WEB, *self.others])

    def engine(self, target: str) -> TargetEngine:
        settings = self.app.settings if target == WEB else self.others.get(target)
        if settings is None:
            raise ConfigurationError(f"there is no target {target!r}: there is {', '.join(self.targets())}")
        return TargetEngine(settings, self.app.store, self.app.executions)

    def rules(self) -> InMemoryRules:
        return self.app.rules

    def deployments(self) -> DeployedServices:
        raise AssertionError("Amazon ECS's deployments were asked for")

    def definitions(self) -> InMemorySlotServices:
        return self.app.services

    def caller(self) -> str:
        if self.is_sts_down:
            raise AwsError("Connect timeout on endpoint URL")
        return OPERATOR

    def failure(self, execution_arn: str) -> ExecutionFailure | None:
        return self.machine.failures.get(execution_arn)

    def now(self) -> datetime:
        return self.app.clock.now

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        if self.on_wait:
            self.on_wait.pop(0)()
        self.go_on(seconds / 60)
