"""A stage's deploys by AWS CodeDeploy: of a service on Amazon ECS, and of instances."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeAlias

import aws_cdk as cdk
import jsii
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .account_arns import arn_here, wildcard_finding
from .acknowledgements import acknowledge
from .deploy_place import DeployPlace
from .engine.errors import ConfigurationError
from .generated_files import GeneratedFiles
from .pipeline_action import PipelineAction
from .pipeline_limits import Limit

IMAGE_PLACEHOLDER = "IMAGE1_NAME"
"""What stands for the image in taskdef.json, in angle brackets."""


class DeployedByCodeDeploy(Protocol):
    """An `EcsBlueGreenService` with `controller=CodeDeploy(...)`."""

    @property
    def target(self) -> str:
        """Its name."""

    @property
    def code_deploy_application(self) -> str | None:
        """CodeDeploy's application; None when Amazon ECS rolls out."""

    @property
    def deployment_group(self) -> str | None:
        """Its deployment group."""

    @property
    def task_definition(self) -> ecs.TaskDefinition:
        """What the stack registered, whose roles a deployment's tasks have."""

    @property
    def longest_deployment(self) -> timedelta:
        """How long approval, steps and bake take together."""


@dataclass(frozen=True)
class CommittedFiles:
    """taskdef.json and appspec.yaml as they are in a source; `bluegreen taskdef` and `appspec` write and check them.

    They are copies: when the template changes the task definition, container, port or hooks, write them anew.
    """

    source: str = "Source"
    task_definition: str = "taskdef.json"
    app_spec: str = "appspec.yaml"


DeployFiles: TypeAlias = CommittedFiles | GeneratedFiles


@dataclass(frozen=True)
class CodeDeployEcsDeploy:
    """Has CodeDeploy deploy the image to a service on Amazon ECS, by the action CodeDeployToECS, and waits for its end.

    CodePipeline registers a revision of taskdef.json with the image's digest, and CodeDeploy deploys it by
    appspec.yaml; the service's alarms bring it back.

    service: the service. files: where both files come from (default: committed, in the source named Source).

    Raises ConfigurationError, when the stage is made, for a service that CodeDeploy does not deploy, or a deployment
    that may take longer than CodePipeline waits.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECSbluegreen.html
    """

    service: DeployedByCodeDeploy
    files: DeployFiles = field(default_factory=CommittedFiles)

    def stacks(self) -> Sequence[cdk.Stack]:
        """None: the deployment is CodeDeploy's."""
        return ()

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """The files' generation, when they are generated, and the action."""
        service, what = self.service, f"CodeDeployEcsDeploy({self.service.target})"
        if service.code_deploy_application is None or service.deployment_group is None:
            raise ConfigurationError(
                f"{what} in stage {place.stage}: Amazon ECS rolls this service out itself, use StackDeploy, or give "
                "the service controller=CodeDeploy()"
            )
        place.refuse_elsewhere(cdk.Stack.of(service.task_definition), what)
        Limit.CODE_DEPLOY.refuse_longer(
            f"a deployment of {service.target}",
            {"approval, steps and bake": service.longest_deployment},
            "shorten them, or deploy with bluegreen start",
        )
        image = place.require_image(what)
        if image.artifact is None:
            raise ConfigurationError(
                f"{what} in stage {place.stage} reads imageDetail.json, and the pipeline's build writes none: use "
                "CodeBuildImage or an EcrPush source"
            )
        actions: list[codepipeline.IAction] = []
        if isinstance(self.files, GeneratedFiles):
            made = self.files.make(place, service.target, order)
            actions.append(made.action)
            files, task_definition, app_spec = made.artifact, made.task_definition, made.app_spec
        else:
            files = place.require_source(self.files.source, what).artifact
            task_definition, app_spec = self.files.task_definition, self.files.app_spec
        _allow(place, service.code_deploy_application, service.deployment_group)
        self._allow_revision(place)
        deploy = PipelineAction(
            f"{service.target.replace('/', '-')}.Deploy",
            category=codepipeline.ActionCategory.DEPLOY,
            provider="CodeDeployToECS",
            configuration={
                "ApplicationName": service.code_deploy_application,
                "DeploymentGroupName": service.deployment_group,
                "TaskDefinitionTemplateArtifact": files.artifact_name,
                "TaskDefinitionTemplatePath": task_definition,
                "AppSpecTemplateArtifact": files.artifact_name,
                "AppSpecTemplatePath": app_spec,
                "Image1ArtifactName": image.artifact.artifact_name,
                "Image1ContainerName": IMAGE_PLACEHOLDER,
            },
            role=place.role,
            order=order + len(actions),
            inputs=[files, image.artifact],
        )
        return (*actions, deploy)

    def _allow_revision(self, place: DeployPlace) -> None:
        definition = self.service.task_definition
        roles = [role.role_arn for role in (definition.task_role, definition.execution_role) if role is not None]
        place.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=roles,
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        family = arn_here("ecs", f"task-definition/{definition.family}:*")
        acknowledge(
            place.role,
            wildcard_finding(place.scope, family),
            "a revision gets its number when it is registered; all families were considered, and this is the "
            "service's own",
        )
        for action in ("ecs:RegisterTaskDefinition", "ecs:TagResource"):
            place.role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[family]))


