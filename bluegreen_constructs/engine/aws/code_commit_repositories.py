"""Code repositories in AWS CodeCommit."""

from collections.abc import Mapping
from typing import Protocol

from ..repository_seed import NotEmptyError, Seed
from .client_calls import AwsClient, Calls, entry
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html
IAM_ACTIONS: Actions = {
    "codecommit:CreateCommit": ("code repository",),
    "codecommit:GetRepository": ("code repository",),
}

# A first commit names no parent, which a repository that is not empty refuses.
# https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateCommit.html
_KINDS = dict.fromkeys(("ParentCommitIdRequired", "ParentCommitIdOutdated"), NotEmptyError)


class CodeCommitClient(AwsClient, Protocol):
    """The calls of a boto3 `codecommit` client that are used here."""

    def get_repository(self, **arguments: object) -> Mapping[str, object]: ...
    def create_commit(self, **arguments: object) -> Mapping[str, object]: ...


class CodeCommitRepositories:
    """`engine.repository_seed.CodeRepositories` on AWS CodeCommit."""

    def __init__(self, client: CodeCommitClient, transport_errors: tuple[type[Exception], ...] = ()) -> None:
        """Use `client`; `transport_errors` is what it raises when AWS could not be reached or did not answer."""
        self._client = client
        self._calls = Calls(client, transport_errors, _KINDS)

    def is_empty(self, repository: str) -> bool:
        """One call: GetRepository. The default branch is there from the first commit on."""
        found = self._calls.make(self._client.get_repository, {"repositoryName": repository})
        return not entry(found, "repositoryMetadata").get("defaultBranch")

    def commit(self, seed: Seed) -> str:
        """One call: CreateCommit."""
        asked = {
            "repositoryName": seed.repository,
            "branchName": seed.branch,
            "commitMessage": "What the stack that made this repository says",
            "putFiles": [{"filePath": path, "fileContent": text.encode()} for path, text in sorted(seed.files.items())],
        }
        return str(self._calls.make(self._client.create_commit, asked)["commitId"])
