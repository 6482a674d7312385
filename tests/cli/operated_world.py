"""An operator's world in memory, in which the real engine runs: waiting lets its rollouts go on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.cli.operator_world import ExecutionFailure, TargetEngine
from bluegreen_constructs.engine.beginning import Beginning
from bluegreen_constructs.engine.errors import AwsError, BlueGreenError, ConfigurationError
from bluegreen_constructs.engine.ports import Command
from bluegreen_constructs.engine.release import Release
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.start_request import StartRequest
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import TargetSettings
from bluegreen_constructs.testing import (
    InMemoryExecutions,
    InMemoryRules,
    InMemoryStore,
    InMemoryWorld,
    example_settings,
)
from tests.cli.code_deployed import CodeDeployed, Registered
from tests.cli.code_deployed_fleet import Fleet, Stored
from tests.cli.deployed_services import DeployedServices

OPERATOR = "arn:aws:sts::123456789012:assumed-role/Operators/sam"
TARGET = "Serving/Model"
BAD = {"bad": 0.2}
"""What fails in every world: the release of this name, on a fifth of its requests."""


def settings_of(target: str = TARGET, **others: object) -> TargetSettings:
    """Two steps of five minutes, a bake of ten; `others` in their place."""
    five = timedelta(minutes=5)
    usual = {"steps": (Step(10, five), Step(50, five)), "bake": timedelta(minutes=10)}
    return replace(example_settings(target), **(usual | others))


class StateMachine(InMemoryExecutions):
    """Executions that begin rollouts, as the engine's state machine does; `on_start` takes the place of the engine."""

    def __init__(self, world: InMemoryWorld) -> None:
        super().__init__()
        self.world = world
        self.failures: dict[str, ExecutionFailure] = {}
        self.stopped: list[str] = []
        self.on_start: Callable[[str], object] | None = None

    def start(self, name: str, request: Mapping[str, object]) -> str:
        json.dumps(request)
        arn = super().start(name, request)
        if self.on_start is not None:
            self.on_start(arn)
        elif request.get("closing"):
            self.world.answer = None
        elif request:
            self._begin(arn, {**request, "rollout": name, "execution": arn})
        return arn

    def stop(self, execution_arn: str, cause: str) -> None:
        super().stop(execution_arn, cause)
        self.stopped.append(execution_arn)

    def _begin(self, arn: str, event: Mapping[str, object]) -> None:
        world = self.world
        try:
            request = StartRequest.of(event)
            world.answer = Beginning(world.source, world.store, world.rules, self).begin(request, world.clock.now)
        except BlueGreenError as error:
            self.running[arn] = False
            # As Lambda reports what a handler raised.
            cause = json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []})
            self.failures[arn] = ExecutionFailure(type(error).__name__, cause)


