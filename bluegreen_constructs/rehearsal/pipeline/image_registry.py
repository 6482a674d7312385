"""The emulated registry as a developer's push fills it: an image is a manifest that says which release it is.

Nothing is built and no layer is stored: a task's process is chosen by the tag that its digest was pushed with.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class PushedImage:
    """An image in the registry."""

    repository: str
    tag: str
    digest: str


class ImageRegistry:
    """Amazon ECR in the emulator, by a boto3 client."""

    def __init__(self, ecr: Any) -> None:
        self._ecr = ecr

    def require_repository(self, name: str) -> None:
        """Make the repository if there is none: with immutable tags, as `ImageRepository` makes it."""
        try:
            self._ecr.describe_repositories(repositoryNames=[name])
        except self._ecr.exceptions.RepositoryNotFoundException:
            self._ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")

    def push(self, repository: str, tag: str) -> PushedImage:
        """Push the build of a tag; one that was pushed already stays, and nothing is told of it."""
        manifest = self._manifest(tag)
        if found := self._find(repository, {"imageTag": tag}):
            return PushedImage(repository, tag, str(found["imageDigest"]))
        answer = self._ecr.put_image(
            repositoryName=repository, imageManifest=manifest, imageManifestMediaType=_MANIFEST, imageTag=tag
        )
        return PushedImage(repository, tag, str(answer["image"]["imageId"]["imageDigest"]))

    def image(self, repository: str, identity: dict[str, str]) -> dict[str, Any] | None:
        """What DescribeImages knows of an image, by `imageTag` or `imageDigest`; None when it was not pushed."""
        return self._find(repository, identity)

    def _find(self, repository: str, identity: dict[str, str]) -> dict[str, Any] | None:
        try:
            found = self._ecr.describe_images(repositoryName=repository, imageIds=[identity])["imageDetails"]
        except (self._ecr.exceptions.ImageNotFoundException, self._ecr.exceptions.RepositoryNotFoundException):
            return None
        return dict(found[0]) if found else None

    def _manifest(self, tag: str) -> str:
        """Alike for each push of the tag, so that its digest is."""
        config = hashlib.sha256(tag.encode()).hexdigest()
        content = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": f"sha256:{config}", "size": 2},
            "layers": [],
            "annotations": {"org.opencontainers.image.version": tag},
        }
        return json.dumps(content)
