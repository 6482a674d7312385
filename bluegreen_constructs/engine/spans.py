"""Spans of time as people write them: `datetime.timedelta`, or `aws_cdk.Duration` seen only by its shape."""

from datetime import timedelta
from typing import Protocol, TypeAlias, runtime_checkable

from .errors import ConfigurationError


@runtime_checkable
class DurationLike(Protocol):
    """What `aws_cdk.Duration` offers; named here because the engine runs where aws_cdk is not installed."""

    def to_milliseconds(self) -> float:
        """The whole span in milliseconds."""
        ...


Span: TypeAlias = timedelta | DurationLike


def as_timedelta(span: Span, name: str) -> timedelta:
    """`span` as a timedelta; `name` is the argument's name for the refusal of anything else, or of a negative span."""
    if isinstance(span, timedelta):
        result = span
    elif isinstance(span, DurationLike):
        result = timedelta(milliseconds=span.to_milliseconds())
    else:
        raise ConfigurationError(
            f"{name} is {span!r}: give a datetime.timedelta or an aws_cdk.Duration, such as timedelta(minutes=5)"
        )
    if result < timedelta():
        raise ConfigurationError(f"{name} is {result}, which is negative: give zero or more")
    return result


def whole_minutes(span: timedelta, name: str) -> int:
    """`span` in minutes; refused when it is not a whole number of them, because ECS counts bakes in minutes."""
    minutes, rest = divmod(span, timedelta(minutes=1))
    if rest:
        raise ConfigurationError(f"{name} is {span}, but Amazon ECS counts it in whole minutes: give whole minutes")
    return minutes


def in_words(span: timedelta) -> str:
    """`span` for a sentence: "90 s", "10 min", "33 h"."""
    seconds = span.total_seconds()
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
