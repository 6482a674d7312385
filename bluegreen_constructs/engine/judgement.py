"""What the guardrails of a rollout have seen and conclude: closed minutes in, verdicts with their reasons out."""

from collections.abc import Mapping
from dataclasses import replace

from .ab_effect import AbEvidence
from .absolute_floor import AbsoluteFloor
from .counts import Counts, comparisons_of
from .guardrails import Assessment, MetricComparison, worst
from .joint_comparison import JointComparison
from .model import Arm, Verdict
from .rollout import Rollout
from .target_settings import AlarmName
from .weights import is_warm, needed

_ALARM_STATES = {"OK": Verdict.HEALTHY, "ALARM": Verdict.UNHEALTHY}


def with_fresh_evidence(rollout: Rollout) -> Rollout:
    """The rollout with nothing seen yet: the terms of its guardrails are fixed from here on."""
    comparisons = comparisons_of(rollout.settings)
    floors = {one.name: one.start() for one in rollout.settings.guardrails if isinstance(one, AbsoluteFloor)}
    return replace(
        rollout,
        evidence=JointComparison({one.name: one for one in comparisons}).start() if comparisons else None,
        floors=floors,
        ab=AbEvidence() if rollout.settings.split is not None else None,
    )


def observed(rollout: Rollout, counts: Counts, last: int) -> Rollout:
    """The rollout after the minutes that follow `rollout.judged`, up to `last`; each counts once, in whatever order."""
    first = last if rollout.judged is None else rollout.judged + 1
    for minute in range(first, last + 1):
        rollout = _one_minute(rollout, counts, minute)
    return replace(rollout, judged=max(last, rollout.judged or last))


def _one_minute(rollout: Rollout, counts: Counts, minute: int) -> Rollout:
    live, candidate = rollout.live, rollout.candidate
    # A minute that began before the step's weight was in place belongs to the step before.
    is_of_step = rollout.applied_at is not None and minute * 60 >= rollout.applied_at.timestamp()
    both = is_of_step and bool(counts.requests(live, minute) and counts.requests(candidate, minute))
    pairs: dict[str, tuple[Arm | None, Arm | None]] = {
        one.name: (counts.arm(one, live, minute), counts.arm(one, candidate, minute))
        for one in comparisons_of(rollout.settings)
    }
    floors = dict(rollout.floors)
    for one in rollout.settings.guardrails:
        if isinstance(one, AbsoluteFloor) and one.name in floors:
            floors[one.name] = floors[one.name].observe(counts.arm(one, candidate, minute), minute)
    ab = rollout.ab
    if ab is not None:
        ab = ab.observe(*pairs.get(_ab_counts(rollout), (None, None)), minute)
    return replace(
        rollout,
        evidence=None if rollout.evidence is None else rollout.evidence.observe(pairs, minute),
        floors=floors,
        ab=ab,
        step_minutes=rollout.step_minutes + both,
    )


def _ab_counts(rollout: Rollout) -> str:
    """What an A/B test counts: the application's own metric where there is one, else the first comparison's."""
    comparisons = comparisons_of(rollout.settings)
    own = next((one for one in comparisons if isinstance(one, MetricComparison)), None)
    chosen = own or next(iter(comparisons), None)
    return "" if chosen is None else chosen.name


def assessments(rollout: Rollout, alarms: Mapping[str, str], unasked: str = "") -> tuple[Assessment, ...]:
    """What every guardrail says now, and why; `unasked` is why CloudWatch did not answer."""
    said: list[Assessment] = []
    if rollout.evidence is not None:
        guilty = rollout.evidence.guilty
        for name, evidence in rollout.evidence.members.items():
            # The members share one budget: harm is what all of them show together, and these are to blame.
            verdict = Verdict.UNHEALTHY if name in guilty else evidence.verdict
            if verdict is Verdict.UNHEALTHY and name not in guilty:
                verdict = Verdict.UNSURE
            said.append(_asked(name, verdict, _counted(evidence.live, evidence.candidate), unasked))
    for name, floor in rollout.floors.items():
        said.append(_asked(name, floor.verdict, f"candidate {_one(floor.candidate)}", unasked))
    for guardrail in rollout.settings.guardrails:
        if isinstance(guardrail, AlarmName):
            state = alarms.get(guardrail.alarm)
            reason = unasked or "there is no such alarm" if state is None else f"its state is {state}"
            said.append(Assessment(guardrail.name, _ALARM_STATES.get(state or "", Verdict.UNSURE), reason))
    return tuple(said)


def _asked(name: str, verdict: Verdict, reason: str, unasked: str) -> Assessment:
    """What was HEALTHY a minute ago is UNSURE while CloudWatch says nothing: somebody has to look (I4)."""
    if unasked and verdict is Verdict.HEALTHY:
        return Assessment(name, Verdict.UNSURE, f"{unasked}; until then {reason}")
    return Assessment(name, verdict, reason)


def is_unhealthy(rollout: Rollout) -> bool:
    """Whether any guardrail objects."""
    joint = rollout.evidence is not None and rollout.evidence.verdict is Verdict.UNHEALTHY
    return joint or any(one.verdict is Verdict.UNHEALTHY for one in rollout.said)


def is_shown_healthy(rollout: Rollout) -> bool:
    """Whether every guardrail says HEALTHY; one that saw nothing, an alarm without data too, does not (I4)."""
    return not rollout.settings.guardrails or worst(one.verdict for one in rollout.said) is Verdict.HEALTHY


def needs_evidence(rollout: Rollout) -> bool:
    """Whether the rollout has a guardrail that counts requests."""
    return rollout.evidence is not None or bool(rollout.floors)


def objections(rollout: Rollout) -> str:
    """Why it is UNHEALTHY, for people."""
    return "; ".join(f"{one.guardrail}: {one.reason}" for one in rollout.said if one.verdict is Verdict.UNHEALTHY)


def _counted(live: Arm, candidate: Arm) -> str:
    return f"candidate {_one(candidate)}, live {_one(live)}"


def _one(arm: Arm) -> str:
    rate = f" ({100 * arm.bad / arm.requests:.2g} %)" if arm.requests else ""
    return f"{arm.bad} bad of {arm.requests}{rate}"


def lost_targets(rollout: Rollout, counts: Counts | None, last: int | None) -> str:
    """Why the candidate cannot carry its share any more, by the last two closed minutes; empty if it can.

    A side without targets has no requests, and so gives no evidence: no comparison would ever object.
    """
    if counts is None or last is None or rollout.applied is None or rollout.applied_at is None:
        return ""
    if (last - 1) * 60 < rollout.applied_at.timestamp():
        return ""
    seen = [counts.healthy(rollout.candidate, minute) for minute in (last - 1, last)]
    needs = needed(rollout.needs, rollout.applied)
    if not needs or any(healthy is None or is_warm(healthy, needs) for healthy in seen):
        return ""
    return f"the candidate has {seen[-1]} healthy targets and needs {needs} for {rollout.applied:g} % of the traffic"
