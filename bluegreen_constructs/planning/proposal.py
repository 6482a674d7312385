"""What follows from a backtest: the mode to choose, or what to change, and how much data is missing where it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import ceil, exp, inf, lgamma, log, log1p
from typing import TYPE_CHECKING, TypeAlias

from ..engine.comparison import Mode
from .dispersion import (
    BLOCKS,
    PERSISTENCE_SPAN,
    PERSISTENT,
    TO_RULE_PERSISTENCE_OUT,
    Dispersion,
    Estimate,
    is_different,
)
from .replay import Replay

if TYPE_CHECKING:
    from .backtest import Backtest

LIMIT = 1.25
"""Up to which dispersion mode "independent" is proposed, by the upper end of its interval: from here on that mode rolls
back more unchanged releases than it promises (docs/statistics.md, first table)."""
FEWEST_ON_A_SIDE = 100
"""How many bad events the smaller side must have been due: bursts of ten then reach it ten times, and can be seen."""
_SURPRISE = 0.02
"""Below this chance, so many false alarms in the replay are no accident of a judge that keeps its promise."""
_FORESEEABLE = 20.0
"""By how many times more data a forecast of what is missing is still worth giving."""
_SCATTER_OF_AN_END = 1.63
"""The end of an interval that settles a question nine times in ten: 1 + 1.28 / 2.045, because its middle scatters."""
_SCATTER_OF_A_WIDTH = 1.15
"""By so much more data than its width asks for, an interval is narrow enough nine times in ten: widths scatter, too."""
_OpenPoint: TypeAlias = tuple[str, float | None]
"""What is not known, and about how many more intervals would tell (`None`: nobody can foresee)."""


class Finding(Enum):
    """What the past showed; the proposal follows from it."""

    INDEPENDENT = "independent"
    BURSTY = "bursty"
    TOO_LITTLE_DATA = "too-little-data"
    SIDES_DIFFER = "sides-differ"
    """One side fails more than the other on average: this was no A/A."""
    SIDES_FLAP = "sides-flap"
    """A side fails more as a whole for a while: neither mode can be trusted then."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The mode to choose, and why.

    mode: `None` when no mode keeps its promise on such data; the reason names what to change then.
    reason: one sentence, without a final period.
    missing_intervals: about how many more intervals like these would settle what is open; `None` where nothing is open
        or nothing can be foreseen.
    """

    finding: Finding
    mode: Mode | None
    reason: str
    missing_intervals: int | None = None


def propose(found: "Backtest") -> Proposal:
    """What breaks both modes comes first, then what breaks one; what is not known counts as broken."""
    phi = found.dispersion.phi
    if phi is None or phi.low is None or phi.high is None or found.dispersion.smaller < FEWEST_ON_A_SIDE:
        return _too_little(found)
    what_breaks_both = _what_breaks_both(found)
    if what_breaks_both is not None:
        return what_breaks_both
    if phi.low > LIMIT:
        return Proposal(
            Finding.BURSTY,
            "bursty",
            f"bad events come in bursts: they scatter {phi.value:.3g} times as much between the sides as "
            'independent ones, so that mode "independent" would roll back releases with nothing wrong',
        )
    if phi.high > LIMIT:
        return _too_little(found)
    if _is_broken(found.independent, found.terms.false_alarm):
        return Proposal(
            Finding.BURSTY,
            "bursty",
            f"bad events scatter nearly as independent ones do ({phi.value:.2f} times as much), and yet mode "
            f'"independent" would have rolled back {_of_plays(found.independent)}',
        )
    if not found.independent.plays or found.persistence is None or not found.persistence.is_ruled_out:
        return _too_little(found)
    return Proposal(
        Finding.INDEPENDENT,
        "independent",
        f"bad events scatter between the sides as independent ones do ({phi.value:.2f} times as much, at most "
        f"{phi.high:.2f}), so that the faster mode keeps its promise",
    )


def _what_breaks_both(found: "Backtest") -> Proposal | None:
    if found.persistence is not None and found.persistence.holds_on:
        return _flapping(
            f"a side fails more as a whole for several intervals on end ({PERSISTENCE_SPAN} together scatter "
            f"{found.persistence.together.value:.2g} times as much as apart)"
        )
    if found.ratio is None or is_different(found.ratio):
        return Proposal(Finding.SIDES_DIFFER, None, _difference(found.ratio))
    if _is_broken(found.bursty, found.terms.false_alarm):
        return _flapping(f'even mode "bursty" would have rolled back {_of_plays(found.bursty)}')
    return None


def _flapping(how: str) -> Proposal:
    return Proposal(
        Finding.SIDES_FLAP,
        None,
        f"{how}, so that neither mode can be trusted: give each side more targets, and compare the candidate with a "
        "baseline of its own size, started beside it",
    )


def _of_plays(replay: Replay) -> str:
    return f"{replay.rolled_back} of {replay.plays} releases with nothing wrong"


def _is_broken(replay: Replay, false_alarm: float) -> bool:
    """Whether a judge that keeps its promise would hardly ever raise so many false alarms.

    The two plays of a window count as two: they never roll back by the same accident, so that counting them apart errs
    towards trust by little.
    """
    n, least = replay.plays, replay.rolled_back
    fewer = sum(
        exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(false_alarm) + (n - k) * log1p(-false_alarm))
        for k in range(least)
    )
    return 1 - fewer < _SURPRISE


def _difference(ratio: Estimate | None) -> str:
    if ratio is None:
        how = "one side has every bad event and the other none"
    elif ratio.value > 1:
        how = f"the candidate side fails {ratio.value:.2f} times as often as live"
    else:
        how = f"live fails {1 / ratio.value:.2f} times as often as the candidate side"
    return (
        f"{how}, so that this is no A/A and says nothing about the mode: find out in what the sides differ, or take a "
        "time in which they did not"
    )


def _too_little(found: "Backtest") -> Proposal:
    """The safe mode, and how much is missing: as much as the worst of the open points asks for."""
    if found.dispersion.phi is None:
        return Proposal(
            Finding.TOO_LITTLE_DATA,
            "bursty",
            f"too little data to tell: no interval has two bad events beside good ones, and {BLOCKS} such intervals "
            "are needed; take a longer time or longer intervals, or count what happens more often, such as requests "
            "over the SLO",
        )
    points = [*_open_about_scatter(found.intervals, found.dispersion, found.dispersion.phi), *_open_about_time(found)]
    foreseen = [more for _, more in points if more is not None]
    missing = ceil(max(foreseen)) if len(foreseen) == len(points) else None
    more = "a longer time" if missing is None else f"about {_rounded_up(missing)} more intervals like these"
    return Proposal(
        Finding.TOO_LITTLE_DATA,
        "bursty",
        f"too little data to tell: {'; '.join(point for point, _ in points)}; take {more}, and until then the mode "
        "that is safe either way",
        missing,
    )


def _open_about_scatter(intervals: int, scatter: Dispersion, phi: Estimate) -> Iterator[_OpenPoint]:
    few, rare = scatter.intervals < BLOCKS, scatter.smaller < FEWEST_ON_A_SIDE
    if few:
        yield (
            f"{BLOCKS} intervals with two bad events or more are needed and {scatter.intervals} are there",
            intervals * (BLOCKS / scatter.intervals - 1),
        )
    if rare:
        yield (
            f"the smaller side's part of the bad events must be {FEWEST_ON_A_SIDE} and is {int(scatter.smaller)}",
            intervals * (FEWEST_ON_A_SIDE / scatter.smaller - 1),
        )
    if few or rare:
        return
    if phi.low is None or phi.high is None:
        yield "one stretch of this time has nearly all of the bad events", None
    elif phi.high > LIMIT:
        times = _times_to_settle(phi.value, phi.low, phi.high)
        yield (
            f"the dispersion lies between {phi.low:.2f} and {phi.high:.2f}, and {LIMIT} parts the modes",
            None if times is None else intervals * (times - 1),
        )


def _open_about_time(found: "Backtest") -> Iterator[_OpenPoint]:
    """What takes a long time, however many bad events there are: a replay, and whether anything holds on."""
    if not found.independent.plays:
        # Whole rollouts that came before were without data.
        missing = found.looks - found.intervals % found.looks
        yield f"a rollout of {found.looks} looks is longer than the data, so that none was replayed", missing
    if found.persistence is None:
        missing = TO_RULE_PERSISTENCE_OUT - found.intervals
        unknown = (
            f"whether a side fails more for several intervals on end shows in {BLOCKS} or more pairs of intervals with "
            f"bad events at every distance up to {PERSISTENCE_SPAN - 1}"
        )
        yield unknown, missing if missing > 0 else None
    elif not found.persistence.is_ruled_out:
        together, times = found.persistence.together, found.persistence.times_to_rule_out
        unknown = (
            f"{PERSISTENCE_SPAN} intervals together scatter {together.low:.2f} to {together.high:.2f} times as much as "
            f"apart, and above {PERSISTENT} a side may fail more for several on end"
        )
        yield unknown, found.intervals * (_SCATTER_OF_A_WIDTH * times - 1) if times > 1 else None


def _times_to_settle(value: float, low: float, high: float) -> float | None:
    """How many times the data brings the interval to one side of the limit; `None` when that is too far to foresee.

    It narrows with the square root of the data, around 1 if that is possible, because most data is independent.
    """
    for around in (1.0, value) if low <= 1 else (value,):
        room = abs(log(LIMIT / around))
        times = (_SCATTER_OF_AN_END * log(high / value) / room) ** 2 if room else inf
        if 1 < times <= _FORESEEABLE:
            return times
    return None


def _rounded_up(count: int) -> int:
    """To two digits: nobody can foresee more."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit
