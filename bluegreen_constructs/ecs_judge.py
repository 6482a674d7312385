"""EcsJudge: the function that Amazon ECS asks before each further step, and its memory; one for a stack."""

from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from .account_arns import arn_here
from .engine.environment import TABLE
from .engine.target_settings import PARAMETER_PREFIX
from .engine_function import EngineFunction
from .engine_permissions import EnginePermissions
from .rollout_table import rollout_table
from .service_role import service_role

_ID = "BlueGreenEcsJudge"
_TABLE_ID = "BlueGreenEcsJudgeTable"
_HANDLER = "ecs_judge"
# One call of an adapter ends within 45 s with all its retries, and an answer of a few of them must come in time.
_SECONDS = 300
_MEMORY_MIB = 512
NAMESPACE = "BlueGreen"
METRIC = "Unhealthy"


class EcsJudge(Construct):
    """One Lambda function with one table: lifecycle hook of all judged services of a stack, and looked by each minute.

    Between the hooks of a deployment a schedule has it count the closed minutes, so that harm is published as the
    metric `Unhealthy`, whose alarm makes ECS roll back at once. Without a deployment in flight such a look is one
    read of the table: some 43,000 of them a month.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        """Make the function, the table and the schedule; called by `of`."""
        super().__init__(scope, id)
        self.table = rollout_table(
            self, logical_id=_TABLE_ID, removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        )
        self._function = EngineFunction(
            self,
            "Function",
            handler=f"engine.handlers.{_HANDLER}.handler",
            description="Judges releases that Amazon ECS rolls out: admits them, and compares them before each step",
            timeout_seconds=_SECONDS,
            memory_mib=_MEMORY_MIB,
            environment={TABLE: self.table.ref},
            logical_id="BlueGreenEcsJudgeFunction",
        )
        self.function_arn = self._function.arn
        permissions = EnginePermissions(self, "Permissions", functions={_HANDLER: self._function})
        permissions.allow("any", ["*"])
        permissions.allow("table", [self.table.attr_arn])
        permissions.allow("parameter", [arn_here("ssm", f"parameter{PARAMETER_PREFIX}*")])
        permissions.allow("event bus", [arn_here("events", "event-bus/default")])
        permissions.allow("metric namespace", ["*"])
        self._permissions = permissions
        self.invocation_role = service_role(
            self,
            "InvocationRole",
            services=["ecs.amazonaws.com", "scheduler.amazonaws.com"],
            description="Amazon ECS and EventBridge Scheduler call the judge",
            policy="Invoke",
            statements=[{"Action": "lambda:InvokeFunction", "Resource": self.function_arn}],
        )
        scheduler.CfnSchedule(
            self,
            "EveryMinute",
            description="Has the judge look at the deployments in flight",
            schedule_expression="rate(1 minute)",
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": self.function_arn,
                "roleArn": self.invocation_role.attr_arn,
                "input": '{"look":true,"now":"<aws.scheduler.scheduled-time>"}',
                # A look that comes late is of no use: the next one sees all that it would have seen.
                "retryPolicy": {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 0},
            },
        )

    @classmethod
    def of(cls, scope: Construct) -> "EcsJudge":
        """The judge of `scope`'s stack; made if there is none."""
        stack = cdk.Stack.of(scope)
        known = _JUDGES.get(stack)
        if known is None:
            known = _JUDGES[stack] = cls(stack, _ID)
        return known

    def judge(self, cluster_name: str) -> None:
        """Let the function look at the deployments in a cluster, and end one: a hotfix whose floor is broken."""
        self._permissions.allow("service deployment", [arn_here("ecs", f"service-deployment/{cluster_name}/*")])
        self._permissions.allow("service revision", [arn_here("ecs", f"service-revision/{cluster_name}/*")])


_JUDGES: "WeakKeyDictionary[cdk.Stack, EcsJudge]" = WeakKeyDictionary()
