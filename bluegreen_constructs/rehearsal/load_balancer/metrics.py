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
- TargetResponseTime, TargetConnectionErrorCount, HTTPCode_ELB_*, HTTP_Fixed_Response_Count, HTTP_Redirect_Count: "There
  is a nonzero value".

That the page's general sentence about flowing requests does not hold back the host counts and RequestCountPerTarget is
how we read it (their own criteria are narrower); nobody here has seen it in an account. A group is reported while a rule
names it. The dimension sets with an Availability Zone are not published.
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


@dataclass(frozen=True)
class _Look:
    """What the last look in a minute saw of one group's targets."""

    healthy: int
    registered: int


@dataclass
class _Minute:
    """One minute: samples by metric, requests by group, and which groups and balancers were in use."""

    samples: defaultdict[tuple[str, _Dimensions, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    looks: dict[tuple[str, str], _Look] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def points(self, at: float) -> Iterator[Point]:
        """Everything that is reported of this minute."""
        reported = {**{key: _Look(0, 1) for key in self.requests}, **self.looks}
        for (balancer, group), look in reported.items():
            requests = float(self.requests[balancer, group])
            dimensions = _group(balancer, group)
            share = requests / (look.healthy or look.registered or 1)
            for place in ((("TargetGroup", group),), dimensions):
                yield Point("RequestCountPerTarget", place, (share,), at, "Count")
            if look.registered and balancer in self.asked:
                yield Point("RequestCount", dimensions, (requests,), at, "Count")
                self._fill_with_zero(dimensions)
        for balancer in sorted(self.asked):
            groups = {key: look for key, look in reported.items() if key[0] == balancer and look.registered}
            if groups:
                requests = float(sum(self.requests[key] for key in groups))
                yield Point("RequestCount", _balancer(balancer), (requests,), at, "Count")
                self._fill_with_zero(_balancer(balancer))
        for (name, dimensions, unit), values in self.samples.items():
            yield Point(name, dimensions, tuple(values), at, unit)

    def _fill_with_zero(self, dimensions: _Dimensions) -> None:
        for kind in _TARGET_CODES:
            self.samples[f"HTTPCode_Target_{kind}XX_Count", dimensions, "Count"] |= []
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
