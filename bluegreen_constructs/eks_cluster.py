"""EksCluster: a cluster with a private endpoint, all its logs and encrypted secrets."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from .argo.manifest import Manifest
from .cluster_manifests import apply, as_cluster, ingress_class
from .eks_acknowledgements import acknowledge_cluster
from .eks_capacity import AutoMode, NodeGroup
from .engine.errors import ConfigurationError
from .kubectl_version import checked_version, layer_for, refuse_skew

_CONTROLLER_VERSION = eks.AlbControllerVersion.V3_2_2
# eks_v2 makes a deprecated provider for the load balancer controller's role without it.
_NATIVE_OIDC = "@aws-cdk/aws-eks:useNativeOidcProvider"


class EksCluster(Construct):
    """An EKS cluster as a production service wants it.

    The API server answers inside the VPC only, writes all five kinds of logs, and keeps secrets encrypted by a key of
    yours; who may use it is said by access entries. Manifests are applied by a function in the VPC's private subnets,
    which fetch charts from the internet: they need a NAT gateway.

    vpc: where it is; with private subnets.
    capacity: `AutoMode()` (default) or `NodeGroup(...)`.
    version: Kubernetes' minor version (default "1.36"). kubectl of the same one is needed at synth, from the package
        aws-cdk.lambda-layer-kubectl-v36.
    admins: roles that may do everything in the cluster, for kubectl from inside the VPC (default: the function alone).
    encryption_key: for the cluster's secrets (default: one of its own, which stays when the stack is deleted).
    kubectl_layer: another kubectl, at most one minor version away.

    Raises ConfigurationError for a version that is none, a kubectl that does not fit, or a VPC without private subnets.

    https://docs.aws.amazon.com/eks/latest/best-practices/cluster-security.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        capacity: AutoMode | NodeGroup | None = None,
        version: str = "1.36",
        admins: Sequence[iam.IRole] = (),
        encryption_key: kms.IKey | None = None,
        kubectl_layer: lambda_.ILayerVersion | None = None,
    ) -> None:
        """Make the cluster, what its pods run on, and what makes load balancers in it."""
        super().__init__(scope, id)
        self.node.set_context(_NATIVE_OIDC, True)  # noqa: FBT003 -- the value of the flag
        capacity = AutoMode() if capacity is None else capacity
        self.version = checked_version(self.node.path, version)
        self.vpc = vpc
        self.load_balancing = capacity.load_balancing
        if not vpc.private_subnets:
            raise ConfigurationError(
                f"{self.node.path} has a VPC without private subnets: give one that has them, nodes and the function "
                "that applies manifests are there"
            )
        layer = kubectl_layer or layer_for(self, self.version)
        refuse_skew(self.node.path, layer, self.version)
        self.encryption_key = encryption_key or kms.Key(
            self, "Key", enable_key_rotation=True, description=f"the secrets of {self.node.path}"
        )
        self.cluster = self._cluster(capacity, layer)
        # The autoscalers of services ask it for CPU; no cluster brings it along.
        # https://docs.aws.amazon.com/eks/latest/userguide/metrics-server.html
        metrics = eks.Addon(self, "MetricsServer", cluster=as_cluster(self.cluster), addon_name="metrics-server")
        for number, role in enumerate(admins):
            self.cluster.grant_cluster_admin(f"Admin{number + 1}", role.role_arn)
        self.ready: Construct = (
            self._nodes(capacity) if isinstance(capacity, NodeGroup) else ingress_class(self, self.cluster)
        )
        metrics.node.add_dependency(self.ready)
        cdk.CfnOutput(self, "Name", value=self.cluster.cluster_name, description="for aws eks update-kubeconfig")
        acknowledge_cluster(self.cluster)

    def add_manifest(
        self,
        scope: Construct,
        id: str,
        manifests: Sequence[Manifest],
        *,
        after: Sequence[IDependable] = (),
        stays: bool = False,
    ) -> eks.KubernetesManifest:
        """Apply `manifests` in this order, once the cluster can make load balancers and all of `after` is there.

        What a controller wrote into an object meanwhile stays (kubectl's three-way apply). What is left out of the list
        later stays in the cluster: kubectl's pruning knows no custom resources. stays: whether all of it stays when the
        template no longer has it (default: it is deleted).
        """
        return apply(self.cluster, scope, id, manifests, [self.ready, *after], stays=stays)

    def _cluster(self, capacity: AutoMode | NodeGroup, layer: lambda_.ILayerVersion) -> eks.Cluster:
        is_auto = isinstance(capacity, AutoMode)
        return eks.Cluster(
            self,
            "Cluster",
            vpc=self.vpc,
            version=eks.KubernetesVersion.of(self.version),
            default_capacity_type=eks.DefaultCapacityType.AUTOMODE if is_auto else eks.DefaultCapacityType.NODEGROUP,
            default_capacity=None if is_auto else 0,
            compute=eks.ComputeConfig(node_pools=list(capacity.node_pools)) if isinstance(capacity, AutoMode) else None,
            endpoint_access=eks.EndpointAccess.PRIVATE,
            cluster_logging=list(eks.ClusterLoggingTypes),
            secrets_encryption_key=self.encryption_key,
            kubectl_provider_options=eks.KubectlProviderOptions(
                kubectl_layer=layer, private_subnets=self.vpc.private_subnets
            ),
        )

    def _nodes(self, capacity: NodeGroup) -> Construct:
        """The node group, the agent that Pod Identity needs on it, and the load balancer controller."""
        nodes = self.cluster.add_nodegroup_capacity(
            "Nodes",
            instance_types=[ec2.InstanceType(one) for one in capacity.types],
            ami_type=_image_of(self.node.path, capacity.types),
            min_size=capacity.min,
            max_size=capacity.max,
            disk_size=capacity.disk_gib,
            # An update of the nodes would otherwise evict what a disruption budget protects.
            force_update=False,
        )
        agent = self.cluster.eks_pod_identity_agent
        controller = eks.AlbController(self.cluster, "AlbController", cluster=self.cluster, version=_CONTROLLER_VERSION)
        controller.node.add_dependency(nodes)
        if agent is not None:
            controller.node.add_dependency(agent)
        return controller


def _image_of(path: str, types: Sequence[str]) -> eks.NodegroupAmiType:
    architectures = {ec2.InstanceType(one).architecture for one in types}
    if len(architectures) > 1:
        raise ConfigurationError(f"{path} has the types {', '.join(types)}: give types of one architecture")
    if architectures == {ec2.InstanceArchitecture.ARM_64}:
        return eks.NodegroupAmiType.AL2023_ARM_64_STANDARD
    return eks.NodegroupAmiType.AL2023_X86_64_STANDARD
