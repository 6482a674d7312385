"""The Argo Rollouts controller in a cluster: its role, the association that gives it to it, and its chart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from .acknowledgements import acknowledge
from .argo.manifest import Json
from .cluster_manifests import as_cluster
from .eks_capacity import LoadBalancing
from .engine.errors import ConfigurationError
from .existing_cluster import Cluster

NAMESPACE = "argo-rollouts"
SERVICE_ACCOUNT = "argo-rollouts"
_TIMEOUT = timedelta(minutes=10)
_READS = (
    "cloudwatch:GetMetricData",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)


@dataclass(frozen=True)
class ArgoChart:
    """Where the chart of Argo Rollouts comes from, and which one.

    version: exactly which (default 2.41.0, of Argo Rollouts 1.9.0). Another one is a change that `cdk diff` shows.
    repository: its Helm repository, or an OCI one as `oci://…` with the chart's name at its end (default: the project's
        own). The function that installs it needs a way there: a NAT gateway, or a repository in ECR with endpoints.
    asset: the chart as a file of yours instead.
    values: more values, over ours; a nested one replaces one value only. The chart has no schema: a typo says nothing.
    replicas: of the controller (default 2, of which one leads).

    Raises ConfigurationError for a version that is none.
    """

    version: str = "2.41.0"
    repository: str = "https://argoproj.github.io/argo-helm"
    asset: assets.Asset | None = None
    values: Mapping[str, Json] | None = None
    replicas: int = 2

    def __post_init__(self) -> None:
        """Refuse what would install something else tomorrow."""
        parts = self.version.split(".")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise ConfigurationError(f"ArgoChart version is {self.version!r}: give an exact one, such as '2.41.0'")
        if self.replicas < 1:
            raise ConfigurationError(f"ArgoChart replicas is {self.replicas}: give 1 or more")


class RolloutsController(Construct):
    """The controller. `ready` is what every Rollout waits for: before the chart its kind does not exist."""

    def __init__(self, scope: Construct, id: str, *, cluster: Cluster, chart: ArgoChart, dashboard: bool) -> None:
        """Install it in its own namespace.

        The role is associated before the chart: a pod gets its credentials when it is admitted, and not later.
        https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
        """
        super().__init__(scope, id)
        self.role = _role(self)
        association = eks.CfnPodIdentityAssociation(
            self,
            "Association",
            cluster_name=cluster.cluster.cluster_name,
            namespace=NAMESPACE,
            service_account=SERVICE_ACCOUNT,
            role_arn=self.role.role_arn,
        )
        self.ready = eks.HelmChart(
            self,
            "Chart",
            cluster=as_cluster(cluster.cluster),
            chart_asset=chart.asset,
            chart=None if chart.asset is not None else "argo-rollouts",
            repository=None if chart.asset is not None else chart.repository,
            version=None if chart.asset is not None else chart.version,
            release="argo-rollouts",
            namespace=NAMESPACE,
            create_namespace=True,
            wait=True,
            timeout=cdk.Duration.minutes(_TIMEOUT.total_seconds() / 60),
            values=_merged(_values(self, cluster.load_balancing, chart, dashboard=dashboard), chart.values or {}),
        )
        self.ready.node.add_dependency(association)
        if cluster.ready is not None:
            self.ready.node.add_dependency(cluster.ready)


def _role(scope: Construct) -> iam.Role:
    role = iam.Role(
        scope,
        "Role",
        description="what Argo Rollouts asks AWS about candidates",
        assumed_by=iam.SessionTagsPrincipal(iam.ServicePrincipal("pods.eks.amazonaws.com")),
        inline_policies={
            "reads": iam.PolicyDocument(statements=[iam.PolicyStatement(actions=list(_READS), resources=["*"])])
        },
    )
    acknowledge(
        role.node.default_child or role,
        "AwsSolutions-IAM5[Resource::*]",
        "one resource was considered: neither GetMetricData nor ELB's Describe calls can be limited to any",
    )
    return role


def _values(scope: Construct, load_balancing: LoadBalancing, chart: ArgoChart, *, dashboard: bool) -> dict[str, Json]:
    arguments: list[Json] = [
        # Weights count when ELB has them, and the candidate's target group becomes known to its analyses.
        "--aws-verify-target-group",
    ]
    if load_balancing is LoadBalancing.AUTO_MODE:
        arguments += [
            f"--aws-target-group-binding-api-version={load_balancing.target_group_binding_api}",
            f"--alb-tag-key-resource-id={load_balancing.resource_tag}",
        ]
    controller: dict[str, Json] = {
        "replicas": chart.replicas,
        "extraArgs": arguments,
        # There is no flag for it in 1.9.
        "extraEnv": [{"name": "AWS_REGION", "value": cdk.Stack.of(scope).region}],
    }
    if chart.replicas > 1:
        controller["pdb"] = {"enabled": True, "maxUnavailable": 1}
    # The chart's own role may not be able to list Auto Mode's kind; twice does no harm.
    bindings: Json = {
        "apiGroups": [load_balancing.target_group_binding_api.partition("/")[0]],
        "resources": ["targetgroupbindings"],
        "verbs": ["get", "list", "watch"],
    }
    return {
        "providerRBAC": {"additionalRules": [bindings]},
        "installCRDs": True,
        # Without them every Rollout in the cluster would be deleted with the chart.
        "keepCRDs": True,
        "controller": controller,
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT},
        # It has no login: whoever reaches it promotes and aborts.
        "dashboard": {"enabled": dashboard},
    }


def _merged(ours: dict[str, Json], theirs: Mapping[str, Json]) -> dict[str, Json]:
    merged = dict(ours)
    for key, value in theirs.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
