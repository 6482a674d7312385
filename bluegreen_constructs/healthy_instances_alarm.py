"""The alarm of a fleet that AWS CodeDeploy deploys to: fewer healthy instances serve than a side has."""

from aws_cdk import CfnResource
from constructs import Construct

from .guardrail_alarms import PERIOD_SECONDS, Name

_BAD_MINUTES = 2
_LATE_MINUTES = 3


class HealthyInstancesAlarm:
    """`<target>/HealthyInstances` goes off when fewer than `size` targets are healthy in 2 of 5 minutes.

    In a deployment it takes back what has moved the traffic to fewer instances than a side has: CodeDeploy itself is
    content with what its configuration says. Between deployments it tells of an instance that hangs, or that Auto
    Scaling has replaced by one without a release.

    Nothing registered is no data, and no data is bad: whatever ended them all, requests get no answer. So it is red
    before the first deployment, too; `bluegreen start` leaves it out there.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
    """

    def __init__(self, scope: Construct, *, target: str, load_balancer: Name, group: Name, size: int) -> None:
        """Make it. load_balancer, group: their names in metric dimensions."""
        self.name = f"{target}/HealthyInstances"
        self.resource = CfnResource(
            scope,
            "HealthyInstancesAlarm",
            type="AWS::CloudWatch::Alarm",
            properties={
                "AlarmName": self.name,
                "AlarmDescription": f"fewer than the {size} healthy instances that a side has serve",
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "HealthyHostCount",
                "Dimensions": [
                    {"Name": "TargetGroup", "Value": group},
                    {"Name": "LoadBalancer", "Value": load_balancer},
                ],
                # Maximum, because each node of the load balancer counts for itself: all of them have to miss one.
                "Statistic": "Maximum",
                "Period": PERIOD_SECONDS,
                "ComparisonOperator": "LessThanThreshold",
                "Threshold": size,
                # Metrics come a minute or two late.
                "EvaluationPeriods": _BAD_MINUTES + _LATE_MINUTES,
                "DatapointsToAlarm": _BAD_MINUTES,
                "TreatMissingData": "breaching",
            },
        )
