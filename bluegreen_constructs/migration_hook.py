"""MigrationHook: the function that runs migrations in the candidate's image, and what ECS is to ask it with."""

from collections.abc import Sequence
from typing import Literal

from constructs import Construct

from .account_arns import arn_here
from .engine.migration import MigrationTask, refuse_unfit
from .hook_function import HookFunction, HookHistory

# Nine calls of AWS at most, each with its retries.
_TIMEOUT_SECONDS = 405


class MigrationHook(Construct):
    """Runs migrations one after the other, before the first task of the candidate starts.

    function_arn, details, stage: what the service's lifecycle hook is made of. function: the function itself.
    """

    stage: Literal["PRE_SCALE_UP"] = "PRE_SCALE_UP"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        migrations: Sequence[MigrationTask],
        cluster_name: str,
        family: str,
        container_name: str,
        role_arns: Sequence[str],
        history: HookHistory | None = None,
    ) -> None:
        """Make the function.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            migrations: what is run, in this order; one function for all, as ECS does not say in which order it asks
                several hooks of a stage.
            cluster_name: the cluster of the service. The service itself cannot be named: it waits for its hooks.
            family: the family of the service's task definition.
            container_name: the container whose image has the command.
            role_arns: the task role and the execution role of the task definition.
            history: where results go, and where a migration that was run is found; default: to the function's log only.

        Raises ConfigurationError for no migration, two with one name, or more text than a hook carries.
        """
        super().__init__(scope, id)
        refuse_unfit(migrations)
        self.details: dict[str, object] = {
            "migrations": [migration.to_details() for migration in migrations],
            "container": container_name,
        }
        if history is not None:
            self.details["target"] = history.target
        self.function = HookFunction(
            self,
            "Function",
            module="migration",
            description="Runs migrations in the candidate's image before it is scaled up",
            timeout_seconds=_TIMEOUT_SECONDS,
            history=history,
        )
        self._allow(cluster_name, family, role_arns)
        self.function_arn = self.function.arn

    def _allow(self, cluster_name: str, family: str, role_arns: Sequence[str]) -> None:
        allow = self.function.allow_kind
        in_cluster = {"ArnEquals": {"ecs:cluster": arn_here("ecs", f"cluster/{cluster_name}")}}
        for kind in ("service deployment", "service revision"):
            allow(
                kind,
                [arn_here("ecs", f"{kind.replace(' ', '-')}/{cluster_name}/*")],
                because="it has no ARN before it is made; naming the service was considered, and would have the "
                "service wait for its own hook, so all of the cluster's are named",
            )
        allow(
            "task",
            [arn_here("ecs", f"task/{cluster_name}/*")],
            because="a task has no ARN before it is run; all clusters was the alternative that was considered",
        )
        allow(
            "task definition",
            [arn_here("ecs", f"task-definition/{family}:*")],
            condition=in_cluster,
            because="a revision has no number before it is registered; all families was the alternative that was "
            "considered",
        )
        # Both are one finding of cdk-nag.
        because = (
            "DescribeTaskDefinition, which tells where a failed migration's output is, knows no resource-level "
            "permissions, and ListTasks, which finds what an aborted deployment left running, none but the condition "
            "on the cluster that it has here; doing without them was considered, and would leave the operator to look"
        )
        allow("any", ["*"], because=because)
        allow("tasks of the cluster", ["*"], condition=in_cluster, because=because)
        allow(
            "task role",
            role_arns,
            condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
