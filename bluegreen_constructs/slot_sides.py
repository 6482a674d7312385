"""The sides of an application with slots: for each a target group, an ECS service, and the rule that pins both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct, IDependable

from .account_arns import arn_here
from .engine.aws.resource_kinds import Kind
from .engine.slot_settings import SlotSide
from .engine.target_settings import Compute, SideSettings
from .ingress import Ingress
from .service_groups import tasks_target_group
from .service_plan import Plan
from .subnet_choice import Network
from .web_app import WebApp

SIDE_NAMES = "abcdef"
"""Neutral: a side serves now this slot, now that one."""


@dataclass(frozen=True)
class ServiceTerms:
    """What all sides' services have alike. waits_for: what has to be there before the first task."""

    cluster: ecs.ICluster
    network: Network
    security_group_id: str
    plan: Plan
    app: WebApp
    grace_seconds: int
    waits_for: Sequence[IDependable]


class SlotSideResources:
    """One side. Its service is made when what it is to run has been registered."""

    def __init__(self, scope: Construct, name: str, *, family: str, vpc_id: str, ingress: Ingress) -> None:
        """Make the target group."""
        self.name, self.family = name, family
        self.home = Construct(scope, f"Side{name.upper()}")
        self._group = tasks_target_group(Construct(self.home, "Group"), vpc_id=vpc_id, ingress=ingress)
        self.group_arn = self._group.ref
        self._service: ecs.CfnService | None = None

    def make_service(self, terms: ServiceTerms) -> ecs.CfnService:
        """Make the service.

        The L1, because an L2 takes a task definition of the app, and this one is in a family that the engine alone
        registers revisions in: the template names the family, so that no stack update deploys anything. For the same
        reason it says no number of tasks.
        """
        plan, app = terms.plan, terms.app
        capacity = plan.capacity
        service = ecs.CfnService(
            self.home,
            "Service",
            cluster=terms.cluster.cluster_name,
            task_definition=self.family,
            launch_type="FARGATE" if capacity is None else None,
            capacity_provider_strategy=None if capacity is None else capacity.to_cloudformation(),
            health_check_grace_period_seconds=terms.grace_seconds,
            propagate_tags="SERVICE",
            enable_ecs_managed_tags=True,
            enable_execute_command=plan.execute_command,
            deployment_controller={"type": "ECS"},
            # A breaker that rolls back would run another revision than the engine put there.
            deployment_configuration={
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
                "deploymentCircuitBreaker": {"enable": True, "rollback": False},
            },
            load_balancers=[
                {"containerName": app.name, "containerPort": app.port, "targetGroupArn": self.group_arn},
            ],
            network_configuration={
                "awsvpcConfiguration": {
                    # EC2 instances give a task's interface no public address.
                    "assignPublicIp": "ENABLED" if terms.network.has_public and not plan.placed.on_ec2 else "DISABLED",
                    "securityGroups": [terms.security_group_id],
                    "subnets": list(terms.network.subnet_ids),
                }
            },
        )
        service.node.add_dependency(*terms.waits_for)
        self._service = service
        return service

    @property
    def service(self) -> ecs.CfnService:
        """The service, once it is made."""
        assert self._service is not None  # noqa: S101 -- for the type checker: AppServiceSlots makes it first
        return self._service

    @property
    def settings(self) -> SlotSide:
        """The side as the engine knows it."""
        return SlotSide(self.name, self.group_arn, self.service.attr_name, self.family)

    def as_side(self, cluster_name: str, container: str) -> SideSettings:
        """The side as a rollout knows one; its name in metrics is a part of the group's ARN, and is read from there."""
        return SideSettings(
            self.group_arn,
            "",
            Compute.ECS,
            cluster=cluster_name,
            service=self.service.attr_name,
            container=container,
            scalable=True,
        )

    @property
    def metric_name(self) -> str:
        """The target group's name in metric dimensions."""
        return self._group.attr_target_group_full_name

    def scale(self, plan: Plan, *, cluster_name: str, load_balancer: str, bounds: cdk.CfnResource) -> None:
        """Scale the service on the plan's measures, within bounds that the engine sets.

        bounds: what registers the scalable target. The predefined metrics are right here, because a side's group has
        the requests of this side's tasks alone.
        """
        label = cdk.Fn.join("/", [load_balancer, self.metric_name])
        wanted = [
            ("Cpu", plan.cpu_percent, "ECSServiceAverageCPUUtilization", None),
            ("Request", plan.requests_per_target, "ALBRequestCountPerTarget", label),
        ]
        for measure, value, metric, resource_label in wanted:
            if value is None:
                continue
            policy = autoscaling.CfnScalingPolicy(
                self.home,
                f"{measure}Scaling",
                policy_name=f"{self.family}-{measure}",
                policy_type="TargetTrackingScaling",
                resource_id=f"service/{cluster_name}/{self.service.attr_name}",
                scalable_dimension="ecs:service:DesiredCount",
                service_namespace="ecs",
                target_tracking_scaling_policy_configuration={
                    "targetValue": value,
                    "predefinedMetricSpecification": {
                        "predefinedMetricType": metric,
                        **({} if resource_label is None else {"resourceLabel": resource_label}),
                    },
                },
            )
            policy.add_resource_dependency(bounds)


def pin(
    side: SlotSideResources, *, listener: elbv2.IApplicationListener, priority: int, header: str, value: str
) -> elbv2.CfnListenerRule:
    """The rule that keeps the side's group attached, so that its tasks are checked while no slot's rule names it.

    ELB checks no target of a group that no rule names, and ECS would start no task there. It never changes.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    return elbv2.CfnListenerRule(
        side.home,
        "Pin",
        listener_arn=listener.listener_arn,
        priority=priority,
        conditions=[
            {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": header, "values": [value]}},
        ],
        actions=[{"type": "forward", "targetGroupArn": side.group_arn}],
    )


def side_resources(sides: Sequence[SlotSideResources]) -> Mapping[Kind, Sequence[str]]:
    """What the engine has to act on."""
    return {
        "ecs service": [side.service.ref for side in sides],
        "task definition": [family_arns(side.family) for side in sides],
        "scalable target": [arn_here("application-autoscaling", "scalable-target/*")],
        "slot family": ["*"],
    }


def family_arns(family: str) -> str:
    """The revisions of a family."""
    return arn_here("ecs", f"task-definition/{family}:*")
