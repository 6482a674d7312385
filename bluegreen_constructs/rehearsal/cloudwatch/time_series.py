"""The values of metric math: numbers, time series and arrays of them, and how operators run over their points."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The evaluated range: `count` periods of `period` rehearsed seconds, the first beginning at `start`."""

    start: float
    period: int
    count: int

    def at(self, index: int) -> float:
        """When the period with that index begins."""
        return self.start + index * self.period

    @property
    def end(self) -> float:
        """When the last period ends."""
        return self.at(self.count)


@dataclass(frozen=True)
class Scalar:
    """A single number; None when there is none to give (the maximum of nothing, a division by zero)."""

    value: float | None


@dataclass(frozen=True)
class TimeSeries:
    """A value for each period of the axis; None where the period has no data point."""

    values: tuple[float | None, ...]
    label: str = ""


@dataclass(frozen=True)
class TimeSeriesArray:
    """Several time series over the same axis."""

    members: tuple[TimeSeries, ...]


Value = Scalar | TimeSeries | TimeSeriesArray


def _computed(function: Callable[[float, float], float], left: float, right: float) -> float | None:
    try:
        result = function(left, right)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return result if math.isfinite(result) else None


def combine(left: Value, right: Value, function: Callable[[float, float], float]) -> Value:
    """A binary operator over any allowed pair of types."""
    if isinstance(left, TimeSeriesArray):
        return each_series(left, lambda series: _combine_series(series, right, function))
    if isinstance(right, TimeSeriesArray):
        return each_series(right, lambda series: _combine_series(left, series, function))
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        if left.value is None or right.value is None:
            return Scalar(None)
        return Scalar(_computed(function, left.value, right.value))
    return _combine_series(left, right, function)


def _combine_series(left: Value, right: Value, function: Callable[[float, float], float]) -> TimeSeries:
    """A binary operator over two time series, or over one and a scalar."""
    match left, right:
        case TimeSeries(values=first), TimeSeries(values=second):
            values = tuple(
                None if one is None and other is None else _computed(function, one or 0.0, other or 0.0)
                for one, other in zip(first, second, strict=True)
            )
            return TimeSeries(values, left.label or right.label)
        case TimeSeries(values=first), Scalar(value=number):
            return TimeSeries(tuple(_with(function, one, number) for one in first), left.label)
        case Scalar(value=number), TimeSeries(values=second):
            return TimeSeries(tuple(_with(function, number, other) for other in second), right.label)
    raise AssertionError("arrays are taken apart by the caller")


def _with(function: Callable[[float, float], float], left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else _computed(function, left, right)


def each(value: Value, function: Callable[[float], float]) -> Value:
    """A function of one number over every value there is."""
    if isinstance(value, Scalar):
        return Scalar(None if value.value is None else function(value.value))
    return each_series(
        value,
        lambda series: TimeSeries(
            tuple(None if number is None else function(number) for number in series.values), series.label
        ),
    )


def each_series(
    value: TimeSeries | TimeSeriesArray, function: Callable[[TimeSeries], TimeSeries]
) -> TimeSeries | TimeSeriesArray:
    """A function of one time series over it, or over every member of an array."""
    if isinstance(value, TimeSeries):
        return function(value)
    return TimeSeriesArray(tuple(function(member) for member in value.members))


def repeated(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Each gap takes the last value before it."""
    filled: list[float | None] = []
    for value in values:
        filled.append(value if value is not None else (filled[-1] if filled else None))
    return tuple(filled)


def linear(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Each gap takes a line between the values at its two ends."""
    filled = list(values)
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    for (begin, first), (end, second) in itertools.pairwise(known):
        for index in range(begin + 1, end):
            filled[index] = first + (second - first) * (index - begin) / (end - begin)
    return tuple(filled)


def differences(series: TimeSeries, *, seconds: int | None) -> TimeSeries:
    """Each value less the one before it; per second when a period has that many `seconds`."""
    values: list[float | None] = []
    previous: tuple[int, float] | None = None
    for index, value in enumerate(series.values):
        if value is None or previous is None:
            values.append(None)
        else:
            elapsed = 1 if seconds is None else (index - previous[0]) * seconds
            values.append((value - previous[1]) / elapsed)
        previous = previous if value is None else (index, value)
    return TimeSeries(tuple(values), series.label)


def running_sum(series: TimeSeries) -> TimeSeries:
    """Each value plus all before it."""
    values: list[float | None] = []
    total = 0.0
    for value in series.values:
        total += value or 0.0
        values.append(None if value is None else total)
    return TimeSeries(tuple(values), series.label)
