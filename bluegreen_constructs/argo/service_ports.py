"""The ports of a Service, as an Ingress, a Rollout or a TargetGroupBinding names them."""

from .manifest_set import KubernetesObject
from .reading import shown


def has_port(service: KubernetesObject, port: int | str) -> bool:
    """Whether the Service has a port of that number or that name."""
    key = "port" if isinstance(port, int) else "name"
    return any(item.raw(key) == port for item in service.spec.mappings("ports"))


def ports_of(service: KubernetesObject) -> str:
    """The ports of a Service as a refusal lists them."""
    ports = [
        f"{shown(item.raw('port'))} ({item.word('name')})" if item.word("name") else shown(item.raw("port"))
        for item in service.spec.mappings("ports")
    ]
    return ", ".join(ports) or "none"
