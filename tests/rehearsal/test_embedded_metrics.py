"""Metrics in tasks' logs reach CloudWatch as CloudWatch Logs would extract them; anything else reaches nobody."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bluegreen_constructs.rehearsal.clock import Clock
from bluegreen_constructs.rehearsal.ecs.embedded_metrics import EmbeddedMetrics, data_in
from services.inference.metrics import Metrics
from services.inference.published_counts import PublishedCounts

WALL = 1_000_000.0
CLOCK = Clock(speed=30.0, origin=WALL - 100)


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.data: list[tuple[str, str, dict[str, str], tuple[float, ...], float, str]] = []

    def put(  # the protocol's own shape
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        values: Sequence[float],
        at: float,
        unit: str = "None",
    ) -> None:
        self.data.append((namespace, name, dict(dimensions), tuple(values), at, unit))


def line(**changes: object) -> str:
    directive = {
        "Namespace": "Inference",
        "Dimensions": [["Side"]],
        "Metrics": [{"Name": "Predictions", "Unit": "Count"}],
    }
    document = {
        "_aws": {"Timestamp": int((WALL - 1) * 1000), "CloudWatchMetrics": [directive]},
        "Side": "blue",
        "Predictions": 7,
    }
    return json.dumps({**document, **changes}, separators=(",", ":"))


def test_a_line_becomes_a_datum_where_the_wall_clock_is_in_rehearsed_time(tmp_path: Path) -> None:
    sink = Sink()
    (tmp_path / "task-Model.log").write_text(f"release 1 listens\n{line()}\n", encoding="utf-8")
    EmbeddedMetrics(tmp_path, sink, CLOCK, wall=lambda: WALL).read()
    assert sink.data == [("Inference", "Predictions", {"Side": "blue"}, (7.0,), CLOCK.at(WALL - 1), "Count")]


def test_each_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    sink, log = Sink(), tmp_path / "task-Model.log"
    metrics = EmbeddedMetrics(tmp_path, sink, CLOCK, wall=lambda: WALL)
    whole = f"{line()}\n"
    log.write_text(whole + whole[:20], encoding="utf-8")
    metrics.read()
    metrics.read()
    assert len(sink.data) == 1
    log.write_text(whole + whole, encoding="utf-8")
    metrics.read()
    assert len(sink.data) == 2


def test_every_metric_and_set_of_dimensions_is_a_datum_and_values_may_be_many() -> None:
    directive = {
        "Namespace": "N",
        "Dimensions": [["Side"], ["Side", "Zone"], []],
        "Metrics": [{"Name": "A"}, {"Name": "B", "Unit": "Count"}],
    }
    document = {
        "_aws": {"Timestamp": 1000, "CloudWatchMetrics": [directive]},
        "Side": "s",
        "Zone": "z",
        "A": [1, 2],
        "B": 3,
    }
    found = data_in(json.dumps(document, separators=(",", ":")).encode())
    assert [(one.name, dict(one.dimensions), one.values, one.unit) for one in found] == [
        ("A", {"Side": "s"}, (1.0, 2.0), "None"),
        ("A", {"Side": "s", "Zone": "z"}, (1.0, 2.0), "None"),
        ("A", {}, (1.0, 2.0), "None"),
        ("B", {"Side": "s"}, (3.0,), "Count"),
        ("B", {"Side": "s", "Zone": "z"}, (3.0,), "Count"),
        ("B", {}, (3.0,), "Count"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "inference: model 1 is ready",
        '{"_aws": no json',
        '{"_aws":{}}',
        '{"_aws":{"Timestamp":1,"CloudWatchMetrics":7}}',
        line(Side=None).replace('"Side":null,', ""),
        line(Predictions="many"),
        "inference: " + line(),
    ],
)
def test_a_line_that_breaks_the_format_is_no_metric(broken: str) -> None:
    assert data_in(broken.encode()) == []


def test_what_the_sample_service_writes_is_read() -> None:
    """The one writes the format, the other reads it: both sides of it are ours, so they are held together."""
    metrics, lines = Metrics(), []
    counts = PublishedCounts(metrics, "Inference/rehearsal", "green", 1.0, lines.append)
    metrics.predicted("billing", is_low_confidence=False)
    metrics.predicted("billing", is_low_confidence=True)
    counts.write_line()
    found = data_in(lines[0].encode())
    assert [(one.namespace, one.name, dict(one.dimensions), one.values) for one in found] == [
        ("Inference/rehearsal", "Predictions", {"Side": "green"}, (2.0,)),
        ("Inference/rehearsal", "LowConfidencePredictions", {"Side": "green"}, (1.0,)),
    ]
