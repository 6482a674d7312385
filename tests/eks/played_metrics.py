"""What CloudWatch would have measured at the played load balancers, from what is live at this moment. *Played.*

An image's tag says how its pods answer: `bad…` fails every other request, `slow…` takes three seconds, anything else
answers well in 50 ms. The load balancer gets REQUESTS a minute, shared by the weights; a target group without a weight
or without ready pods gets none, and CloudWatch then has no data. As AWS documents it, counts of errors that are zero
are not reported either, and a metric exists under exact dimensions only. Beside them there are an application's own
metrics, `Made` and `Failed` in the namespace `Inference`, with the hash of its pods as the dimension `Release`.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from collections.abc import Sequence

from bluegreen_constructs.rehearsal.cloudwatch.metric_store import MetricIdentity, Point
from tests.eks.cluster_api import ClusterApi
from tests.eks.played_load_balancer import PlayedLoadBalancers, TargetGroup

REQUESTS = 6000.0
"""A minute, at each load balancer."""
NAMESPACE = "AWS/ApplicationELB"
OWN_NAMESPACE = "Inference"


class PlayedMetrics:
    """A source of values for the CloudWatch emulated by the rehearsal: no history, now counts for all of a window.

    `is_silent`: CloudWatch has no data of anything, as in an outage of it.
    """

    def __init__(self, api: ClusterApi, load_balancers: PlayedLoadBalancers) -> None:
        self._api = api
        self._load_balancers = load_balancers
        self.is_silent = False
        self.asked: list[MetricIdentity] = []

    def points(
        self, metric: MetricIdentity, statistic: str, *, start: float, end: float, period: int, unit: str | None = None
    ) -> list[Point]:
        """One for each period, all alike; none where nothing is measured."""
        self.asked.append(metric)
        value = None if self.is_silent else self._value(metric, period / 60.0)
        if value is None:
            return []
        return [Point(start + number * period, value) for number in range(max(1, int((end - start) // period)))]

    def _value(self, metric: MetricIdentity, minutes: float) -> float | None:
        dimensions = dict(metric.dimensions)
        if metric.namespace == OWN_NAMESPACE and set(dimensions) == {"Release"}:
            return self._of_predictions(metric.name, dimensions["Release"], minutes)
        if metric.namespace != NAMESPACE or set(dimensions) not in ({"LoadBalancer"}, {"LoadBalancer", "TargetGroup"}):
            return None
        groups = [
            group
            for one in self._load_balancers.load_balancers()
            if one.full_name == dimensions["LoadBalancer"]
            for group in self._load_balancers.target_groups(one)
            if dimensions.get("TargetGroup", group.full_name) == group.full_name
        ]
        if metric.name in ("HealthyHostCount", "UnHealthyHostCount"):
            targets = sum(len(self._load_balancers.targets(group)) for group in groups)
            return None if not targets else float(targets if metric.name == "HealthyHostCount" else 0)
        return self._of_requests(metric.name, groups, minutes)

    def _of_predictions(self, name: str, pod_hash: str, minutes: float) -> float | None:
        for one in self._api.list("", "replicasets"):
            labels, status = one["metadata"].get("labels", {}), one.get("status", {})
            if labels.get("rollouts-pod-template-hash") == pod_hash and status.get("readyReplicas"):
                tag = one["spec"]["template"]["spec"]["containers"][0]["image"].rsplit(":", 1)[-1]
                failed = REQUESTS * minutes / 2 if tag.startswith("bad") else 0.0
                return {"Made": REQUESTS * minutes, "Failed": failed}.get(name) or None
        return None

    def _of_requests(self, name: str, groups: Sequence[TargetGroup], minutes: float) -> float | None:
        requests = errors = seconds = 0.0
        for group in groups:
            images = [target.image for target in self._load_balancers.targets(group)] if group.weight else []
            for image in images:
                share = REQUESTS * minutes * group.weight / 100 / len(images)
                tag = image.rsplit(":", 1)[-1]
                requests += share
                errors += share / 2 if tag.startswith("bad") else 0.0
                seconds += share * (3.0 if tag.startswith("slow") else 0.05)
        if name == "TargetResponseTime":
            return seconds / requests if requests else None
        counts = {
            "RequestCount": requests,
            "HTTPCode_Target_2XX_Count": requests - errors,
            "HTTPCode_Target_5XX_Count": errors,
        }
        return counts.get(name) or None
