"""RolloutDashboard: both sides of a target side by side, in CloudWatch."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from .guardrail_alarms import PERIOD_SECONDS, Name, SideMetrics

_WIDTH, _HEIGHT = 12, 6
# Title, unit, metric, statistic. Load balancer metrics:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
_GRAPHS = (
    ("Requests a minute", "RequestCount", "Sum"),
    ("5xx answers a minute", "HTTPCode_Target_5XX_Count", "Sum"),
    ("Seconds to the first byte, 95th percentile", "TargetResponseTime", "p95"),
    ("Connections that targets refused, a minute", "TargetConnectionErrorCount", "Sum"),
    ("Healthy targets", "HealthyHostCount", "Minimum"),
    ("Unhealthy targets", "UnHealthyHostCount", "Minimum"),
)
_COLOURS = {"blue": "#1f77b4", "green": "#2ca02c"}


class RolloutDashboard(Construct):
    """Requests, errors, latency and health of both sides; CloudWatch has no metric of a rule's weights.

    What share each side has shows in its requests; `bluegreen status` has the weights.
    """

    def __init__(self, scope: Construct, id: str, *, target: str, metrics: SideMetrics) -> None:
        """Make the dashboard of `target`."""
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        heading = {"markdown": f"# {target}\n`bluegreen status {target}` has the weights, `explain` the evidence"}
        widgets: list[dict[str, object]] = [
            {"type": "text", "x": 0, "y": 0, "width": 2 * _WIDTH, "height": 2, "properties": heading}
        ]
        for number, (title, name, stat) in enumerate(_GRAPHS):
            widgets.append(
                {
                    "type": "metric",
                    "x": number % 2 * _WIDTH,
                    "y": 2 + number // 2 * _HEIGHT,
                    "width": _WIDTH,
                    "height": _HEIGHT,
                    "properties": {
                        "title": title,
                        "region": stack.region,
                        "view": "timeSeries",
                        "period": PERIOD_SECONDS,
                        "stat": stat,
                        "yAxis": {"left": {"min": 0}},
                        "metrics": [
                            _line(metrics, name, side, group)
                            for side, group in (("blue", metrics.blue), ("green", metrics.green))
                        ],
                    },
                }
            )
        self.resource = cloudwatch.CfnDashboard(
            self, "Resource", dashboard_body=stack.to_json_string({"widgets": widgets})
        )


def _line(metrics: SideMetrics, name: str, side: str, group: Name) -> list[object]:
    dimensions = ["TargetGroup", _in_text(group), "LoadBalancer", _in_text(metrics.load_balancer)]
    return ["AWS/ApplicationELB", name, *dimensions, {"label": side, "color": _COLOURS[side]}]


def _in_text(name: Name) -> str:
    """The name as a token: inside the body, which is a text, CloudFormation would not look at a plain intrinsic."""
    return name if isinstance(name, str) else cdk.Token.as_string(name)
