"""A side that is a plain Amazon ECS service: its image, its number of tasks, and the lower bound of its scaling."""

from collections.abc import Mapping
from typing import Protocol

from ..ecs_release import DESCRIBED_ONLY
from ..errors import AwsError
from ..ports import FleetSeen
from ..release import Release
from ..target_settings import SideSettings
from .client_calls import AwsClient, Calls, entries, entry, number
from .ecs_calm import is_calm, trouble_of
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
IAM_ACTIONS: Actions = {
    "application-autoscaling:DescribeScalableTargets": ("any",),
    "application-autoscaling:RegisterScalableTarget": ("scalable target",),
    "ecs:DescribeServices": ("ecs service",),
    "ecs:DescribeTaskDefinition": ("any",),
    "ecs:RegisterTaskDefinition": ("any",),
    # RegisterTaskDefinition with tags needs it as well.
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    "ecs:TagResource": ("task definition",),
    "ecs:UpdateService": ("ecs service",),
    # So does one that names roles.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    "iam:PassRole": ("task role",),
}

_RESERVED_TAGS = "aws:"

_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


class EcsClient(AwsClient, Protocol):
    """The calls of a boto3 `ecs` client that are used here."""

    def describe_services(self, **arguments: object) -> Mapping[str, object]: ...

    def describe_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def register_task_definition(self, **arguments: object) -> Mapping[str, object]: ...

    def update_service(self, **arguments: object) -> Mapping[str, object]: ...


class EcsScalingClient(AwsClient, Protocol):
    """The calls of a boto3 `application-autoscaling` client that are used here."""

    def describe_scalable_targets(self, **arguments: object) -> Mapping[str, object]: ...

    def register_scalable_target(self, **arguments: object) -> Mapping[str, object]: ...


class EcsFleet:
    """`engine.ports.Fleets` for sides whose compute is ECS."""

    def __init__(
        self, ecs: EcsClient, scaling: EcsScalingClient, transport_errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Use both clients; `transport_errors` is what they raise when AWS could not be reached or did not answer."""
        self._ecs = ecs
        self._scaling = scaling
        self._ecs_calls = Calls(ecs, transport_errors)
        self._scaling_calls = Calls(scaling, transport_errors)

    def seen(self, side: SideSettings, release: Release | None = None) -> FleetSeen:
        """DescribeServices and DescribeTaskDefinition; DescribeScalableTargets for a side that scales.

        With a release, a side is settled when it runs the latest revision of the family, too (another
        DescribeTaskDefinition): what the stack's template has changed since is still to be shipped.
        """
        service = self._service(side)
        definition = entry(self._definition(service["taskDefinition"]), "taskDefinition")
        image = str(_container(side, definition)["image"])
        settled = is_calm(service) and (
            release is None or (image == release.image_for(image) and self._runs_latest(service))
        )
        return FleetSeen(
            desired=number(service, "desiredCount"),
            minimum=self._minimum(side) if side.scalable else None,
            is_settled=settled,
            release=image,
            trouble="" if settled else trouble_of(service),
        )

    def deploy(self, side: SideSettings, release: Release, desired: int) -> None:
        """Have the service run the latest revision of its family, after registering one with the release's image.

        The latest is what the stack's template has made, if it was edited since: memory, environment and all else are
        shipped with the release, and judged with it. Nothing is registered when it has the image already: a crash
        between registering and running leaves a revision that the next call runs.
        """
        service = self._service(side)
        answer = self._definition(_family(service))
        definition = entry(answer, "taskDefinition")
        current = str(_container(side, definition)["image"])
        image = release.image_for(current)
        if image != current:
            wanted = _with_image(side, definition, image)
            tags = [tag for tag in entries(answer, "tags") if not str(tag.get("key")).startswith(_RESERVED_TAGS)]
            if tags:  # an empty list is refused
                wanted["tags"] = tags
            registered = self._ecs_calls.make(self._ecs.register_task_definition, wanted)
            definition = entry(registered, "taskDefinition")
        if definition["taskDefinitionArn"] != service["taskDefinition"]:
            self._update(side, {"taskDefinition": definition["taskDefinitionArn"], "desiredCount": desired})
        elif number(service, "desiredCount") != desired:
            self._update(side, {"desiredCount": desired})

    def scale(self, side: SideSettings, desired: int | None, minimum: int | None) -> None:
        """The lower bound first: with the former one, scaling would take back a number below it at once."""
        if minimum is not None and side.scalable:
            arguments = {**_DIMENSION, "ResourceId": _resource(side), "MinCapacity": minimum}
            self._scaling_calls.make(self._scaling.register_scalable_target, arguments)
        if desired is not None:
            self._update(side, {"desiredCount": desired})

    def _update(self, side: SideSettings, wanted: Mapping[str, object]) -> None:
        arguments = {"cluster": side.cluster, "service": side.service, **wanted}
        self._ecs_calls.make(self._ecs.update_service, arguments)

    def _service(self, side: SideSettings) -> Mapping[str, object]:
        arguments = {"cluster": side.cluster, "services": [side.service]}
        services = entries(self._ecs_calls.make(self._ecs.describe_services, arguments), "services")
        status = services[0].get("status") if services else "MISSING"
        if status != "ACTIVE":
            raise AwsError(
                f"ECS service {side.service} in cluster {side.cluster} is {status}, not ACTIVE: deploy its stack again"
            )
        return services[0]

    def _runs_latest(self, service: Mapping[str, object]) -> bool:
        latest = entry(self._definition(_family(service)), "taskDefinition")
        return latest["taskDefinitionArn"] == service["taskDefinition"]

    def _definition(self, name: object) -> Mapping[str, object]:
        """A revision by its ARN, or the latest active one by its family."""
        arguments = {"taskDefinition": name, "include": ["TAGS"]}
        return self._ecs_calls.make(self._ecs.describe_task_definition, arguments)

    def _minimum(self, side: SideSettings) -> int | None:
        arguments = {**_DIMENSION, "ResourceIds": [_resource(side)]}
        answer = self._scaling_calls.make(self._scaling.describe_scalable_targets, arguments)
        targets = entries(answer, "ScalableTargets")
        return number(targets[0], "MinCapacity") if targets else None


def _resource(side: SideSettings) -> str:
    return f"service/{side.cluster}/{side.service}"


def _family(service: Mapping[str, object]) -> str:
    return str(service["taskDefinition"]).rpartition("/")[2].partition(":")[0]


def _container(side: SideSettings, definition: Mapping[str, object]) -> Mapping[str, object]:
    containers = entries(definition, "containerDefinitions")
    for container in containers:
        if container.get("name") == side.container:
            return container
    names = ", ".join(str(container.get("name")) for container in containers)
    raise AwsError(
        f"task definition {definition.get('taskDefinitionArn')} has no container {side.container!r}, only {names}: "
        "name the one that runs the release"
    )


def _with_image(side: SideSettings, definition: Mapping[str, object], image: str) -> dict[str, object]:
    containers = [
        {**container, "image": image} if container.get("name") == side.container else container
        for container in entries(definition, "containerDefinitions")
    ]
    # Everything else is handed on as it came: a list of what is taken would drop what AWS adds some day without a word;
    # this one makes the call fail then.
    kept = {name: value for name, value in definition.items() if name not in DESCRIBED_ONLY}
    return {**kept, "containerDefinitions": containers}
