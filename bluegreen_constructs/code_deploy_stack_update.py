"""The custom resource by which a stack update has CodeDeploy roll out its task definition, and waits for the end."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .account_arns import arn_here
from .code_deploy_group import CodeDeployPlace
from .code_deploy_hooks import ANY_DEPLOYMENT, LAMBDA_SECONDS, may_call_itself
from .code_deploy_plan import STACK_UPDATE
from .hook_function import HookFunction

# As for TrafficRule: an event that waited longer meets a stack that has moved on.
_EVENT_AGE_S = 120


def stack_update(
    scope: Construct,
    *,
    deployments: CodeDeployPlace,
    cluster_name: str,
    service_name: str,
    task_definition_arn: str,
    app_spec: str,
    waits_for: Sequence[cdk.CfnResource],
) -> cdk.CfnResource:
    """Make the resource and its function.

    It is made and deleted without a deployment. A stack that goes back gives it the former task definition: if the
    update's is live, what was live before it is deployed; anything else that is live is left alone.
    """
    function = HookFunction(
        scope,
        "StackUpdate",
        module="code_deployment_resource",
        description="Has CodeDeploy roll out what a stack update brings, and waits for the end",
        timeout_seconds=LAMBDA_SECONDS,
    )
    limits = lambda_.CfnEventInvokeConfig(
        function,
        "Events",
        function_name=function.resource.ref,
        qualifier="$LATEST",
        maximum_event_age_in_seconds=_EVENT_AGE_S,
        maximum_retry_attempts=2,
    )
    function.allow_kind("code deploy application", [deployments.application_arn])
    function.allow_kind("deployment group", [deployments.group_arn])
    function.allow_kind("any", ["*"], because=ANY_DEPLOYMENT)
    function.allow_kind("deployment configuration", [deployments.configuration_arn])
    function.allow_kind("ecs service", [arn_here("ecs", f"service/{cluster_name}/{service_name}")])
    again = may_call_itself(function)
    resource = cdk.CfnResource(
        scope,
        "Deployment",
        type="Custom::CodeDeployDeployment",
        properties={
            "ServiceToken": function.arn,
            "ServiceTimeout": round(STACK_UPDATE.total_seconds()),
            # Only named, so that the resource waits for what limits the function's events.
            "EventLimits": limits.ref,
            "Application": deployments.application,
            "DeploymentGroup": deployments.group,
            "Cluster": cluster_name,
            "Service": service_name,
            "TaskDefinition": task_definition_arn,
            "AppSpec": app_spec,
        },
    )
    for one in (again, *waits_for):
        resource.add_resource_dependency(one)
    return resource
