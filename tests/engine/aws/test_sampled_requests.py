"""Sampled requests in S3: whole lines, with the tag that tells their content apart."""

import io
from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody
from stubbed_client import TIMED_OUT, SilentClient, StubbedClient

from bluegreen_constructs.engine.aws import sampled_requests
from bluegreen_constructs.engine.aws.sampled_requests import IAM_ACTIONS, S3Requests
from bluegreen_constructs.engine.errors import AwsError


@pytest.fixture
def s3() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("s3")
    yield stubbed
    stubbed.done()


def read(s3: StubbedClient, content: bytes) -> tuple[str, str]:
    body = StreamingBody(io.BytesIO(content), None)
    s3.answers("get_object", {"Body": body, "ETag": '"v1"'}, {"Bucket": "samples", "Key": "today"})
    return S3Requests(s3.client, (BotoCoreError,)).read("samples", "today")


def test_the_lines_of_an_object_are_read_with_its_tag(s3: StubbedClient) -> None:
    assert read(s3, b'{"path": "/a"}\n') == ('{"path": "/a"}\n', '"v1"')
    assert set(s3.actions) == set(IAM_ACTIONS)


def test_a_large_object_is_cut_after_a_whole_line(s3: StubbedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_requests, "MOST_BYTES", 10)
    assert read(s3, b"1234567\n89012345") == ("1234567", '"v1"')


def test_an_object_that_is_not_there_is_an_error_in_the_words_of_aws(s3: StubbedClient) -> None:
    s3.fails("get_object", "NoSuchKey")
    with pytest.raises(AwsError, match="NoSuchKey"):
        S3Requests(s3.client).read("samples", "today")


def test_no_answer_and_half_an_answer_are_errors(s3: StubbedClient) -> None:
    class Broken:
        def read(self, amt: int) -> bytes:
            raise TIMED_OUT

    s3.answers("get_object", {"Body": Broken()})
    for client in (s3.client, SilentClient("s3")):
        with pytest.raises(AwsError):
            S3Requests(client, (BotoCoreError,)).read("samples", "today")