@dataclass(frozen=True)
class CodeDeployServerDeploy:
    """Has CodeDeploy deploy a source's or a build's artefact to instances, by the action CodeDeploy.

    group: the deployment group, of this account and region. source: whose artefact, with its appspec.yml in the root.

    The action names no instances. So it deploys to a group that finds its own: in place, or one whose copies CodeDeploy
    makes. An `Ec2BlueGreenFleet(controller=CodeDeploy())` has two groups that take turns, and a deployment has to name
    the other side's instances: `FleetDeploy` does.

    The instances fetch the artefact themselves. The roles of the group's Auto Scaling groups are let in by the
    pipeline's bucket and its key. Instances that a group finds by their tags, and those of imported groups, are not
    known here: give their roles s3:GetObject and s3:GetObjectVersion on the bucket's objects, kms:Decrypt and
    kms:DescribeKey on its key, by hand.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-iam-instance-profile.html
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeDeploy.html
    """

    group: codedeploy.IServerDeploymentGroup
    source: str = "Source"

    def stacks(self) -> Sequence[cdk.Stack]:
        """None: the deployment is CodeDeploy's."""
        return ()

    def make(self, place: DeployPlace, order: int) -> Sequence[codepipeline.IAction]:
        """The action."""
        application, group = self.group.application.application_name, self.group.deployment_group_name
        place.refuse_elsewhere(cdk.Stack.of(self.group), f"CodeDeployServerDeploy({self.group.node.id})")
        revision = place.require_source(self.source, "CodeDeployServerDeploy").artifact
        _allow(place, application, group)
        return (
            _ServerAction(
                f"{self.group.node.id}.Deploy",
                category=codepipeline.ActionCategory.DEPLOY,
                provider="CodeDeploy",
                configuration={"ApplicationName": application, "DeploymentGroupName": group},
                role=place.role,
                order=order,
                inputs=[revision],
            ).read_by(_instances(self.group)),
        )


@jsii.implements(codepipeline.IAction)
class _ServerAction(PipelineAction):
    """Beside the action's own role, the instances read the artefact.

    The bucket and the key say so, not the instances' roles: these are in stacks that the pipeline's stack reads from,
    and would have to read from it in turn.
    """

    _readers: Sequence[iam.IPrincipal] = ()

    def read_by(self, readers: Sequence[iam.IPrincipal]) -> "_ServerAction":
        """Have these read the artefact too."""
        self._readers = readers
        return self

    def bind(
        self,
        scope: Construct,
        stage: codepipeline.IStage,
        *,
        role: iam.IRole,
        bucket: s3.IBucket,
    ) -> codepipeline.ActionConfig:
        """Called by the CDK's pipeline when the action is added to a stage."""
        for reader in self._readers:
            bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[reader],
                    actions=["s3:GetObject", "s3:GetObjectVersion"],
                    resources=[bucket.arn_for_objects("*")],
                )
            )
            if bucket.encryption_key is not None:
                bucket.encryption_key.add_to_resource_policy(
                    # In a key's policy the asterisk is this key.
                    iam.PolicyStatement(
                        principals=[reader], actions=["kms:Decrypt", "kms:DescribeKey"], resources=["*"]
                    )
                )
        return super().bind(scope, stage, role=role, bucket=bucket)


def _instances(group: codedeploy.IServerDeploymentGroup) -> Sequence[iam.IPrincipal]:
    """The roles of the group's instances, as far as the app knows them."""
    found = [one.grant_principal for one in group.auto_scaling_groups or ()]
    return [one for one in found if not isinstance(one, iam.UnknownPrincipal)]


def _allow(place: DeployPlace, application: str, group: str) -> None:
    """What the reference pages of both actions list, on the one application and group.

    The configuration's name is the group's own, which it tells nobody at synth.
    """
    configurations = arn_here("codedeploy", "deploymentconfig:*")
    acknowledge(
        place.role,
        wildcard_finding(place.scope, configurations),
        "the group has its configuration, and tells nobody at synth which; its name as an argument was considered, and "
        "a wrong one would fail the deployment, where reading a configuration tells nothing secret",
    )
    for actions, resource in (
        (
            [
                "codedeploy:GetApplication",
                "codedeploy:GetApplicationRevision",
                "codedeploy:RegisterApplicationRevision",
            ],
            arn_here("codedeploy", f"application:{application}"),
        ),
        (
            ["codedeploy:CreateDeployment", "codedeploy:GetDeployment"],
            arn_here("codedeploy", f"deploymentgroup:{application}/{group}"),
        ),
        (["codedeploy:GetDeploymentConfig"], configurations),
    ):
        place.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
