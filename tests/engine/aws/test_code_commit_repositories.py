"""Code repositories in CodeCommit: what is asked, and what the answers mean."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import BotoCoreError
from stubbed_client import SilentClient, StubbedClient

from bluegreen_constructs.engine.aws.code_commit_repositories import IAM_ACTIONS, CodeCommitRepositories
from bluegreen_constructs.engine.errors import AwsError
from bluegreen_constructs.engine.repository_seed import NotEmptyError, Seed

SEED = Seed("delivery", "main", {"taskdef.json": "{}\n", "appspec.yaml": "größer: 0\n"})


@pytest.fixture
def code_commit() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("codecommit")
    yield stubbed
    assert set(stubbed.actions) <= set(IAM_ACTIONS)
    stubbed.done()


@pytest.fixture
def repositories(code_commit: StubbedClient) -> CodeCommitRepositories:
    return CodeCommitRepositories(code_commit.client, (BotoCoreError,))


@pytest.mark.parametrize(("metadata", "empty"), [({}, True), ({"defaultBranch": "main"}, False)])
def test_a_repository_is_empty_until_it_has_a_default_branch(
    code_commit: StubbedClient, repositories: CodeCommitRepositories, metadata: dict, empty: bool
) -> None:
    code_commit.answers("get_repository", {"repositoryMetadata": metadata}, {"repositoryName": "delivery"})
    assert repositories.is_empty("delivery") is empty


def test_the_first_commit_has_all_files_and_no_parent(
    code_commit: StubbedClient, repositories: CodeCommitRepositories
) -> None:
    code_commit.answers("create_commit", {"commitId": "4c925148"})
    assert repositories.commit(SEED) == "4c925148"
    ((_, asked),) = code_commit.asked
    assert "parentCommitId" not in asked
    assert (asked["repositoryName"], asked["branchName"]) == ("delivery", "main")
    assert asked["putFiles"] == [
        {"filePath": "appspec.yaml", "fileContent": "größer: 0\n".encode()},
        {"filePath": "taskdef.json", "fileContent": b"{}\n"},
    ]


@pytest.mark.parametrize("code", ["ParentCommitIdRequiredException", "ParentCommitIdOutdatedException"])
def test_a_repository_with_commits_is_said_to_be_so(
    code_commit: StubbedClient, repositories: CodeCommitRepositories, code: str
) -> None:
    code_commit.fails("create_commit", code)
    with pytest.raises(NotEmptyError):
        repositories.commit(SEED)


def test_another_refusal_is_an_aws_error_in_its_words(
    code_commit: StubbedClient, repositories: CodeCommitRepositories
) -> None:
    code_commit.fails("create_commit", "EncryptionKeyDisabledException", "the key is disabled")
    with pytest.raises(AwsError, match="the key is disabled") as raised:
        repositories.commit(SEED)
    assert not isinstance(raised.value, NotEmptyError)


def test_no_answer_is_an_aws_error() -> None:
    silent = CodeCommitRepositories(SilentClient("codecommit"), (BotoCoreError,))
    for call in (lambda: silent.is_empty("a"), lambda: silent.commit(SEED)):
        with pytest.raises(AwsError):
            call()
