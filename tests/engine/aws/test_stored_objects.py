"""Whether an object is in S3: yes, no, and what S3 says to who may not know."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.stored_objects import IAM_ACTIONS, S3Objects
from bluegreen_constructs.engine.errors import AwsError

WHERE = ("releases", "inference/1.4.2.zip")


@pytest.fixture
def s3() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("s3")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def objects(s3: StubbedClient) -> S3Objects:
    return S3Objects(s3.client, (BotoCoreError,))


def test_what_is_there_is_found_by_its_head(s3: StubbedClient, objects: S3Objects) -> None:
    s3.answers("head_object", {"ContentLength": 7}, {"Bucket": "releases", "Key": "inference/1.4.2.zip"})
    assert objects.is_stored(*WHERE) is True


@pytest.mark.parametrize("code", ["404", "NoSuchKey", "NoSuchBucket"])
def test_what_is_not_there_is_no_error(s3: StubbedClient, objects: S3Objects, code: str) -> None:
    s3.fails("head_object", code)
    assert objects.is_stored(*WHERE) is False


def test_who_may_not_know_is_told_which_rights_are_missing(s3: StubbedClient, objects: S3Objects) -> None:
    s3.fails("head_object", "403", "Forbidden")
    with pytest.raises(AwsError) as raised:
        objects.is_stored(*WHERE)
    assert str(raised.value) == (
        "S3 does not say whether s3://releases/inference/1.4.2.zip is there (403 Forbidden): it is said to who may "
        "s3:GetObject on it and s3:ListBucket on releases"
    )


def test_another_refusal_is_said_in_the_words_of_aws(s3: StubbedClient, objects: S3Objects) -> None:
    s3.fails("head_object", "301", "Moved Permanently")
    with pytest.raises(AwsError, match="Moved Permanently"):
        objects.is_stored(*WHERE)


def test_no_answer_is_an_aws_error() -> None:
    with pytest.raises(AwsError):
        S3Objects(SilentClient("s3"), (BotoCoreError,)).is_stored(*WHERE)
