"""What a deployment's driver sees and does, in the emulator: task sets, listeners, alarms and functions."""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ..ecs.alarm_states import AlarmStates
from ..ecs.deployment_run import Tasks
from ..ecs.task_set_views import TaskSet
from ..ecs.task_sets import TaskSets, Wanted
from .deployment_run import AskHook
from .deployments import Deployment, Milestone
from .lifecycle_script import Change, Side
from .listener_calls import ListenerCalls
from .refusals import StepFailedError


class LambdaClient(Protocol):
    """The method of boto3's lambda client that is used."""

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> Mapping[str, object]: ...  # noqa: N803


class DeploymentWorld:
    """The outside of all drivers of one emulator.

    `task_definition` is the ARN of a task definition (by ARN or family), "" for one that is not active; `check_tasks`
    raises RehearsalError for one whose tasks could never be started here. `changed` is told of milestones.
    """

    def __init__(
        self,
        task_sets: TaskSets,
        listeners: ListenerCalls,
        functions: LambdaClient,
        alarms: AlarmStates,
        *,
        task_definition: Callable[[str], str],
        changed: Callable[[Deployment, Milestone], None],
    ) -> None:
        self._task_sets = task_sets
        self._listeners = listeners
        self._functions = functions
        self._alarms = alarms
        self._task_definition = task_definition
        self._changed = changed

    def change(self, deployment: Deployment, change: Change) -> None:
        """Traffic first: nothing is scaled in while a rule still gives it traffic."""
        if change.installs:
            self._install(deployment)
        route = deployment.order.route
        if change.production is not None:
            self._shift(deployment, route.production, change.production)
        if change.test is not None and route.test:
            self._shift(deployment, route.test, change.test)
        if change.primary is not None and (primary := _side(deployment, change.primary)) is not None:
            self._task_sets.make_primary(primary)
        if change.ends is not None and (ending := _side(deployment, change.ends)) is not None:
            self._task_sets.drain(ending)

    def look(self, deployment: Deployment) -> Tasks:
        """The scheduler's count."""
        return Tasks() if deployment.replacement is None else self._task_sets.look(deployment.replacement)

    def ringing(self, names: tuple[str, ...]) -> frozenset[str]:
        """DescribeAlarms."""
        return self._alarms.ringing(names)

    def ask_hook(self, deployment: Deployment, hook: AskHook) -> None:
        """Invoke without waiting: the function answers by PutLifecycleEventHookExecutionStatus."""
        execution = secrets.token_urlsafe(48)
        deployment.hook_ids[execution] = hook.id
        payload = {"DeploymentId": deployment.id, "LifecycleEventHookExecutionId": execution}
        try:
            self._functions.invoke(
                FunctionName=hook.function, InvocationType="Event", Payload=json.dumps(payload).encode()
            )
        except (ClientError, BotoCoreError) as error:
            deployment.answer(hook.id, f"The function {hook.function} could not be invoked: {error}")

    def changed(self, deployment: Deployment, milestone: Milestone) -> None:
        """Pass it on."""
        self._changed(deployment, milestone)

    def _install(self, deployment: Deployment) -> None:
        """Make the replacement task set in the group that the primary one is not in.

        The production listener is brought to the primary group first, with the other one at weight 0: behind a
        listener its targets are health-checked. What an earlier deployment left behind without a rollback goes.
        """
        order, spec = deployment.order, deployment.spec
        primary = self._task_sets.primary(order.service_arn)
        if primary is None:
            raise StepFailedError(
                "INVALID_ECS_SERVICE", f"The ECS service {order.route.service} has no primary task set."
            )
        task_definition = self._task_definition(spec.task_definition)
        if not task_definition:
            raise StepFailedError(
                "ECS_UPDATE_ERROR",
                "The ECS service cannot be updated due to an unexpected error: TaskDefinition not found "
                f"({spec.task_definition}). Check your ECS service status.",
            )
        groups = self._listeners.groups(order.route.groups)
        if primary.group not in groups:
            raise StepFailedError(
                "INVALID_ECS_SERVICE",
                f"The primary task set's target group {primary.group} is not one of the deployment group's pair.",
            )
        self._listeners.check_primary(order.route.production, groups, primary.group)
        other = groups[1] if primary.group == groups[0] else groups[0]
        deployment.groups, deployment.original = (primary.group, other), primary
        self._shift(deployment, order.route.production, 0.0)
        for left_behind in self._task_sets.of(order.service_arn):
            if left_behind is not primary:
                self._task_sets.drain(left_behind)
        deployment.replacement = self._task_sets.add(
            order.service_arn,
            Wanted(task_definition, other, spec.container, spec.port, deployment.id, spec.changes),
        )

    def _shift(self, deployment: Deployment, listener: str, percent: float) -> None:
        if deployment.groups is None:
            return  # nothing was installed, so nothing was shifted
        original, replacement = deployment.groups
        self._listeners.shift(listener, {replacement: percent, original: 100.0 - percent})


def _side(deployment: Deployment, side: Side) -> TaskSet | None:
    return deployment.original if side is Side.ORIGINAL else deployment.replacement
