"""Many rollouts at once in one account: how often the engine asks ELB, and how large its state is."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.strategy import Step
from tests.simulated_aws.one_target import OneTarget
from tests.simulated_aws.real_engine import RealEngine
from tests.simulated_aws.world import Call, SimulatedAws

from .row import Row, table

_MINUTE = timedelta(minutes=1)
_STEPS = (Step(1, 15 * _MINUTE), Step(5, 25 * _MINUTE), Step(25, 30 * _MINUTE))
_BAKE = 40 * _MINUTE
_SHORT_PLAN = 40 * _MINUTE  # CanaryAlb's own, when none is given
_MOST_DESCRIBES = 5.0
_LARGEST_STATE = 16_384


def at_scale(rollouts: int) -> str:
    """The table for so many rollouts, begun one after the other over the length of one."""
    world = SimulatedAws(keeps=10)
    targets = [OneTarget(world, name=f"Serving/M{number}", rate=50.0, steps=_STEPS) for number in range(rollouts)]
    for target in targets:
        target.change(bake=_BAKE, guardrails=(ErrorComparison(),))
    describes: Counter[int] = Counter()
    others: Counter[str] = Counter()
    sizes: dict[int, int] = {}
    begun = world.now

    def count(call: Call, _answer: Mapping[str, object]) -> None:
        if call.service == "elbv2" and call.operation.startswith("Describe"):
            describes[int((call.at - begun) // 60)] += 1
        others[f"{call.service}.{call.operation}"] += 1
        item = call.arguments.get("Item")
        if call.operation == "PutItem" and isinstance(item, dict) and "rollout" in item and "fence" in item:
            minute = int((call.at - begun) // 60)
            sizes[minute] = max(sizes.get(minute, 0), len(item["rollout"]["S"]))

    world.watchers.append(count)
    machine = RealEngine(world).machine()
    length = sum((step.span for step in _STEPS), _BAKE).total_seconds()
    for number, target in enumerate(targets):
        start = begun + length * number / rollouts
        machine.run(until=lambda start=start: world.now >= start)  # type: ignore[misc]  # bound now
        world.now = max(world.now, start)
        machine.begin(f"r{number}", {"target": target.name, "release": {"name": "2"}, "caller": "benchmark"})
    machine.run()
    promoted = sum(target.weights()["green"] == 100 for target in targets)
    per_rollout = sum(describes.values()) / rollouts
    # While all of them run: the minutes after the first has ended are as many as before, so the mean is of one length.
    mean = sum(describes.values()) / length
    busiest = max(describes.values()) / 60
    early, late = max(size for minute, size in sizes.items() if minute < 60), max(sizes.values())
    rows = [
        Row("promoted", f"{promoted} of {rollouts}", "all", promoted == rollouts),
        Row("Describe calls of one rollout", f"{per_rollout:.1f}"),
        Row(
            f"Describe calls a second, {rollouts:,} at once, {length / 60:.0f} min each",
            f"{mean:.1f}",
            "at most 5",
            mean <= _MOST_DESCRIBES,
        ),
        Row("Describe calls a second in the busiest minute", f"{busiest:.1f}"),
        Row(
            f"rollouts of {_SHORT_PLAN.total_seconds() / 60:.0f} min (the default plan) at once with 5 a second",
            f"{_MOST_DESCRIBES * _SHORT_PLAN.total_seconds() / per_rollout:.0f}",
        ),
        Row("GetMetricData calls a second", f"{others['cloudwatch.GetMetricData'] / length:.1f}"),
        Row("largest state in the first hour, bytes", f"{early:,}", "at most 16 KB", early <= _LARGEST_STATE),
        Row("largest state at all, bytes", f"{late:,}", "no growth", late <= 1.1 * early),
    ]
    about = (
        "A plan of 1, 5 and 25 % with a bake at the end. Describe calls a second are the calls of one rollout times "
        "the rollouts, divided by the length of one: shorter plans ask more often. An account has ten a second."
    )
    return table(f"{rollouts:,} rollouts at once", about, rows)
