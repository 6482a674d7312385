"""What the judge of a deployment that Amazon ECS runs concludes: a state and what was seen in, the next state out.

ECS moves the traffic. What is decided here is what a hook answers before the next step, and whether the deployment is
to be taken back before that; the state follows what the live rule says, wherever a call came too late or twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from .counts import Counts
from .ecs_admission import ECS
from .ecs_hook import HookReply
from .judgement import assessments, is_unhealthy, objections, observed, with_fresh_evidence
from .lifecycle import Phase, Signal
from .model import Verdict
from .ports import Command, ReleaseRecord
from .rollout import HoldKind, Rollout
from .service_deployments import DeploymentSeen
from .spans import in_words
from .transitions import go_back, holding, minute_of, moved, noted

LONGEST_HOLD = timedelta(hours=23)
"""A stage of a deployment ends after 24 hours, and with it the deployment, without our words.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
"""
ALARM_TIME = timedelta(minutes=3)
"""How long the alarm on our metric has to make ECS go back, before the deployment is stopped by a call."""

_LONGEST_LOOK_BACK = 180  # minutes; a judge that was away longer starts with what it finds
_SHORTEST_DELAY, _LONGEST_DELAY = 30, 60
_REMEMBERED_COMMANDS = 8
_WITH_TRAFFIC = frozenset({Phase.SHIFTING, Phase.BAKING})
_BACK = frozenset({Phase.ROLLING_BACK, Phase.ROLLED_BACK})
_ONWARD = (Signal.PREPARED, Signal.TESTED, Signal.SHIFTED)
_AFTER = (Phase.TESTING, Phase.SHIFTING, Phase.BAKING)
_TESTING_STAGES = frozenset({"POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"})


def with_stage(rollout: Rollout, stage: str, now: datetime) -> Rollout:
    """The state once ECS says that the candidate runs and is tested."""
    if rollout.phase is Phase.PREPARING and stage in _TESTING_STAGES:
        return _onward(rollout, Phase.TESTING, now, f"{ECS} is at {stage}")
    return rollout


def let_in(rollout: Rollout, now: datetime) -> Rollout:
    """The first step may begin: from the next whole minute on, everything that the candidate does counts."""
    if rollout.judged is not None:
        return rollout
    fresh = replace(with_fresh_evidence(rollout), judged=minute_of(now))
    return _onward(fresh, Phase.SHIFTING, now, "the first step may begin")


def with_share(rollout: Rollout, share: float | None, now: datetime) -> Rollout:
    """The state once the live rule gives the candidate `share` percent (None: it forwards elsewhere).

    `now` is when it was seen: the step's own minutes are those that begin whole after that.
    """
    if share is None or share == (rollout.applied or 0.0) or rollout.phase in _BACK:
        return rollout
    was, rollout = rollout.applied or 0.0, let_in(rollout, now)
    step = rollout.step if share < was else max(rollout.step, _step_at(rollout, share))
    seen = replace(rollout, weight=share, applied=share, applied_at=now, was=was)
    at = replace(seen, step=step, step_minutes=0, hold=None, hook_since=None)
    if share == 100:
        return replace(_onward(at, Phase.BAKING, now, "all traffic is on the candidate"), step_minutes=0)
    steps = len(rollout.settings.steps)
    if share < was:
        return noted(at, now, "WEIGHT", f"the live rule gives the candidate {share:g} % instead of {was:g} %")
    return noted(at, now, "STEP", f"step {step + 1} of {max(steps, step + 1)}: {share:g} %")


def minutes_wanted(rollout: Rollout, now: datetime) -> tuple[int, int] | None:
    """The first and the last minute that are to be read for it; None when there is nothing to learn."""
    last = int((now - rollout.settings.metric_lag).timestamp() // 60) - 1
    if rollout.phase is Phase.BAKING and not rollout.hotfix and rollout.applied_at is not None:
        # In the bake live has no traffic to compare with, so alarms judge alone; what began before still counts.
        last = min(last, minute_of(rollout.applied_at) - 1)
    if rollout.judged is None or last <= rollout.judged or rollout.phase not in _WITH_TRAFFIC:
        return None
    return max(rollout.judged + 1, last - _LONGEST_LOOK_BACK), last


def with_minutes(rollout: Rollout, counts: Counts, last: int) -> Rollout:
    """The state after the closed minutes up to `last`, each counted once."""
    since, seen = rollout.judged, observed(rollout, counts, last)
    if not rollout.hotfix or since is None or rollout.applied_at is None:
        return seen
    # A hotfix is judged by the candidate's own minutes: live may be too broken to have any.
    began = rollout.applied_at.timestamp()
    own = [one for one in range(since + 1, last + 1) if one * 60 >= began and counts.requests(rollout.candidate, one)]
    return replace(seen, step_minutes=rollout.step_minutes + len(own))


def with_verdict(rollout: Rollout, alarms: Mapping[str, str], unasked: str, now: datetime) -> Rollout:
    """What every guardrail says now, and the way back if one objects; `unasked` is why CloudWatch did not answer."""
    if rollout.phase not in _WITH_TRAFFIC or not rollout.applied:
        return rollout  # a candidate that no user has met is not to blame
    rollout = replace(rollout, said=assessments(rollout, alarms, unasked))
    if not is_unhealthy(rollout):
        return rollout
    why = objections(rollout) or "the comparisons together"
    return go_back(noted(rollout, now, "UNHEALTHY", why), now, why, is_bad=True)


def obeyed(rollout: Rollout, commands: Sequence[Command], now: datetime) -> Rollout:
    """The state after what operators ask for; each command counts once, and only for the question it was given to."""
    for command in commands:
        key = f"{command.verb} {command.at.isoformat()} {command.caller}"
        if key in rollout.answered:
            continue
        rollout = replace(rollout, answered=(*rollout.answered, key)[-_REMEMBERED_COMMANDS:])
        why = f"bluegreen {command.verb}: {command.reason}" if command.reason else f"bluegreen {command.verb}"
        if command.rollout != rollout.id or (command.step is not None and command.step != rollout.step):
            over = f"bluegreen {command.verb} was for {command.rollout} at step {command.step}, which is over"
            rollout = noted(rollout, now, "REFUSED", over, command.caller)
        elif command.verb == "abort" and not rollout.has_ended:
            rollout = go_back(rollout, now, why, caller=command.caller)
        elif command.verb == "promote" and rollout.phase is Phase.SHIFTING and rollout.hook_since is not None:
            granted = replace(rollout, hold=None, hook=rollout.step + 1)
            rollout = noted(granted, now, "CONTINUED", why, command.caller)
        else:
            rollout = noted(rollout, now, "REFUSED", f"{why} found nothing to answer", command.caller)
    return rollout


def replied(rollout: Rollout, share: float | None, now: datetime) -> tuple[Rollout, HookReply]:
    """What the hook before the next step answers, and the state that has to be saved before it does.

    Nothing but evidence, or an operator's word, lets a step pass after the first; nothing seen at all never does (I4).
    """
    if rollout.phase in _BACK or rollout.has_ended:
        return rollout, HookReply("FAILED", rollout.why_back or f"the rollout is {rollout.phase.value}")
    if share == 0 and rollout.step < 0 and rollout.phase is not Phase.BAKING:
        return let_in(rollout, now), HookReply("SUCCEEDED", "the first step may begin")
    missing = _missing(rollout, share)
    if not missing:
        if rollout.hold is not None:
            rollout = noted(rollout, now, "RESUMED", "the evidence is there now")
        passed = replace(rollout, hold=None, hook_since=None)
        return passed, HookReply("SUCCEEDED", f"step {rollout.step + 1} may be left")
    asked = rollout if rollout.hook_since is not None else replace(rollout, hook_since=now)
    since = asked.hook_since or now
    limit = min(rollout.settings.hold_timeout, LONGEST_HOLD)
    if now >= since + limit:
        why = f"no verdict after {in_words(limit)}: {missing}"
        return go_back(asked, now, why), HookReply("FAILED", why)
    if asked.hold is None and now >= since + rollout.settings.patience:
        kind = HoldKind.UNSURE if rollout.step_minutes else HoldKind.NO_DATA
        asked = holding(asked, kind, missing, now, since + limit - now)
    return asked, HookReply("IN_PROGRESS", missing, _until_news(asked, now))


def gone_back(rollout: Rollout, seen: DeploymentSeen, now: datetime) -> Rollout:
    """The state once ECS takes the deployment back by itself, or by somebody's order."""
    had_traffic = rollout.judged is not None
    is_bad = bool(seen.triggered) and had_traffic  # an alarm before traffic moved is not the candidate's
    return go_back(rollout, now, seen.reason or f"{ECS} goes back", is_bad=is_bad)


