"""Pipelines to put one part into: the stack, the place that a part is made in, and what the template says of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from constructs import Construct

from bluegreen_constructs.action_roles import ActionRoles
from bluegreen_constructs.engine.errors import ConfigurationError
from bluegreen_constructs.pipeline_action import PipelineAction
from bluegreen_constructs.pipeline_parts import MadeBuild, MadeSource, PipelinePlace, PipelineSource

ACCOUNT, REGION = "123456789012", "eu-west-1"
ENV = cdk.Environment(account=ACCOUNT, region=REGION)


class Delivery:
    """A stack with a pipeline, whose stages are added as the test makes them."""

    def __init__(self, app: cdk.App | None = None, name: str = "Delivery") -> None:
        self.stack = cdk.Stack(app or cdk.App(), name, env=ENV)
        self.role = iam.Role(self.stack, "Role", assumed_by=iam.ServicePrincipal("codepipeline.amazonaws.com"))
        self.key = kms.Key(self.stack, "Key", enable_key_rotation=True)
        self.bucket = s3.Bucket(
            self.stack,
            "Artefacts",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        )
        self.pipeline = codepipeline.Pipeline(
            self.stack,
            "Pipeline",
            pipeline_type=codepipeline.PipelineType.V2,
            role=self.role.without_policy_updates(),
            artifact_bucket=self.bucket,
        )
        self._ended = False

    def place(self, name: str) -> PipelinePlace:
        """Where a part is made, in a scope of its own."""
        return PipelinePlace(Construct(self.stack, name), ActionRoles(self.role), self.pipeline)

    def repository(self, name: str = "Images") -> ecr.Repository:
        return ecr.Repository(self.stack, name, image_scan_on_push=True)

    def source(self, *sources: PipelineSource) -> list[MadeSource]:
        """The first stage."""
        made = [source.make(self.place(source.name)) for source in sources]
        self.pipeline.add_stage(stage_name="Source", actions=[one.action for one in made])
        return made

    def stage(self, name: str, actions: Sequence[codepipeline.IAction]) -> None:
        self.pipeline.add_stage(stage_name=name, actions=list(actions))

    def build(self, made: MadeBuild) -> MadeBuild:
        self.stage("Build", made.actions)
        return made

    def template(self) -> dict[str, Any]:
        """The template; a pipeline of one stage gets another one, which CodePipeline demands."""
        if not self._ended:
            self._ended = True
            if self.pipeline.stage_count < 2:
                self.stage("End", [approval()])
        template: dict[str, Any] = Template.from_stack(self.stack).to_json()
        return template

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: one["Properties"] for name, one in self.template()["Resources"].items() if one["Type"] == kind}

    def only(self, kind: str, starts: str = "") -> dict[str, Any]:
        """The one resource of a kind (whose logical id starts so)."""
        found = [one for name, one in self.resources(kind).items() if name.startswith(starts)]
        assert len(found) == 1, (kind, starts, found)
        return found[0]

    def action(self, name: str) -> dict[str, Any]:
        """An action of the pipeline, as CodePipeline is told."""
        stages = self.only("AWS::CodePipeline::Pipeline")["Stages"]
        found = [one for stage in stages for one in stage["Actions"] if one["Name"] == name]
        assert len(found) == 1, name
        return dict(found[0])

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What the role (whose logical id starts so) may do, be it in the role or beside it."""
        inline = [
            statement
            for name, one in self.resources("AWS::IAM::Role").items()
            if name.startswith(role)
            for policy in one.get("Policies", [])
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        beside = [
            statement
            for name, one in self.resources("AWS::IAM::Policy").items()
            if name.startswith(role)
            for statement in one["PolicyDocument"]["Statement"]
        ]
        return inline + beside


def approval() -> PipelineAction:
    return PipelineAction(
        "Approve", category=codepipeline.ActionCategory.APPROVAL, provider="Manual", configuration={}, role=None
    )


def allowed(statements: Sequence[Mapping[str, Any]]) -> set[str]:
    """All actions of the statements."""
    found: set[str] = set()
    for one in statements:
        actions = one["Action"]
        found |= {actions} if isinstance(actions, str) else set(actions)
    return found


def commands_of(project: Mapping[str, Any], phase: str = "build") -> list[str]:
    """What a project runs in a phase."""
    spec = json.loads(project["Source"]["BuildSpec"])
    return list(spec["phases"].get(phase, {}).get("commands", []))


def refused(make: Any) -> str:
    """The refusal: one sentence, lower case, without a final period, that says what to do."""
    with pytest.raises(ConfigurationError) as raised:
        make()
    message = str(raised.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert ": give" in message or ", give" in message
    return message
