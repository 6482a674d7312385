"""`bluegreen abort`: all traffic back to live by the direct path, which needs neither a table nor Step Functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from ..engine.abort import AbortOutcome, abort
from ..engine.errors import AwsError, ConfigurationError, RolloutError
from ..engine.ports import RefusedError
from ..engine.target_settings import Compute, SideSettings, TargetSettings
from .answers import answer
from .aws_sentences import in_words
from .code_deploy_commands import stop_code_deployment, stop_in_group
from .deployment_commands import StopOutcome, stop
from .operator_world import OperatorWorld, TargetEngine, caller_of, opened
from .option_parsers import option
from .reason_option import ReasonOption
from .result_format import Format, FormatOption
from .rollout_targets import TargetArgument, chosen
from .slots_way_back import give_back

EXAMPLES = """\b
Examples:
  bluegreen abort Serving/Model --reason "payments fail"
  bluegreen abort --rule arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener-rule/app/model/50/60/70
  bluegreen abort --service serving/inference
  bluegreen abort --deployment d-ABCDEF123
"""
_RULE = re.compile(r"arn:[^\s:]+:elasticloadbalancing:[^\s:]*:\d*:listener-rule/\S+")
_SERVICE = re.compile(r"(?:arn:[^\s:]+:ecs:(?P<region>[^\s:]*):\d*:service/)?(?P<cluster>[\w-]+)/(?P<service>[\w-]+)")
_DEPLOYMENT = re.compile(r"d-[A-Za-z0-9]+")
_HELD = RefusedError.exit_code
_CODE_DEPLOY = "AWS CodeDeploy"


def _rule_arn(given: str) -> str:
    if not _RULE.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is no ARN of a listener rule: give it whole, as the console shows it")
    return given


def _deployment(given: str) -> str:
    if not _DEPLOYMENT.fullmatch(given):
        raise typer.BadParameter(f"{given!r} is no deployment of AWS CodeDeploy: give its id, such as d-ABCDEF123")
    return given


@dataclass(frozen=True, slots=True)
class _Service:
    cluster: str
    name: str
    region: str | None

    def __str__(self) -> str:
        return f"{self.cluster}/{self.name}"


def _service(given: str) -> _Service:
    found = _SERVICE.fullmatch(given)
    if found is None:
        raise typer.BadParameter(f"{given!r} is no service of Amazon ECS: give CLUSTER/SERVICE, or its ARN")
    return _Service(found["cluster"], found["service"], found["region"])


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
    service: Annotated[
        _Service | None,
        option(_service, "CLUSTER/SERVICE", "What Amazon ECS rolls out, when Parameter Store does not answer."),
    ] = None,
    deployment: Annotated[
        str | None,
        option(_deployment, "ID", "What AWS CodeDeploy deploys, when Parameter Store does not answer."),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> None:
    """Give all traffic back to live, at once, in three AWS calls on the rule; then stop the rollout.

    It needs neither the engine nor its table nor Step Functions: the rule's own tags say which side is live, and the
    mark that is left on the rule stops whatever of the engine still runs. Exit code 0 when nothing is in flight, too; 3
    when live is not warm: the engine then brings back its capacity first, unless --now says otherwise.

    Amazon ECS takes back what it rolls out itself, in two calls: also while a hook waits for an answer. So does AWS
    CodeDeploy, in three: also while it waits to be continued, and while it keeps live's former tasks.
    """
    with opened(context, _region(rule, service)) as world:
        if service is not None:
            if target is not None or rule is not None or deployment is not None:
                other = target or ("--rule" if rule is not None else "--deployment")
                raise ConfigurationError(f"{other} and --service are given: give one of them")
            outcome = stop(world, (service.cluster, service.name), str(service), reason or "")
            _say_stopped(format, str(service), outcome)
            return
        if deployment is not None:
            if target is not None or rule is not None:
                raise ConfigurationError(f"{target or '--rule'} and --deployment are given: give one of them")
            _say_stopped(format, deployment, stop_code_deployment(world, deployment, "", reason or ""), _CODE_DEPLOY)
            return
        engine, settings = _reach(world, target, rule)
        if engine is not None and engine.is_code_deploy:
            _say_stopped(format, engine.target, stop_in_group(world, engine, reason or ""), _CODE_DEPLOY)
            return
        if engine is not None and engine.is_ecs:
            outcome = stop(world, engine.service, engine.target, reason or "", engine)
            _say_stopped(format, engine.target, outcome)
            return
        if engine is not None and engine.is_slots:
            restored = give_back(world, engine, reason or "", regardless=now)
        else:
            restored = abort(
                world.rules(),
                settings,
                caller=caller_of(world),
                reason=reason or "",
                now=world.now(),
                store=None if engine is None else engine.store,
                executions=None if engine is None else engine.executions,
                regardless=now,
            )
    notes = restored.notes
    if rule is not None and restored.state == "NOTHING_IN_FLIGHT":
        notes = (*notes, "the rule of a service that Amazon ECS rolls out tells nothing: abort that with --service")
    _say(format, _sentence(restored, settings), settings.target, restored, notes)
    if restored.state == "NOT_WARM":
        raise typer.Exit(_HELD)


def _region(rule: str | None, service: _Service | None) -> str | None:
    """The region that an ARN names."""
    if rule is not None:
        return rule.split(":")[3]
    return None if service is None else service.region


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
            "with --rule ARN, or with --service CLUSTER/SERVICE what Amazon ECS rolls out, or with --deployment ID "
            "what AWS CodeDeploy deploys"
        ) from error
    return engine, engine.settings


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


def _say_stopped(format: Format, target: str, outcome: StopOutcome, who: str = "Amazon ECS") -> None:
    if outcome.state == "NOTHING_IN_FLIGHT":
        said = f"nothing is in flight on {target}: nothing was changed"
    else:
        why = f" ({outcome.why})" if outcome.why else ""
        of = f" of {target}" if target != outcome.rollout else ""
        said = f"deployment {outcome.rollout}{of} goes back{why}: {who} gives live all traffic again"
    _say(format, said, target, outcome, outcome.notes)


def _say(format: Format, sentence: str, target: str, outcome: AbortOutcome | StopOutcome, notes: Sequence[str]) -> None:
    result = {
        "target": target,
        "state": outcome.state,
        "rollout": outcome.rollout or None,
        "aws_calls": outcome.calls,
        "notes": list(notes),
    }
    answer(format, "\n".join((sentence, *(f"note: {note}" for note in notes))), result)
