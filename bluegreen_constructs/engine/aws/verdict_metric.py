"""The verdict on a deployment as a CloudWatch metric, whose alarm Amazon ECS watches."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
IAM_ACTIONS: Actions = {"cloudwatch:PutMetricData": ("metric namespace",)}

NAMESPACE = "BlueGreen"
METRIC = "Unhealthy"
DIMENSION = "Target"
"""The metric that the alarm of a target has to watch: 1 while its candidate is UNHEALTHY, else 0, once a minute."""


class MetricClient(AwsClient, Protocol):
    """The call of a boto3 `cloudwatch` client that is used here."""

    def put_metric_data(self, **arguments: object) -> Mapping[str, object]: ...


class CloudWatchVerdict:
    """`engine.ports.VerdictMetric` on AWS."""

    def __init__(self, client: MetricClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def publish(self, target: str, at: datetime, *, unhealthy: bool) -> None:
        """One call: PutMetricData. Published twice in a minute, the alarm's Maximum is the same."""
        datum = {
            "MetricName": METRIC,
            "Dimensions": [{"Name": DIMENSION, "Value": target}],
            "Timestamp": at.replace(second=0, microsecond=0),
            "Value": float(unhealthy),
        }
        self._calls.make(self._client.put_metric_data, {"Namespace": NAMESPACE, "MetricData": [datum]})
