"""The counts that CloudWatch reads out of the sample service's log, and the incident of a rehearsal."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from services.inference.errors import SettingsError
from services.inference.incident import Incident
from services.inference.metrics import Metrics
from services.inference.published_counts import PublishedCounts
from services.inference.settings import Settings


def counts(metrics: Metrics, seconds: float = 0.01) -> tuple[PublishedCounts, list[str]]:
    lines: list[str] = []
    return PublishedCounts(metrics, "Inference", "blue", seconds, lines.append), lines


def predict(metrics: Metrics, *, low: bool = False) -> None:
    metrics.predicted("billing", is_low_confidence=low)


def test_each_line_holds_what_came_since_the_last_one() -> None:
    metrics = Metrics()
    published, lines = counts(metrics)
    predict(metrics)
    predict(metrics, low=True)
    published.write_line()
    predict(metrics)
    published.write_line()
    told = [json.loads(line) for line in lines]
    assert [(one["Predictions"], one["LowConfidencePredictions"], one["Side"]) for one in told] == [
        (2, 1, "blue"),
        (1, 0, "blue"),
    ]


def test_no_prediction_is_no_line() -> None:
    published, lines = counts(Metrics())
    published.write_line()
    assert lines == []


def test_the_last_counts_are_written_at_the_end() -> None:
    async def run() -> list[str]:
        metrics = Metrics()
        published, lines = counts(metrics, seconds=60.0)
        writing = asyncio.create_task(published.keep_writing())
        await asyncio.sleep(0)
        predict(metrics)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        return lines

    assert len(asyncio.run(run())) == 1


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"METRICS_NAMESPACE": "Inference"}, "METRICS_NAMESPACE is 'Inference' without BLUEGREEN_SIDE"),
        ({"METRICS_SECONDS": "0"}, "METRICS_SECONDS is '0'; give a number from 0.1 to 60"),
        ({"METRICS_SECONDS": "soon"}, "METRICS_SECONDS is 'soon'"),
        ({"LOW_CONFIDENCE_BELOW": "1.5"}, "LOW_CONFIDENCE_BELOW is '1.5'; give a number from 0 to 1"),
        ({"METRICS_NAMESPACE": "two words", "BLUEGREEN_SIDE": "blue"}, "METRICS_NAMESPACE is 'two words'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence.replace("(", r"\(")):
        Settings.from_environment(environment)


def test_settings_are_read() -> None:
    settings = Settings.from_environment(
        {
            "METRICS_NAMESPACE": "Inference/dev",
            "BLUEGREEN_SIDE": "green",
            "METRICS_SECONDS": "0.5",
            "LOW_CONFIDENCE_BELOW": "0.3",
            "INCIDENT_FILE": "~/incident",
        }
    )
    assert (settings.metrics_namespace, settings.metrics_seconds) == ("Inference/dev", 0.5)
    assert settings.low_confidence_below == 0.3
    assert settings.incident_file == Path("~/incident").expanduser()


def test_an_incident_lasts_as_long_as_its_file(tmp_path: Path) -> None:
    file = tmp_path / "incident"
    incident = Incident(file)
    assert [incident.strikes() for _ in range(4)] == [False] * 4
    file.write_text("0.5", encoding="ascii")
    assert sum(incident.strikes() for _ in range(10)) == 5
    file.write_text("1", encoding="ascii")
    assert all(incident.strikes() for _ in range(4))
    file.unlink()
    assert not incident.strikes()


@pytest.mark.parametrize("written", ["", "half", "2", "-1", "1/0"])
def test_what_is_no_share_is_no_incident(tmp_path: Path, written: str) -> None:
    file = tmp_path / "incident"
    file.write_text(written, encoding="ascii")
    assert not any(Incident(file).strikes() for _ in range(4))


def test_a_service_without_the_variable_never_looks_for_a_file() -> None:
    assert not Incident(None).strikes()
