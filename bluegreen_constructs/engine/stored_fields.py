"""A JSON object whose values are asked for by type, and refused in a sentence that says where they stand."""

from collections.abc import Collection, Mapping

from .errors import ObservationError
from .finite import is_finite
from .model import Arm


class StoredFields:
    """A JSON object whose values are asked for by type; `where` names it in refusals."""

    def __init__(self, stored: object, where: str) -> None:
        if not isinstance(stored, Mapping):
            raise ObservationError(f"{where} is {type(stored).__name__}, not an object with keys")
        self._stored = stored
        self._where = where

    def _refused(self, key: str, wanted: str) -> ObservationError:
        given = repr(self._stored[key])[:80] if key in self._stored else "missing"
        return ObservationError(f"{key} of {self._where} is {given}, not {wanted}")

    def has(self, key: str) -> bool:
        """Whether there is a value, other than null."""
        return self._stored.get(key) is not None

    def names(self) -> list[str]:
        """All keys."""
        return [str(key) for key in self._stored]

    def inside(self, key: str) -> "StoredFields":
        """The object behind a key."""
        return StoredFields(self._stored.get(key), f"{key} of {self._where}")

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self._stored.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
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
        if not isinstance(value, list) or len(value) != 2:
            raise self._refused(key, "[requests, bad]")
        return Arm(*value)
