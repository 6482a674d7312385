"""EcrBuildAndPublish: a build by CodePipeline's own action of that name, without a project of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge_all
from .code_build_image import EXECUTION_TAG, LOGIN_REASON, refuse_tag
from .engine.errors import ConfigurationError
from .image_scan_gate import ImageScan
from .pipeline_action import PipelineAction
from .pipeline_parts import ImageReference, MadeBuild, PipelinePlace
from .source_start import refuse_elsewhere, refuse_name


@dataclass(frozen=True)
class EcrBuildAndPublish:
    """Builds a Dockerfile and pushes the image, on a machine that CodePipeline chooses; then looks at ECR's scan.

    folder: where the Dockerfile lies in the source. tags: what the image is tagged with; the action's own default,
    `latest`, can be pushed once to a repository with immutable tags. scan: what may be found (None: nothing is looked
    at, and there is no `imageDetail.json`, which the action CodeDeployToECS needs).

    The action tests nothing, caches nothing, builds for x86_64, and does not look whether a tag is there already: a
    stage of which all actions are retried, not only the failed ones, fails at it. `CodeBuildImage` does these.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECRBuildAndPublish.html

    Raises ConfigurationError for what is no tag or folder; when the pipeline is made, for a repository of another
    account or region.
    """

    repository: ecr.IRepository
    folder: str = "."
    tags: Sequence[str] = (EXECUTION_TAG,)
    scan: ImageScan | None = field(default_factory=ImageScan)
    name: str = "Build"

    def __post_init__(self) -> None:
        """Refuse what the action would fail at."""
        refuse_name("EcrBuildAndPublish", self.name)
        if isinstance(self.tags, str) or not self.tags:
            raise ConfigurationError(f"EcrBuildAndPublish tags is {self.tags!r}: give a list of at least one tag")
        for tag in self.tags:
            refuse_tag("EcrBuildAndPublish", tag)
        if not self.folder or self.folder.startswith("/") or ".." in self.folder.split("/"):
            raise ConfigurationError(
                f"EcrBuildAndPublish folder is {self.folder!r}: give a folder of the source, such as 'services/shop'"
            )

    def make(self, place: PipelinePlace, source: codepipeline.Artifact) -> MadeBuild:
        """The actions: the build, the scan."""
        arn, env = self.repository.repository_arn, self.repository.env
        refuse_elsewhere(place.scope, "EcrBuildAndPublish", "repository", arn, env)
        publish = PipelineAction(
            self.name,
            category=codepipeline.ActionCategory.BUILD,
            provider="ECRBuildAndPublish",
            configuration={
                "ECRRepositoryName": self.repository.repository_name,
                "DockerFilePath": self.folder,
                "ImageTags": ",".join(self.tags),
                "RegistryType": "private",
            },
            role=self._role(place),
            inputs=[source],
            namespace=self.name,
        )
        digest = f"#{{{self.name}.ECRImageDigestId}}"
        if self.scan is None:
            return MadeBuild([publish], ImageReference(self.repository, digest))
        detail = codepipeline.Artifact(f"{self.name}Image")
        starts = place.roles.make(place.scope, "ScanRole", f"Starts the scan of the pipeline's {self.name}")
        scan = self.scan.gate(
            place.scope, self.repository, starts, order=2, digest=digest, source=source, detail=detail
        )
        return MadeBuild([publish, scan], ImageReference(self.repository, digest, detail))

    def _role(self, place: PipelinePlace) -> iam.Role:
        """What the action's page lists, for a private registry, on the one repository and the pipeline's own log."""
        role = place.roles.make(place.scope, "Role", "Builds and pushes the pipeline's image")
        role.add_to_policy(iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:CompleteLayerUpload",
                    "ecr:DescribeRepositories",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
                resources=[self.repository.repository_arn],
            )
        )
        log = arn_here("logs", f"log-group:/aws/codepipeline/{place.pipeline.pipeline_name}")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log, f"{log}:*"],
            )
        )
        acknowledge_all(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": LOGIN_REASON,
                wildcard_finding(place.scope, f"{log}:*"): "CodePipeline names the "
                "streams of its log group; a group for each action was considered, and the action takes none",
            },
        )
        return role
