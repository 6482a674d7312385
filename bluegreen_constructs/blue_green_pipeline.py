"""BlueGreenPipeline: from a pushed image or a commit to judged rollouts, stage by stage, on AWS CodePipeline."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

if TYPE_CHECKING:
    from .app_assembly import AppAssembly
    from .pipeline_notifications import Notifications

from .account_roles import AccountRoles
from .action_roles import ActionRoles
from .artefact_store import ArtefactStore
from .delivery_stage import DeliveryStage, last_order
from .deploy_place import DeployPlace
from .pipeline_checks import (
    KnownVariables,
    refuse_other_regions,
    refuse_self_mutation,
    refuse_sources,
    refuse_stages,
    refuse_unnamed,
)
from .pipeline_parts import ImageBuild, ImageReference, MadeSource, PipelinePlace, PipelineSource
from .pipeline_role import PipelineRole
from .stack_deploy import StackDeploy
from .stage_review import review_actions


class ExecutionMode(Enum):
    """What becomes of an execution when a newer one comes.

    SUPERSEDED: one that waits before a stage gives way to the newer one; a question that is being asked keeps its stage
    until it is answered. QUEUED: each goes through
    all stages in its turn. There is no third: executions side by side would roll out two releases at a time, and
    CodePipeline rolls no stage of theirs back.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html
    """

    SUPERSEDED = codepipeline.ExecutionMode.SUPERSEDED
    QUEUED = codepipeline.ExecutionMode.QUEUED


class BlueGreenPipeline(Construct):
    """A pipeline that ships an image, by its digest, through stages; each of them judges it, and can go back.

    Source, then the image's build, then the app's synthesis, then the stages in order. A stage with an approval is
    preceded by one that shows the changes and asks. A stage that fails is rolled back, and ends the execution: no later
    one begins. Each action runs with a role that trusts the pipeline's own role and nobody else; artefacts lie
    encrypted in a bucket of their own.

    sources: `EcrPush`, `CodeCommitSource`, `ConnectionSource` (GitHub, GitLab, Bitbucket), `S3Source`; one or several,
        such as an image and the repository with its files. A change of any starts the pipeline.
    stages: in order; waves of regions are stages, too. A bake between them is a stage's `bake`.
    build: `CodeBuildImage` or `EcrBuildAndPublish`, from `build_source` (default: the image is a source's, if any is).
    app: how the CDK app is synthesised, for stages that deploy stacks of it (default: no stage does).
    execution_mode: what becomes of an execution when a newer one comes (default: `ExecutionMode.SUPERSEDED`).
    self_mutating: whether the pipeline updates its own stack first, from the app (default: only `cdk deploy` does). An
        execution that changes the pipeline is started anew with the newest revisions of the sources. Whatever other
        execution is in flight then is cancelled by CodePipeline after its running action, its bake included, and what
        approvals and windows say is up to whoever may push to the source.
    accounts: the roles in other accounts that stages deploy to; `DeploymentRoles` makes them there, before.
    role_name: of the pipeline's own role, by which those accounts trust it; needed with `accounts` (default:
        CloudFormation makes one).
    artefacts: where artefacts lie (default: a store of its own).
    notifications: who is told of what becomes of executions (default: nobody).

    Raises ConfigurationError at synth for what CodePipeline would refuse, fail at or give up on: the numbers of the
    plan are compared with how long each kind of action is waited for.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        sources: Sequence[PipelineSource],
        stages: Sequence[DeliveryStage],
        build: ImageBuild | None = None,
        build_source: str | None = None,
        app: "AppAssembly | None" = None,
        execution_mode: ExecutionMode = ExecutionMode.SUPERSEDED,
        self_mutating: bool = False,
        accounts: Sequence[AccountRoles] = (),
        role_name: str | None = None,
        artefacts: ArtefactStore | None = None,
        notifications: "Notifications | None" = None,
    ) -> None:
        """Make the pipeline."""
        super().__init__(scope, id)
        path = self.node.path
        refuse_sources(path, sources, build, build_source=build_source, app_source=None if app is None else app.source)
        refuse_stages(path, stages)
        refuse_unnamed(path, accounts, role_name)
        if self_mutating:
            refuse_self_mutation(path, sources, has_app=app is not None)
        self.artefacts = artefacts or ArtefactStore(self, "Artefacts")
        role = PipelineRole(self, self.artefacts.bucket, name=role_name)
        self.role = role.role
        self.pipeline = codepipeline.Pipeline(
            self,
            "Resource",
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=execution_mode.value,
            role=role.as_it_is,
            artifact_bucket=self.artefacts.bucket,
            cross_account_keys=True,
            restart_execution_on_update=self_mutating,
        )
        self._roles = ActionRoles(self.role)
        self._accounts = {
            one: iam.Role.from_role_arn(self, f"Account-{one.account}", one.action_role_arn) for one in accounts
        }
        for one in accounts:
            self._roles.take_on(one.action_role_arn)
        self._variables = KnownVariables()
        made = self._sources(sources)
        self.image = self._image(made, build, build_source)
        assembly = None if app is None else self._assembly(app, made, stages, self_mutating=self_mutating)
        for stage in stages:
            self._stage(stage, made, assembly)
        if self_mutating:
            refuse_other_regions(path, sorted(self.pipeline.cross_region_support))
        role.finish(self.pipeline)
        self._roles.finish(self.pipeline)
        self.artefacts.harden(self.pipeline)
        if notifications is not None:
            notifications.add(self, self.pipeline)
        cdk.CfnOutput(self, "Name", value=self.pipeline.pipeline_name, description="the pipeline")

    def _place(self, id: str) -> PipelinePlace:
        return PipelinePlace(Construct(self, id), self._roles, self.pipeline)

    def _sources(self, sources: Sequence[PipelineSource]) -> Mapping[str, MadeSource]:
        made = {one.name: one.make(self._place(f"Source-{one.name}")) for one in sources}
        self._add_stage("Source", [one.action for one in made.values()])
        return made

    def _image(
        self, made: Mapping[str, MadeSource], build: ImageBuild | None, source: str | None
    ) -> ImageReference | None:
        if build is None:
            return next((one.image for one in made.values() if one.image is not None), None)
        name = source or next(name for name, one in made.items() if one.image is None)
        built = build.make(self._place("Build"), made[name].artifact)
        self._add_stage("Build", built.actions)
        return built.image

    def _assembly(
        self,
        app: "AppAssembly",
        made: Mapping[str, MadeSource],
        stages: Sequence[DeliveryStage],
        *,
        self_mutating: bool,
    ) -> codepipeline.Artifact:
        here = cdk.Stack.of(self)
        stacks = {stack for stage in stages for stack in stage.deployed_stacks()}
        stacks |= {here} if self_mutating else set()
        synthesised = app.make(
            self._place("App"), made[app.source].artifact, self.image, sorted(stacks, key=lambda one: one.stack_name)
        )
        self._add_stage("Synth", synthesised.actions)
        if self_mutating:
            place = self._deploy_place("UpdatePipeline", made, synthesised.artifact)
            self._add_stage("UpdatePipeline", StackDeploy(here).make(place, 1))
        return synthesised.artifact

    def _stage(
        self, stage: DeliveryStage, made: Mapping[str, MadeSource], assembly: codepipeline.Artifact | None
    ) -> None:
        if stage.approval is not None:
            name = f"Review{stage.name}"
            place = self._deploy_place(name, made, assembly)
            self._add_stage(name, review_actions(stage, stage.approval, place))
        place = self._deploy_place(stage.name, made, assembly)
        actions = list(stage.actions(place))
        if stage.bake is not None:
            actions.append(stage.bake.action(self._place(f"{stage.name}Bake"), last_order(actions) + 1))
        self._add_stage(stage.name, actions, before_entry=stage.window_conditions(), is_rolled_back=stage.rolls_back)

    def _add_stage(
        self,
        name: str,
        actions: Sequence[codepipeline.IAction],
        *,
        before_entry: codepipeline.Conditions | None = None,
        is_rolled_back: bool = False,
    ) -> None:
        self._variables.look(name, actions)
        self.pipeline.add_stage(
            stage_name=name,
            actions=list(actions),
            before_entry=before_entry,
            on_failure=codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK) if is_rolled_back else None,
        )

    def _deploy_place(
        self, name: str, made: Mapping[str, MadeSource], assembly: codepipeline.Artifact | None
    ) -> DeployPlace:
        home = Construct(self, f"Stage-{name}")
        role = self._roles.make(home, "Role", f"The stage {name} of {self.node.path}")
        return DeployPlace(home, name, role, self.image, assembly, made, self._accounts)
