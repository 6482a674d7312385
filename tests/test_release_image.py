"""ReleaseImage: the digest of a release is a parameter of the stack that runs it."""

import re
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_ecr as ecr
from aws_cdk.assertions import Template

from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.pods import Pods
from bluegreen_constructs.release_image import ReleaseImage, release_parameters
from tests.blue_green_service import container, new_stack, only, resources, service, template
from tests.nag_findings import acknowledgements

DIGEST = "sha256:" + "0123456789abcdef" * 4


def repository(stack: cdk.Stack, name: str = "inference", id: str = "Repository") -> ecr.IRepository:
    return ecr.Repository.from_repository_name(stack, id, name)


def parameters(of: Template) -> dict[str, dict]:
    return {name: one for name, one in of.to_json()["Parameters"].items() if name != "BootstrapVersion"}


def image_of(of: Template) -> dict:
    definition = only(resources(of, "AWS::ECS::TaskDefinition"))
    return definition["Properties"]["ContainerDefinitions"][0]["Image"]


def test_a_service_runs_what_the_parameter_of_its_stack_says():
    stack = new_stack()
    found = template(service(stack, container=container(image=ReleaseImage(repository(stack)))))
    assert image_of(found)["Fn::Join"][1][-2:] == ["/inference", {"Ref": "ImageDigest"}]
    assert parameters(found)["ImageDigest"]["Default"] == ":bootstrap"


