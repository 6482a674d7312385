"""The tasks file's [load]: what users send to an application that is rehearsed with `--app`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...engine.errors import RehearsalError
from ..load import GoldenCase

_KEYS = ("path", "method", "body", "status", "expects")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_MOST_PER_MINUTE = 1000.0
ANYTHING_AT_THE_ROOT = GoldenCase(None, None, path="/", method="GET")


@dataclass(frozen=True)
class LoadSection:
    """The requests in turn (default: GET /), and how many of them in a rehearsed minute (default: the rehearsal's)."""

    requests: tuple[GoldenCase, ...] = field(default=(ANYTHING_AT_THE_ROOT,))
    per_minute: float | None = None

    @classmethod
    def read(cls, table: Mapping[str, object], file: str) -> "LoadSection":
        """Read the table; raises RehearsalError naming what is wrong in it."""
        where = f"[load] in the tasks file {file}"
        unknown = sorted(table.keys() - {"requests", "per_minute"})
        if unknown:
            raise RehearsalError(f"{where} has {unknown[0]!r}; it takes requests and per_minute")
        requests = table.get("requests", [{}])
        if not isinstance(requests, list) or not requests or not all(isinstance(one, dict) for one in requests):
            raise RehearsalError(f'{where} has requests {requests!r}; write requests = [{{path = "/"}}, ...]')
        cases = tuple(_case(one, f"request {number} of {where}") for number, one in enumerate(requests, start=1))
        return cls(cases, _per_minute(table.get("per_minute"), where))


def _case(entry: Mapping[str, object], where: str) -> GoldenCase:
    unknown = sorted(entry.keys() - set(_KEYS))
    if unknown:
        raise RehearsalError(f"{where} has {unknown[0]!r}; it takes {', '.join(_KEYS[:-1])} and {_KEYS[-1]}")
    body, expects = entry.get("body"), entry.get("expects")
    path = entry.get("path", "/")
    if not isinstance(path, str) or not path.startswith("/"):
        raise RehearsalError(f"{where} has path {path!r}; give one that begins with /")
    method = entry.get("method", "GET" if body is None else "POST")
    if method not in _METHODS:
        raise RehearsalError(f"{where} has method {method!r}; give one of {', '.join(_METHODS)}")
    status = entry.get("status", 200)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status < 500:
        raise RehearsalError(f"{where} has status {status!r}; give what a good release answers, from 200 to 499")
    for name, value in (("body", body), ("expects", expects)):
        if not isinstance(value, str | dict | None):
            raise RehearsalError(f"{where} has {name} {value!r}; give a text, or a table for JSON")
    return GoldenCase(
        request=body if isinstance(body, dict) else None,
        expected=expects if isinstance(expects, dict) else None,
        path=path,
        method=str(method),
        text=body if isinstance(body, str) else None,
        status=status,
        contains=expects if isinstance(expects, str) else None,
    )


def _per_minute(value: object, where: str) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not 1 <= float(str(value)) <= _MOST_PER_MINUTE:
        raise RehearsalError(
            f"{where} has per_minute {value!r}; give how many requests users send in a rehearsed minute, from 1 to "
            f"{_MOST_PER_MINUTE:g}"
        )
    return float(str(value))
