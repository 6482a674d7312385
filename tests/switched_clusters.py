"""ClusterSwitches to test: made with one call, changed by keyword, on clusters that are there already."""

import json

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs.cluster_side import ClusterSide
from bluegreen_constructs.cluster_switch import ClusterSwitch
from bluegreen_constructs.eks_capacity import LoadBalancing
from bluegreen_constructs.existing_cluster import ExistingCluster
from tests.canary_service import PLAIN, flat, new_stack, resources, vpc_in

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"


def imported(stack: cdk.Stack, name: str, **attributes: object) -> eks.ICluster:
    """A cluster of nobody's template, with a kubectl provider of its own."""
    provider = eks.KubectlProvider.from_kubectl_provider_attributes(
        stack, f"{name}Kubectl", service_token=f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    )
    known = {
        "cluster_name": name,
        "cluster_security_group_id": f"sg-{name}",
        "kubectl_provider": provider,
        "vpc": vpc_in(stack),
    }
    return eks.Cluster.from_cluster_attributes(stack, name, **(known | attributes))  # type: ignore[arg-type]


def existing(
    stack: cdk.Stack, name: str, load_balancing: LoadBalancing = LoadBalancing.AUTO_MODE, **attributes: object
) -> ExistingCluster:
    ready = Construct(stack, f"{name}Ready")
    return ExistingCluster(imported(stack, name, **attributes), "1.36", load_balancing, ready)


def side(cluster: ExistingCluster, **changes: object) -> ClusterSide:
    return ClusterSide(cluster, **({"namespace": "shop", "service": "web", "pod_port": 8080} | changes))  # type: ignore[arg-type]


def switch(stack: cdk.Stack | None = None, id: str = "Web", **options: object) -> ClusterSwitch:
    """Two clusters in Auto Mode, called `old` and `new`."""
    stack = stack or new_stack()
    settings: dict[str, object] = {"ingress": PLAIN, **options}
    for name, cluster in (("blue", "old"), ("green", "new")):
        if name not in settings:
            settings[name] = side(existing(stack, cluster))
    return ClusterSwitch(stack, id, **settings)  # type: ignore[arg-type]


def bindings(of: Template) -> dict[str, dict]:
    """The TargetGroupBindings by the name of their cluster; the ARN as `<LogicalId>`."""
    found = {}
    for one in resources(of, MANIFEST).values():
        manifests = json.loads(flat(one["Properties"]["Manifest"]))
        if manifests[0]["kind"] == "TargetGroupBinding":
            (manifest,) = manifests
            found[flat(one["Properties"]["ClusterName"])] = manifest
    return found
