"""`bluegreen unlock`: take a target from a rollout whose execution is gone."""

from typing import Annotated

import typer

from ..engine.ports import Command, HeldError
from .answers import answer
from .operator_world import opened
from .option_parsers import option
from .reason_option import sentence
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, run_by_engine
from .spelled_times import iso

EXAMPLES = """\b
Example:
  bluegreen unlock Serving/Model --reason "its execution was stopped by hand in the console"
"""


def unlock_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    reason: Annotated[str, option(sentence("reason"), "TEXT", "Why, for the history.")],
    format: FormatOption = Format.TEXT,
) -> None:
    """Let the next `start` take a target whose rollout neither runs nor ends.

    Try `bluegreen abort` first, which brings all traffic to live and ends the rollout in order. Exit code 4 while the
    rollout's execution runs; 0 when nothing holds the target; 3 for what Amazon ECS rolls out, where the
    service deployment is the lock.
    """
    with opened(context) as world:
        engine = run_by_engine(world, target, "unlock")
        rollout = engine.store.load(engine.target)
        if rollout is not None and not rollout.is_tidied and engine.executions.is_running(rollout.execution):
            draining = "it has ended, and the side out of use is being drained: wait for it"
            running = f"wait for it, or end it with bluegreen abort {engine.target}"
            raise HeldError(
                f"rollout {rollout.id}, started by {rollout.caller or 'nobody known'}, has held {engine.target} since "
                f"{iso(rollout.started_at)} and its execution runs: "
                f"{draining if rollout.has_ended else running}"
            )
        if rollout is None or rollout.has_ended:
            said = f"nothing holds {engine.target}"
            answer(format, said, {"target": engine.target, "rollout": None, "given": None})
            return
        engine.store.give(engine.target, Command("unlock", rollout.id, world.caller(), reason, world.now()))
    said = f"rollout {rollout.id} is unlocked: the next bluegreen start {engine.target} may take its place"
    answer(format, said, {"target": engine.target, "rollout": rollout.id, "given": "unlock"})
