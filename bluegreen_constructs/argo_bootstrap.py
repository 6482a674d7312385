"""What has to be there before the controller of Argo Rollouts looks at a load balancer for the first time."""

import json

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from .argo.addresses import PORT, ServiceNames
from .argo.manifest import Json, Manifest
from .cluster_manifests import as_cluster
from .existing_cluster import Cluster

_ACTION = "alb.ingress.kubernetes.io/actions"
_LOAD_BALANCER_IN = cdk.Duration.minutes(10)


class LoadBalancerFirst(Construct):
    """The load balancer with both target groups, before the Rollout: `ready` is what the Rollout waits for.

    The controller writes down the load balancer's names once, at its first look, and the load balancer controller makes
    nothing before it knows the action, which otherwise that look would write: the names would stay empty, and no
    release could be judged. So the action is written once here, all traffic to the one that will be live; from then on
    it is the controller's, as nothing of ours is applied to it again.
    """

    def __init__(
        self, scope: Construct, id: str, *, names: ServiceNames, namespace: str, cluster: Cluster, after: Construct
    ) -> None:
        """Write the action of the Ingress that `after` applied, and wait for the load balancer's name."""
        super().__init__(scope, id)
        self.patch = eks.KubernetesPatch(
            self,
            "Action",
            cluster=as_cluster(cluster.cluster),
            resource_name=f"ingress/{names.name}",
            resource_namespace=namespace,
            apply_patch={"metadata": {"annotations": {f"{_ACTION}.{names.name}": json.dumps(_action(names))}}},
            restore_patch={},
            patch_type=eks.PatchType.MERGE,
        )
        self.patch.node.add_dependency(after)
        self.ready = eks.KubernetesObjectValue(
            self,
            "Name",
            cluster=as_cluster(cluster.cluster),
            object_type="ingress",
            object_name=names.name,
            object_namespace=namespace,
            json_path=".status.loadBalancer.ingress[0].hostname",
            timeout=_LOAD_BALANCER_IN,
        )
        self.ready.node.add_dependency(self.patch)


def _action(names: ServiceNames) -> Manifest:
    """As the controller itself writes it when all traffic is on ping, which it makes live first."""
    groups: list[Json] = [
        {"ServiceName": service, "ServicePort": str(PORT), "Weight": weight}
        for service, weight in ((names.ping, 100), (names.pong, 0))
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
