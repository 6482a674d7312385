"""What a pipeline and its parts agree on: where a part makes its resources, and what it hands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from .action_roles import ActionRoles


@dataclass(frozen=True)
class PipelinePlace:
    """Where a part of a pipeline makes its resources: a scope of its own, and roles that the pipeline takes on."""

    scope: Construct
    roles: ActionRoles
    pipeline: codepipeline.IPipeline


@dataclass(frozen=True)
class ImageReference:
    """An image that an execution ships, by digest. `uri` and `digest` hold CodePipeline's variables.

    artifact: holds `imageDetail.json`, which the action CodeDeployToECS reads (None: the part writes none).
    """

    repository: ecr.IRepository
    digest: str
    artifact: codepipeline.Artifact | None = None

    @property
    def uri(self) -> str:
        """The whole reference: the repository's address and the digest, whatever is tagged how by then."""
        return f"{self.repository.repository_uri}@{self.digest}"


@dataclass(frozen=True)
class MadeSource:
    """A source's action and its artefact; `image` when the source is one."""

    action: codepipeline.IAction
    artifact: codepipeline.Artifact
    image: ImageReference | None = None


class PipelineSource(Protocol):
    """What a pipeline begins with."""

    @property
    def name(self) -> str:
        """The action's name, by which others say which source they mean."""

    @property
    def starts_pipeline(self) -> bool:
        """Whether a change of it starts the pipeline."""

    def make(self, place: PipelinePlace) -> MadeSource:
        """Make the action, what starts the pipeline on a change, and the rights that it needs."""


@dataclass(frozen=True)
class MadeBuild:
    """A build's actions in the order of their `run_order`, and the image that they publish."""

    actions: Sequence[codepipeline.IAction]
    image: ImageReference


class ImageBuild(Protocol):
    """What makes an image from a source."""

    @property
    def repository(self) -> ecr.IRepository:
        """Where the image goes."""

    def make(self, place: PipelinePlace, source: codepipeline.Artifact) -> MadeBuild:
        """Make the actions, and what they run in."""
