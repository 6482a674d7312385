"""A JSON object whose values are asked for by type, and refused in a sentence that says where they stand."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import isfinite
from reprlib import Repr
from typing import TypeVar

from .errors import ConfigurationError, ObservationError
from .finite import is_finite
from .model import Arm

Read = TypeVar("Read")
Member = TypeVar("Member", bound=Enum)
Word = TypeVar("Word", bound=str)

_LONGEST = timedelta(days=36_525)
"""A century: what is longer is a slip, and would overflow a date that it is added to."""
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class StoredFields:
    """A JSON object whose values are asked for by type; `where` names it in refusals."""

    def __init__(self, stored: object, where: str) -> None:
        if not isinstance(stored, Mapping):
            raise ObservationError(f"{where} is {type(stored).__name__}, not an object with keys")
        self._stored = stored
        self._where = where

    @classmethod
    def of_json(cls, text: str, where: str) -> "StoredFields":
        """The object that `text` is. Raises ObservationError for what is none, and for NaN and infinite numbers."""
        try:
            stored = json.loads(text, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise ObservationError(f"{where} is no JSON: {error}") from None
        return cls(stored, where)

    def refuse_above(self, schema: int, remedy: str) -> None:
        """Raise ObservationError, with what to do, if only a later schema than `schema` can read this."""
        reads = self.whole("reads")
        if reads > schema:
            raise ObservationError(
                f"{self._where} needs an engine that reads schema {reads}, and this one reads {schema}: {remedy}"
            )

    def with_defaults(self, defaults: Mapping[str, object]) -> "StoredFields":
        """The same with the values of `defaults` for the keys that are missing; null is not missing."""
        return StoredFields({**defaults, **self._stored}, self._where)

    def built(self, make: "Callable[[StoredFields], Read]") -> Read:
        """What `make` makes of it; values that contradict each other are refused here, too."""
        try:
            return make(self)
        except ConfigurationError as error:
            raise ObservationError(f"{self._where} is impossible: {str(error)[:300]}") from None

    def maybe(self, read: Callable[[str], Read], key: str) -> Read | None:
        """What `read` reads behind a key; None for null and for a key that is missing."""
        return read(key) if self.has(key) else None

    def _refused(self, key: str, wanted: str) -> ObservationError:
        given = _SHORT.repr(self._stored[key])[:80] if key in self._stored else "missing"
        return ObservationError(f"{self.place(key)} is {given}, not {wanted}")

    def place(self, key: str) -> str:
        """Where a value stands, for a sentence."""
        return f"{key} of {self._where}"

    def value(self, key: str) -> object:
        """Whatever stands there; None for a key that is missing."""
        return self._stored.get(key)

    def has(self, key: str) -> bool:
        """Whether there is a value, other than null."""
        return self._stored.get(key) is not None

    def names(self) -> list[str]:
        """All keys."""
        return [str(key) for key in self._stored]

    def inside(self, key: str) -> "StoredFields":
        """The object behind a key."""
        return StoredFields(self._stored.get(key), self.place(key))

    def objects(self, key: str) -> "tuple[StoredFields, ...]":
        """A list of objects."""
        value = self._stored.get(key)
        if not isinstance(value, list):
            raise self._refused(key, "a list of objects")
        return tuple(StoredFields(one, self.place(f"{key}[{index}]")) for index, one in enumerate(value))

    def mapping(self, key: str) -> dict[str, object]:
        """An object with whatever values."""
        value = self._stored.get(key)
        if not isinstance(value, Mapping):
            raise self._refused(key, "an object with keys")
        return dict(value)

    def mappings(self, key: str) -> tuple[dict[str, object], ...]:
        """A list of objects with whatever values."""
        value = self._stored.get(key)
        if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
            raise self._refused(key, "a list of objects")
        return tuple(dict(one) for one in value)

    def whole(self, key: str) -> int:
        """A whole number, not too large to reckon with."""
        value = self._stored.get(key)
        if not is_finite(value) or not isinstance(value, int):
            raise self._refused(key, "a whole number")
        return value

    def count(self, key: str) -> int:
        """A whole number of zero or more."""
        value = self.whole(key)
        if value < 0:
            raise self._refused(key, "zero or more")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._stored.get(key)
        if not is_finite(value):
            raise self._refused(key, "a finite number")
        return value

    def percent(self, key: str) -> float:
        """A number from 0 to 100."""
        value = self.number(key)
        if not 0 <= value <= 100:
            raise self._refused(key, "a percentage from 0 to 100")
        return value

    def span(self, key: str) -> timedelta:
        """A span of time, stored in seconds."""
        value = self.number(key)
        if not 0 <= value <= _LONGEST.total_seconds():
            raise self._refused(key, "seconds, from zero to a century")
        return timedelta(seconds=value)

    def instant(self, key: str) -> datetime:
        """A point in time, in UTC; stored as ISO 8601 with its offset."""
        value = self.text(key)
        try:
            at = datetime.fromisoformat(value)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._refused(key, "a time in UTC such as 2026-11-05T09:30:00.000000Z")

    def member(self, key: str, kind: type[Member]) -> Member:
        """A member of an enumeration, by its value."""
        value = self._stored.get(key)
        for known in kind:
            if known.value == value:
                return known
        raise self._refused(key, f"one of {', '.join(str(known.value) for known in kind)}")

    def word(self, key: str, known: Collection[Word]) -> Word:
        """One of a few words."""
        value = self._stored.get(key)
        for word in known:
            if word == value:
                return word
        raise self._refused(key, f"one of {', '.join(known)}")

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._stored.get(key)
        if not isinstance(value, bool):
            raise self._refused(key, "true or false")
        return value

    def text(self, key: str) -> str:
        """A text."""
        value = self._stored.get(key)
        if not isinstance(value, str):
            raise self._refused(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._stored.get(key)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self._refused(key, "a list of texts")
        return tuple(value)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A list of two texts each, as [name, value]."""
        value = self._stored.get(key)
        pairs = value if isinstance(value, list) else [None]
        result = tuple((pair[0], pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2)
        if len(result) != len(pairs) or not all(isinstance(text, str) for pair in result for text in pair):
            raise self._refused(key, "a list of [name, value]")
        return result

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers, not empty."""
        value = self._stored.get(key)
        if not isinstance(value, list) or not value or not all(map(is_finite, value)):
            raise self._refused(key, "a list of finite numbers")
        return tuple(float(number) for number in value)

    def names_among(self, known: Collection[str], key: str) -> tuple[str, ...]:
        """A list of names that are known."""
        value = self._stored.get(key)
        if not isinstance(value, list) or any(name not in known for name in map(str, value)):
            raise self._refused(key, "a list of members")
        return tuple(map(str, value))

    def arm(self, key: str) -> Arm:
        """Two counts, as [requests, bad]."""
        value = self._stored.get(key)
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(type(count) is int and is_finite(count) for count in value)
        ):
            raise self._refused(key, "[requests, bad]")
        return Arm(*value)


def without_defaults(values: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """`values` without what `StoredFields.with_defaults` puts back."""
    return {key: value for key, value in values.items() if key not in defaults or value != defaults[key]}


def as_seconds(span: timedelta) -> float:
    """What `StoredFields.span` reads: a whole number where it is one."""
    exact = span.total_seconds()
    return int(exact) if exact.is_integer() else exact


def as_instant(at: datetime) -> str:
    """What `StoredFields.instant` reads: ISO 8601 in UTC with microseconds, so that texts sort as times do.

    Raises ObservationError for a time without its zone.
    """
    if at.tzinfo is None:
        raise ObservationError(f"the time {at.isoformat()} has no zone: give one in UTC")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _finite(text: str) -> float:
    """A number; what is not finite could not be written back."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:80]} is no finite number")
    return value
