"""Poisson numbers and their probabilities."""

from collections.abc import Iterator
from math import exp, sqrt

_REST = 1e-9
_MOST = 500.0  # exp(-500) is still a number, and nothing here hangs on more events


def poisson_numbers(mean: float) -> Iterator[tuple[int, float]]:
    """All numbers that matter of a small mean; none of one above 500."""
    if mean > _MOST:
        return
    chance, count, seen = exp(-mean), 0, 0.0
    while seen < 1 - _REST and count < 4 * _MOST:
        yield count, chance
        seen += chance
        count += 1
        chance *= mean / count


def poisson_points(mean: float) -> Iterator[tuple[float, float]]:
    """The numbers of a small mean; nine points that stand for a large one."""
    if mean <= 20:
        yield from poisson_numbers(mean)
        return
    weights = {z: exp(-z * z / 2) for z in range(-4, 5)}
    for z, weight in weights.items():
        yield mean + z * sqrt(mean), weight / sum(weights.values())
