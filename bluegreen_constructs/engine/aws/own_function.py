"""A Lambda function that calls itself, because its work takes longer than the 15 minutes of one invocation."""

import json
from collections.abc import Mapping

from .client_calls import Calls
from .lambda_hooks import LambdaClient
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
IAM_ACTIONS: Actions = {"lambda:InvokeFunction": ("own function",)}


class OwnFunction:
    """`engine.code_deploy_hook.Again` on AWS.

    Lambda stops a function that has called itself about 16 times in a row; an hour's work calls itself five times.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """

    def __init__(self, client: LambdaClient, name: str, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client, self._name = client, name
        self._calls = Calls(client, transport_errors)

    def again(self, event: Mapping[str, object]) -> None:
        """One call: Invoke, of the type Event. A call that was not answered may have had its effect all the same."""
        asked = {"FunctionName": self._name, "InvocationType": "Event", "Payload": json.dumps(event).encode()}
        self._calls.make(self._client.invoke, asked)
