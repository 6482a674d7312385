"""A pipeline's source action: named alike in the pipeline, in its variables and in its artefact."""

from collections.abc import Mapping

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam

from .pipeline_action import PipelineAction
from .pipeline_parts import PipelinePlace


def source_role(place: PipelinePlace, name: str) -> iam.Role:
    """What the source action runs as; it may do nothing yet."""
    return place.roles.make(place.scope, "Role", f"Reads what the pipeline's source {name} is")


def source_action(
    name: str,
    *,
    provider: str,
    configuration: Mapping[str, object],
    role: iam.IRole,
    kind: type[PipelineAction] = PipelineAction,
) -> tuple[PipelineAction, codepipeline.Artifact]:
    """The action, and the artefact that it leaves."""
    artifact = codepipeline.Artifact(name)
    action = kind(
        name,
        category=codepipeline.ActionCategory.SOURCE,
        provider=provider,
        configuration=configuration,
        role=role,
        outputs=[artifact],
        namespace=name,
    )
    return action, artifact
