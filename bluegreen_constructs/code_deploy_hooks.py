"""The hooks of a service that CodeDeploy deploys: one function of ours for each lifecycle event, which asks them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .engine.code_deploy_hook import HOOKS, MOST_HOOKS, Event, EventFunction, EventHooks
from .engine.code_deploy_settings import EventHook
from .engine.errors import ConfigurationError
from .engine.smoke_test import HttpSmokeTest
from .hook_function import HookFunction
from .hooks import LambdaHook, SmokeTests, Stage
from .service_hooks import ServiceHooks
from .service_place import ServicePlace
from .service_routes import ServiceRoutes

EVENTS: Mapping[Stage, Event] = {"TESTING": "AfterAllowTestTraffic", "BAKING": "AfterAllowTraffic"}
LAMBDA_SECONDS = 900
# What waits longer finds its event failed by CodeDeploy already.
_EVENT_AGE_S = 600
ANY_DEPLOYMENT = (
    "CodeDeploy's calls about a deployment that runs take no resource; its deployment group was considered, and a "
    "policy on it denies them"
)
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_AS_LONG_AS_AN_ARN = "x" * 140


@dataclass(frozen=True)
class CodeDeployHooks:
    """The functions of the AppSpec, by name, and their ARNs for whoever invokes them.

    ready: what has to be there before the first deployment.
    """

    hooks: tuple[EventHook, ...]
    arns: tuple[str, ...]
    ready: tuple[cdk.CfnResource, ...]

    @staticmethod
    def of(
        scope: Construct,
        *,
        target: str,
        asked: ServiceHooks,
        routes: ServiceRoutes,
        place: ServicePlace,
    ) -> "CodeDeployHooks":
        """Make the function of each event that somebody is asked at; raises ConfigurationError for hooks too long."""
        made = []
        for stage, event in EVENTS.items():
            functions = [*(_smoke_tests(scope, asked, routes, place) if stage == "TESTING" else ())]
            functions += [_function(hook) for hook in asked.lambdas if hook.stage == stage]
            if functions:
                hooks = EventHooks(target, event, tuple(functions))
                made.append((event, _EventFunction(scope, event, hooks)))
        return CodeDeployHooks(
            tuple(EventHook(event, function.resource.ref) for event, function in made),
            tuple(function.arn for _, function in made),
            tuple(function.again for _, function in made),
        )


class _EventFunction(HookFunction):
    """What CodeDeploy asks at one event; it asks the hooks' functions, and itself again while they are not done."""

    def __init__(self, scope: Construct, event: Event, hooks: EventHooks) -> None:
        super().__init__(
            scope,
            event,
            module="code_deploy_hook",
            description=f"Asks the hooks of CodeDeploy's event {event}, and tells CodeDeploy",
            timeout_seconds=LAMBDA_SECONDS,
        )
        self.resource.add_property_override("Environment.Variables", {HOOKS: _variable(hooks)})
        lambda_.CfnEventInvokeConfig(
            self,
            "Events",
            function_name=self.resource.ref,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=_EVENT_AGE_S,
            maximum_retry_attempts=2,
        )
        self.allow_kind("hook function", list(dict.fromkeys(one.arn for one in hooks.functions)))
        self.allow_kind("any", ["*"], because=ANY_DEPLOYMENT)
        self.again = may_call_itself(self)


def may_call_itself(function: HookFunction) -> iam.CfnPolicy:
    """Let the function invoke itself; a policy of its own, because the role is there before the function."""
    statement = {"Sid": "GoOn", "Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [function.arn]}
    return iam.CfnPolicy(
        function,
        "Again",
        policy_name="Again",
        policy_document={"Version": "2012-10-17", "Statement": [statement]},
        roles=[function.role.ref],
    )


def _smoke_tests(
    scope: Construct, asked: ServiceHooks, routes: ServiceRoutes, place: ServicePlace
) -> tuple[EventFunction, ...]:
    if not asked.smoke_tests:
        return ()
    tests = SmokeTests(
        scope,
        "SmokeTest",
        checks=asked.smoke_tests,
        route=routes.test_route(),
        vpc=place.vpc,
        subnet_ids=place.network.subnet_ids,
    )
    routes.admit_tests(tests)
    return (EventFunction(HttpSmokeTest.__name__, tests.function_arn, tests.details),)


def _function(hook: LambdaHook) -> EventFunction:
    name = hook.name or hook.function.node.id
    return EventFunction(name, hook.function.function_arn, dict(hook.details), hook.wait)


def _variable(hooks: EventHooks) -> str:
    text = hooks.to_variable()
    length = len(_TOKEN.sub(_AS_LONG_AS_AN_ARN, text))
    if length > MOST_HOOKS:
        names = ", ".join(one.name for one in hooks.functions)
        raise ConfigurationError(
            f"the hooks of {hooks.target} at {hooks.event} are {length} characters of JSON ({names}), and a Lambda "
            f"function's environment holds {MOST_HOOKS} of them: give shorter bodies and details"
        )
    return text
