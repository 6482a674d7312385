"""`bluegreen promote`, `pause` and `resume`: what an operator leaves for a running rollout's next tick."""

from typing import Annotated

import typer

from ..engine.errors import AwsError, ConfigurationError
from ..engine.lifecycle import Phase
from ..engine.ports import Command, RefusedError, Verb
from ..engine.rollout import HoldKind, Rollout
from .answers import answer
from .code_deploy_commands import continue_deployment
from .deployment_commands import go_on
from .deployment_reading import deployment_in_flight
from .operator_world import OperatorWorld, TargetEngine, opened
from .option_parsers import option, whole
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .rollout_summary import step_of
from .rollout_targets import TargetArgument, in_flight, run_by_engine, without_slots
from .waiting_for import waiting_for

PROMOTE_EXAMPLES = """\b
Examples:
  bluegreen promote Serving/Model
  bluegreen promote Serving/Model --from-step 3 --reason "looked at it with the team"
"""
PAUSE_EXAMPLES = """\b
Example:
  bluegreen pause Serving/Model --reason "the database is being moved"
"""
RESUME_EXAMPLES = """\b
Example:
  bluegreen resume Serving/Model
"""


def promote_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    from_step: Annotated[
        int | None,
        option(whole("step", 1, 1000), "N", "Only if it still is at step N, as status shows it; default: any."),
    ] = None,
    hook: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Which pause hook of Amazon ECS; default: the one that waits.", show_default=False
        ),
    ] = None,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Answer a pause, a hold or an approval with: go on. An A/B test ends with the candidate.

    The answer counts for the step the rollout is at now: if it has moved on meanwhile, nothing happens. Exit code 3
    when it waits for no answer. A pause hook of Amazon ECS is answered at once, and so is the wait of AWS CodeDeploy
    before production traffic moves.
    """
    with opened(context) as world:
        engine = without_slots(world, target, "promote")
        if engine.is_ecs:
            _promote_deployment(world, engine, from_step=from_step, hook=hook, reason=reason, format=format)
            return
        if hook is not None:
            who = "AWS CodeDeploy deploys" if engine.is_code_deploy else "the engine rolls out"
            raise ConfigurationError(f"--hook names a pause hook of Amazon ECS, and {who} {engine.target}")
        if engine.is_code_deploy:
            if from_step is not None:
                raise ConfigurationError(
                    f"--from-step is given, and what AWS CodeDeploy deploys, such as {engine.target}, waits before its "
                    "first step only: leave it out"
                )
            said, result = continue_deployment(world, engine, reason or "")
            answer(format, said, result)
            return
        rollout = in_flight(engine, "promote")
        _is_at(f"rollout {rollout.id}", engine.target, rollout.step, step_of(rollout), from_step)
        if rollout.hold is None and not _is_split(rollout):
            raise RefusedError(
                f"rollout {rollout.id} waits for no answer, it is {rollout.phase.value} and waits for "
                f"{waiting_for(rollout)}"
            )
        _give(world, engine, rollout, "promote", reason=reason, format=format)


def _promote_deployment(
    world: OperatorWorld,
    engine: TargetEngine,
    *,
    from_step: int | None,
    hook: str | None,
    reason: str | None,
    format: Format,
) -> None:
    found = deployment_in_flight(world, engine, "promote")
    _is_at(f"deployment {found.id}", engine.target, found.step, found.step_shown, from_step)
    if found.waiting:
        said = go_on(world, engine, found, hook, reason or "")
        shown = found.step + 1 if found.step >= 0 else None
        answer(format, said, {"target": engine.target, "rollout": found.id, "given": "promote", "step": shown})
    elif found.is_asked and found.rollout is not None:
        _give(world, engine, found.rollout, "promote", reason=reason, format=format)
    elif found.trouble:
        raise AwsError(
            f"the judge's table cannot be read, so whether it waits for an answer is not known: {found.trouble}"
        )
    else:
        raise RefusedError(
            f"deployment {found.id} waits for no answer, it is {found.at} and waits for {found.waits_for}"
        )


def _is_at(what: str, target: str, step: int, shown: str, from_step: int | None) -> None:
    """Refuse an answer for another step than the one that it is at."""
    if from_step is not None and step + 1 != from_step:
        at = f"at step {shown}" if step >= 0 else "before its first step"
        raise RefusedError(
            f"{what} is {at}, and --from-step is {from_step}: look at it with bluegreen explain {target}, and answer "
            "for the step it is at"
        )


def pause_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Keep a rollout where it is, until `resume`, or until its hold time-out takes it back.

    A guardrail or an alarm still takes it back at once. Exit code 3 when it is on its way back.
    """
    with opened(context) as world:
        engine = run_by_engine(world, target, "pause")
        rollout = in_flight(engine, "pause")
        if rollout.phase is Phase.ROLLING_BACK:
            raise RefusedError(
                f"rollout {rollout.id} is on its way back ({rollout.why_back}), which is not paused: watch it with "
                f"bluegreen watch {rollout.target}"
            )
        _give(world, engine, rollout, "pause", reason=reason, format=format)


def resume_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    reason: ReasonOption = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Let a rollout that `bluegreen pause` has paused go on. Exit code 3 when it was not paused by an operator."""
    with opened(context) as world:
        engine = run_by_engine(world, target, "resume")
        rollout = in_flight(engine, "resume")
        hold = rollout.hold
        if hold is None:
            # A pause may have been given a moment ago, and no tick has come since: the answer to it is as good.
            given = [one for one in engine.store.commands(engine.target) if one.verb == "pause"]
            if not any(one.rollout == rollout.id for one in given):
                raise RefusedError(f"rollout {rollout.id} is not paused: it waits for {waiting_for(rollout)}")
        elif hold.kind is not HoldKind.OPERATOR:
            raise RefusedError(
                f"rollout {rollout.id} was not paused by an operator, it is held ({hold.kind.value}: {hold.reason}): "
                f"it waits for {waiting_for(rollout)}"
            )
        _give(world, engine, rollout, "resume", reason=reason, format=format)


def _is_split(rollout: Rollout) -> bool:
    return rollout.settings.split is not None and rollout.phase is Phase.SHIFTING


def _give(
    world: OperatorWorld, engine: TargetEngine, rollout: Rollout, verb: Verb, *, reason: str | None, format: Format
) -> None:
    step = rollout.step if verb == "promote" else None
    command = Command(verb, rollout.id, world.caller(), reason or "", world.now(), step)
    engine.store.give(engine.target, command)
    said = f"{verb} was given to rollout {rollout.id}; it takes it with its next tick, within about a minute"
    answer(format, said, {"target": engine.target, "rollout": rollout.id, "given": verb, "step": _shown(step)})


def _shown(step: int | None) -> int | None:
    return None if step is None or step < 0 else step + 1
