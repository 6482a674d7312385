"""Hooks: what is asked about a candidate before it gets production traffic, or before its rollout ends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal, Protocol, TypeAlias

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from .engine.errors import ConfigurationError
from .engine.smoke_test import HttpSmokeTest, SmokeTestPlan
from .engine.spans import Span, as_timedelta
from .hook_function import HookFunction

# Who runs the hook calls the function again when it asks for it, so one invocation only has to outlast its own
# requests; Lambda allows 15 minutes.
LONGEST_INVOCATION_SECONDS = 900
Stage: TypeAlias = Literal["TESTING", "BAKING"]
_STAGES = ("TESTING", "BAKING")


@dataclass(frozen=True)
class LambdaHook:
    """A function of yours that is asked about the candidate.

    function: it is invoked with `{"hookDetails": …}` and the rollout, and answers as Amazon ECS's lifecycle hooks do:
        `{"hookStatus": "SUCCEEDED"}`, `FAILED` (the rollout goes back), or `IN_PROGRESS` with a `callBackDelay` in
        seconds.
    stage: `TESTING`, before production traffic (default), or `BAKING`, once all of it has moved.
    timeout: when it ends without an answer, the rollout goes back (default 1 h). Amazon ECS, which asks the hooks of
        an `EcsBlueGreenService` itself, waits 24 h in any case. Under AWS CodeDeploy all hooks of a stage together have
        56 minutes, and more than an hour is refused.
    details: what the function gets as `hookDetails`, as JSON values (default: nothing).
    name: how the history calls it (default: the function's construct id).

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html

    Raises ConfigurationError for an unknown stage, a time-out of zero, or details that are no JSON values.
    """

    function: lambda_.IFunction
    stage: Stage = "TESTING"
    timeout: Span = timedelta(hours=1)
    details: Mapping[str, object] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what the engine could not ask."""
        object.__setattr__(self, "timeout", _checked("LambdaHook", self.stage, self.timeout))
        try:
            json.dumps(dict(self.details), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"LambdaHook details cannot be written as JSON: {error}: give plain values"
            ) from None

    @property
    def wait(self) -> timedelta:
        """The time-out as a timedelta."""
        return as_timedelta(self.timeout, "LambdaHook timeout")


@dataclass(frozen=True)
class Approval:
    """A person's answer: the rollout waits for `bluegreen promote` or `bluegreen abort`.

    name: how `bluegreen status` and the history call it (default "approval"). For an `EcsBlueGreenService` it is a
        pause hook of Amazon ECS, in whole minutes, which counts into the 33 hours that CloudFormation gives a
        deployment; the very first deployment waits for it, too.
    stage: `TESTING`, before production traffic (default), or `BAKING`, once all of it has moved.
    timeout: when it ends without an answer, the rollout goes back (default 24 h).

    Raises ConfigurationError for an unknown stage, a time-out of zero, or no name.
    """

    name: str = "approval"
    stage: Stage = "TESTING"
    timeout: Span = timedelta(hours=24)

    def __post_init__(self) -> None:
        """Refuse what nobody could answer."""
        object.__setattr__(self, "timeout", _checked("Approval", self.stage, self.timeout))
        if not self.name:
            raise ConfigurationError("Approval has no name: say what is approved, such as 'release manager'")

    @property
    def wait(self) -> timedelta:
        """The time-out as a timedelta."""
        return as_timedelta(self.timeout, "Approval timeout")


Hook: TypeAlias = HttpSmokeTest | LambdaHook | Approval


def _checked(hook: str, stage: object, timeout: Span) -> timedelta:
    if stage not in _STAGES:
        raise ConfigurationError(f"{hook} stage is {stage!r}: give {' or '.join(map(repr, _STAGES))}")
    span = as_timedelta(timeout, f"{hook} timeout")
    if not span:
        raise ConfigurationError(f"{hook} timeout is 0: give the time after which nobody will answer any more")
    return span


@dataclass(frozen=True)
class TestRoute:
    """How a function reaches the candidate: address, headers, host name, and whether from inside the VPC."""

    __test__: ClassVar[bool] = False  # the name starts with Test, but pytest has nothing to collect here

    url: str
    headers: Mapping[str, str]
    host: str | None
    inside_vpc: bool


class FunctionsInVpc(Protocol):
    """What sends requests by the test route; `connections` is set when it does so from inside a VPC."""

    @property
    def connections(self) -> ec2.Connections | None:
        """The function's network connections; None outside a VPC."""


class SmokeTests(Construct):
    """The function that sends the smoke tests, and what it is to be asked with.

    It is asked after test traffic has moved to the candidate and before production traffic does.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        checks: Sequence[HttpSmokeTest],
        route: TestRoute,
        vpc: ec2.IVpc | None,
        subnet_ids: Sequence[str],
    ) -> None:
        """Make the function; a route inside the VPC puts it there (without one, `vpc` may be None)."""
        super().__init__(scope, id)
        plan = SmokeTestPlan(url=route.url, headers=route.headers, checks=tuple(checks), host=route.host)
        seconds = sum(check.timeout_seconds for check in checks) + 10
        function = HookFunction(
            self,
            "Function",
            module="smoke_test",
            description="Sends the smoke tests to the candidate before it gets production traffic",
            timeout_seconds=min(round(seconds), LONGEST_INVOCATION_SECONDS),
        )
        self.connections: ec2.Connections | None = None
        if route.inside_vpc and vpc is not None:
            self.connections = function.move_into(vpc, subnet_ids, name="the smoke tests")
        self.function_arn = function.arn
        self.details = plan.to_details()
