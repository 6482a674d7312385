"""The pod template: probes, a stop that outlasts deregistration, spread over nodes and zones, no privileges."""

from collections.abc import Mapping

from ..pods import Pods
from .manifest import Json, Manifest

# From the end of a pod on, until the load balancer or kube-proxy sends it nothing new any more.
SPREAD_SECONDS = 15
_PROBE_SECONDS = 5


def stop_seconds(pods: Pods, drain_seconds: int) -> tuple[int, int]:
    """The preStop sleep and the grace period: first the target is drained, then the process gets its own time.

    https://docs.aws.amazon.com/eks/latest/best-practices/load-balancing.html
    """
    sleep = drain_seconds + SPREAD_SECONDS
    return sleep, sleep + pods.stop_seconds + 5


def pod_template(pods: Pods, labels: Mapping[str, str], *, drain_seconds: int) -> Manifest:
    """The template of the pods with `labels`, which leave a target group within `drain_seconds`."""
    sleep, grace = stop_seconds(pods, drain_seconds)
    spec: Manifest = {
        "terminationGracePeriodSeconds": grace,
        "automountServiceAccountToken": pods.service_account is not None,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **({} if pods.user is None else {"runAsUser": pods.user}),
        },
        "affinity": {"podAntiAffinity": _apart(labels)},
        "topologySpreadConstraints": [_spread("topology.kubernetes.io/zone", labels)],
        "containers": [_container(pods, sleep)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if pods.service_account is not None:
        spec["serviceAccountName"] = pods.service_account
    if pods.node_selector:
        spec["nodeSelector"] = dict(pods.node_selector)
    return {"metadata": {"labels": dict(labels)}, "spec": spec}


def _container(pods: Pods, sleep: int) -> Manifest:
    check: Manifest = {"path": pods.health_path, "port": "http"}
    gpus: Manifest = {"nvidia.com/gpu": str(pods.gpus)} if pods.gpus else {}
    memory = f"{pods.memory_mib}Mi"
    container: Manifest = {
        "name": "app",
        "image": pods.image,
        "ports": [{"name": "http", "containerPort": pods.port, "protocol": "TCP"}],
        "env": _environment(pods),
        # Until the first good answer the startup probe alone asks, so that a model may load as long as it was given.
        "startupProbe": {
            "httpGet": dict(check),
            "periodSeconds": _PROBE_SECONDS,
            "failureThreshold": max(1, -(-pods.startup_seconds // _PROBE_SECONDS)),
        },
        "readinessProbe": {"httpGet": dict(check), "periodSeconds": _PROBE_SECONDS, "timeoutSeconds": 3},
        # The kubelet's own sleep: it needs no shell in the image.
        "lifecycle": {"preStop": {"sleep": {"seconds": sleep}}},
        "resources": {"requests": {"cpu": pods.cpu, "memory": memory, **gpus}, "limits": {"memory": memory, **gpus}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": not pods.writable,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 -- in the pod
    }
    if pods.command is not None:
        container["command"] = list(pods.command)
    return container


def _environment(pods: Pods) -> list[Json]:
    plain: list[Json] = [{"name": name, "value": value} for name, value in pods.environment.items()]
    for name, place in pods.secrets.items():
        secret, _, key = place.partition("/")
        plain.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return plain


def _apart(labels: Mapping[str, str]) -> Manifest:
    """Not on one node with others of the service, of either release: a node that goes takes one pod along."""
    term: Manifest = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": dict(labels)}}
    # A preference: during a rollout there are twice as many pods, and there may be no node for each.
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def _spread(topology: str, labels: Mapping[str, str]) -> Manifest:
    return {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
        # Of each release by itself, so that the candidate's pods are not all on the nodes that live left free.
        "matchLabelKeys": ["rollouts-pod-template-hash"],
    }
