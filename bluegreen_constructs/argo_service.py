"""ArgoService: one service of an EksRollouts: its Rollout and all that it needs, in one manifest."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import aws_cdk as cdk
from constructs import Construct, IConstruct, IDependable

from .argo import lint
from .argo.addresses import ServiceNames
from .argo.manifest import Manifest
from .argo_bootstrap import LoadBalancerFirst
from .argo_ingress import admit_logs
from .argo_service_manifests import longest_rollout, service_manifests
from .argo_service_plan import ServicePlan
from .existing_cluster import Cluster
from .pods import ExistingDeployment

_ADDRESSES = ("Service", "Ingress")


class ArgoService(Construct):
    """One service. `manifests` are its objects as plain values, in the order in which they are applied."""

    def __init__(
        self, scope: Construct, id: str, *, plan: ServicePlan, cluster: Cluster, after: Sequence[IDependable]
    ) -> None:
        """Write the manifests, look at them once more as Argo's controller would, and apply them.

        Behind a load balancer that the controller moves weights of, Services and Ingress come first.

        Raises ConfigurationError for manifests that the controller would refuse, or roll out otherwise than meant.
        """
        super().__init__(scope, id)
        self.name, self.namespace = plan.name, plan.namespace
        self.cluster = cluster
        self.longest_rollout: timedelta = longest_rollout(plan)
        """When a rollout is over, or would have been: its deadline, after its pods had the time to be ready."""
        self.deployment: str | None = plan.pods.name if isinstance(plan.pods, ExistingDeployment) else None
        """The Deployment that was taken over, and has the pods' template; None when the Rollout has its own."""
        self._identity = f"{cluster.cluster.node.path}/{self.namespace}/{self.name}"
        self.manifests: tuple[Manifest, ...] = service_manifests(plan)
        lint.refuse(self.node.path, self.manifests)
        logs = [] if plan.ingress is None else admit_logs(self, plan.ingress)
        first, rest = [*after, *logs], list(self.manifests)
        # What was somebody else's before it was adopted is not deleted with the stack: nobody would start it again.
        stays = isinstance(plan.pods, ExistingDeployment)
        if plan.shape == "ping-pong":
            addresses = [one for one in rest if one["kind"] in _ADDRESSES]
            rest = [one for one in rest if one not in addresses]
            reached = cluster.add_manifest(self, "Addresses", addresses, after=first, stays=stays)
            balancer = LoadBalancerFirst(
                self,
                "LoadBalancer",
                names=ServiceNames(plan.name),
                namespace=plan.namespace,
                cluster=cluster,
                after=reached,
            )
            first = [*first, balancer.ready]
            self._keep_logical_id(reached, "Addresses")
            self._keep_logical_id(balancer.patch, "Action")
            self._keep_logical_id(balancer.ready, "LoadBalancer")
        self.resource = cluster.add_manifest(self, "Manifest", rest, after=first, stays=stays)
        self._keep_logical_id(self.resource, "")

    def _keep_logical_id(self, made: IConstruct, part: str) -> None:
        """By what it is and not by where the construct is: a moved construct would delete what it has just applied."""
        resource = made.node.find_child("Resource").node.default_child
        if isinstance(resource, cdk.CfnResource):
            digest = hashlib.sha256(self._identity.encode()).hexdigest()[:8].upper()
            words = "".join(word.capitalize() for word in f"{self.namespace}-{self.name}".split("-"))
            resource.override_logical_id(f"ArgoService{words}{part}{digest}")
