"""Scaling of a service, right while both sides run: target tracking on metric math over both groups, and schedules."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from .guardrail_alarms import SideMetrics
from .scaling import Scaling

# What one side's tasks would use: the service's average is over the tasks of both, as many as the groups have together,
# and the work is what the larger one carries after the last step. The condition, because a minute without CPU is no
# idle one, and arithmetic would make it zero. No MAX with a number in it, because an array holds time series only.
_LARGER = "MAX([FILL(hb,0),FILL(hg,0)])"
_CPU = f"IF(cpu>=0,cpu*IF({_LARGER}>0,(FILL(hb,0)+FILL(hg,0))/IF({_LARGER}>0,{_LARGER},1),1))"


@dataclass(frozen=True)
class _Load:
    """What is kept at `value`: an expression over `metrics`."""

    value: float
    metrics: Sequence[dict[str, object]]
    expression: str


def scale_tasks(
    scope: Construct,
    scaling: Scaling,
    *,
    cluster_name: str,
    service_name: str,
    metrics: SideMetrics,
    holds_count: bool = False,
) -> None:
    """Make the scalable target and its policies; nothing when the count stays as it is.

    holds_count: whether the target is needed also then, because the service itself does not say how many tasks run.
    """
    if not scaling.moves and not holds_count:
        return
    target = autoscaling.CfnScalableTarget(
        scope,
        "ScalableTarget",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id=f"service/{cluster_name}/{service_name}",
        min_capacity=scaling.min,
        max_capacity=scaling.max or scaling.min,  # a schedule brings its own bounds
        scheduled_actions=[
            {
                "scheduledActionName": f"Schedule{number}",
                "schedule": one.schedule,
                "timezone": one.time_zone,
                "scalableTargetAction": {"minCapacity": one.min, "maxCapacity": one.max},
            }
            for number, one in enumerate(scaling.schedules, start=1)
        ]
        or None,
    )
    if scaling.requests_per_target is not None:
        # The predefined metric watches one target group, and sees nothing after every other release. The sum over both
        # reads requests / tasks at every split of a canary: the load that one side carries after the last step.
        requests = metrics.pair("t", "RequestCountPerTarget", "Sum")
        _track(scope, target, "Request", _Load(scaling.requests_per_target, requests, "FILL(tb,0)+FILL(tg,0)"))
    if scaling.cpu_percent is not None:
        service = [{"Name": "ClusterName", "Value": cluster_name}, {"Name": "ServiceName", "Value": service_name}]
        cpu: dict[str, object] = {
            "Id": "cpu",
            "ReturnData": False,
            "MetricStat": {
                "Stat": "Average",
                "Metric": {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": service},
            },
        }
        healthy = metrics.pair("h", "HealthyHostCount", "Maximum")
        _track(scope, target, "Cpu", _Load(scaling.cpu_percent, [cpu, *healthy], _CPU))


def _track(scope: Construct, target: autoscaling.CfnScalableTarget, name: str, load: _Load) -> None:
    policy = autoscaling.CfnScalingPolicy(
        scope,
        f"{name}Scaling",
        policy_name=f"{scope.node.id}{name}",
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
    )
    policy.add_property_override(
        "TargetTrackingScalingPolicyConfiguration",
        {
            "TargetValue": load.value,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    *map(_without_period, load.metrics),
                    {"Id": "load", "Expression": load.expression, "ReturnData": True},
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
