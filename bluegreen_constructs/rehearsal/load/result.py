"""What a run of load showed: pure functions of its records."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .record import Kind, LoadRecord

# A send this late means that the generator, not the service, was slow; such a run measures the machine.
LATE_SECONDS = 0.1

# The key of answers without the header, and of requests without an answer.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Tally:
    """Requests of one kind of answer: how many, and what was wrong with them (the three exclude each other)."""

    requests: int
    failed: int
    broken_streams: int
    wrong_answers: int

    @classmethod
    def of(cls, records: Sequence[LoadRecord]) -> "Tally":
        """Count some records."""
        return cls(
            requests=len(records),
            failed=sum(record.is_failed for record in records),
            broken_streams=sum(record.is_broken for record in records),
            wrong_answers=sum(record.is_wrong for record in records),
        )


@dataclass(frozen=True)
class Latency:
    """Percentiles (nearest rank) in seconds, from the scheduled send time to the end of the answer."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Latency | None":
        """The percentiles of some latencies; None of none."""
        ordered = sorted(seconds)
        if not ordered:
            return None
        p50, p95, p99 = (ordered[math.ceil(len(ordered) * percent / 100) - 1] for percent in (50, 95, 99))
        return cls(p50, p95, p99)


@dataclass(frozen=True)
class LoadResult:
    """What a run of load showed.

    sent: requests whose outcome is known; failed, broken_streams, wrong_answers: of these (see LoadRecord)
    late: requests sent more than 0.1 s after their time; above a few in a thousand, distrust the run
    by_side, by_release: keyed by the answer's `x-side` and `x-release`, "unknown" without
    by_failure: how often each status or error word was the reason of a failed request or broken stream
    first_failure: when the first failed request or broken stream was due, seconds since the epoch
    failures_by_second: failed requests and broken streams by the whole second they were due in
    latency, stream_latency: of predictions and of whole streams. Answers of any status count; so do time-outs, with
        the time they waited. Refused and cut connections do not: how fast they fail says nothing about the service
    """

    sent: int
    failed: int
    broken_streams: int
    wrong_answers: int
    late: int
    by_side: Mapping[str, Tally]
    by_release: Mapping[str, Tally]
    by_failure: Mapping[str, int]
    first_failure: float | None
    failures_by_second: Mapping[int, int]
    latency: Latency | None
    stream_latency: Latency | None

    @property
    def lost(self) -> int:
        """Requests that a client would call lost: failed, or broken off."""
        return self.failed + self.broken_streams

    @classmethod
    def from_records(cls, records: Iterable[LoadRecord]) -> "LoadResult":
        """Sum up the records, in whatever order they come."""
        everything = sorted(records, key=lambda record: record.scheduled)
        lost = [record for record in everything if record.is_lost]
        total = Tally.of(everything)
        return cls(
            sent=total.requests,
            failed=total.failed,
            broken_streams=total.broken_streams,
            wrong_answers=total.wrong_answers,
            late=sum(record.late > LATE_SECONDS for record in everything),
            by_side=_tallies((record.side, record) for record in everything),
            by_release=_tallies((record.release, record) for record in everything),
            by_failure=dict(sorted(Counter(_reason(record) for record in lost).items())),
            first_failure=lost[0].scheduled if lost else None,
            failures_by_second=dict(sorted(Counter(int(record.scheduled) for record in lost).items())),
            latency=_latency(everything, Kind.PREDICT),
            stream_latency=_latency(everything, Kind.STREAM),
        )


def _tallies(keyed: Iterable[tuple[str | None, LoadRecord]]) -> dict[str, Tally]:
    groups: defaultdict[str, list[LoadRecord]] = defaultdict(list)
    for key, record in keyed:
        groups[key or UNKNOWN].append(record)
    return {key: Tally.of(group) for key, group in sorted(groups.items())}


def _reason(record: LoadRecord) -> str:
    if record.error is not None:
        return record.error
    return "stream ended without done" if record.is_broken else str(record.status)


def _latency(records: Iterable[LoadRecord], kind: Kind) -> Latency | None:
    return Latency.of(
        record.latency for record in records if record.kind is kind and record.error in {None, "TimeoutError"}
    )
