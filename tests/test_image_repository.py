"""ImageRepository: what is made, what is taken as it is, the first image, and what is refused."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from bluegreen_constructs.bootstrap_image import BootstrapImage
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.image_repository import ImageRepository
from bluegreen_constructs.release_image import ReleaseImage
from bluegreen_constructs.repository_lifecycle import ImageLifecycle
from tests.blue_green_service import container, new_stack, only, resources, service
from tests.nag_findings import acknowledgements, findings, lint

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@cache
def made() -> Template:
    stack = new_stack()
    ImageRepository(stack, "Images", name="team/inference", pulled_by=["210987654321", "345678901234"])
    return Template.from_stack(stack)


def repository(of: Template) -> dict:
    return only(resources(of, "AWS::ECR::Repository"))


def test_tags_never_move_images_are_scanned_and_the_repository_outlives_its_stack():
    found = repository(made())
    assert found["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert found["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert found["Properties"]["RepositoryName"] == "team/inference"
    assert found["UpdateReplacePolicy"] == "Retain"
    assert "EmptyOnDelete" not in found["Properties"]


def test_the_repository_of_a_stack_that_was_never_made_is_not_in_the_way_of_the_next_attempt():
    assert repository(made())["DeletionPolicy"] == "RetainExceptOnCreate"


def test_what_expires_is_what_the_lifecycle_says():
    text = repository(made())["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    assert json.loads(text) == ImageLifecycle().policy()


def test_a_lifecycle_without_rules_is_none():
    stack = new_stack()
    ImageRepository(stack, "Images", lifecycle=ImageLifecycle(untagged_after=None))
    assert "LifecyclePolicy" not in repository(Template.from_stack(stack))["Properties"]


def test_exactly_the_named_accounts_may_pull_and_no_more_than_pull():
    (statement,) = repository(made())["Properties"]["RepositoryPolicyText"]["Statement"]
    accounts = {one["Fn::Join"][1][2].split(":")[3] for one in statement["Principal"]["AWS"]}
    assert accounts == {"210987654321", "345678901234"}
    assert set(statement["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }
    assert statement["Effect"] == "Allow"


def test_without_other_accounts_there_is_no_policy():
    stack = new_stack()
    ImageRepository(stack, "Images")
    assert "RepositoryPolicyText" not in repository(Template.from_stack(stack))["Properties"]


def test_images_are_encrypted_with_the_key_that_is_given():
    stack = new_stack()
    ImageRepository(stack, "Images", encryption_key=kms.Key.from_key_arn(stack, "Key", KEY))
    found = repository(Template.from_stack(stack))["Properties"]["EncryptionConfiguration"]
    assert found == {"EncryptionType": "KMS", "KmsKey": KEY}


def test_an_existing_repository_is_taken_as_it_is():
    stack = new_stack()
    taken = ImageRepository.existing(stack, "Images", "team/inference")
    assert isinstance(taken, ImageRepository)
    assert taken.first_image is None
    assert "Resources" not in Template.from_stack(stack).to_json()
    assert taken.repository.repository_name == "team/inference"


def test_an_existing_repository_gets_a_first_image_when_that_is_asked_for():
    stack = new_stack()
    ImageRepository.existing(stack, "Images", "inference", first_image=BootstrapImage())
    found = Template.from_stack(stack)
    assert only(resources(found, "Custom::BootstrapImage"))["Properties"]["Repository"] == "inference"
    assert not resources(found, "AWS::ECR::Repository")


def test_nobody_pushes_a_first_image_that_is_not_wanted():
    stack = new_stack()
    assert ImageRepository(stack, "Images", first_image=None).first_image is None
    assert list(Template.from_stack(stack).to_json()["Resources"]) == list(
        resources(Template.from_stack(stack), "AWS::ECR::Repository")
    )


def test_a_service_in_the_same_stack_waits_for_the_first_image():
    stack = new_stack()
    images = ImageRepository(stack, "Images")
    service(stack, container=container(image=ReleaseImage(images)))
    found = Template.from_stack(stack)
    definition = only(resources(found, "AWS::ECS::TaskDefinition"))
    (pushed,) = resources(found, "Custom::BootstrapImage")
    assert pushed in definition["DependsOn"]


def test_the_stack_of_a_service_waits_for_the_stack_with_the_first_image():
    stack = new_stack()
    other = cdk.Stack(stack.node.root, "Shared", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    images = ImageRepository(other, "Images", name="inference")
    service(stack, container=container(image=ReleaseImage(images)))
    stack.node.root.synth()
    assert other in stack.dependencies


def test_an_image_of_the_repository_is_an_image_of_amazon_ecr():
    """What is acknowledged for those of Amazon ECR is so for it too."""
    assert isinstance(ReleaseImage(ImageRepository(new_stack(), "Images")), ecs.EcrImage)


def test_the_resource_says_what_has_to_be_there_and_how_long_it_may_take():
    found = only(resources(made(), "Custom::BootstrapImage"))["Properties"]
    assert found["Tag"] == "bootstrap"
    assert found["Project"] == {"Ref": next(iter(resources(made(), "AWS::CodeBuild::Project")))}
    function = only(resources(made(), "AWS::Lambda::Function"))["Properties"]
    project = only(resources(made(), "AWS::CodeBuild::Project"))["Properties"]
    longest = 60 * (project["QueuedTimeoutInMinutes"] + project["TimeoutInMinutes"])
    assert longest < function["Timeout"] - 100 < found["ServiceTimeout"] - 100


def test_the_function_may_look_at_the_repository_and_start_the_build_and_no_more():
    role = only({k: v for k, v in resources(made(), "AWS::IAM::Role").items() if "Function" in k})["Properties"]
    allowed = {
        (action, str(one["Resource"]))
        for policy in role["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        for action in one["Action"]
        if not action.startswith("logs:")
    }
    assert {action for action, _ in allowed} == {
        "ecr:DescribeImages",
        "codebuild:StartBuild",
        "codebuild:BatchGetBuilds",
    }
    assert all("Fn::GetAtt" in resource and "*" not in resource for _, resource in allowed)


def test_the_build_may_push_to_that_repository_alone():
    role = only({k: v for k, v in resources(made(), "AWS::IAM::Role").items() if "Function" not in k})["Properties"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "codebuild.amazonaws.com"}
    (policy,) = role["Policies"]
    by_name = {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}
    (name,) = resources(made(), "AWS::ECR::Repository")
    assert by_name["Push"]["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}]
    assert by_name["LogIn"] == {
        "Sid": "LogIn",
        "Effect": "Allow",
        "Action": ["ecr:GetAuthorizationToken"],
        "Resource": ["*"],
    }
    assert set(by_name) == {"Push", "LogIn", "WriteLogs"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "Inference"}, "ImageRepository name is 'Inference': give 2 to 256 lower-case"),
        ({"name": "a"}, "give 2 to 256"),
        ({"name": "a" * 257}, "give 2 to 256"),
        ({"name": "team//inference"}, "ImageRepository name"),
        ({"name": "inference:1"}, "ImageRepository name"),
        ({"name": "a--b"}, "single ._-/ between them"),
        ({"pulled_by": "210987654321"}, r"pulled_by is '210987654321': give a list, \['210987654321'\]"),
        ({"pulled_by": ["2109"]}, "pulled_by has '2109': give the twelve digits"),
        ({"pulled_by": ["*"]}, "give the twelve digits"),
        ({"pulled_by": ["arn:aws:iam::210987654321:root"]}, "give the twelve digits"),
    ],
)
def test_what_amazon_ecr_would_not_take_is_refused(options: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        ImageRepository(new_stack(), "Images", **options)


@pytest.mark.parametrize("name", ["in", "team/inference", "a-b_c.d/e-2"])
def test_names_that_amazon_ecr_takes_are_taken(name: str):
    ImageRepository(new_stack(), "Images", name=name, first_image=None)


@pytest.mark.parametrize(
    "name", ["arn:aws:ecr:eu-west-1:123456789012:repository/inference", "inference:1", "Inference"]
)
def test_an_existing_repository_is_named_by_its_name_alone(name: str):
    with pytest.raises(ConfigurationError, match="give the repository's name alone"):
        ImageRepository.existing(new_stack(), "Images", name)


@pytest.mark.parametrize(
    ("arn", "where"),
    [
        ("arn:aws:ecr:eu-west-1:210987654321:repository/inference", "account 210987654321"),
        ("arn:aws:ecr:us-east-1:123456789012:repository/inference", "region us-east-1"),
    ],
)
def test_the_first_image_of_a_repository_elsewhere_is_refused(arn: str, where: str):
    stack = new_stack()
    there = ecr.Repository.from_repository_arn(stack, "There", arn)
    with pytest.raises(ConfigurationError, match=f"is in {where}: push its first image there"):
        ImageRepository.existing(stack, "Images", there, first_image=BootstrapImage())
    assert ImageRepository.existing(stack, "Other", there).first_image is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 80}, "BootstrapImage port is 80: give one from 1024 to 65535"),
        ({"port": 65536}, "port is 65536"),
        ({"architecture": "x86_64"}, "architecture is 'x86_64': give 'amd64' or 'arm64'"),
        ({"answers": {"predict": "{}"}}, "answers on 'predict': give paths that begin with /"),
        ({"answers": {"/predict?a=1": "{}"}}, "have no query"),
        ({"answers": {"/predict": "x" * 10_000}}, "answers have 10016 characters: give at most 10000"),
        ({"base": ""}, "base is '': give an image that has python3"),
        ({"base": "python 3"}, "base is 'python 3'"),
        ({"base": "python\nRUN true"}, "give an image"),
    ],
)
def test_a_first_image_that_could_not_be_built_or_run_is_refused(options: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        BootstrapImage(**options)


@cache
def checked() -> tuple[frozenset[tuple[str, str]], dict[tuple[str, str], str], Path]:
    folder = Path(mkdtemp(prefix="bluegreen-nag-"))
    app = cdk.App(outdir=str(folder))
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    stack, planted = cdk.Stack(app, "Stack", env=env), cdk.Stack(app, "Planted", env=env)
    s3.Bucket(planted, "Open")
    images = ImageRepository(
        stack,
        "Images",
        name="inference",
        pulled_by=["210987654321"],
        lifecycle=ImageLifecycle(throw_away=["pr-"], releases=["v*"]),
    )
    definition = ecs.FargateTaskDefinition(stack, "Tasks")
    definition.add_container("app", image=ReleaseImage(images), logging=ecs.LogDrivers.aws_logs(stream_prefix="app"))
    found = findings(app)
    return found, dict(acknowledgements(folder / "Stack.metadata.json")), folder


def test_the_repository_and_its_first_image_are_clean():
    found, _, _ = checked()
    assert {place for place, _ in found if place.startswith("Planted/")}
    assert [one for one in found if one[0].startswith("Stack/Images")] == []


def test_each_acknowledgement_is_on_one_resource_and_names_an_alternative():
    _, acknowledged, _ = checked()
    own = {place: reason for place, reason in acknowledged.items() if place[0].startswith("Stack/Images")}
    assert {rule for _, rule in own} == {"AwsSolutions-IAM5[Resource::*]", "AwsSolutions-CB3", "AwsSolutions-CB4"}
    assert all("considered" in reason for reason in own.values())


def test_cloudformation_lint_finds_nothing():
    assert lint([checked()[2] / "Stack.template.json"]) == (0, "")


def test_a_tag_that_was_exempted_can_be_moved_and_no_other_one():
    stack = new_stack()
    kept = ImageLifecycle(untagged_after=None)
    ImageRepository(stack, "Images", name="team/inference", moving_tags=["latest"], lifecycle=kept)
    found = repository(Template.from_stack(stack))["Properties"]
    assert found["ImageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    (exempt,) = found["ImageTagMutabilityExclusionFilters"]
    assert exempt["ImageTagMutabilityExclusionFilterValue"] == "latest"


@pytest.mark.parametrize(
    "lifecycle",
    [ImageLifecycle(), ImageLifecycle(throw_away=["pr-"], releases=["v*"], untagged_after=Duration.days(365))],
)
def test_a_tag_that_moves_is_refused_where_the_release_that_it_leaves_would_expire(lifecycle: ImageLifecycle):
    with pytest.raises(ConfigurationError, match=r"give lifecycle=ImageLifecycle\(untagged_after=None\)") as refused:
        ImageRepository(new_stack(), "Images", moving_tags=["latest"], lifecycle=lifecycle)
    assert str(refused.value).startswith("ImageRepository moving_tags is ['latest']: an image that was pushed with")


def test_a_tag_may_move_where_only_what_is_thrown_away_expires():
    lifecycle = ImageLifecycle(throw_away=["pr-"], releases=["v*"], untagged_after=None)
    stack = new_stack()
    ImageRepository(stack, "Images", moving_tags=["latest"], lifecycle=lifecycle)
    rules = json.loads(repository(Template.from_stack(stack))["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])
    assert {rule["selection"]["tagStatus"] for rule in rules["rules"]} == {"tagged"}


@pytest.mark.parametrize("tags", [["*"], ["bootstrap"], "latest", [""]])
def test_tags_that_would_exempt_releases_or_the_first_image_are_refused(tags):
    with pytest.raises(ConfigurationError, match="give a list of tags, without \\* and without 'bootstrap'"):
        ImageRepository(new_stack(), "Images", moving_tags=tags)
