"""Settings by the name of their target, and what a wrong name is answered."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.parameter_settings import IAM_ACTIONS, ParameterSettings
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.ports import RefusedError
from bluegreen_constructs.engine.settings_codec import settings_to_dict
from bluegreen_constructs.engine.target_settings import Compute, SideSettings, TargetSettings

SETTINGS = TargetSettings(
    "Serving/Model",
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/web/1/2/3",
    "app/web/1",
    SideSettings("arn:blue", "targetgroup/blue/1", Compute.FIXED),
    SideSettings("arn:green", "targetgroup/green/2", Compute.FIXED),
)
STORED = {
    "Parameter": {
        "Name": "/bluegreen/targets/Serving/Model",
        "Value": json.dumps({"settings": settings_to_dict(SETTINGS)}),
    }
}
ALL = {"Path": "/bluegreen/targets/", "Recursive": True}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ssm")
    yield stubbed
    stubbed.done()


@pytest.fixture
def source(stubbed: StubbedClient) -> ParameterSettings:
    return ParameterSettings(stubbed.client, (BotoCoreError,))


def listed(*names: str, **more: str) -> dict:
    return {"Parameters": [{"Name": f"/bluegreen/targets/{name}", "Value": "{}"} for name in names], **more}


def test_a_targets_settings_are_one_call(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.answers("get_parameter", STORED, {"Name": "/bluegreen/targets/Serving/Model"})
    assert source.of("Serving/Model") == SETTINGS


def test_all_targets_are_listed_sorted_page_by_page(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.answers("get_parameters_by_path", listed("Serving/Search", NextToken="more"), ALL)
    stubbed.answers("get_parameters_by_path", listed("Serving/Model"), {**ALL, "NextToken": "more"})
    assert source.targets() == ["Serving/Model", "Serving/Search"]


def test_a_name_that_is_none_is_refused_with_those_there_are(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.fails("get_parameter", "ParameterNotFound")
    stubbed.answers("get_parameters_by_path", listed("Serving/Search", "Serving/Model"))
    with pytest.raises(RefusedError, match="no target Serving/Modle: give one of Serving/Model, Serving/Search"):
        source.of("Serving/Modle")


@pytest.mark.parametrize("name", ["", "a b", "*", "/Serving/Model", "Serving/", "x:1", "Serving/Model\n"])
def test_a_name_that_no_parameter_can_have_is_refused_alike(
    stubbed: StubbedClient, source: ParameterSettings, name: str
) -> None:
    stubbed.answers("get_parameters_by_path", listed("Serving/Model"))
    with pytest.raises(RefusedError, match="give one of Serving/Model"):
        source.of(name)


def test_without_any_target_it_says_where_to_look(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.fails("get_parameter", "ParameterNotFound")
    stubbed.answers("get_parameters_by_path", listed())
    with pytest.raises(RefusedError, match="nor any other in this account and region"):
        source.of("Serving/Model")


def test_a_refusal_and_silence_are_aws_errors(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.fails("get_parameter", "ThrottlingException")
    with pytest.raises(AwsError, match="in the words of AWS"):
        source.of("Serving/Model")
    with pytest.raises(AwsError, match="timeout"):
        ParameterSettings(SilentClient("ssm"), (BotoCoreError,)).targets()


def test_every_call_is_declared_and_nothing_else_is(stubbed: StubbedClient, source: ParameterSettings) -> None:
    stubbed.answers("get_parameter", STORED)
    stubbed.answers("get_parameters_by_path", listed())
    source.of("Serving/Model")
    source.targets()
    assert set(stubbed.actions) == set(IAM_ACTIONS)
