"""What a rollout does next: a pure function of its state, what was observed, and the time.

Nothing here touches the world. The answer is the next state, which says absolutely how the world is to be (this share,
this release on that side); `runner` saves it and then makes it so, as often as it takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from .judgement import assessments, is_unhealthy, lost_targets, objections, observed
from .lifecycle import Phase
from .observation import SOON, Decision, Observation
from .phases import baking, may_leave, pace_of_holds, preparing, shifting, testing, tidying
from .ports import Command
from .rollout import Hold, HoldKind, Rollout
from .spans import in_words
from .transitions import (
    back_or_frozen,
    finished,
    go_back,
    holding,
    hook_passed,
    marked,
    next_step,
    noted,
    released,
    to_bake,
)

_REMEMBERED_COMMANDS = 8
_GOES_ON_BY_EVIDENCE = frozenset({HoldKind.UNSURE, HoldKind.NO_DATA})

_PHASES: Mapping[Phase, Callable[[Rollout, Observation], Decision]] = MappingProxyType(
    {Phase.PREPARING: preparing, Phase.TESTING: testing, Phase.SHIFTING: shifting, Phase.BAKING: baking}
)


def decide(rollout: Rollout, seen: Observation) -> Decision:
    """The next state of `rollout` after what was `seen`."""
    if rollout.has_ended:
        return tidying(rollout, seen)
    rollout = _judged(rollout, seen)
    rollout, answered = _answered(rollout, seen)
    rollout = _stopped(rollout, seen)
    if rollout.phase is Phase.ROLLING_BACK or rollout.hold is not None:
        return Decision(rollout, SOON if rollout.hold is None else pace_of_holds(rollout), answered)
    return replace(_PHASES[rollout.phase](rollout, seen), answered=answered)


def _judged(rollout: Rollout, seen: Observation) -> Rollout:
    if seen.counts is not None and seen.last_minute is not None:
        rollout = observed(rollout, seen.counts, seen.last_minute)
    if rollout.phase in {Phase.SHIFTING, Phase.BAKING} and not rollout.is_expedited:
        rollout = replace(rollout, said=assessments(rollout, seen.alarms, seen.unasked))
    return rollout


def _answered(rollout: Rollout, seen: Observation) -> tuple[Rollout, tuple[Command, ...]]:
    answered: list[Command] = []
    for command in seen.commands:
        if command.verb == "unlock":  # answered by the next start
            continue
        answered.append(command)
        key = f"{command.verb} {command.at.isoformat()} {command.caller}"
        if key in rollout.answered:
            continue
        rollout = replace(rollout, answered=(*rollout.answered, key)[-_REMEMBERED_COMMANDS:])
        if command.rollout != rollout.id or (command.step is not None and command.step != rollout.step):
            why = f"bluegreen {command.verb} was for {command.rollout} at step {command.step}, which is over"
            rollout = noted(rollout, seen.now, "REFUSED", why, command.caller)
            continue
        rollout = _obeyed(rollout, seen.now, command)
    return rollout, tuple(answered)


def _obeyed(rollout: Rollout, now: datetime, command: Command) -> Rollout:
    why = f"bluegreen {command.verb}: {command.reason}" if command.reason else f"bluegreen {command.verb}"
    hold = rollout.hold
    is_frozen = hold is not None and hold.kind is HoldKind.FROZEN
    match command.verb:
        case "abort":
            return go_back(rollout, now, why, caller=command.caller)
        case "pause" if rollout.phase is not Phase.ROLLING_BACK and not is_frozen:
            return noted(holding(rollout, HoldKind.OPERATOR, why, now), now, "PAUSED", why, command.caller)
        case "resume" if hold is not None and hold.kind is HoldKind.OPERATOR:
            return noted(released(rollout, now), now, "RESUMED", why, command.caller)
        case "promote" if hold is not None:
            return _continued(noted(rollout, now, "CONTINUED", why, command.caller), hold, now)
        case "promote" if rollout.settings.split is not None and rollout.phase is Phase.SHIFTING:
            return to_bake(noted(rollout, now, "CONTINUED", why, command.caller), now)
    return noted(rollout, now, "REFUSED", f"{why} found nothing to answer", command.caller)


def _continued(rollout: Rollout, hold: Hold, now: datetime) -> Rollout:
    """An operator answered a pause with continue."""
    rollout = released(rollout, now)
    match hold.kind:
        case HoldKind.APPROVAL:
            return hook_passed(rollout, now)
        case HoldKind.INTERFERENCE:
            return replace(rollout, applied=None, wanted_at=now, takes_over=True)
        case HoldKind.FROZEN:
            return replace(_onward(rollout, now), takes_over=True)
        case HoldKind.UNSURE | HoldKind.NO_DATA:
            return _onward(rollout, now)
    return rollout


def _onward(rollout: Rollout, now: datetime) -> Rollout:
    return next_step(rollout, now) if rollout.phase is Phase.SHIFTING else finished(rollout, now)


def _stopped(rollout: Rollout, seen: Observation) -> Rollout:
    """What ends a rollout from outside of its phases: an abort, an objection, time."""
    now, hold = seen.now, rollout.hold
    if rollout.phase is Phase.ROLLING_BACK:
        return rollout
    if seen.marked:
        return marked(rollout, now)
    # Whoever led a frozen release on knows what the guardrails say; it is frozen again when the next share is reached.
    is_heard = (hold is not None and hold.kind is HoldKind.FROZEN) or (rollout.is_irreversible and rollout.takes_over)
    if is_unhealthy(rollout) and not is_heard:
        return _objected(rollout, now)
    lost = seen.lost or lost_targets(rollout, seen.counts, seen.last_minute)
    if lost and not is_heard:
        return back_or_frozen(rollout, now, lost)
    if now >= rollout.started_at + rollout.settings.deadline:
        return go_back(rollout, now, f"the deadline of {in_words(rollout.settings.deadline)} is over")
    if hold is not None:
        return _still_held(rollout, hold, now)
    if seen.interference and not rollout.takes_over:
        return holding(rollout, HoldKind.INTERFERENCE, seen.interference, now)
    return rollout


def _still_held(rollout: Rollout, hold: Hold, now: datetime) -> Rollout:
    if now >= hold.until and hold.kind is HoldKind.FROZEN:
        # It stays where it is until somebody answers or the deadline comes, and says so again.
        return holding(replace(rollout, hold=None), HoldKind.FROZEN, hold.reason, now)
    if now >= hold.until:
        return back_or_frozen(rollout, now, f"nobody answered in time: {hold.reason}")
    if hold.kind in _GOES_ON_BY_EVIDENCE and may_leave(rollout):
        return noted(released(rollout, now), now, "RESUMED", "the evidence is there now")
    return rollout


def _objected(rollout: Rollout, now: datetime) -> Rollout:
    why = objections(rollout) or "the comparisons together"
    return back_or_frozen(noted(rollout, now, "UNHEALTHY", why), now, why, is_bad=True)
