"""DeliveryStage: one stage of a pipeline: what it deploys, who approves, when it may begin, what it bakes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_sns as sns

if TYPE_CHECKING:
    from .stage_bake import StageBake

from .deploy_place import Deploy, DeployPlace
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words
from .pipeline_limits import Limit

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_CRON = re.compile(r"\S+( \S+){5,6}")
_SHORTEST_APPROVAL = timedelta(minutes=5)


@dataclass(frozen=True)
class StageApproval:
    """A person's answer before a stage, who is shown what would change.

    by: who is asked, in words. topic: is told that somebody waits (default: nobody is). timeout: how long the answer
        is waited for (default 7 days, 5 minutes to 60 days); then the execution fails, and nothing has been deployed.

    Raises ConfigurationError for a time that CodePipeline does not wait.
    """

    by: str = "an operator"
    topic: sns.ITopic | None = None
    timeout: Span = timedelta(days=7)

    def __post_init__(self) -> None:
        """Refuse a time that is none of CodePipeline's."""
        span = as_timedelta(self.timeout, "StageApproval timeout")
        if span < _SHORTEST_APPROVAL:
            raise ConfigurationError(
                f"StageApproval timeout is {in_words(span)}: give at least {in_words(_SHORTEST_APPROVAL)}"
            )
        Limit.APPROVAL.refuse_longer("StageApproval", {"its timeout": span}, "give less")

    @property
    def span(self) -> timedelta:
        """The time-out as a timedelta."""
        return as_timedelta(self.timeout, "StageApproval timeout")


@dataclass(frozen=True)
class DeployWindow:
    """When a stage may begin; outside of it the execution stops before the stage, and a person retries or overrides.

    cron: six fields and an optional year, of which the first is the second: `* * 9-16 ? * MON-THU` is Monday to
        Thursday from nine to five. Friday afternoon is not in it. time_zone: such as "Europe/Berlin" (default: UTC).

    Raises ConfigurationError for an expression that has not as many fields.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
    """

    cron: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse a cron expression of another dialect."""
        if not _CRON.fullmatch(self.cron):
            raise ConfigurationError(
                f"DeployWindow cron is {self.cron!r}: give six fields, from the second to the day of the week, such as "
                "'* * 9-16 ? * MON-THU'"
            )


@dataclass(frozen=True, init=False)
class Together:
    """Deploys that begin at the same time, such as the regions of a wave."""

    deploys: tuple[Deploy, ...]

    def __init__(self, *deploys: Deploy) -> None:
        """Take them. Raises ConfigurationError for fewer than two."""
        if len(deploys) < 2:
            raise ConfigurationError(f"Together has {len(deploys)} deploys: give two or more, or leave Together out")
        object.__setattr__(self, "deploys", deploys)


@dataclass(frozen=True)
class DeliveryStage:
    """One stage, such as staging, production, or a wave of regions.

    name: of the stage. deploys: what is deployed, one after the other, or `Together(...)`.
    approval: asked before, in a stage of its own, so that nobody is asked when the stage is rolled back.
    window: when it may begin (default: always). bake: how long alarms are watched afterwards, before the next stage
        begins (default: no time).
    rolls_back: whether a stage that fails deploys the former execution's release again (default: it does). The engine,
        Amazon ECS and CodeDeploy bring their traffic back by themselves before; this is for what has been deployed
        in the stage besides, and for a red bake. CodePipeline does it only to an execution that ran in the pipeline's
        present structure, so that the first one after a change of the pipeline is not rolled back.

    Raises ConfigurationError for a stage that deploys nothing.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
    """

    name: str
    deploys: Sequence[Deploy | Together]
    approval: StageApproval | None = None
    window: DeployWindow | None = None
    bake: "StageBake | None" = None
    rolls_back: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no stage."""
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"DeliveryStage name is {self.name!r}: give letters, digits, - and _, at most 80, such as 'Prod'"
            )
        if not self.deploys:
            raise ConfigurationError(f"DeliveryStage {self.name} deploys nothing: give it deploys, or leave it out")

    def each(self) -> Iterator[Deploy]:
        """Every deploy, in order."""
        for one in self.deploys:
            yield from one.deploys if isinstance(one, Together) else (one,)

    def actions(self, place: DeployPlace) -> Sequence[codepipeline.IAction]:
        """The deploys' actions; what follows a deploy has a higher run order."""
        made: list[codepipeline.IAction] = []
        order = 1
        for one in self.deploys:
            beside = one.deploys if isinstance(one, Together) else (one,)
            begun = [action for deploy in beside for action in deploy.make(place, order)]
            made += begun
            order = 1 + max((_order(action) for action in begun), default=order)
        names = [action.action_properties.action_name for action in made]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(
                f"DeliveryStage {self.name} has {', '.join(twice)} twice: deploy each thing once in a stage"
            )
        return made

    def window_conditions(self) -> codepipeline.Conditions | None:
        """What CodePipeline asks before the stage begins."""
        if self.window is None:
            return None
        rule = codepipeline.Rule(
            name="Window",
            provider="DeploymentWindow",
            version="1",
            configuration={"Cron": self.window.cron, "TimeZone": self.window.time_zone},
        )
        return codepipeline.Conditions(
            conditions=[codepipeline.Condition(result=codepipeline.Result.FAIL, rules=[rule])]
        )

    def deployed_stacks(self) -> Sequence[cdk.Stack]:
        """The stacks that the stage deploys."""
        return tuple(stack for deploy in self.each() for stack in deploy.stacks())


def last_order(actions: Sequence[codepipeline.IAction]) -> int:
    """The highest run order among actions."""
    return max(_order(action) for action in actions)


def _order(action: codepipeline.IAction) -> int:
    return int(action.action_properties.run_order or 1)
