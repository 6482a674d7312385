"""What the process counts, in the Prometheus text format."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class Histogram:
    """Durations in seconds, counted by the first bucket that holds them; the last one is +Inf."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


@dataclass
class Metrics:
    """Counters of one process. All of it runs on the event loop, so nothing here is locked."""

    identity: Mapping[str, str] = field(default_factory=dict)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    durations: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    predictions: Counter[str] = field(default_factory=Counter)
    low_confidence: int = 0

    def answered(self, route: str, status: int, seconds: float, *, complete: bool) -> None:
        """Count one answer; a 5xx, or an answer that was cut off, is also an error."""
        self.requests[route, status] += 1
        self.durations[route].observe(seconds)
        if status >= 500 or not complete:
            self.errors[route] += 1

    def predicted(self, topic: str, *, is_low_confidence: bool) -> None:
        """Count one prediction that a client was given."""
        self.predictions[topic] += 1
        self.low_confidence += is_low_confidence

    def render(self) -> str:
        """All of it as Prometheus reads it."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _header("inference_info", "gauge", "which release, model and side this process is")
        yield f"inference_info{_labels(**self.identity)} 1"
        yield from _header("inference_requests_total", "counter", "answers by route and status")
        for (route, status), count in sorted(self.requests.items()):
            yield f"inference_requests_total{_labels(route=route, status=str(status))} {count}"
        yield from _header("inference_errors_total", "counter", "answers with a 5xx status or cut off")
        for route, count in sorted(self.errors.items()):
            yield f"inference_errors_total{_labels(route=route)} {count}"
        yield from _header("inference_request_seconds", "histogram", "time to the end of the answer")
        for route, histogram in sorted(self.durations.items()):
            yield from _histogram("inference_request_seconds", route, histogram)
        yield from _header("inference_predictions_total", "counter", "predictions given, by topic")
        for topic, count in sorted(self.predictions.items()):
            yield f"inference_predictions_total{_labels(topic=topic)} {count}"
        yield from _header(
            "inference_low_confidence_predictions_total", "counter", "predictions the model was unsure about"
        )
        yield f"inference_low_confidence_predictions_total {self.low_confidence}"


def _header(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def _histogram(name: str, route: str, histogram: Histogram) -> Iterator[str]:
    so_far = 0
    for limit, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
        so_far += count
        yield f"{name}_bucket{_labels(route=route, le=limit)} {so_far}"
    yield f"{name}_sum{_labels(route=route)} {histogram.total:.6f}"
    yield f"{name}_count{_labels(route=route)} {so_far}"


def _labels(**labels: str) -> str:
    # Routes, topics and validated tokens: nothing in them needs escaping.
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"
