"""What each handler's policy has to allow: the declarations of the adapters' calls that it makes."""

from collections.abc import Mapping

from . import (
    auto_scaling_fleet,
    cloudwatch_metrics,
    dynamodb_store,
    ecs_fleet,
    eventbridge_events,
    executions,
    lambda_hooks,
    parameter_settings,
    weighted_rules,
)
from .resource_kinds import Actions

NEEDS: Mapping[str, tuple[Actions, ...]] = {
    # Takes the lock and says so on the rule, whose weights it leaves alone; it only asks after executions.
    "start": (
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
        lambda_hooks.IAM_ACTIONS,
        eventbridge_events.IAM_ACTIONS,
    ),
    # The abort: the rule first, then the state, then the execution.
    "alarm": (
        weighted_rules.IAM_ACTIONS,
        dynamodb_store.STATE_ACTIONS,
        executions.IAM_ACTIONS,
    ),
}
"""By handler (`engine.handlers.<name>`). An action that two declarations have is needed on the kinds of both."""
