"""The plays of the crash matrix: whole rollouts and whole aborts on a simulated AWS, through the real adapters."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.rollout import Rollout
from bluegreen_constructs.engine.rollout_codec import rollout_from_json
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.engine.target_settings import SIDES, Compute, Side
from bluegreen_constructs.engine.warm_pool import WarmPool
from tests.simulated_aws.behaviour import Behaviour
from tests.simulated_aws.faults import Fault
from tests.simulated_aws.invariants import Invariants
from tests.simulated_aws.one_target import FIRST_IMAGE, OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.state_machine import StateMachine
from tests.simulated_aws.world import SimulatedAws

MINUTE = timedelta(minutes=1)
REQUEST = {"target": "Serving/Model", "release": {"name": "2"}, "caller": "operator", "reason": "test"}
POOL = WarmPool(2, reuse=True)
_TRIES = 5

SIZE: Counter[str] = Counter()
"""How many whole rollouts were played, by what befell them."""


@dataclass
class Stage:
    """A world with a target, the engine in it, and what watches them."""

    world: SimulatedAws
    target: OneTarget
    engine: RealEngine
    machine: StateMachine
    invariants: Invariants

    @classmethod
    def set(cls, error_rate: float = 0.001, *, sticky: int | None = None, pool: WarmPool | None = None) -> "Stage":
        """A stage on which release 2 fails so often; release 1 fails once in a thousand requests.

        pool: the sides are Auto Scaling groups with this pool, whose instances fetch releases by their name.
        """
        world = SimulatedAws()
        world.release_is("2", Behaviour(errors=error_rate))
        steps = (Step(10, MINUTE), Step(50, MINUTE))
        target = OneTarget(
            world,
            compute=Compute.ECS if pool is None else Compute.AUTO_SCALING,
            rate=400.0,
            steps=steps,
            sticky=sticky,
            start_seconds=10.0,
            named=pool is not None,
            warm_pool=pool,
        )
        target.change(
            bake=MINUTE,
            guardrails=(ErrorComparison(negligible=0.005),),
            patience=10 * MINUTE,
            prepare_timeout=2 * MINUTE,
        )
        engine = RealEngine(world)
        return cls(world, target, engine, engine.machine(), Invariants(target))

    def begin(self, name: str = "rollout-1") -> None:
        """`bluegreen start`, which a user gives again when it did not work."""
        for _ in range(_TRIES):
            if self.world.run("bluegreen start", lambda: self.machine.begin(name, REQUEST)).error is None:
                return
            self.world.advance(2)

    def abort(self) -> None:
        """`bluegreen abort`, which a user gives again when it did not work."""
        for _ in range(_TRIES):
            if self.world.run("bluegreen abort", lambda: self.engine.abort(self.target.settings)).error is None:
                return
            self.world.advance(2)

    def roll_back(self) -> None:
        """`bluegreen rollback` to the first release."""
        request = {**REQUEST, "release": {"name": "first", "image": FIRST_IMAGE}, "expedited": True}
        for _ in range(_TRIES):
            if self.world.run("rollback", lambda: self.machine.begin("rollback", request)).error is None:
                return
            self.world.advance(2)

    def at_percent(self, percent: int) -> Callable[[], bool]:
        """Whether the candidate has so much traffic."""
        return lambda: self.target.weights()["green"] >= percent

    @property
    def rollout(self) -> Rollout | None:
        """The state as it lies in the table; looked at without a call, which could meet a fault."""
        item = self.target.state()
        return None if item is None else rollout_from_json(item["rollout"]["S"])

    def require_a_good_end(self) -> None:
        """What the runbook says when an execution ended before its rollout did (abort closes it); then all of I1-I9."""
        if self.rollout is not None and not self.rollout.is_tidied:
            self.abort()
            self.machine.run()
        self.invariants.check_end()
        self.invariants.check_nothing_lost()
        assert self.rollout is not None, "no rollout was ever begun"
        assert self.rollout.has_ended, f"the state says {self.rollout.phase}"
        if self.target.settings.green.named:
            self._require_a_fleet_in_order()

    def _require_a_fleet_in_order(self) -> None:
        """No instance came into service out of the pool of another release, and a release is one version."""
        stale = {side: self.target.fleet(side).stale for side in SIDES if self.target.fleet(side).stale}
        assert not stale, f"out of a warm pool of another release came {stale}"
        for group in self.world.autoscaling.groups.values():
            versions = self.world.ec2.templates[group.template]
            made = [one["VersionDescription"] for one in versions if "VersionDescription" in one]
            assert len(made) == len(set(made)), f"launch template {group.template} has twins: {made}"
            if self.target.groups[self.serving].fleet is group.fleet and made:
                assert group.pool is not None, f"{group.name} serves a new release without its warm pool"
                assert "Status" not in group.pool, f"{group.name} serves a new release and its warm pool goes"

    @property
    def serving(self) -> Side:
        """The side with the traffic."""
        return max(SIDES, key=lambda side: self.target.weights()[side])


def good(stage: Stage) -> None:
    """A good release, from start to tidied."""
    stage.begin()
    stage.machine.run()


def bad(stage: Stage) -> None:
    """A bad release, which the comparison finds."""
    stage.begin()
    stage.machine.run()


def aborted(stage: Stage) -> None:
    """A good release that an operator aborts at 50 %."""
    stage.begin()
    stage.machine.run(until=stage.at_percent(50))
    stage.abort()
    stage.machine.run()


def aborted_with_the_table_down(stage: Stage) -> None:
    """The same while the table does not answer; a tick comes late, and later the abort is given again."""
    stage.begin()
    stage.machine.run(until=stage.at_percent(50))
    stage.world.faults.outage("dynamodb", Fault.SERVER_ERROR)
    stage.abort()
    stage.machine.deliver_again()
    stage.world.faults.restored("dynamodb")
    stage.machine.deliver_again()
    stage.abort()
    stage.machine.run()


def alarmed(stage: Stage) -> None:
    """A guardrail's alarm goes off at 50 %; its event comes twice."""
    stage.begin()
    stage.machine.run(until=stage.at_percent(50))
    event = {"target": "Serving/Model", "alarm": "errors", "state": "ALARM", "rule": stage.target.rule_arn}
    stage.machine.event("alarm", event)
    stage.machine.event("alarm", event, delay=20)
    stage.machine.run()


