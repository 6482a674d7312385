"""The parameter that says which side of an application with slots is active."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
WRITE_ACTIONS: Actions = {"ssm:PutParameter": ("slot parameter",)}
IAM_ACTIONS: Actions = {**WRITE_ACTIONS, "ssm:DeleteParameter": ("slot parameter",)}


class _NotFoundError(AwsError):
    """There is no such parameter."""


class ParameterClient(AwsClient, Protocol):
    """The calls of a boto3 `ssm` client that are used here."""

    def put_parameter(self, **arguments: object) -> Mapping[str, object]: ...

    def delete_parameter(self, **arguments: object) -> Mapping[str, object]: ...


class ActiveSideParameter:
    """`engine.swap.ports.ActiveSides` on AWS."""

    def __init__(self, client: ParameterClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, {"ParameterNotFound": _NotFoundError})

    def tell(self, parameter: str, side: str) -> None:
        """One call: PutParameter."""
        arguments = {"Name": parameter, "Value": side, "Type": "String", "Overwrite": True}
        self._calls.make(self._client.put_parameter, arguments)

    def forget(self, parameter: str) -> None:
        """One call: DeleteParameter; one that is gone is no error."""
        try:
            self._calls.make(self._client.delete_parameter, {"Name": parameter})
        except _NotFoundError:
            return
