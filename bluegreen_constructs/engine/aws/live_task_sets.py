"""The task set of an ECS service that serves, of several that CodeDeploy has."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from .client_calls import AwsClient, Calls, entries
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
IAM_ACTIONS: Actions = {"ecs:DescribeServices": ("ecs service",)}


class TaskSetClient(AwsClient, Protocol):
    """The call of a boto3 `ecs` client that is used here."""

    def describe_services(self, **arguments: object) -> Mapping[str, object]: ...


class EcsLiveTaskSets:
    """`engine.code_deploy_update.LiveTaskSets` on AWS."""

    def __init__(self, client: TaskSetClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors)

    def task_definition(self, cluster: str, service: str) -> str:
        """Raises AwsError for a service that has no such task set, too."""
        asked = {"cluster": cluster, "services": [service]}
        services = entries(self._calls.make(self._client.describe_services, asked), "services")
        sets = entries(services[0], "taskSets") if services else []
        serving = next((one for one in sets if one.get("status") == "PRIMARY"), None)
        if serving is None:
            raise AwsError(f"the service {service} of the cluster {cluster} has no PRIMARY task set")
        return str(serving["taskDefinition"])
