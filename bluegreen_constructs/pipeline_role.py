"""PipelineRole: the role of a pipeline itself, which takes on the roles of its actions and copies artefacts."""

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .acknowledgements import acknowledge_lint
from .artefact_rights import pass_artefacts


class PipelineRole:
    """Makes the role; `role` is it.

    The CDK's own pipeline would add statements to it that end with wildcards, among them one on every key of the
    account when the pipeline reaches another region; it gets the role as one that nobody may add to.
    """

    def __init__(self, scope: Construct, bucket: s3.IBucket, *, name: str | None = None) -> None:
        """Make the role of the pipeline in `scope`, whose artefacts lie in `bucket`."""
        self.role = iam.Role(
            scope,
            "Role",
            assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"),
            role_name=name,
            description=f"The pipeline {scope.node.path}; its actions have roles of their own",
        )
        pass_artefacts(self.role, bucket, reads=True, writes=True)

    @property
    def as_it_is(self) -> iam.IRole:
        """The role for the CDK's pipeline, which must not add to it."""
        return self.role.without_policy_updates()

    def finish(self, pipeline: codepipeline.Pipeline) -> None:
        """Let the pipeline copy artefacts to the other regions that it has actions in; after the last stage."""
        if pipeline.node.default_child is not None:
            acknowledge_lint(
                pipeline.node.default_child,
                "W3005",
                "the CDK has the pipeline wait for its role and the role's policy; waiting for the policy alone was "
                "considered, and the dependency is the CDK's own",
            )
        for region, support in sorted(pipeline.cross_region_support.items()):
            pass_artefacts(self.role, support.replication_bucket, reads=True, writes=True, region=region)
