"""The workloads of a set, and the pods that they run."""

from collections.abc import Iterator
from dataclasses import dataclass

from .manifest_set import KubernetesObject, ManifestSet
from .reading import Reading


@dataclass(frozen=True, slots=True)
class Workload:
    """A Rollout or a Deployment with the pod template that it runs; no template where it is outside the set."""

    object: KubernetesObject
    template: Reading | None

    @property
    def labels(self) -> dict[str, str] | None:
        """The labels of its pods, if they are known."""
        return None if self.template is None else self.template.table("metadata", "labels")

    @property
    def label_sets(self) -> tuple[dict[str, str], ...]:
        """The labels that its pods may have: the template's, with those that the controller gives each role."""
        labels = self.labels
        if labels is None:
            return ()
        strategy = self.object.spec.mapping("strategy")
        roles = [
            strategy.mapping(kind, f"{role}Metadata").table("labels")
            for kind, role in (
                ("canary", "canary"),
                ("canary", "stable"),
                ("blueGreen", "active"),
                ("blueGreen", "preview"),
            )
        ]
        return labels, *(labels | more for more in roles if more)

    @property
    def containers(self) -> tuple[Reading, ...]:
        """The containers of its pods, those that start with them included (native sidecars may serve traffic)."""
        if self.template is None:
            return ()
        pod = self.template.mapping("spec")
        return pod.mappings("containers") + pod.mappings("initContainers")

    @property
    def port_names(self) -> frozenset[str]:
        """The names that its containers give their ports."""
        return frozenset(
            name
            for container in self.containers
            for port in container.mappings("ports")
            if isinstance(name := port.raw("name"), str)
        )


def workload_of(judged: ManifestSet, item: KubernetesObject) -> Workload:
    """The workload behind a Rollout (its own pod template, or that of its `workloadRef`) or a Deployment."""
    if not item.spec.has("workloadRef"):
        return Workload(item, item.spec.mapping("template") if item.spec.has("template") else None)
    reference = item.spec.mapping("workloadRef")
    kind, name = reference.raw("kind"), reference.raw("name")
    referenced = judged.find(kind, item.namespace, name) if isinstance(kind, str) and isinstance(name, str) else None
    if referenced is None:
        return Workload(item, None)
    holder = referenced.reading if kind == "PodTemplate" else referenced.spec
    return Workload(item, holder.mapping("template"))


def workloads(judged: ManifestSet, namespace: str) -> Iterator[Workload]:
    """What runs pods in a namespace."""
    for kind in ("Rollout", "Deployment"):
        for item in judged.among(kind, namespace):
            yield workload_of(judged, item)


def rollouts_of(judged: ManifestSet) -> Iterator[Workload]:
    """The Rollouts of the set."""
    return (workload_of(judged, item) for item in judged.kinds("Rollout"))
