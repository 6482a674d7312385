"""ECS's calls to a load balancer: what a failing call means."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.ecs.load_balancer_calls import LoadBalancerCalls


class Client:
    """An elbv2 client that knows the health of one target, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def describe_target_health(self, *, TargetGroupArn: str) -> dict[str, object]:  # noqa: N803  # boto3's name
        if self.error is not None:
            raise self.error
        health = {"Target": {"Id": "127.20.1.1", "Port": 8080}, "TargetHealth": {"State": "draining"}}
        return {"TargetHealthDescriptions": [health]}


def calls(error: Exception | None = None) -> LoadBalancerCalls:
    return LoadBalancerCalls(Client(error))  # type: ignore[arg-type]  # the one method that is called


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeTargetHealth")


def test_health_is_the_state_of_each_address() -> None:
    assert calls().health("arn:blue") == {"127.20.1.1": "draining"}


def test_a_group_that_is_gone_has_no_targets() -> None:
    assert calls(refused("TargetGroupNotFound")).health("arn:blue") == {}


@pytest.mark.parametrize("error", [refused("Throttling"), EndpointConnectionError(endpoint_url="http://127.0.0.1:1")])
def test_health_that_cannot_be_read_is_an_error_and_no_drained_group(error: Exception) -> None:
    with pytest.raises(RehearsalError, match="unable to describe target health in target-group arn:blue"):
        calls(error).health("arn:blue")
