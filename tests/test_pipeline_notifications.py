"""Who is told of a pipeline's executions: the topic, the chat channels, and nobody who could do more than look."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.pipeline_notifications import TOLD, Notifications, SlackChannel, TeamsChannel
from tests.canary_service import ENV, FLAGS, flat, new_stack
from tests.nag_findings import acknowledgements, findings, lint

ARN = f"arn:aws:codepipeline:{ENV.region}:{ENV.account}:delivery"
TEAM = "01234567-89ab-cdef-0123-456789abcdef"
SLACK = SlackChannel("T0123ABCD", "C0123ABCD")
TEAMS = TeamsChannel(TEAM, TEAM, "19%3Aabc%40thread.tacv2")
SERVICE = {"Service": "codestar-notifications.amazonaws.com"}


def told(notifications: Notifications, stack: cdk.Stack | None = None) -> Template:
    stack = stack or new_stack()
    notifications.add(stack, codepipeline.Pipeline.from_pipeline_arn(stack, "Pipeline", ARN))
    return Template.from_stack(stack)


def the(of: Template, kind: str) -> dict:
    (found,) = of.find_resources(kind).values()
    return found["Properties"]


def rule(of: Template) -> dict:
    return the(of, "AWS::CodeStarNotifications::NotificationRule")


def allowing(policy: dict) -> list[dict]:
    return [one for one in policy["Statement"] if one["Effect"] == "Allow"]


def test_failures_successes_and_questions_of_the_pipeline_are_told_by_the_cdks_own_ids() -> None:
    of = rule(told(Notifications()))
    assert (of["Resource"], of["DetailType"], of["EventTypeIds"]) == (ARN, "FULL", list(TOLD))
    spoken = {one.name for one in codepipeline.PipelineNotificationEvents}
    for event in TOLD:
        assert event.removeprefix("codepipeline-pipeline-").replace("-", "_").upper() in spoken
    for needed in ("execution-failed", "execution-superseded", "approval-needed", "stage-execution-failed"):
        assert any(event.endswith(needed) for event in TOLD)
    assert rule(told(Notifications(detail="BASIC")))["DetailType"] == "BASIC"


def test_its_own_topic_is_encrypted_takes_tls_only_and_lets_the_service_alone_publish() -> None:
    stack = new_stack()
    of = told(Notifications(), stack)
    assert the(of, "AWS::KMS::Key")["EnableKeyRotation"] is True
    assert "KmsMasterKeyId" in the(of, "AWS::SNS::Topic")
    (topic,) = of.find_resources("AWS::SNS::Topic")
    assert rule(of)["Targets"] == [{"TargetType": "SNS", "TargetAddress": {"Ref": topic}}]
    policy = the(of, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    (denied,) = [one for one in policy["Statement"] if one["Effect"] == "Deny"]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (allowed,) = allowing(policy)
    assert (allowed["Principal"], allowed["Action"], allowed["Resource"]) == (SERVICE, "sns:Publish", {"Ref": topic})


def test_the_service_uses_the_key_for_the_topic_alone() -> None:
    statements = allowing(the(told(Notifications()), "AWS::KMS::Key")["KeyPolicy"])
    (of_the_service,) = [one for one in statements if one["Principal"] == SERVICE]
    assert of_the_service["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    via = of_the_service["Condition"]["StringEquals"]["kms:ViaService"]
    assert flat(via) in {f"sns.{ENV.region}.amazonaws.com", "sns.<AWS::Region>.amazonaws.com"}


def test_the_rule_waits_for_the_policy_of_its_topic() -> None:
    of = told(Notifications())
    (found,) = of.find_resources("AWS::CodeStarNotifications::NotificationRule").values()
    (policy,) = of.find_resources("AWS::SNS::TopicPolicy")
    assert policy in found["DependsOn"]


def test_a_given_topic_is_told_and_its_key_may_be_used_for_it() -> None:
    stack = new_stack()
    topic = sns.Topic(stack, "Own", master_key=kms.Key(stack, "OwnKey"))
    answered = Notifications(topic=topic).add(stack, codepipeline.Pipeline.from_pipeline_arn(stack, "Pipeline", ARN))
    assert answered is topic
    of = Template.from_stack(stack)
    assert len(of.find_resources("AWS::SNS::Topic")) == len(of.find_resources("AWS::KMS::Key")) == 1
    assert [one["Principal"] for one in allowing(the(of, "AWS::SNS::TopicPolicy")["PolicyDocument"])] == [SERVICE]
    assert SERVICE in [one["Principal"] for one in allowing(the(of, "AWS::KMS::Key")["KeyPolicy"])]


def test_channels_of_both_chats_are_told_besides_the_topic() -> None:
    other = SlackChannel("T0123ABCD", "C9999ZZZZ")
    of = told(Notifications(slack=[SLACK, other], teams=[TEAMS]))
    assert [one["TargetType"] for one in rule(of)["Targets"]] == [
        "SNS",
        "AWSChatbotSlack",
        "AWSChatbotSlack",
        "AWSChatbotMicrosoftTeams",
    ]
    slack = [one["Properties"] for one in of.find_resources("AWS::Chatbot::SlackChannelConfiguration").values()]
    assert {(one["SlackWorkspaceId"], one["SlackChannelId"]) for one in slack} == {
        (SLACK.workspace, SLACK.channel),
        (other.workspace, other.channel),
    }
    teams = the(of, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration")
    assert (teams["TeamId"], teams["TeamsTenantId"], teams["TeamsChannelId"]) == (TEAM, TEAM, TEAMS.channel)
    assert len({one["ConfigurationName"] for one in [*slack, teams]}) == 3


def test_in_a_channel_nobody_does_more_than_look_the_pipeline_up() -> None:
    """Without a guardrail of ours, AWS puts AdministratorAccess there."""
    of = told(Notifications(slack=[SLACK], teams=[TEAMS]))
    for kind in ("Slack", "MicrosoftTeams"):
        (guardrail,) = the(of, f"AWS::Chatbot::{kind}ChannelConfiguration")["GuardrailPolicies"]
        assert flat(guardrail) == "arn:<AWS::Partition>:iam::aws:policy/AWSCodePipeline_ReadOnlyAccess"
    role = the(of, "AWS::IAM::Role")
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == ARN
    assert all(action.split(":")[1].startswith(("Get", "List")) for action in statement["Action"])
    assert "ManagedPolicyArns" not in role


def test_two_pipelines_of_a_stack_are_told_of_by_rules_of_their_own() -> None:
    stack = new_stack()
    for name in ("One", "Two"):
        home = Construct(stack, name)
        pipeline = codepipeline.Pipeline.from_pipeline_arn(home, "Pipeline", ARN)
        Notifications(slack=[SLACK]).add(home, pipeline)
    of = Template.from_stack(stack)
    for kind, name in (
        ("AWS::CodeStarNotifications::NotificationRule", "Name"),
        ("AWS::Chatbot::SlackChannelConfiguration", "ConfigurationName"),
    ):
        names = {one["Properties"][name] for one in of.find_resources(kind).values()}
        assert len(names) == 2
        assert all(len(one) <= 128 for one in names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"detail": "ALL"}, "detail is 'ALL': give one of FULL, BASIC"),
        ({"slack": "C0123ABCD"}, r"give a list of SlackChannel"),
        ({"slack": [TEAMS]}, r"give a list of SlackChannel"),
        ({"teams": [SLACK]}, r"give a list of TeamsChannel"),
        ({"slack": [SLACK, SLACK]}, "slack names a channel twice"),
        ({"slack": [SlackChannel("T0", f"C{number}") for number in range(10)]}, "tells 10 channels and a topic"),
    ],
)
def test_what_the_service_would_refuse_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Notifications(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: SlackChannel("our company", "C0123ABCD"),
            "workspace is 'our company': give its id, such as T0123ABCD",
        ),
        (lambda: SlackChannel("T0123ABCD", "#releases"), "channel is '#releases': give its id, such as C0123ABCD"),
        (lambda: TeamsChannel("Platform", TEAM, TEAMS.channel), "team is 'Platform': give its id"),
        (lambda: TeamsChannel(TEAM, "example.com", TEAMS.channel), "tenant is 'example.com': give its id"),
        (lambda: TeamsChannel(TEAM, TEAM, "19:abc@thread.tacv2"), "give the part of the channel's link"),
    ],
)
def test_names_where_ids_belong_are_refused(make, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()


@pytest.mark.parametrize(
    ("env", "there"),
    [
        (cdk.Environment(account=ENV.account, region="us-east-1"), "region us-east-1"),
        (cdk.Environment(account="210987654321", region=ENV.region), "account 210987654321"),
    ],
)
def test_a_topic_of_another_place_is_refused(env: cdk.Environment, there: str) -> None:
    app = cdk.App(context=FLAGS)
    far = sns.Topic(cdk.Stack(app, "Far", env=env), "Topic")
    with pytest.raises(ConfigurationError, match=f"Far/Topic is in {there}"):
        told(Notifications(topic=far), new_stack(app=app))


@cache
def checked() -> tuple[Path, frozenset[tuple[str, str]], list[tuple[tuple[str, str], str]]]:
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder), context=FLAGS)
    s3.Bucket(new_stack("Planted", app), "Open")
    stack = new_stack("Delivery", app)
    pipeline = codepipeline.Pipeline.from_pipeline_arn(stack, "Pipeline", ARN)
    Notifications(slack=[SLACK], teams=[TEAMS]).add(stack, pipeline)
    found = findings(app)
    return folder, found, acknowledgements(folder / "Delivery.metadata.json")


def test_it_is_clean_under_cdk_nag_without_an_exception() -> None:
    _, found, acknowledged = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert sorted(one for one in found if not one[0].startswith("Planted/")) == []
    assert acknowledged == []


def test_it_is_clean_under_cfn_lint() -> None:
    template = checked()[0] / "Delivery.template.json"
    assert lint([template]) == (0, "")
    assert "AWS::Chatbot::SlackChannelConfiguration" in json.dumps(json.loads(template.read_text(encoding="utf-8")))
