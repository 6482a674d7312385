"""What the tests of an Auto Scaling side begin with."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from scaling_groups import Templates
from stubbed_client import StubbedClient

from bluegreen_constructs.engine.aws.auto_scaling_fleet import AutoScalingFleet


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    """A client of EC2 Auto Scaling; a test of another adapter has one of its own."""
    stubbed = StubbedClient("autoscaling")
    yield stubbed
    stubbed.done()


@pytest.fixture
def templates(stubbed: StubbedClient) -> Templates:
    return Templates(stubbed)


@pytest.fixture
def fleet(stubbed: StubbedClient, templates: Templates) -> AutoScalingFleet:
    return AutoScalingFleet(stubbed.client, templates, (BotoCoreError,))
