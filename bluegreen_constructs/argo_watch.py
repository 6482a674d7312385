"""The build that waits for the verdict of Argo Rollouts, and what lets it look: at one Rollout, and at nothing else."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from . import argo
from .argo.watchers import watchers, watchers_group
from .argo_service import ArgoService
from .build_machine import BuildMachine
from .build_network import BuildNetwork
from .build_project import BuildProject, Commands
from .code_build_image import LANGUAGES

SLACK = timedelta(minutes=10)
"""For the build to begin, and for the controller's last words."""
_LAST_WORDS = timedelta(minutes=5)
"""What the controller may take to put everything back, and to say so, once the deadline has come."""
_PROGRAM = Path(argo.__file__).with_name("rollout_verdict.py")
_MINUTE = timedelta(minutes=1)


def verdict_build(scope: Construct, service: ArgoService, *, vpc: ec2.IVpc, machine: BuildMachine) -> BuildProject:
    """The project; the image that it waits for is given to each build as `BLUEGREEN_IMAGE`.

    The cluster's API server answers inside the VPC alone, so the build runs there.
    """
    name, cluster = f"{service.namespace}-{service.name}", service.cluster.cluster
    network = BuildNetwork(scope, f"Network-{name}", vpc=vpc, description=f"builds that wait for the verdict on {name}")
    watched = service.longest_rollout
    project = BuildProject(
        scope,
        f"Verdict-{name}",
        description=f"Waits for the verdict of Argo Rollouts on {name}",
        machine=replace(machine, timeout=-(-(watched + SLACK) // _MINUTE) * _MINUTE),
        commands=Commands(
            build=[f"python3 - <<'PROGRAM'\n{_program()}PROGRAM"], languages={"python": LANGUAGES["python"]}
        ),
        variables={
            "BLUEGREEN_CLUSTER": cluster.cluster_name,
            "BLUEGREEN_NAMESPACE": service.namespace,
            "BLUEGREEN_ROLLOUT": service.name,
            "BLUEGREEN_SECONDS": str(round((watched + _LAST_WORDS).total_seconds())),
        },
        statements=[{"Action": "eks:DescribeCluster", "Resource": cluster.cluster_arn}, *network.statements()],
    )
    network.join(project)
    network.may_reach(cluster.cluster_security_group_id, f"who waits for the verdict on {name}")
    eks.CfnAccessEntry(
        project,
        "Access",
        cluster_name=cluster.cluster_name,
        principal_arn=project.resource.service_role,
        kubernetes_groups=[watchers_group(service.name, service.namespace)],
    )
    _let_look(service)
    return project


def _let_look(service: ArgoService) -> None:
    """The right to look is made in the service's stack, once, whoever waits for the service."""
    if service.node.try_find_child("Watchers") is None:
        manifests = watchers(service.name, service.namespace, service.deployment)
        service.cluster.add_manifest(service, "Watchers", manifests, after=[service.resource])


@cache
def _program() -> str:
    return _PROGRAM.read_text(encoding="utf-8")
