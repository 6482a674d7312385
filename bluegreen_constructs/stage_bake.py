"""StageBake: how long a pipeline watches alarms, of all regions, after a stage before it goes on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from .account_arns import foreign_place
from .acknowledgements import acknowledge
from .engine.aws.alarms_of_regions import READ_ACTIONS
from .engine.aws.pipeline_jobs import IAM_ACTIONS as ANSWER_ACTIONS
from .engine.errors import ConfigurationError
from .engine.spans import Span, as_timedelta
from .engine.stage_bake import SETTINGS, BakedAlarm, BakeSettings
from .engine_function import EngineFunction
from .pipeline_action import PipelineAction
from .pipeline_parts import PipelinePlace

# As long as Lambda allows: a region that does not answer takes its time, and the others are still to be asked.
_TIMEOUT_S = 900
# Lambda's environment takes 4 KB, its names included.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_SETTINGS = 3500
_LONGEST_NAME = 255
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_ROLE = re.compile(r"arn:[^:\s]+:iam::\d{12}:role/\S+")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}")
_ACTION_NAME = re.compile(r"[A-Za-z0-9.@_-]{1,100}")
_ANY = "AwsSolutions-IAM5[Resource::*]"


@dataclass(frozen=True)
class AlarmOf:
    """An alarm by its name, wherever it is.

    name: the alarm's. region: where it is (default: the pipeline's). role_arn: a role of another account that may read
    it and trusts the bake's function, such as `DeploymentRoles` makes (default: it is in the pipeline's account).

    Raises ConfigurationError for what is no region, or no role's ARN.
    """

    name: str
    region: str | None = None
    role_arn: str | None = None

    def __post_init__(self) -> None:
        """Refuse what CloudWatch would not find; a token is known only at deployment."""
        if not self.name or (not cdk.Token.is_unresolved(self.name) and len(self.name) > _LONGEST_NAME):
            raise ConfigurationError(f"AlarmOf name is {self.name!r}: give the alarm's name, 1 to 255 characters")
        if self.region is not None and not _fits(_REGION, self.region):
            raise ConfigurationError(f"AlarmOf region is {self.region!r}: give its name, such as 'eu-west-1'")
        if self.role_arn is not None and not _fits(_ROLE, self.role_arn):
            raise ConfigurationError(
                f"AlarmOf role_arn is {self.role_arn!r}: give a role's ARN, such as "
                "'arn:aws:iam::210987654321:role/bluegreen-alarms'"
            )


@dataclass(frozen=True)
class StageBake:
    """Watches alarms for a while after a stage's deploys; the stage fails as soon as one of them begins to ring.

    A bake passes only at a look after its span at which every alarm is OK, and none rang meanwhile, not even between
    two looks. An alarm that does not exist, has insufficient data or cannot be read is no evidence: it is waited for
    until the span is over, and ten minutes longer, and then fails the stage. What an alarm says while no data come
    is the alarm's own choice (`treat_missing_data`): one that calls that OK bakes under no data at all.

    Nor is an OK evidence that an alarm owes to data from before the bake: it counts once the bake has lasted as long as
    the alarm's periods together (an hour, for one of an hour or twelve of five minutes), and the bake waits beyond its
    span for it. An alarm that needs more than 23 hours fails the stage at once. A composite alarm has no period and is
    taken at its word: bake under the alarms beneath it as well.

    An alarm that is in alarm since before the bake began is waited for too, until the span and its own periods are
    over, and ten minutes longer: the one that brought a stage back rings on for a while when that stage bakes again.
    Once it has been OK, it fails the stage at once when it rings anew.

    span: how long (1 minute to 23 hours, for CodePipeline ends the action after 24).
    alarms: of this account and region, or `AlarmOf` others. The CloudWatch rule of CodePipeline's own stage conditions
        would succeed at once while an alarm is OK, which is no bake.
        https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-CloudWatchAlarm.html
    role_name: the name of the function's role, for roles of other accounts that trust it (default: CloudFormation's).
    name: the action's name.

    Raises ConfigurationError for a span that is too short or too long, and for a bake without an alarm.
    """

    span: Span
    alarms: Sequence[AlarmOf | cloudwatch.IAlarm]
    role_name: str | None = None
    name: str = "Bake"

    def __post_init__(self) -> None:
        """Refuse what is known to be wrong."""
        if isinstance(self.alarms, str) or not self.alarms:
            raise ConfigurationError(f"StageBake alarms is {self.alarms!r}: give a list of alarms, nothing fails else")
        for alarm in self.alarms:
            if not isinstance(alarm, AlarmOf) and not hasattr(alarm, "alarm_name"):
                raise ConfigurationError(f"StageBake alarms has {alarm!r}: give an alarm, or AlarmOf(name, region=…)")
        if self.role_name is not None and not _ROLE_NAME.fullmatch(self.role_name):
            raise ConfigurationError(f"StageBake role_name is {self.role_name!r}: give a name that IAM takes")
        if not _ACTION_NAME.fullmatch(self.name):
            raise ConfigurationError(f"StageBake name is {self.name!r}: give letters, digits and . @ - _")
        BakeSettings(self.longest, (BakedAlarm("any"),))  # refuses the span

    @property
    def longest(self) -> timedelta:
        """The span, as it was given."""
        return as_timedelta(self.span, "StageBake span")

    def action(self, place: PipelinePlace, order: int) -> codepipeline.IAction:
        """The action, and the function that CodePipeline asks; `order` is its run order.

        Raises ConfigurationError for an alarm of another account or region that is not given as AlarmOf, and for more
        alarms than a function's environment holds.
        """
        alarms = tuple(dict.fromkeys(_baked(place, alarm) for alarm in self.alarms))
        settings = cdk.Stack.of(place.scope).to_json_string(BakeSettings(self.longest, alarms).to_dict())
        _refuse_many(place, alarms)
        function = EngineFunction(
            place.scope,
            "Function",
            handler="engine.handlers.stage_bake.handler",
            description=f"Watches the alarms of {place.scope.node.path} while the pipeline waits",
            timeout_seconds=_TIMEOUT_S,
            environment={SETTINGS: settings},
        )
        if self.role_name is not None:
            function.role.role_name = self.role_name
        _allow(function, alarms)
        return PipelineAction(
            self.name,
            category=codepipeline.ActionCategory.INVOKE,
            provider="Lambda",
            configuration={"FunctionName": function.resource.ref},
            role=_invoking_role(place, function),
            order=order,
        )


def _baked(place: PipelinePlace, alarm: AlarmOf | cloudwatch.IAlarm) -> BakedAlarm:
    if isinstance(alarm, AlarmOf):
        return BakedAlarm(alarm.name, alarm.region or "", alarm.role_arn or "")
    there = foreign_place(place.scope, alarm.alarm_arn, alarm.env)
    if there is not None:
        raise ConfigurationError(
            f"{alarm.node.path} is in {there}, and the pipeline of {place.scope.node.path} is not: give "
            "AlarmOf(name, region=…), with role_arn= in another account"
        )
    return BakedAlarm(alarm.alarm_name)


def _refuse_many(place: PipelinePlace, alarms: Sequence[BakedAlarm]) -> None:
    size = sum(len(text) + 3 for alarm in alarms for text in (alarm.name, alarm.region, alarm.role_arn))
    if size > _LONGEST_SETTINGS:
        raise ConfigurationError(
            f"{place.scope.node.path} bakes under {len(alarms)} alarms, whose names have {size} characters and a "
            f"function's environment takes {_LONGEST_SETTINGS}: give a composite alarm over them"
        )


def _allow(function: EngineFunction, alarms: Sequence[BakedAlarm]) -> None:
    # Whoever knows a job's id may answer for it: CodePipeline's jobs have no ARNs.
    function.allow("TellCodePipeline", ANSWER_ACTIONS, ["*"])
    reason = (
        "CodePipeline's jobs have no ARNs, and only a job's own id answers it; custom actions were considered, and "
    )
    reason += "need the same"
    if any(not alarm.role_arn for alarm in alarms):
        function.allow("ReadAlarms", READ_ACTIONS, ["*"])
        reason += (
            "; CloudWatch tells of composite alarms only to those who may read all of them, naming the alarms was "
            "considered, and would leave composite ones out"
        )
    roles = list(dict.fromkeys(alarm.role_arn for alarm in alarms if alarm.role_arn))
    if roles:
        function.allow("ReadAlarmsElsewhere", ["sts:AssumeRole"], roles)
    acknowledge(function.role, _ANY, reason)


def _invoking_role(place: PipelinePlace, function: EngineFunction) -> iam.Role:
    """AWS's page asks for both actions, or the pipeline fails; ListFunctions knows no resource-level permissions.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html
    """
    role = place.roles.make(place.scope, "Role", f"Invokes the function of {place.scope.node.path}")
    role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.arn]))
    role.add_to_policy(iam.PolicyStatement(actions=["lambda:ListFunctions"], resources=["*"]))
    acknowledge(
        role,
        _ANY,
        "ListFunctions knows no resource-level permissions; leaving it out was considered, and AWS's page says that "
        "pipelines with a Lambda action fail without it",
    )
    return role


def _fits(pattern: re.Pattern[str], given: str) -> bool:
    return cdk.Token.is_unresolved(given) or bool(pattern.fullmatch(given))
