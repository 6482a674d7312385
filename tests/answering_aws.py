"""An AWS that answers each call of boto3's with what it was told, and keeps which rights the calls need."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import boto3
import botocore.client
import pytest

# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_NEEDS = {"s3:HeadObject": ("s3:GetObject", "s3:ListBucket")}


class AnsweringAws:
    """`answers`: by the service's prefix in IAM and the operation."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = dict(answers)
        self.needed: set[str] = set()
        self.asked: dict[str, dict] = {}

    def answer(self, client: botocore.client.BaseClient, operation: str, arguments: dict) -> object:
        name = f"{client.meta.service_model.signing_name}:{operation}"
        self.needed |= set(_NEEDS.get(name, (name,)))
        self.asked[name] = arguments
        assert name in self.answers, f"nobody told what {name} answers"
        return self.answers[name]


@contextmanager
def answering(answers: Mapping[str, object]) -> Iterator[AnsweringAws]:
    """All of boto3's clients are answered so."""
    aws = AnsweringAws(answers)

    def answer(client: botocore.client.BaseClient, operation: str, arguments: dict) -> object:
        return aws.answer(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        patch.setattr(botocore.client.BaseClient, "_make_api_call", answer)
        yield aws
