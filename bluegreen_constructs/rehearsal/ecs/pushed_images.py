"""Which build an image reference is: the tag that it names, or that its digest was pushed with to the registry here."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ...engine.errors import RehearsalError
from .tasks_file import image_tag


class Registry(Protocol):
    """What is used of Amazon ECR, in boto3's names."""

    def describe_images(self, *, repositoryName: str) -> Mapping[str, Sequence[Mapping[str, object]]]:  # noqa: N803
        """The images of a repository; raises when there is none of that name."""
        ...


class PushedImages:
    """Tells the tasks file's builds by digests, too: nothing but the registry knows what a digest is of.

    `registry` is a boto3 client of Amazon ECR.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def tag_of(self, image: str) -> str:
        """The tag in a reference; for a digest the first one that it was pushed with.

        A repository that is not in the registry is somebody else's, of which only the digest is known. Raises
        RehearsalError, with ECS's reason, for a digest that its repository does not have.
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
        """
        name, _, digest = image.partition("@")
        if not digest or ":" in name.rpartition("/")[2]:
            return image_tag(image)
        repository = name.partition("/")[2]
        images = self._images(repository)
        if images is None:
            return digest
        found = [one for one in images if one["imageDigest"] == digest]
        if not found:
            raise RehearsalError(f"CannotPullContainerError: failed to resolve ref {image}: {image}: not found")
        tags = found[0].get("imageTags")
        return str(tags[0]) if isinstance(tags, Sequence) and tags else digest

    def _images(self, repository: str) -> Sequence[Mapping[str, object]] | None:
        """None when there is no such repository."""
        if not repository:
            return None
        try:
            return self._registry.describe_images(repositoryName=repository)["imageDetails"]
        except Exception as error:  # its class belongs to the client
            if type(error).__name__ == "RepositoryNotFoundException":
                return None
            raise
