"""CloudWatch's and Elastic Load Balancing's answers to the rollouts controller, on loopback. *Played.*

The controller's AWS SDK (aws-sdk-go-v2, cloudwatch v1.45) speaks the query protocol: form parameters in, XML out.
Metric math is that of the rehearsal's CloudWatch; what is measured is played in played_metrics.py.
"""

import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qs

from bluegreen_constructs.rehearsal.cloudwatch.metric_api import get_metric_data
from bluegreen_constructs.rehearsal.cloudwatch.metric_store import MetricStore
from bluegreen_constructs.rehearsal.cloudwatch.wire import as_xml, nested
from tests.eks.cluster_api import ClusterApi
from tests.eks.loopback_server import LoopbackServer
from tests.eks.played_load_balancer import RESOURCE_TAG, LoadBalancer, PlayedLoadBalancers, TargetGroup
from tests.eks.played_metrics import PlayedMetrics

Answer = dict[str, Any]


class PlayedAws(LoopbackServer):
    """A server of both APIs. `failures` holds what it could not answer: a test that meets one proves nothing."""

    def __init__(self, api: ClusterApi, load_balancers: PlayedLoadBalancers) -> None:
        self.metrics = PlayedMetrics(api, load_balancers)
        self.failures: list[str] = []
        self.calls: list[str] = []
        self._load_balancers = load_balancers
        super().__init__(_handler(self), "played AWS")

    def answer(self, request: Mapping[str, Any]) -> Answer:
        """The inside of one result."""
        action = str(request.get("Action"))
        self.calls.append(action)
        if action == "GetMetricData":
            return get_metric_data(request, cast("MetricStore", self.metrics))
        if action == "DescribeLoadBalancers":
            return {"LoadBalancers": [_load_balancer(one) for one in self._load_balancers.load_balancers()]}
        if action == "DescribeTargetHealth":
            group = self._group(str(request["TargetGroupArn"]))
            targets = self._load_balancers.targets(group)
            health = [
                {"Target": {"Id": one.address, "Port": one.port}, "TargetHealth": {"State": "healthy"}}
                for one in targets
            ]
            return {"TargetHealthDescriptions": health}
        if action == "DescribeTags":
            return {
                "TagDescriptions": [
                    {"ResourceArn": arn, "Tags": [{"Key": RESOURCE_TAG, "Value": self._group(arn).resource}]}
                    for arn in map(str, request["ResourceArns"])
                ]
            }
        if action == "DescribeRules":
            groups = self._groups_of(str(request["ListenerArn"]).removesuffix("#listener"))
            pairs = [{"TargetGroupArn": group.arn, "Weight": group.weight} for group in groups]
            action_of_rule = {"Type": "forward", "ForwardConfig": {"TargetGroups": pairs}}
            return {"Rules": [{"RuleArn": "made-up", "Priority": "1", "Actions": [action_of_rule]}]}
        arn = str(request.get("LoadBalancerArn"))
        if action == "DescribeTargetGroups":
            found = [{"TargetGroupArn": group.arn, "TargetGroupName": group.name} for group in self._groups_of(arn)]
            return {"TargetGroups": found}
        if action == "DescribeListeners":
            return {"Listeners": [{"ListenerArn": f"{arn}#listener", "LoadBalancerArn": arn}]}
        raise AssertionError(f"{action} is not played; see {__file__}")

    def _groups_of(self, arn: str) -> list[TargetGroup]:
        found = [one for one in self._load_balancers.load_balancers() if one.arn == arn]
        return [group for one in found for group in self._load_balancers.target_groups(one)]

    def _group(self, arn: str) -> TargetGroup:
        for one in self._load_balancers.load_balancers():
            for group in self._load_balancers.target_groups(one):
                if group.arn == arn:
                    return group
        raise LookupError(f"no target group {arn}")


def _load_balancer(of: LoadBalancer) -> Answer:
    return {"LoadBalancerArn": of.arn, "LoadBalancerName": of.name, "DNSName": of.host_name, "Type": "application"}


def _handler(aws: PlayedAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = nested({name: values[0] for name, values in parse_qs(body.decode()).items()})
            action = str(request.get("Action"))
            try:
                inside, status = as_xml(aws.answer(request)), 200
                text = f"<{action}Response><{action}Result>{inside}</{action}Result></{action}Response>"
            except LookupError as error:
                status = 400
                inside = f"<Code>TargetGroupNotFound</Code><Message>{error}</Message>"
                text = f"<ErrorResponse><Error>{inside}</Error></ErrorResponse>"
            except Exception:  # noqa: BLE001 - whatever it is, the test has to see it
                aws.failures.append(f"{action}: {traceback.format_exc()}")
                text, status = "<ErrorResponse/>", 500
            answer = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Nothing: what counts is in `calls` and `failures`."""

    return Handler
