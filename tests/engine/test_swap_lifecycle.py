"""The table of what is done to slots: every phase with every signal is decided or refused, and every way ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bluegreen_constructs.engine.errors import RolloutError
from bluegreen_constructs.engine.swap.lifecycle import (
    SWAP_TRANSITIONS,
    SwapPhase,
    SwapSignal,
    swap_after,
    swap_diagram,
)
from bluegreen_constructs.engine.swap.moves import went_back
from bluegreen_constructs.engine.swap.turn import step_at
from bluegreen_constructs.testing_slots import InMemorySlotsWorld

GOES_ON = {SwapPhase.COMMITTING, SwapPhase.BAKING, SwapPhase.DEMOTING}
GOES_BACK = {SwapPhase.REVERTING, SwapPhase.ROLLING_BACK, SwapPhase.DEMOTING_CANDIDATE}


def leads(phase: SwapPhase) -> dict[SwapSignal, SwapPhase]:
    return {signal: end for (start, signal), end in SWAP_TRANSITIONS.items() if start is phase}


def reachable(start: SwapPhase, *, without: frozenset[SwapSignal] = frozenset()) -> set[SwapPhase]:
    """Where an operation can come to from there, before it is over."""
    found, fresh = {start}, {start}
    while fresh:
        fresh = {
            end
            for (phase, signal), end in SWAP_TRANSITIONS.items()
            if phase in fresh - {SwapPhase.IDLE} and signal not in without
        } - found
        found |= fresh
    return found


@pytest.mark.parametrize("phase", SwapPhase, ids=lambda one: one.name)
def test_every_signal_in_every_phase_is_decided_or_refused_in_a_sentence(phase: SwapPhase) -> None:
    for signal in SwapSignal:
        if (phase, signal) in SWAP_TRANSITIONS:
            assert swap_after(phase, signal) is SWAP_TRANSITIONS[phase, signal]
        else:
            words = f"an operation that is {phase.value} cannot take {signal.name}: there is no such transition"
            with pytest.raises(RolloutError, match=words):
                swap_after(phase, signal)


@pytest.mark.parametrize("phase", [one for one in SwapPhase if one is not SwapPhase.IDLE], ids=lambda one: one.name)
def test_every_phase_but_idle_has_a_way_out_and_in_the_end_a_way_to_idle(phase: SwapPhase) -> None:
    assert leads(phase)
    assert SwapPhase.IDLE in reachable(phase)


@pytest.mark.parametrize("phase", [one for one in SwapPhase if one is not SwapPhase.IDLE], ids=lambda one: one.name)
def test_an_end_is_in_reach_without_people_unless_it_halted(phase: SwapPhase) -> None:
    by_people = frozenset({SwapSignal.RESOLVED_BACK, SwapSignal.RESOLVED_FORWARD})
    assert (SwapPhase.IDLE in reachable(phase, without=by_people)) is (phase is not SwapPhase.HALTED)


def test_nothing_leaves_idle_but_the_beginning_of_an_operation() -> None:
    assert leads(SwapPhase.IDLE) == {SwapSignal.BEGUN: SwapPhase.PREPARING}


def test_every_phase_is_met_after_the_beginning() -> None:
    assert reachable(SwapPhase.PREPARING) == set(SwapPhase)


def test_no_signal_is_without_a_meaning() -> None:
    assert {signal for _, signal in SWAP_TRANSITIONS} == set(SwapSignal)


@pytest.mark.parametrize("phase", sorted(GOES_ON, key=lambda one: one.name), ids=lambda one: one.name)
def test_what_was_flipped_or_may_have_been_never_leads_to_reverting(phase: SwapPhase) -> None:
    # REVERTING takes it for granted that production was not flipped.
    assert SwapPhase.REVERTING not in reachable(phase)


@pytest.mark.parametrize("phase", sorted(GOES_ON, key=lambda one: one.name), ids=lambda one: one.name)
def test_without_an_abort_or_a_conflict_what_was_flipped_goes_forward_only(phase: SwapPhase) -> None:
    objections = frozenset({SwapSignal.GO_BACK, SwapSignal.CONFLICT})
    assert reachable(phase, without=objections) <= GOES_ON | {SwapPhase.IDLE}


@pytest.mark.parametrize("phase", sorted(GOES_BACK, key=lambda one: one.name), ids=lambda one: one.name)
def test_what_goes_back_never_turns_round_by_itself(phase: SwapPhase) -> None:
    there = reachable(phase, without=frozenset({SwapSignal.CONFLICT}))
    assert there <= GOES_BACK | {SwapPhase.IDLE}


def test_all_that_had_traffic_rolls_back_and_the_rest_reverts() -> None:
    back = {phase: end for (phase, signal), end in SWAP_TRANSITIONS.items() if signal is SwapSignal.GO_BACK}
    had_traffic = {SwapPhase.CANARY, SwapPhase.COMMITTING, SwapPhase.BAKING, SwapPhase.DEMOTING, SwapPhase.ROUTING}
    had_none = {SwapPhase.PREPARING, SwapPhase.APPLYING, SwapPhase.WARMING, SwapPhase.READY}
    assert back == {
        **dict.fromkeys(had_traffic, SwapPhase.ROLLING_BACK),
        **dict.fromkeys(had_none, SwapPhase.REVERTING),
    }


def test_only_a_restored_rule_ends_the_way_back_of_what_had_traffic() -> None:
    assert leads(SwapPhase.ROLLING_BACK) == {SwapSignal.RESTORED: SwapPhase.DEMOTING_CANDIDATE}


def test_only_the_flip_leads_to_the_bake_and_only_committing_can_flip() -> None:
    into = [pair for pair, end in SWAP_TRANSITIONS.items() if end is SwapPhase.BAKING]
    assert into == [(SwapPhase.COMMITTING, SwapSignal.FLIPPED)]


def test_a_conflict_halts_wherever_it_is_found_and_the_way_back_needs_no_halt() -> None:
    halting = {phase for (phase, signal), end in SWAP_TRANSITIONS.items() if signal is SwapSignal.CONFLICT}
    assert {SWAP_TRANSITIONS[phase, SwapSignal.CONFLICT] for phase in halting} == {SwapPhase.HALTED}
    # ROLLING_BACK writes over whatever it finds.
    assert set(SwapPhase) - halting == {SwapPhase.IDLE, SwapPhase.HALTED, SwapPhase.ROLLING_BACK}


def test_what_halted_leaves_by_people_only() -> None:
    assert set(leads(SwapPhase.HALTED)) == {SwapSignal.RESOLVED_FORWARD, SwapSignal.RESOLVED_BACK}


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SWAP_TRANSITIONS[SwapPhase.IDLE, SwapSignal.FLIPPED] = SwapPhase.BAKING  # type: ignore[index]


def test_a_command_is_given_at_a_step_that_no_other_phase_has() -> None:
    assert len({step_at(phase) for phase in SwapPhase}) == len(SwapPhase)


# The diagram


def test_the_diagram_shows_the_beginning_every_phase_and_every_transition() -> None:
    diagram = swap_diagram()
    lines = [line.strip() for line in diagram.splitlines()]
    assert lines[:2] == ["stateDiagram-v2", "[*] --> IDLE"]
    for phase in SwapPhase:
        assert phase.value in diagram
    for (start, signal), end in SWAP_TRANSITIONS.items():
        if signal is not SwapSignal.CONFLICT:
            assert f"{start.value} --> {end.value}: {signal.value.replace(':', '')}" in lines


def test_the_diagram_says_in_one_note_from_where_a_conflict_halts() -> None:
    note = swap_diagram().splitlines()[-1].strip()
    halting = [phase.value for (phase, signal) in SWAP_TRANSITIONS if signal is SwapSignal.CONFLICT]
    assert note == f"note right of HALTED: from {', '.join(halting)}"


def test_no_label_of_the_diagram_has_a_colon_which_would_end_it() -> None:
    for line in swap_diagram().splitlines()[2:]:
        assert line.count(":") == 1


# The table in the hands of a record


def baking() -> InMemorySlotsWorld:
    world = InMemorySlotsWorld()
    world.begin("swap")
    world.run(until=SwapPhase.BAKING)
    return world


def test_the_way_back_grows_the_fence_so_that_a_late_worker_cannot_flip_it() -> None:
    world = baking()
    back = went_back(world.record, world.clock.now, "an alarm rings", is_bad=True, caller="alarm")
    assert back.fence == world.record.fence + 1
    assert (back.operation.phase, back.operation.why_back, back.operation.is_bad) == (
        SwapPhase.ROLLING_BACK,
        "an alarm rings",
        True,
    )
    assert (back.outbox[-1].reason, back.outbox[-1].caller) == ("an alarm rings", "alarm")


def test_what_goes_back_already_goes_on_so_and_remembers_that_the_release_is_to_blame() -> None:
    world = baking()
    back = went_back(world.record, world.clock.now, "first")
    later = world.clock.now + timedelta(minutes=1)
    again = went_back(back, later, "second", is_bad=True)
    assert again == replace(back, op=replace(back.operation, is_bad=True))
    assert went_back(again, later, "third").operation.is_bad


def test_a_former_live_side_that_has_other_settings_by_now_is_no_way_back_and_people_are_asked() -> None:
    world = baking()
    op = replace(world.record.operation, phase=SwapPhase.DEMOTING, demoted="arn:other")
    late = went_back(replace(world.record, op=op), world.clock.now, "an alarm rings")
    assert late.operation.phase is SwapPhase.HALTED
    assert late.operation.halted_in == "DEMOTING"
    assert late.operation.halted.startswith("an alarm rings: too late")
