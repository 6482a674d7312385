"""DeliveryRepository: the repository, its first commit, and what is refused."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs.delivery_repository import DeliveryRepository
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.engine.repository_seed import Seed
from bluegreen_constructs.pipeline_files import PipelineFiles
from tests.blue_green_service import new_stack, only, resources
from tests.code_deploy_service import deployed
from tests.nag_findings import acknowledgements, findings, lint

TEXTS = {"deploy/taskdef.json": "{}\n", "deploy/appspec.yaml": "version: 0.0\n"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@cache
def made() -> Template:
    stack = new_stack()
    DeliveryRepository(stack, "Delivery", name="inference-delivery", files=TEXTS, branch="release")
    return Template.from_stack(stack)


def test_the_repository_outlives_its_stack():
    found = only(resources(made(), "AWS::CodeCommit::Repository"))
    assert found["Properties"]["RepositoryName"] == "inference-delivery"
    assert found["UpdateReplacePolicy"] == "Retain"


def test_the_repository_of_a_stack_that_was_never_made_is_not_in_the_way_of_the_next_attempt():
    assert only(resources(made(), "AWS::CodeCommit::Repository"))["DeletionPolicy"] == "RetainExceptOnCreate"


def test_its_first_commit_is_what_the_engine_reads():
    properties = only(resources(made(), "Custom::RepositorySeed"))["Properties"]
    (name,) = resources(made(), "AWS::CodeCommit::Repository")
    assert properties["Repository"] == {"Fn::GetAtt": [name, "Name"]}
    seed = Seed.of({**properties, "Repository": "inference-delivery"})
    assert seed == Seed("inference-delivery", "release", TEXTS)


def test_the_function_may_commit_to_that_repository_alone():
    (policy,) = only(resources(made(), "AWS::IAM::Role"))["Properties"]["Policies"]
    (statement,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "OnCodeRepository"]
    (name,) = resources(made(), "AWS::CodeCommit::Repository")
    assert statement["Action"] == ["codecommit:CreateCommit", "codecommit:GetRepository"]
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}]


def test_a_service_seeds_the_repository_of_its_stack_with_both_files():
    stack = new_stack()
    delivery = DeliveryRepository(stack, "Delivery", name="inference", files=PipelineFiles.of(deployed(stack)))
    files = only(resources(Template.from_stack(stack), "Custom::RepositorySeed"))["Properties"]["Files"]
    assert [one["Path"] for one in files] == ["taskdef.json", "appspec.yaml"]
    assert "<IMAGE1_NAME>" in str(files[0]["Text"])
    assert "Fn::GetAtt" in str(files[0]["Text"])  # the roles, which CloudFormation fills in
    assert files[1]["Text"].startswith("version: 0.0\n")
    assert delivery.branch == "main"


def test_the_files_of_a_service_in_another_stack_are_refused():
    stack = new_stack()
    other = cdk.Stack(stack.node.root, "Other")
    with pytest.raises(ConfigurationError, match="of a service in Stack, whose roles only that stack knows: make the"):
        DeliveryRepository(other, "Delivery", name="inference", files=PipelineFiles.of(deployed(stack)))


def test_a_key_of_ones_own_encrypts_it():
    stack = new_stack()
    DeliveryRepository(
        stack, "Delivery", name="inference", files=TEXTS, encryption_key=kms.Key.from_key_arn(stack, "Key", KEY)
    )
    assert only(resources(Template.from_stack(stack), "AWS::CodeCommit::Repository"))["Properties"]["KmsKeyId"] == KEY


def test_an_existing_repository_is_taken_and_nothing_is_committed():
    stack = new_stack()
    taken = DeliveryRepository.existing(stack, "Delivery", "inference-delivery", branch="release")
    assert isinstance(taken, DeliveryRepository)
    assert (taken.repository.repository_name, taken.branch) == ("inference-delivery", "release")
    assert "Resources" not in Template.from_stack(stack).to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "DeliveryRepository name is ''"),
        ({"name": "a b"}, "give up to 100 letters, digits"),
        ({"name": "a" * 101}, "give up to 100"),
        ({"name": "inference.git"}, "do not end in .git"),
        ({"branch": ""}, "branch is '': give a branch's name"),
        ({"branch": "feature/"}, "branch is 'feature/'"),
        ({"branch": "a b"}, "branch is 'a b'"),
        ({"files": {}}, "Stack/Delivery has no files: give PipelineFiles.of"),
        ({"files": {"/etc/passwd": ""}}, "has the path '/etc/passwd': give one within"),
        ({"files": {"../taskdef.json": ""}}, "has the path"),
        ({"files": {"deploy/./taskdef.json": ""}}, "has the path"),
        ({"files": {"": ""}}, "has the path ''"),
        ({"files": {"a b": ""}}, "has the path 'a b'"),
        ({"files": {"model.bin": "x" * 200_001}}, "has files of 200001 characters: seed at most 200000"),
    ],
)
def test_what_codecommit_would_not_take_is_refused(options: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        DeliveryRepository(new_stack(), "Delivery", **{"name": "inference", "files": TEXTS, **options})


@pytest.mark.parametrize(("name", "branch"), [("inference.git", "main"), ("inference", "a b")])
def test_an_existing_repository_is_named_as_codecommit_names_it(name: str, branch: str):
    with pytest.raises(ConfigurationError, match=r"DeliveryRepository (name|branch) is"):
        DeliveryRepository.existing(new_stack(), "Delivery", name, branch=branch)


@cache
def checked() -> tuple[frozenset[tuple[str, str]], dict[tuple[str, str], str], Path]:
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    stack, planted = cdk.Stack(app, "Stack", env=env), cdk.Stack(app, "Planted", env=env)
    s3.Bucket(planted, "Open")
    DeliveryRepository(stack, "Delivery", name="inference-delivery", files=TEXTS)
    return findings(app), dict(acknowledgements(folder / "Stack.metadata.json")), folder


def test_the_repository_and_its_function_are_clean_and_nothing_is_acknowledged():
    found, acknowledged, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert [one for one in found if one[0].startswith("Stack/")] == []
    assert acknowledged == {}


def test_cloudformation_lint_finds_nothing():
    assert lint([checked()[2] / "Stack.template.json"]) == (0, "")
