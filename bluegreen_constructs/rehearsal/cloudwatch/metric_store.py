"""MetricStore: the samples of every metric of a rehearsal, and the statistics CloudWatch would give for them."""

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ...engine.errors import ConfigurationError, RehearsalError

RESOLUTION_SECONDS = 10
"""Samples are kept in slots of this length, in rehearsed seconds; every period must be a multiple of it."""

DEFAULT_RETENTION = timedelta(hours=6)
"""How much rehearsed time `forget` keeps: far more than an alarm looks back, little enough for memory."""

LARGEST_VALUE = 2.0**360
"""PutMetricData: "Values must be in the range of -2^360 to 2^360"."""

_PERCENTILE = re.compile(r"p(100|\d{1,2}(?:\.\d{1,10})?)")
_RANK = re.compile(r"PR\((\d+(?:\.\d+)?)?:(\d+(?:\.\d+)?)?\)")


@dataclass(frozen=True)
class Point:
    """One value of one statistic; `at` is the start of its period, in rehearsed seconds since the epoch."""

    at: float
    value: float


@dataclass(frozen=True)
class MetricIdentity:
    """What makes a metric one metric in CloudWatch: namespace, name and the exact set of dimensions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "MetricIdentity":
        """The identity of a metric whose dimensions are given as a mapping."""
        return cls(namespace, name, frozenset(dimensions.items()))


@dataclass
class _Slot:
    """What arrived in one slot (or, merged, in one period). `samples` says how often each value did."""

    count: float = 0.0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    samples: dict[float, float] = field(default_factory=dict)
    has_percentiles: bool = True

    def take(self, value: float, times: float) -> None:
        self.count += times
        self.total += value * times
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.samples[value] = self.samples.get(value, 0.0) + times

    def take_set(self, count: float, total: float, low: float, high: float) -> None:
        if low == high and math.isclose(total, low * count):
            self.take(low, count)
            return
        self.count += count
        self.total += total
        self.low = min(self.low, low)
        self.high = max(self.high, high)
        self.has_percentiles = False

    def merge(self, other: "_Slot", *, with_samples: bool) -> None:
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.has_percentiles = self.has_percentiles and other.has_percentiles
        if with_samples:
            for value, times in other.samples.items():
                self.samples[value] = self.samples.get(value, 0.0) + times


_Statistic = Callable[[_Slot], float | None]

_PLAIN_STATISTICS: Mapping[str, _Statistic] = {
    "SampleCount": lambda slot: slot.count,
    "Sum": lambda slot: slot.total,
    "Average": lambda slot: slot.total / slot.count,
    "Minimum": lambda slot: slot.low,
    "Maximum": lambda slot: slot.high,
}


def percentile_of(statistic: str) -> float | None:
    """The percentile a statistic names ("p95" is 95.0), or None when it is not one."""
    match = _PERCENTILE.fullmatch(statistic)
    return float(match[1]) if match else None


def percentile_rank_of(statistic: str) -> tuple[float, float] | None:
    """The bounds that a percentile rank names ("PR(:0.8)" is minus infinity and 0.8), or None when it is not one.

    "Percentile rank is exclusive on the lower bound and inclusive on the upper bound":
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
    """
    match = _RANK.fullmatch(statistic)
    if match is None or (match[1] is None and match[2] is None):
        return None
    low = -math.inf if match[1] is None else float(match[1])
    high = math.inf if match[2] is None else float(match[2])
    return (low, high) if low < high else None


def check_statistic(statistic: str) -> None:
    """Raise RehearsalError unless the store can compute `statistic`."""
    _statistic(statistic)


class MetricStore:
    """A thread-safe store of metric samples; all instants are rehearsed seconds since the epoch.

    As in CloudWatch, a metric is found only under exactly the dimensions it was put with: there is no aggregation over
    dimensions that a query leaves out. One account and one region, which is what a rehearsal has.
    """

    def __init__(self, *, retention: timedelta = DEFAULT_RETENTION) -> None:
        self._retention_seconds = retention.total_seconds()
        self._lock = threading.Lock()
        # Samples of different units are aggregated separately when a query names a unit, so each has slots of its own.
        self._metrics: dict[MetricIdentity, dict[str, dict[int, _Slot]]] = {}

    def put(  # noqa: PLR0917 - the rehearsal's parts agreed on this order
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        values: Sequence[float],
        at: float,
        unit: str = "None",
        *,
        counts: Sequence[float] | None = None,
    ) -> None:
        """Add samples of one metric, all taken at one rehearsed instant.

        `counts` says how often each value occurred (default: once each). Raises ConfigurationError for a value that is
        not between -2^360 and 2^360, a count that is not positive, or counts that are not as many as the values.
        """
        times = [1.0] * len(values) if counts is None else [float(count) for count in counts]
        samples = list(zip([float(value) for value in values], times, strict=False))
        if len(times) != len(values):
            raise ConfigurationError(
                f"metric {namespace}/{name} was given {len(values)} values and {len(times)} counts; "
                "give one count for each value, or none"
            )
        for value, count in samples:
            # A NaN fails both comparisons.
            if not (abs(value) <= LARGEST_VALUE and 0 < count <= LARGEST_VALUE):
                raise ConfigurationError(
                    f"metric {namespace}/{name} was given the value {value} {count} times; "
                    "give values between -2^360 and 2^360 and positive counts"
                )
        if not samples:
            return
        with self._lock:
            slot = self._slot(MetricIdentity.of(namespace, name, dimensions), unit, at)
            for value, count in samples:
                slot.take(value, count)

    def put_statistic_set(  # noqa: PLR0917 - in the order of `put`
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistics: tuple[float, float, float, float],
        at: float,
        unit: str = "None",
    ) -> None:
        """Add an already aggregated (sample count, sum, minimum, maximum).

        Its period then has no percentiles unless all its samples were equal: CloudWatch needs raw values for them.
        """
        count, total, low, high = statistics
        if not all(abs(number) <= LARGEST_VALUE for number in statistics) or count <= 0 or low > high:
            raise ConfigurationError(
                f"metric {namespace}/{name} was given the statistic set {statistics}; give a positive sample count, "
                "finite numbers and a minimum not above the maximum"
            )
        with self._lock:
            self._slot(MetricIdentity.of(namespace, name, dimensions), unit, at).take_set(count, total, low, high)

    def points(
        self,
        metric: MetricIdentity,
        statistic: str,
        *,
        start: float,
        end: float,
        period: int,
        unit: str | None = None,
    ) -> list[Point]:
        """One point for each period beginning in [start, end) that has samples, oldest first.

        `start` is rounded down to a whole slot of ten rehearsed seconds, and periods are counted from there; the last
        period is not cut at `end`. `statistic` is SampleCount, Sum, Average, Minimum, Maximum, a percentile like p95
        (linear interpolation between the two nearest ranks) or a percentile rank like PR(:0.8) (percent of the samples
        up to 0.8); others raise RehearsalError. Without `unit`, samples of all units count. A percentile or a rank over
        negative values has no point, as CloudWatch documents of percentiles.
        """
        compute = _statistic(statistic)
        with_samples = statistic not in _PLAIN_STATISTICS
        check_period(period)
        first = math.floor(start / RESOLUTION_SECONDS)
        width = period // RESOLUTION_SECONDS
        found: list[Point] = []
        with self._lock:
            by_unit = self._metrics.get(metric, {})
            slots_of = list(by_unit.values()) if unit is None else [by_unit.get(unit, {})]
            merged = [
                (begin * RESOLUTION_SECONDS, _merged(slots_of, range(begin, begin + width), with_samples=with_samples))
                for begin in range(first, math.ceil(end / RESOLUTION_SECONDS), width)
            ]
        for at, slot in merged:
            value = compute(slot) if slot.count else None
            if value is not None:
                found.append(Point(float(at), value))
        return found

    def metrics(self) -> list[MetricIdentity]:
        """Every metric that has samples, in the order in which they first appeared."""
        with self._lock:
            return list(self._metrics)

    def unit_of(self, metric: MetricIdentity) -> str:
        """The unit a metric was put with ("None" for a metric nobody put; the first one when there are several)."""
        with self._lock:
            return next(iter(self._metrics.get(metric, {})), "None")

    def forget(self, now: float) -> None:
        """Drop what is older than the retention, seen from the rehearsed instant `now`."""
        oldest = math.floor((now - self._retention_seconds) / RESOLUTION_SECONDS)
        with self._lock:
            for metric, by_unit in list(self._metrics.items()):
                for unit, slots in list(by_unit.items()):
                    for index in [index for index in slots if index < oldest]:
                        del slots[index]
                    if not slots:
                        del by_unit[unit]
                if not by_unit:
                    del self._metrics[metric]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._metrics.clear()

    def describe(self) -> dict[str, object]:
        """How many metrics and slots there are, for a state report."""
        with self._lock:
            slots = sum(len(slots) for by_unit in self._metrics.values() for slots in by_unit.values())
            return {"metrics": len(self._metrics), "slots": slots}

    def _slot(self, metric: MetricIdentity, unit: str, at: float) -> _Slot:
        slots = self._metrics.setdefault(metric, {}).setdefault(unit, {})
        return slots.setdefault(math.floor(at / RESOLUTION_SECONDS), _Slot())


def check_period(period: int) -> None:
    """Raise RehearsalError unless `period` (rehearsed seconds) is one that the store can aggregate by."""
    if period <= 0 or period % RESOLUTION_SECONDS:
        raise RehearsalError(
            f"a metric period of {period} s cannot be rehearsed; "
            f"give a positive multiple of {RESOLUTION_SECONDS} s, the resolution of the rehearsal's metrics"
        )


def _merged(slots_of: Sequence[Mapping[int, _Slot]], span: range, *, with_samples: bool) -> _Slot:
    merged = _Slot()
    for slots in slots_of:
        for index in span:
            slot = slots.get(index)
            if slot is not None:
                merged.merge(slot, with_samples=with_samples)
    return merged


def _statistic(statistic: str) -> _Statistic:
    plain = _PLAIN_STATISTICS.get(statistic)
    if plain is not None:
        return plain
    percentile, rank = percentile_of(statistic), percentile_rank_of(statistic)
    if percentile is not None:
        return lambda slot: _percentile(slot, percentile)
    if rank is not None:
        return lambda slot: _percentile_rank(slot, *rank)
    raise RehearsalError(
        f"the statistic {statistic!r} is not rehearsed; use SampleCount, Sum, Average, Minimum, Maximum, a percentile "
        "such as p95 or a percentile rank such as PR(:0.8)"
    )


def _percentile_rank(slot: _Slot, low: float, high: float) -> float | None:
    """Percent of the samples above `low` and up to `high`; none where there are no percentiles."""
    if not slot.has_percentiles or slot.low < 0:
        return None
    within = math.fsum(times for value, times in slot.samples.items() if low < value <= high)
    return 100 * within / slot.count


def _percentile(slot: _Slot, percentile: float) -> float | None:
    """The percentile by linear interpolation between the two nearest ranks.

    CloudWatch documents when percentiles exist (raw values, none negative) but not how it interpolates, so this is the
    usual definition (numpy's default).
    """
    if not slot.has_percentiles or slot.low < 0:
        return None
    ordered = sorted(slot.samples.items())
    rank = percentile / 100 * max(slot.count - 1, 0)
    below = math.floor(rank)
    lower = _ranked(ordered, below)
    fraction = rank - below
    return lower + fraction * (_ranked(ordered, below + 1) - lower) if fraction else lower


def _ranked(ordered: Sequence[tuple[float, float]], rank: int) -> float:
    seen = 0.0
    for value, times in ordered:
        seen += times
        if rank < seen:
            return value
    return ordered[-1][0]
