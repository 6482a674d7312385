"""How long until there is a verdict, at the traffic that was seen so far."""

from dataclasses import dataclass
from math import log

from ..engine.comparison import Evidence
from ..engine.model import Verdict
from .calm_crossing import calm_crossing
from .crossing import Counts, crossing, either
from .plan_power import LONGEST


@dataclass(frozen=True)
class Eta:
    """How many more looks like those so far the evidence still needs; half of the rollouts need fewer.

    if_unchanged: until HEALTHY, should the candidate fail as often as live.
    if_at_margin: until UNHEALTHY, should it fail `margin` times as often.
    None where it is not in sight or cannot be told.
    reason: in a sentence, for people.
    """

    if_unchanged: int | None
    if_at_margin: int | None
    reason: str


def looks_to_verdict(evidence: Evidence) -> Eta:
    """The ETA of a verdict, with live's rate and the traffic of the intervals that were evidence so far."""
    if evidence.verdict is not Verdict.UNSURE:
        return Eta(0, 0, f"the verdict is {evidence.verdict.value}")
    if not evidence.intervals:
        return Eta(None, None, "no look had traffic on both sides yet")
    bad = evidence.live.bad + evidence.candidate.bad
    if not bad and evidence.calm is None:
        return Eta(None, None, "nothing has failed on either side yet, and only failures are evidence")
    looks = evidence.intervals
    live, candidate = evidence.live.requests / looks, evidence.candidate.requests / looks
    # Of both sides while they are to be alike: a live side without a failure has no rate to go by.
    rate = bad / (evidence.live.requests + evidence.candidate.requests)
    unchanged = _median(evidence, live, candidate, rate, harm=False)
    at_margin = _median(evidence, live, candidate, rate, harm=True) if bad else None
    if unchanged is None:
        return Eta(None, at_margin, f"not within {LONGEST} looks like these: it takes more traffic, or alarms")
    return Eta(
        unchanged, at_margin, f"about {unchanged} more looks like these, should the candidate be as good as live"
    )


def _median(evidence: Evidence, live: float, candidate: float, rate: float, *, harm: bool) -> int | None:
    terms = evidence.terms
    if harm:
        counts = Counts(candidate * min(1.0, rate * terms.margin), live * rate, candidate / live)
        return crossing(evidence.harm, -log(terms.false_alarm), [(LONGEST, counts)]).median()
    needed = -log(terms.wrong_promotion)
    counts = Counts(candidate * rate, live * rate, candidate / live * terms.margin)
    if evidence.calm is None or terms.negligible is None:
        return crossing(evidence.safety, needed, [(LONGEST, counts)]).median()
    own = Counts(candidate * rate, candidate * (1 - rate), terms.negligible / (1 - terms.negligible))
    needed += log(2)  # of the mean of two, each alone has to be twice as much
    safe = crossing(evidence.safety, needed, [(LONGEST, counts)])
    return either(safe, calm_crossing(evidence.calm, needed, [(LONGEST, own)])).median()
