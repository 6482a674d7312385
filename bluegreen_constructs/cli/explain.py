"""`bluegreen explain`: why a rollout is where it is: its evidence, its gates, and what would change the verdict."""

from collections.abc import Iterable, Iterator, Sequence

import typer
from rich.table import Table
from rich.text import Text

from ..engine.guardrails import Assessment
from ..engine.model import Arm
from .answers import as_json
from .code_deploy_reading import known_code_deployment
from .deployment_reading import known_deployment
from .explanation import Finding, Odds, findings, others
from .operator_world import opened
from .output import exact, laid_out, write
from .result_format import Format, FormatOption
from .rollout_summary import view_of
from .rollout_targets import TargetArgument, chosen, last_rollout
from .slots_targets import known_record
from .slots_view import view_of_slots
from .spelled_times import iso
from .target_view import TargetView, table_of

EXAMPLES = """\b
Examples:
  bluegreen explain Serving/Model
  bluegreen explain Serving/Model --format json
"""
_WIDEST = 100


def explain_command(
    context: typer.Context, target: TargetArgument = None, *, format: FormatOption = Format.TEXT
) -> None:
    """What is known of a rollout: the counts of both sides, the odds, the verdict of every guardrail, and its gates.

    Odds of harm are those that the candidate fails more often than live: at what is needed it goes back. Odds of
    safety are those that it does not fail so often that promoting it would be wrong: at what is needed it may be
    promoted. Minutes are those in which both sides have requests, at the traffic that they had so far.
    """
    with opened(context) as world:
        engine = chosen(world, target)
        if engine.is_ecs:
            deployment = known_deployment(world, engine)
            rollout, view = deployment.rollout, deployment.view(world.now())
            deadline, judges = None, tuple(deployment.judges())
            is_counted = engine.has_table and not deployment.trouble
        elif engine.is_code_deploy:
            found_there = known_code_deployment(world, engine)
            rollout, view = None, found_there.view(world.now())
            deadline, judges, is_counted = None, tuple(found_there.judges()), False
        elif engine.is_slots:
            view = view_of_slots(engine.settings, record := known_record(engine), world.now())
            rollout = None if record.op is None else record.op.judged
            deadline, judges, is_counted = None, (), True
        else:
            rollout = last_rollout(engine)
            view = view_of(engine.target, rollout, world.now())
            deadline, judges = iso(rollout.started_at + rollout.settings.deadline), ()
            is_counted = True
    found = () if rollout is None else findings(rollout)
    alarms = () if rollout is None else others(rollout, found)
    if format is Format.JSON:
        evidence = {"comparisons": [_finding(one) for one in found], "others": [_said(one) for one in alarms]}
        write(as_json({**view.json, "deadline": deadline, "judges": list(judges), **evidence}))
        return
    gates = dict.fromkeys((*judges, *_gates(view, deadline)))  # a note may be what a judge says, too
    write(laid_out(_parts(view, found, alarms, gates, is_counted=is_counted), _WIDEST))


def _parts(
    view: TargetView, found: Sequence[Finding], alarms: Sequence[Assessment], gates: Iterable[str], *, is_counted: bool
) -> Iterator[Table | Text]:
    yield table_of([view])
    yield Text()
    if found:
        yield _counts(found)
        yield Text()
        for finding in found:
            yield Text(f"What would change {finding.name}: {finding.would_change}.")
    elif is_counted:
        yield Text("Nothing was counted." if view.has_ended else "Nothing was counted yet.")
    for said in alarms:
        yield Text(f"{said.guardrail}: {said.verdict.value}, {said.reason}.")
    if found or alarms or is_counted:
        yield Text()
    for line in gates:
        yield Text(line)


def _counts(found: Sequence[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("guardrail", overflow="fold")
    for heading in ("live bad", "candidate bad", "odds of harm", "of safety", "verdict"):
        table.add_column(heading, justify="right", overflow="fold")
    for one in found:
        live = "-" if one.live is None else _arm(one.live)
        table.add_row(one.name, live, _arm(one.candidate), str(one.harm), str(one.safety), one.verdict.value)
    return table


def _arm(arm: Arm) -> str:
    return f"{arm.bad} of {arm.requests}"


def _gates(view: TargetView, deadline: str | None) -> Iterator[str]:
    for note in view.notes:
        yield f"{note[:1].upper()}{note[1:]}."
    if view.paused:
        yield f"Paused {view.paused}."
    if view.why_back:
        yield f"Why it {'went' if view.has_ended else 'goes'} back: {view.why_back}."
    yield f"It waits for {view.waits_for}."
    if deadline is not None and not view.has_ended:
        yield f"Its deadline is {deadline}."


def _finding(one: Finding) -> dict[str, object]:
    return {
        "guardrail": one.name,
        "live": None if one.live is None else _counted(one.live),
        "candidate": _counted(one.candidate),
        "verdict": one.verdict.value,
        "odds_of_harm": _odds(one.harm),
        "odds_of_safety": _odds(one.safety),
        "minutes_seen": one.minutes,
        "minutes_to_healthy_if_as_live": one.to_healthy,
        "minutes_to_unhealthy_if_at_margin": one.to_unhealthy,
        "would_change": one.would_change,
    }


def _counted(arm: Arm) -> dict[str, int]:
    return {"requests": arm.requests, "bad": arm.bad}


def _odds(odds: Odds) -> dict[str, float]:
    return {"reached": exact(odds.reached), "needed": exact(odds.needed)}


def _said(said: Assessment) -> dict[str, str]:
    return {"guardrail": said.guardrail, "verdict": said.verdict.value, "reason": said.reason}
