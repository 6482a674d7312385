"""Metrics that tasks write into their logs in CloudWatch's embedded metric format, read as CloudWatch Logs reads them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html: a
line that is a JSON object with `_aws.CloudWatchMetrics` becomes a datum for each metric and set of dimensions; a line
that breaks the format becomes none. Its timestamp is the wall clock's, and put where that is in rehearsed time. The
lines are read wherever a task's output goes, without asking which log driver the container names.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..clock import Clock
from ..cloudwatch.metric_api import rehearsed_instant
from ..load_balancer.metrics import MetricSink

_MARK = b'{"_aws"'


@dataclass(frozen=True, slots=True)
class Datum:
    """The samples of one metric in one line; `timestamp` in wall-clock seconds."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    values: tuple[float, ...]
    timestamp: float
    unit: str


class EmbeddedMetrics:
    """Reads on in every log of a folder, and puts what it finds into the metrics."""

    def __init__(self, log_dir: Path, sink: MetricSink, clock: Clock, *, wall: Callable[[], float] = time.time) -> None:
        self._log_dir = log_dir
        self._sink = sink
        self._clock = clock
        self._wall = wall
        self._read_to: dict[Path, int] = {}

    def read(self) -> None:
        """Put what was written since the last call; a line without its end is left for the next one."""
        for log in self._log_dir.glob("*.log"):
            for line in self._new_lines(log):
                for datum in data_in(line):
                    at = rehearsed_instant(datum.timestamp, self._clock, wall=self._wall())
                    self._sink.put(datum.namespace, datum.name, datum.dimensions, datum.values, at, datum.unit)

    def _new_lines(self, log: Path) -> Iterator[bytes]:
        begin = self._read_to.get(log, 0)
        if log.stat().st_size <= begin:
            return
        with log.open("rb") as file:
            file.seek(begin)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read_to[log] = begin + len(whole) + len(end)
        yield from whole.splitlines()


def data_in(line: bytes) -> list[Datum]:
    """What a line of a log says of metrics; nothing for a line that is not in the format."""
    if not line.startswith(_MARK):
        return []
    try:
        document = json.loads(line)
        about = document["_aws"]
        timestamp = about["Timestamp"] / 1000
        return [
            Datum(
                str(directive["Namespace"]),
                str(metric["Name"]),
                {str(name): str(document[name]) for name in names},
                _values(document[metric["Name"]]),
                timestamp,
                str(metric.get("Unit", "None")),
            )
            for directive in about["CloudWatchMetrics"]
            for metric in directive["Metrics"]
            for names in directive["Dimensions"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _values(value: object) -> tuple[float, ...]:
    if isinstance(value, list):
        return tuple(float(one) for one in value)
    return (float(value),)  # type: ignore[arg-type]  # anything but a number is refused by float itself
