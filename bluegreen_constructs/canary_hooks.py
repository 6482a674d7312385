"""The hooks of a CanaryAlb as the engine asks them: smoke tests by one function, functions of yours, approvals."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from constructs import Construct

from .canary_routes import CanaryRoutes
from .engine.errors import ConfigurationError
from .engine.smoke_test import HttpSmokeTest
from .engine.target_settings import HookSettings
from .hooks import Approval, Hook, LambdaHook, SmokeTests
from .side_network import SideNetwork
from .subnet_choice import selected_subnets

# The engine waits 120 s for one invocation of a hook.
_LONGEST_TESTS = timedelta(seconds=100)
# Invocations that only wait for the weights to settle, retries, and the tests themselves.
_SMOKE_TIMEOUT = timedelta(minutes=10)


def hook_settings(
    scope: Construct, hooks: Sequence[Hook], routes: CanaryRoutes, network: SideNetwork
) -> tuple[HookSettings, ...]:
    """The hooks in their order; all smoke tests are one hook, at the place of the first.

    Raises ConfigurationError for what is no hook, or smoke tests that take longer than one invocation may.
    """
    checks = [hook for hook in hooks if isinstance(hook, HttpSmokeTest)]
    longest = sum((timedelta(seconds=check.timeout_seconds) for check in checks), timedelta())
    if longest > _LONGEST_TESTS:
        raise ConfigurationError(
            f"{scope.node.path} has smoke tests that may take {longest.total_seconds():g} s together: give at most "
            f"{_LONGEST_TESTS.total_seconds():g} s, by shorter time-outs"
        )
    return tuple(_settings(scope, hooks, checks, routes, network))


def _settings(
    scope: Construct, hooks: Sequence[Hook], checks: Sequence[HttpSmokeTest], routes: CanaryRoutes, network: SideNetwork
) -> Iterator[HookSettings]:
    for hook in hooks:
        if isinstance(hook, Approval):
            yield HookSettings(hook.name, stage=hook.stage, timeout=hook.wait)
        elif isinstance(hook, LambdaHook):
            name = hook.name or hook.function.node.id
            yield HookSettings(name, hook.function.function_arn, dict(hook.details), hook.stage, hook.wait)
        elif not isinstance(hook, HttpSmokeTest):
            raise ConfigurationError(
                f"{scope.node.path} has the hook {type(hook).__name__}: give HttpSmokeTest, LambdaHook or Approval"
            )
        elif hook is checks[0]:
            route = routes.test_route()
            vpc = network.vpc if route.inside_vpc else None
            tests = SmokeTests(
                scope,
                "SmokeTest",
                checks=checks,
                route=route,
                vpc=vpc,
                subnet_ids=[] if vpc is None else selected_subnets(vpc).subnet_ids,
            )
            routes.admit_tests(tests)
            yield HookSettings("smoke tests", tests.function_arn, tests.details, timeout=_SMOKE_TIMEOUT)
