"""Images in Amazon ECR and builds in CodeBuild: what is asked, and what the answers mean."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.image_builds import IAM_ACTIONS, AwsImageBuilds
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.first_image import BuildSeen

IMAGE = {"repositoryName": "inference", "imageIds": [{"imageTag": "bootstrap"}]}


@pytest.fixture
def ecr() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("ecr")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def code_build() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("codebuild")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def builds(ecr: StubbedClient, code_build: StubbedClient) -> AwsImageBuilds:
    return AwsImageBuilds(ecr.client, code_build.client, (BotoCoreError,))


def test_an_image_that_is_there_is_found_by_its_tag(ecr: StubbedClient, builds: AwsImageBuilds) -> None:
    ecr.answers("describe_images", {"imageDetails": [{"imageTags": ["bootstrap"]}]}, IMAGE)
    assert builds.is_pushed("inference", "bootstrap") is True


def test_an_image_that_is_not_there_is_no_error(ecr: StubbedClient, builds: AwsImageBuilds) -> None:
    ecr.fails("describe_images", "ImageNotFoundException")
    assert builds.is_pushed("inference", "bootstrap") is False


def test_no_details_are_no_image(ecr: StubbedClient, builds: AwsImageBuilds) -> None:
    ecr.answers("describe_images", {"imageDetails": []})
    assert builds.is_pushed("inference", "bootstrap") is False


def test_a_repository_that_is_not_there_is_an_error(ecr: StubbedClient, builds: AwsImageBuilds) -> None:
    ecr.fails("describe_images", "RepositoryNotFoundException", "there is no inference")
    with pytest.raises(AwsError, match="there is no inference"):
        builds.is_pushed("inference", "bootstrap")


def test_a_build_is_started_with_the_token_that_starts_it_once(
    code_build: StubbedClient, builds: AwsImageBuilds
) -> None:
    asked = {"projectName": "push-it", "idempotencyToken": "request-1"}
    code_build.answers("start_build", {"build": {"id": "push-it:1"}}, asked)
    assert builds.start("push-it", "request-1") == "push-it:1"


def test_a_build_that_runs_is_seen_to_run(code_build: StubbedClient, builds: AwsImageBuilds) -> None:
    code_build.answers("batch_get_builds", {"builds": [{"buildStatus": "IN_PROGRESS"}]}, {"ids": ["push-it:1"]})
    assert builds.look("push-it:1") == BuildSeen("IN_PROGRESS")


def test_a_failure_is_told_in_the_words_of_the_phase_that_failed(
    code_build: StubbedClient, builds: AwsImageBuilds
) -> None:
    phases = [
        {"phaseType": "PROVISIONING", "contexts": [{"statusCode": "", "message": ""}]},
        {"phaseType": "BUILD", "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "docker build: 1"}]},
        {"phaseType": "FINALIZING"},
    ]
    code_build.answers("batch_get_builds", {"builds": [{"buildStatus": "FAILED", "phases": phases}]})
    assert builds.look("push-it:1") == BuildSeen("FAILED", "docker build: 1")


def test_a_build_that_codebuild_does_not_know_is_an_error(code_build: StubbedClient, builds: AwsImageBuilds) -> None:
    code_build.answers("batch_get_builds", {"builds": [], "buildsNotFound": ["push-it:1"]})
    with pytest.raises(AwsError, match="CodeBuild knows no build push-it:1"):
        builds.look("push-it:1")


def test_no_answer_is_an_aws_error() -> None:
    silent = AwsImageBuilds(SilentClient("ecr"), SilentClient("codebuild"), (BotoCoreError,))
    for call in (lambda: silent.is_pushed("a", "b"), lambda: silent.start("a", "b"), lambda: silent.look("a")):
        with pytest.raises(AwsError):
            call()
