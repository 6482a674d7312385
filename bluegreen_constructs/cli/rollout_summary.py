"""A rollout in one line of a table, in one line of a log, and as JSON."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from rich.table import Table

from ..engine.guardrails import worst
from ..engine.lifecycle import Phase
from ..engine.rollout import Rollout
from .spelled_times import iso, rough
from .waiting_for import waiting_for

Row: TypeAlias = tuple[str, Rollout | None]
"""A target, and its rollout; None where there was never one."""
_WIDEST_RELEASE = 28
_MOVING = frozenset({Phase.SHIFTING, Phase.BAKING, Phase.ROLLING_BACK})


def table_of(rows: Iterable[Row], now: datetime) -> Table:
    """A line for each target."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in ("target", "release", "phase", "weight", "step", "verdict", "for"):
        table.add_column(heading, overflow="fold")
    for target, rollout in rows:
        if rollout is None:
            table.add_row(target, "-", "no rollout yet", "-", "-", "-", "-")
            continue
        phase = f"{rollout.phase.value}{', paused' if is_paused(rollout) else ''}"
        table.add_row(
            target,
            shortened(rollout.release.name),
            phase,
            weight_of(rollout),
            step_of(rollout),
            verdict_of(rollout) or "-",
            rough(now - rollout.phase_since),
        )
    return table


def shortened(name: str) -> str:
    """A release's name for a column: of a long one, such as a digest, its beginning and its end."""
    return name if len(name) <= _WIDEST_RELEASE else f"{name[: _WIDEST_RELEASE - 9]}…{name[-8:]}"


def is_paused(rollout: Rollout) -> bool:
    """Whether it waits for somebody's answer."""
    return rollout.hold is not None and not rollout.has_ended


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


def json_of(target: str, rollout: Rollout | None) -> dict[str, object]:
    """The same as JSON values, with times in UTC."""
    if rollout is None:
        return {"target": target, "rollout": None}
    hold = rollout.hold if not rollout.has_ended else None
    return {
        "target": target,
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
        "hold": None
        if hold is None
        else {
            "kind": hold.kind.value,
            "reason": hold.reason,
            "since": iso(hold.since),
            "until": iso(hold.until),
        },
        "why_back": rollout.why_back or None,
        "waits_for": waiting_for(rollout),
        "has_ended": rollout.has_ended,
        "is_tidied": rollout.is_tidied,
        "execution": rollout.execution,
    }
