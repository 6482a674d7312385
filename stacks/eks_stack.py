"""EksStack: the sample inference service in an EKS cluster, rolled out by Argo Rollouts."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from bluegreen_constructs import (
    AlarmThresholds,
    EksCluster,
    EksRollouts,
    HttpSmokeTest,
    Pods,
    ReleaseImage,
    Scaling,
)

from .environments import Environment, KubernetesSettings
from .front_door import front_door
from .network_stack import NetworkStack

_PORT = 8080


class EksStack(cdk.Stack):
    """One cluster of EKS Auto Mode in the network of a NetworkStack, which needs a way to the internet for the chart.

    The release is in the template, as that of a service which Amazon ECS rolls out: a deploy with another one hands it
    to Argo Rollouts, and `kubectl argo rollouts get rollout inference -n inference --watch` says what becomes of it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment: Environment,
        settings: KubernetesSettings,
        network: NetworkStack,
        release: str | None,
        env: cdk.Environment,
    ) -> None:
        """Wire the cluster and the service of `environment`."""
        super().__init__(scope, id, env=env, termination_protection=environment.protected)
        repository = ecr.Repository.from_repository_name(self, "Images", settings.repository)
        rollouts = EksRollouts(
            self, "Rollouts", cluster=EksCluster(self, "Cluster", vpc=network.vpc, version=settings.version)
        )
        rollouts.add_service(
            "inference",
            namespace="inference",
            pods=Pods(
                image=ReleaseImage(repository).reference(self)
                if release is None
                else repository.repository_uri_for_tag_or_digest(release),
                port=_PORT,
                cpu=settings.cpu,
                memory_mib=settings.memory_mib,
                health_path="/ready",
            ),
            ingress=front_door(self, settings, environment=environment, network=network),
            strategy=settings.strategy,
            bake=settings.bake,
            guardrails=[AlarmThresholds(requests_floor=settings.requests_floor)],
            hooks=[HttpSmokeTest("/ready")],
            scaling=Scaling(min=settings.pods, max=settings.most_pods, cpu_percent=settings.cpu_percent),
        )
