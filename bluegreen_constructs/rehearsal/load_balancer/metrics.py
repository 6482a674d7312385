"""AWS/ApplicationELB metrics, minute by minute, with AWS's dimensions and AWS's omissions.

Follows https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html:
measured and sent in 60-second intervals (rehearsed seconds, aligned to the minute), so a data point appears after its
minute has ended, never in part; health checks are not counted. What is reported when ("Reporting criteria"):

- RequestCount and HTTPCode_Target_*: "Reported if there are registered targets", so that a minute in which there was
  nothing to count has a zero. But "if there are no requests flowing through the load balancer [...] the metric is not
  reported": in a minute without any request to the load balancer these are left out.
- HealthyHostCount, UnHealthyHostCount: "Reported if there are registered targets", whether requests flow or not.
- RequestCountPerTarget: "Always reported"; divided "by the number of healthy targets", or, "if there are no healthy
  targets in the target group, [...] by the total number of registered targets".
- TargetResponseTime, TargetConnectionErrorCount, HTTPCode_ELB_*, HTTP_Fixed_Response_Count, HTTP_Redirect_Count,
  LambdaUserError, LambdaInternalError: "There is a nonzero value".

That the page's general sentence about flowing requests does not hold back the host counts and RequestCountPerTarget is
how we read it (their own criteria are narrower), not seen in an account. A group is reported while a rule names it. The
dimension sets with an Availability Zone are not published. Nor are host counts of a group without health checks, whose
function is neither healthy nor unhealthy: our reading, too.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...engine.errors import ConfigurationError

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


@dataclass(frozen=True)
class PublicationLag:
    """How many rehearsed seconds after the end of its minute a data point can be seen in CloudWatch.

    An assumption: AWS documents the interval of the metrics, not when they arrive. It does say that metrics may be
    "published with a slight delay, and the most recent minute never has data" (FILL, in
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html), and alarms on a load
    balancer's metrics were seen to follow minutes late (https://repost.aws/questions/QU3sXoMuWFRTiBI-EX7H2LCA). One
    whole minute makes every alarm see a minute one minute later than it could at best.
    """

    seconds: float = MINUTE

    def __post_init__(self) -> None:
        """Refuse a lag before the end of the minute."""
        if not 0 <= self.seconds < math.inf:
            raise ConfigurationError(f"PublicationLag seconds is {self.seconds:g}; give 0 or more")


@dataclass
class _Group:
    """One group in one minute: its requests, and what the looks at its targets saw."""

    healthy: int = 0
    registered: int = 0
    requests: int = 0


@dataclass
class _Minute:
    """One minute: samples by metric, the groups that rules name, and the load balancers that got a request."""

    samples: dict[tuple[str, _Dimensions, str], list[float]] = field(default_factory=dict)
    groups: dict[tuple[str, str], _Group] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def add(self, name: str, dimensions: _Dimensions, value: float, unit: str = "Count") -> None:
        """Add a sample."""
        self.samples.setdefault((name, dimensions, unit), []).append(value)

    def group(self, balancer: str, group: str) -> _Group:
        """What is known of a group; nothing at first."""
        return self.groups.setdefault((balancer, group), _Group())

    def complete(self) -> None:
        """Add what can only be said when the minute has ended."""
        requests: Counter[str] = Counter()
        for (balancer, group), seen in self.groups.items():
            share = seen.requests / (seen.healthy or seen.registered or 1)
            for dimensions in ((("TargetGroup", group),), _group(balancer, group)):
                self.add("RequestCountPerTarget", dimensions, share)
            if seen.registered and balancer in self.asked:
                self._count(_group(balancer, group), seen.requests)
                requests[balancer] += seen.requests
        for balancer, total in requests.items():
            self._count(_balancer(balancer), total)

    def _count(self, dimensions: _Dimensions, requests: int) -> None:
        self.add("RequestCount", dimensions, float(requests))
        for kind in range(2, 6):
            self.samples.setdefault((f"HTTPCode_Target_{kind}XX_Count", dimensions, "Count"), [0.0])


class MinuteBook:
    """Collects what the data plane did and hands out the points of each minute once it has ended.

    Balancers and groups are named by their CloudWatch dimension values (`app/name/id`, `targetgroup/name/id`).
    """

    def __init__(self) -> None:
        self._minutes: dict[float, _Minute] = {}
        self._healthy: dict[tuple[str, str], int] = {}

    def chosen(self, balancer: str, group: str, now: float) -> None:
        """A request got a target (RequestCount counts only those)."""
        minute = self._minute(now)
        minute.asked.add(balancer)
        seen = minute.group(balancer, group)
        if not seen.registered:  # no look in this minute yet
            seen.registered, seen.healthy = 1, self._healthy.get((balancer, group), 0)
        seen.requests += 1

    def target_answered(self, balancer: str, group: str, status: int, seconds: float, now: float) -> None:
        """A target answered with `status`, its response headers `seconds` (real) after the request was sent."""
        minute = self._minute(now)
        for dimensions in (_balancer(balancer), _group(balancer, group)):
            minute.add("TargetResponseTime", dimensions, seconds, "Seconds")
            if 2 <= status // 100 <= 5:
                minute.add(f"HTTPCode_Target_{status // 100}XX_Count", dimensions, 1.0)

    def connection_failed(self, balancer: str, group: str, now: float) -> None:
        """No connection to the chosen target came about."""
        minute = self._minute(now)
        for dimensions in (_balancer(balancer), _group(balancer, group)):
            minute.add("TargetConnectionErrorCount", dimensions, 1.0)

    def function_failed(self, balancer: str, group: str, now: float, *, is_internal: bool) -> None:
        """A function could not be invoked or answered nothing usable; `is_internal`: for a reason of Lambda's own."""
        name = "LambdaInternalError" if is_internal else "LambdaUserError"
        for dimensions in ((("TargetGroup", group),), _group(balancer, group)):
            self._minute(now).add(name, dimensions, 1.0)

    def balancer_answered(self, balancer: str, status: int, now: float, action: str | None = None) -> None:
        """The load balancer answered itself; `action` is "Fixed_Response" or "Redirect" for a rule's action.

        These counts have the load balancer's dimension only: a group without targets is not seen in its own 5xx.
        """
        minute, dimensions = self._minute(now), _balancer(balancer)
        minute.asked.add(balancer)
        if status // 100 in {3, 4, 5}:
            minute.add(f"HTTPCode_ELB_{status // 100}XX_Count", dimensions, 1.0)
        if status in {500, 502, 503, 504}:
            minute.add(f"HTTPCode_ELB_{status}_Count", dimensions, 1.0)
        if action is not None:
            minute.add(f"HTTP_{action}_Count", dimensions, 1.0)

    def hosts(
        self,
        balancer: str,
        group: str,
        *,
        healthy: int,
        unhealthy: int,
        registered: int,
        now: float,
        is_checked: bool = True,
    ) -> None:
        """One look at a used group's targets; call it a few times a minute, so that minimum and average say something.

        Registered targets that are neither (initial) count in neither; those that drain are no longer registered.
        """
        minute, dimensions = self._minute(now), _group(balancer, group)
        if registered and is_checked:
            minute.add("HealthyHostCount", dimensions, float(healthy))
            minute.add("UnHealthyHostCount", dimensions, float(unhealthy))
        seen = minute.group(balancer, group)
        seen.healthy, seen.registered = healthy, max(seen.registered, registered)
        self._healthy[balancer, group] = healthy

    def ended(self, now: float) -> list[Point]:
        """The points of all minutes that have ended by `now`, each handed out once."""
        points = []
        for at in sorted(start for start in self._minutes if start + MINUTE <= now):
            minute = self._minutes.pop(at)
            minute.complete()
            for (name, dimensions, unit), values in minute.samples.items():
                points.append(Point(name, dimensions, tuple(values), at, unit))
        return points

    def _minute(self, now: float) -> _Minute:
        return self._minutes.setdefault(_start(now), _Minute())


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
