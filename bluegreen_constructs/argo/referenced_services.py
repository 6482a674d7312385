"""The Services that a Rollout refers to."""

from collections.abc import Iterator
from dataclasses import dataclass

from .manifest_set import KubernetesObject
from .reading import Reading


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """A Service by the key that names it; `moved` when the controller writes its selector."""

    name: str
    reading: Reading
    key: str
    moved: bool


def referenced_services(rollout: KubernetesObject) -> Iterator[ServiceReference]:
    """The Services by name, those whose names are unknown left out."""
    strategy = rollout.spec.mapping("strategy")
    canary, blue_green = strategy.mapping("canary"), strategy.mapping("blueGreen")
    for reading, key, moved in (
        (blue_green, "activeService", True),
        (blue_green, "previewService", True),
        (canary, "stableService", True),
        (canary, "canaryService", True),
        (canary.mapping("pingPong"), "pingService", True),
        (canary.mapping("pingPong"), "pongService", True),
        (canary.mapping("trafficRouting", "alb"), "rootService", False),
    ):
        name = reading.text(key)
        if name is not None:
            yield ServiceReference(name, reading, key, moved)
