"""The sides of an application with slots: their ECS services, the revisions of their families, how many tasks."""

from collections.abc import Mapping
from typing import Protocol

from ..ecs_release import DESCRIBED_ONLY
from ..errors import AwsError
from ..slot_settings import SlotSide
from ..swap.ports import DefinitionSeen, ServiceSeen
from .client_calls import AwsClient, Calls, entries, entry, number
from .ecs_calm import has_failed, is_calm, trouble_of
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
IAM_ACTIONS: Actions = {
    "application-autoscaling:RegisterScalableTarget": ("scalable target",),
    "ecs:DeregisterTaskDefinition": ("slot family",),
    "ecs:DescribeServices": ("ecs service",),
    "ecs:DescribeTaskDefinition": ("any",),
    "ecs:RegisterTaskDefinition": ("any",),
    "ecs:TagResource": ("task definition",),
    "ecs:UpdateService": ("ecs service",),
    "iam:PassRole": ("task role",),
}

_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


class SlotEcsClient(AwsClient, Protocol):
    """The calls of a boto3 `ecs` client that are used here."""

    def describe_services(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def register_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def deregister_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def update_service(self, **arguments: object) -> Mapping[str, object]: ...


class SlotScalingClient(AwsClient, Protocol):
    """The calls of a boto3 `application-autoscaling` client that are used here."""

    def register_scalable_target(self, **arguments: object) -> Mapping[str, object]: ...


class EcsSlotServices:
    """`engine.swap.ports.SlotServices` on AWS."""

    def __init__(
        self, ecs: SlotEcsClient, scaling: SlotScalingClient, transport_errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Use both clients; `transport_errors` is what they raise when AWS could not be reached or did not answer."""
        self._ecs = ecs
        self._scaling = scaling
        self._ecs_calls = Calls(ecs, transport_errors)
        self._scaling_calls = Calls(scaling, transport_errors)

    def seen(self, cluster: str, side: SlotSide) -> ServiceSeen:
        """Two calls: DescribeServices and DescribeTaskDefinition."""
        answer = self._ecs_calls.make(self._ecs.describe_services, {"cluster": cluster, "services": [side.service]})
        services = entries(answer, "services")
        status = services[0].get("status") if services else "MISSING"
        if status != "ACTIVE":
            raise AwsError(
                f"ECS service {side.service} in cluster {cluster} is {status}, not ACTIVE: deploy its stack again"
            )
        service = services[0]
        calm = is_calm(service)
        return ServiceSeen(
            definition=str(service["taskDefinition"]),
            newest=self.definition(side.family).arn,
            desired=number(service, "desiredCount"),
            running=number(service, "runningCount"),
            is_calm=calm,
            trouble="" if calm else trouble_of(service),
            has_failed=has_failed(service),
        )

    def definition(self, name: str) -> DefinitionSeen:
        """One call: DescribeTaskDefinition."""
        arguments = {"taskDefinition": name, "include": ["TAGS"]}
        answer = self._ecs_calls.make(self._ecs.describe_task_definition, arguments)
        described = entry(answer, "taskDefinition")
        return DefinitionSeen(
            arn=str(described["taskDefinitionArn"]),
            content={key: value for key, value in described.items() if key not in DESCRIBED_ONLY},
            tags={str(tag["key"]): str(tag.get("value", "")) for tag in entries(answer, "tags")},
        )

    def register(self, content: Mapping[str, object], tags: Mapping[str, str]) -> str:
        """One call: RegisterTaskDefinition."""
        wanted = dict(content)
        if tags:  # an empty list is refused
            wanted["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
        answer = self._ecs_calls.make(self._ecs.register_task_definition, wanted)
        return str(entry(answer, "taskDefinition")["taskDefinitionArn"])

    def retire(self, definition: str) -> None:
        """One call: DeregisterTaskDefinition; tasks that run it go on."""
        self._ecs_calls.make(self._ecs.deregister_task_definition, {"taskDefinition": definition})

    def run(self, cluster: str, side: SlotSide, definition: str) -> None:
        """One call: UpdateService, which with the revision that the service has deploys nothing."""
        arguments = {"cluster": cluster, "service": side.service, "taskDefinition": definition}
        self._ecs_calls.make(self._ecs.update_service, arguments)

    def bound(self, cluster: str, side: SlotSide, minimum: int, maximum: int) -> None:
        """One call: RegisterScalableTarget, which brings the number of tasks between both at once."""
        arguments = {
            **_DIMENSION,
            "ResourceId": f"service/{cluster}/{side.service}",
            "MinCapacity": minimum,
            "MaxCapacity": maximum,
        }
        self._scaling_calls.make(self._scaling.register_scalable_target, arguments)
