"""Scaling on requests, right while both sides run: target tracking on metric math over both groups."""

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from .guardrail_alarms import SideMetrics
from .scaling import Scaling


def scale_on_requests(
    scope: Construct, scaling: Scaling, *, cluster_name: str, service_name: str, metrics: SideMetrics
) -> None:
    """Let Application Auto Scaling keep `scaling.requests_per_target` requests a minute for each task.

    The predefined metric watches one target group, and sees nothing after every other release. The sum over both reads
    requests / tasks at every split of a canary: the load that one side carries after the last step.
    """
    target = autoscaling.CfnScalableTarget(
        scope,
        "ScalableTarget",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=cdk.Fn.join("/", ["service", cluster_name, service_name]),
        min_capacity=scaling.min,
        max_capacity=scaling.max or scaling.min,
    )
    policy = autoscaling.CfnScalingPolicy(
        scope,
        "RequestScaling",
        policy_name=f"{scope.node.id}Requests",
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
    )
    policy.add_property_override(
        "TargetTrackingScalingPolicyConfiguration",
        {
            "TargetValue": scaling.requests_per_target,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    *map(_without_period, metrics.pair("t", "RequestCountPerTarget", "Sum")),
                    {"Id": "load", "Expression": "FILL(tb,0)+FILL(tg,0)", "ReturnData": True},
                ]
            },
        },
    )


def _without_period(metric: dict[str, object]) -> dict[str, object]:
    """A scaling policy's metric has no period of its own (Application Auto Scaling uses one minute)."""
    stat = metric["MetricStat"]
    if not isinstance(stat, dict):
        raise TypeError("a metric statistic is a mapping")
    return {**metric, "MetricStat": {key: value for key, value in stat.items() if key != "Period"}}
