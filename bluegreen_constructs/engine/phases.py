"""What a rollout does in each phase when nothing from outside ends or holds it."""

from dataclasses import replace
from datetime import datetime, timedelta

from .counts import Counts
from .judgement import is_shown_healthy, needs_evidence, with_fresh_evidence
from .lifecycle import Phase, Signal
from .observation import MINUTE, SOON, Decision, Observation
from .rollout import HoldKind, Rollout
from .spans import in_words
from .target_settings import HookSettings
from .transitions import (
    at_step,
    back_or_frozen,
    finished,
    go_back,
    holding,
    hook_passed,
    let_go,
    looked_at_again,
    marked,
    minute_of,
    moved,
    next_step,
    noted,
    to_bake,
)
from .weights import needed

_TICKS = 1200
_LOOKS = 100  # at a hook's answer, or at a candidate that is to get healthy
_SLEEP = timedelta(hours=12)  # how long nobody looks at a side that is kept
_FIRST_DAY_PAUSE, _LATER_PAUSE = timedelta(hours=1), timedelta(hours=3)  # between two looks at it after its time
QUIET_MINUTES = 2
"""For how many closed minutes a side must have had no requests before anything of it is scaled down (I8)."""
_KEPT_LONGER = timedelta(days=14)
"""How long a side is looked at, after its time, that nobody could see without requests, as no side had any."""


def preparing(rollout: Rollout, seen: Observation) -> Decision:
    """The release goes onto the candidate side; it ends before any traffic moves when the side does not get healthy."""
    now, settings = seen.now, rollout.settings
    live, candidate, targets = seen.live, seen.candidate, seen.candidate_targets
    if live is not None and not rollout.desired:
        # What holds the sides up from here on, and is put back at the end, is saved before it is changed.
        minimums = {} if live.minimum is None else {rollout.live: live.minimum}
        desired = live.desired if rollout.live_side.can_be_scaled else rollout.needs
        rollout = replace(rollout, desired=max(1, desired), minimums=rollout.minimums or minimums)
    if seen.counts is not None and seen.last_minute is not None:
        rollout = _quieter(rollout, seen.counts, seen.last_minute)
    trouble = seen.blocked or (candidate.trouble if candidate is not None else "")
    if seen.impossible:
        return Decision(go_back(rollout, now, seen.impossible), SOON)
    # With a fixed split the candidate is never to carry more than its part, unless it is promoted.
    needs = max(1, needed(rollout.needs, 100.0 if settings.split is None else settings.split))
    if targets is not None and (not targets.is_checked or targets.healthy >= needs):
        return Decision(
            moved(rollout, Signal.PREPARED, now, f"{targets.healthy} healthy targets"), timedelta(seconds=1)
        )
    if now >= rollout.phase_since + settings.prepare_timeout:
        have = f"{targets.healthy if targets else 0} of {needs} healthy targets"
        why = f"insufficient capacity: {have} after {in_words(settings.prepare_timeout)}"
        if rollout.quiet < QUIET_MINUTES:
            why = f"the {rollout.candidate} side still had requests after {in_words(settings.prepare_timeout)}"
        return Decision(go_back(rollout, now, f"{why}: {trouble}" if trouble else why), SOON)
    return Decision(rollout, max(SOON, settings.prepare_timeout / _LOOKS))


def testing(rollout: Rollout, seen: Observation) -> Decision:
    """Hooks and approvals, then the first step."""
    if not rollout.is_test_routed:
        return Decision(rollout, timedelta(seconds=1))
    hook = pending_hook(rollout)
    if hook is not None:
        return _asked(rollout, seen, hook)
    ringing = sorted(name for name, state in seen.alarms.items() if state == "ALARM")
    if ringing and not rollout.is_expedited:
        # No user has met the candidate, so that it is not to blame, and nobody could tell later whether it was.
        return Decision(go_back(rollout, seen.now, f"in ALARM before any traffic moved: {', '.join(ringing)}"), SOON)
    shifting = moved(with_fresh_evidence(rollout), Signal.TESTED, seen.now, "tested")
    if rollout.is_expedited or not rollout.settings.steps:
        return Decision(to_bake(shifting, seen.now), SOON)
    return Decision(at_step(shifting, 0, seen.now), SOON)


def shifting(rollout: Rollout, seen: Observation) -> Decision:
    """The steps: each for its bake, and the last one until every guardrail says HEALTHY."""
    waiting = _until_applied(rollout, seen)
    if waiting is not None:
        return waiting
    now, settings = seen.now, rollout.settings
    if settings.split is not None:
        return Decision(rollout, _until_news(rollout, now))
    over = _since_applied(rollout) + settings.steps[rollout.step].span
    if now < over:
        return Decision(rollout, min(_until_news(rollout, now), over - now))
    if may_leave(rollout):
        return Decision(next_step(rollout, now), SOON)
    if now < over + settings.patience:
        return Decision(rollout, _until_news(rollout, now))
    kind, why = _not_enough(rollout)
    return Decision(holding(rollout, kind, why, now), SOON)


