"""Notifications: who is told of what becomes of a pipeline's executions: a topic, and channels of Slack and Teams."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import aws_cdk as cdk
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codestarnotifications as codestar
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from .account_arns import foreign_place
from .engine.errors import ConfigurationError

Detail: TypeAlias = Literal["FULL", "BASIC"]

TOLD = (
    "codepipeline-pipeline-pipeline-execution-failed",
    "codepipeline-pipeline-pipeline-execution-succeeded",
    "codepipeline-pipeline-pipeline-execution-canceled",
    "codepipeline-pipeline-pipeline-execution-superseded",
    "codepipeline-pipeline-manual-approval-needed",
    "codepipeline-pipeline-manual-approval-succeeded",
    "codepipeline-pipeline-manual-approval-failed",
    "codepipeline-pipeline-stage-execution-failed",
)
"""What is told. A stage that is rolled back has failed, which is told, and the rollback is an execution of its own.

https://docs.aws.amazon.com/dtconsole/latest/userguide/concepts.html#events-ref-pipeline
"""

_SERVICE = "codestar-notifications.amazonaws.com"
_MOST_TARGETS = 10
_CHAT_ID = re.compile(r"[0-9A-Z]{1,255}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TEAMS_CHANNEL = re.compile(r"[\w=+/.,-]*%3[aA][\w=+/.,-]*%40[\w=+/.,-]*")
# What a channel's members may look up; the guardrail bounds whatever anybody gives its role later.
# https://docs.aws.amazon.com/chatbot/latest/adminguide/chatbot-iam-policies.html
_LOOKS = (
    "codepipeline:GetPipelineExecution",
    "codepipeline:GetPipelineState",
    "codepipeline:ListActionExecutions",
    "codepipeline:ListPipelineExecutions",
)
_GUARDRAIL = "policy/AWSCodePipeline_ReadOnlyAccess"


@dataclass(frozen=True)
class SlackChannel:
    """A channel of Slack, whose workspace was let in once in the console of Amazon Q Developer in chat applications.

    workspace, channel: their ids, as Slack shows them (`T0123ABCD`, `C0123ABCD`).
    """

    workspace: str
    channel: str

    def __post_init__(self) -> None:
        """Refuse names where ids belong."""
        for what, given, example in (
            ("workspace", self.workspace, "T0123ABCD"),
            ("channel", self.channel, "C0123ABCD"),
        ):
            if not _CHAT_ID.fullmatch(given):
                raise ConfigurationError(f"SlackChannel {what} is {given!r}: give its id, such as {example}")


@dataclass(frozen=True)
class TeamsChannel:
    """A channel of Microsoft Teams, whose tenant was let in once in the console of Amazon Q Developer.

    team, tenant: their ids. channel: its id as the channel's link has it, with `%3A` and `%40`.
    """

    team: str
    tenant: str
    channel: str

    def __post_init__(self) -> None:
        """Refuse names where ids belong."""
        for what, given in (("team", self.team), ("tenant", self.tenant)):
            if not _UUID.fullmatch(given):
                raise ConfigurationError(
                    f"TeamsChannel {what} is {given!r}: give its id, eight hexadecimal digits and on"
                )
        if not _TEAMS_CHANNEL.fullmatch(self.channel):
            raise ConfigurationError(
                f"TeamsChannel channel is {self.channel!r}: give the part of the channel's link between /channel/ and "
                "the next slash, such as 19%3Aabc%40thread.tacv2"
            )


@dataclass(frozen=True)
class Notifications:
    """Tells of executions that failed, succeeded, were stopped or superseded, of failed stages and of approvals.

    topic: who is told, by their subscriptions (default: a topic of its own, encrypted with a key of its own, which
        `add` answers; subscribe to it). A topic that was imported needs a policy that lets the service
        codestar-notifications.amazonaws.com publish, and so does its key.
    slack, teams: channels that are told besides. In a channel nobody can do more than look the pipeline up.
    detail: whether a message says all there is ("FULL"), or the event alone ("BASIC").

    The first notification rule of an account needs a service-linked role. Where no rule was made in the console yet:
    `aws iam create-service-linked-role --aws-service-name codestar-notifications.amazonaws.com`.

    Raises ConfigurationError for more channels than one rule has targets.
    """

    topic: sns.ITopic | None = None
    slack: Sequence[SlackChannel] = ()
    teams: Sequence[TeamsChannel] = ()
    detail: Detail = "FULL"

    def __post_init__(self) -> None:
        """Refuse what the service would."""
        if self.detail not in get_args(Detail):
            raise ConfigurationError(
                f"Notifications detail is {self.detail!r}: give one of {', '.join(get_args(Detail))}"
            )
        for what, kind, given in (("slack", SlackChannel, self.slack), ("teams", TeamsChannel, self.teams)):
            if isinstance(given, str) or not all(isinstance(one, kind) for one in given):
                raise ConfigurationError(f"Notifications {what} is {given!r}: give a list of {kind.__name__}(…)")
            if len(set(given)) < len(given):
                raise ConfigurationError(f"Notifications {what} names a channel twice: give each once")
        if 1 + len(self.slack) + len(self.teams) > _MOST_TARGETS:
            raise ConfigurationError(
                f"Notifications tells {len(self.slack) + len(self.teams)} channels and a topic: one rule has at most "
                f"{_MOST_TARGETS} targets, subscribe further ones to the topic"
            )

    def add(self, scope: Construct, pipeline: codepipeline.IPipeline) -> sns.ITopic:
        """Have the pipeline tell them; the topic that is told.

        Raises ConfigurationError for a topic of another account or region.
        """
        home = Construct(scope, "Notifications")
        topic = self._topic(home)
        targets = [codestar.CfnNotificationRule.TargetProperty(target_type="SNS", target_address=topic.topic_arn)]
        if self.slack or self.teams:
            role = _chat_role(home, pipeline)
            targets += [_slack(home, number, one, role) for number, one in enumerate(self.slack, 1)]
            targets += [_teams(home, number, one, role) for number, one in enumerate(self.teams, 1)]
        rule = codestar.CfnNotificationRule(
            home,
            "Resource",
            name=cdk.Names.unique_resource_name(home, max_length=64, separator="-"),
            resource=pipeline.pipeline_arn,
            event_type_ids=list(TOLD),
            detail_type=self.detail,
            targets=targets,
        )
        # Before its policy is there, the topic is a target that nobody reaches.
        for policy in topic.node.find_all():
            if isinstance(policy, sns.CfnTopicPolicy):
                rule.add_dependency(policy)
        return topic

    def _topic(self, home: Construct) -> sns.ITopic:
        if self.topic is not None:
            there = foreign_place(home, self.topic.topic_arn, self.topic.env)
            if there is not None:
                raise ConfigurationError(
                    f"{self.topic.node.path} is in {there}, and {home.node.path} is not: give a topic of the account "
                    "and region of the pipeline"
                )
            _let_publish(self.topic, self.topic.master_key)
            return self.topic
        key = kms.Key(home, "Key", description=f"the messages of {home.node.path}", enable_key_rotation=True)
        topic = sns.Topic(home, "Topic", master_key=key, enforce_ssl=True)
        _let_publish(topic, key)
        return topic


def _let_publish(topic: sns.ITopic, key: kms.IKey | None) -> None:
    """The service may publish to the topic, and use its key for that alone.

    https://docs.aws.amazon.com/dtconsole/latest/userguide/set-up-sns.html
    """
    principal = iam.ServicePrincipal(_SERVICE)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="NotificationsOfThePipeline",
            principals=[principal],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
        )
    )
    if key is not None:
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NotificationsOfThePipeline",
                principals=[principal],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"kms:ViaService": f"sns.{cdk.Aws.REGION}.amazonaws.com"}},
            )
        )


def _chat_role(home: Construct, pipeline: codepipeline.IPipeline) -> iam.CfnRole:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(_LOOKS), "Resource": pipeline.pipeline_arn}],
    }
    return iam.CfnRole(
        home,
        "ChatRole",
        description="What the members of a chat's channels may look up",
        assume_role_policy_document={
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "chatbot.amazonaws.com"}}
            ],
        },
        policies=[iam.CfnRole.PolicyProperty(policy_name="Look", policy_document=document)],
    )


def _slack(
    home: Construct, number: int, channel: SlackChannel, role: iam.CfnRole
) -> codestar.CfnNotificationRule.TargetProperty:
    made = chatbot.CfnSlackChannelConfiguration(
        home,
        f"Slack{number}",
        configuration_name=_name(home, f"slack-{number}"),
        iam_role_arn=role.attr_arn,
        slack_workspace_id=channel.workspace,
        slack_channel_id=channel.channel,
        guardrail_policies=[_guardrail()],
        logging_level="ERROR",
    )
    return codestar.CfnNotificationRule.TargetProperty(target_type="AWSChatbotSlack", target_address=made.attr_arn)


def _teams(
    home: Construct, number: int, channel: TeamsChannel, role: iam.CfnRole
) -> codestar.CfnNotificationRule.TargetProperty:
    made = chatbot.CfnMicrosoftTeamsChannelConfiguration(
        home,
        f"Teams{number}",
        configuration_name=_name(home, f"teams-{number}"),
        iam_role_arn=role.attr_arn,
        team_id=channel.team,
        teams_tenant_id=channel.tenant,
        teams_channel_id=channel.channel,
        guardrail_policies=[_guardrail()],
        logging_level="ERROR",
    )
    return codestar.CfnNotificationRule.TargetProperty(
        target_type="AWSChatbotMicrosoftTeams", target_address=made.attr_arn
    )


def _name(home: Construct, kind: str) -> str:
    """Chat configurations share one list of names in an account, whatever region they are made in."""
    base = cdk.Names.unique_resource_name(home, max_length=110, separator="-")
    return f"{base}-{kind}"


def _guardrail() -> str:
    return f"arn:{cdk.Aws.PARTITION}:iam::aws:{_GUARDRAIL}"
