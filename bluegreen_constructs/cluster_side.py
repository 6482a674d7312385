"""ClusterSide: one side of a ClusterSwitch, a Service in an EKS cluster; and what is refused of two of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import combinations
from typing import TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct, IDependable

from .account_arns import foreign_place
from .eks_cluster import EksCluster
from .engine.errors import ConfigurationError
from .existing_cluster import Cluster, ExistingCluster

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# What a Service is called is a label that begins with a letter.
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_Made: TypeAlias = eks.Cluster | eks.ICluster


@dataclass(frozen=True)
class ClusterSide:
    """One side: the pods behind a Service of a cluster.

    service, port and pod_port must not change on a side that is live: its users would meet other pods without a
    rollout. Change them on the side that is out of use (`bluegreen status` says which), start a rollout, and then
    change the other one. For another cluster or namespace deploy the side as None first.

    cluster: an `EksCluster` or an `ExistingCluster`; of the other side another one.
    namespace: where the Service is; it has to be there when the stack is deployed.
    service: its name; it may come later, as pods are registered when they are there.
    port: the Service's port, by number or by name (default 80).
    pod_port: what its pods listen on, which the load balancer is let to.
    after: what has to be there before pods are registered, such as the manifest with the namespace (default: nothing).

    Raises ConfigurationError for names and ports that Kubernetes would refuse.
    """

    cluster: Cluster
    _: KW_ONLY
    namespace: str
    service: str
    port: int | str = 80
    pod_port: int
    after: Sequence[IDependable] = ()

    def __post_init__(self) -> None:
        """Refuse what the API server, or nobody, would refuse."""
        if not isinstance(self.cluster, EksCluster | ExistingCluster):
            raise ConfigurationError(
                f"ClusterSide cluster is a {type(self.cluster).__name__}: give an EksCluster, or "
                "ExistingCluster.named(…) for one that is there"
            )
        if not isinstance(self.namespace, str) or not _LABEL.fullmatch(self.namespace):
            raise ConfigurationError(
                f"ClusterSide namespace is {self.namespace!r}: give at most 63 lower-case letters, digits and hyphens, "
                "such as 'shop'"
            )
        if not isinstance(self.service, str) or not _SERVICE.fullmatch(self.service):
            raise ConfigurationError(
                f"ClusterSide service is {self.service!r}: give at most 63 lower-case letters, digits and hyphens that "
                "begin with a letter, such as 'web'"
            )
        if not _is_port(self.port) and not _is_port_name(self.port):
            raise ConfigurationError(
                f"ClusterSide port is {self.port!r}: give the Service's port, a number between 1 and 65535 or its "
                "name, such as 'http'"
            )
        if not _is_port(self.pod_port):
            raise ConfigurationError(
                f"ClusterSide pod_port is {self.pod_port!r}: give what the pods listen on, a number between 1 and 65535"
            )

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        """The cluster security group, which its nodes have and pods without one of their own share.

        https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html

        Raises ConfigurationError for an imported cluster that was not told of it.
        """
        cluster = self.cluster.cluster
        try:
            return cluster.cluster_security_group
        except RuntimeError:  # how the CDK says that nobody said it
            raise ConfigurationError(
                f"{cluster.node.path} does not know its cluster security group, which the load balancer has to be let "
                "into: give cluster_security_group_id where the cluster is imported"
            ) from None


def refuse_clusters(
    scope: Construct, blue: ClusterSide | None, green: ClusterSide | None, vpc: ec2.IVpc | None
) -> None:
    """Raise ConfigurationError for sides that one load balancer does not reach, that are one, or none at all."""
    path = scope.node.path
    sides: dict[str, ClusterSide] = {}
    for name, side in (("blue", blue), ("green", green)):
        if isinstance(side, ClusterSide):
            sides[name] = side
        elif side is not None:
            raise ConfigurationError(
                f"{path} has the {name} {type(side).__name__}: give ClusterSide(cluster, …), or None for no cluster"
            )
    if not sides:
        raise ConfigurationError(
            f"{path} has no cluster on either side, so that nothing would serve: give blue=ClusterSide(cluster, …)"
        )
    for name, side in sides.items():
        _refuse_place(scope, name, side.cluster.cluster)
        side.security_group  # noqa: B018 -- for its refusal, before anything is made
    if len(sides) > 1 and _is_one(sides["blue"].cluster.cluster, sides["green"].cluster.cluster):
        raise ConfigurationError(
            f"{path} has {sides['blue'].cluster.cluster.node.path} as blue and as green: give two clusters, and use "
            "EksRollouts for releases inside one"
        )
    _refuse_networks(path, {name: side.cluster.vpc for name, side in sides.items()} | {"vpc": vpc})


def _refuse_place(scope: Construct, name: str, cluster: _Made) -> None:
    place = foreign_place(scope, cluster.cluster_arn, cluster.env)
    if place is not None:
        raise ConfigurationError(
            f"{scope.node.path} has the {name} cluster in {place}, and its load balancer is where the stack is: give "
            "clusters of the stack's own account and region, as only DNS leads to several of them"
        )
    if cluster.ip_family == eks.IpFamily.IP_V6:
        raise ConfigurationError(
            f"{scope.node.path} has the {name} cluster {cluster.node.path}, whose pods have IPv6 addresses: give a "
            "cluster with IPv4 pods, its target groups hold no others"
        )


def _refuse_networks(path: str, vpcs: Mapping[str, ec2.IVpc | None]) -> None:
    known = {name: vpc for name, vpc in vpcs.items() if vpc is not None}
    for (name, one), (other_name, other) in combinations(known.items(), 2):
        if _differ(one, other):
            raise ConfigurationError(
                f"{path} has {name} in {one.node.path} and {other_name} in {other.node.path}: give clusters of one "
                "VPC, where the load balancer is as well"
            )


def _differ(one: ec2.IVpc, other: ec2.IVpc) -> bool:
    """Whether two VPCs are known to be two: both made in this app, or imported by ids that are known at synth."""
    if one.node.path == other.node.path:
        return False
    if isinstance(one, ec2.Vpc) and isinstance(other, ec2.Vpc):
        return True
    ids = one.vpc_id, other.vpc_id
    return ids[0] != ids[1] and not any(cdk.Token.is_unresolved(one) for one in ids)


def _is_one(one: _Made, other: _Made) -> bool:
    """Whether two clusters are known to be one, also when it was imported twice."""
    if one.node.path == other.node.path:
        return True
    names = one.cluster_name, other.cluster_name
    return names[0] == names[1] and not cdk.Token.is_unresolved(names[0])


def _is_port(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 65_535


def _is_port_name(given: object) -> bool:
    return isinstance(given, str) and bool(_LABEL.fullmatch(given)) and not given.isdigit()
