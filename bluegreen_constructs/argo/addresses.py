"""How the pods of a service are reached: Services, and the Ingress that the load balancer is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .manifest import Json, Manifest

PORT = 80
ROLE_LABEL = "bluegreen-role"
PING, PONG = "ping", "pong"
CANDIDATE = "candidate"
LIVE = "live"
LONGEST_NAME = 63 - len("-candidate")


@dataclass(frozen=True)
class ServiceNames:
    """The names of everything that one service is made of; all are names of DNS."""

    name: str

    @property
    def candidate(self) -> str:
        """The Service that reaches the candidate's pods, and nothing else."""
        return f"{self.name}-candidate"

    @property
    def ping(self) -> str:
        """One of the two Services behind the load balancer, which take turns.

        The load balancer controller names a target group after the first eight letters of its Service's name, and by
        the first four of them the analyses tell which group is which.
        """
        return f"{PING}-{self.name}"

    @property
    def pong(self) -> str:
        """The other one."""
        return f"{PONG}-{self.name}"

    @property
    def live_label(self) -> dict[str, str]:
        """What the controller puts on live's pods once they are, and takes off when they are replaced."""
        return {ROLE_LABEL: LIVE}

    @property
    def candidate_label(self) -> dict[str, str]:
        """What the controller puts on the candidate's pods, and takes off again."""
        return {ROLE_LABEL: CANDIDATE}


def service(name: str, namespace: str, selector: Mapping[str, str]) -> Manifest:
    """A ClusterIP Service on port 80 to the port `http` of the pods with `selector`."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "type": "ClusterIP",
            "selector": dict(selector),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def to_port(manifest: Manifest, port: int) -> Manifest:
    """The Service with a target port by its number: the pods of an adopted Deployment may have named none."""
    spec = manifest["spec"]
    if isinstance(spec, dict):
        spec["ports"] = [{"name": "http", "port": PORT, "targetPort": port, "protocol": "TCP"}]
    return manifest


def ingress(
    name: str,
    namespace: str,
    *,
    annotations: Mapping[str, str],
    host: str | None,
    paths: Sequence[str],
    port: str,
) -> Manifest:
    """An Ingress to the Service of its own name.

    port: the Service's, or `use-annotation`: then every path leads to what a controller writes into the annotation
        `actions.<name>`.
    """
    root: Manifest = {"service": {"name": name, "port": {"name": port}}}
    backends: list[Json] = [
        {"path": path, "pathType": "ImplementationSpecific" if "*" in path else "Prefix", "backend": root}
        for path in paths or ("/",)
    ]
    rule: Manifest = {"http": {"paths": backends}}
    if host is not None:
        rule["host"] = host
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": dict(annotations)},
        "spec": {"ingressClassName": "alb", "rules": [rule]},
    }


def namespace_manifest(name: str, labels: Mapping[str, str]) -> Manifest:
    """A namespace with `labels`."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
