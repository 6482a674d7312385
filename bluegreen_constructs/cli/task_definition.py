"""`bluegreen taskdef`: the task definition that CodePipeline registers for a target of AWS CodeDeploy."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ..engine.ports import RefusedError
from .answers import as_json
from .code_deploy_target import code_deploy_of
from .file_checks import checked_text, say_problems
from .operator_world import opened
from .output import write
from .registration_types import type_problems
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, deployed_by_code_deploy
from .task_definition_file import IMAGE, task_definition_file, task_definition_problems

EXAMPLES = """\b
Examples:
  bluegreen taskdef Serving/Inference > taskdef.json
  bluegreen taskdef Serving/Inference --check taskdef.json
"""


def taskdef_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check this file instead of writing one.", show_default=False),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """The taskdef.json that CodePipeline's action CodeDeployToECS takes, from the revision that the stack has.

    The container that the load balancer reaches has the placeholder <IMAGE1_NAME> for an image; sidecars keep theirs.
    Write it anew when the stack's template has changed the task definition. --check ends 1, with every reason, for a
    file that CodePipeline or Amazon ECS would not take, or that is another service's.
    """
    with opened(context) as world:
        engine = deployed_by_code_deploy(world, target, "taskdef")
        where, container = code_deploy_of(engine.settings), engine.settings.blue.container
        if where.platform != "ECS":
            raise RefusedError(
                f"CodeDeploy deploys {engine.target} to instances, which have no task definition: see bluegreen "
                "appspec --platform server"
            )
        if check is not None:
            text = checked_text(check)
            found = [*task_definition_problems(text, where.family, container, where.port), *type_problems(text)]
            say_problems(format, engine.target, check, found)
            return
        revision = world.definitions().definition(where.template)
        text = task_definition_file(revision, container)
    if format is Format.JSON:
        named = {"target": engine.target, "revision": revision.arn, "placeholder": IMAGE}
        write(as_json({**named, "task_definition": json.loads(text)}))
    else:
        write(text)
