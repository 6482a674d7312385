"""The transition table: every phase with every signal is decided or refused, and every way leads to an end."""

from itertools import product

import pytest

from bluegreen_constructs.engine.errors import RolloutError
from bluegreen_constructs.engine.lifecycle import ENDED, TRANSITIONS, Phase, Signal, after, diagram

PAIRS = list(product(Phase, Signal))


def reachable(start: Phase) -> set[Phase]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {end for (phase, _), end in TRANSITIONS.items() if phase in fresh} - found
        found |= fresh
    return found


@pytest.mark.parametrize(("phase", "signal"), PAIRS, ids=lambda one: one.name)
def test_every_signal_in_every_phase_is_decided_or_refused(phase: Phase, signal: Signal) -> None:
    if (phase, signal) in TRANSITIONS:
        assert after(phase, signal) is TRANSITIONS[phase, signal]
    else:
        with pytest.raises(RolloutError, match=f"{phase.value} cannot take {signal.name}"):
            after(phase, signal)


def test_every_phase_before_the_end_can_go_back() -> None:
    before = [phase for phase in Phase if phase not in ENDED | {Phase.ROLLING_BACK}]
    assert {after(phase, Signal.GO_BACK) for phase in before} == {Phase.ROLLING_BACK}


def test_every_phase_is_met_on_the_way_from_the_first_one() -> None:
    assert reachable(Phase.PREPARING) == set(Phase)


@pytest.mark.parametrize("phase", Phase, ids=lambda one: one.name)
def test_an_end_is_in_reach_from_every_phase(phase: Phase) -> None:
    assert reachable(phase) & ENDED


def test_what_is_rolled_back_stays_so_and_what_is_promoted_ends_by_a_late_abort_only() -> None:
    assert [signal for (phase, signal) in TRANSITIONS if phase is Phase.ROLLED_BACK] == []
    assert [signal for (phase, signal) in TRANSITIONS if phase is Phase.PROMOTED] == [Signal.REVOKED]


def test_only_a_bake_promotes_and_only_a_restored_rule_ends_the_way_back() -> None:
    into = {end: [pair for pair, leads in TRANSITIONS.items() if leads is end] for end in ENDED}
    assert into[Phase.PROMOTED] == [(Phase.BAKING, Signal.BAKED)]
    assert into[Phase.ROLLED_BACK] == [(Phase.ROLLING_BACK, Signal.RESTORED)]


def test_no_signal_is_without_a_meaning() -> None:
    assert {signal for _, signal in TRANSITIONS} == set(Signal)


def test_the_diagram_shows_the_beginning_every_transition_and_every_end() -> None:
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    arrows = [line.strip() for line in lines[1:]]
    assert arrows.count("[*] --> PREPARING") == 1
    assert {line for line in arrows if line.endswith("--> [*]")} == {f"{phase.value} --> [*]" for phase in ENDED}
    for (start, signal), end in TRANSITIONS.items():
        assert f"{start.value} --> {end.value}: {signal.value}" in arrows
    assert len(arrows) == 1 + len(TRANSITIONS) + len(ENDED)
