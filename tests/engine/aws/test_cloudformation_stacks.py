"""What AWS CloudFormation does with a stack, as DescribeStacks answers it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.cloudformation_stacks import IAM_ACTIONS, CloudFormationStacks
from bluegreen_constructs.engine.errors import AwsError

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/Serving/0123"


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("cloudformation")
    yield stubbed
    stubbed.done()


@pytest.fixture
def stacks(stubbed: StubbedClient) -> CloudFormationStacks:
    return CloudFormationStacks(stubbed.client, (BotoCoreError,))


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stacks_status_is_one_call_in_the_words_of_aws(
    stubbed: StubbedClient, stacks: CloudFormationStacks, status: str
) -> None:
    stack = {
        "StackId": STACK,
        "StackName": "Serving",
        "CreationTime": datetime(2026, 11, 5, tzinfo=UTC),
        "StackStatus": status,
    }
    stubbed.answers("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})
    assert stacks.status(STACK) == status
    assert set(stubbed.actions) == set(IAM_ACTIONS)


def test_an_answer_without_the_stack_says_what_to_do(stubbed: StubbedClient, stacks: CloudFormationStacks) -> None:
    stubbed.answers("describe_stacks", {"Stacks": []})
    with pytest.raises(AwsError, match=f"CloudFormation knows no stack {STACK}: deploy it again"):
        stacks.status(STACK)


def test_a_refusal_and_silence_are_aws_errors_and_never_a_calm_stack(
    stubbed: StubbedClient, stacks: CloudFormationStacks
) -> None:
    stubbed.fails("describe_stacks", "ValidationError", f"Stack with id {STACK} does not exist")
    with pytest.raises(AwsError, match="does not exist"):
        stacks.status(STACK)
    stubbed.fails("describe_stacks", "Throttling")
    with pytest.raises(AwsError, match="in the words of AWS"):
        stacks.status(STACK)
    with pytest.raises(AwsError, match="timeout"):
        CloudFormationStacks(SilentClient("cloudformation"), (BotoCoreError,)).status(STACK)
