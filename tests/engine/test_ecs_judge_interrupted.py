"""The judge killed at any call, each call failing in every way, two of it at once: the deployment ends as it should.

Exhaustive over the calls of whole deployments: I4, I5 and I9 at each of them (see `ecs_world`).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from ecs_world import BAD, ERRORS, EcsWorld, Killed, ecs_settings, minutes
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.absolute_floor import AbsoluteFloor
from bluegreen_constructs.engine.aws.dynamodb_store import DynamoDbStore
from bluegreen_constructs.engine.comparison import ErrorComparison
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.lifecycle import Phase
from bluegreen_constructs.engine.strategy import Step
from bluegreen_constructs.testing import InMemoryEvents
from tests.simulated_aws.world import SimulatedAws

NEXT = "2.aaaaaaaa"
FLOORED = (ErrorComparison(), AbsoluteFloor(98))
QUICK = replace(ecs_settings(guardrails=FLOORED, steps=(Step(20, minutes(2)),)), bake=minutes(2), patience=minutes(2))


@dataclass
class Faults:
    """What goes wrong at which call; `calls` are all that were made."""

    plan: dict[int, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    beside: Callable[[], None] = lambda: None
    is_beside: bool = False

    def wrap(self, port: object) -> object:
        return _Interrupted(port, self)


class _Interrupted:
    def __init__(self, port: object, faults: Faults) -> None:
        self._port, self._faults = port, faults

    def __getattr__(self, name: str) -> object:
        method, faults = getattr(self._port, name), self._faults

        def call(*given: object, **named: object) -> object:
            if faults.is_beside:
                return method(*given, **named)
            fault = faults.plan.get(len(faults.calls), "")
            faults.calls.append(name)
            is_silent = isinstance(self._port, InMemoryEvents)  # it never raises
            if fault == "beside":
                faults.is_beside = True
                faults.beside()
                faults.is_beside = False
            if fault == "refused" and not is_silent:
                raise AwsError("throttled")
            if fault == "killed before":
                raise Killed
            answer = method(*given, **named)
            if fault == "timed out with effect" and not is_silent:
                raise AwsError("timed out")
            if fault == "killed after":
                raise Killed
            return answer

        return call


WAYS = ("refused", "timed out with effect", "killed before", "killed after", "beside")


def good(_: EcsWorld) -> None:
    """Nothing is wrong with it."""


def bad(world: EcsWorld) -> None:
    world.failing = {NEXT: BAD}


def bad_hotfix(world: EcsWorld) -> None:
    bad(world)
    world.red.add(ERRORS)
    world.metrics.alarms[ERRORS] = "ALARM"


def scene(prepare: Callable[[EcsWorld], None], faults: Faults) -> EcsWorld:
    world = EcsWorld(QUICK)
    prepare(world)
    world.wrap = faults.wrap

    def beside() -> None:
        if world.call is not None and not world.is_over:
            world.judge.answer(world.call, world.clock.now)
        world.judge.look(world.clock.now)

    faults.beside = beside
    world.deploy(NEXT, hotfix={"release": "2", "reason": "stops the errors"})
    world.finish()
    for _ in range(60):  # every fault comes some time, and the look after the last one mends all
        world.passes(minutes(1))
        if not world.store.deployments:
            break
    return world


def check(world: EcsWorld, phase: Phase, *, is_rejected: bool) -> None:
    rollout = world.rollout
    assert (rollout.phase, world.share) == (phase, 100 if phase is Phase.PROMOTED else 0)
    assert rollout.is_tidied
    assert rollout.outbox == ()
    assert world.store.deployments == {}
    assert world.verdicts.said[world.target] is False
    told = Counter(one.event for one in world.store.history(world.target))
    assert (told["ENDED"], told["REFUSED"]) == (1, 0)
    assert told["STARTED"] >= 1
    records = {one.release.name: one.status for one in world.store.releases(world.target)}
    assert records[NEXT] == ("rejected" if is_rejected else "promoted")
    world.check_counted_once()


MATRIX = [
    *((good, Phase.PROMOTED, way) for way in WAYS),
    *((bad, Phase.ROLLED_BACK, way) for way in WAYS),
    *((bad_hotfix, Phase.ROLLED_BACK, way) for way in ("timed out with effect", "killed after")),
]


@pytest.mark.parametrize(("prepare", "phase", "way"), MATRIX)
def test_one_fault_at_any_call_changes_nothing_about_the_end(
    prepare: Callable[[EcsWorld], None], phase: Phase, way: str
) -> None:
    undisturbed = Faults()
    check(scene(prepare, undisturbed), phase, is_rejected=phase is not Phase.PROMOTED)
    assert len(undisturbed.calls) > 50
    for number in range(len(undisturbed.calls)):
        faults = Faults({number: way})
        check(scene(prepare, faults), phase, is_rejected=phase is not Phase.PROMOTED)
        assert len(faults.calls) > number, "the fault never came"


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 160), st.sampled_from(WAYS), max_size=25))
def test_a_bad_release_is_never_promoted_whatever_goes_wrong(plan: dict[int, str]) -> None:
    world = scene(bad, Faults(plan))
    assert (world.rollout.phase, world.share) == (Phase.ROLLED_BACK, 0)
    assert world.store.deployments == {}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 120), st.integers(1, 60), st.sampled_from(("refused", "killed before", "killed after")))
def test_an_outage_of_any_length_ends_with_one_release_and_nothing_left(start: int, length: int, way: str) -> None:
    faults = Faults(dict.fromkeys(range(start, start + length), way))
    world = scene(good, faults)
    rollout = world.rollout
    assert rollout.has_ended
    assert world.store.deployments == {}
    assert world.share == (100 if rollout.phase is Phase.PROMOTED else 0)


@pytest.mark.parametrize("port", ["store", "rules", "metrics"])
def test_what_stays_down_ends_the_deployment_and_never_lets_it_pass(port: str) -> None:
    world = EcsWorld(QUICK)
    world.deploy(NEXT)
    world.passes(minutes(3))
    assert world.share == 20
    down = getattr(world, port)

    def cut(one: object) -> object:
        return _Interrupted(one, Faults(dict.fromkeys(range(9999), "refused"))) if one is down else one

    world.wrap = cut
    while not world.is_over:
        world.passes(minutes(1))
        assert world.share != 100
        assert world.clock.now - world.deployment.created_at < minutes(90)
    assert world.deployment.status == "ROLLBACK_SUCCESSFUL"
    world.wrap = lambda one: one
    world.passes(minutes(2))
    assert (world.rollout.phase, world.store.deployments) == (Phase.ROLLED_BACK, {})
    assert not world.rollout.is_bad


def test_a_metric_that_cannot_be_published_is_answered_by_stopping_the_deployment() -> None:
    world = EcsWorld(QUICK)
    bad(world)
    broken = world.verdicts
    world.wrap = lambda one: _Interrupted(one, Faults(dict.fromkeys(range(99), "refused"))) if one is broken else one
    world.deploy(NEXT)
    while not world.is_over:
        world.passes(minutes(1))
    assert ("stop", world.deployment.arn) in world.deployments.calls


def test_an_alarm_that_does_not_hear_the_metric_is_answered_by_stopping_the_deployment() -> None:
    world = EcsWorld(replace(QUICK, steps=(Step(20, minutes(30)),)))
    bad(world)
    arn = world.deploy(NEXT)
    world._watches = False  # the deployment was made without the alarm, and says MONITORING all the same
    world.finish()
    assert ("stop", arn) in world.deployments.calls
    assert world.rollout.is_bad


@pytest.mark.parametrize(
    ("prepare", "phase", "status"), [(good, Phase.PROMOTED, "promoted"), (bad, Phase.ROLLED_BACK, "rejected")]
)
def test_whole_deployments_run_on_the_real_table_as_well(
    prepare: Callable[[EcsWorld], None], phase: Phase, status: str
) -> None:
    aws = SimulatedAws()
    aws.dynamodb.add_table("judge")
    world = EcsWorld(QUICK)
    table = DynamoDbStore(aws.dynamodb, "judge")
    world.wrap = lambda port: table if port is world.store else port
    prepare(world)
    for release in (NEXT, "3.bbbbbbbb"):
        world.deploy(release)
        world.finish()
        rollout = table.load(world.target)
        assert rollout is not None
        assert (rollout.phase, rollout.release.name) == (phase, release)
        assert (table.watched(), world.troubles) == ([], [])
        if phase is Phase.ROLLED_BACK:
            world.failing["3.bbbbbbbb"] = BAD
    known = {one.release.name: one.status for one in table.releases(world.target)}
    assert known == {"first.00000000": "promoted", NEXT: status, "3.bbbbbbbb": status}
    assert [one.rollout for one in table.history(world.target) if one.event == "ENDED"] == ["d2", "d1"]
