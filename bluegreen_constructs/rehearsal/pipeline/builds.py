"""Build actions: those that the rehearsal has a maker for run for real, every other one is a stub and says so."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.errors import RehearsalError
from ..cdk_cli import CdkCli
from .action_work import ActionFailedError, Done, How, Work
from .template_values import TemplateValues

_ENVIRONMENT = re.compile(r"\bENVIRONMENT=([\w-]+)")

Maker = Callable[[Work], Done]


@dataclass(frozen=True)
class Builds:
    """CodeBuild's actions. makers: by the action's name.

    A stub makes nothing and gives no variables, so an action whose artefact or variable is needed cannot be one.
    https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
    """

    makers: Mapping[str, Maker] = field(default_factory=dict)

    def run(self, work: Work) -> Done:
        """Do what the maker does; a stub when there is none. RehearsalError for a stub that should make something."""
        if work.action in self.makers:
            return self.makers[work.action](work)
        if work.outputs:
            raise work.not_covered(f"makes {', '.join(work.outputs)} by CodeBuild, and no build is run here")
        return Done(How.STUB, f"build stub: nothing of the project {work.required('ProjectName')} was run")


@dataclass(frozen=True)
class Synthesis:
    """`cdk synth` of the source artefact by the real CDK CLI, instead of the project's commands in CodeBuild.

    cli: the CLI for an app in a folder. command: the app. projects: each project's build specification; what its
    commands synthesise, by `ENVIRONMENT=name`, is synthesised here.
    """

    cli: Callable[[Path], CdkCli]
    command: str
    projects: Mapping[str, str]

    def __call__(self, work: Work) -> Done:
        """Synthesise into the one output artefact."""
        folder, source = _one(work.outputs, "output", work), _one(work.inputs, "input", work)
        environment = _environment(self.projects.get(work.required("ProjectName"), ""))
        arguments = ("--context", f"environment={environment}")
        result = self.cli(source.resolve()).synth(folder, *arguments, app=self.command)
        if not result.succeeded:
            raise ActionFailedError(f"cdk synth ended with exit code {result.exit_code}: {result.reason}")
        count = len(list(folder.glob("*.template.json")))
        return Done(How.REAL, f"cdk synth of {environment}, {count} templates")


@dataclass(frozen=True)
class Publication:
    """`cdk publish-assets` of the assembly by the real CDK CLI, instead of the project's commands in CodeBuild."""

    cli: Callable[[Path], CdkCli]
    stacks: tuple[str, ...]

    def __call__(self, work: Work) -> Done:
        """Publish the assets of the stacks in the assembly, the one input artefact that is one."""
        assemblies = [folder for folder in work.inputs.values() if (folder / "manifest.json").is_file()]
        if len(assemblies) != 1:
            raise ActionFailedError(f"one of its input artefacts has to be a cloud assembly, and {len(assemblies)} are")
        options = ("--unstable=publish-assets", "--exclusively", "--app", str(assemblies[0]))
        result = self.cli(assemblies[0]).start("publish-assets", *self.stacks, *options).wait()
        if not result.succeeded:
            raise ActionFailedError(f"cdk publish-assets ended with exit code {result.exit_code}: {result.reason}")
        return Done(How.REAL, f"cdk publish-assets of {', '.join(self.stacks)}")


def build_specifications(values: TemplateValues) -> dict[str, str]:
    """Each CodeBuild project's, by the project's name."""
    return {
        values.text({"Ref": logical_id}, "a project's name"): values.text(
            properties["Source"].get("BuildSpec", ""), f"the build specification of {logical_id}"
        )
        for logical_id, properties in values.resources("AWS::CodeBuild::Project")
    }


def _environment(specification: str) -> str:
    found = _ENVIRONMENT.search(specification)
    if found is None:
        raise ActionFailedError(
            f"its project names no environment to synthesise: {specification or 'it has no commands'}"
        )
    return found[1]


def _one(artifacts: Mapping[str, Path], what: str, work: Work) -> Path:
    if len(artifacts) != 1:
        raise RehearsalError(f"action {work.action} has {len(artifacts)} {what} artefacts, and its maker takes one")
    return next(iter(artifacts.values()))
