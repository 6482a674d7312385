"""How the errors of boto3's clients become ours."""

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.client_calls import Calls, entries, entry, number
from bluegreen_constructs.engine.errors import AwsError


class GoneError(AwsError):
    pass


@pytest.mark.parametrize(
    ("code", "kind"), [("Gone", GoneError), ("GoneException", GoneError), ("Throttling", AwsError)]
)
def test_an_error_of_aws_is_of_its_codes_kind_and_in_the_words_of_aws(code: str, kind: type[AwsError]) -> None:
    stubbed = StubbedClient("ssm")
    stubbed.fails("get_parameter", code)
    calls = Calls(stubbed.client, (BotoCoreError,), {"Gone": GoneError})
    with pytest.raises(AwsError, match="in the words of AWS") as raised:
        calls.make(stubbed.client.get_parameter, {"Name": "a"})
    assert type(raised.value) is kind


def test_a_call_without_an_answer_is_an_aws_error() -> None:
    client = SilentClient("ssm")
    with pytest.raises(AwsError, match="timeout"):
        Calls(client, (BotoCoreError,)).make(client.get_parameter, {"Name": "a"})


def test_a_fault_of_our_own_is_not_taken_for_one_of_aws() -> None:
    client = SilentClient("ssm")
    with pytest.raises(ZeroDivisionError):
        Calls(client, (BotoCoreError,)).make(lambda: 1 / 0, {})


def test_what_an_answer_leaves_out_is_empty_or_zero() -> None:
    assert (entries({}, "a"), entry({"a": None}, "a"), number({}, "a")) == ([], {}, 0)
