"""A build of a pipeline: a project of AWS CodeBuild with its log, its role, and the action that runs it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import jsii
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .account_arns import wildcard_finding
from .acknowledgements import acknowledge_all
from .build_machine import BuildMachine
from .pipeline_action import PipelineAction
from .pipeline_limits import Limit

_LOG_RETENTION_DAYS = 90
_KEY_USES = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


@dataclass(frozen=True)
class Commands:
    """What a build runs, in bash; the first command that fails ends it.

    languages: versions by name, as CodeBuild's own images offer them. install: what is run before. exports: names of
        environment variables that later actions may read. files, folder: what becomes the build's artefact.
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
    """

    build: Sequence[str]
    install: Sequence[str] = ()
    languages: Mapping[str, str] | None = None
    exports: Sequence[str] = ()
    files: Sequence[str] = ()
    folder: str | None = None

    def build_spec(self, machine: BuildMachine) -> str:
        """As CodeBuild reads it: YAML, of which JSON is a part."""
        install: dict[str, object] = {}
        if self.languages and machine.is_standard:
            install["runtime-versions"] = dict(self.languages)
        if self.install:
            install["commands"] = list(self.install)
        environment: dict[str, object] = {"shell": "bash"}
        if self.exports:
            environment["exported-variables"] = list(self.exports)
        spec: dict[str, object] = {
            "version": "0.2",
            "env": environment,
            "phases": {**({"install": install} if install else {}), "build": {"commands": list(self.build)}},
        }
        if self.files:
            artifacts: dict[str, object] = {"files": list(self.files)}
            if self.folder is not None:
                artifacts["base-directory"] = self.folder
            spec["artifacts"] = artifacts
        return json.dumps(spec, indent=2)


def strict_script(script: str) -> str:
    """One command that runs `script` and fails when any part of it does.

    In a bash of its own: in the build's, `set -e` would say nothing wherever CodeBuild asks how a command ended. Its
    text comes by a descriptor of its own, so that no program can read it off the standard input.
    """
    return f"bash -euo pipefail /dev/fd/3 3<<'SCRIPT'\n{script}\nSCRIPT"


class BuildProject(Construct):
    """The project. Its role may write its log and pass on artefacts; `statements` are what it may do besides.

    The policy lies inside the role, or a first execution could start before it is attached. The CDK's own
    `PipelineProject` makes a policy beside the role, on logs and test reports by wildcard.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        machine: BuildMachine,
        commands: Commands,
        variables: Mapping[str, str],
        statements: Sequence[Mapping[str, object]] = (),
        is_privileged: bool = False,
        local_caches: Sequence[str] = (),
    ) -> None:
        """Make the project.

        Args:
            scope: where in the construct tree.
            id: the construct id.
            description: what the build is for, as the console shows it.
            machine: what it runs on.
            commands: what it runs.
            variables: environment variables; none is a secret.
            statements: what the commands may do, as IAM writes it, without `Effect`.
            is_privileged: whether the build's container may run Docker, which CodeBuild allows to privileged ones
                alone. https://docs.aws.amazon.com/codebuild/latest/userguide/sample-docker.html
            local_caches: modes of CodeBuild's cache on the machine.
        """
        super().__init__(scope, id)
        self._timeout = machine.timeout
        log = logs.CfnLogGroup(self, "Logs", retention_in_days=_LOG_RETENTION_DAYS)
        log.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        self._statements: list[Mapping[str, object]] = [
            {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log.attr_arn},
            *statements,
        ]
        self._role = iam.CfnRole(
            self,
            "Role",
            description=f"CodeBuild: {description}",
            assume_role_policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "codebuild.amazonaws.com"}}
                ],
            },
        )
        self._write_policy()
        self.resource = codebuild.CfnProject(
            self,
            "Resource",
            description=description,
            service_role=self._role.attr_arn,
            source={"type": "CODEPIPELINE", "buildSpec": commands.build_spec(machine)},
            artifacts={"type": "CODEPIPELINE"},
            environment=codebuild.CfnProject.EnvironmentProperty(
                type=machine.environment_type,
                compute_type=machine.compute_type,
                image=machine.runs_in,
                privileged_mode=is_privileged,
                environment_variables=[
                    codebuild.CfnProject.EnvironmentVariableProperty(name=name, value=value)
                    for name, value in sorted(variables.items())
                ],
            ),
            cache={"type": "LOCAL", "modes": list(local_caches)} if local_caches else {"type": "NO_CACHE"},
            logs_config={"cloudWatchLogs": {"status": "ENABLED", "groupName": log.ref}},
            timeout_in_minutes=machine.timeout_minutes,
        )

    def acknowledge(self, reasons: Mapping[str, str]) -> None:
        """Acknowledge findings of cdk-nag on the role, by their names."""
        acknowledge_all(self._role, reasons)

    def acknowledge_privileges(self, reason: str) -> None:
        """Acknowledge that the project is privileged."""
        acknowledge_all(self.resource, {"AwsSolutions-CB3": reason})

    def action(
        self,
        name: str,
        role: iam.Role,
        *,
        order: int,
        inputs: Sequence[codepipeline.Artifact],
        outputs: Sequence[codepipeline.Artifact] = (),
        variables: Mapping[str, str] | None = None,
        namespace: str | None = None,
    ) -> codepipeline.IAction:
        """The action that runs it, with a role that gets the right to.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html

        variables: further environment variables, in which CodePipeline's own may stand.

        Raises ConfigurationError for a machine that runs longer than CodePipeline waits.
        """
        Limit.CODE_BUILD.refuse_longer(
            f"the build {name}",
            {"the machine's time-out": self._timeout},
            "give its BuildMachine a shorter timeout",
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
                resources=[self.resource.attr_arn],
            )
        )
        configuration: dict[str, object] = {"ProjectName": self.resource.ref}
        if variables:
            configuration["EnvironmentVariables"] = json.dumps(
                [{"name": one, "value": value, "type": "PLAINTEXT"} for one, value in sorted(variables.items())],
                separators=(",", ":"),
            )
        if len(inputs) > 1:
            configuration["PrimarySource"] = inputs[0].artifact_name
        return _BuildAction(
            self, name, configuration, role=role, order=order, inputs=inputs, outputs=outputs, namespace=namespace
        )

    def pass_artifacts(self, bucket: s3.IBucket, *, reads: bool, writes: bool) -> None:
        """Let the build fetch and leave artefacts in the pipeline's bucket, encrypted with the bucket's key."""
        objects = bucket.arn_for_objects("*")
        self._allow({"Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"], "Resource": bucket.bucket_arn})
        actions = [
            *(["s3:GetObject", "s3:GetObjectVersion"] if reads else []),
            *(["s3:PutObject"] if writes else []),
        ]
        if actions:
            self._allow({"Action": actions, "Resource": objects})
        if bucket.encryption_key is not None:
            key = bucket.encryption_key.key_arn
            self._allow({"Action": list(_KEY_USES), "Resource": key})
            self.resource.encryption_key = key
        finding = wildcard_finding(self, objects)
        self.acknowledge(
            {
                finding: "CodePipeline names an artefact when an execution makes it; a bucket for each artefact was "
                "considered, and a pipeline has one bucket for all"
            }
        )

    def _allow(self, statement: Mapping[str, object]) -> None:
        """Once, however many actions run the project."""
        if statement not in self._statements:
            self._statements.append(statement)
            self._write_policy()

    def _write_policy(self) -> None:
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **statement} for statement in self._statements],
        }
        self._role.policies = [iam.CfnRole.PolicyProperty(policy_name="Build", policy_document=document)]


@jsii.implements(codepipeline.IAction)
class _BuildAction(PipelineAction):
    """The artefacts are the project's to read and write: the action's own role only starts the build."""

    def __init__(
        self,
        project: BuildProject,
        name: str,
        configuration: Mapping[str, object],
        *,
        role: iam.Role,
        order: int,
        inputs: Sequence[codepipeline.Artifact],
        outputs: Sequence[codepipeline.Artifact],
        namespace: str | None,
    ) -> None:
        super().__init__(
            name,
            category=codepipeline.ActionCategory.BUILD,
            provider="CodeBuild",
            configuration=configuration,
            role=role,
            order=order,
            inputs=inputs,
            outputs=outputs,
            namespace=namespace,
        )
        self._project = project

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 -- the CDK's signature
        stage: codepipeline.IStage,  # noqa: ARG002
        *,
        role: iam.IRole,  # noqa: ARG002
        bucket: s3.IBucket,
    ) -> codepipeline.ActionConfig:
        """Called by the CDK's pipeline when the action is added to a stage."""
        properties = self.action_properties
        self._project.pass_artifacts(bucket, reads=bool(properties.inputs), writes=bool(properties.outputs))
        return codepipeline.ActionConfig(configuration=self._configuration)
