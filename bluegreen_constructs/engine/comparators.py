"""When one answer of a service is as good as another: equal, close, or scored no worse. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from .errors import ConfigurationError
from .finite import is_finite

_Path: TypeAlias = tuple[str, ...]
_LONGEST = 150
_NO_JSON = object()


@dataclass(frozen=True)
class Exact:
    """The same answer: JSON by its values (white space and the order of keys do not matter), anything else by its text.

    ignore: fields of a JSON answer that may differ, as `"request_id"`, `"meta.took_ms"`; `*` is any key or any entry
        of a list, as `"results.*.id"`.

    Raises ConfigurationError for a field that is empty.
    """

    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse fields that name nothing."""
        _check_fields(self.ignore)

    def difference(self, answer: str, reference: str | None) -> str:
        """Where `answer` differs from `reference`, in words; empty when it does not, or nothing is compared."""
        return "" if reference is None else _difference(answer, reference, self.ignore, _same)


@dataclass(frozen=True)
class Tolerance:
    """Numbers in a JSON answer may differ a little; all else is equal, as with `Exact`.

    relative: by how much of the reference's number, such as 0.01 for one percent. absolute: by how much in any case;
        the larger of the two counts. ignore: as with `Exact`.

    Raises ConfigurationError for a tolerance below 0, or none at all.
    """

    relative: float = 0.0
    absolute: float = 0.0
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse tolerances that allow nothing."""
        _check_fields(self.ignore)
        for given in (self.relative, self.absolute):
            if not is_finite(given) or given < 0:
                raise ConfigurationError(f"Tolerance has {given!r}: give a number of 0 or more, such as relative=0.01")
        if not self.relative and not self.absolute:
            raise ConfigurationError("Tolerance tolerates nothing: give relative or absolute, or use Exact()")

    def difference(self, answer: str, reference: str | None) -> str:
        """Where `answer` is not close to `reference`, in words; empty when it is, or nothing is compared."""
        return "" if reference is None else _difference(answer, reference, self.ignore, self._is_close)

    def _is_close(self, found: float, wanted: float) -> bool:
        if not is_finite(found) or not is_finite(wanted):
            return found == wanted
        return abs(found - wanted) <= max(self.relative * abs(wanted), self.absolute)


@dataclass(frozen=True)
class Score:
    """One number of a JSON answer decides, such as a model's confidence; the rest may differ.

    field: where the number is, as `"confidence"` or `"predictions.0.score"`.
    at_least: what it must reach. below: how far it may be below the reference's (the expected answer's, or live's).

    Raises ConfigurationError for no field, or neither limit.
    """

    field: str
    at_least: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        """Refuse a score that no answer could miss."""
        _check_fields((self.field,))
        if self.at_least is None and self.below is None:
            raise ConfigurationError(
                f"Score of {self.field!r} has no limit: give at_least=, or below= for how far it may be below live's"
            )
        if (self.at_least is not None and not is_finite(self.at_least)) or (
            self.below is not None and not (is_finite(self.below) and self.below >= 0)
        ):
            raise ConfigurationError(
                f"Score has at_least={self.at_least!r} and below={self.below!r}: give numbers, and below of 0 or more"
            )

    def difference(self, answer: str, reference: str | None) -> str:
        """Why the score is too low, in words; empty when it is not."""
        score = _number_at(answer, self.field)
        if score is None:
            return f"has no number at {self.field}: {shortened(answer)}"
        if self.at_least is not None and score < self.at_least:
            return f"has {self.field} {score:g}, below {self.at_least:g}"
        wanted = None if reference is None or self.below is None else _number_at(reference, self.field)
        if wanted is not None and self.below is not None and score < wanted - self.below:
            return f"has {self.field} {score:g}, more than {self.below:g} below {wanted:g}"
        return ""


Comparator: TypeAlias = Exact | Tolerance | Score
_KINDS: Mapping[str, type[Exact] | type[Tolerance] | type[Score]] = {
    "exact": Exact,
    "tolerance": Tolerance,
    "score": Score,
}


def comparator_to_details(comparator: Comparator) -> dict[str, object]:
    """The comparator as JSON values."""
    kind = next(name for name, known in _KINDS.items() if type(comparator) is known)
    given = {name: value for name, value in asdict(comparator).items() if value not in (None, ())}
    return {"kind": kind, **{name: list(value) if name == "ignore" else value for name, value in given.items()}}


def comparator_from_details(details: Mapping[str, object]) -> Comparator:
    """The comparator that `comparator_to_details` wrote; its fields are checked again."""
    known = dict(details)
    kind = _KINDS.get(str(known.pop("kind", "")))
    if kind is None:
        raise ConfigurationError(f"the comparator is {details!r}: it needs a kind of {', '.join(_KINDS)}")
    if isinstance(ignored := known.get("ignore"), list):
        known["ignore"] = tuple(str(field) for field in ignored)
    try:
        return kind(**known)  # type: ignore[arg-type] # __post_init__ checks every field again
    except TypeError as error:
        raise ConfigurationError(f"the comparator is {details!r}: {error}") from None


def shortened(body: str, most: int = _LONGEST) -> str:
    """A body for a sentence."""
    text = " ".join(body.split())
    return text if len(text) <= most else f"{text[:most]}..."


def _check_fields(fields: Sequence[str]) -> None:
    if isinstance(fields, str):
        raise ConfigurationError(f"ignore is the text {fields!r}: give a tuple of fields, such as ({fields!r},)")
    for field in fields:
        if not isinstance(field, str) or not all(field.split(".")):
            raise ConfigurationError(
                f"the field {field!r} names nothing: give keys with dots between, as 'meta.took_ms'"
            )


def _difference(answer: str, reference: str, ignore: Sequence[str], is_same: Callable[[float, float], bool]) -> str:
    found, wanted = _json(answer), _json(reference)
    if found is _NO_JSON or wanted is _NO_JSON:
        if answer == reference:
            return ""
        return f"differs: {shortened(answer)} instead of {shortened(reference)}"
    ignored = [tuple(field.split(".")) for field in ignore]
    try:
        path, one, other = next(_differences(found, wanted, (), ignored, is_same), ((), None, None))
    except RecursionError:
        return "is nested too deeply to be compared"
    if not path and one is None and other is None:
        return ""
    where = ".".join(path) or "the top"
    return f"differs at {where}: {one} instead of {other}"


def _differences(
    found: object, wanted: object, path: _Path, ignored: Sequence[_Path], is_same: Callable[[float, float], bool]
) -> Iterator[tuple[_Path, str, str]]:
    if any(_matches(path, pattern) for pattern in ignored):
        return
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted(found.keys() | wanted.keys()):
            yield from _differences(found.get(key, _NO_JSON), wanted.get(key, _NO_JSON), (*path, key), ignored, is_same)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from _differences(one, other, (*path, str(index)), ignored, is_same)
    elif _is_number(found) and _is_number(wanted):
        if not is_same(found, wanted):  # type: ignore[arg-type] # both are numbers
            yield path, _words(found), _words(wanted)
    elif type(found) is not type(wanted) or found != wanted:
        yield path, _words(found), _words(wanted)


def _matches(path: _Path, pattern: _Path) -> bool:
    return len(path) == len(pattern) and all(wanted in ("*", part) for part, wanted in zip(path, pattern, strict=True))


def _same(found: float, wanted: float) -> bool:
    return found == wanted


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(value: object) -> str:
    return "nothing" if value is _NO_JSON else shortened(json.dumps(value), 60)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON


def _number_at(text: str, field: str) -> float | None:
    value = _json(text)
    for part in field.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value if is_finite(value) else None
