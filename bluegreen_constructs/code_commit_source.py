"""CodeCommitSource: a branch of a repository of AWS CodeCommit."""

import re
from dataclasses import dataclass

from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_iam as iam

from .engine.errors import ConfigurationError
from .pipeline_parts import MadeSource, PipelinePlace
from .source_action import source_action, source_role
from .source_start import refuse_elsewhere, refuse_name, start_on_event

# https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
_BRANCH = re.compile(r"(?!refs/)[^\s~^:?*\[\\]{1,256}")


@dataclass(frozen=True)
class CodeCommitSource:
    """The files of a branch, as a ZIP file; every commit on it starts the pipeline, with that commit.

    Later actions know the commit as `#{Source.CommitId}`, by the source's name.

    starts_pipeline: False has only something else start it, which takes the branch as it is then.

    Raises ConfigurationError for what is no branch's name; when the pipeline is made, for a repository of another
    account or region.
    """

    repository: codecommit.IRepository
    branch: str = "main"
    name: str = "Source"
    starts_pipeline: bool = True

    def __post_init__(self) -> None:
        """Refuse what CodePipeline or git would."""
        refuse_name("CodeCommitSource", self.name)
        if not _BRANCH.fullmatch(self.branch):
            raise ConfigurationError(
                f"CodeCommitSource branch is {self.branch!r}: give the branch's short name, such as 'main'"
            )

    def make(self, place: PipelinePlace) -> MadeSource:
        """The source action, and the rule that starts the pipeline."""
        repository = self.repository
        refuse_elsewhere(place.scope, "CodeCommitSource", "repository", repository.repository_arn, repository.env)
        role = source_role(place, self.name)
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html; without
        # GetRepository, which only a full clone needs.
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "codecommit:CancelUploadArchive",
                    "codecommit:GetBranch",
                    "codecommit:GetCommit",
                    "codecommit:GetUploadArchiveStatus",
                    "codecommit:UploadArchive",
                ],
                resources=[repository.repository_arn],
            )
        )
        action, artifact = source_action(
            self.name,
            provider="CodeCommit",
            configuration={
                "RepositoryName": repository.repository_name,
                "BranchName": self.branch,
                "PollForSourceChanges": "false",
            },
            role=role,
        )
        if self.starts_pipeline:
            # https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
            start_on_event(
                place,
                self.name,
                description=f"A commit on {self.branch} is shipped, as the source {self.name}",
                pattern={
                    "source": ["aws.codecommit"],
                    "detail-type": ["CodeCommit Repository State Change"],
                    "resources": [repository.repository_arn],
                    "detail": {
                        "event": ["referenceCreated", "referenceUpdated"],
                        "referenceType": ["branch"],
                        "referenceName": [self.branch],
                    },
                },
                revision_type="COMMIT_ID",
                revision="$.detail.commitId",
            )
        return MadeSource(action, artifact)
