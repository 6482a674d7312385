"""A side that is a plain ECS service: what it must not do by itself, and what of it no stack update may deploy."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs

from .account_arns import arn_here
from .engine.aws.resource_kinds import Kind
from .engine.errors import ConfigurationError
from .targets import EcsService

_SCALABLE_TARGETS = "scalable-target/*"


def refuse_service(service: EcsService) -> None:
    """Raise ConfigurationError for a service that a stack update or ECS itself would change without the engine."""
    resource = service.node.default_child
    if not isinstance(resource, ecs.CfnService):
        return
    path = service.node.path
    if resource.desired_count is not None:
        raise ConfigurationError(
            f"{path} has desired_count {resource.desired_count:g} in the template, and every edit of the service would "
            "put it back: leave it out, and say how many by auto_scale_task_count(min_capacity=…)"
        )
    if not service.is_using_ecs_deployment_controller():
        raise ConfigurationError(
            f"{path} is not deployed by Amazon ECS's own rolling deployments: leave its deployment_controller out"
        )
    settings = _deployment_settings(service, resource)
    strategy = settings.get("strategy", "ROLLING")
    if strategy != "ROLLING":
        raise ConfigurationError(
            f"{path} has the deployment strategy {strategy}, with which Amazon ECS moves traffic itself: use "
            "EcsBlueGreenService instead of CanaryAlb, or leave deployment_strategy out"
        )
    if _goes_back(settings.get("deploymentCircuitBreaker")):
        raise ConfigurationError(
            f"{path} has a circuit breaker that rolls back, and the side would run another release than the engine "
            "put there: give DeploymentCircuitBreaker(rollback=False)"
        )
    if _goes_back(settings.get("alarms")):
        raise ConfigurationError(
            f"{path} has deployment alarms that roll back, and the side would run another release than the engine put "
            "there: give them to CanaryAlb as AlarmGuardrail, or behavior=AlarmBehavior.FAIL_ON_ALARM"
        )


def leave_releases_to_the_engine(service: EcsService) -> None:
    """Let the template name the family of the task definition instead of a revision.

    A revision in the template would be the first release for ever: whatever is edited, CloudFormation would deploy it.
    By the family, an edit of the task definition changes nothing that runs; `EcsFleet` ships it with the next release.
    Revisions that CloudFormation replaces stay active, for one of them may be running.
    """
    resource, definition = service.node.default_child, service.task_definition
    registered = definition.node.default_child
    if isinstance(resource, ecs.CfnService) and isinstance(registered, ecs.CfnTaskDefinition):
        resource.task_definition = definition.family
        resource.add_resource_dependency(registered)
        registered.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        registered.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE


def is_scalable(service: EcsService) -> bool:
    """Whether `auto_scale_task_count` was called."""
    return service.node.try_find_child("TaskCount") is not None


def service_resources(service: EcsService) -> dict[Kind, Sequence[str]]:
    """What the engine has to act on."""
    return {
        "ecs service": [service.service_arn],
        "task definition": [arn_here("ecs", f"task-definition/{service.task_definition.family}:*")],
        "task role": _roles(service),
        "scalable target": [arn_here("application-autoscaling", _SCALABLE_TARGETS)] if is_scalable(service) else [],
    }


def changed_since(service: EcsService, *, scalable: bool, allowed: Mapping[Kind, Sequence[str]]) -> list[str]:
    """What was done to the service after the CanaryAlb was made that the engine does not know of, a sentence each."""
    found = []
    try:
        refuse_service(service)
    except ConfigurationError as error:
        found.append(str(error))
    if is_scalable(service) != scalable:
        found.append(
            f"{service.node.path} got auto_scale_task_count after the CanaryAlb was made, which does not know of it: "
            "call it before"
        )
    if set(_roles(service)) - set(allowed["task role"]):
        found.append(
            f"the task definition of {service.node.path} got its execution role after the CanaryAlb was made, and the "
            "engine may not pass it on: add containers, logs and secrets before, or call obtain_execution_role() before"
        )
    return found


def _roles(service: EcsService) -> list[str]:
    definition = service.task_definition
    roles = [definition.task_role.role_arn]
    if definition.execution_role is not None:
        roles.append(definition.execution_role.role_arn)
    return roles


def _deployment_settings(service: EcsService, resource: ecs.CfnService) -> Mapping[str, object]:
    # Its attribute `deployment_configuration` cannot be read: jsii refuses what CDK leaves undefined in there.
    settings = cdk.Stack.of(service).resolve(resource._cfn_properties.get("deploymentConfiguration"))
    return settings if isinstance(settings, Mapping) else {}


def _goes_back(setting: object) -> bool:
    return isinstance(setting, Mapping) and bool(setting.get("enable")) and bool(setting.get("rollback"))
