"""An ECS service whose releases AWS CodeDeploy rolls out: the service, and CodeDeploy's resources around it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from .code_deploy_group import CodeDeployGroup, CodeDeployPlace
from .code_deploy_hooks import CodeDeployHooks
from .code_deploy_plan import CodeDeployPlan
from .code_deploy_role import CodeDeployRole
from .ecs_service_resource import ServiceShape, code_deployed_service
from .engine.app_spec import ecs_app_spec
from .engine.code_deploy_settings import CodeDeploySettings
from .engine.errors import ConfigurationError
from .engine.target_settings import TargetSettings
from .service_hooks import ServiceHooks
from .service_place import ServicePlace
from .service_settings import code_deploy_settings
from .service_tasks import ServiceTasks
from .service_traffic import ServiceTraffic


@dataclass(frozen=True)
class CodeDeployedService:
    """What was made; `settings` are those for operators."""

    resource: ecs.CfnService
    service_name: str
    settings: TargetSettings
    application: str
    group: CodeDeployGroup
    group_name: str
    table: str = ""

    def outputs(self, scope: Construct) -> None:
        """What a pipeline is wired with."""
        what = "the CodeDeploy application"
        cdk.CfnOutput(scope, "CodeDeployApplication", value=self.application, description=what)
        what = "its deployment group"
        cdk.CfnOutput(scope, "DeploymentGroup", value=self.group_name, description=what)


def deployed_by_code_deploy(
    scope: Construct,
    plan: CodeDeployPlan,
    *,
    shape: ServiceShape,
    hooks: ServiceHooks,
    place: ServicePlace,
    traffic: ServiceTraffic,
    alarm_names: Sequence[str],
    alarms: Sequence[cdk.CfnResource],
) -> CodeDeployedService:
    """Make the service and all that CodeDeploy needs to deploy it."""
    served = shape.served
    family = _family(served)
    # Of its group a load balancer must know before tasks are registered in it, which the live rule is for.
    service = code_deployed_service(scope, replace(shape, waits_for=[shape.live_rule]))
    service_name = service.attr_name
    home = Construct(scope, "CodeDeploy")
    deployments = CodeDeployPlace.of(home, plan)
    events = CodeDeployHooks.of(
        home,
        target=plan.target,
        asked=hooks,
        routes=traffic.routes,
        place=place,
    )
    tests = traffic.test_rule
    production_arn = traffic.production_rule.listener_arn
    test_arn = None if tests is None else tests.listener_arn
    group = CodeDeployGroup(
        home,
        plan=plan,
        place=deployments,
        role=CodeDeployRole(
            home,
            cluster_name=shape.cluster_name,
            service_name=service_name,
            task_roles=_roles(served),
            listeners=[production_arn] if test_arn is None else [production_arn, test_arn],
            rules=traffic.rules,
            functions=events.arns,
        ),
        cluster_name=shape.cluster_name,
        service_name=service_name,
        group_arns=shape.group_arns,
        listener_arn=production_arn,
        test_listener_arn=test_arn,
        alarm_names=alarm_names,
    )
    # Alarms are named as texts, and functions must be able to go on before the first deployment asks them.
    for one in (*alarms, *events.ready, *([] if tests is None else [tests.resource])):
        group.resource.add_resource_dependency(one)
    known = CodeDeploySettings(
        application=deployments.application,
        group=deployments.group,
        platform="ECS",
        family=family,
        port=served.port,
        hooks=events.hooks,
        definition=served.definition.task_definition_arn,
    )
    if plan.controller.on_stack_update:
        from .code_deploy_stack_update import stack_update  # noqa: PLC0415 -- few services need it

        revision = served.definition.task_definition_arn
        stack_update(
            home,
            deployments=deployments,
            cluster_name=shape.cluster_name,
            service_name=service_name,
            task_definition_arn=revision,
            app_spec=ecs_app_spec(known, served.container, revision),
            waits_for=[group.resource],
        )
    settings = code_deploy_settings(
        plan,
        known,
        place=place,
        served=served,
        traffic=traffic,
        service_name=service_name,
        alarm_names=alarm_names,
    )
    return CodeDeployedService(service, service_name, settings, deployments.application, group, deployments.group)


def _family(served: ServiceTasks) -> str:
    """The task definition's family, which names its newest revision; refused when it is not known at synth.

    A reference to the revision would have CloudFormation change the service with each release, which Amazon ECS refuses
    under CodeDeploy (aws-cloudformation/cloudformation-coverage-roadmap#1529).
    """
    family = served.definition.family
    if cdk.Token.is_unresolved(family):
        raise ConfigurationError(
            f"task definition {served.definition.node.path} has a family that is known at deploy only: give "
            "family='...' as a text, by which the service finds its first revision"
        )
    return str(family)


def _roles(served: ServiceTasks) -> list[str]:
    roles = [served.definition.task_role, served.definition.execution_role]
    return [role.role_arn for role in roles if role is not None]
