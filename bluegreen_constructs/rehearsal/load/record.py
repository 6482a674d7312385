"""What became of one request: a line of JSON in the output file."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from ...engine.errors import RehearsalError


class Kind(StrEnum):
    """The two requests there are: a prediction, and a stream of server-sent events."""

    PREDICT = "predict"
    STREAM = "stream"


@dataclass(frozen=True)
class LoadRecord:
    """One request, sent once, and its outcome.

    scheduled: when it was due, wall time in seconds since the epoch
    late: seconds from then until it was really sent; only a generator that is too slow makes it large
    latency: seconds from `scheduled` (not from the send) to the end of the answer, or to the failure
    status: the HTTP status; None when there was no answer
    error: why there was no complete answer, as the name of the exception (`TimeoutError`, `ClientConnectorError`, …)
    side, release, model_version: the answer's `x-side`, `x-release`, `x-model-version`
    is_broken: a stream that began with 200 and ended without `done`
    is_wrong: a prediction answered with the right status and something else than its golden case expects
    expected_status: the status of a good answer
    """

    scheduled: float
    late: float
    latency: float
    kind: Kind
    status: int | None = None
    error: str | None = None
    side: str | None = None
    release: str | None = None
    model_version: str | None = None
    is_broken: bool = False
    is_wrong: bool = False
    expected_status: int = 200

    @property
    def is_failed(self) -> bool:
        """No complete answer, or another status than a good one's: a good release answers every request of the load."""
        return not self.is_broken and (self.error is not None or self.status != self.expected_status)

    @property
    def is_lost(self) -> bool:
        """Failed, or a stream that broke."""
        return self.is_failed or self.is_broken

    @property
    def is_bad(self) -> bool:
        """Lost, or a wrong answer."""
        return self.is_lost or self.is_wrong

    def to_json(self) -> str:
        """The record as one line, times to the microsecond."""
        return json.dumps(
            asdict(self)
            | {
                "scheduled": round(self.scheduled, 6),
                "late": round(self.late, 6),
                "latency": round(self.latency, 6),
            }
        )

    @classmethod
    def from_json(cls, line: str) -> "LoadRecord":
        """The record of a line that `to_json` made."""
        document = json.loads(line)
        return cls(kind=Kind(document.pop("kind")), **document)


def read_records(path: Path) -> Iterator[LoadRecord]:
    """The records of an output file, also while it is being written: a last line without its end is left out.

    Raises RehearsalError when the file cannot be read, or a whole line is no record.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith("\n"):
                    return
                try:
                    record = LoadRecord.from_json(line)
                except (ValueError, KeyError, TypeError) as error:
                    raise RehearsalError(
                        f"line {number} of the load's output {path} is no record ({error!r}); "
                        "let nothing but the load generator write this file"
                    ) from error
                yield record
    except OSError as error:
        raise RehearsalError(f"the load's output {path} cannot be read ({error.strerror})") from error
