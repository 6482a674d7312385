"""How the state of a rollout changes: each function answers the state after one thing that happened."""

from dataclasses import replace
from datetime import datetime, timedelta

from .lifecycle import Phase, Signal, after
from .rollout import Hold, HoldKind, Note, Rollout


def go_back(rollout: Rollout, now: datetime, why: str, *, is_bad: bool = False, caller: str = "") -> Rollout:
    """All traffic to live, from any phase before PROMOTED; nothing changes for one that goes back already."""
    if rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        return replace(rollout, is_bad=rollout.is_bad or is_bad)
    signal = Signal.REVOKED if rollout.phase is Phase.PROMOTED else Signal.GO_BACK
    rollout = replace(rollout, hold=None, why_back=why, is_bad=is_bad or rollout.is_bad, is_left_running=False)
    return moved(_wanting(rollout, 0.0, now), signal, now, why, caller=caller)


def back_or_frozen(rollout: Rollout, now: datetime, why: str, *, is_bad: bool = False) -> Rollout:
    """Back to live; or, for a release that cannot be taken back once it had traffic, a halt that waits for people."""
    if rollout.is_irreversible and rollout.phase in {Phase.SHIFTING, Phase.BAKING}:
        frozen = replace(rollout, hold=None, is_bad=rollout.is_bad or is_bad)
        return holding(frozen, HoldKind.FROZEN, f"irreversible, so it stays: {why}", now)
    return go_back(rollout, now, why, is_bad=is_bad)


def released(rollout: Rollout, now: datetime) -> Rollout:
    """The pause is over; the time-outs that it stopped go on from where they were."""
    if rollout.hold is None:
        return rollout
    paused = now - rollout.hold.since
    is_preparing = rollout.phase is Phase.PREPARING
    return replace(
        rollout,
        hold=None,
        phase_since=rollout.phase_since + paused if is_preparing else rollout.phase_since,
        hook_since=None if rollout.hook_since is None else rollout.hook_since + paused,
        wanted_at=None if rollout.wanted_at is None else rollout.wanted_at + paused,
    )


def holding(rollout: Rollout, kind: HoldKind, why: str, now: datetime, limit: timedelta | None = None) -> Rollout:
    """Paused until somebody answers, or until the time is up."""
    until = now + (rollout.settings.hold_timeout if limit is None else limit)
    held = replace(rollout, hold=Hold(kind, why, now, until))
    return noted(held, now, "HELD", f"{why}; until {until:%Y-%m-%d %H:%M} UTC")


def confirmed(rollout: Rollout, share: float, now: datetime) -> Rollout:
    """After the rule was seen to have `share`."""
    if share != rollout.weight or rollout.applied == share:
        return rollout
    seen = replace(rollout, applied=share, applied_at=now, takes_over=False)
    if rollout.judged is None and share > 0:
        seen = replace(seen, judged=minute_of(now))  # the minute in which traffic began to move is no whole one
    return seen if share == rollout.was else noted(seen, now, "WEIGHT", f"{share:g} % to the candidate")


def ended(rollout: Rollout, now: datetime) -> Rollout:
    """After the rule has everything on one side, and says that the rollout has ended."""
    signal = Signal.BAKED if rollout.phase is Phase.BAKING else Signal.RESTORED
    why = rollout.why_back or f"{rollout.release.name} is live"
    return replace(moved(rollout, signal, now, why, event="ENDED"), quiet=0, quiet_until=None, hold=None)


def is_over(rollout: Rollout) -> bool:
    """Whether all that is left before the end is to say so on the rule."""
    if rollout.phase is Phase.BAKING:
        return rollout.is_baked and rollout.applied == 100
    return rollout.phase is Phase.ROLLING_BACK and rollout.applied == 0


