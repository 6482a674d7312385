"""ArgoService: one service of an EksRollouts: its Rollout and all that it needs, in one manifest."""

import hashlib
from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct, IDependable

from .argo import lint
from .argo.manifest import Manifest
from .argo_ingress import admit_logs
from .argo_service_manifests import service_manifests
from .argo_service_plan import ServicePlan
from .existing_cluster import Cluster
from .pods import ExistingDeployment


class ArgoService(Construct):
    """One service. `manifests` are its objects as plain values, in the order in which they are applied."""

    def __init__(
        self, scope: Construct, id: str, *, plan: ServicePlan, cluster: Cluster, after: Sequence[IDependable]
    ) -> None:
        """Write the manifests, look at them once more as Argo's controller would, and apply them.

        Raises ConfigurationError for manifests that the controller would refuse, or roll out otherwise than meant.
        """
        super().__init__(scope, id)
        self.name, self.namespace = plan.name, plan.namespace
        self.manifests: tuple[Manifest, ...] = service_manifests(plan)
        lint.refuse(self.node.path, self.manifests)
        logs = [] if plan.ingress is None else admit_logs(self, plan.ingress)
        # What was somebody else's before it was adopted is not deleted with the stack: nobody would start it again.
        stays = isinstance(plan.pods, ExistingDeployment)
        self.resource = cluster.add_manifest(self, "Manifest", self.manifests, after=[*after, *logs], stays=stays)
        self._keep_logical_id(cluster)

    def _keep_logical_id(self, cluster: Cluster) -> None:
        """By what it is and not by where the construct is: a moved construct would delete what it has just applied."""
        resource = self.resource.node.find_child("Resource").node.default_child
        if isinstance(resource, cdk.CfnResource):
            known = f"{cluster.cluster.node.path}/{self.namespace}/{self.name}"
            digest = hashlib.sha256(known.encode()).hexdigest()[:8].upper()
            words = "".join(word.capitalize() for word in f"{self.namespace}-{self.name}".split("-"))
            resource.override_logical_id(f"ArgoService{words}{digest}")