def baking(rollout: Rollout, seen: Observation) -> Decision:
    """Going back is still one call; the comparison goes on with what is held back on live."""
    waiting = _until_applied(rollout, seen)
    if waiting is not None:
        return waiting
    if rollout.is_baked:  # the runner says so on the rule, and then it is PROMOTED
        return Decision(rollout, SOON)
    now, settings = seen.now, rollout.settings
    hook = pending_hook(rollout)
    if hook is not None:
        return _asked(rollout, seen, hook)
    over = rollout.phase_since if rollout.is_expedited else _since_applied(rollout) + settings.bake
    if now < over:
        return Decision(rollout, min(_until_news(rollout, now), over - now))
    if rollout.is_expedited or may_leave(rollout):
        return Decision(finished(rollout, now), timedelta(seconds=1))
    if now < over + settings.patience:
        return Decision(rollout, _until_news(rollout, now))
    kind, why = _not_enough(rollout)
    return Decision(holding(rollout, kind, why, now), SOON)


def tidying(rollout: Rollout, seen: Observation) -> Decision:
    """After the end: the side out of use is drained, kept for a while if it is to be, and only then scaled down."""
    if rollout.is_tidied:
        return Decision(rollout)
    if rollout.is_kept and rollout.kept_until is not None:
        return _keeping(rollout, seen, rollout.kept_until)
    if seen.marked and rollout.phase is Phase.PROMOTED:
        return Decision(marked(rollout, seen.now), timedelta(seconds=1))
    settings = rollout.settings
    keeps_running = rollout.is_quarantined or rollout.is_left_running
    if not settings.side(rollout.out_of_use).can_be_scaled or keeps_running:
        # Nothing is to be scaled down; but the rule is looked at once more, when all reads are sure to be fresh.
        is_time = seen.now >= rollout.phase_since + 2 * SOON
        return Decision(replace(rollout, quiet=QUIET_MINUTES) if is_time else rollout, SOON)
    if seen.counts is not None and seen.last_minute is not None:
        rollout = _quieter(rollout, seen.counts, seen.last_minute)
    is_waiting = rollout.quiet < QUIET_MINUTES or bool(seen.interference)
    if is_waiting and seen.now >= (rollout.kept_until or rollout.phase_since) + settings.drain_timeout:
        return Decision(_left_running(rollout, seen.now), SOON)
    return Decision(rollout, _until_news(rollout, seen.now) if rollout.quiet < QUIET_MINUTES else timedelta(seconds=1))


def _keeping(rollout: Rollout, seen: Observation, until: datetime) -> Decision:
    """A side that is kept: left alone until its time is over, and then looked at until it is seen without requests.

    Without any on either side nobody can see that, in the night of an internal service above all. The side was drained,
    and the rule gives it nothing: so it stays kept, and is looked at again. Letting it go, for its quiet or for
    requests that it has, is saved first: a start meanwhile competes with that, and whoever comes first has the target.
    """
    now = seen.now
    if rollout.quiet >= QUIET_MINUTES:
        still = until - now
        if still > timedelta():
            return Decision(rollout, min(still, _SLEEP))
        return Decision(looked_at_again(rollout, now), _until_news(rollout, now))
    if seen.counts is not None and seen.last_minute is not None:
        first = (rollout.quiet_until or 0) + 1
        out, counts = rollout.out_of_use, seen.counts
        is_busy = any(counts.requests(out, minute) for minute in range(first, seen.last_minute + 1))
        rollout = _quieter(rollout, counts, seen.last_minute)
        if rollout.quiet >= QUIET_MINUTES or is_busy:
            return Decision(let_go(rollout, now), timedelta(seconds=1))
    still = until + _KEPT_LONGER - now
    if still <= timedelta():
        return Decision(_left_running(rollout, now, f" in {_KEPT_LONGER.days} days after its time"), SOON)
    # At first as often as there is news. Then seldom, as every turn counts in an execution of weeks, and never for
    # longer than the minutes that one look takes in.
    pause = _FIRST_DAY_PAUSE if now < until + timedelta(days=1) else _LATER_PAUSE
    is_new = now < until + rollout.settings.drain_timeout
    return Decision(rollout, _until_news(rollout, now) if is_new else min(pause, still))


def _left_running(rollout: Rollout, now: datetime, in_how_long: str = "") -> Rollout:
    seen = f"it was not seen without requests for {QUIET_MINUTES} minutes{in_how_long}"
    left = replace(rollout, is_kept=False, is_left_running=True, quiet=QUIET_MINUTES)
    return noted(left, now, "LEFT_RUNNING", f"the {rollout.out_of_use} side was left running: {seen}")


