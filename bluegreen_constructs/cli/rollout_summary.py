"""A rollout of the engine as it is shown: in one line of a table, in one line of a log, and as JSON."""

from datetime import datetime

from ..engine.guardrails import worst
from ..engine.lifecycle import Phase
from ..engine.rollout import Hold, Rollout
from .spelled_times import iso, rough
from .target_view import TargetView
from .waiting_for import waiting_for

_MOVING = frozenset({Phase.SHIFTING, Phase.BAKING, Phase.ROLLING_BACK})


def view_of(target: str, rollout: Rollout | None, now: datetime) -> TargetView:
    """What is shown of a target that the engine runs; without a rollout where there was never one."""
    if rollout is None:
        return TargetView(target, json=json_of(target, None))
    hold = rollout.hold if not rollout.has_ended else None
    return TargetView(
        target=target,
        what=f"rollout {rollout.id}",
        release=rollout.release.name,
        phase=rollout.phase.value,
        weight=weight_of(rollout),
        step=step_of(rollout),
        verdict=verdict_of(rollout) or "-",
        age=rough(now - rollout.phase_since),
        paused="" if hold is None else f"({hold.kind.value}) for {rough(now - hold.since)}: {hold.reason}",
        why_back=rollout.why_back,
        waits_for=waiting_for(rollout),
        line=line_of(rollout),
        has_ended=rollout.has_ended,
        is_promoted=rollout.phase is Phase.PROMOTED,
        json=json_of(target, rollout),
    )


def weight_of(rollout: Rollout) -> str:
    """The candidate's share; with a question mark while traffic is to move and the rule has not confirmed it."""
    is_open = rollout.phase in _MOVING and rollout.applied != rollout.weight
    return f"{rollout.weight:g} %{'?' if is_open else ''}"


def step_of(rollout: Rollout) -> str:
    """The step that it is in, counted from one."""
    if rollout.settings.split is not None:
        return "split"
    steps = len(rollout.settings.steps)
    return f"{rollout.step + 1} of {steps}" if rollout.step >= 0 and steps else "-"


def verdict_of(rollout: Rollout) -> str | None:
    """What all guardrails say together; None before they were asked."""
    return worst(said.verdict for said in rollout.said).value if rollout.said else None


def line_of(rollout: Rollout) -> str:
    """For a log: where it is, without what changes by itself with every minute."""
    parts = [f"{rollout.phase.value} {weight_of(rollout)}"]
    if rollout.step >= 0 and not rollout.has_ended:
        parts.append(f"step {step_of(rollout)}")
    if verdict_of(rollout):
        parts.append(f"{verdict_of(rollout)}")
    if rollout.hold is not None and not rollout.has_ended:
        parts.append(f"paused ({rollout.hold.kind.value}): {rollout.hold.reason}")
    if rollout.why_back:
        parts.append(f"goes back: {rollout.why_back}" if not rollout.has_ended else f"went back: {rollout.why_back}")
    return ", ".join(parts)


def hold_json(hold: Hold) -> dict[str, object]:
    """A hold as JSON values."""
    return {"kind": hold.kind.value, "reason": hold.reason, "since": iso(hold.since), "until": iso(hold.until)}


def json_of(target: str, rollout: Rollout | None) -> dict[str, object]:
    """The same as JSON values, with times in UTC."""
    if rollout is None:
        return {"target": target, "controller": "engine", "rollout": None}
    hold = rollout.hold if not rollout.has_ended else None
    return {
        "target": target,
        "controller": "engine",
        "rollout": rollout.id,
        "release": rollout.release.name,
        "phase": rollout.phase.value,
        "since": iso(rollout.phase_since),
        "started_at": iso(rollout.started_at),
        "caller": rollout.caller,
        "reason": rollout.reason,
        "live": rollout.live,
        "serving": rollout.serving if rollout.has_ended else None,
        "weight_percent": rollout.weight,
        "confirmed_percent": rollout.applied,
        "step": rollout.step + 1 if rollout.step >= 0 else None,
        "steps": len(rollout.settings.steps),
        "verdict": verdict_of(rollout),
        "hold": None if hold is None else hold_json(hold),
        "why_back": rollout.why_back or None,
        "waits_for": waiting_for(rollout),
        "has_ended": rollout.has_ended,
        "is_tidied": rollout.is_tidied,
        "execution": rollout.execution,
        "ecs": None,
    }
