"""AWS/ApplicationELB metrics, minute by minute, with AWS's dimensions and AWS's omissions.

Follows https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html:
measured and sent in 60-second intervals (rehearsed seconds, aligned to the minute), so a data point appears when its
minute has ended, never in part; a count without anything to count is not reported; health checks are not counted.
The dimension sets with an Availability Zone are not published.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

NAMESPACE = "AWS/ApplicationELB"
MINUTE = 60.0

_Dimensions = tuple[tuple[str, str], ...]


class MetricSink(Protocol):
    """Where data points go; many samples in one call are one minute's samples, for percentiles."""

    def put(  # noqa: PLR0917  # the shape that the metric store and its callers agreed on
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        values: Sequence[float],
        at: float,
        unit: str = "None",
    ) -> None:
        """Take the samples of one metric at one instant (rehearsed seconds since the epoch)."""


@dataclass(frozen=True)
class Point:
    """The samples of one metric in the minute that begins `at`."""

    name: str
    dimensions: _Dimensions
    values: tuple[float, ...]
    at: float
    unit: str


class MinuteBook:
    """Collects what the data plane did and hands out the points of each minute once it has ended.

    Balancers and groups are named by their CloudWatch dimension values (`app/name/id`, `targetgroup/name/id`).
    """

    def __init__(self) -> None:
        self._minutes: dict[float, dict[tuple[str, _Dimensions, str], list[float]]] = {}
        self._requests: dict[float, dict[tuple[str, str], int]] = {}
        self._hosts: dict[tuple[str, str], int] = {}

    def chosen(self, balancer: str, group: str, now: float) -> None:
        """A request got a target (RequestCount counts only those)."""
        minute = self._minute(now)
        for dimensions in (_balancer(balancer), _group(balancer, group)):
            values = minute["RequestCount", dimensions, "Count"]
            values[:] = [(values[0] if values else 0.0) + 1.0]
        self._requests[_start(now)][balancer, group] += 1

    def target_answered(self, balancer: str, group: str, status: int, seconds: float, now: float) -> None:
        """A target answered with `status`, its response headers `seconds` (real) after the request was sent."""
        minute = self._minute(now)
        for dimensions in (_balancer(balancer), _group(balancer, group)):
            minute["TargetResponseTime", dimensions, "Seconds"].append(seconds)
            if 2 <= status // 100 <= 5:
                minute[f"HTTPCode_Target_{status // 100}XX_Count", dimensions, "Count"].append(1.0)

    def connection_failed(self, balancer: str, group: str, now: float) -> None:
        """No connection to the chosen target came about."""
        minute = self._minute(now)
        for dimensions in (_balancer(balancer), _group(balancer, group)):
            minute["TargetConnectionErrorCount", dimensions, "Count"].append(1.0)

    def balancer_answered(self, balancer: str, status: int, now: float, action: str | None = None) -> None:
        """The load balancer answered itself; `action` is "Fixed_Response" or "Redirect" for a rule's action.

        These counts have the load balancer's dimension only: a group without targets is not seen in its own 5xx.
        """
        minute, dimensions = self._minute(now), _balancer(balancer)
        if status // 100 in {3, 4, 5}:
            minute[f"HTTPCode_ELB_{status // 100}XX_Count", dimensions, "Count"].append(1.0)
        if status in {500, 502, 503, 504}:
            minute[f"HTTPCode_ELB_{status}_Count", dimensions, "Count"].append(1.0)
        if action is not None:
            minute[f"HTTP_{action}_Count", dimensions, "Count"].append(1.0)

    def hosts(self, balancer: str, group: str, healthy: int, unhealthy: int, now: float) -> None:
        """One look at a used group's targets; call it a few times a minute, so that minimum and average say something.

        Targets that are neither (initial, draining) count in neither.
        """
        minute, dimensions = self._minute(now), _group(balancer, group)
        minute["HealthyHostCount", dimensions, "Count"].append(float(healthy))
        minute["UnHealthyHostCount", dimensions, "Count"].append(float(unhealthy))
        self._hosts[balancer, group] = healthy

    def ended(self, now: float) -> list[Point]:
        """The points of all minutes that have ended by `now`, each handed out once."""
        points = []
        for at in sorted(start for start in self._minutes if start + MINUTE <= now):
            for (name, dimensions, unit), values in self._minutes.pop(at).items():
                points.append(Point(name, dimensions, tuple(values), at, unit))
            for (balancer, group), requests in self._requests.pop(at).items():
                share = requests / max(self._hosts.get((balancer, group), 0), 1)
                points.extend(
                    Point("RequestCountPerTarget", dimensions, (share,), at, "Count")
                    for dimensions in ((("TargetGroup", group),), _group(balancer, group))
                )
        return points

    def _minute(self, now: float) -> dict[tuple[str, _Dimensions, str], list[float]]:
        start = _start(now)
        if start not in self._minutes:
            self._minutes[start], self._requests[start] = defaultdict(list), defaultdict(int)
        return self._minutes[start]


def publish(points: Sequence[Point], sink: MetricSink) -> None:
    """Hand points to CloudWatch."""
    for point in points:
        sink.put(NAMESPACE, point.name, dict(point.dimensions), point.values, point.at, point.unit)


def _start(now: float) -> float:
    return now - now % MINUTE


def _balancer(balancer: str) -> _Dimensions:
    return (("LoadBalancer", balancer),)


def _group(balancer: str, group: str) -> _Dimensions:
    return (("LoadBalancer", balancer), ("TargetGroup", group))
