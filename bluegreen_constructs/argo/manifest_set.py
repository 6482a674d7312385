"""The manifests that are judged together, found by kind, namespace and name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .manifest import Manifest
from .reading import Reading, is_unknown

# The kinds of a set that belong to no namespace.
CLUSTER_SCOPED = frozenset(
    {
        "ClusterAnalysisTemplate",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "IngressClassParams",
        "Namespace",
        "NodeClass",
        "NodePool",
        "PriorityClass",
        "StorageClass",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class KubernetesObject:
    """One object of a set: `reading` reads it, `namespace` is empty for what belongs to none."""

    kind: str
    namespace: str
    name: str
    place: int
    reading: Reading

    @property
    def spec(self) -> Reading:
        """Its specification; empty where it has none."""
        return self.reading.mapping("spec")

    @property
    def annotations(self) -> dict[str, str]:
        """Its annotations."""
        return self.reading.table("metadata", "annotations")

    def __str__(self) -> str:
        return named(self.kind, self.namespace, self.name)


def named(kind: str, namespace: str, name: str) -> str:
    """An object as findings name it: `Rollout shop/web`."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """The objects of a set in their order, and the findings about them so far."""

    objects: tuple[KubernetesObject, ...]
    found: set[str] = field(default_factory=set)

    @staticmethod
    def of(manifests: Sequence[Manifest]) -> "ManifestSet":
        """Index the manifests; what has no kind or no name is a finding and takes part no further."""
        found: set[str] = set()
        objects: list[KubernetesObject] = []
        for place, manifest in enumerate(manifests):
            nameless = Reading(f"manifest {place}", "", manifest, found)
            if not isinstance(manifest, dict):
                nameless.say(f"is a {type(manifest).__name__}: a mapping is allowed, write one object per manifest")
                continue
            kind, metadata = manifest.get("kind"), nameless.mapping("metadata")
            name, namespace = metadata.raw("name"), metadata.raw("namespace") or ""
            if not isinstance(kind, str) or not kind:
                nameless.say("has no kind: give it the text that names one, such as Rollout")
                continue
            if not isinstance(name, str) or not name:
                nameless.say(f"of kind {kind} has no metadata.name: give it one")
                continue
            if not isinstance(namespace, str):
                metadata.child("namespace").wrong("text")
                namespace = ""
            namespace = "" if kind in CLUSTER_SCOPED else namespace or "default"
            if not isinstance(manifest.get("apiVersion"), str):
                nameless.say(f"of kind {kind} has no apiVersion: give it one")
            subject = named(kind, namespace, name)
            objects.append(KubernetesObject(kind, namespace, name, place, Reading(subject, "", manifest, found)))
        return ManifestSet(tuple(objects), found)

    def kinds(self, *kinds: str) -> Iterator[KubernetesObject]:
        """The objects of the kinds, in their order."""
        return (item for item in self.objects if item.kind in kinds)

    def find(self, kind: str, namespace: str, name: str) -> KubernetesObject | None:
        """The object of that name; a kind that belongs to no namespace is found whatever the namespace."""
        place = "" if kind in CLUSTER_SCOPED else namespace
        return next((item for item in self.kinds(kind) if (item.namespace, item.name) == (place, name)), None)

    def among(self, kind: str, namespace: str) -> Iterator[KubernetesObject]:
        """The objects of a kind in a namespace."""
        return (item for item in self.kinds(kind) if item.namespace == namespace or is_unknown(item.namespace))
