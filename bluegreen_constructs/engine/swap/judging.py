"""What the guardrails say of a swap: in the canary they compare both sides, in the bake alarms and floors remain.

It is a rollout's judgement over the same settings, seen as two sides with live as blue.
"""

from dataclasses import replace
from datetime import datetime

from ..absolute_floor import AbsoluteFloor
from ..counts import Counts, series_of
from ..errors import AwsError
from ..judgement import assessments, observed, with_fresh_evidence
from ..lifecycle import Phase
from ..ports import Metrics
from ..release import Release
from ..rollout import Rollout
from ..target_settings import AlarmName
from .work import Work, two_sides

_LONGEST_LOOK_BACK = 180  # minutes
_UNNAMED = "unnamed"


def judged_from(work: Work, phase: Phase, percent: float) -> Rollout:
    """The judgement at the beginning of the canary (SHIFTING) or of the bake (BAKING), with nothing seen yet."""
    settings = two_sides(work.target, work.live, work.candidate)
    if phase is Phase.BAKING:
        # The former live side has no requests to compare with any more.
        kept = tuple(one for one in settings.guardrails if isinstance(one, AlarmName | AbsoluteFloor))
        settings = replace(settings, guardrails=kept)
    op = work.op
    return with_fresh_evidence(
        Rollout(
            id=op.id,
            settings=settings,
            release=_release(op.was.release),
            live="blue",
            fence=work.record.fence,
            started_at=op.started_at,
            phase_since=work.now,
            phase=phase,
            weight=percent,
            applied=percent,
            applied_at=work.now,
            needs=op.capacity,
            judged=int((work.now - settings.metric_lag).timestamp() // 60),
        )
    )


def looked(metrics: Metrics, judged: Rollout, now: datetime) -> Rollout:
    """What was counted and said since. CloudWatch's silence is no evidence, and no reason to give up either (I4)."""
    settings, alarms, unasked = judged.settings, {}, ""
    try:
        last = int((now - settings.metric_lag).timestamp() // 60) - 1
        if judged.judged is None or last > judged.judged:
            first = max((last if judged.judged is None else judged.judged + 1), last - _LONGEST_LOOK_BACK)
            counts = Counts(settings, metrics.minutes(series_of(settings), min(first, last - 1), last))
            judged = observed(judged, counts, last)
        names = [one.alarm for one in settings.guardrails if isinstance(one, AlarmName)]
        alarms = dict(metrics.alarm_states(names)) if names else {}
    except AwsError as error:
        unasked = f"could not be asked: {error}"
    return replace(judged, said=assessments(judged, alarms, unasked))


def ringing(work: Work) -> str:
    """Which guardrails' alarms ring already, in words; empty: none. One that cannot be asked does not ring."""
    names = [one.alarm for one in work.target.guardrails if isinstance(one, AlarmName)]
    if not names:
        return ""
    states = work.ports.metrics.alarm_states(names)
    return ", ".join(f"alarm {name}" for name in names if states.get(name) == "ALARM")


def _release(name: str) -> Release:
    return Release(name or _UNNAMED)
