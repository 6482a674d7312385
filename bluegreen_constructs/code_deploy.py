"""CodeDeploy: releases rolled out by AWS CodeDeploy instead of by Amazon ECS or the engine."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta, in_words

RollbackEvent: TypeAlias = Literal["failure", "alarm", "request"]
FleetConfiguration: TypeAlias = Literal["OneAtATime", "HalfAtATime", "AllAtOnce"]

# 48 hours each, from the revision to the traffic and from the traffic to the end of the former side. For Amazon ECS the
# first of them is given as 120 hours, for all that happens before the traffic; the wait itself is not told apart.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
LONGEST_WAIT = timedelta(minutes=2880)
MOST_ALARMS = 10
_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,100}")
_EVENTS: Mapping[RollbackEvent, str] = {
    "failure": "DEPLOYMENT_FAILURE",
    "alarm": "DEPLOYMENT_STOP_ON_ALARM",
    "request": "DEPLOYMENT_STOP_ON_REQUEST",
}


@dataclass(frozen=True)
class MinimumHealthy:
    """With how few good instances a deployment to EC2 still counts as a success: a count, or percent of a side.

    It is about the instances that are deployed to, not about those that serve. The release is installed on so many of
    them at a time that this number stays whole, and as soon as it has succeeded on this number, the deployment goes on
    whatever became of the others: the traffic of the whole side moves to the instances that are good, which may be no
    more than this number, and the former ones are terminated after the bake. 9 instances and `count=6`: 6 may serve
    alone afterwards. It has to be less than the number of instances, a percent of them rounded up.
    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_MinimumHealthyHosts.html
    https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html

    count: 1 or more. percent: 1 to 99. A deployment that one good instance is enough for is `"AllAtOnce"`.

    Raises ConfigurationError unless exactly one of both is given, or for a number that CodeDeploy does not take.
    """

    count: int | None = None
    percent: int | None = None

    def __post_init__(self) -> None:
        """Refuse what CodeDeploy would refuse."""
        if (self.count is None) == (self.percent is None):
            raise ConfigurationError(
                f"MinimumHealthy has {'neither' if self.count is None else 'both'} count and percent: give one of them"
            )
        if self.count is not None and (type(self.count) is not int or self.count < 1):
            raise ConfigurationError(
                f"MinimumHealthy count is {self.count!r}: give a whole number from 1, or configuration='AllAtOnce'"
            )
        if self.percent is not None and (type(self.percent) is not int or not 1 <= self.percent <= 99):
            raise ConfigurationError(
                f"MinimumHealthy percent is {self.percent!r}: give a whole number from 1 to 99, or "
                "configuration='AllAtOnce'"
            )


@dataclass(frozen=True)
class CodeDeploy:
    """AWS CodeDeploy rolls releases out; for who must, such as by a company's rule or a pipeline that is there already.

    Amazon ECS's own deployments and the engine do more: comparisons, releases that are remembered, a verdict with its
    evidence. Under CodeDeploy alarms judge alone. It looks for the rules to re-weight on the listeners by itself, which
    AWS documents of a listener's default rule only, so try a first release before users depend on it.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html

    approval: how long a deployment waits for `bluegreen promote` before production traffic moves, at most 48 h. When
        it ends without an answer, CodeDeploy stops the deployment; with `"request"` among `rollback_on` it takes the
        candidate away, too (default: it does not wait).
    rollback_on: what takes a deployment back: a `"failure"` (a hook, tasks that do not start), an `"alarm"`, a
        `"request"` to stop it (default: all three). CodeDeploy takes at most ten alarms, the built-in ones among them.
    configuration: of EC2 only, how many instances at a time, and with how many of them a deployment succeeds and may
        leave the traffic to: `"OneAtATime"` (default; all but the last one), `"HalfAtATime"` (half of them),
        `"AllAtOnce"` (a single one), or `MinimumHealthy`. The built-in alarm takes back what leaves fewer than
        `Scaling(min=…)` healthy, as long as the bake lasts: 5 minutes or more see it. Of Amazon ECS the construct's
        `strategy` says how traffic moves.
    terminate: of EC2 only, whether the former side's instances are terminated after the bake (default True). Without
        that there is no bake: the deployment has ended when the traffic has moved, and the way back is `bluegreen
        rollback`. Amazon ECS always stops the former tasks.
    on_stack_update: of Amazon ECS only, whether a stack update with a new task definition starts a deployment and waits
        for its end, the bake included (default False: a pipeline or `bluegreen start` does). CloudFormation waits at
        most one hour, so a longer plan is refused. The update that turns this on deploys nothing yet.
    application: the CodeDeploy application's name (default: CloudFormation makes one). Choose it with the first deploy:
        another name makes a second deployment group, and an ECS service is in one only.

    Raises ConfigurationError for times and names that CodeDeploy does not take.
    """

    approval: Span | None = None
    rollback_on: Sequence[RollbackEvent] = ("failure", "alarm", "request")
    configuration: MinimumHealthy | FleetConfiguration | None = None
    terminate: bool = True
    on_stack_update: bool = False
    application: str | None = None

    def __post_init__(self) -> None:
        """Refuse at synth what CodeDeploy would refuse at deploy."""
        if self.approval is not None:
            span = as_timedelta(self.approval, "CodeDeploy approval")
            if not span:
                raise ConfigurationError(
                    "CodeDeploy approval is 0: leave it out for none, or give the time after which nobody will answer "
                    "any more"
                )
            object.__setattr__(self, "approval", span)
            code_deploy_minutes(span, "CodeDeploy approval")
        if isinstance(self.rollback_on, str):
            raise ConfigurationError(f"CodeDeploy rollback_on is {self.rollback_on!r}: give a list of events")
        object.__setattr__(self, "rollback_on", tuple(dict.fromkeys(self.rollback_on)))
        for event in self.rollback_on:
            if event not in _EVENTS:
                raise ConfigurationError(
                    f"CodeDeploy rollback_on names {event!r}: give {', '.join(map(repr, _EVENTS))} or some of them"
                )
        known = get_args(FleetConfiguration)
        if not (
            self.configuration is None or isinstance(self.configuration, MinimumHealthy) or self.configuration in known
        ):
            raise ConfigurationError(
                f"CodeDeploy configuration is {self.configuration!r}: give {', '.join(map(repr, known))}, or "
                "MinimumHealthy(count=...) or MinimumHealthy(percent=...)"
            )
        if self.application is not None and not _NAME.fullmatch(self.application):
            raise ConfigurationError(
                f"CodeDeploy application is {self.application!r}: use 1 to 100 letters, digits and + = , . @ _ -"
            )

    @property
    def wait(self) -> timedelta:
        """How long a deployment waits for an answer; zero when it does not wait."""
        return timedelta() if self.approval is None else as_timedelta(self.approval, "CodeDeploy approval")

    def ready_option(self) -> dict[str, object]:
        """`DeploymentReadyOption` of AWS::CodeDeploy::DeploymentGroup.

        CONTINUE_DEPLOYMENT takes no time but zero.
        https://github.com/hashicorp/terraform-provider-aws/issues/9653
        """
        if self.approval is None:
            return {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0}
        minutes = code_deploy_minutes(self.wait, "CodeDeploy approval")
        return {"ActionOnTimeout": "STOP_DEPLOYMENT", "WaitTimeInMinutes": minutes}

    def auto_rollback(self) -> dict[str, object]:
        """`AutoRollbackConfiguration` of AWS::CodeDeploy::DeploymentGroup."""
        events = [_EVENTS[event] for event in self.rollback_on]
        return {"Enabled": bool(events), "Events": events}

    def alarm_configuration(self, target: str, alarm_names: Sequence[str]) -> dict[str, object]:
        """`AlarmConfiguration` of AWS::CodeDeploy::DeploymentGroup: the alarms that stop a deployment.

        Alarms that CodeDeploy cannot read stop it, too: no data is no evidence. One that is given twice counts once, as
        each name may be there once only.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-codedeploy-deploymentgroup-alarmconfiguration.html

        Raises ConfigurationError for more alarms than CodeDeploy takes. The built-in ones are called `<target>/…`.
        """
        names = list(dict.fromkeys(alarm_names)) if "alarm" in self.rollback_on else []
        if len(names) > MOST_ALARMS:
            built_in = [name for name in names if name.startswith(f"{target}/")]
            given = len(names) - len(built_in)
            rest = f" and {given} given" if given else ""
            raise ConfigurationError(
                f"{target} has {len(names)} alarms, {len(built_in)} built in{rest}, and CodeDeploy takes at most "
                f"{MOST_ALARMS}: give at most {MOST_ALARMS - len(built_in)} AlarmGuardrail, or leave 'alarm' out of "
                "CodeDeploy rollback_on"
            )
        return {
            "Enabled": bool(names),
            "IgnorePollAlarmFailure": False,
            "Alarms": [{"Name": name} for name in names],
        }

    def refuse_no_alarms(self, target: str, alarms: int) -> None:
        """Raise ConfigurationError when alarms are to take a deployment of `target` back and there are none."""
        if "alarm" in self.rollback_on and not alarms:
            raise ConfigurationError(
                f"{target} is taken back on an alarm, and has none: leave a threshold of AlarmThresholds in, give "
                "AlarmGuardrail(alarm), or leave 'alarm' out of CodeDeploy rollback_on"
            )


def code_deploy_minutes(span: timedelta, name: str) -> int:
    """`span` in minutes, as CodeDeploy counts its waits.

    Raises ConfigurationError when it is not a whole number of them, or more than 2880 (48 h).
    """
    minutes, rest = divmod(span, timedelta(minutes=1))
    if rest:
        raise ConfigurationError(f"{name} is {span}, but CodeDeploy counts it in whole minutes: give whole minutes")
    if span > LONGEST_WAIT:
        raise ConfigurationError(f"{name} is {in_words(span)}: CodeDeploy allows at most 2880 minutes (48 h)")
    return minutes