def _quieter(rollout: Rollout, counts: Counts, last: int) -> Rollout:
    """Count the minutes in a row in which the side out of use had no requests, and the other one had some.

    A minute without requests on either side says nothing: CloudWatch may only be late.
    """
    first = minute_of(rollout.phase_since) + 1 if rollout.quiet_until is None else rollout.quiet_until + 1
    quiet = rollout.quiet
    for minute in range(first, last + 1):
        if counts.requests(rollout.out_of_use, minute):
            quiet = 0
        elif counts.is_silent(rollout.out_of_use, minute):
            quiet += 1
    return replace(rollout, quiet=quiet, quiet_until=max(last, first - 1))


def pending_hook(rollout: Rollout) -> HookSettings | None:
    """The hook that is to be asked next in this phase."""
    if rollout.is_expedited or (rollout.phase is Phase.TESTING and not rollout.is_test_routed):
        return None
    hooks = [hook for hook in rollout.settings.hooks if hook.stage == rollout.phase.value]
    return hooks[rollout.hook] if rollout.hook < len(hooks) else None


def _asked(rollout: Rollout, seen: Observation, hook: HookSettings) -> Decision:
    now = seen.now
    if hook.is_approval:
        held = holding(rollout, HoldKind.APPROVAL, f"{hook.name} waits for bluegreen promote", now, hook.timeout)
        return Decision(held, SOON)
    answer = seen.hook
    if answer is not None and answer.status == "SUCCEEDED":
        return Decision(hook_passed(rollout, now), timedelta(seconds=1))
    if answer is not None and answer.status == "FAILED":
        why = f"{hook.name} failed: {answer.reason}" if answer.reason else f"{hook.name} failed"
        return Decision(back_or_frozen(rollout, now, why, is_bad=True), SOON)
    since = rollout.hook_since or now
    if now >= since + hook.timeout:
        return Decision(back_or_frozen(rollout, now, f"{hook.name} gave no answer in {in_words(hook.timeout)}"), SOON)
    details = rollout.hook_details if answer is None else answer.details
    wait = timedelta(seconds=1 if answer is None else answer.call_back_seconds)
    if answer is not None:
        wait = max(wait, hook.timeout / _LOOKS)
    return Decision(replace(rollout, hook_since=since, hook_details=details), wait)


def _is_last_step(rollout: Rollout) -> bool:
    return rollout.step + 1 >= len(rollout.settings.steps)


def may_leave(rollout: Rollout) -> bool:
    """Whether the evidence lets the rollout leave where it is: the last step and the bake need HEALTHY.

    None is left without a minute in which both sides had requests, except a bake that holds nothing back.
    """
    is_blind = rollout.phase is Phase.BAKING and not rollout.settings.hold_back
    has_data = rollout.step_minutes > 0 or is_blind or not needs_evidence(rollout)
    if rollout.phase is Phase.BAKING or _is_last_step(rollout):
        return has_data and is_shown_healthy(rollout)
    return has_data


def _not_enough(rollout: Rollout) -> tuple[HoldKind, str]:
    patience = in_words(rollout.settings.patience)
    if needs_evidence(rollout) and not rollout.step_minutes:
        return HoldKind.NO_DATA, f"no minute with requests on both sides, even {patience} after the bake"
    return HoldKind.UNSURE, f"not enough evidence that the candidate is HEALTHY, even {patience} after the bake"


def _until_applied(rollout: Rollout, seen: Observation) -> Decision | None:
    """Wait while the rule does not have the wanted share; a write that stays refused ends the rollout."""
    if rollout.applied is not None:
        return None
    limit = rollout.settings.prepare_timeout
    if seen.blocked and seen.now >= (rollout.wanted_at or rollout.phase_since) + limit:
        why = f"insufficient capacity for {in_words(limit)}: {seen.blocked}"
        return Decision(back_or_frozen(rollout, seen.now, why), SOON)
    return Decision(rollout, SOON)


def _since_applied(rollout: Rollout) -> datetime:
    return rollout.applied_at or rollout.wanted_at or rollout.phase_since


def _until_news(rollout: Rollout, now: datetime) -> timedelta:
    """Until the next minute's metrics are complete: looking earlier shows nothing, looking later loses time."""
    seconds = (now - rollout.settings.metric_lag).timestamp()
    news = timedelta(seconds=MINUTE.total_seconds() - seconds % MINUTE.total_seconds() + 1)
    settings = rollout.settings
    planned = sum((step.span for step in settings.steps), settings.bake + 2 * settings.patience)
    pace = _pace(settings.deadline if settings.split is not None else planned)
    return news if pace == MINUTE else pace


def pace_of_holds(rollout: Rollout) -> timedelta:
    """How often a paused rollout looks whether somebody has answered."""
    return _pace(rollout.settings.deadline)


def _pace(longest: timedelta) -> timedelta:
    """The shortest wait that may go on for so long.

    An execution of Step Functions ends after 25,000 events, and a tick takes nine of them: 1,200 ticks for the plan and
    as many for the pauses leave room for the quicker ones. A plan of 20 hours is looked at every minute, an A/B test of
    two weeks every 17.
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    return max(MINUTE, longest / _TICKS)
