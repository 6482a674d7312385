"""AppAssembly: a pipeline's own synthesis of its CDK app, and the publication of what the templates name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline

from .asset_publication import publish_assets
from .build_machine import BuildMachine
from .build_project import BuildProject, Commands
from .code_build_image import LANGUAGES, refuse_commands
from .engine.errors import ConfigurationError
from .pipeline_parts import ImageReference, PipelinePlace
from .source_start import refuse_name

# Without a version, `npx cdk` runs whatever npm calls the newest that day.
SYNTHESISER = "aws-cdk@2.1148.1"
RELEASE_VARIABLE = "BLUEGREEN_RELEASE"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class MadeAssembly:
    """The actions in the order of their `run_order`, and the artefact that holds the cloud assembly."""

    actions: Sequence[codepipeline.IAction]
    artifact: codepipeline.Artifact


@dataclass(frozen=True)
class AppAssembly:
    """Synthesises the app of the source, once in an execution: every stage deploys what this made.

    source: the name of the pipeline's source that holds the app.
    install, commands: what installs and what synthesises it (default: as a Python app, with the version of the CDK's
        command line that this library is tested with). output: the folder that the synthesis writes.
    environment: variables for the commands; none is a secret. They find the image's digest in `BLUEGREEN_RELEASE`.
    publishes_images: whether the app has images of its own to build, as `ContainerImage.from_asset` makes. Their build
        runs Docker, and is privileged for that.

    The synthesis has no right in any account: an app that looks something up keeps the answers in `cdk.context.json`.
    The publication takes on the publishing roles of the stacks' accounts and regions, nothing else: those of the
    bootstrap that each stack itself uses, by its qualifier. An account other than the pipeline's has to be bootstrapped
    with `--trust` of the pipeline's.
    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html

    Raises ConfigurationError for what is no command, folder or variable.
    """

    source: str = "Source"
    _: KW_ONLY
    install: Sequence[str] = ("pip install -r requirements.txt",)
    commands: Sequence[str] = (f"npx --yes {SYNTHESISER} synth --quiet",)
    output: str = "cdk.out"
    environment: Mapping[str, str] = field(default_factory=dict)
    publishes_images: bool = False
    machine: BuildMachine = field(default_factory=BuildMachine)

    def __post_init__(self) -> None:
        """Refuse what a build would fail at."""
        refuse_name("AppAssembly source", self.source)
        refuse_commands("AppAssembly install", self.install)
        refuse_commands("AppAssembly commands", self.commands)
        if not self.commands:
            raise ConfigurationError("AppAssembly has no commands: give what synthesises the app, such as 'cdk synth'")
        if not self.output or self.output.startswith("/") or ".." in self.output.split("/"):
            raise ConfigurationError(
                f"AppAssembly output is {self.output!r}: give a folder within the source, such as 'cdk.out'"
            )
        for name in self.environment:
            if not _VARIABLE.fullmatch(name) or name == RELEASE_VARIABLE:
                raise ConfigurationError(
                    f"AppAssembly environment has {name!r}: give names of variables, without {RELEASE_VARIABLE}, which "
                    "the pipeline sets"
                )

    def make(
        self,
        place: PipelinePlace,
        source: codepipeline.Artifact,
        image: ImageReference | None,
        stacks: Sequence[cdk.Stack],
    ) -> MadeAssembly:
        """The actions: the synthesis, and the publication for `stacks`, which the pipeline deploys.

        Raises ConfigurationError for stacks of another app than the pipeline's.
        """
        role = place.roles.make(place.scope, "Role", "Starts the synthesis of the pipeline's app")
        artifact = codepipeline.Artifact("Assembly")
        synthesis = BuildProject(
            place.scope,
            "Synth",
            description="Synthesises the app",
            machine=self.machine,
            commands=Commands(
                install=self.install,
                build=self.commands,
                languages=LANGUAGES,
                files=["**/*"],
                folder=self.output,
            ),
            variables=self.environment,
        )
        actions = [
            synthesis.action(
                "Synth",
                role,
                order=1,
                inputs=[source],
                outputs=[artifact],
                variables={} if image is None else {RELEASE_VARIABLE: image.digest},
            )
        ]
        if stacks:
            assets = publish_assets(
                place.scope,
                stacks=stacks,
                machine=self.machine,
                publishes_images=self.publishes_images,
            )
            actions.append(assets.action("Assets", role, order=2, inputs=[artifact]))
        return MadeAssembly(actions, artifact)