def closed(rollout: Rollout, seen: DeploymentSeen | None, now: datetime, why: str = "") -> Rollout:
    """The state once the deployment has ended; `seen` is None when ECS does not know it any more."""
    if rollout.has_ended:
        return rollout
    if seen is not None and seen.status == "SUCCESSFUL":
        rollout = replace(rollout, weight=100.0, applied=100.0, hold=None)
        said = f"{rollout.release.name} is live"
        if rollout.phase is Phase.ROLLING_BACK:  # too late to stop it: what is true is said, whatever was wanted
            said = f"{said} although it was to go back: {rollout.why_back}"
            late = replace(rollout, phase=Phase.PROMOTED, phase_since=now)
            return replace(noted(late, now, "ENDED", said), is_tidied=True)
        baking = _onward(rollout, Phase.BAKING, now, "all traffic is on the candidate")
        return replace(moved(baking, Signal.BAKED, now, said, event="ENDED"), is_tidied=True)
    reason = why or f"{ECS} does not know the deployment any more"
    if seen is not None:
        rollout = gone_back(rollout, seen, now)
        reason = why or f"{seen.status}: {seen.reason or rollout.why_back}"
    back = go_back(rollout, now, reason)
    if seen is not None and seen.status in {"ROLLBACK_FAILED", "STOPPED"}:
        reason = f"{reason} (look at the live rule: {ECS} did not say that live has all traffic)"
    ended = moved(back, Signal.RESTORED, now, reason, event="ENDED")
    return replace(ended, is_tidied=True, applied=0.0, hold=None)


