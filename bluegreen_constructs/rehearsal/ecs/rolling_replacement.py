"""How a rolling deployment replaces a service's tasks: how many to start and to stop at one moment (pure).

Followed: the API reference of DeploymentConfiguration (`minimumHealthyPercent`, `maximumPercent` and how they are
rounded) and the developer guide's `deployment-type-ecs`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Percents of the desired count: the healthy tasks that must stay, and the running ones that may be there."""

    minimum_healthy: int = 100
    maximum: int = 200

    def at_least(self, desired: int) -> int:
        """Healthy tasks that must stay: rounded up."""
        return math.ceil(desired * self.minimum_healthy / 100)

    def at_most(self, desired: int) -> int:
        """Tasks that may run at once: rounded down. Tasks that drain or stop do not count."""
        return desired * self.maximum // 100


@dataclass(frozen=True, slots=True)
class Running:
    """Running tasks of one kind (of the deployment's own revision, or of all former ones), and the healthy of them."""

    running: int = 0
    healthy: int = 0


@dataclass(frozen=True, slots=True)
class Moves:
    """How many tasks of the deployment's revision to start, and how many former tasks to stop."""

    start: int
    stop: int


def bounds_of(configuration: Mapping[str, object]) -> Bounds:
    """The bounds in a service's deploymentConfiguration (API casing); absent ones are ECS's defaults, 100 and 200."""
    default = Bounds()

    def percent(name: str, otherwise: int) -> int:
        given = configuration.get(name)
        return otherwise if given is None else int(str(given))

    return Bounds(percent("minimumHealthyPercent", default.minimum_healthy), percent("maximumPercent", default.maximum))


def next_moves(desired: int, bounds: Bounds, deployed: Running, former: Running) -> Moves:
    """What the scheduler does now. A former task that is not healthy keeps no bound and may always go."""
    room = bounds.at_most(desired) - deployed.running - former.running
    start = max(0, min(desired - deployed.running, room))
    spare = max(0, deployed.healthy + former.healthy - bounds.at_least(desired))
    unhealthy = former.running - former.healthy
    return Moves(start, unhealthy + min(former.healthy, spare))