class NoTable:
    """What an unjudged target has in the place of a table, and every ECS-run one of executions."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked of what is not there")


class OperatedWorld:
    """`OperatorWorld`; several targets share a clock, a table, rules and executions."""

    def __init__(self, *of_targets: TargetSettings) -> None:
        self.worlds = {one.target: InMemoryWorld(one) for one in of_targets or (settings_of(),)}
        first = self.first
        first.executions = StateMachine(first)
        for world in self.worlds.values():
            world.clock, world.store, world.executions = first.clock, first.store, first.executions
        self.loads = 0
        self.waited = 0.0
        self.on_wait: list[Callable[[], object]] = []
        self.services = DeployedServices()
        self.deployer = CodeDeployed()
        self.registered = Registered()
        self.fleet = Fleet()
        self.stored = Stored()
        self.is_ssm_down = False
        self.is_sts_down = False

    # What tests look at

    @property
    def first(self) -> InMemoryWorld:
        return next(iter(self.worlds.values()))

    @property
    def store(self) -> InMemoryStore:
        return self.first.store

    @property
    def rules_there(self) -> InMemoryRules:
        return self.first.rules

    @property
    def machine(self) -> StateMachine:
        assert isinstance(self.first.executions, StateMachine)
        return self.first.executions

    @property
    def rollout(self) -> Rollout:
        return self.first.rollout

    @property
    def given(self) -> list[Command]:
        return [command for commands in self.store.given.values() for command in commands.values()]

    def begun(self, release: str = "1.4.2", minutes: float = 0, *, id: str = "") -> Rollout:
        """A rollout that was begun by the pipeline, so many minutes ago; its id defaults to the release's name."""
        self.first.begin(Release(release), id=id)
        self.go_on(minutes)
        return self.rollout

    def go_on(self, minutes: float) -> None:
        """Let time pass under traffic, and the engine tick."""
        before = self.first.clock.now
        stored = self.store.states.get(self.first.settings.target)
        if stored is not None and self.machine.running.get(stored.execution):
            self.first.run(minutes=minutes, failing=BAD)
        self.first.clock.now = max(self.first.clock.now, before + timedelta(minutes=minutes))

    def promoted(self, release: str) -> None:
        """A rollout of the release from its beginning to its end."""
        self.begun(release, minutes=90)
        assert (self.rollout.phase.value, self.rollout.is_tidied) == ("PROMOTED", True)

    def judged(self, rollout: Rollout) -> None:
        """What the judge's table holds of a deployment."""
        self.store.states[rollout.target] = rollout

    def put(self, **changed: object) -> Rollout:
        """Change the stored rollout."""
        rollout = replace(self.rollout, **changed)
        self.store.states[rollout.target] = rollout
        return rollout

    def crash(self) -> None:
        """The execution ends without having ended the rollout."""
        self.machine.running[self.rollout.execution] = False

    # OperatorWorld

    def targets(self) -> Sequence[str]:
        self._read_parameters()
        return sorted(self.worlds)

    def engine(self, target: str) -> TargetEngine:
        self._read_parameters()
        if target not in self.worlds:
            raise ConfigurationError(f"there is no target {target!r}: there is {', '.join(sorted(self.worlds))}")
        settings = self.worlds[target].settings
        if settings.controller == "engine":
            return TargetEngine(settings, self.store, self.machine)
        store = self.store if settings.is_judged else NoTable()
        return TargetEngine(settings, store, NoTable(), has_table=settings.is_judged)

    def rules(self) -> InMemoryRules:
        return self.rules_there

    def deployments(self) -> DeployedServices | Registered:
        return self.registered if self.first.settings.controller == "codedeploy" else self.services

    def definitions(self) -> Registered:
        return self.registered

    def code_deployments(self) -> CodeDeployed:
        return self.deployer

    def fleet_sides(self) -> Fleet:
        return self.fleet

    def stored_objects(self) -> Stored:
        return self.stored

    def caller(self) -> str:
        if self.is_sts_down:
            raise AwsError("Connect timeout on endpoint URL")
        return OPERATOR

    def failure(self, execution_arn: str) -> ExecutionFailure | None:
        return self.machine.failures.get(execution_arn)

    def now(self) -> datetime:
        return self.first.clock.now

    def wait(self, seconds: float) -> None:
        self.waited += seconds
        if self.on_wait:
            self.on_wait.pop(0)()
        is_down, self.store.is_down = self.store.is_down, False  # for operators only: the engine goes on
        try:
            self.go_on(seconds / 60)
        finally:
            self.store.is_down = is_down

    def _read_parameters(self) -> None:
        if self.is_ssm_down:
            raise AwsError('Could not connect to the endpoint URL: "https://ssm.eu-west-1.amazonaws.com/"')


class Operator:
    """Types commands, and has what they said on standard output (`out`) and on standard error (`err`)."""

    def __init__(self, capsys: pytest.CaptureFixture[str], world: OperatedWorld) -> None:
        self.capsys, self.world = capsys, world
        self.out = self.err = ""

    def types(self, *arguments: str) -> int:
        """Run one command, and answer its exit code."""
        self.capsys.readouterr()
        code = run(list(arguments), self.world)
        self.out, self.err = self.capsys.readouterr()
        return code

    def reads(self, *arguments: str) -> dict[str, object]:
        """The JSON object of a command that succeeds."""
        assert self.types(*arguments, "--format", "json") == 0, self.err
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer

    def is_refused(self, code: int, *arguments: str) -> str:
        """The one sentence of a command that ends with `code` and has no result."""
        assert (self.types(*arguments), self.out) == (code, ""), self.err
        (line,) = self.err.splitlines()
        sentence = line.removeprefix("bluegreen: ")
        assert sentence != line
        assert not sentence.endswith(".")
        return sentence
