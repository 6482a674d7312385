"""How many tasks a rolling deployment starts and stops, for every count there can be."""

from hypothesis import given
from hypothesis import strategies as st

from bluegreen_constructs.rehearsal.ecs.rolling_replacement import Bounds, Moves, Running, bounds_of, next_moves


def test_ecs_defaults_start_all_new_tasks_beside_the_former_ones_and_stop_none_before_one_is_healthy() -> None:
    assert next_moves(3, Bounds(), Running(), Running(3, 3)) == Moves(start=3, stop=0)
    assert next_moves(3, Bounds(), Running(3, 0), Running(3, 3)) == Moves(start=0, stop=0)
    assert next_moves(3, Bounds(), Running(3, 2), Running(3, 3)) == Moves(start=0, stop=2)


def test_the_minimum_is_rounded_up_and_the_maximum_down() -> None:
    assert (Bounds(50, 150).at_least(3), Bounds(50, 150).at_most(3)) == (2, 4)


def test_bounds_that_leave_no_room_move_nothing_as_in_ecs() -> None:
    assert next_moves(1, Bounds(100, 150), Running(), Running(1, 1)) == Moves(0, 0)


def test_absent_bounds_are_the_defaults_and_a_zero_is_kept() -> None:
    assert bounds_of({}) == Bounds(100, 200)
    assert bounds_of({"minimumHealthyPercent": 0, "maximumPercent": 100}) == Bounds(0, 100)


counts = st.integers(0, 12).flatmap(lambda running: st.builds(Running, st.just(running), st.integers(0, running)))


@given(st.integers(0, 10), st.builds(Bounds, st.integers(0, 100), st.integers(100, 200)), counts, counts)
def test_no_move_goes_below_the_healthy_minimum_or_above_the_maximum(
    desired: int, bounds: Bounds, deployed: Running, former: Running
) -> None:
    moves = next_moves(desired, bounds, deployed, former)
    assert 0 <= moves.stop <= former.running
    assert moves.start >= 0
    if moves.start:
        assert deployed.running + former.running + moves.start <= bounds.at_most(desired)
    healthy_stopped = max(0, moves.stop - (former.running - former.healthy))
    if healthy_stopped:
        assert deployed.healthy + former.healthy - healthy_stopped >= bounds.at_least(desired)
