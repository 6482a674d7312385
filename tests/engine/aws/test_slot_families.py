"""The families of the sides: which revisions are active."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.slot_families import IAM_ACTIONS, EcsFamilies
from bluegreen_constructs.engine.errors import AwsError

ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition"
ASKED = {"familyPrefix": "Serving-Web-a", "status": "ACTIVE", "sort": "DESC"}


@pytest.fixture
def stubbed() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ecs")
    yield stubbed
    stubbed.done()


@pytest.fixture
def families(stubbed: StubbedClient) -> EcsFamilies:
    return EcsFamilies(stubbed.client)


def test_all_pages_of_active_revisions_are_read_newest_first(stubbed: StubbedClient, families: EcsFamilies) -> None:
    further = {"taskDefinitionArns": [f"{ARN}/Serving-Web-a:2"], "nextToken": "more"}
    stubbed.stub.add_response("list_task_definitions", further, ASKED)
    last = {"taskDefinitionArns": [f"{ARN}/Serving-Web-a:1"]}
    stubbed.stub.add_response("list_task_definitions", last, {**ASKED, "nextToken": "more"})
    assert families.revisions("Serving-Web-a") == [f"{ARN}/Serving-Web-a:2", f"{ARN}/Serving-Web-a:1"]
    assert set(stubbed.actions) == set(IAM_ACTIONS)


def test_a_family_whose_name_begins_alike_is_another_one(stubbed: StubbedClient, families: EcsFamilies) -> None:
    answer = {"taskDefinitionArns": [f"{ARN}/Serving-Web-a-settings:3", f"{ARN}/Serving-Web-a:1"]}
    stubbed.stub.add_response("list_task_definitions", answer, ASKED)
    assert families.revisions("Serving-Web-a") == [f"{ARN}/Serving-Web-a:1"]


def test_a_family_that_does_not_exist_has_none(stubbed: StubbedClient, families: EcsFamilies) -> None:
    stubbed.stub.add_response("list_task_definitions", {"taskDefinitionArns": []}, ASKED)
    assert families.revisions("Serving-Web-a") == []


def test_when_aws_refuses_or_does_not_answer_it_is_an_aws_error(stubbed: StubbedClient, families: EcsFamilies) -> None:
    stubbed.stub.add_client_error("list_task_definitions", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsError, match="Rate exceeded"):
        families.revisions("Serving-Web-a")
    with pytest.raises(AwsError):
        EcsFamilies(SilentClient("ecs"), (BotoCoreError,)).revisions("Serving-Web-a")
