"""What a rollout waits for, in a sentence: the gate it stands at, until when, and what comes then."""

from ..engine.judgement import is_shown_healthy, needs_evidence
from ..engine.lifecycle import Phase
from ..engine.phases import QUIET_MINUTES, pending_hook
from ..engine.rollout import Hold, HoldKind, Rollout
from ..engine.spans import in_words
from .spelled_times import iso


def waiting_for(rollout: Rollout) -> str:
    """The gate that the rollout stands at; a hold first, as nothing else moves it on."""
    if rollout.hold is not None and not rollout.has_ended:
        return _answer(rollout, rollout.hold)
    match rollout.phase:
        case Phase.PREPARING:
            return _candidate(rollout)
        case Phase.TESTING:
            return _hook(rollout) or "the test rules and the first step, with the next ticks"
        case Phase.SHIFTING:
            return _step(rollout)
        case Phase.BAKING:
            return _bake(rollout)
        case Phase.ROLLING_BACK:
            return f"the rule to confirm that {rollout.live} has all traffic again"
        case Phase.PROMOTED | Phase.ROLLED_BACK:
            return _tidying(rollout)


def _answer(rollout: Rollout, hold: Hold) -> str:
    target = rollout.target
    forward = f"bluegreen resume {target}" if hold.kind is HoldKind.OPERATOR else f"bluegreen promote {target} to go on"
    otherwise = "it stays frozen" if hold.kind is HoldKind.FROZEN else "it goes back"
    return f"{forward}, or bluegreen abort {target} to go back; without an answer until {iso(hold.until)} {otherwise}"


def _candidate(rollout: Rollout) -> str:
    until = iso(rollout.phase_since + rollout.settings.prepare_timeout)
    capacity = f" with {rollout.needs} healthy targets, as live has" if rollout.needs else ""
    return (
        f"{rollout.candidate} to run {rollout.release.name}{capacity}, until {until}; then the rollout ends without "
        "having moved traffic"
    )


def _hook(rollout: Rollout) -> str:
    hook = pending_hook(rollout)
    if hook is None:
        return ""
    since = rollout.hook_since
    until = f", until {iso(since + hook.timeout)}; then it goes back" if since is not None else ""
    return f"{'approval' if hook.is_approval else 'hook'} {hook.name}{until}"


def _step(rollout: Rollout) -> str:
    settings = rollout.settings
    if rollout.applied is None:
        return f"the rule to confirm {rollout.weight:g} % for the candidate"
    if settings.split is not None:
        return (
            f"an operator to end the A/B test: bluegreen report {rollout.target}, then bluegreen promote or "
            f"bluegreen abort; at {iso(rollout.started_at + settings.deadline)} it goes back"
        )
    if not 0 <= rollout.step < len(settings.steps) or rollout.applied_at is None:
        return "the first step, with the next tick"
    ends = f"the bake of this step to end, at {iso(rollout.applied_at + settings.steps[rollout.step].span)}"
    is_last = rollout.step + 1 == len(settings.steps)
    if not needs_evidence(rollout) or (is_shown_healthy(rollout) if is_last else rollout.step_minutes):
        return ends
    needed = "for HEALTHY" if is_last else "for a minute with requests on both sides"
    return f"{ends}, and {needed}, at most {in_words(settings.patience)} longer; then it is held"


def _bake(rollout: Rollout) -> str:
    if rollout.applied is None:
        return f"the rule to confirm {rollout.weight:g} % for the candidate"
    if rollout.is_expedited or rollout.is_baked:
        return "its promotion, with the next tick"
    hook = _hook(rollout)
    if hook:
        return hook
    settings = rollout.settings
    ends = f"the bake to end, at {iso(rollout.phase_since + settings.bake)}; until then going back is one call"
    if not needs_evidence(rollout) or is_shown_healthy(rollout):
        return ends
    return f"{ends}, and for HEALTHY, at most {in_words(settings.patience)} longer; then it is held"


def _tidying(rollout: Rollout) -> str:
    if rollout.is_tidied:
        return "nothing"
    if rollout.is_kept and rollout.quiet < QUIET_MINUTES:
        quiet = "until it was seen without requests for two minutes"
        return f"nothing: {rollout.out_of_use} keeps running, ready for a rollback, {quiet}"
    if rollout.is_kept and rollout.kept_until is not None:
        return f"nothing: {rollout.out_of_use} keeps running until {iso(rollout.kept_until)}, ready for a rollback"
    if rollout.is_quarantined:
        return f"nothing: {rollout.out_of_use} keeps running, unrouted"
    return f"{rollout.out_of_use} to have no requests for two minutes, before it is scaled in"
