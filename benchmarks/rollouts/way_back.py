"""How fast traffic is back on live: calls and seconds of an abort, of an alarm, and from the first bad answer."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from statistics import median

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.rollout_codec import rollout_from_json
from bluegreen_constructs.engine.strategy import Step
from tests.simulated_aws.behaviour import Behaviour
from tests.simulated_aws.invariants import calls_of_an_abort
from tests.simulated_aws.one_target import OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.state_machine import StateMachine
from tests.simulated_aws.world import Disturbances, SimulatedAws

from .row import Row, table

_MINUTE = timedelta(minutes=1)
_SECONDS_PER_CALL = 0.1
_REQUEST = {"target": "Serving/Model", "release": {"name": "2"}, "caller": "benchmark", "reason": ""}
_MOST_CALLS = 3
_FAST_SECONDS, _SLOW_MINUTES, _SLOWEST_MINUTES = 2.0, 4.0, 6.0


def way_back(runs: int) -> str:
    """The table; so many bad releases, each starting to fail at another second."""
    rows = [_abort_in(phase) for phase in (Phase.SHIFTING, Phase.BAKING)]
    rows.append(_alarm())
    rows += _bad_release(runs)
    about = (
        f"Each call takes {_SECONDS_PER_CALL:g} s here. A regression is five times the errors of live (0.2 %) at 10 % "
        "of 100 requests a second; counts are those of the mean, without chance, so that the spread is that of the "
        "second in which it began. CloudWatch has a minute 60 s after its end."
    )
    return table("The way back", about, rows)


def _stage(errors: float = 0.002) -> tuple[SimulatedAws, OneTarget, RealEngine, StateMachine]:
    world = SimulatedAws(disturbances=Disturbances(seconds_per_call=_SECONDS_PER_CALL))
    world.release_is("1", Behaviour(errors=0.002))
    world.release_is("2", Behaviour(errors=errors))
    target = OneTarget(world, rate=100.0, steps=(Step(10, 30 * _MINUTE),))
    target.change(bake=30 * _MINUTE, guardrails=(ErrorComparison(),))
    engine = RealEngine(world)
    return world, target, engine, engine.machine()


def _in_phase(target: OneTarget, phase: Phase) -> Callable[[], bool]:
    def is_there() -> bool:
        item = target.state()
        rollout = None if item is None else rollout_from_json(item["rollout"]["S"])
        return rollout is not None and rollout.phase is phase and rollout.applied is not None

    return is_there


def _abort_in(phase: Phase) -> Row:
    world, target, engine, machine = _stage()
    machine.begin("rollout", _REQUEST)
    machine.run(until=_in_phase(target, phase))
    before, started = len(world.calls), world.now
    world.run("bluegreen abort", lambda: engine.abort(target.settings))
    calls = calls_of_an_abort(list(world.calls)[before:])
    back = next(call.at for call in list(world.calls)[before:] if call.operation == "ModifyRule") + _SECONDS_PER_CALL
    figure = f"{len(calls)} calls, {back - started:.1f} s"
    return Row(f"bluegreen abort while {phase.value}", figure, "at most 3 calls", len(calls) <= _MOST_CALLS)


def _alarm() -> Row:
    world, target, _engine, machine = _stage()
    machine.begin("rollout", _REQUEST)
    machine.run(until=_in_phase(target, Phase.SHIFTING))
    before, started = len(world.calls), world.now
    event: dict[str, object] = {"target": "Serving/Model", "alarm": "errors", "state": "ALARM", "rule": target.rule_arn}
    machine.event("alarm", event)
    machine.run(until=lambda: target.weights()["green"] == 0)
    back = next(call.at for call in list(world.calls)[before:] if call.operation == "ModifyRule") + _SECONDS_PER_CALL
    return Row("alarm event to 100 % live", f"{back - started:.1f} s", "at most 2 s", back - started <= _FAST_SECONDS)


def _bad_release(runs: int) -> list[Row]:
    random = Random(4)
    spans: list[float] = []
    own: list[float] = []
    for _ in range(runs):
        world, target, _engine, machine = _stage()
        machine.begin("rollout", _REQUEST)
        machine.run(until=lambda target=target: target.weights()["green"] == 10)  # type: ignore[misc]
        turns = world.now + random.uniform(120, 600)
        machine.run(until=lambda world=world, turns=turns: world.now >= turns)  # type: ignore[misc]
        # Ticks are due in the first second of a minute: a regression may begin in any other.
        world.advance(random.uniform(0, 58))
        target.traffic.catch_up()
        world.release_is(target.fleet("green").release, Behaviour(errors=0.01))
        started = world.now
        machine.run(until=lambda target=target: target.weights()["green"] == 0)  # type: ignore[misc]
        calls = list(world.calls)
        back = max(call.at for call in calls if call.operation == "ModifyRule" and call.at <= world.now)
        seen = max(call.at for call in calls if call.operation == "GetMetricData" and call.at <= back)
        spans.append(back + _SECONDS_PER_CALL - started)
        own.append(back + _SECONDS_PER_CALL - seen)
    spans.sort()
    own.sort()
    slowest = spans[round(0.95 * (len(spans) - 1))]
    return [
        Row(
            "bad metric read to 100 % live, median and 99th percentile",
            f"{median(own):.1f} s, {own[round(0.99 * (len(own) - 1))]:.1f} s",
            "at most 2 s, 5 s",
            median(own) <= _FAST_SECONDS and own[-1] <= 5,
        ),
        Row(
            "regression begins to 100 % live, median and 95th percentile",
            f"{median(spans) / 60:.1f} min, {slowest / 60:.1f} min",
            "at most 4 min, 6 min",
            median(spans) <= 60 * _SLOW_MINUTES and slowest <= 60 * _SLOWEST_MINUTES,
        ),
    ]
