"""ExistingCluster: a cluster that somebody else made, by an L2 of the CDK or by its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from .argo.manifest import Manifest
from .cluster_manifests import apply
from .eks_acknowledgements import acknowledge_cluster
from .eks_capacity import LoadBalancing
from .eks_cluster import EksCluster
from .engine.errors import ConfigurationError
from .kubectl_version import checked_version, layer_for, refuse_skew


@dataclass(frozen=True)
class ExistingCluster:
    """A cluster that was not made by an `EksCluster`. `ExistingCluster.named(...)` makes one of a cluster's name.

    cluster: an L2 of aws_eks_v2 that has a kubectl provider. version: its Kubernetes minor version, such as "1.35".
    load_balancing: whether EKS Auto Mode or the AWS Load Balancer Controller makes its load balancers; an IngressClass
        named `alb` is there.
    ready: what manifests have to wait for, such as the controller's chart (default: nothing, it is there).

    With node groups the add-on `eks-pod-identity-agent` has to be there.

    Raises ConfigurationError for a cluster that manifests cannot be applied to, or a kubectl that does not fit.
    """

    cluster: eks.ICluster
    version: str
    load_balancing: LoadBalancing
    ready: Construct | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be deployed to."""
        path = self.cluster.node.path
        checked_version(path, self.version)
        if self.cluster.kubectl_provider is None:
            raise ConfigurationError(
                f"{path} has no kubectl provider, so nothing can be applied to it: use ExistingCluster.named(…), or "
                "give Cluster.from_cluster_attributes(…) a kubectl_provider"
            )

    @staticmethod
    def named(
        scope: Construct,
        name: str,
        *,
        vpc: ec2.IVpc,
        security_group_id: str,
        version: str,
        load_balancing: LoadBalancing,
        kubectl_layer: lambda_.ILayerVersion | None = None,
    ) -> "ExistingCluster":
        """The cluster called `name` in the stack's own account and region, whose access entries are used.

        What applies manifests is made here, in the VPC's private subnets, and may do everything in the cluster.

        vpc: the cluster's. security_group_id: its cluster security group, in which the API server answers.
        version, load_balancing, kubectl_layer: as above, and of an `EksCluster`.

        Raises ConfigurationError for a version that is none, or a kubectl that does not fit.
        """
        place = Construct(scope, f"Cluster-{name}")
        layer = kubectl_layer or layer_for(place, checked_version(place.node.path, version))
        refuse_skew(place.node.path, layer, version)
        group = ec2.SecurityGroup.from_security_group_id(place, "ClusterGroup", security_group_id, mutable=False)
        known = {"cluster_name": name, "cluster_security_group_id": security_group_id, "vpc": vpc}
        provider = eks.KubectlProvider(
            place,
            "KubectlProvider",
            cluster=eks.Cluster.from_cluster_attributes(place, "Name", **known),  # type: ignore[arg-type] # one value each
            kubectl_layer=layer,
            private_subnets=vpc.private_subnets,
            security_groups=[group],
        )
        entry = eks.CfnAccessEntry(
            place,
            "Access",
            cluster_name=name,
            principal_arn=provider.role.role_arn if provider.role else "",
            access_policies=[
                eks.CfnAccessEntry.AccessPolicyProperty(
                    policy_arn=f"arn:{cdk.Aws.PARTITION}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    access_scope=eks.CfnAccessEntry.AccessScopeProperty(type="cluster"),
                )
            ],
        )
        cluster = eks.Cluster.from_cluster_attributes(
            place,
            "Imported",
            kubectl_provider=provider,
            **known,  # type: ignore[arg-type] # one value each
        )
        acknowledge_cluster(place)
        return ExistingCluster(cluster, version, load_balancing, entry)

    @property
    def vpc(self) -> ec2.IVpc | None:
        """Its VPC, if it is known."""
        try:
            return self.cluster.vpc
        except RuntimeError:  # an imported cluster that was not told of one
            return None

    def add_manifest(
        self,
        scope: Construct,
        id: str,
        manifests: Sequence[Manifest],
        *,
        after: Sequence[IDependable] = (),
        stays: bool = False,
    ) -> eks.KubernetesManifest:
        """As of an `EksCluster`."""
        ready = [] if self.ready is None else [self.ready]
        return apply(self.cluster, scope, id, manifests, [*ready, *after], stays=stays)


Cluster: TypeAlias = EksCluster | ExistingCluster
