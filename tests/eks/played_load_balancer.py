"""EKS Auto Mode's load balancing: what makes load balancers, and those it made, *played* from the Ingresses.

Played: an Ingress of class `alb` gets a host name, and each Service that its action annotation names a target group and
a TargetGroupBinding, as Auto Mode would make them. Weights follow the annotation at once, targets the ready
endpoints: how long AWS takes for either is not played.
"""

import hashlib
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.eks.cluster_api import ClusterApi

REGION, ACCOUNT = "eu-west-1", "123456789012"
ACTIONS = "alb.ingress.kubernetes.io/actions."
RESOURCE_TAG = "ingress.eks.amazonaws.com/resource"
TARGET_GROUP_BINDING = "eks.amazonaws.com/v1"
_ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:"
_SECONDS = 0.2
ALLOCATION_SECONDS = 2.0
"""Before an Ingress has a host name; minutes on AWS. As there, nothing begins before its action annotation is written:
a backend `use-annotation` without one is a mistake to the load balancer controller."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One ready pod behind a target group."""

    address: str
    port: int
    image: str


@dataclass(frozen=True)
class TargetGroup:
    """What one Service that an Ingress forwards to is at the load balancer."""

    namespace: str
    ingress: str
    service: str
    port: str
    weight: int
    load_balancer: "LoadBalancer"

    @property
    def resource(self) -> str:
        """The value of the tag by which the rollouts controller finds it."""
        return f"{self.namespace}/{self.ingress}-{self.service}:{self.port}"

    @property
    def name(self) -> str:
        """As the load balancer controller makes it, at most 32 characters."""
        return f"k8s-{_plain(self.namespace)}-{_plain(self.service)}-{_digest(self.resource, 10)}"

    @property
    def full_name(self) -> str:
        """The value of CloudWatch's dimension TargetGroup."""
        return f"targetgroup/{self.name}/{_digest(self.resource + '#', 16)}"

    @property
    def arn(self) -> str:
        """Its ARN."""
        return _ARN + self.full_name


@dataclass(frozen=True)
class LoadBalancer:
    """The load balancer of one Ingress."""

    namespace: str
    ingress: str

    @property
    def name(self) -> str:
        """As the load balancer controller makes it, at most 32 characters."""
        return f"k8s-{_plain(self.namespace)}-{_plain(self.ingress)}-{_digest(f'{self.namespace}/{self.ingress}', 10)}"

    @property
    def full_name(self) -> str:
        """The value of CloudWatch's dimension LoadBalancer."""
        return f"app/{self.name}/{_digest(self.name, 16)}"

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{_ARN}loadbalancer/{self.full_name}"

    @property
    def host_name(self) -> str:
        """What the Ingress says in its status."""
        return f"internal-{self.name}-1.{REGION}.elb.amazonaws.com"


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name))[:8]


def _digest(of: str, length: int) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:length]


class PlayedLoadBalancers:
    """What AWS would say of the load balancers that the cluster's Ingresses have."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api

    def load_balancers(self) -> list[LoadBalancer]:
        """One for each Ingress of class alb."""
        return [
            LoadBalancer(one["metadata"]["namespace"], one["metadata"]["name"])
            for one in self._api.list("", "ingresses")
            if one["spec"].get("ingressClassName") == "alb"
        ]

    def target_groups(self, of: LoadBalancer) -> list[TargetGroup]:
        """Those that the action annotations of its Ingress forward to."""
        found = self._api.get(of.namespace, "ingresses", of.ingress)
        return [] if found is None else target_groups(found)

    def targets(self, group: TargetGroup) -> list[Target]:
        """The pods that its Service's endpoints call ready."""
        images = {
            pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"]
            for pod in self._api.list(group.namespace, "pods")
        }
        return [
            Target(endpoint["addresses"][0], piece["ports"][0]["port"], images.get(endpoint["targetRef"]["name"], ""))
            for piece in self._api.list(group.namespace, "endpointslices")
            if piece["metadata"]["labels"].get("kubernetes.io/service-name") == group.service
            for endpoint in piece["endpoints"] or ()
            if endpoint["conditions"]["ready"]
        ]


def target_groups(ingress: Json) -> list[TargetGroup]:
    """What the actions of an Ingress forward to."""
    meta = ingress["metadata"]
    of = LoadBalancer(meta["namespace"], meta["name"])
    return [
        TargetGroup(of.namespace, of.ingress, group["ServiceName"], group["ServicePort"], int(group["Weight"]), of)
        for name, value in meta.get("annotations", {}).items()
        if name.startswith(ACTIONS)
        for group in json.loads(value).get("ForwardConfig", {}).get("TargetGroups", ())
    ]


class PlayedLoadBalancerController:
    """A thread that writes into the cluster what the AWS Load Balancer Controller would."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True, name="played load balancer controller")
        self._begun: dict[str, float] = {}
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._ended.set()
        self._thread.join()

    def _play(self) -> None:
        while not self._ended.wait(_SECONDS):
            try:
                for ingress in self._api.list("", "ingresses"):
                    if (
                        ingress["spec"].get("ingressClassName") == "alb"
                        and "deletionTimestamp" not in ingress["metadata"]
                    ):
                        self._serve(ingress)
            except (AssertionError, OSError) as error:  # an object that was deleted meanwhile, for example
                self.failures.append(str(error))

    def _serve(self, ingress: Json) -> None:
        meta = ingress["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        if not target_groups(ingress):
            return
        begun = self._begun.setdefault(meta["uid"], time.monotonic())
        is_allocated = time.monotonic() - begun >= ALLOCATION_SECONDS
        if is_allocated and not ingress["status"].get("loadBalancer", {}).get("ingress"):
            host = {"hostname": LoadBalancer(namespace, name).host_name}
            status = {"status": {"loadBalancer": {"ingress": [host]}}}
            self._api.patch(namespace, "ingresses", name, status, of="status")
        bound = {one["metadata"]["name"] for one in self._api.list(namespace, "targetgroupbindings")}
        for group in target_groups(ingress):
            if group.name not in bound:
                self._api.create(namespace, "targetgroupbindings", _binding(group, meta["uid"]))


def _binding(group: TargetGroup, ingress_uid: str) -> Json:
    owner = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": group.ingress, "uid": ingress_uid}
    return {
        "apiVersion": TARGET_GROUP_BINDING,
        "kind": "TargetGroupBinding",
        "metadata": {"name": group.name, "namespace": group.namespace, "ownerReferences": [owner]},
        "spec": {
            "targetGroupARN": group.arn,
            "targetType": "ip",
            "serviceRef": {"name": group.service, "port": int(group.port)},
        },
    }