def remembered(rollout: Rollout) -> ReleaseRecord | None:
    """What is to be remembered of the release now: an objection from the moment of the way back, or its promotion."""
    if rollout.is_bad and rollout.phase in _BACK | {Phase.PROMOTED}:
        return ReleaseRecord(
            rollout.release, "rejected", rollout.phase_since, rollout.why_back, rollout.caller, rollout.id
        )
    if rollout.phase is Phase.PROMOTED:
        return ReleaseRecord(
            rollout.release, "promoted", rollout.phase_since, rollout.reason, rollout.caller, rollout.id
        )
    return None


def is_alarming(rollout: Rollout, seen: DeploymentSeen | None) -> bool:
    """Whether the judge's metric is to say UNHEALTHY: until ECS has heard it, and no longer.

    An alarm that is still red when the next deployment begins would leave that one without any.
    """
    is_heard = seen is not None and (seen.goes_back or not seen.is_in_flight)
    return rollout.is_bad and rollout.phase is Phase.ROLLING_BACK and not is_heard


def is_to_be_stopped(rollout: Rollout, seen: DeploymentSeen, now: datetime) -> bool:
    """Whether a call has to take the deployment back: no alarm will, or it had its time."""
    if rollout.phase is not Phase.ROLLING_BACK or seen.goes_back or not seen.is_in_flight:
        return False
    is_watched = rollout.is_bad and not rollout.hotfix and seen.alarms_status != "DISABLED"
    return not is_watched or now >= rollout.phase_since + ALARM_TIME


def verdict_of(rollout: Rollout) -> Verdict:
    """What the guardrails that count requests say together; those of a deployment without any never say HEALTHY."""
    names = {*rollout.floors, *(rollout.evidence.members if rollout.evidence is not None else ())}
    verdicts = {one.verdict for one in rollout.said if one.guardrail in names}
    if Verdict.UNHEALTHY in verdicts:
        return Verdict.UNHEALTHY
    return Verdict.HEALTHY if verdicts == {Verdict.HEALTHY} else Verdict.UNSURE


def _missing(rollout: Rollout, share: float | None) -> str:
    """What keeps the step from being left; empty when nothing does."""
    if share is None:
        return "the live rule forwards to other target groups"
    if not 0 < share < 100:
        return f"the live rule gives the candidate {share:g} % before the last step"
    if rollout.hook > rollout.step:  # an operator said to go on
        return ""
    if not rollout.step_minutes:
        return "no closed minute of this step with requests on both sides"
    if verdict_of(rollout) is Verdict.HEALTHY:
        return ""
    unsure = [f"{one.guardrail}: {one.reason}" for one in rollout.said if one.verdict is not Verdict.HEALTHY]
    return f"not enough evidence that the candidate is HEALTHY ({'; '.join(unsure) or 'no guardrail counts requests'})"


def _onward(rollout: Rollout, to: Phase, now: datetime, why: str) -> Rollout:
    """Through every phase up to `to`; nothing changes for a rollout that is there, or further."""
    for signal, phase in zip(_ONWARD, _AFTER, strict=True):
        if rollout.phase in {Phase.PREPARING, *_AFTER[: _AFTER.index(phase)]}:
            rollout = moved(rollout, signal, now, why)
        if phase is to:
            break
    return rollout


def _step_at(rollout: Rollout, share: float) -> int:
    reached = [number for number, step in enumerate(rollout.settings.steps) if step.percent <= share]
    return max(reached, default=0)


def _until_news(rollout: Rollout, now: datetime) -> int:
    """Seconds until another minute is complete: asking earlier shows nothing."""
    seconds = 61 - int((now - rollout.settings.metric_lag).timestamp() % 60)
    return max(_SHORTEST_DELAY, min(_LONGEST_DELAY, seconds))
