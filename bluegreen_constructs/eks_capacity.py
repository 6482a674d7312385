"""What an EksCluster runs its pods on: EKS Auto Mode, or a managed node group with the load balancer controller."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .engine.errors import ConfigurationError


class LoadBalancing(Enum):
    """Which controller makes load balancers and registers pods with target groups; their names are not the same.

    https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-alb.html
    """

    AUTO_MODE = "auto mode"
    CONTROLLER = "aws load balancer controller"

    @property
    def target_group_binding_api(self) -> str:
        """The apiVersion of TargetGroupBinding."""
        return "eks.amazonaws.com/v1" if self is LoadBalancing.AUTO_MODE else "elbv2.k8s.aws/v1beta1"

    @property
    def readiness_gate_label(self) -> str:
        """The label of a namespace whose pods are ready only when their target group says so; its value is enabled."""
        domain = "eks.amazonaws.com" if self is LoadBalancing.AUTO_MODE else "elbv2.k8s.aws"
        return f"{domain}/pod-readiness-gate-inject"

    @property
    def resource_tag(self) -> str:
        """The tag by which a target group says which Service it is of."""
        return "ingress.eks.amazonaws.com/resource" if self is LoadBalancing.AUTO_MODE else "ingress.k8s.aws/resource"


@dataclass(frozen=True)
class AutoMode:
    """EKS Auto Mode: AWS runs nodes, load balancing, storage and the Pod Identity agent.

    node_pools: its built-in pools (default: both, `system` and `general-purpose`).

    Raises ConfigurationError for a pool that it does not have.
    """

    node_pools: Sequence[str] = ("system", "general-purpose")

    def __post_init__(self) -> None:
        """Refuse a pool that EKS would refuse, and none, with which no pod would start."""
        known = ("system", "general-purpose")
        if not self.node_pools or isinstance(self.node_pools, str) or not set(self.node_pools) <= set(known):
            raise ConfigurationError(f"AutoMode node_pools is {self.node_pools!r}: give some of {', '.join(known)}")

    @property
    def load_balancing(self) -> LoadBalancing:
        """Auto Mode's own."""
        return LoadBalancing.AUTO_MODE


@dataclass(frozen=True)
class NodeGroup:
    """A managed node group of Amazon Linux 2023, with the AWS Load Balancer Controller.

    types: instance types of one processor architecture, the preferred one first (default m7i.large).
    min, max: bounds of the number of nodes (default 2 and 6). Nothing here scales between them: a cluster autoscaler of
        yours does, and without one the number stays at `min`. A rollout needs room for both sides.
    disk_gib: a node's disk (default 50).

    Raises ConfigurationError for bounds that cannot hold, or no type.
    """

    types: Sequence[str] = ("m7i.large",)
    min: int = 2
    max: int = 6
    disk_gib: int = 50

    def __post_init__(self) -> None:
        """Refuse what EKS would refuse at deploy."""
        if not self.types or isinstance(self.types, str):
            raise ConfigurationError(f"NodeGroup types is {self.types!r}: give a list, such as ('m7i.large',)")
        if not 1 <= self.min <= self.max:
            raise ConfigurationError(
                f"NodeGroup goes from {self.min} to {self.max} nodes: give 1 or more, and max at least min"
            )
        if self.disk_gib < 20:
            raise ConfigurationError(f"NodeGroup disk_gib is {self.disk_gib}: give 20 or more, images take their place")

    @property
    def load_balancing(self) -> LoadBalancing:
        """The controller's."""
        return LoadBalancing.CONTROLLER