def good_in_one_step(stage: Stage) -> None:
    """A good release with one step: what is crossed with faults is mostly its way onto the side."""
    stage.target.change(steps=(Step(50, MINUTE),))
    good(stage)


def kept_and_brought_back(stage: Stage) -> None:
    """A good release; while the former one is kept, an operator goes back to it."""
    stage.target.change(keep=20 * MINUTE)
    stage.begin()
    stage.machine.run(until=lambda: stage.rollout is not None and stage.rollout.is_kept)
    stage.roll_back()
    stage.machine.run()


def weakened(stage: Stage) -> None:
    """At 10 % the candidate loses three of its four targets, which 10 % can do without and 50 % cannot."""
    stage.begin()
    stage.machine.run(until=stage.at_percent(10))
    stage.target.fleet("green").lose(3)
    stage.machine.run()


@dataclass(frozen=True)
class Play:
    """A play, how often release 2 fails in it, how it ends when nothing goes wrong, and the pools of its fleets.

    On a fleet release 2 is a name, of which the engine makes a launch template version, and the pools hold release 1.
    """

    name: str
    act: Callable[[Stage], None]
    error_rate: float
    promotes: bool
    pool: WarmPool | None = None

    def stage(self) -> Stage:
        """A stage for it."""
        return Stage.set(self.error_rate, pool=self.pool)


PLAYS = (
    Play("a good rollout", good, 0.001, promotes=True),
    Play("a bad rollout", bad, 0.2, promotes=False),
    Play("an abort", aborted, 0.001, promotes=False),
    Play("an abort with the table down", aborted_with_the_table_down, 0.001, promotes=False),
    Play("a weak candidate", weakened, 0.001, promotes=False),
    Play("an alarm", alarmed, 0.001, promotes=False),
    Play("a rollback while the former side is kept", kept_and_brought_back, 0.001, promotes=False),
    Play(
        "a named release beside warm pools",
        good_in_one_step,
        0.001,
        promotes=True,
        pool=WarmPool(2, reuse=True),
    ),
)


def calls_of(play: Play) -> list[str]:
    """The calls of a play in which nothing goes wrong, in order."""
    stage = play.stage()
    play.act(stage)
    stage.require_a_good_end()
    return [f"{call.process.name}: {call.service}.{call.operation}" for call in stage.world.calls]


def first_own_call(play: Play, others: list[list[str]]) -> int:
    """Where a play stops being like one of the others: what comes before is crossed with faults there already."""
    calls = calls_of(play)
    shared = (
        next((n for n, pair in enumerate(zip(calls, other, strict=False)) if pair[0] != pair[1]), len(calls))
        for other in others
    )
    return max(shared, default=0)
