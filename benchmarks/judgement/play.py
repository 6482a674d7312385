"""Play the cells: the same traffic before every judge, in chunks that any number of processes may share."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from multiprocessing import get_context
from random import Random
from signal import SIG_IGN, SIGINT, signal
from typing import TypeAlias

from bluegreen_constructs.simulation.traffic import Traffic

from .cells import CELLS
from .judge import Ending, Judge, Look, judge_run
from .questions import judges_of

SEED = 20_261
RUNS_PER_CHUNK = 250

Endings: TypeAlias = dict[str, list[Ending]]
"""By the name of the judge, one for each run."""

_Task: TypeAlias = tuple[str, int, int]


def play(
    cells: Sequence[str], runs: int, processes: int, done: Callable[[str], None] | None = None
) -> dict[str, Endings]:
    """The endings of `runs` runs of each of `cells`, whatever the number of `processes`; `done` hears of each cell."""
    tasks = [
        (cell, chunk, min(RUNS_PER_CHUNK, runs - first))
        for cell in cells
        for chunk, first in enumerate(range(0, runs, RUNS_PER_CHUNK))
    ]
    played: dict[str, Endings] = {cell: {judge.name: [] for judge in judges_of(cell)} for cell in cells}
    left = dict.fromkeys(cells, runs)
    for (cell, _, size), endings in zip(tasks, _chunks(tasks, processes), strict=True):
        for judge, more in endings.items():
            played[cell][judge].extend(more)
        left[cell] -= size
        if not left[cell] and done is not None:
            done(cell)
    return played


def _chunks(tasks: Sequence[_Task], processes: int) -> Iterator[Endings]:
    if processes == 1:
        yield from map(_play_chunk, tasks)
        return
    # Started afresh, because a fork of a process with threads (numpy has some) may hang. An interruption is the
    # parent's affair: it stops the children.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(processes, fresh, initializer=signal, initargs=(SIGINT, SIG_IGN)) as pool:
        try:
            yield from pool.map(_play_chunk, tasks)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _play_chunk(task: _Task) -> Endings:
    cell, chunk, runs = task
    return play_chunk(CELLS[cell], judges_of(cell), runs, Random(f"{SEED} {cell} {chunk}"))


def play_chunk(traffic: Traffic, judges: Sequence[Judge], runs: int, random: Random) -> Endings:
    """Some runs, each before all `judges`."""
    endings: Endings = {judge.name: [] for judge in judges}
    for _ in range(runs):
        looks = list(traffic.looks(random))
        excess = list(accumulate(_excess(traffic, number, look) for number, look in enumerate(looks)))
        bad = list(accumulate(live.bad + candidate.bad for live, candidate in looks))
        for judge in judges:
            endings[judge.name].append(judge_run(judge, looks, excess, bad, traffic.ratio_from))
    return endings


def _excess(traffic: Traffic, number: int, look: Look) -> float:
    """The candidate's bad events of one look above what live's rate, as it truly is, gives on the same requests.

    Where the rate swings or an incident falls in, the true rate is another; no table asks for the excess there.
    """
    candidate = look[1]
    return candidate.bad - candidate.requests * traffic.bad_rate if number >= traffic.ratio_from else 0.0
