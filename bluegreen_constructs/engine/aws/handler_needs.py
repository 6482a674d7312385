"""What each handler's policy has to allow: the declarations of the adapters' calls that it makes."""

from collections.abc import Mapping

from . import (
    active_side_parameter,
    auto_scaling_fleet,
    cloudformation_stacks,
    cloudwatch_metrics,
    code_commit_repositories,
    code_deploy_events,
    code_deploy_stack_updates,
    dynamodb_store,
    ecs_deployments,
    ecs_fleet,
    eventbridge_events,
    executions,
    image_builds,
    lambda_hooks,
    launch_template_versions,
    live_task_sets,
    one_off_tasks,
    own_function,
    parameter_settings,
    sampled_requests,
    slot_families,
    slot_services,
    verdict_metric,
    warm_pools,
    weighted_rules,
)
from .resource_kinds import Actions

# What a hook says to the history; the state is read for the release's name.
_HOOK_RECORD: Actions = {
    "dynamodb:GetItem": ("table",),
    "dynamodb:PutItem": ("table",),
    "dynamodb:Query": ("table",),
}

NEEDS: Mapping[str, tuple[Actions, ...]] = {
    # Takes the lock and says so on the rule, whose weights it leaves alone; it only asks after executions.
    "start": (
        cloudformation_stacks.IAM_ACTIONS,
        parameter_settings.IAM_ACTIONS,
        dynamodb_store.IAM_ACTIONS,
        weighted_rules.READ_ACTIONS,
        weighted_rules.TAG_ACTIONS,
        executions.READ_ACTIONS,
    ),
    "tick": (
        weighted_rules.IAM_ACTIONS,
        cloudwatch_metrics.IAM_ACTIONS,
        dynamodb_store.IAM_ACTIONS,
        ecs_fleet.IAM_ACTIONS,
        auto_scaling_fleet.IAM_ACTIONS,
        launch_template_versions.IAM_ACTIONS,
        warm_pools.IAM_ACTIONS,
        lambda_hooks.IAM_ACTIONS,
        eventbridge_events.IAM_ACTIONS,
        slot_services.IAM_ACTIONS,
        active_side_parameter.WRITE_ACTIONS,
    ),
    # The abort: the rule first, then the state, then the execution.
    "alarm": (
        weighted_rules.IAM_ACTIONS,
        dynamodb_store.STATE_ACTIONS,
        executions.IAM_ACTIONS,
    ),
    # Looks at what Amazon ECS does, says what it thinks, and takes back a deployment that no alarm takes back.
    "ecs_judge": (
        parameter_settings.IAM_ACTIONS,
        dynamodb_store.IAM_ACTIONS,
        weighted_rules.LOOK_ACTIONS,
        cloudwatch_metrics.IAM_ACTIONS,
        ecs_deployments.READ_ACTIONS,
        ecs_deployments.STOP_ACTIONS,
        verdict_metric.IAM_ACTIONS,
        eventbridge_events.IAM_ACTIONS,
    ),
    # Asks the hooks of a lifecycle event, tells CodeDeploy, and calls itself when that takes long.
    "code_deploy_hook": (lambda_hooks.IAM_ACTIONS, code_deploy_events.IAM_ACTIONS, own_function.IAM_ACTIONS),
    # Starts a deployment of what is in the stack, waits for its end, and takes back what does not end in time.
    "code_deployment_resource": (
        code_deploy_stack_updates.IAM_ACTIONS,
        live_task_sets.IAM_ACTIONS,
        own_function.IAM_ACTIONS,
    ),
    # Looks whether a repository is empty, and makes its first commit.
    "repository_seed": (code_commit_repositories.IAM_ACTIONS,),
    # Looks for a repository's first image, and has it built.
    "bootstrap_image": (image_builds.IAM_ACTIONS,),
    "migration": (one_off_tasks.IAM_ACTIONS, _HOOK_RECORD),
    # What a stack's events do to an application with slots: revisions, the record, bounds, the parameter.
    "slots_resource": (
        slot_families.IAM_ACTIONS,
        slot_services.IAM_ACTIONS,
        dynamodb_store.STATE_ACTIONS,
        active_side_parameter.IAM_ACTIONS,
    ),
    "replay": (sampled_requests.IAM_ACTIONS, one_off_tasks.SOURCE_ACTIONS, _HOOK_RECORD),
}
"""By handler (`engine.handlers.<name>`). An action that two declarations have is needed on the kinds of both."""
