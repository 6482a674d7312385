"""Operators' verbs on AWS: where targets are found, what is composed, and what is said when AWS does not play along."""

import json
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.stub import ANY, Stubber

from bluegreen_constructs.cli.aws_sentences import in_words
from bluegreen_constructs.cli.aws_world import AwsWorld
from bluegreen_constructs.cli.commands import run
from bluegreen_constructs.cli.operator_world import ExecutionFailure
from bluegreen_constructs.engine.aws import clients
from bluegreen_constructs.engine.settings_codec import settings_to_dict
from tests.cli.operated_world import TARGET, settings_of

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Serving-Rollouts"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:Serving-Rollouts:1-4-2"
PATH = {"Path": "/bluegreen/targets/", "Recursive": True}


def parameter(target: str) -> dict[str, str]:
    value = {"settings": settings_to_dict(settings_of(target)), "table": "Serving-Table", "state_machine": MACHINE}
    return {"Name": f"/bluegreen/targets/{target}", "Value": json.dumps(value)}


class Account:
    """Stubbed clients of services, which the command line gets in the place of real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._stubbers: list[Stubber] = []

    def service(self, maker: str, name: str) -> Stubber:
        client = boto3.client(name)
        stubber = Stubber(client)
        stubber.activate()
        self._stubbers.append(stubber)
        self._patch.setattr(clients, maker, lambda: client)
        return stubber

    def was_asked_everything(self) -> None:
        for stubber in self._stubbers:
            stubber.assert_no_pending_responses()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = Account(monkeypatch)
    yield account
    account.was_asked_everything()


def sentence(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    """The one sentence of a command that says nothing else."""
    assert run(list(arguments)) == code
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line.removeprefix("bluegreen: ")


# Where targets are


def test_targets_are_read_page_by_page_and_each_once(account: Account) -> None:
    ssm = account.service("ssm", "ssm")
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter("B/b")], "NextToken": "more"}, PATH)
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter("A/a")]}, {**PATH, "NextToken": "more"})
    world = AwsWorld()
    assert world.targets() == ["A/a", "B/b"]
    assert world.engine("A/a").settings == settings_of("A/a")


def test_status_asks_for_the_targets_and_for_one_item_of_each(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.service("ssm", "ssm").add_response("get_parameters_by_path", {"Parameters": [parameter(TARGET)]}, PATH)
    table = account.service("dynamodb", "dynamodb")
    table.add_response("get_item", {}, {"TableName": "Serving-Table", "Key": ANY, "ConsistentRead": True})
    account.service("step_functions", "stepfunctions")
    assert run(["status"]) == 0
    assert "no rollout yet" in capsys.readouterr().out


def test_a_named_target_is_one_call(account: Account) -> None:
    ssm = account.service("ssm", "ssm")
    ssm.add_response("get_parameter", {"Parameter": parameter(TARGET)}, {"Name": f"/bluegreen/targets/{TARGET}"})
    machine = account.service("step_functions", "stepfunctions")
    expected = {"stateMachineArn": MACHINE, "name": "1-4-2", "input": ANY}
    machine.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, expected)
    assert AwsWorld().engine(TARGET).executions.start("1-4-2", {}) == EXECUTION


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([TARGET], ": give one of Serving/Model"),
        ([], ", nor any other: choose another AWS_PROFILE or AWS_REGION"),
    ],
)
def test_an_unknown_target_is_refused(
    account: Account, capsys: pytest.CaptureFixture[str], there: list[str], said: str
) -> None:
    ssm = account.service("ssm", "ssm")
    ssm.add_client_error("get_parameter", "ParameterNotFound")
    ssm.add_response("get_parameters_by_path", {"Parameters": [parameter(name) for name in there]}, PATH)
    assert (
        sentence(capsys, "history", "Model", code=2) == f"there is no target 'Model' in this account and region{said}"
    )


def test_a_name_that_no_parameter_can_have_is_not_asked_for(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.service("ssm", "ssm").add_response("get_parameters_by_path", {"Parameters": [parameter(TARGET)]}, PATH)
    assert sentence(capsys, "status", "Serving Model", code=2).startswith("there is no target 'Serving Model'")


@pytest.mark.parametrize(
    "value", ["", "{", "[]", '{"settings": {}}', '{"settings": {}, "table": "t", "state_machine": "s"}']
)
def test_a_parameter_that_no_construct_wrote_is_one_sentence(
    account: Account, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    foreign = {"Name": f"/bluegreen/targets/{TARGET}", "Value": value}
    account.service("ssm", "ssm").add_response("get_parameter", {"Parameter": foreign})
    assert f"the parameter /bluegreen/targets/{TARGET}" in sentence(capsys, "status", TARGET)


def test_task_definitions_are_read_from_ecs_without_what_a_description_adds(account: Account) -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web-a:7"
    described = {
        "taskDefinition": {"taskDefinitionArn": arn, "family": "web-a", "revision": 7, "status": "ACTIVE"},
        "tags": [{"key": "bluegreen:slot", "value": "production"}],
    }
    ecs = account.service("slot_services", "ecs")
    ecs.add_response("describe_task_definition", described, {"taskDefinition": arn, "include": ["TAGS"]})
    account.service("slot_scaling", "application-autoscaling")
    seen = AwsWorld().definitions().definition(arn)
    assert (seen.arn, seen.content, seen.tags) == (arn, {"family": "web-a"}, {"bluegreen:slot": "production"})


# Executions


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])
def test_an_execution_that_did_not_fail_has_no_failure(account: Account, status: str) -> None:
    described = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": 0}
    account.service("step_functions", "stepfunctions").add_response("describe_execution", described)
    assert AwsWorld().failure(EXECUTION) is None


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_how_an_execution_failed_is_read(account: Account, status: str) -> None:
    described = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": 0}
    described |= {"error": "HeldError", "cause": "somebody else"}
    account.service("step_functions", "stepfunctions").add_response("describe_execution", described)
    assert AwsWorld().failure(EXECUTION) == ExecutionFailure("HeldError", "somebody else")


# What is said when AWS does not play along


EXPIRED = "the AWS credentials have expired: sign in again (such as with aws sso login), and repeat the command"
UNREACHABLE = "AWS cannot be reached: check the network, the proxy and AWS_REGION"
NOBODY = "there are no AWS credentials: set AWS_PROFILE, or sign in (such as with aws sso login)"
REFUSED = "an error occurred (AccessDeniedException) when calling the GetParametersByPath operation:"
STRANGER = "AWS does not know these credentials: choose another AWS_PROFILE, or sign in again"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), NOBODY),
        (NoRegionError(), "no AWS region is chosen: set AWS_REGION, or a profile that has one"),
        (EndpointConnectionError(endpoint_url="https://ssm.eu-west-1.amazonaws.com/"), UNREACHABLE),
        (ConnectTimeoutError(endpoint_url="https://ssm.eu-west-1.amazonaws.com/"), UNREACHABLE),
        (SSOTokenLoadError(error_msg="Token for work does not exist"), EXPIRED),
        (TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"), EXPIRED),
        (ProfileNotFound(profile="work"), "the config profile (work) could not be found"),
    ],
)
def test_what_boto3_cannot_do_is_one_sentence(error: Exception, said: str) -> None:
    assert in_words(str(error)) == said


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired", EXPIRED),
        ("RequestExpired", "Request has expired.", EXPIRED),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", STRANGER),
        (
            "AccessDeniedException",
            "User: sam is not authorized to perform: ssm:GetParametersByPath",
            f"{REFUSED} User: sam is not authorized to perform: ssm:GetParametersByPath",
        ),
    ],
)
def test_what_aws_refuses_is_one_sentence_and_exit_code_1(
    account: Account, capsys: pytest.CaptureFixture[str], code: str, message: str, said: str
) -> None:
    account.service("ssm", "ssm").add_client_error("get_parameters_by_path", code, message)
    assert sentence(capsys, "status") == said


def test_a_missing_region_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert sentence(capsys, "explain", TARGET).startswith("no AWS region is chosen")


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-north-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
    ],
)
def test_the_region_is_that_of_aws_region(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    AwsWorld()
    assert boto3.client("ssm").meta.region_name == region


def test_an_abort_by_the_rule_goes_to_the_rules_region(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def unreachable() -> object:
        asked.append(boto3.client("elbv2").meta.region_name)
        raise EndpointConnectionError(endpoint_url="https://elasticloadbalancing")

    monkeypatch.setattr(clients, "elbv2", unreachable)
    rule = "arn:aws:elasticloadbalancing:eu-south-2:111122223333:listener-rule/app/model/50/60/70"
    assert sentence(capsys, "abort", "--rule", rule).startswith("AWS cannot be reached")
    assert asked == ["eu-south-2"]


def test_missing_credentials_are_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert sentence(capsys, "status") == NOBODY


def test_an_abort_by_its_rule_asks_nobody_but_the_load_balancer(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = settings_of().rule_arn
    balancer = account.service("elbv2", "elbv2")
    described = {"TagDescriptions": [{"ResourceArn": rule, "Tags": [{"Key": "team", "Value": "ai"}]}]}
    balancer.add_response("describe_tags", described, {"ResourceArns": [rule]})
    account.service("elbv2_writes", "elbv2")
    caller = Stubber(boto3.client("sts"))
    caller.activate()
    caller.add_client_error("get_caller_identity", "InternalFailure")
    account._patch.setattr(boto3, "client", lambda service, config: caller.client)
    assert run(["abort", "--rule", rule]) == 0
    assert capsys.readouterr().out.startswith("nothing is in flight")


def test_an_abort_whose_settings_cannot_be_read_names_the_way_that_is_left(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    account.service("ssm", "ssm").add_client_error("get_parameter", "ServiceUnavailable", "Could not connect")
    assert sentence(capsys, "abort", TARGET) == (
        f"the targets' settings cannot be read ({UNREACHABLE}): if only Parameter Store is down, abort with --rule "
        "ARN, or with --service CLUSTER/SERVICE what Amazon ECS rolls out, or with --deployment ID what AWS CodeDeploy "
        "deploys"
    )
