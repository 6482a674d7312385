"""What an AppSpec says, and what of it is refused."""

import json

import pytest

from bluegreen_constructs.rehearsal.codedeploy.app_spec import AppSpec, read_app_spec, revision_text
from bluegreen_constructs.rehearsal.codedeploy.lifecycle_event import Event
from bluegreen_constructs.rehearsal.codedeploy.refusals import RefusedError

DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"
YAML = f"""
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "{DEFINITION}"
        LoadBalancerInfo:
          ContainerName: "app"
          ContainerPort: 8080
        PlatformVersion: "LATEST"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-1"]
            AssignPublicIp: "DISABLED"
Hooks:
  - BeforeInstall: "before"
  - AfterAllowTestTraffic: "smoke"
"""


def document(**changes: object) -> dict[str, object]:
    balancer = {"ContainerName": "app", "ContainerPort": 8080}
    properties = {"TaskDefinition": DEFINITION, "LoadBalancerInfo": balancer}
    service = {"Type": "AWS::ECS::Service", "Properties": properties}
    return {"version": 0.0, "Resources": [{"TargetService": service}], **changes}


def test_yaml_is_read_with_its_hooks_and_what_it_changes_of_the_service() -> None:
    assert read_app_spec(YAML) == AppSpec(
        DEFINITION,
        "app",
        8080,
        {Event.BEFORE_INSTALL: "before", Event.AFTER_ALLOW_TEST_TRAFFIC: "smoke"},
        {
            "platformVersion": "LATEST",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
        },
    )


def test_json_says_the_same() -> None:
    text = json.dumps(document(Hooks=[{"BeforeInstall": "before"}]))
    assert read_app_spec(text) == AppSpec(DEFINITION, "app", 8080, {Event.BEFORE_INSTALL: "before"}, {})


@pytest.mark.parametrize("member", [("AppSpecContent", "appSpecContent"), ("String", "string")])
def test_the_text_of_a_revision_lies_in_either_of_two_members(member: tuple[str, str]) -> None:
    assert revision_text({"revisionType": member[0], member[1]: {"content": YAML}}) == YAML


@pytest.mark.parametrize(
    ("revision", "sentence"),
    [
        ({"revisionType": "S3", "s3Location": {"bucket": "b"}}, "revisions of the type S3 are not played"),
        ({}, r"revisions of the type \(none\) are not played"),
        ({"revisionType": "AppSpecContent"}, "appSpecContent has no content"),
    ],
)
def test_a_revision_without_its_text_is_refused(revision: dict[str, object], sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence) as refused:
        revision_text(revision)
    assert refused.value.code == "InvalidRevisionException"


PORT_AS_TEXT = json.dumps(document()).replace("8080", '"8080"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not valid YAML or JSON"),
        ("just words", "is not an object"),
        (json.dumps(document(version=1.0)), "has the version 1.0; the one allowed is 0.0"),
        (json.dumps(document(Resources=[])), "exactly one resource; it has 0"),
        (json.dumps(document()).replace("::ECS::", "::Lambda::"), "for ECS it is AWS::ECS::Service"),
        (json.dumps(document()).replace("TaskDefinition", "Definition"), "has no TaskDefinition"),
        (json.dumps(document()).replace("ContainerName", "Name"), "has no ContainerName"),
        (PORT_AS_TEXT, "ContainerPort is '8080'; it must be a number"),
        (json.dumps(document(Hooks=[{"Install": "f"}])), "a hook at 'Install'; there is BeforeInstall, AfterInstall"),
        (json.dumps(document(Hooks=[{"BeforeInstall": "f"}, {"BeforeInstall": "g"}])), "one function for Before"),
    ],
)  # fmt: skip
def test_a_wrong_app_spec_is_refused_with_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(RefusedError, match=sentence):
        read_app_spec(text)
