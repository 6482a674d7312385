"""`bluegreen abort`: all traffic back to live by the direct path, which needs neither the table nor Step Functions."""

import re
from typing import Annotated

import typer

from ..engine.abort import AbortOutcome, abort
from ..engine.errors import AwsError, ConfigurationError, RolloutError
from ..engine.ports import RefusedError
from ..engine.target_settings import Compute, SideSettings, TargetSettings
from .answers import answer
from .aws_sentences import in_words
from .operator_world import OperatorWorld, TargetEngine, opened
from .option_parsers import option
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, chosen

EXAMPLES = """\b
Examples:
  bluegreen abort Serving/Model --reason "payments fail"
  bluegreen abort --rule arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener-rule/app/model/50/60/70
"""
_RULE = re.compile(r"arn:[^\s:]+:elasticloadbalancing:[^\s:]*:\d*:listener-rule/\S+")
_HELD = RefusedError.exit_code


def _rule_arn(given: str) -> str:
    if not _RULE.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is no ARN of a listener rule: give it whole, as the console shows it")
    return given


def abort_command(
    context: typer.Context,
    target: TargetArgument = None,
    *,
    reason: ReasonOption = None,
    now: Annotated[
        bool, typer.Option("--now", help="Also to a live side with too few healthy targets for all traffic.")
    ] = False,
    rule: Annotated[
        str | None,
        option(_rule_arn, "ARN", "The live rule, instead of TARGET, when Parameter Store does not answer."),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give all traffic back to live, at once, in three AWS calls on the rule; then stop the rollout.

    It needs neither the engine nor its table nor Step Functions: the rule's own tags say which side is live, and the
    mark that is left on the rule stops whatever of the engine still runs. Exit code 0 when nothing is in flight, too; 3
    when live is not warm: the engine then brings back its capacity first, unless --now says otherwise.
    """
    with opened(context, None if rule is None else rule.split(":")[3]) as world:
        engine, settings = _reach(world, target, rule)
        outcome = abort(
            world.rules(),
            settings,
            caller=_caller(world),
            reason=reason or "",
            now=world.now(),
            store=None if engine is None else engine.store,
            executions=None if engine is None else engine.executions,
            regardless=now,
        )
    said = "\n".join((_sentence(outcome, settings), *(f"note: {note}" for note in outcome.notes)))
    answer(format, said, _json_of(outcome, settings))
    if outcome.state == "NOT_WARM":
        raise typer.Exit(_HELD)


def _reach(world: OperatorWorld, target: str | None, rule: str | None) -> tuple[TargetEngine | None, TargetSettings]:
    """The engine where it is known, and the rule in any case. With `--rule` nobody is asked for it."""
    if rule is not None and target is not None:
        raise ConfigurationError(f"both {target} and --rule are given: give one of them")
    if rule is not None:
        nothing = SideSettings("", "", Compute.FIXED)
        return None, TargetSettings(rule, rule, "", nothing, nothing)
    try:
        engine = chosen(world, target)
    except AwsError as error:
        raise RolloutError(
            f"the targets' settings cannot be read ({in_words(str(error))}): if only Parameter Store is down, abort "
            "with --rule ARN"
        ) from error
    return engine, engine.settings


def _caller(world: OperatorWorld) -> str:
    """Who aborts; that AWS does not say who it is must not stop an abort."""
    try:
        return world.caller()
    except AwsError:
        return "unknown (STS did not answer)"


def _sentence(outcome: AbortOutcome, settings: TargetSettings) -> str:
    match outcome.state:
        case "NOTHING_IN_FLIGHT":
            return f"nothing is in flight on {settings.target}: nothing was changed"
        case "RESTORED":
            return f"live has all traffic of {settings.target}; rollout {outcome.rollout} is aborted"
        case "NOT_WARM":
            return (
                f"rollout {outcome.rollout} is marked as aborted, and its traffic is where it was: live is not warm, "
                "and the engine brings back its capacity first; bluegreen abort --now does not wait for it"
            )


def _json_of(outcome: AbortOutcome, settings: TargetSettings) -> dict[str, object]:
    return {
        "target": settings.target,
        "state": outcome.state,
        "rollout": outcome.rollout or None,
        "aws_calls": outcome.calls,
        "notes": list(outcome.notes),
    }
