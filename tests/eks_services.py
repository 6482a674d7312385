"""Clusters and services of EksRollouts to test: made with one call, changed by keyword."""

import aws_cdk as cdk

from bluegreen_constructs import AutoMode, EksCluster, EksRollouts, Ingress, NodeGroup, Pods
from bluegreen_constructs.argo.manifest import Manifest
from bluegreen_constructs.argo_service import ArgoService
from tests.canary_service import PLAIN, new_stack, vpc_in

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
CHART = "Custom::AWSCDK-EKS-HelmChart"


def cluster(stack: cdk.Stack, capacity: AutoMode | NodeGroup | None = None, **options: object) -> EksCluster:
    return EksCluster(stack, "Cluster", vpc=vpc_in(stack), capacity=capacity, **options)  # type: ignore[arg-type]


def rollouts(stack: cdk.Stack, capacity: AutoMode | NodeGroup | None = None, **options: object) -> EksRollouts:
    return EksRollouts(stack, "Rollouts", cluster=cluster(stack, capacity), **options)  # type: ignore[arg-type]


def pods(**changes: object) -> Pods:
    return Pods(**({"image": "registry.example/app:1.4.2", "port": 8080, "health_path": "/ready"} | changes))  # type: ignore[arg-type]


def behind_alb(of: EksRollouts | None = None, *, ingress: Ingress = PLAIN, **options: object) -> ArgoService:
    """A service behind a load balancer, in a cluster of its own unless one is given."""
    return inside(of, ingress=ingress, **options)


def inside(of: EksRollouts | None = None, name: str = "web", **options: object) -> ArgoService:
    """A service that is reached inside the cluster."""
    given = {"namespace": "shop", "pods": pods(), **options}
    return (of or rollouts(new_stack())).add_service(name, **given)  # type: ignore[arg-type]


def of_kind(service: ArgoService, kind: str) -> dict[str, Manifest]:
    """The manifests of a kind by their names."""
    found = [one for one in service.manifests if one["kind"] == kind]
    return {str(one["metadata"]["name"]): one for one in found}  # type: ignore[index,call-overload]


def strategy(service: ArgoService) -> dict:
    """The Rollout's strategy, without its kind."""
    (rollout,) = of_kind(service, "Rollout").values()
    (found,) = rollout["spec"]["strategy"].values()  # type: ignore[index,call-overload,union-attr]
    return found  # type: ignore[return-value]


def spec(service: ArgoService, kind: str) -> dict:
    (found,) = of_kind(service, kind).values()
    return found["spec"]  # type: ignore[return-value]
