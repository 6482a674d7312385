"""Tasks: where the tasks of a service run, on what capacity, and what they take part in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_ec2 as ec2

from .engine.errors import ConfigurationError

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
_MOST_WEIGHT = 1000
_MOST_BASE = 100_000
_FARGATE = {"FARGATE", "FARGATE_SPOT"}


@dataclass(frozen=True)
class Capacity:
    """What tasks are placed on: capacity providers, by weight. Make one with `Capacity.spot` or `Capacity.ec2`.

    Choose it with the service's first deployment: CloudFormation replaces a service that changes from a launch type
    (the default here) to capacity providers, which is a second service and not a rollout.

    weights: each provider's share of the tasks beyond `base`. base: how many tasks run on the first provider at least.
    on_ec2: whether they are providers of EC2 instances.
    """

    weights: Mapping[str, int]
    base: int = 0
    on_ec2: bool = False

    def __post_init__(self) -> None:
        """Refuse shares that place nothing."""
        if not self.weights or not any(self.weights.values()):
            raise ConfigurationError("Capacity has no provider with a weight above 0: name at least one")
        for provider, weight in self.weights.items():
            if not 0 <= weight <= _MOST_WEIGHT:
                raise ConfigurationError(f"Capacity gives {provider} the weight {weight}: give 0 to {_MOST_WEIGHT}")
        fargate = self.weights.keys() & _FARGATE
        if fargate and (self.on_ec2 or self.weights.keys() - _FARGATE):
            raise ConfigurationError(
                f"Capacity names {', '.join(self.weights)}: Amazon ECS takes providers of Fargate or of instances, not "
                "both, give Capacity.spot(...) or Capacity.ec2(...)"
            )
        if not fargate and not self.on_ec2:
            raise ConfigurationError(
                f"Capacity names {', '.join(self.weights)}, which are providers of instances: give Capacity.ec2(...)"
            )
        if not 0 <= self.base <= _MOST_BASE:
            raise ConfigurationError(f"Capacity base is {self.base}: give 0 to {_MOST_BASE} tasks")

    @staticmethod
    def spot(percent: int, *, base: int = 1) -> "Capacity":
        """Fargate, with `percent` of the tasks beyond the first `base` (default 1) on Fargate Spot.

        AWS takes a Spot task back with two minutes' notice, on the live side as on the candidate. The cluster has to
        have the providers FARGATE and FARGATE_SPOT; one that the construct makes has them.
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html

        Raises ConfigurationError for a percentage outside 1 to 100, or 100 together with a base, which FARGATE with no
        weight could not place.
        """
        if not 1 <= percent <= 100:
            raise ConfigurationError(f"Capacity.spot percent is {percent}: give 1 to 100")
        if percent == 100 and base:
            raise ConfigurationError(
                f"Capacity.spot is 100 percent with a base of {base} on demand: give base=0, or at most 99 percent"
            )
        return Capacity({"FARGATE": 100 - percent, "FARGATE_SPOT": percent}, base)

    @staticmethod
    def ec2(*providers: str) -> "Capacity":
        """The instances of these capacity providers of the cluster, in equal shares; what GPUs need.

        Both sides run side by side during a rollout: the providers need managed scaling, or room for twice the tasks.

        Raises ConfigurationError without a provider.
        """
        if not providers:
            raise ConfigurationError("Capacity.ec2 names no capacity provider: give those of the cluster")
        return Capacity(dict.fromkeys(providers, 1), on_ec2=True)

    def to_cloudformation(self) -> list[dict[str, object]]:
        """`CapacityProviderStrategy` of AWS::ECS::Service."""
        first = next(iter(self.weights))
        return [
            {
                "capacityProvider": provider,
                "weight": weight,
                **({"base": self.base} if self.base and provider == first else {}),
            }
            for provider, weight in self.weights.items()
        ]


@dataclass(frozen=True)
class ServiceConnect:
    """Service Connect: the service reaches others of a namespace by name, and is reached by them.

    Other services' calls move with the production traffic of the rollout; their test traffic is what carries the test
    header, so it needs `TestTraffic.header(...)`.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-blue-green.html

    namespace: the Cloud Map namespace's name or ARN. name: how others call this service there (default: they do not,
        it is a client only). port: the port that they call (default: the container's).
    """

    namespace: str
    name: str | None = None
    port: int | None = None

    def __post_init__(self) -> None:
        """Refuse what names nothing."""
        if not self.namespace:
            raise ConfigurationError("ServiceConnect namespace is empty: give the Cloud Map namespace's name or ARN")
        if self.port is not None and self.name is None:
            raise ConfigurationError(
                f"ServiceConnect port is {self.port} without a name: say how others call the service, with name="
            )


@dataclass(frozen=True)
class Tasks:
    """Where and how the tasks run.

    subnets: where (default: private subnets); in public ones they get public addresses.
    capacity: on what (default: Fargate on demand); see `Capacity`.
    circuit_breaker: whether tasks that keep failing to start end the deployment (default True, where Amazon ECS rolls
        out); without it a deployment whose tasks crash goes on until CloudFormation gives up after hours.
    execute_command: whether `aws ecs execute-command` may open a shell in a task (default False).
    service_connect: see `ServiceConnect` (default: none).
    """

    subnets: ec2.SubnetSelection | None = None
    capacity: Capacity | None = None
    circuit_breaker: bool | None = None
    execute_command: bool = False
    service_connect: ServiceConnect | None = field(default=None)

    @property
    def breaks_circuit(self) -> bool:
        """Whether Amazon ECS ends a deployment whose tasks keep failing to start."""
        return self.circuit_breaker is not False

    @property
    def on_ec2(self) -> bool:
        """Whether they run on EC2 instances."""
        return self.capacity is not None and self.capacity.on_ec2
