"""A backtest: what the comparison would have said in a past time in which both sides served the same release (A/A).

Nothing was wrong then, so that everything it holds against a side is the data's own doing. The answer is the mode to
choose before the next rollout, never during one. Two target groups with the same release make the best past; two halves
of a fleet or two Availability Zones will do. Take the weights that a rollout takes, as far as you can: a side that
flaps as a whole looks like bursts at equal weights, and does harm at small ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil, exp, inf, lgamma, log, log1p
from typing import TypeAlias

from ..engine.comparison import Mode, Terms
from ..engine.errors import ConfigurationError
from ..engine.model import Arm, Verdict
from .dispersion import (
    BLOCKS,
    PERSISTENCE_SPAN,
    PERSISTENT,
    TO_RULE_PERSISTENCE_OUT,
    Dispersion,
    Estimate,
    Interval,
    Persistence,
    Split,
    dispersion,
    failure_ratio,
    is_different,
    persistence,
)

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
_AS_USUAL = Terms()
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
class Replay:
    """What one mode would have said in the past, played again as rollouts of the same length.

    plays: each window twice, once with the sides exchanged; windows without data are not played.
    rolled_back: judged UNHEALTHY at any look: false alarms, because nothing was wrong.
    promoted: HEALTHY at the end. unsure: neither.
    median_looks: after how many looks half of the promoted were HEALTHY; `None` when none was.
    """

    mode: Mode
    plays: int
    rolled_back: int
    promoted: int
    unsure: int
    median_looks: int | None

    @property
    def false_alarm_rate(self) -> float | None:
        """The part of the plays that was rolled back; `None` when nothing was played."""
        return self.rolled_back / self.plays if self.plays else None


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


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the past says about the judge.

    intervals: given; compared: in which both sides had requests. live, candidate: the sums of these.
    ratio: how many times as often as live the candidate side failed; `None` when a side had no bad event.
    persistence: `None` with too few neighbouring intervals.
    looks: how long the replayed rollouts are. terms: what they are judged by, but for the mode.
    """

    intervals: int
    compared: int
    live: Arm
    candidate: Arm
    dispersion: Dispersion
    ratio: Estimate | None
    persistence: Persistence | None
    looks: int
    terms: Terms
    independent: Replay
    bursty: Replay

    @property
    def proposal(self) -> Proposal:
        """What breaks both modes comes first, then what breaks one; what is not known counts as broken."""
        phi = self.dispersion.phi
        if phi is None or phi.low is None or phi.high is None or self.dispersion.smaller < FEWEST_ON_A_SIDE:
            return _too_little(self)
        what_breaks_both = self._what_breaks_both()
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
            return _too_little(self)
        if _is_broken(self.independent, self.terms.false_alarm):
            return Proposal(
                Finding.BURSTY,
                "bursty",
                f"bad events scatter nearly as independent ones do ({phi.value:.2f} times as much), and yet mode "
                f'"independent" would have rolled back {_of_plays(self.independent)}',
            )
        if not self.independent.plays or self.persistence is None or not self.persistence.is_ruled_out:
            return _too_little(self)
        return Proposal(
            Finding.INDEPENDENT,
            "independent",
            f"bad events scatter between the sides as independent ones do ({phi.value:.2f} times as much, at most "
            f"{phi.high:.2f}), so that the faster mode keeps its promise",
        )

    def _what_breaks_both(self) -> Proposal | None:
        if self.persistence is not None and self.persistence.holds_on:
            return _flapping(
                f"a side fails more as a whole for several intervals on end ({PERSISTENCE_SPAN} together scatter "
                f"{self.persistence.together.value:.2g} times as much as apart)"
            )
        if self.ratio is None or is_different(self.ratio):
            return Proposal(Finding.SIDES_DIFFER, None, _difference(self.ratio))
        if _is_broken(self.bursty, self.terms.false_alarm):
            return _flapping(f'even mode "bursty" would have rolled back {_of_plays(self.bursty)}')
        return None


def backtest(intervals: Iterable[Interval], terms: Terms = _AS_USUAL, looks: int = 60) -> Backtest:
    """Judge the past `intervals`, in order of time; an interval without data keeps its place, with `None` for the side.

    terms: of the comparison to come; its mode is what is asked, and does not enter (default: those of `Terms`).
    looks: intervals in a rollout, for the replay (default 60).

    Raises ConfigurationError for `looks` that is not a whole number of at least 1. Takes about 70 microseconds an
    interval.
    """
    if isinstance(looks, bool) or not isinstance(looks, int) or looks < 1:
        raise ConfigurationError(f"looks is {looks!r}: give how many intervals a rollout takes, 1 or more")
    past = list(intervals)
    splits = [Split.of(live, candidate) for live, candidate in past]
    live = candidate = Arm(0, 0)
    for (one, other), split in zip(past, splits, strict=True):
        if split is not None and one is not None and other is not None:
            live, candidate = live + one, candidate + other
    return Backtest(
        intervals=len(past),
        compared=sum(split is not None for split in splits),
        live=live,
        candidate=candidate,
        dispersion=dispersion(splits),
        ratio=failure_ratio(splits),
        persistence=persistence(splits),
        looks=looks,
        terms=terms,
        independent=_replay(past, replace(terms, mode="independent"), looks),
        # Requests without bad events prove little where these come in bursts: the terms refuse the two together.
        bursty=_replay(past, replace(terms, mode="bursty", negligible=None), looks),
    )


def _replay(past: Sequence[Interval], terms: Terms, looks: int) -> Replay:
    """One mode over consecutive windows; what is left at the end is too short for a rollout and is left out."""
    rolled_back = unsure = 0
    promoted_at: list[int] = []
    for start in range(0, len(past) - looks + 1, looks):
        window = past[start : start + looks]
        if not any(Split.of(live, candidate) for live, candidate in window):
            continue
        for played in (window, [(candidate, live) for live, candidate in window]):
            verdict, look = _judged(played, terms)
            if verdict is Verdict.UNHEALTHY:
                rolled_back += 1
            elif verdict is Verdict.HEALTHY:
                promoted_at.append(look)
            else:
                unsure += 1
    promoted = len(promoted_at)
    median = sorted(promoted_at)[(promoted - 1) // 2] if promoted else None
    return Replay(terms.mode, rolled_back + promoted + unsure, rolled_back, promoted, unsure, median)


def _judged(window: Sequence[Interval], terms: Terms) -> tuple[Verdict, int]:
    """The verdict at the end of the window, and the look at which it was first HEALTHY (0: never).

    Judged to the end also after HEALTHY: the promise of `false_alarm` covers however long one looks.
    """
    evidence = terms.start()
    healthy_at = 0
    for look, (live, candidate) in enumerate(window, start=1):
        evidence = evidence.observe(live, candidate)
        if evidence.verdict is Verdict.UNHEALTHY:
            break
        if not healthy_at and evidence.verdict is Verdict.HEALTHY:
            healthy_at = look
    return evidence.verdict, healthy_at


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


def _too_little(found: Backtest) -> Proposal:
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


def _open_about_time(found: Backtest) -> Iterator[_OpenPoint]:
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
