"""GeneratedFiles: taskdef.json and appspec.yaml as an execution of the pipeline finds the service."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_codepipeline as codepipeline

from .bluegreen_build import INSTALL, bluegreen_build, in_letters, refuse_install
from .build_machine import BuildMachine
from .deploy_place import DeployPlace

_TASK_DEFINITION, _APP_SPEC = "taskdef.json", "appspec.yaml"
_LONGEST_NAME = 100  # https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html


@dataclass(frozen=True)
class MadeFiles:
    """The action that writes both files, the artefact that holds them, and their names in it."""

    action: codepipeline.IAction
    artifact: codepipeline.Artifact
    task_definition: str = _TASK_DEFINITION
    app_spec: str = _APP_SPEC


@dataclass(frozen=True)
class GeneratedFiles:
    """Writes taskdef.json and appspec.yaml anew in each execution, by `bluegreen taskdef` and `bluegreen appspec`.

    They are no copies that somebody has to keep up: what the stack has changed since, such as memory, a container, a
    port or a hook, is deployed with the next release. Both are checked before they are handed on.

    source: whose requirements name the command. install: what installs it. machine: what the build runs on.

    Raises ConfigurationError for what installs nothing.
    """

    source: str = "Source"
    install: Sequence[str] = INSTALL
    machine: BuildMachine = field(default_factory=BuildMachine)

    def __post_init__(self) -> None:
        """Refuse what a build would fail at."""
        refuse_install("GeneratedFiles", self.install)

    def make(self, place: DeployPlace, target: str, order: int) -> MadeFiles:
        """The build, for the service that the command knows as `target`, in the pipeline's account and region."""
        source = place.require_source(self.source, f"GeneratedFiles of {target}").artifact
        name, quoted = in_letters(target), shlex.quote(target)
        project = bluegreen_build(
            place,
            "Files",
            target=target,
            description=f"Writes {_TASK_DEFINITION} and {_APP_SPEC} of {target}",
            install=self.install,
            machine=self.machine,
            commands=[
                f"bluegreen taskdef {quoted} > {_TASK_DEFINITION}",
                f"bluegreen appspec {quoted} > {_APP_SPEC}",
                f"bluegreen taskdef {quoted} --check {_TASK_DEFINITION}",
                f"bluegreen appspec {quoted} --check {_APP_SPEC}",
            ],
            statements=[{"Action": "ecs:DescribeTaskDefinition", "Resource": "*"}],
            files=[_TASK_DEFINITION, _APP_SPEC],
        )
        project.acknowledge(
            {
                "AwsSolutions-IAM5[Resource::*]": "to read a task definition Amazon ECS knows no resource; the one "
                "family was considered, and is refused: "
                "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html"
            }
        )
        artifact = codepipeline.Artifact(f"Files-{place.stage}-{name}"[-_LONGEST_NAME:])
        action = project.action(f"{name}.Files", place.role, order=order, inputs=[source], outputs=[artifact])
        return MadeFiles(action, artifact)
