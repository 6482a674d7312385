"""`bluegreen appspec`: the AppSpec of a target that AWS CodeDeploy deploys, written or checked."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..engine.app_spec import TASK_DEFINITION, ecs_app_spec
from ..engine.errors import ConfigurationError
from .answers import answer, as_json
from .app_spec_check import app_spec_problems
from .code_deploy_target import code_deploy_of
from .file_checks import checked_text, say_problems
from .operator_world import OperatorWorld, opened
from .option_parsers import choice
from .output import write
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, deployed_by_code_deploy
from .server_revision import server_revision

EXAMPLES = """\b
Examples:
  bluegreen appspec Serving/Inference > appspec.yaml
  bluegreen appspec Serving/Inference --check appspec.yaml
  bluegreen appspec --platform server --into revision
"""
_NAME = "appspec.yaml"
"""What CodePipeline looks for, unless its action says otherwise."""


class PlatformChoice(StrEnum):
    """What CodeDeploy deploys to."""

    ECS = "ecs"
    SERVER = "server"


def appspec_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    platform: Annotated[
        PlatformChoice | None,
        typer.Option(
            parser=choice("platform", PlatformChoice),
            metavar="ecs|server",
            help="Default: the target's.",
            show_default=False,
        ),
    ] = None,
    task_definition: Annotated[
        str | None,
        typer.Option(metavar="ARN", help=f"The revision; default: {TASK_DEFINITION}.", show_default=False),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the files there; default: to standard output.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check this AppSpec instead of writing one.", show_default=False),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """The AppSpec that CodePipeline's action CodeDeployToECS takes, with the target's container, port and hooks.

    With --task-definition it is what `aws deploy create-deployment` takes. For the platform server it is that of a
    revision with the sample service, which --into writes together with its scripts; no target is asked for it. --check
    ends 1, with every reason, for a file that would not be taken, or would leave out a test of the candidate.
    """
    if platform is PlatformChoice.SERVER and (check is not None or task_definition is not None):
        raise ConfigurationError(
            "--check and --task-definition are for the platform ecs: leave them out, or --platform"
        )
    if check is not None and (into is not None or task_definition is not None):
        raise ConfigurationError("--check writes nothing: leave out --into and --task-definition")
    if platform is PlatformChoice.SERVER and target is None:
        _give(format, "", "Server", server_revision(), into, force=force)
        return
    with opened(context) as world:
        if check is not None:
            _check(world, target, check, format)
            return
        engine = deployed_by_code_deploy(world, target, "appspec")
        where = code_deploy_of(engine.settings)
        if platform is not None and platform.value != where.platform.lower():
            raise ConfigurationError(f"CodeDeploy deploys {engine.target} to {where.platform}: leave out --platform")
        files = (
            server_revision()
            if where.platform == "Server"
            else {_NAME: ecs_app_spec(where, engine.settings.blue.container, task_definition or TASK_DEFINITION)}
        )
    _give(format, engine.target, where.platform, files, into, force=force)


def _check(world: OperatorWorld, target: str | None, file: Path, format: Format) -> None:
    engine = deployed_by_code_deploy(world, target, "appspec")
    where = code_deploy_of(engine.settings)
    if where.platform != "ECS":
        raise ConfigurationError(f"CodeDeploy deploys {engine.target} to instances: --check is for the platform ecs")
    found = list(app_spec_problems(checked_text(file), where, engine.settings.blue.container))
    say_problems(format, engine.target, file, found)


def _give(format: Format, target: str, platform: str, files: dict[str, str], into: Path | None, *, force: bool) -> None:
    result = {"target": target or None, "platform": platform, "files": files}
    if into is not None:
        _write_into(into, files, force=force)
        listed = ", ".join(str(into / name) for name in files)
        answer(format, f"written: {listed}", {**result, "into": str(into)})
    elif format is Format.JSON:
        write(as_json(result))
    else:
        write(next(iter(files.values())))


def _write_into(directory: Path, files: dict[str, str], *, force: bool) -> None:
    """Write all of them, or, when one is there already, none. Raises ConfigurationError."""
    there = [name for name in files if (directory / name).exists()]
    if there and not force:
        raise ConfigurationError(
            f"{', '.join(there)} in {directory} would be replaced: give --force, or another --into"
        )
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if name.endswith(".sh"):
            path.chmod(0o755)
