"""How CodeDeploy moves the traffic of an ECS service: a strategy in its words, checked against its limits. Pure."""

import re
from dataclasses import dataclass
from datetime import timedelta

from .code_deploy import CodeDeploy, code_deploy_minutes
from .ecs_deployment_configuration import SHORTEST_SIGHT
from .engine.errors import ConfigurationError
from .engine.spans import as_timedelta, in_words
from .engine.strategy import AllAtOnce, Canary, Linear, Strategy

ALL_AT_ONCE = "CodeDeployDefault.ECSAllAtOnce"
# Percent and minutes of what CodeDeploy has by itself.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
_CANARIES = {
    (10, 5): "CodeDeployDefault.ECSCanary10Percent5Minutes",
    (10, 15): "CodeDeployDefault.ECSCanary10Percent15Minutes",
}
_LINEARS = {
    (10, 1): "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    (10, 3): "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
}
# https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MOST_PERCENT = 99
LONGEST_SHIFT = timedelta(minutes=2880)
# A custom resource is waited for that long, and then the update fails. The rest is for tasks to start, hooks to answer,
# the former tasks to drain, and, when it comes to that, for going back.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
STACK_UPDATE = timedelta(hours=1)
LONGEST_IN_STACK_UPDATE = timedelta(minutes=45)


@dataclass(frozen=True)
class CodeDeployPlan:
    """A deployment by CodeDeploy: strategy, approval and final bake.

    bake: how long the former tasks stay up after all traffic has moved.
    """

    target: str
    controller: CodeDeploy
    strategy: Strategy
    bake: timedelta

    def __post_init__(self) -> None:
        """Refuse at synth what CodeDeploy would refuse at deploy."""
        code_deploy_minutes(self.bake, "bake")
        strategy = self.strategy
        if isinstance(strategy, Canary):
            _whole_percent(strategy.percent, "Canary percent")
            _shift_minutes(as_timedelta(strategy.bake, "Canary bake"), "Canary bake")
        elif isinstance(strategy, Linear):
            _whole_percent(strategy.percent, "Linear percent")
            _shift_minutes(as_timedelta(strategy.every, "Linear every"), "Linear every")
        elif not isinstance(strategy, AllAtOnce):
            raise ConfigurationError(
                f"the strategy is {type(strategy).__name__}, which CodeDeploy cannot do: use AllAtOnce, Canary "
                "or Linear"
            )
        if self.shifting > LONGEST_SHIFT:
            raise ConfigurationError(
                f"the strategy takes {in_words(self.shifting)} from the first shift of traffic to the last, and "
                "CodeDeploy allows 48 h: take larger steps or shorter ones"
            )

    @property
    def family(self) -> str:
        """The family of the task definition that the service makes.

        It decides what runs, and is the target's own: the CDK's default is made of ids in the code, which the stacks of
        two environments share.
        """
        return re.sub(r"[^A-Za-z0-9_-]", "-", self.target)

    @property
    def shifting(self) -> timedelta:
        """From the first shift of production traffic to the last."""
        return sum((step.span for step in self.strategy.steps()), timedelta())

    @property
    def longest(self) -> timedelta:
        """How long approval, steps and bake take together, without hooks and the start of tasks."""
        return self.controller.wait + self.shifting + self.bake

    @property
    def bake_minutes(self) -> int:
        """The bake in minutes."""
        return code_deploy_minutes(self.bake, "bake")

    def predefined(self) -> str | None:
        """The name of CodeDeploy's own configuration that does the same; None when it has none."""
        match self.strategy:
            case Canary(percent=percent, bake=bake):
                return _CANARIES.get((round(percent), _shift_minutes(as_timedelta(bake, "bake"), "Canary bake")))
            case Linear(percent=percent, every=every):
                return _LINEARS.get((round(percent), _shift_minutes(as_timedelta(every, "every"), "Linear every")))
        return ALL_AT_ONCE

    def traffic_routing(self) -> dict[str, object]:
        """`TrafficRoutingConfig` of AWS::CodeDeploy::DeploymentConfig, for what CodeDeploy does not have by itself."""
        match self.strategy:
            case Canary(percent=percent, bake=bake):
                minutes = _shift_minutes(as_timedelta(bake, "bake"), "Canary bake")
                canary = {"CanaryPercentage": round(percent), "CanaryInterval": minutes}
                return {"Type": "TimeBasedCanary", "TimeBasedCanary": canary}
            case Linear(percent=percent, every=every):
                minutes = _shift_minutes(as_timedelta(every, "every"), "Linear every")
                linear = {"LinearPercentage": round(percent), "LinearInterval": minutes}
                return {"Type": "TimeBasedLinear", "TimeBasedLinear": linear}
        return {"Type": "AllAtOnce"}

    def refuse_blind(self, alarms: int) -> None:
        """Refuse a rollback on alarms that cannot come: there are none, or the canary is over before one goes off."""
        self.controller.refuse_no_alarms(self.target, alarms)
        judged = alarms and "alarm" in self.controller.rollback_on
        if judged and isinstance(self.strategy, Canary) and self.shifting < SHORTEST_SIGHT:
            raise ConfigurationError(
                f"Canary bake is {in_words(self.shifting)}: the alarms need two minutes of metrics, and those come a "
                f"minute late: give at least {in_words(SHORTEST_SIGHT)}"
            )

    def refuse_in_stack_update(self, grace: timedelta) -> None:
        """Refuse a plan whose end CloudFormation would not wait for. grace: how long tasks may take to be ready."""
        if not self.controller.on_stack_update or self.longest + grace <= LONGEST_IN_STACK_UPDATE:
            return
        parts = {"approval": self.controller.wait, "steps": self.shifting, "bake": self.bake, "grace": grace}
        listed = ", ".join(f"{name} {in_words(span)}" for name, span in parts.items() if span)
        raise ConfigurationError(
            f"{self.target} is deployed on_stack_update and takes {in_words(self.longest + grace)} ({listed}): "
            f"CloudFormation waits {in_words(STACK_UPDATE)} for a custom resource, of which this may take "
            f"{in_words(LONGEST_IN_STACK_UPDATE)}, the rest is for tasks and hooks: make it shorter, or leave "
            "on_stack_update out and deploy by a pipeline or `bluegreen start`"
        )


def _whole_percent(percent: float, name: str) -> None:
    if percent != int(percent) or not 1 <= percent <= MOST_PERCENT:
        raise ConfigurationError(
            f"{name} is {percent:g}: CodeDeploy takes whole numbers from 1 to {MOST_PERCENT}, give one of them"
        )


def _shift_minutes(span: timedelta, name: str) -> int:
    minutes = code_deploy_minutes(span, name)
    if minutes < 1:
        raise ConfigurationError(f"{name} is 0: give 1 minute or more, or use AllAtOnce")
    return minutes
