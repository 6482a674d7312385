"""A million requests for each strategy while ELB's nodes learn weights late and a fifth of its calls are throttled."""

from collections.abc import Callable
from datetime import timedelta

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.strategy import AllAtOnce, Canary, Linear, Step, Steps, Strategy
from tests.simulated_aws.invariants import Invariants
from tests.simulated_aws.one_target import FIRST_IMAGE, OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.state_machine import StateMachine
from tests.simulated_aws.world import Disturbances, SimulatedAws

from .row import Row, table

_MINUTE = timedelta(minutes=1)
_STRATEGIES: dict[str, Strategy] = {
    "AllAtOnce": AllAtOnce(),
    "Canary(10 %, 10 min)": Canary(10, 10 * _MINUTE),
    "Linear(20 %, 5 min)": Linear(20, 5 * _MINUTE),
    "Steps(1, 10, 50 %)": Steps([Step(1, 5 * _MINUTE), Step(10, 10 * _MINUTE), Step(50, 10 * _MINUTE)]),
}
_REQUEST = {"target": "Serving/Model", "release": {"name": "2"}, "caller": "benchmark", "reason": ""}


def requests_lost(requests: int, seeds: int) -> str:
    """The table; so many requests for each line, over so many seeds."""
    rows = [_row(name, strategy, requests, seeds, _to_its_end) for name, strategy in _STRATEGIES.items()]
    steps = _STRATEGIES["Steps(1, 10, 50 %)"]
    rows.append(_row("Steps, aborted at 50 %", steps, requests, seeds, _aborted))
    rows.append(_row("Steps, then a rollback", steps, requests, seeds, _and_back))
    about = (
        "Requests that reached nobody, of a good release's rollouts with propagation of 0 to 60 s at each write of the "
        "rule, and 20 % of the calls of Elastic Load Balancing throttled."
    )
    return table("Requests lost to routing", about, rows)


Play = Callable[[StateMachine, RealEngine, OneTarget], None]


def _row(name: str, strategy: Strategy, requests: int, seeds: int, play: Play) -> Row:
    total = lost = 0
    for seed in range(seeds):
        disturbances = Disturbances(propagation=(0.0, 60.0), throttling=0.2)
        world = SimulatedAws(seed=seed, disturbances=disturbances, keeps=200)
        target = OneTarget(world, rate=20.0, steps=strategy.steps())
        target.change(bake=10 * _MINUTE, guardrails=(ErrorComparison(),), patience=120 * _MINUTE)
        engine = RealEngine(world, sdk_tries=3)
        machine, invariants = engine.machine(), Invariants(target)
        machine.begin("rollout", _REQUEST)
        # As many requests as it takes, at whatever rate: what is lost is lost by where they are sent.
        target.traffic.set_rate(requests / seeds / 1500)
        play(machine, engine, target)
        while target.traffic.total < requests / seeds:
            world.advance(60)
        invariants.check()
        total += target.traffic.total
        lost += target.traffic.lost
    return Row(name, f"{lost} of {total:,}", "0 lost", lost == 0)


def _to_its_end(machine: StateMachine, _engine: RealEngine, _target: OneTarget) -> None:
    machine.run()


def _aborted(machine: StateMachine, engine: RealEngine, target: OneTarget) -> None:
    machine.run(until=lambda: target.weights()["green"] >= 50)
    for _ in range(20):
        if machine.world.run("bluegreen abort", lambda: engine.abort(target.settings)).error is None:
            break
        machine.world.advance(1)
    machine.run()


def _and_back(machine: StateMachine, _engine: RealEngine, target: OneTarget) -> None:
    machine.run()
    machine.world.advance(3600)
    if target.weights()["green"] == 100:
        machine.begin("back", {**_REQUEST, "release": {"name": "first", "image": FIRST_IMAGE}, "expedited": True})
        machine.run()