def test_the_execution_role_may_pull_from_that_repository_alone():
    stack = new_stack()
    found = template(service(stack, container=container(image=ReleaseImage(repository(stack)))))
    statements = [
        statement
        for policy in resources(found, "AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:BatchGetImage" in statement["Action"]
    ]
    assert len(statements) == 1
    assert str(statements[0]["Resource"]).endswith(":ecr:eu-west-1:123456789012:repository/inference']]}")


def test_a_service_with_it_has_the_acknowledgements_of_any_image_in_amazon_ecr(tmp_path: Path):
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    service(stack, container=container(image=ReleaseImage(repository(stack))))
    app.synth()
    said = dict(acknowledgements(tmp_path / "Stack.metadata.json"))
    role = "Stack/Inference/TaskDefinition/ExecutionRole"
    assert any(place == role and rule == "AwsSolutions-IAM5[Resource::*]" for place, rule in said)


def test_pods_run_what_the_parameter_of_their_stack_says():
    stack = new_stack()
    pods = Pods(image=ReleaseImage(repository(stack)).reference(stack), port=8080)
    assert stack.resolve(pods.image)["Fn::Join"][1][-2:] == ["/inference", {"Ref": "ImageDigest"}]


def test_the_template_is_the_same_before_and_after_a_release():
    stack = new_stack()
    text = str(template(service(stack, container=container(image=ReleaseImage(repository(stack))))).to_json())
    assert "sha256:0" not in text
    assert "@sha256:[0-9a-f]{64}" in text  # the pattern, and no digest of any release


@pytest.mark.parametrize("value", [":bootstrap", f"@{DIGEST}"])
def test_cloudformation_takes_the_first_tag_and_digests(value: str):
    assert re.fullmatch(pattern(), value)


@pytest.mark.parametrize(
    "value",
    ["", "@", ":", DIGEST, f":{DIGEST}", ":1.4.2", "@sha256:abc", f"@{DIGEST}0", f"@{DIGEST.upper()}", "bootstrap"],
)
def test_cloudformation_refuses_what_names_no_release(value: str):
    assert not re.fullmatch(pattern(), value)


def pattern(**options: str) -> str:
    stack = new_stack()
    ReleaseImage(repository(stack), **options).reference(stack)
    return only(parameters(Template.from_stack(stack)))["AllowedPattern"]


def test_a_dot_in_the_first_tag_is_a_dot():
    assert re.fullmatch(pattern(first="1.0"), ":1.0")
    assert not re.fullmatch(pattern(first="1.0"), ":1x0")


def test_what_a_pipeline_gives_is_what_the_parameter_takes():
    assert re.fullmatch(pattern(), ReleaseImage.value(DIGEST))
    assert ReleaseImage.value("#{Image.ImageDigest}") == "@#{Image.ImageDigest}"


@pytest.mark.parametrize("digest", ["", "1.4.2", "sha256:abc", "@" + DIGEST, "Image.ImageDigest", DIGEST + "\n"])
def test_a_digest_that_is_none_is_refused(digest: str):
    with pytest.raises(ConfigurationError, match="give sha256: and 64 hexadecimal digits, or a variable"):
        ReleaseImage.value(digest)


def test_two_services_of_a_stack_share_the_parameter():
    stack = new_stack()
    first, second = ReleaseImage(repository(stack)), ReleaseImage(repository(stack, id="Again"))
    assert stack.resolve(first.reference(stack)) == stack.resolve(second.reference(stack))
    assert list(parameters(Template.from_stack(stack))) == ["ImageDigest"]


def test_two_repositories_have_a_parameter_each():
    stack = new_stack()
    ReleaseImage(repository(stack)).reference(stack)
    other = ReleaseImage(repository(stack, "edge", "Edge"), parameter="EdgeDigest", first="1.0.0")
    other.reference(stack)
    found = parameters(Template.from_stack(stack))
    assert {name: one["Default"] for name, one in found.items()} == {
        "ImageDigest": ":bootstrap",
        "EdgeDigest": ":1.0.0",
    }


def test_two_repositories_with_one_parameter_are_refused():
    stack = new_stack()
    ReleaseImage(repository(stack)).reference(stack)
    with pytest.raises(ConfigurationError, match="ImageDigest of stack Stack is something else already: give another"):
        ReleaseImage(repository(stack, "edge", "Edge")).reference(stack)


def test_repositories_of_two_accounts_are_two_though_they_share_a_name():
    stack = new_stack()
    ReleaseImage(repository(stack)).reference(stack)
    theirs = ecr.Repository.from_repository_arn(
        stack, "Theirs", "arn:aws:ecr:eu-west-1:210987654321:repository/inference"
    )
    with pytest.raises(ConfigurationError, match="something else already"):
        ReleaseImage(theirs).reference(stack)


def test_one_repository_with_two_first_tags_is_refused():
    stack = new_stack()
    ReleaseImage(repository(stack)).reference(stack)
    with pytest.raises(ConfigurationError, match="one for each repository and first tag"):
        ReleaseImage(repository(stack, id="Again"), first="1.0.0").reference(stack)


def test_a_name_that_something_else_of_the_stack_has_is_refused():
    stack = new_stack()
    cdk.CfnParameter(stack, "ImageDigest")
    with pytest.raises(ConfigurationError, match="something else already"):
        ReleaseImage(repository(stack)).reference(stack)


def test_a_nested_stack_is_given_the_value_by_the_stack_that_is_deployed():
    stack = new_stack()
    nested = cdk.NestedStack(stack, "Nested")
    cdk.CfnOutput(nested, "Image", value=ReleaseImage(repository(stack)).reference(nested))
    found = parameters(Template.from_stack(stack))
    assert "ImageDigest" in found
    assert "Default" not in only(parameters(Template.from_stack(nested)))


def test_a_stage_of_the_application_has_a_parameter_in_each_of_its_stacks():
    stack, other = new_stack(), cdk.Stack(cdk.App(), "Other")
    image = ReleaseImage(repository(stack))
    image.reference(stack)
    image.reference(other)
    assert [list(parameters(Template.from_stack(one))) for one in (stack, other)] == [["ImageDigest"]] * 2


@pytest.mark.parametrize("name", ["", "Image-Digest", "Image Digest", "A" * 256])
def test_a_parameter_that_cloudformation_has_no_name_for_is_refused(name: str):
    with pytest.raises(ConfigurationError, match="give letters and digits, such as 'ImageDigest'"):
        ReleaseImage(repository(new_stack()), parameter=name)


@pytest.mark.parametrize("tag", ["", ":bootstrap", "a b", "-1", "a" * 129])
def test_a_first_tag_that_no_registry_takes_is_refused(tag: str):
    with pytest.raises(ConfigurationError, match="ReleaseImage first is"):
        ReleaseImage(repository(new_stack()), first=tag)


def test_the_parameters_of_a_stack_that_hold_a_release_are_known_from_others():
    stack = new_stack()
    cdk.CfnParameter(stack, "Size")
    ReleaseImage(repository(stack)).reference(stack)
    ReleaseImage(repository(stack, "edge", "Edge"), parameter="EdgeDigest").reference(stack)
    assert list(release_parameters(stack)) == ["ImageDigest", "EdgeDigest"]
    assert release_parameters(new_stack()) == {}
