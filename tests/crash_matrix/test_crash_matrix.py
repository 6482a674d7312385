"""Every AWS call of whole rollouts and whole aborts, crossed with everything that can befall it (I7)."""

import logging
from collections.abc import Callable, Iterator

import pytest

from tests.crash_matrix.plays import PLAYS, SIZE, Play, Stage, calls_of, first_own_call
from tests.simulated_aws.faults import FIVE_KINDS, Fault
from tests.simulated_aws.invariants import BrokenInvariantError, calls_of_an_abort
from tests.simulated_aws.state_machine import StuckError

pytestmark = pytest.mark.crash_matrix


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """The engine logs each lost event."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def played(name: str, where: str, stage: Stage, act: Callable[[Stage], None]) -> None:
    """Play it to its end, with everything held; what does not hold is said with the place of the fault."""
    SIZE[name] += 1
    try:
        act(stage)
        stage.require_a_good_end()
    except (BrokenInvariantError, StuckError, AssertionError) as error:
        log = "\n".join(str(call) for call in list(stage.world.calls)[-25:])
        raise AssertionError(f"{name}, {where}: {error}\n{log}") from error


def own_calls(play: Play) -> range:
    others = [calls_of(other) for other in PLAYS[: PLAYS.index(play)]]
    return range(first_own_call(play, others), len(calls_of(play)))


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_each_play_ends_as_it_should_when_nothing_goes_wrong(play: Play) -> None:
    stage = play.stage()
    play.act(stage)
    stage.require_a_good_end()
    assert stage.target.weights() == ({"blue": 0, "green": 100} if play.promotes else {"blue": 100, "green": 0})


@pytest.mark.parametrize("kind", FIVE_KINDS, ids=lambda kind: kind.value)
@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_fault_at_any_call_of_it_is_survived(play: Play, kind: Fault) -> None:
    for number in own_calls(play):
        stage = play.stage()
        stage.world.faults.at(number, kind)
        played("with a fault", f"{play.name}, call {number} {kind.value}", stage, play.act)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_second_worker_at_any_call_of_it_is_survived(play: Play) -> None:
    for number in own_calls(play):
        stage = play.stage()
        stage.world.interrupt(number, lambda stage=stage: stage.machine.deliveries and stage.machine.deliver_again())
        played("with two workers", f"{play.name}, call {number}", stage, play.act)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_an_abort_between_any_two_calls_of_it_brings_everything_back(play: Play) -> None:
    """The abort runs while a worker waits between two of its calls; the worker then goes on with what it knew."""
    for number in own_calls(play):
        stage = play.stage()
        was_in_flight: list[bool] = []

        def abort(stage: Stage = stage, was_in_flight: list[bool] = was_in_flight) -> None:
            tags = stage.target.rule.tags
            was_in_flight.append(tags.get("bluegreen:rollout", "-") != tags.get("bluegreen:ended", "-"))
            stage.abort()

        stage.world.interrupt(number, abort)
        played("with an abort", f"{play.name}, call {number}", stage, play.act)
        if was_in_flight == [True] and stage.rollout is not None and stage.rollout.id == "rollout-1":
            assert stage.target.weights() == {"blue": 100, "green": 0}, f"{play.name}, call {number}"


@pytest.mark.parametrize("play", PLAYS[:1], ids=lambda play: play.name)
def test_an_abort_with_the_table_down_before_any_call_stops_the_worker_that_comes_late(play: Play) -> None:
    for number in own_calls(play):
        stage = play.stage()

        def abort(stage: Stage = stage) -> None:
            stage.world.faults.outage("dynamodb", Fault.SERVER_ERROR)
            stage.abort()
            stage.world.faults.restored("dynamodb")

        stage.world.interrupt(number, abort)
        played("with the table down", f"{play.name}, call {number}", stage, play.act)


@pytest.mark.parametrize("play", PLAYS[:2], ids=lambda play: play.name)
def test_a_stack_update_at_any_call_moves_nothing(play: Play) -> None:
    """CloudFormation rewrites conditions, tags and the target's settings while a rollout runs (I2)."""
    for number in own_calls(play):
        stage = play.stage()

        def update(stage: Stage = stage) -> None:
            before = stage.target.weights()
            elbv2, rule = stage.world.elbv2, stage.target.rule_arn
            condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v2/*"]}}
            stage.world.run(
                "CloudFormation", lambda: elbv2.modify_rule(RuleArn=rule, Conditions=[condition]), is_mortal=False
            )
            stage.target.change(steps=(), hold_back=0.0)
            assert stage.target.weights() == before

        stage.world.interrupt(number, update)
        played("with a stack update", f"{play.name}, call {number}", stage, play.act)


def test_an_abort_takes_three_calls_to_bring_everything_back() -> None:
    stage = Stage.set()
    stage.begin()
    stage.machine.run(until=stage.at_percent(50))
    before = len(stage.world.calls)
    stage.abort()
    assert calls_of_an_abort(list(stage.world.calls)[before:]) == [
        "elbv2.DescribeTags",
        "elbv2.DescribeTargetHealth",
        "elbv2.ModifyRule",
    ]