def kept(rollout: Rollout, now: datetime) -> Rollout:
    """The former live side is drained, and keeps running: nothing holds the target until its time is over."""
    until = now + rollout.settings.keep
    why = f"the {rollout.out_of_use} side keeps running until {until:%Y-%m-%d %H:%M} UTC"
    return noted(replace(rollout, is_kept=True, kept_until=until), now, "KEPT", why)


def looked_at_again(rollout: Rollout, now: datetime) -> Rollout:
    """The time of the side that is kept is over: from now on it is looked at whether it still has no requests."""
    return replace(rollout, kept_until=now, quiet=0, quiet_until=minute_of(now))


def let_go(rollout: Rollout, now: datetime) -> Rollout:
    """The side is kept no more: what was seen of it decides, and the target is held until that is done."""
    return replace(rollout, is_kept=False, kept_until=now)


def marked(rollout: Rollout, now: datetime) -> Rollout:
    """After the mark of an abort was found on the rule."""
    return go_back(rollout, now, "an abort was found on the live rule")


def hook_passed(rollout: Rollout, now: datetime) -> Rollout:
    """The hook that was asked let the rollout pass; the next one of the phase is to be asked."""
    passed = replace(rollout, hook=rollout.hook + 1, hook_since=None, hook_details={})
    return noted(passed, now, "HOOK_PASSED", f"hook {passed.hook} of {rollout.phase.value}")


def at_step(rollout: Rollout, step: int, now: datetime) -> Rollout:
    """The candidate is to get the share of a step of the plan, numbered from 0."""
    percent = rollout.settings.steps[step].percent
    at = _wanting(replace(rollout, step=step, step_minutes=0), percent, now)
    return noted(at, now, "STEP", f"step {step + 1} of {len(rollout.settings.steps)}: {percent:g} %")


def next_step(rollout: Rollout, now: datetime) -> Rollout:
    """The step has ended well: the next one, or the bake after the last one."""
    if rollout.step + 1 < len(rollout.settings.steps):
        return at_step(moved(rollout, Signal.STEP_ENDED, now), rollout.step + 1, now)
    return to_bake(rollout, now)


def to_bake(rollout: Rollout, now: datetime) -> Rollout:
    """The candidate is to get all traffic but the hold-back, and all of it in an expedited rollout."""
    share = 100.0 if rollout.is_expedited else round(100.0 - rollout.settings.hold_back, 1)
    baking = replace(_wanting(rollout, share, now), step_minutes=0)
    return moved(baking, Signal.SHIFTED, now, f"{share:g} % to the candidate")


def finished(rollout: Rollout, now: datetime) -> Rollout:
    """The bake is over: no hold-back any more. PROMOTED follows when the rule confirms it."""
    return replace(_wanting(rollout, 100.0, now), is_baked=True)


def _wanting(rollout: Rollout, weight: float, now: datetime) -> Rollout:
    was = rollout.was if rollout.applied is None else rollout.applied
    return replace(rollout, weight=weight, applied=None, applied_at=None, wanted_at=now, was=was)


def moved(
    rollout: Rollout, signal: Signal, now: datetime, why: str = "", *, caller: str = "", event: str = "PHASE"
) -> Rollout:
    """The phase that follows a signal, noted as `event`; unchanged where the signal means nothing."""
    phase = after(rollout.phase, signal)
    if phase is rollout.phase:
        return rollout
    moved = replace(rollout, phase=phase, phase_since=now, hook=0, hook_since=None, hook_details={})
    return noted(moved, now, event, f"{phase.value}: {why}" if why else phase.value, caller)


def noted(rollout: Rollout, now: datetime, event: str, reason: str, caller: str = "") -> Rollout:
    """The state with a note for its history."""
    note = Note(now, event, reason, caller, rollout.phase.value, rollout.weight)
    return replace(rollout, outbox=(*rollout.outbox, note))


def minute_of(instant: datetime) -> int:
    """The minute of an instant, counted from the epoch."""
    return int(instant.timestamp() // 60)
