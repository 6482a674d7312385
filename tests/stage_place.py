"""A stage of a small pipeline, to make deploys in, and what is read of its template."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs.artefact_store import ArtefactStore
from bluegreen_constructs.deploy_place import DeployPlace
from bluegreen_constructs.pipeline_action import PipelineAction
from bluegreen_constructs.pipeline_parts import ImageReference, MadeSource
from tests.canary_service import flat

Json = dict
ROOT = "arn:<AWS::Partition>"
HERE = "<AWS::Region>:<AWS::AccountId>"
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.<AWS::URLSuffix>/app"


@dataclass(frozen=True)
class StagePlace:
    """A pipeline with sources, an assembly, and a place in its stage `Prod`."""

    stack: cdk.Stack
    place: DeployPlace
    pipeline: codepipeline.Pipeline

    def add(self, *actions: codepipeline.IAction) -> Template:
        """The stage with these actions, and the stack's template."""
        self.pipeline.add_stage(stage_name="Prod", actions=list(actions))
        return Template.from_stack(self.stack)


def stage_place(stack: cdk.Stack, *, has_image: bool = True, has_assembly: bool = True) -> StagePlace:
    store = ArtefactStore(stack, "Artefacts")
    pipeline = codepipeline.Pipeline(
        stack,
        "Pipeline",
        pipeline_type=codepipeline.PipelineType.V2,
        artifact_bucket=store.bucket,
        role=iam.Role(stack, "PipelineRole", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com")),
    )
    source, assembly = codepipeline.Artifact("Source"), codepipeline.Artifact("Assembly")
    made = MadeSource(_source("Source", source), source)
    pipeline.add_stage(stage_name="Source", actions=[made.action, _source("Assembly", assembly)])
    home = Construct(stack, "Stage-Prod")
    role = iam.Role(home, "Role", assumed_by=iam.ArnPrincipal(pipeline.role.role_arn))
    repository = ecr.Repository.from_repository_name(stack, "Repository", "app")
    image = ImageReference(repository, "#{Image.ImageDigest}")
    place = DeployPlace(
        home, "Prod", role, image if has_image else None, assembly if has_assembly else None, {"Source": made}
    )
    return StagePlace(stack, place, pipeline)


def _source(name: str, artifact: codepipeline.Artifact) -> PipelineAction:
    return PipelineAction(
        name,
        category=codepipeline.ActionCategory.SOURCE,
        provider="S3",
        configuration={"S3Bucket": "b", "S3ObjectKey": name},
        role=None,
        outputs=[artifact],
    )


def actions(of: Template) -> Mapping[str, Json]:
    """The stage's actions by their names."""
    (pipeline,) = of.find_resources("AWS::CodePipeline::Pipeline").values()
    (stage,) = [one for one in pipeline["Properties"]["Stages"] if one["Name"] == "Prod"]
    return {one["Name"]: one for one in stage["Actions"]}


def project(of: Template) -> Json:
    """The one project's properties."""
    (found,) = of.find_resources("AWS::CodeBuild::Project").values()
    return found["Properties"]


def build_spec(of: Template) -> Json:
    return json.loads(flat(project(of)["Source"]["BuildSpec"]))


def rights(of: Template) -> list[Json]:
    """What the project's role may do besides its log and its artefacts, with references as text."""
    (role,) = [
        one["Properties"]
        for one in of.find_resources("AWS::IAM::Role").values()
        if "codebuild.amazonaws.com" in json.dumps(one["Properties"]["AssumeRolePolicyDocument"])
    ]
    (policy,) = role["Policies"]
    plain = [_flattened(one) for one in policy["PolicyDocument"]["Statement"]]
    own = ("logs:", "s3:GetBucket", "kms:", "s3:PutObject", "s3:GetObjectVersion")
    return [one for one in plain if not any(action.startswith(own) for action in listed(one["Action"]))]


def listed(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _flattened(value: object) -> Json:
    if isinstance(value, dict):
        if set(value) & {"Ref", "Fn::GetAtt", "Fn::Join", "Fn::ImportValue"} and len(value) == 1:
            return flat(value)  # type: ignore[return-value]
        return {key: _flattened(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_flattened(one) for one in value]  # type: ignore[return-value]
    return value  # type: ignore[return-value]
