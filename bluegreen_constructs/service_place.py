"""Where a service stands: its cluster, its network, how requests reach it; made, given or adopted."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from .adoption import Adopted
from .container import Container
from .engine.errors import ConfigurationError
from .ingress import Ingress
from .known_listener import authenticates
from .rule_owner import RuleOwner
from .subnet_choice import Network, network_of
from .tasks import Tasks


@dataclass(frozen=True)
class ServicePlace:
    """What a service is given or makes before its own resources; task_definition is None when a container is given."""

    cluster: ecs.ICluster
    cluster_name: str
    vpc: ec2.IVpc
    vpc_id: str
    network: Network
    ingress: Ingress
    task_definition: ecs.TaskDefinition | None

    @staticmethod
    def of(
        scope: Construct,
        *,
        stack: cdk.Stack,
        ingress: Ingress | None,
        container: Container | None,
        task_definition: ecs.TaskDefinition | None,
        cluster: ecs.ICluster | None,
        vpc: ec2.IVpc | None,
        adopted: Adopted | None,
        tasks: Tasks,
        rule_owner: RuleOwner,
    ) -> "ServicePlace":
        """Raises ConfigurationError for what contradicts each other, and for a VPC with one zone."""
        if adopted is not None:
            given = {
                "ingress": ingress,
                "container": container,
                "task_definition": task_definition,
                "cluster": cluster,
                "vpc": vpc,
            }
            known = [name for name, value in given.items() if value is not None]
            if tasks.subnets is not None or tasks.capacity is not None or tasks.service_connect is not None:
                known.append("tasks with subnets, capacity or service_connect")
            if known:
                raise ConfigurationError(
                    f"EcsBlueGreenService {scope.node.path} has adopted together with {', '.join(known)}: the adopted "
                    "service keeps its own, change them there"
                )
            if rule_owner is RuleOwner.CLOUDFORMATION:
                raise ConfigurationError(
                    f"EcsBlueGreenService {scope.node.path} has adopted together with rule_owner=CLOUDFORMATION: only "
                    "a TrafficRule refuses to be left while green serves, leave rule_owner out"
                )
            found, ingress = adopted.pattern.cluster, adopted.ingress()
            task_definition = adopted.task_definition
        elif ingress is None:
            raise ConfigurationError(
                f"EcsBlueGreenService {scope.node.path} has no ingress: give Ingress(certificate=..., host=...), or "
                "adopted=Adopted(...)"
            )
        else:
            found = _cluster(scope, cluster, vpc, tasks)
        _refuse_ingress(scope, ingress, rule_owner)
        home = _home(stack, found)
        network = home.network if tasks.subnets is None else network_of(home.vpc, tasks.subnets)
        if len(network.zones) < 2 and not cdk.Token.is_unresolved(network.zones):
            raise ConfigurationError(
                f"EcsBlueGreenService {scope.node.path} is in a VPC with one zone: an Application Load Balancer needs "
                "subnets in two zones or more"
            )
        return ServicePlace(found, home.cluster_name, home.vpc, home.vpc_id, network, ingress, task_definition)


@dataclass(frozen=True)
class _Home:
    """What is asked of a cluster for all services in it: every answer of the CDK is a call to Node."""

    cluster_name: str
    vpc: ec2.IVpc
    vpc_id: str
    network: Network


_homes: "WeakKeyDictionary[cdk.Stack, dict[ecs.ICluster, _Home]]" = WeakKeyDictionary()


def _home(stack: cdk.Stack, cluster: ecs.ICluster) -> _Home:
    known = _homes.setdefault(stack, {})
    if cluster not in known:
        vpc = cluster.vpc
        known[cluster] = _Home(cluster.cluster_name, vpc, vpc.vpc_id, network_of(vpc))
    return known[cluster]


def _cluster(scope: Construct, cluster: ecs.ICluster | None, vpc: ec2.IVpc | None, tasks: Tasks) -> ecs.ICluster:
    if cluster is not None and vpc is not None:
        raise ConfigurationError(
            f"EcsBlueGreenService {scope.node.path} has both cluster and vpc: give the cluster to run in, or the "
            "vpc in which to make one"
        )
    if cluster is not None:
        return cluster
    if tasks.on_ec2:
        raise ConfigurationError(
            f"EcsBlueGreenService {scope.node.path} runs on EC2 capacity providers and has no cluster: give the "
            "cluster that has them"
        )
    return ecs.Cluster(
        scope,
        "Cluster",
        vpc=vpc or ec2.Vpc(scope, "Vpc", max_azs=2, flow_logs={"All": ec2.FlowLogOptions()}),
        container_insights_v2=ecs.ContainerInsights.ENABLED,
        enable_fargate_capacity_providers=True if tasks.capacity is not None else None,
    )


def _refuse_ingress(scope: Construct, ingress: Ingress, rule_owner: RuleOwner) -> None:
    if ingress.listener is not None and authenticates(ingress.listener):
        raise ConfigurationError(
            f"EcsBlueGreenService {scope.node.path} is on a listener that authenticates users by default, which its "
            "rule would not: Amazon ECS writes a rule's forward action alone when it moves weights, so authenticate in "
            "the application, or use CanaryAlb"
        )
    if ingress.rules is not None and rule_owner is RuleOwner.CLOUDFORMATION:
        raise ConfigurationError(
            f"EcsBlueGreenService {scope.node.path} was given rules and rule_owner=CLOUDFORMATION: the rules have an "
            "owner already, leave rule_owner out"
        )
