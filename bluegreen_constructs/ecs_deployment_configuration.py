"""A strategy as Amazon ECS's own deployment configuration; refuses what ECS cannot do. Pure, without the CDK."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypedDict

from .engine.errors import ConfigurationError
from .engine.spans import as_timedelta, in_words, whole_minutes
from .engine.strategy import AllAtOnce, Canary, Linear, Step, Steps, Strategy

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html and its members
LONGEST_BAKE = timedelta(minutes=1440)
SMALLEST_LINEAR_PERCENT = 3.0
# Two datapoints of a minute each, the last of them published a minute after its end.
SHORTEST_SIGHT = timedelta(minutes=3)
# CloudFormation gives an ECS service 36 hours, and refuses a deployment configuration that takes more than 33.
LONGEST_DEPLOYMENT = timedelta(hours=33)
# A stage ends after 24 hours; a verdict that did not come in half of them will not.
LONGEST_HOLD = timedelta(hours=12)
SHORTEST_HOLD = timedelta(minutes=30)


class LifecycleHook(TypedDict, total=False):
    """One entry of `LifecycleHooks` in AWS::ECS::Service, in CloudFormation's spelling."""

    HookTargetArn: str
    RoleArn: str
    LifecycleStages: list[str]
    TargetType: str
    HookDetails: str
    TimeoutConfiguration: Mapping[str, object]


@dataclass(frozen=True)
class EcsDeployment:
    """A native ECS deployment: strategy, final bake and circuit breaker, checked against ECS's limits.

    bake: how long both sides stay up after all traffic has moved. When it ends the former live side is scaled in,
        and going back is a new deployment instead of one call.
    pauses: how long hooks may wait for people, all together.
    """

    strategy: Strategy
    bake: timedelta
    pauses: timedelta = timedelta()

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
            pauses = f" (with {in_words(self.pauses)} for approvals)" if self.pauses else ""
            raise ConfigurationError(
                f"the steps and the bake take {in_words(self.longest)} together{pauses}, and CloudFormation allows an "
                f"ECS deployment {in_words(LONGEST_DEPLOYMENT)}: take larger steps or shorter bakes"
                f"{' or approvals' if self.pauses else ''}"
            )

    def refuse_blind(self, alarms: int) -> None:
        """Refuse a canary that would be over before any of its `alarms` could go off."""
        if alarms and isinstance(self.strategy, Canary) and self.longest - self.bake < SHORTEST_SIGHT:
            raise ConfigurationError(
                f"Canary bake is {in_words(self.longest - self.bake)}: the alarms need two minutes of metrics, and "
                f"those come a minute late: give at least {in_words(SHORTEST_SIGHT)}"
            )

    def refuse_unseen(self) -> None:
        """Refuse a plan in which a comparison would never see both sides, or would have no time for it."""
        if isinstance(self.strategy, AllAtOnce):
            raise ConfigurationError(
                "the strategy is AllAtOnce, where no comparison ever sees requests on both sides: use Canary or "
                "Linear, or judge by alarms alone"
            )
        if self.hold < SHORTEST_HOLD:
            raise ConfigurationError(
                f"the steps and the bake take {in_words(self.longest)} together, which leaves {in_words(self.hold)} "
                f"for a comparison's verdict before each further step, of {in_words(LONGEST_DEPLOYMENT)} that "
                f"CloudFormation allows: leave at least {in_words(SHORTEST_HOLD)}, by shorter bakes"
            )

    @property
    def hold(self) -> timedelta:
        """How long the hook before each further step may wait for a verdict; then the deployment goes back."""
        left = (LONGEST_DEPLOYMENT - self.longest) / max(1, len(self.strategy.steps()))
        return min(LONGEST_HOLD, timedelta(minutes=left // timedelta(minutes=1)))

    def with_hold(self) -> Strategy:
        """The strategy as a comparison sees it: the last step may last until the verdict is there."""
        *before, last = self.strategy.steps()
        held = min(as_timedelta(last.bake, "bake") + self.hold, LONGEST_BAKE)
        return Steps([*before, Step(last.percent, held)])

    @property
    def longest(self) -> timedelta:
        """How long steps, bake and pauses take together, without other hooks and the start of tasks."""
        return sum((step.span for step in self.strategy.steps()), self.bake) + self.pauses

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
