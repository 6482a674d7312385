"""Past times of two sides that served the same release, and what may be wrong with them."""

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from bluegreen_constructs.engine.model import Arm
from bluegreen_constructs.planning.dispersion import (
    Interval,
    Split,
)
from bluegreen_constructs.simulation.traffic import Traffic, poisson

DAY = 1440


def past(
    seed: int, minutes: int = DAY, *, rps: float = 100, bad: float = 0.002, weight: float = 50, **wrong: float
) -> list[Interval]:
    """An A/A of so many minutes, or, with `burst` or `ratio`, what is wrong with it."""
    traffic = Traffic(rps, bad, (weight,) * minutes, **wrong)
    return list(traffic.looks(Random(seed)))


def flapping(
    seed: int, *, minutes: int = DAY, length: int = 5, factor: float = 10, weight: float = 0.5
) -> list[Interval]:
    """Once an hour one side, by turns, fails `factor` times as often for `length` minutes on end."""
    random, intervals = Random(seed), []
    for minute in range(minutes):
        hour, into = divmod(minute, 60)
        arms = []
        for side, share in ((0, 1 - weight), (1, weight)):
            rate = 0.002 * (factor if hour % 2 == side and 20 <= into < 20 + length else 1)
            bad = poisson(random, 6000 * share * rate)
            arms.append(Arm(poisson(random, 6000 * share * (1 - rate)) + bad, bad))
        intervals.append((arms[0], arms[1]))
    return intervals


def exchanged(intervals: Sequence[Interval]) -> list[Interval]:
    return [(candidate, live) for live, candidate in intervals]


def splits(intervals: Sequence[Interval]) -> list[Split | None]:
    return [Split.of(*interval) for interval in intervals]


@st.composite
def arms(draw: st.DrawFn) -> Arm:
    requests = draw(st.integers(0, 3000))
    return Arm(requests, draw(st.integers(0, min(requests, draw(st.sampled_from([3, 30, 3000]))))))


INTERVALS = st.lists(st.tuples(st.none() | arms(), st.none() | arms()), max_size=60)


# What is measured
