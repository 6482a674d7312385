"""When will a candidate's own good requests have shown that it fails less often than is negligible? Exactly.

The evidence of this process depends on two totals only, requests and bad events, and grows with good ones; so that at
each number of requests there is a number of bad events up to which it is enough. How many bad events there are by then
is a Poisson number, carried from look to look without those rollouts that have arrived.
"""

from collections.abc import Sequence

from ..engine.eprocess import EProcess
from .crossing import Counts, Crossing, checkpoints
from .poisson import poisson_numbers


def calm_crossing(process: EProcess, needed: float, steps: Sequence[tuple[int, Counts]]) -> Crossing:
    """When the log of the capital of a process without a reserve reaches `needed`; steps as for `crossing`."""
    waiting, gone = {0: 1.0}, 0.0
    looks: list[int] = []
    chances: list[float] = []
    passed, good, enough = 0, 0.0, -1
    for length, counts in steps:
        done = 0
        for at in checkpoints(length, passed):
            good += (at - done) * counts.misses
            waiting = _later(waiting, (at - done) * counts.hits)
            while process.observe(enough + 1, round(good), counts.odds).log_evidence >= needed:
                enough += 1
            gone += sum(waiting.pop(bad) for bad in list(waiting) if bad <= enough)
            looks.append(passed + at)
            chances.append(min(1.0, gone))
            done = at
        passed += length
    return Crossing(tuple(looks), tuple(chances))


def _later(waiting: dict[int, float], mean: float) -> dict[int, float]:
    """The numbers of bad events after so many more are expected; what is hardly likely is left out."""
    after: dict[int, float] = {}
    more = list(poisson_numbers(mean))  # of so many that there are none, nobody arrives
    for bad, chance in waiting.items():
        if chance > 1e-9:
            for count, likely in more:
                after[bad + count] = after.get(bad + count, 0.0) + chance * likely
    return after
