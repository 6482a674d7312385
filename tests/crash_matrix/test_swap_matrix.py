"""Every call of whole operations on slots, crossed with everything that can befall it: the swap's protocol model.

What must hold is in `swap_plays.SwapStage`: after every change of the world, and when nothing is under way any more.
"""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.swap.lifecycle import SwapPhase
from tests.crash_matrix.plays import SIZE
from tests.crash_matrix.swap_plays import SWAP_PLAYS, BrokenError, Fault, SwapPlay, SwapStage

pytestmark = pytest.mark.crash_matrix
THE_SWAP, ROLLED_BACK = SWAP_PLAYS[0], SWAP_PLAYS[3]
# A worker that comes back after so many turns of another one; the last is longer than any play.
TURNS = (1, 4, 400)
NEAR = 24


@cache
def calls_of(play: SwapPlay) -> int:
    stage = play.stage()
    play.act(stage)
    return len(stage.between.calls)


def played(name: str, where: str, play: SwapPlay, stage: SwapStage) -> None:
    SIZE[name] += 1
    try:
        play.act(stage)
        stage.require_good_end()
    except BrokenError as error:
        log = "\n".join(f"{item.event} {item.phase} {item.reason}" for item in stage.world.store.items["Web/App"])
        raise AssertionError(f"{play.name}, {where}: {error}\n{log}") from error


def require_ends(play: SwapPlay, stage: SwapStage) -> None:
    found = {slot: stage.world.release_of(slot) for slot in stage.world.record.sides_of}
    assert found == play.ends, play.name


@pytest.mark.parametrize("play", SWAP_PLAYS, ids=lambda play: play.name)
def test_each_operation_ends_as_it_should_when_nothing_goes_wrong(play: SwapPlay) -> None:
    stage = play.stage()
    play.act(stage)
    stage.require_good_end()
    require_ends(play, stage)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
@pytest.mark.parametrize("play", SWAP_PLAYS, ids=lambda play: play.name)
def test_a_fault_at_any_call_changes_nothing_of_how_it_ends(play: SwapPlay, fault: Fault) -> None:
    for number in range(calls_of(play)):
        stage = play.stage()
        stage.between.faults[number] = fault
        played("of slots with a fault", f"call {number} {fault.value}", play, stage)
        require_ends(play, stage)


@pytest.mark.parametrize("play", [THE_SWAP, ROLLED_BACK], ids=lambda play: play.name)
def test_a_worker_that_dies_twice_changes_nothing_of_how_it_ends(play: SwapPlay) -> None:
    for first in range(calls_of(play)):
        for second in range(first + 1, first + NEAR, 4):
            stage = play.stage()
            stage.between.faults = {first: Fault.KILLED_AFTER, second: Fault.KILLED_BEFORE}
            played("of slots with two deaths", f"calls {first} and {second}", play, stage)
            require_ends(play, stage)


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("play", SWAP_PLAYS, ids=lambda play: play.name)
def test_a_worker_that_was_held_up_at_any_call_breaks_nothing(play: SwapPlay, turns: int) -> None:
    """The other one goes on by so many turns; then the first comes back, and does what it was about to do."""
    for number in range(calls_of(play)):
        stage = play.stage()
        stage.between.acts[number] = lambda stage=stage: stage.another_worker(turns)
        played("of slots with two workers", f"call {number}, {turns} turns", play, stage)


@pytest.mark.parametrize("play", SWAP_PLAYS[:8], ids=lambda play: play.name)
def test_a_stack_update_at_any_call_changes_nothing_of_how_it_ends(play: SwapPlay) -> None:
    for number in range(calls_of(play)):
        stage = play.stage()
        stage.between.acts[number] = stage.stack_update
        played("of slots with a stack update", f"call {number}", play, stage)
        require_ends(play, stage)


@pytest.mark.parametrize("play", SWAP_PLAYS[:4], ids=lambda play: play.name)
def test_an_abort_before_any_call_brings_production_back_until_the_bake_is_over(play: SwapPlay) -> None:
    for number in range(calls_of(play)):
        stage = play.stage()
        phase: list[SwapPhase] = []

        def abort(stage: SwapStage = stage, phase: list[SwapPhase] = phase) -> None:
            phase.append(stage.world.phase)
            stage.abort()

        stage.between.acts[number] = abort
        played("of slots with an abort", f"call {number}", play, stage)
        if phase[0] not in {SwapPhase.IDLE, SwapPhase.PREPARING, SwapPhase.DEMOTING}:
            assert stage.world.release_of("production") == "first", f"{play.name}, call {number} in {phase[0]}"


@pytest.mark.parametrize("play", SWAP_PLAYS, ids=lambda play: play.name)
def test_what_a_worker_registers_late_before_it_dies_is_run_by_a_stack_update_and_breaks_nothing(
    play: SwapPlay,
) -> None:
    undisturbed = play.stage()
    play.act(undisturbed)
    calls = undisturbed.between.calls
    for register in (number for number, call in enumerate(calls) if call == "services.register"):
        for update in range(register + 1, len(calls), 4):
            stage = play.stage()
            stage.between.faults = {register: Fault.KILLED_AFTER}
            stage.between.acts = {register: lambda stage=stage: stage.another_worker(3), update: stage.stack_update}
            played("of slots with a late registration", f"calls {register} and {update}", play, stage)


@st.composite
def interruptions(draw: st.DrawFn) -> tuple[SwapPlay, dict[int, Fault], dict[int, str]]:
    play = draw(st.sampled_from(SWAP_PLAYS))
    numbers = st.integers(0, calls_of(play) + NEAR)
    faults = draw(st.dictionaries(numbers, st.sampled_from(Fault), max_size=6))
    acts = draw(st.dictionaries(numbers, st.just("stack update"), max_size=2))
    # One that is held up after its last look writes late, for AWS has no fence, and takes the write back as it looks
    # again: whoever also dies right there, or is held up twice, leaves something for the next operation to put right.
    held_up = draw(st.one_of(st.none(), numbers))
    if held_up is not None:
        acts[held_up] = "another worker"
        faults = {number: fault for number, fault in faults.items() if not held_up <= number <= held_up + NEAR}
    return play, faults, acts


@settings(max_examples=200, deadline=None)
@given(interruptions())
def test_whatever_befalls_an_operation_it_ends_with_every_slot_on_its_own_settings(
    drawn: tuple[SwapPlay, dict[int, Fault], dict[int, str]],
) -> None:
    play, faults, acts = drawn
    stage = play.stage()
    does: dict[str, Callable[[], object]] = {
        "stack update": stage.stack_update,
        "another worker": lambda: stage.another_worker(3),
    }
    stage.between.faults = dict(faults)
    stage.between.acts = {number: does[act] for number, act in acts.items()}
    played("of slots with whatever comes", f"{faults} {acts}", play, stage)
