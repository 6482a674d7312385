"""A strategy as Amazon ECS's own deployment configuration; refuses what ECS cannot do. Pure, without the CDK."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from .engine.errors import ConfigurationError
from .engine.spans import as_timedelta, in_words, whole_minutes
from .engine.strategy import AllAtOnce, Canary, Linear, Strategy

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html and its members
LONGEST_BAKE = timedelta(minutes=1440)
SMALLEST_LINEAR_PERCENT = 3.0
# Two datapoints of a minute each, the last of them published a minute after its end.
SHORTEST_SIGHT = timedelta(minutes=3)
# CloudFormation gives an ECS service 36 hours, and refuses a deployment configuration that takes more than 33.
LONGEST_DEPLOYMENT = timedelta(hours=33)


class LifecycleHook(TypedDict, total=False):
    """One entry of `LifecycleHooks` in AWS::ECS::Service, in CloudFormation's spelling."""

    HookTargetArn: str
    RoleArn: str
    LifecycleStages: list[str]
    TargetType: str
    HookDetails: str


@dataclass(frozen=True)
class EcsDeployment:
    """A native ECS deployment: strategy, final bake and circuit breaker, checked against ECS's limits.

    bake: how long both sides stay up after all traffic has moved. When it ends the former live side is scaled in,
        and going back is a new deployment instead of one call.
    """

    strategy: Strategy
    bake: timedelta

    def __post_init__(self) -> None:
        """Refuse at synth what ECS or CloudFormation would refuse hours later."""
        _bake_minutes(self.bake, "bake")
        if isinstance(self.strategy, Canary):
            _bake_minutes(as_timedelta(self.strategy.bake, "Canary bake"), "Canary bake")
        elif isinstance(self.strategy, Linear):
            if self.strategy.percent < SMALLEST_LINEAR_PERCENT:
                raise ConfigurationError(
                    f"Linear percent is {self.strategy.percent:g}: Amazon ECS takes steps of 3 percent or more, "
                    "give at least 3"
                )
            _bake_minutes(as_timedelta(self.strategy.every, "Linear every"), "Linear every")
        elif not isinstance(self.strategy, AllAtOnce):
            raise ConfigurationError(
                f"the strategy is {type(self.strategy).__name__}, which Amazon ECS cannot do by itself: "
                "use AllAtOnce, Canary or Linear"
            )
        if self.longest > LONGEST_DEPLOYMENT:
            raise ConfigurationError(
                f"the steps and the bake take {in_words(self.longest)} together, and CloudFormation allows an ECS "
                f"deployment {in_words(LONGEST_DEPLOYMENT)}: take larger steps or shorter bakes"
            )

    def refuse_blind(self, alarms: int) -> None:
        """Refuse a canary that would be over before any of its `alarms` could go off."""
        if alarms and isinstance(self.strategy, Canary) and self.longest - self.bake < SHORTEST_SIGHT:
            raise ConfigurationError(
                f"Canary bake is {in_words(self.longest - self.bake)}: the alarms need two minutes of metrics, and "
                f"those come a minute late: give at least {in_words(SHORTEST_SIGHT)}"
            )

    @property
    def longest(self) -> timedelta:
        """How long steps and bake take together, without hooks and the start of tasks."""
        return sum((step.span for step in self.strategy.steps()), self.bake)

    def to_cloudformation(
        self, *, alarm_names: Sequence[str], hooks: Sequence[LifecycleHook], circuit_breaker: bool
    ) -> dict[str, object]:
        """`DeploymentConfiguration` of AWS::ECS::Service.

        Empty lists are written out: UpdateService keeps what an update leaves away, so a removed hook or alarm
        would go on deciding deployments.
        """
        configuration: dict[str, object] = {
            "BakeTimeInMinutes": whole_minutes(self.bake, "bake"),
            "Alarms": {"AlarmNames": list(alarm_names), "Enable": bool(alarm_names), "Rollback": bool(alarm_names)},
            "LifecycleHooks": list(hooks),
            "DeploymentCircuitBreaker": {"Enable": circuit_breaker, "Rollback": circuit_breaker},
            "MaximumPercent": 200,
            "MinimumHealthyPercent": 100,
        }
        if isinstance(self.strategy, Canary):
            configuration["Strategy"] = "CANARY"
            configuration["CanaryConfiguration"] = {
                "CanaryPercent": self.strategy.percent,
                "CanaryBakeTimeInMinutes": whole_minutes(
                    as_timedelta(self.strategy.bake, "Canary bake"), "Canary bake"
                ),
            }
        elif isinstance(self.strategy, Linear):
            configuration["Strategy"] = "LINEAR"
            configuration["LinearConfiguration"] = {
                "StepPercent": self.strategy.percent,
                "StepBakeTimeInMinutes": whole_minutes(
                    as_timedelta(self.strategy.every, "Linear every"), "Linear every"
                ),
            }
        else:
            configuration["Strategy"] = "BLUE_GREEN"
        return configuration


def _bake_minutes(span: timedelta, name: str) -> None:
    whole_minutes(span, name)
    if span > LONGEST_BAKE:
        raise ConfigurationError(f"{name} is {in_words(span)}: Amazon ECS allows at most 1440 minutes (24 h)")
