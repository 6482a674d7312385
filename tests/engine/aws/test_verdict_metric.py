"""The metric that a deployment's alarm watches."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.verdict_metric import IAM_ACTIONS, CloudWatchVerdict
from bluegreen_constructs.engine.errors import AwsError

AT = datetime(2026, 11, 21, 12, 3, 41, 500, tzinfo=UTC)


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("cloudwatch")
    yield stubbed
    stubbed.done()


@pytest.mark.parametrize(("unhealthy", "value"), [(True, 1.0), (False, 0.0)])
def test_a_verdict_is_one_number_of_its_target_and_minute(
    stubbed: StubbedClient, unhealthy: bool, value: float
) -> None:
    datum = {
        "MetricName": "Unhealthy",
        "Dimensions": [{"Name": "Target", "Value": "Serving/Inference"}],
        "Timestamp": datetime(2026, 11, 21, 12, 3, tzinfo=UTC),
        "Value": value,
    }
    stubbed.answers("put_metric_data", {}, {"Namespace": "BlueGreen", "MetricData": [datum]})
    CloudWatchVerdict(stubbed.client).publish("Serving/Inference", AT, unhealthy=unhealthy)
    assert set(stubbed.actions) == set(IAM_ACTIONS)


def test_what_fails_is_told(stubbed: StubbedClient) -> None:
    stubbed.fails("put_metric_data", "Throttling", "slow down")
    with pytest.raises(AwsError, match="slow down"):
        CloudWatchVerdict(stubbed.client).publish("T", AT, unhealthy=True)
    with pytest.raises(AwsError):
        CloudWatchVerdict(SilentClient("cloudwatch"), (BotoCoreError,)).publish("T", AT, unhealthy=True)
