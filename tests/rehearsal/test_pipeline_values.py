"""What the rehearsal knows of a template that is not deployed, and the rule that starts its pipeline."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bluegreen_constructs.engine.errors import RehearsalError
from bluegreen_constructs.rehearsal.pipeline.action_work import SourceRevision
from bluegreen_constructs.rehearsal.pipeline.start_rule import revisions_of, start_rules
from bluegreen_constructs.rehearsal.pipeline.template_values import TemplateValues, exports_of

PIPELINE = "arn:aws:codepipeline:eu-west-1:123456789012:Delivery"
PIPELINE_ARN = {"Fn::Join": ["", ["arn:aws:codepipeline:eu-west-1:123456789012:", {"Ref": "Delivery"}]]}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Delivery": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {}},
        "Images": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/shop"}},
        "Unnamed": {"Type": "AWS::ECR::Repository"},
        "Told": {"Type": "AWS::SNS::Topic"},
        "Table": {"Type": "AWS::DynamoDB::Table"},
        "Start": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ]
                },
                "Policies": [
                    {
                        "PolicyName": "Start",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": "codepipeline:StartPipelineExecution",
                                    "Resource": PIPELINE_ARN,
                                }
                            ]
                        },
                    }
                ],
            },
        },
        "Push": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.ecr"], "detail": {"repository-name": [{"Ref": "Images"}]}},
                "Targets": [
                    {
                        "Id": "Other",
                        "Arn": {"Fn::GetAtt": ["Table", "Arn"]},
                    },
                    {
                        "Id": "Pipeline",
                        "Arn": PIPELINE_ARN,
                        "RoleArn": {"Fn::GetAtt": ["Start", "Arn"]},
                        "InputTransformer": {"InputPathsMap": {}, "InputTemplate": "{}"},
                    },
                ],
            },
        },
        "Failed": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"source": ["aws.codepipeline"]}, "Targets": [{"Arn": {"Ref": "Told"}}]},
        },
    }
}


def values(template: dict[str, Any] = TEMPLATE) -> TemplateValues:
    exports = {"Canary:Machine": "arn:machine"}
    return TemplateValues(template, account="123456789012", region="eu-west-1", exports=exports)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (True, "true"),
        (5, "5"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Delivery"}, "Delivery"),
        ({"Ref": "Images"}, "team/shop"),
        ({"Ref": "Unnamed"}, "unnamed"),
        ({"Ref": "Told"}, "arn:aws:sns:eu-west-1:123456789012:Told"),
        ({"Fn::GetAtt": ["Images", "Arn"]}, "arn:aws:ecr:eu-west-1:123456789012:repository/team/shop"),
        ({"Fn::Join": [":", ["a", {"Ref": "AWS::AccountId"}]]}, "a:123456789012"),
        ({"Fn::Sub": "${AWS::Partition}/${Images}/${Start.Arn}"}, "aws/team/shop/arn:aws:iam::123456789012:role/Start"),
        ({"Fn::Sub": ["${one}-${!kept}", {"one": {"Ref": "Images"}}]}, "team/shop-${kept}"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "Images"}]}]}, "shop"),
        ({"Fn::ImportValue": "Canary:Machine"}, "arn:machine"),
    ],
)
def test_a_value_is_resolved(value: object, text: str) -> None:
    assert values().text(value, "a value") == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Ref": "Nowhere"}, "a value refers to Nowhere, no resource of the template"),
        ({"Ref": "Table"}, "a value refers to Table, a AWS::DynamoDB::Table of a stack that is not deployed"),
        ({"Fn::GetAtt": ["Images", "RepositoryUri"]}, "a value asks for RepositoryUri of Images"),
        ({"Fn::ImportValue": "Other"}, "a value imports Other, which no deployed stack exports"),
        ({"Fn::Base64": "x"}, r"a value has Fn::Base64 of 'x', which the rehearsal of a pipeline cannot resolve"),
        (["a"], r"a value is \['a'\], and not a text"),
    ],
)
def test_what_is_not_known_is_named(value: object, said: str) -> None:
    with pytest.raises(RehearsalError, match=said):
        values().text(value, "a value")


def test_exports_are_those_of_all_pages() -> None:
    pages = [{"Exports": [{"Name": "A", "Value": "1"}]}, {"Exports": [{"Name": "B", "Value": "2"}]}, {}]
    assert exports_of(pages) == {"A": "1", "B": "2"}


def test_the_rule_is_found_by_its_target_and_read_with_its_pattern_and_transformer() -> None:
    (rule,) = start_rules(values(), PIPELINE)
    assert rule.name == "Push"
    assert rule.pattern == {"source": ["aws.ecr"], "detail": {"repository-name": ["team/shop"]}}
    assert rule.transformer == {"InputPathsMap": {}, "InputTemplate": "{}"}


def lets_another(template: dict[str, Any]) -> None:
    statement = template["Resources"]["Start"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    statement["Resource"] = f"{PIPELINE}2"


def trusts_another(template: dict[str, Any]) -> None:
    document = template["Resources"]["Start"]["Properties"]["AssumeRolePolicyDocument"]
    document["Statement"][0]["Principal"] = {"Service": "lambda.amazonaws.com"}


def has_no_role(template: dict[str, Any]) -> None:
    del template["Resources"]["Push"]["Properties"]["Targets"][1]["RoleArn"]


@pytest.mark.parametrize("change", [lets_another, trusts_another, has_no_role])
def test_a_rule_that_may_not_start_the_pipeline_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    template = json.loads(json.dumps(TEMPLATE))
    change(template)
    with pytest.raises(RehearsalError, match=r"the rule Push has the role .*, which may not start"):
        start_rules(values(template), PIPELINE)


def test_a_role_may_have_its_right_from_a_policy_of_its_own() -> None:
    template = json.loads(json.dumps(TEMPLATE))
    (policy,) = template["Resources"]["Start"]["Properties"].pop("Policies")
    template["Resources"]["Policy"] = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyDocument": policy["PolicyDocument"], "Roles": [{"Ref": "Start"}]},
    }
    assert len(start_rules(values(template), PIPELINE)) == 1


def test_an_event_that_is_passed_on_as_it_is_names_no_revision() -> None:
    assert revisions_of('{"source": "aws.ecr"}') == ()
    body = '{"sourceRevisions": [{"actionName": "Image", "revisionType": "IMAGE_DIGEST", "revisionValue": "sha256:1"}]}'
    assert revisions_of(body) == (SourceRevision("Image", "IMAGE_DIGEST", "sha256:1"),)
