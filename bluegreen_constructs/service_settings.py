"""What the judge and operators are told of a service that Amazon ECS or CodeDeploy rolls out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .ecs_deployment_configuration import EcsDeployment
from .engine.target_settings import AlarmName, Compute, SideSettings, TargetSettings
from .service_guardrails import ServiceGuardrails
from .service_hooks import ServiceHooks
from .service_place import ServicePlace
from .service_tasks import ServiceTasks
from .service_traffic import ServiceTraffic

if TYPE_CHECKING:
    from .code_deploy_plan import CodeDeployPlan
    from .engine.code_deploy_settings import CodeDeploySettings


def service_settings(
    target: str,
    *,
    deployment: EcsDeployment,
    judging: ServiceGuardrails,
    hooks: ServiceHooks,
    place: ServicePlace,
    served: ServiceTasks,
    traffic: ServiceTraffic,
) -> TargetSettings:
    """The settings as the judge's hook is given them: without the service's name, which waits for its hooks.

    What the load balancer and the groups are called in metrics is left out: they are parts of the ARNs, which whoever
    reads the settings knows without CloudFormation.
    """
    blue, green = _sides(place, served, traffic)
    return TargetSettings(
        target=target,
        rule_arn=traffic.production_rule.rule_arn,
        load_balancer="",
        blue=blue,
        green=green,
        steps=deployment.strategy.steps(),
        bake=deployment.bake,
        guardrails=judging.counted,
        hooks=hooks.approval_settings,
        hold_timeout=deployment.hold,
        shares_load_balancer=traffic.metrics.shares_load_balancer,
        controller="ecs",
        is_judged=judging.is_judged,
    )


def for_operators(settings: TargetSettings, *, service_name: str, alarm_names: Sequence[str]) -> TargetSettings:
    """The settings as the command line reads them: with the service's name, and all that CloudWatch watches."""
    return replace(
        settings,
        guardrails=(*settings.guardrails, *map(AlarmName, alarm_names)),
        blue=replace(settings.blue, service=service_name),
        green=replace(settings.green, service=service_name),
    )


def code_deploy_settings(
    plan: "CodeDeployPlan",
    known: "CodeDeploySettings",
    *,
    place: ServicePlace,
    served: ServiceTasks,
    traffic: ServiceTraffic,
    service_name: str,
    alarm_names: Sequence[str],
) -> TargetSettings:
    """The settings of a service that CodeDeploy deploys, where alarms judge alone."""
    blue, green = _sides(place, served, traffic)
    settings = TargetSettings(
        target=plan.target,
        rule_arn=traffic.production_rule.rule_arn,
        load_balancer="",
        blue=blue,
        green=green,
        steps=plan.strategy.steps(),
        bake=plan.bake,
        shares_load_balancer=traffic.metrics.shares_load_balancer,
        controller="codedeploy",
        is_judged=False,
        codedeploy=known,
    )
    return for_operators(settings, service_name=service_name, alarm_names=alarm_names)


def _sides(place: ServicePlace, served: ServiceTasks, traffic: ServiceTraffic) -> tuple[SideSettings, SideSettings]:
    blue, green = (
        SideSettings(arn, "", Compute.ECS, cluster=place.cluster_name, container=served.container)
        for arn in traffic.groups.arns
    )
    return blue, green
