"""The families of task definitions that an application with slots has: which of their revisions are active."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from .client_calls import AwsClient, Calls
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
IAM_ACTIONS: Actions = {"ecs:ListTaskDefinitions": ("any",)}


class FamilyClient(AwsClient, Protocol):
    """The calls of a boto3 `ecs` client that are used here."""

    def list_task_definitions(self, **arguments: object) -> Mapping[str, object]: ...


class EcsFamilies:
    """`engine.swap.installing.Families` on AWS."""

    def __init__(self, client: FamilyClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def revisions(self, family: str) -> Sequence[str]:
        """One call for each hundred: ListTaskDefinitions."""
        found: list[str] = []
        arguments: dict[str, object] = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
        while True:
            answer = self._calls.make(self._client.list_task_definitions, arguments)
            found += cast("Sequence[str]", answer.get("taskDefinitionArns") or [])
            if not answer.get("nextToken"):
                # The name is a prefix to some, and another family could begin with it.
                return [arn for arn in found if arn.rpartition("/")[2].rpartition(":")[0] == family]
            arguments["nextToken"] = answer["nextToken"]
