"""ArgoService: one service of an EksRollouts: its Rollout and all that it needs, in one manifest."""

from collections.abc import Sequence

from constructs import Construct, IDependable

from .argo import lint
from .argo.manifest import Manifest
from .argo_ingress import admit_logs
from .argo_service_manifests import service_manifests
from .argo_service_plan import ServicePlan
from .existing_cluster import Cluster


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
        self.resource = cluster.add_manifest(self, "Manifest", self.manifests, after=[*after, *logs])
