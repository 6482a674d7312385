"""Source actions, played: what CodePipeline finds at a revision, as artefacts and variables."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .action_work import ActionFailedError, Done, How, Work
from .image_registry import ImageRegistry

_NO_COMMIT = "0" * 40


@dataclass(frozen=True)
class EcrSource:
    """The image of the revision that the execution was started with, else the tag's.

    Variables: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html
    imageDetail.json: https://docs.aws.amazon.com/codepipeline/latest/userguide/file-reference.html
    """

    registry: ImageRegistry
    account: str
    region: str

    def run(self, work: Work) -> Done:
        """Find the image in the emulated registry, and write what later actions read of it."""
        repository, tag = work.required("RepositoryName"), work.configuration.get("ImageTag", "latest")
        if work.revision is not None and work.revision.kind != "IMAGE_DIGEST":
            raise ActionFailedError(f"a revision of an image is an IMAGE_DIGEST, and this is {work.revision.kind}")
        identity = {"imageTag": tag} if work.revision is None else {"imageDigest": work.revision.value}
        image = self.registry.image(repository, identity)
        if image is None:
            raise ActionFailedError(f"the repository {repository} has no image {next(iter(identity.values()))}")
        digest, tags = str(image["imageDigest"]), list(image.get("imageTags", ()))
        uri = f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{repository}@{digest}"
        pushed = image.get("imagePushedAt")
        detail = {
            "ImageSizeInBytes": str(image.get("imageSizeInBytes", 0)),
            "ImageDigest": digest,
            "Version": "1.0",
            "ImagePushedAt": pushed.astimezone(UTC).isoformat() if isinstance(pushed, datetime) else str(pushed),
            "RegistryId": self.account,
            "RepositoryName": repository,
            "ImageURI": uri,
            "ImageTags": tags,
        }
        for folder in work.outputs.values():
            folder.mkdir(parents=True)
            (folder / "imageDetail.json").write_text(json.dumps(detail), encoding="utf-8")
        variables = {
            "RegistryId": self.account,
            "RepositoryName": repository,
            "ImageTag": tags[0] if tags else tag,
            "ImageDigest": digest,
            "ImageURI": uri,
        }
        return Done(How.PLAYED, f"{repository}@{digest[:19]}, pushed as {', '.join(tags) or 'no tag'}", variables)


@dataclass(frozen=True)
class CheckoutSource:
    """A source of code, whatever holds it: the artefact is this checkout, as it is on the disk now.

    Of the variables there are those that name the commit, the branch and the repository.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
    """

    checkout: Path

    def run(self, work: Work) -> Done:
        """Let the artefact be the checkout's folder."""
        for folder in work.outputs.values():
            folder.symlink_to(self.checkout, target_is_directory=True)
        commit = self._commit()
        names = {
            "RepositoryName": work.configuration.get("RepositoryName", self.checkout.name),
            "BranchName": work.configuration.get("BranchName", ""),
            "CommitId": commit,
            "CommitMessage": "the checkout, with whatever was changed in it",
        }
        return Done(How.PLAYED, f"this checkout, which is of commit {commit[:8]}", names)

    def _commit(self) -> str:
        """The checkout's own, if it is one of git's."""
        git = shutil.which("git")
        if git is None:
            return _NO_COMMIT
        asked = subprocess.run(
            [git, "rev-parse", "HEAD"], cwd=self.checkout, capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() if asked.returncode == 0 else _NO_COMMIT
