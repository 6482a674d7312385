"""Application Auto Scaling: the bounds of ECS services' desired counts."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from .client import Answer, Exceptions, NotSimulatedError, SimulatedClient
from .fleets import Fleet

_DIMENSION = "ecs:service:DesiredCount"


@dataclass(slots=True)
class _Bounds:
    fleet: Fleet
    most: int


class ApplicationAutoScaling(SimulatedClient):
    """The client. A bound alone moves nothing: scaling keeps to it when it acts, as AWS documents.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-auto-scaling.html ("Considerations")
    """

    service = "application-autoscaling"
    failure = "InternalServiceException"
    exceptions = Exceptions(
        {
            "ObjectNotFoundException": "ObjectNotFoundException",
            "ValidationException": "ValidationException",
            "ConcurrentUpdateException": "ConcurrentUpdateException",
            "InternalServiceException": "InternalServiceException",
        }
    )
    allowed: ClassVar = {
        "RegisterScalableTarget": {"ServiceNamespace", "ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity"},
        "DescribeScalableTargets": {"ServiceNamespace", "ResourceIds", "ScalableDimension", "MaxResults", "NextToken"},
    }

    def __init__(self, world: object) -> None:
        super().__init__(world)
        self.targets: dict[str, _Bounds] = {}

    def add_target(self, resource: str, fleet: Fleet, most: int) -> None:
        """Make `service/<cluster>/<name>` a scalable target; its fleet has the minimum."""
        self.targets[resource] = _Bounds(fleet, most)

    # the client

    def register_scalable_target(self, **arguments: object) -> Answer:
        return self._serve("RegisterScalableTarget", arguments, self._register)

    def describe_scalable_targets(self, **arguments: object) -> Answer:
        return self._serve("DescribeScalableTargets", arguments, self._describe)

    def _register(self, arguments: Answer) -> Answer:
        self._require_ecs(arguments)
        bounds = self.targets.get(arguments["ResourceId"])
        if bounds is None:
            raise NotSimulatedError(
                f"{arguments['ResourceId']} is no scalable target, and the engine must not make it one"
            )
        least, most = arguments.get("MinCapacity", bounds.fleet.minimum), arguments.get("MaxCapacity", bounds.most)
        if not 0 <= least <= most:
            message = f"Maximum capacity {most} cannot be less than minimum capacity {least}"
            raise self.error("RegisterScalableTarget", "ValidationException", message)
        for tell in bounds.fleet.before_change:
            tell()
        bounds.fleet.minimum, bounds.most = least, most
        return {"ScalableTargetARN": _arn(arguments["ResourceId"])}

    def _describe(self, arguments: Answer) -> Answer:
        self._require_ecs(arguments)
        names = arguments.get("ResourceIds", list(self.targets))
        return {
            "ScalableTargets": [
                {
                    "ServiceNamespace": "ecs",
                    "ResourceId": name,
                    "ScalableDimension": _DIMENSION,
                    "MinCapacity": self.targets[name].fleet.minimum,
                    "MaxCapacity": self.targets[name].most,
                    "RoleARN": "arn:aws:iam::123456789012:role/ecs-scaling",
                    "CreationTime": datetime.fromtimestamp(0, UTC),
                    "ScalableTargetARN": _arn(name),
                }
                for name in names
                if name in self.targets
            ]
        }

    def _require_ecs(self, arguments: Answer) -> None:
        if arguments["ServiceNamespace"] != "ecs" or arguments.get("ScalableDimension", _DIMENSION) != _DIMENSION:
            raise NotSimulatedError(f"the simulated application-autoscaling knows ECS services only, not {arguments}")


def _arn(resource: str) -> str:
    return f"arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/{resource.replace('/', '-')}"
