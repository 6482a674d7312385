"""Manifests in a cluster: how CDK's kubectl applies them, and the IngressClass of EKS Auto Mode."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct, IDependable

from .argo.manifest import Manifest

INGRESS_CLASS = "alb"


def apply(
    cluster: eks.Cluster | eks.ICluster,
    scope: Construct,
    id: str,
    manifests: Sequence[Manifest],
    after: Sequence[IDependable],
    *,
    stays: bool,
) -> eks.KubernetesManifest:
    """Apply `manifests` to `cluster`, in this order, after all of `after`; `stays` when the template loses them."""
    made = eks.KubernetesManifest(
        scope,
        id,
        cluster=as_cluster(cluster),
        manifest=list(manifests),
        # Pruning forgets custom resources, and an object that a failed first attempt left behind must not stop the
        # second one.
        prune=False,
        overwrite=True,
        removal_policy=cdk.RemovalPolicy.RETAIN if stays else None,
    )
    for one in after:
        made.node.add_dependency(one)
    return made


def as_cluster(cluster: eks.Cluster | eks.ICluster) -> eks.ICluster:
    """A Cluster is an ICluster; CDK's types for Python leave out the one property that would say so."""
    return cluster  # type: ignore[return-value]


def ingress_class(scope: Construct, cluster: eks.Cluster | eks.ICluster) -> Construct:
    """Auto Mode's IngressClass, which it does not bring along.

    https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-alb.html"""
    parameters: Manifest = {
        "apiVersion": "eks.amazonaws.com/v1",
        "kind": "IngressClassParams",
        "metadata": {"name": INGRESS_CLASS},
        "spec": {},
    }
    ingress_class: Manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": INGRESS_CLASS},
        "spec": {
            "controller": "eks.amazonaws.com/alb",
            "parameters": {"apiGroup": "eks.amazonaws.com", "kind": "IngressClassParams", "name": INGRESS_CLASS},
        },
    }
    return eks.KubernetesManifest(
        scope,
        "IngressClass",
        cluster=as_cluster(cluster),
        manifest=[parameters, ingress_class],
        prune=False,
        overwrite=True,
    )
