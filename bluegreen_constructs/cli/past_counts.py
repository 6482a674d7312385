"""Reads what both sides counted in the past, interval by interval, from a CSV or JSON file."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..engine.errors import ConfigurationError
from ..engine.model import Arm

COLUMNS = ("live_requests", "live_bad", "candidate_requests", "candidate_bad")
_MOST_BYTES = 64 * 1024 * 1024
_MOST_COUNTED = 10**15
"""Beyond it lie slips and timestamps, and whole numbers that a float does not hold."""
_WHOLE = re.compile(r"[0-9]{1,20}(\.0{1,20})?", re.ASCII)  # "5400.0" is how tools write counts with gaps among them


class _PastError(Exception):
    """What is wrong, without the file's name before it."""


def read_past_counts(path: Path) -> list[tuple[Arm | None, Arm | None]]:
    """Live and candidate of each interval in the file, in its order; `None` is a side without data.

    CSV: the columns `COLUMNS` in any order, after at most one other column, which comes first and is not read (the
    time); a pair of empty cells is a side without data. JSON: a list of objects with the same keys, null for no data;
    other keys are not read. At most 64 MiB of UTF-8.

    Raises ConfigurationError, with the line (CSV) or the entry (JSON), for anything else. Requests without the number
    of bad ones are refused, too: whether nothing was bad or nothing is known changes the answer.
    """
    try:
        text = _text(path)
        intervals = list(_json_intervals(text) if text.lstrip()[:1] in {"[", "{"} else _csv_intervals(text))
    except _PastError as error:
        raise ConfigurationError(f"{path}{error}") from None
    if not intervals:
        raise ConfigurationError(f"{path} has no intervals: give one {_row(path)} for each")
    return intervals


def _row(path: Path) -> str:
    return "object" if path.suffix == ".json" else "line"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise _PastError(" is not there: name a CSV or JSON file of past counts") from None
    except IsADirectoryError:
        raise _PastError(" is a folder: name a CSV or JSON file of past counts") from None
    except OSError as error:
        raise _PastError(f" cannot be read ({error.strerror}): name a CSV or JSON file of past counts") from None
    if len(data) > _MOST_BYTES:
        raise _PastError(f" is larger than {_MOST_BYTES // 1024**2} MiB: give fewer or longer intervals")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _PastError(f", line {line}: this is no text in UTF-8: give a CSV or JSON file") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _PastError(f", line {line}: this is no text but binary data: give a CSV or JSON file")
    if not text.strip():
        raise _PastError(f" is empty: give a line with {','.join(COLUMNS)}, and one for each interval")
    return text


def _csv_intervals(text: str) -> Iterator[tuple[Arm | None, Arm | None]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    names: list[str] = []
    try:
        for row in rows:
            where = f", line {rows.line_num}"
            cells = [cell.strip() for cell in row]
            if not cells:
                continue
            if not names:
                names = _checked_header(cells, where)
                continue
            if len(cells) != len(names):
                raise _PastError(f"{where} has {len(cells)} cells and the header {len(names)}: give as many")
            given = dict(zip(names, cells, strict=True))
            yield _interval({name: _from_cell(given[name], name, where) for name in COLUMNS}, where)
    except csv.Error as error:
        raise _PastError(f", line {rows.line_num}: this is no CSV ({error})") from None


def _checked_header(cells: list[str], where: str) -> list[str]:
    if sorted(cells) != sorted(COLUMNS) and sorted(cells[1:]) != sorted(COLUMNS):
        raise _PastError(
            f"{where} has the columns {_shown(','.join(cells))}: give {','.join(COLUMNS)}, and before them at most a "
            "column with the time"
        )
    return cells


def _from_cell(cell: str, name: str, where: str) -> int | None:
    if not cell:
        return None
    if not _WHOLE.fullmatch(cell):
        raise _not_a_count(cell, name, where)
    return _counted(int(cell.partition(".")[0]), name, where)


def _json_intervals(text: str) -> Iterator[tuple[Arm | None, Arm | None]]:
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise _PastError(f", line {error.lineno}: this is no JSON ({error.msg})") from None
    except (RecursionError, ValueError):  # too deep, or a number of too many digits
        raise _PastError(" is JSON of another kind: give a list of objects") from None
    if not isinstance(entries, list):
        raise _PastError(f" is one JSON object: give a list of objects with {', '.join(COLUMNS)}")
    for number, entry in enumerate(entries, start=1):
        where = f", entry {number}"
        missing = [name for name in COLUMNS if name not in entry] if isinstance(entry, dict) else COLUMNS
        if missing:
            raise _PastError(f"{where} has no {' and no '.join(missing)}: give an object with it, or null for no data")
        yield _interval({name: _from_value(entry[name], name, where) for name in COLUMNS}, where)


def _from_value(value: object, name: str, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and value >= 0:
        return _counted(int(value), name, where)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _not_a_count(value, name, where)
    return _counted(value, name, where)


def _counted(count: int, name: str, where: str) -> int:
    if count > _MOST_COUNTED:
        raise _PastError(f"{where}: {name} is {_shown(count)}, which nobody counts in an interval: give at most 10^15")
    return count


def _interval(counts: Mapping[str, int | None], where: str) -> tuple[Arm | None, Arm | None]:
    return _arm("live", counts, where), _arm("candidate", counts, where)


def _arm(side: str, counts: Mapping[str, int | None], where: str) -> Arm | None:
    requests, bad = counts[f"{side}_requests"], counts[f"{side}_bad"]
    if not requests and not bad:
        return None  # no requests, nothing to compare
    if requests is None:
        raise _PastError(f"{where}: {side}_bad is {bad} without {side}_requests: give both, or neither for no data")
    if bad is None:
        raise _PastError(
            f"{where}: {side}_requests is {requests} without {side}_bad: give 0 if none was bad, or neither for no data"
        )
    if bad > requests:
        raise _PastError(f"{where}: {side}_bad is {bad} and {side}_requests {requests}: give no more bad than requests")
    return Arm(requests, bad)


def _not_a_count(given: object, name: str, where: str) -> _PastError:
    return _PastError(
        f"{where}: {name} is {_shown(given)}: give a whole number of zero or more, or nothing for no data"
    )


def _shown(given: object) -> str:
    """As the file has it, harmless to a terminal, and not longer than a sentence bears."""
    shown = repr(given)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
