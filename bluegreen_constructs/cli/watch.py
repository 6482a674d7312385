"""`bluegreen watch`: a rollout's progress until it has ended."""

from datetime import timedelta
from typing import Annotated

import typer

from ..engine.errors import ConfigurationError
from .answers import answer
from .code_deploy_reading import follow_code_deployment, known_code_deployment
from .deployment_reading import follow_deployment, known_deployment
from .following import LONGEST, TIMEOUT, end_of, follow, leaving_it_running
from .operator_world import OperatorWorld, TargetEngine, opened
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, chosen, last_rollout
from .slots_following import follow_operation
from .slots_targets import known_record
from .target_view import TargetView

EXAMPLES = """\b
Examples:
  bluegreen watch
  bluegreen watch Serving/Model --timeout 90 && echo promoted
"""


def watch_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    timeout: Annotated[float | None, TIMEOUT] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Show a rollout until it has ended: exit code 0 when it was promoted, 1 when it went back or time is over.

    With nothing in flight it tells how the last rollout ended. Ctrl-C ends the watching, not the rollout. Progress goes
    to standard error, the end to standard output.
    """
    longest = LONGEST if timeout is None else timedelta(minutes=timeout)
    with opened(context) as world:
        engine = chosen(world, target)
        if engine.is_ecs:
            deployment = known_deployment(world, engine)
            with leaving_it_running(f"deployment {deployment.id}"):
                view = follow_deployment(world, engine, deployment, longest)
        elif engine.is_code_deploy:
            begun = known_code_deployment(world, engine)
            with leaving_it_running(f"deployment {begun.id}"):
                view = follow_code_deployment(world, begun, longest)
        elif engine.is_slots:
            view = _operation(world, engine, longest)
        else:
            rollout = last_rollout(engine)
            with leaving_it_running(f"rollout {rollout.id}"):
                view = follow(world, engine, rollout, longest)
    answer(format, f"{view.what}: {view.line}", view.json)
    end_of(view)


def _operation(world: OperatorWorld, engine: TargetEngine, longest: timedelta) -> TargetView:
    """What is under way on the slots, to its end; else how the last operation ended."""
    record = known_record(engine)
    one = record.op or record.last
    if one is None:
        raise ConfigurationError(
            f"nothing was done to the slots of {engine.target} yet: begin with bluegreen slots deploy {engine.target} "
            "SLOT --release NAME"
        )
    with leaving_it_running(f"{one.kind.value} {one.id}"):
        return follow_operation(world, engine, one.id, longest)
