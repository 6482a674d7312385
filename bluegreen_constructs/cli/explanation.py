"""What a rollout's evidence says so far: counts, odds, verdict, and what would change the verdict; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

from ..engine.absolute_floor import FloorEvidence
from ..engine.comparison import Evidence
from ..engine.guardrails import Assessment
from ..engine.joint_comparison import JointEvidence
from ..engine.model import Arm, Verdict
from ..engine.rollout import Rollout
from ..planning.eta import looks_to_verdict

_LARGEST = 600.0  # a logarithm beyond which odds are no float any more


@dataclass(frozen=True)
class Odds:
    """Evidence on its way to a threshold: `reached` to 1, and how much is needed."""

    reached: float
    needed: float

    def __str__(self) -> str:
        """As people read it."""
        reached = f"{self.reached:.2g}" if self.reached < 10 else f"{self.reached:.0f}"
        return f"{reached if self.reached < 1e6 else '> 1000000'} of {self.needed:.0f}"


@dataclass(frozen=True)
class Finding:
    """What one comparison, or one floor, has seen.

    live: None for a floor, which looks at the candidate alone. harm: the odds that it is worse than live (or than the
    floor); at what is needed it is UNHEALTHY. safety: the odds that it is not `margin` times as bad.
    minutes: of those in which both sides had requests. to_healthy: how many more like them until HEALTHY, should the
    candidate be as good as live; to_unhealthy: until UNHEALTHY, should it be at the margin; None: not in sight.
    would_change: what would change the verdict, in a sentence.
    """

    name: str
    live: Arm | None
    candidate: Arm
    minutes: int | None
    verdict: Verdict
    harm: Odds
    safety: Odds
    to_healthy: int | None
    to_unhealthy: int | None
    would_change: str


def findings(rollout: Rollout) -> tuple[Finding, ...]:
    """Of each comparison and each floor, in the order of the guardrails."""
    compared = [] if rollout.evidence is None else _of_comparisons(rollout.evidence)
    floors = [_of_floor(name, floor) for name, floor in rollout.floors.items()]
    return (*compared, *floors)


def others(rollout: Rollout, found: Sequence[Finding]) -> tuple[Assessment, ...]:
    """What the other guardrails, which are alarms, said last."""
    names = {finding.name for finding in found}
    return tuple(said for said in rollout.said if said.guardrail not in names)


def _of_comparisons(joint: JointEvidence) -> list[Finding]:
    return [_of_comparison(name, evidence, joint) for name, evidence in joint.members.items()]


def _of_comparison(name: str, evidence: Evidence, joint: JointEvidence) -> Finding:
    # The members share one budget: alone, this one convicts at its own false alarm times its weight.
    alone = replace(evidence.terms, false_alarm=evidence.terms.false_alarm * joint.weights[name])
    judged = replace(evidence, terms=alone, was_unhealthy=name in joint.guilty)
    eta = looks_to_verdict(judged)
    margin = f"{evidence.terms.margin:g} times as often"
    if judged.verdict is Verdict.UNHEALTHY:
        change = "nothing: UNHEALTHY is for good"
    elif judged.verdict is Verdict.HEALTHY:
        change = "evidence of harm, which is still looked for"
    else:
        change = f"HEALTHY: {eta.reason}"
        if eta.if_unchanged is not None:
            change = f"HEALTHY: about {_minutes(eta.if_unchanged)} more, should it be as good as live"
        if eta.if_at_margin is not None:
            change += f"; UNHEALTHY: about {_minutes(eta.if_at_margin)} more, should it fail {margin}"
    return Finding(
        name,
        evidence.live,
        evidence.candidate,
        evidence.intervals,
        judged.verdict,
        _odds(evidence.log_harm, alone.false_alarm),
        _odds(evidence.log_safety, alone.wrong_promotion),
        eta.if_unchanged,
        eta.if_at_margin,
        change,
    )


def _of_floor(name: str, evidence: FloorEvidence) -> Finding:
    changes = {
        Verdict.UNHEALTHY: "nothing: UNHEALTHY is for good",
        Verdict.HEALTHY: "evidence of harm, which is still looked for",
        Verdict.UNSURE: "HEALTHY: more good requests; UNHEALTHY: more bad ones",
    }
    return Finding(
        name,
        None,
        evidence.candidate,
        None,
        evidence.verdict,
        _odds(evidence.harm.log_evidence, evidence.floor.false_alarm),
        _odds(evidence.safety.log_evidence, evidence.floor.wrong_promotion),
        None,
        None,
        changes[evidence.verdict],
    )


def _odds(log_evidence: float, error: float) -> Odds:
    return Odds(exp(min(log_evidence, _LARGEST)), exp(-log(error)))


def _minutes(count: int) -> str:
    return f"{count} min" if count < 120 else f"{count / 60:.0f} h"
