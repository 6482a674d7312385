"""EcrPush: a pipeline that ships the images that are pushed to a repository of Amazon ECR."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam

from .engine.errors import ConfigurationError
from .pipeline_parts import ImageReference, MadeSource, PipelinePlace
from .source_action import source_action, source_role
from .source_start import refuse_elsewhere, refuse_name, start_on_event

_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class EcrPush:
    """Ships every image that is pushed with a tag like `tag_pattern`, by the digest that was pushed.

    tag_pattern: `*` in it stands for any text.
    exclude: tags whose push starts nothing, such as that of a first image that only holds the place.
    tag: what is shipped when something else starts the pipeline: a person, or a change of another source. CodePipeline
        asks for one tag there. With immutable tags alone it does not exist, and such an execution fails at its source,
        before anything is deployed; where it should work, push every release with this tag too and exempt it from the
        repository's immutability. Its own push starts nothing, unless it is the very `tag_pattern`.
    starts_pipeline: False has only something else start it.

    A fixed tag is all that CodePipeline's own source action can watch, hence the rule of ours, which hands on the
    digest. What is pushed without a tag, as each platform of a multi-platform image is, starts nothing.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECR.html
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html

    Raises ConfigurationError for what is no tag or pattern, and for a pattern that also stands for an excluded tag;
    when the pipeline is made, for a repository of another account or region.
    """

    repository: ecr.IRepository
    tag_pattern: str = "*"
    name: str = "Image"
    exclude: Sequence[str] = ("bootstrap",)
    tag: str = "latest"
    starts_pipeline: bool = True

    def __post_init__(self) -> None:
        """Refuse what CodePipeline, ECR or EventBridge would."""
        refuse_name("EcrPush", self.name)
        if not _PATTERN.fullmatch(self.tag_pattern) or "**" in self.tag_pattern:
            raise ConfigurationError(
                f"EcrPush tag_pattern is {self.tag_pattern!r}: give letters, digits, dots, hyphens, _ and single *, "
                "such as 'v*'"
            )
        if isinstance(self.exclude, str):
            raise ConfigurationError(f"EcrPush exclude is {self.exclude!r}: give a list of tags")
        for tag in (*self.exclude, self.tag):
            if not _TAG.fullmatch(tag):
                raise ConfigurationError(f"EcrPush names the tag {tag!r}: give one that ECR takes, such as 'latest'")
        for tag in self._excluded:
            if self.tag_pattern != "*" and fnmatchcase(tag, self.tag_pattern):
                raise ConfigurationError(
                    f"EcrPush tag_pattern is {self.tag_pattern!r}, which also stands for {tag!r}, whose push is to "
                    "start nothing, and EventBridge has no pattern for the rest: give a narrower one, such as 'v*', "
                    "or '*'"
                )

    def make(self, place: PipelinePlace) -> MadeSource:
        """The source action, and the rule that starts the pipeline."""
        repository = self.repository
        refuse_elsewhere(place.scope, "EcrPush", "repository", repository.repository_arn, repository.env)
        role = source_role(place, self.name)
        role.add_to_policy(iam.PolicyStatement(actions=["ecr:DescribeImages"], resources=[repository.repository_arn]))
        action, artifact = source_action(
            self.name,
            provider="ECR",
            configuration={"RepositoryName": repository.repository_name, "ImageTag": self.tag},
            role=role,
        )
        if self.starts_pipeline:
            start_on_event(
                place,
                self.name,
                description=f"An image that is pushed is shipped by its digest, as the source {self.name}",
                pattern=self._pattern(),
                revision_type="IMAGE_DIGEST",
                revision="$.detail.image-digest",
            )
        return MadeSource(action, artifact, ImageReference(repository, f"#{{{self.name}.ImageDigest}}", artifact))

    @property
    def _excluded(self) -> tuple[str, ...]:
        others = () if self.tag_pattern == self.tag else (self.tag,)
        return tuple(dict.fromkeys((*self.exclude, *others)))

    def _pattern(self) -> Mapping[str, object]:
        """What EventBridge matches; what a list holds for one field are alternatives, never `like this but not that`.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
        """
        tag: dict[str, object] = {"wildcard": self.tag_pattern}
        if self.tag_pattern == "*":
            # ECR tells of an image without a tag by an empty one.
            tag = {"anything-but": ["", *self._excluded]}
        return {
            "source": ["aws.ecr"],
            "detail-type": ["ECR Image Action"],
            "detail": {
                "action-type": ["PUSH"],
                "result": ["SUCCESS"],
                "repository-name": [self.repository.repository_name],
                "image-tag": [tag],
            },
        }
