"""The parameter that says which side is active: told absolutely, and gone with its stack."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.active_side_parameter import IAM_ACTIONS, WRITE_ACTIONS, ActiveSideParameter
from bluegreen_constructs.engine.errors import AwsError

NAME = "/bluegreen/slots/Serving/Web/active-side"
ASKED = {"Name": NAME, "Value": "b", "Type": "String", "Overwrite": True}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ssm")
    yield stubbed
    stubbed.done()


@pytest.fixture
def active(stubbed: StubbedClient) -> ActiveSideParameter:
    return ActiveSideParameter(stubbed.client, (BotoCoreError,))


def test_a_side_is_told_in_one_call_whether_the_parameter_is_there_or_not(
    stubbed: StubbedClient, active: ActiveSideParameter
) -> None:
    stubbed.answers("put_parameter", {"Version": 2}, ASKED)
    active.tell(NAME, "b")
    assert set(stubbed.actions) == set(WRITE_ACTIONS)


def test_the_same_side_again_is_the_same_call_again(stubbed: StubbedClient, active: ActiveSideParameter) -> None:
    for version in (2, 3):
        stubbed.answers("put_parameter", {"Version": version}, ASKED)
        active.tell(NAME, "b")
    assert len(stubbed.asked) == 2


def test_it_is_forgotten_in_one_call(stubbed: StubbedClient, active: ActiveSideParameter) -> None:
    stubbed.answers("delete_parameter", {}, {"Name": NAME})
    active.forget(NAME)
    assert stubbed.actions == ["ssm:DeleteParameter"]


def test_one_that_is_gone_is_forgotten_already(stubbed: StubbedClient, active: ActiveSideParameter) -> None:
    stubbed.fails("delete_parameter", "ParameterNotFound")
    active.forget(NAME)
    assert stubbed.actions == ["ssm:DeleteParameter"]


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalServerError"])
def test_whatever_else_is_refused_is_an_aws_error(
    stubbed: StubbedClient, active: ActiveSideParameter, code: str
) -> None:
    stubbed.fails("put_parameter", code)
    with pytest.raises(AwsError, match="in the words of AWS"):
        active.tell(NAME, "b")
    stubbed.fails("delete_parameter", code)
    with pytest.raises(AwsError, match="in the words of AWS"):
        active.forget(NAME)


def test_silence_is_an_aws_error() -> None:
    silent = ActiveSideParameter(SilentClient("ssm"), (BotoCoreError,))
    for call in (lambda: silent.tell(NAME, "b"), lambda: silent.forget(NAME)):
        with pytest.raises(AwsError, match="timeout"):
            call()


def test_every_call_is_declared_and_nothing_else_is(stubbed: StubbedClient, active: ActiveSideParameter) -> None:
    stubbed.answers("put_parameter", {"Version": 1})
    stubbed.answers("delete_parameter")
    active.tell(NAME, "b")
    active.forget(NAME)
    assert set(stubbed.actions) == set(IAM_ACTIONS)
