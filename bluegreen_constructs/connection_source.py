"""ConnectionSource: a repository of GitHub, GitLab or Bitbucket, by a connection of AWS CodeConnections."""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import aws_cdk as cdk
import jsii
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .artefact_rights import pass_artefacts
from .engine.errors import ConfigurationError
from .pipeline_action import PipelineAction
from .pipeline_parts import MadeSource, PipelinePlace
from .source_action import source_action, source_role
from .source_start import refuse_name

_ARN = re.compile(r"arn:[^:\s]+:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:(connection/[0-9a-fA-F-]{36})")
_OWNER = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+")
# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
_MOST_PATTERNS = 8
_LONGEST_PATTERN = 255


@dataclass(frozen=True)
class ConnectionSource:
    """The files of a branch, as a ZIP file; every push to it starts the pipeline, with that commit.

    connection_arn: of a connection that somebody has completed in the console; a pending one starts nothing.
    owner: the organisation or user (of GitLab with its groups, as in 'group/team').
    paths, exclude_paths: only a push that changes such files starts the pipeline (`**` stands for any folders).
    tags: instead of pushes to the branch, pushed git tags like these start it, with the commit of the tag.
    starts_pipeline: False has only something else start it.

    Later actions know the commit as `#{Source.CommitId}`, by the source's name.

    Raises ConfigurationError for an ARN that is no connection's, names that no provider has, and filters that
    CodePipeline does not take.
    """

    connection_arn: str
    owner: str
    repository: str
    branch: str = "main"
    name: str = "Source"
    _: KW_ONLY
    paths: Sequence[str] = ()
    exclude_paths: Sequence[str] = ()
    tags: Sequence[str] = ()
    starts_pipeline: bool = True

    def __post_init__(self) -> None:
        """Refuse what CodePipeline would."""
        refuse_name("ConnectionSource", self.name)
        if not cdk.Token.is_unresolved(self.connection_arn) and not _ARN.fullmatch(self.connection_arn):
            raise ConfigurationError(
                f"ConnectionSource connection_arn is {self.connection_arn!r}: give the ARN that the console's page of "
                "connections shows, arn:aws:codeconnections:…:connection/…"
            )
        for what, pattern, example in (("owner", _OWNER, "example"), ("repository", _REPOSITORY, "shop")):
            if not pattern.fullmatch(getattr(self, what)):
                raise ConfigurationError(
                    f"ConnectionSource {what} is {getattr(self, what)!r}: give its name alone, such as {example!r}"
                )
        if not self.branch or self.branch != self.branch.strip() or self.branch.startswith("refs/"):
            raise ConfigurationError(
                f"ConnectionSource branch is {self.branch!r}: give the branch's short name, such as 'main'"
            )
        self._refuse_filters()

    def make(self, place: PipelinePlace) -> MadeSource:
        """The source action, and the pipeline's trigger where pushes are filtered."""
        role = source_role(place, self.name)
        # The service was renamed in 2024. Which of the names a connection's ARN has depends on when and how it was
        # made, and which action is asked for depends on the ARN; both names stand for the one connection.
        # https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["codeconnections:UseConnection", "codestar-connections:UseConnection"],
                resources=_spellings(self.connection_arn),
            )
        )
        configuration = {
            "ConnectionArn": self.connection_arn,
            "FullRepositoryId": f"{self.owner}/{self.repository}",
            "BranchName": self.branch,
            "OutputArtifactFormat": "CODE_ZIP",
        }
        if not self.starts_pipeline:
            configuration["DetectChanges"] = "false"
        action, artifact = source_action(
            self.name,
            kind=_ConnectionAction,
            provider="CodeStarSourceConnection",
            configuration=configuration,
            role=role,
        )
        self._trigger(place, action)
        return MadeSource(action, artifact)

    def _trigger(self, place: PipelinePlace, action: PipelineAction) -> None:
        """Without a filter CodePipeline watches the branch itself.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html
        """
        if not (self.paths or self.exclude_paths or self.tags):
            return
        if not isinstance(place.pipeline, codepipeline.Pipeline):
            raise ConfigurationError(
                f"ConnectionSource {self.name} filters pushes, which the pipeline does: give a pipeline that the app "
                "makes, or no paths, exclude_paths and tags"
            )
        pushed = (
            codepipeline.GitPushFilter(tags_includes=list(self.tags))
            if self.tags
            else codepipeline.GitPushFilter(
                branches_includes=[self.branch],
                file_paths_includes=list(self.paths) or None,
                file_paths_excludes=list(self.exclude_paths) or None,
            )
        )
        place.pipeline.add_trigger(
            provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
            git_configuration=codepipeline.GitConfiguration(source_action=action, push_filter=[pushed]),
        )

    def _refuse_filters(self) -> None:
        for what in ("paths", "exclude_paths", "tags"):
            patterns = getattr(self, what)
            if isinstance(patterns, str) or len(patterns) > _MOST_PATTERNS:
                raise ConfigurationError(
                    f"ConnectionSource {what} is {patterns!r}: give a list of at most {_MOST_PATTERNS} patterns"
                )
            for pattern in patterns:
                if not 0 < len(pattern) <= _LONGEST_PATTERN:
                    raise ConfigurationError(
                        f"ConnectionSource {what} has the pattern {pattern!r}: give 1 to {_LONGEST_PATTERN} characters"
                    )
        if self.tags and (self.paths or self.exclude_paths):
            raise ConfigurationError(
                f"ConnectionSource {self.name} has tags and paths, and a pushed tag changes no files: give one of them"
            )
        if not self.starts_pipeline and (self.paths or self.exclude_paths or self.tags):
            raise ConfigurationError(
                f"ConnectionSource {self.name} filters pushes and starts_pipeline is False: give one of them"
            )


@jsii.implements(codepipeline.IAction)
class _ConnectionAction(PipelineAction):
    """CodeConnections reads back what it leaves, and sets its access control list, as the CDK's own action allows it.

    https://github.com/aws/aws-cdk/blob/v2.275.0/packages/aws-cdk-lib/aws-codepipeline-actions/lib/codestar-connections/source-action.ts
    """

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 -- the CDK's signature
        stage: codepipeline.IStage,  # noqa: ARG002
        *,
        role: iam.IRole,
        bucket: s3.IBucket,
    ) -> codepipeline.ActionConfig:
        """Called by the CDK's pipeline when the action is added to a stage."""
        pass_artefacts(role, bucket, reads=True, writes=True)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:PutObjectAcl", "s3:PutObjectVersionAcl"], resources=[bucket.arn_for_objects("*")]
            )
        )
        return codepipeline.ActionConfig(configuration=self._configuration)


def _spellings(arn: str) -> list[str]:
    """The connection's ARN under the service's present and former name, be it known only at deployment."""
    parts = cdk.Fn.split(":", arn, 6)
    return [
        cdk.Fn.join(":", [*parts[:2], service, *parts[3:]]) for service in ("codeconnections", "codestar-connections")
    ]
