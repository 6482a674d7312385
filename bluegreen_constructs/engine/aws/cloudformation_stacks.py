"""What AWS CloudFormation does with a stack."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls, entries
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
IAM_ACTIONS: Actions = {"cloudformation:DescribeStacks": ("stack",)}


class CloudFormationClient(AwsClient, Protocol):
    """The calls of a boto3 `cloudformation` client that are used here."""

    def describe_stacks(self, **arguments: object) -> Mapping[str, object]: ...


class CloudFormationStacks:
    """`engine.swap.ports.Stacks` on AWS."""

    def __init__(self, client: CloudFormationClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def status(self, stack_id: str) -> str:
        """One call: DescribeStacks."""
        answer = self._calls.make(self._client.describe_stacks, {"StackName": stack_id})
        stacks = entries(answer, "Stacks")
        if not stacks:
            raise AwsError(f"CloudFormation knows no stack {stack_id}: deploy it again")
        return str(stacks[0]["StackStatus"])
