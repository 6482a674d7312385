"""The first commit of a code repository: made while the repository is empty, and never again; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .errors import AwsError, ConfigurationError


class NotEmptyError(AwsError):
    """Somebody has committed to the repository."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What is committed: the files' texts by their paths."""

    repository: str
    branch: str
    files: Mapping[str, str]

    @staticmethod
    def of(properties: Mapping[str, object]) -> "Seed":
        """Read the custom resource's properties. Raises ConfigurationError for what is missing or no text."""
        repository, branch = properties.get("Repository"), properties.get("Branch")
        listed = properties.get("Files")
        files = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        if not isinstance(repository, str) or not repository or not isinstance(branch, str) or not branch:
            raise ConfigurationError(
                f"the resource's Repository is {repository!r} and its Branch {branch!r}: deploy the stack that has it "
                "again"
            )
        texts = [text for one in files for text in (one.get("Path"), one.get("Text"))]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ConfigurationError("the resource's Files are no texts with their paths: deploy its stack again")
        return Seed(repository, branch, {str(one["Path"]): str(one["Text"]) for one in files})


class CodeRepositories(Protocol):
    """Code repositories. All calls raise AwsError when AWS refuses."""

    def is_empty(self, repository: str) -> bool:
        """Whether nothing was ever committed."""

    def commit(self, seed: Seed) -> str:
        """Make the first commit; answers its id. Raises NotEmptyError when there is one already."""


def plant(seed: Seed, repositories: CodeRepositories) -> str:
    """Commit the files unless the repository has commits; says what was done.

    What people have committed since is never overwritten, whatever the stack says later.
    """
    if repositories.is_empty(seed.repository):
        try:
            commit = repositories.commit(seed)
        except NotEmptyError:
            pass  # a second run of the same event, or somebody who was faster
        else:
            return f"{', '.join(sorted(seed.files))} committed to {seed.repository} as {commit}"
    return f"{seed.repository} has commits already, nothing was committed"
