"""ClusterTargets: the target group of one side of a ClusterSwitch, and what registers a Service's pods with it."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from .argo.manifest import Manifest
from .cluster_side import ClusterSide
from .eks_capacity import LoadBalancing
from .ingress import Ingress

CLUSTER_TAG = "eks:eks-cluster-name"
"""Auto Mode's role may register targets with groups that have this tag, with the name of the role's own cluster.

Most versions of its policy ask for the tag. https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSLoadBalancingPolicy.html
"""


class ClusterTargets(Construct):
    """A group for each side: a load balancer controller takes out whatever it did not put there itself."""

    def __init__(self, scope: Construct, id: str, *, side: ClusterSide | None, ingress: Ingress, vpc: ec2.IVpc) -> None:
        """Make the group; without a side it stays empty."""
        super().__init__(scope, id)
        self._side = side
        self.group = elbv2.ApplicationTargetGroup(
            self,
            "Group",
            vpc=vpc,
            # Pods are registered with their own port; were it given here, a changed port would replace the group.
            port=80,
            protocol=elbv2.ApplicationProtocol.HTTP,
            protocol_version=elbv2.ApplicationProtocolVersion.HTTP1,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(ingress.drain_seconds),
            # As of all the sides that the engine moves traffic between.
            health_check=elbv2.HealthCheck(
                path=ingress.health_path,
                healthy_http_codes="200",
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        if side is not None and side.cluster.load_balancing is LoadBalancing.AUTO_MODE:
            cdk.Tags.of(self.group).add(CLUSTER_TAG, side.cluster.cluster.cluster_name)

    def bind(self, listener: elbv2.IApplicationListener) -> None:
        """Let the listener's load balancer reach the pods, and have the cluster register them.

        Only when a rule names the group: before, no target of it is checked, and pods whose readiness depends on that
        would not get ready. On the way back the binding goes first, while the group is still there to be emptied.
        """
        side = self._side
        if side is None:
            return
        # By the template and not by the binding, as Auto Mode's knows no networking rules for a given group.
        # https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-nlb.html#_targetgroupbinding
        listener.connections.allow_to(side.security_group, ec2.Port.tcp(side.pod_port), "pods")
        first = [self.group.load_balancer_attached, *side.after]
        side.cluster.add_manifest(self, "Binding", [self._binding(side)], after=first)

    def _binding(self, side: ClusterSide) -> Manifest:
        """https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/spec/"""
        name = cdk.Names.unique_resource_name(self, max_length=63, separator="-").lower()
        return {
            "apiVersion": side.cluster.load_balancing.target_group_binding_api,
            "kind": "TargetGroupBinding",
            "metadata": {"name": name, "namespace": side.namespace},
            "spec": {
                "targetGroupARN": self.group.target_group_arn,
                "targetType": "ip",
                "serviceRef": {"name": side.service, "port": side.port},
            },
        }
