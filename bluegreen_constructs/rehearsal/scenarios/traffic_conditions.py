"""Conditions on requests and weights that every scenario with load shares. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..load import LoadRecord, LoadResult
from ..outcome import Condition

# A generator may end a little before it is told to, and a Poisson schedule bunches.
_WHOLE = 0.85
_SILENT_SECONDS = 1.0
# The load balancer's nodes take a change within five rehearsed seconds of each other: requests due around it may meet
# either side.
SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class Watched:
    """What one run of load was asked to do, and what came of it; instants are wall-clock seconds."""

    rate_per_second: float
    started: float
    stopped: float
    records: tuple[LoadRecord, ...]
    result: LoadResult

    @property
    def enough(self) -> int:
        """Fewer requests than half a second's worth show nothing."""
        return max(1, round(self.rate_per_second / 2))

    def due(self, start: float, end: float) -> list[LoadRecord]:
        """The requests that were due in a span."""
        return [record for record in self.records if start <= record.scheduled < end]

    @property
    def lost(self) -> list[LoadRecord]:
        """Failed requests and broken streams."""
        return [record for record in self.records if record.is_lost]


def nothing_lost(watched: Watched) -> Condition:
    """No request failed, no stream broke, no answer was wrong."""
    result = watched.result
    said = ", ".join(f"{count} x {why}" for why, count in result.by_failure.items())
    return Condition(
        "no request failed and no stream broke",
        result.sent > 0 and not (watched.lost or result.wrong_answers),
        f"{result.failed} failed, {result.broken_streams} broken, {result.wrong_answers} wrong of {result.sent}"
        + (f" ({said})" if said else ""),
    )


def load_was_whole(watched: Watched) -> Condition:
    """The load was there all the time and on time; a generator that stopped or was late shows nothing."""
    wanted = watched.rate_per_second * (watched.stopped - watched.started)
    last = max((record.scheduled for record in watched.records), default=watched.started)
    silent, late = watched.stopped - last, watched.result.late
    return Condition(
        "the load was sent whole and on time",
        len(watched.records) >= _WHOLE * wanted and silent < _SILENT_SECONDS and late <= 0.02 * len(watched.records),
        f"{len(watched.records)} of about {wanted:.0f} requests, {late} more than 0.1 s late",
    )


def all_on(side: str, weights: Mapping[str, int]) -> Condition:
    """A rule's weights, by side, are all on one side; both sides have to be named."""
    return Condition(
        f"100 % of production traffic is on {side}",
        set(weights) == {"blue", "green"} and all((weight > 0) == (name == side) for name, weight in weights.items()),
        ", ".join(f"{name} {weight}" for name, weight in sorted(weights.items())) or "no weights",
    )


def in_share(says: str, records: Sequence[LoadRecord], side: str, percent: float) -> Condition:
    """A side answered its share of the requests of a span: some, and within four standard deviations of the mean."""
    answered = sum(record.side == side for record in records)
    mean = len(records) * percent / 100
    spread = 4 * (mean * (1 - percent / 100)) ** 0.5 + 1
    return Condition(
        says,
        bool(records) and answered > 0 and abs(answered - mean) <= spread,
        f"{answered} of {len(records)} requests at {percent:g} %",
    )


def none_by(says: str, records: Sequence[LoadRecord], side: str, *, at_least: int) -> Condition:
    """A side answered no request of a span, in which there were some."""
    answered = sum(record.side == side for record in records)
    return Condition(
        says, len(records) >= at_least and answered == 0, f"{answered} of {len(records)} requests answered by {side}"
    )
