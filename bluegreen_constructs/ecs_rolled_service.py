"""An ECS service whose releases Amazon ECS rolls out itself: judge, hooks, the service, and what operators are told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aws_cdk import CfnResource
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from .adoption import Adopted
from .ecs_deployment_configuration import EcsDeployment
from .ecs_service_resource import ServiceShape, service_resource
from .engine.errors import ConfigurationError
from .engine.settings_codec import settings_to_dict
from .engine.target_settings import TargetSettings
from .moving_role import moving_role
from .planning.expected_traffic import ExpectedTraffic
from .release_marks import ReleaseMark
from .service_guardrails import ServiceGuardrails
from .service_hooks import ServiceHooks
from .service_place import ServicePlace
from .service_settings import for_operators, service_settings
from .service_traffic import ServiceTraffic


@dataclass(frozen=True)
class EcsRolledService:
    """What was made; `settings` are those for operators, `table` is where the judge keeps its history (empty: none)."""

    resource: ecs.CfnService
    service_name: str
    settings: TargetSettings
    table: str

    @staticmethod
    def of(
        scope: Construct,
        deployment: EcsDeployment,
        *,
        target: str,
        shape: ServiceShape,
        adopted: Adopted | None,
        judging: ServiceGuardrails,
        marks: Sequence[ReleaseMark],
        hooks: ServiceHooks,
        place: ServicePlace,
        traffic: ServiceTraffic,
        alarm_names: Sequence[str],
        alarms: Sequence[CfnResource],
    ) -> "EcsRolledService":
        """Make the service, or turn the adopted one into it; `shape` still lacks the role and the alarms."""
        settings = service_settings(
            target,
            deployment=deployment,
            judging=judging,
            hooks=hooks,
            place=place,
            served=shape.served,
            traffic=traffic,
        )
        names, waits_for, functions, history = list(alarm_names), list(alarms), [], None
        if judging.is_judged:
            from .ecs_verdicts import judged_by  # noqa: PLC0415 -- loads CDK modules that few services need

            verdicts = judged_by(
                scope,
                settings=settings_to_dict(settings),
                guardrails=judging,
                marks=marks,
                alarm_names=names,
                cluster_name=place.cluster_name,
            )
            names.append(verdicts.alarm_name)
            waits_for.append(verdicts.alarm)
            functions.append(verdicts.hook)
            history = verdicts.history
        functions += hooks.functions(scope, routes=traffic.routes, place=place, served=shape.served, history=history)
        resource = service_resource(
            scope,
            adopted=None if adopted is None else adopted.resource,
            shape=replace(
                shape,
                waits_for=[*waits_for, *shape.waits_for],
                role_arn=moving_role(scope, group_arns=traffic.groups.arns, rules=traffic.rules),
            ),
            deployment=None
            if adopted is not None and adopted.rolling
            else deployment.to_cloudformation(
                alarm_names=names,
                hooks=hooks.lifecycle_hooks(scope, functions),
                circuit_breaker=shape.tasks.breaks_circuit,
            ),
        )
        service_name = resource.attr_name
        return EcsRolledService(
            resource,
            service_name,
            for_operators(settings, service_name=service_name, alarm_names=names),
            "" if history is None else history.table_name,
        )


def check_judgement(
    scope: Construct,
    deployment: EcsDeployment,
    judging: ServiceGuardrails,
    traffic: ExpectedTraffic | None,
    marks: Sequence[ReleaseMark],
) -> None:
    """Raise ConfigurationError for a judgement that could not come, and for what nobody would read without one."""
    if traffic is not None and not judging.compared:
        raise ConfigurationError(
            f"{scope.node.path} has expected_traffic, but no comparison that would be checked against it: give "
            "guardrails=[ErrorComparison()]"
        )
    if judging.is_judged:
        deployment.refuse_unseen()
        if judging.compared:
            from .plan_check import check_plan  # noqa: PLC0415 -- as above

            check_plan(scope, strategy=deployment.with_hold(), guardrails=judging.compared, traffic=traffic)
        return
    if marks:
        raise ConfigurationError(
            f"{scope.node.path} has the mark {type(marks[0]).__name__}, which nobody would read: releases are admitted "
            "by the judge, which comes with guardrails=[ErrorComparison()]"
        )
