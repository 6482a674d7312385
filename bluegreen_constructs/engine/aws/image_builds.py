"""Images in Amazon ECR, and the builds in AWS CodeBuild that push them."""

from collections.abc import Mapping
from typing import Protocol

from ..errors import AwsError
from ..first_image import BuildSeen
from .client_calls import AwsClient, Calls, entries, entry
from .resource_kinds import Actions

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html
IAM_ACTIONS: Actions = {
    "ecr:DescribeImages": ("image repository",),
    "codebuild:StartBuild": ("build project",),
    "codebuild:BatchGetBuilds": ("build project",),
}


class EcrClient(AwsClient, Protocol):
    """The calls of a boto3 `ecr` client that are used here."""

    def describe_images(self, **arguments: object) -> Mapping[str, object]: ...


class CodeBuildClient(AwsClient, Protocol):
    """The calls of a boto3 `codebuild` client that are used here."""

    def start_build(self, **arguments: object) -> Mapping[str, object]: ...
    def batch_get_builds(self, **arguments: object) -> Mapping[str, object]: ...


class _NoImageError(AwsError):
    pass


class AwsImageBuilds:
    """`engine.first_image.ImageBuilds` on AWS."""

    def __init__(
        self, images: EcrClient, builds: CodeBuildClient, transport_errors: tuple[type[Exception], ...] = ()
    ) -> None:
        """Use the clients; `transport_errors` is what they raise when AWS could not be reached or did not answer."""
        self._images, self._builds = images, builds
        self._of_images = Calls(images, transport_errors, {"ImageNotFound": _NoImageError})
        self._of_builds = Calls(builds, transport_errors)

    def is_pushed(self, repository: str, tag: str) -> bool:
        """One call: DescribeImages."""
        asked = {"repositoryName": repository, "imageIds": [{"imageTag": tag}]}
        try:
            return bool(entries(self._of_images.make(self._images.describe_images, asked), "imageDetails"))
        except _NoImageError:
            return False

    def start(self, project: str, token: str) -> str:
        """One call: StartBuild; the same token within five minutes answers the same build."""
        asked = {"projectName": project, "idempotencyToken": token}
        return str(entry(self._of_builds.make(self._builds.start_build, asked), "build")["id"])

    def look(self, build: str) -> BuildSeen:
        """One call: BatchGetBuilds. What it says of a failure is the message of the last phase that has one."""
        found = entries(self._of_builds.make(self._builds.batch_get_builds, {"ids": [build]}), "builds")
        if not found:
            raise AwsError(f"CodeBuild knows no build {build}")
        said = ""
        for phase in entries(found[0], "phases"):
            for context in entries(phase, "contexts"):
                said = str(context.get("message") or "") or said
        return BuildSeen(str(found[0].get("buildStatus")), said)
