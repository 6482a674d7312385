"""The hooks of a service as Amazon ECS asks them: functions by one role, pauses for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from .ecs_deployment_configuration import LifecycleHook
from .engine.errors import ConfigurationError
from .engine.migration import MigrationTask
from .engine.replay import ReplayRequests
from .engine.smoke_test import HttpSmokeTest
from .engine.spans import in_words, whole_minutes
from .engine.target_settings import HookSettings
from .hooks import Approval, LambdaHook, SmokeTests, Stage
from .service_place import ServicePlace
from .service_role import service_role
from .service_routes import ServiceRoutes
from .service_tasks import ServiceTasks

# Where ECS asks a hook of each of our stages. None of them is passed again on the way back.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
STAGES: Mapping[Stage, str] = {"TESTING": "POST_TEST_TRAFFIC_SHIFT", "BAKING": "POST_PRODUCTION_TRAFFIC_SHIFT"}
if TYPE_CHECKING:
    from .hook_function import HookHistory

LONGEST_PAUSE = timedelta(days=14)

ServiceHook: TypeAlias = HttpSmokeTest | LambdaHook | Approval | ReplayRequests | MigrationTask
_KINDS = (HttpSmokeTest, LambdaHook, Approval, ReplayRequests, MigrationTask)


@dataclass(frozen=True)
class AskedFunction:
    """A function that ECS asks at `stages`, with `details`.

    role_arn: calls it (empty: the service's role for hooks).
    """

    function_arn: str
    stages: Sequence[str]
    details: Mapping[str, object]
    role_arn: str = ""


@dataclass(frozen=True)
class ServiceHooks:
    """The hooks of a service, by kind."""

    smoke_tests: tuple[HttpSmokeTest, ...]
    lambdas: tuple[LambdaHook, ...]
    approvals: tuple[Approval, ...]
    replays: tuple[ReplayRequests, ...]
    migrations: tuple[MigrationTask, ...]

    @staticmethod
    def of(target: str, hooks: Sequence[ServiceHook]) -> "ServiceHooks":
        """Sort them; raises ConfigurationError for what is no hook, or what ECS could not wait for."""
        for hook in hooks:
            if not isinstance(hook, _KINDS):
                raise ConfigurationError(
                    f"{target} has the hook {type(hook).__name__}: give {', '.join(kind.__name__ for kind in _KINDS)}"
                )
        found = ServiceHooks(
            tuple(hook for hook in hooks if isinstance(hook, HttpSmokeTest)),
            tuple(hook for hook in hooks if isinstance(hook, LambdaHook)),
            tuple(hook for hook in hooks if isinstance(hook, Approval)),
            tuple(hook for hook in hooks if isinstance(hook, ReplayRequests)),
            tuple(hook for hook in hooks if isinstance(hook, MigrationTask)),
        )
        found._refuse_approvals(target)
        return found

    @property
    def pauses(self) -> timedelta:
        """How long people may take, all together."""
        return sum((approval.wait for approval in self.approvals), timedelta())

    @property
    def approval_settings(self) -> tuple[HookSettings, ...]:
        """The approvals as the command line tells operators of them."""
        return tuple(HookSettings(one.name, stage=one.stage, timeout=one.wait) for one in self.approvals)

    def functions(
        self,
        scope: Construct,
        *,
        routes: ServiceRoutes,
        place: ServicePlace,
        served: ServiceTasks,
        history: "HookHistory | None",
    ) -> list[AskedFunction]:
        """Make the functions that the hooks need, and answer all that ECS is to ask; `history` hears their results."""
        asked = []
        if self.smoke_tests:
            tests = SmokeTests(
                scope,
                "SmokeTest",
                checks=self.smoke_tests,
                route=routes.test_route(),
                vpc=place.vpc,
                subnet_ids=place.network.subnet_ids,
            )
            routes.admit_tests(tests)
            asked.append(AskedFunction(tests.function_arn, [STAGES["TESTING"]], tests.details))
        asked += self._replays(scope, routes, place, history)
        asked += self._migrations(scope, place, served, history)
        asked += [
            AskedFunction(hook.function.function_arn, [STAGES[hook.stage]], dict(hook.details)) for hook in self.lambdas
        ]
        return asked

    def _replays(
        self, scope: Construct, routes: ServiceRoutes, place: ServicePlace, history: "HookHistory | None"
    ) -> Iterator[AskedFunction]:
        for number, replay in enumerate(self.replays, start=1):
            from .replay_hook import ReplayHook  # noqa: PLC0415 -- loads CDK modules that few services need

            live = routes.live_route()
            hook = ReplayHook(
                scope,
                f"Replay{number if number > 1 else ''}",
                replay=replay,
                cluster_name=place.cluster_name,
                route=routes.test_route(),
                live_url=live.url,
                live_host=live.host,
                vpc=place.vpc,
                subnet_ids=place.network.subnet_ids,
                history=history,
            )
            routes.admit_tests(hook, also_live=True)
            yield AskedFunction(hook.function_arn, [hook.stage], hook.details)

    def _migrations(
        self, scope: Construct, place: ServicePlace, served: ServiceTasks, history: "HookHistory | None"
    ) -> Iterator[AskedFunction]:
        if not self.migrations:
            return
        from .migration_hook import MigrationHook  # noqa: PLC0415 -- as above

        definition = served.definition
        roles = [definition.task_role.role_arn]
        if definition.execution_role is not None:
            roles.append(definition.execution_role.role_arn)
        hook = MigrationHook(
            scope,
            "Migration",
            migrations=self.migrations,
            cluster_name=place.cluster_name,
            family=definition.family,
            container_name=served.container,
            role_arns=roles,
            history=history,
        )
        yield AskedFunction(hook.function_arn, [hook.stage], hook.details)

    def lifecycle_hooks(self, scope: Construct, functions: Sequence[AskedFunction]) -> list[LifecycleHook]:
        """All hooks in CloudFormation's words; makes the role that calls those functions which bring none."""
        own = list(dict.fromkeys(one.function_arn for one in functions if not one.role_arn))
        role_arn = _role(scope, own).attr_arn if own else ""
        hooks: list[LifecycleHook] = []
        for one in functions:
            hook: LifecycleHook = {
                "TargetType": "AWS_LAMBDA",
                "HookTargetArn": one.function_arn,
                "RoleArn": one.role_arn or role_arn,
                "LifecycleStages": list(one.stages),
            }
            if one.details:
                hook["HookDetails"] = cdk.Stack.of(scope).to_json_string(dict(one.details))
            hooks.append(hook)
        for approval in self.approvals:
            minutes = whole_minutes(approval.wait, "Approval timeout")
            hooks.append(
                {
                    "TargetType": "PAUSE",
                    "LifecycleStages": [STAGES[approval.stage]],
                    "TimeoutConfiguration": {"TimeoutInMinutes": minutes, "Action": "ROLLBACK"},
                }
            )
        return hooks

    def _refuse_approvals(self, target: str) -> None:
        for approval in self.approvals:
            whole_minutes(approval.wait, "Approval timeout")
            if approval.wait > LONGEST_PAUSE:
                raise ConfigurationError(
                    f"{target} has an Approval with a timeout of {in_words(approval.wait)}: Amazon ECS waits at most "
                    "14 days"
                )
        stages = [approval.stage for approval in self.approvals]
        if len(stages) != len(set(stages)):
            raise ConfigurationError(
                f"{target} has two approvals at the stage {max(stages, key=stages.count)}: Amazon ECS pauses there for "
                "all of them at once, give one"
            )


def _role(scope: Construct, function_arns: Sequence[str]) -> iam.CfnRole:
    return service_role(
        scope,
        "HookRole",
        services="ecs.amazonaws.com",
        description="Amazon ECS calls the hooks",
        policy="Invoke",
        statements=[{"Action": "lambda:InvokeFunction", "Resource": list(function_arns)}],
    )
