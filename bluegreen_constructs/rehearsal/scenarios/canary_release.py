"""canary-good, canary-bad-*: a release rolled out by the deployed engine under load, and what becomes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isinf
from pathlib import Path

from ..application import RehearsedApplication, canary_application, fleet_application
from ..load import Kind, LoadRecord
from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    all_healthy,
    answered_its_shares,
    back_before_the_bake,
    blamed,
    by_tick,
    candidate_serves,
    counted_rightly,
    ended_with,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_seen import CanarySeen
from .canary_stage import on_stage
from .candidate_traffic import live_serves
from .traffic_conditions import load_was_whole, nothing_lost

NOT_PROMOTED = "NotPromoted"
PREDICTIONS = "LowConfidencePredictions of Predictions"


class Harm(Enum):
    """What is wrong with a release, as its users would see it."""

    NONE = "nothing"
    ERRORS = "answers 5xx"
    SLOW = "answers late"
    PREDICTIONS = "answers wrongly"


@dataclass(frozen=True)
class CanaryRelease:
    """A release and what must become of it.

    blames: the guardrail that stops a bad one, as explain names it. of: the application, by the checkout's folder.
    """

    name: str
    about: str
    release: str
    harm: Harm = Harm.NONE
    blames: str = ""
    of: Callable[[Path], RehearsedApplication] = canary_application

    def play(self, session: Session) -> Outcome:
        """Roll it out with `bluegreen start --wait`, and look at what happened to every request."""
        with on_stage(session, self.name, of=self.of) as stage:
            ended = stage.roll_out(self.release)
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self, seen, ended)


def judged(scenario: CanaryRelease, seen: CanarySeen, ended: CommandResult) -> Outcome:
    """Judge what was seen; `ended` is the end of `bluegreen start --wait`."""
    is_good = scenario.harm is Harm.NONE
    figures = seen.figures()
    if not is_good:
        figures["first bad answer to 100 % live"] = seen.until_back()
    return Outcome(
        scenario.name,
        (*(_promoted(seen, ended) if is_good else _stopped(scenario, seen, ended)), load_was_whole(seen.watched)),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _promoted(seen: CanarySeen, ended: CommandResult) -> Sequence[Condition]:
    return (
        ended_with(ended, 0),
        execution_ended(seen, "SUCCEEDED"),
        rule_went(seen, (*planned(seen), 100 - seen.target.settings.hold_back, 100.0)),
        nobody_before(seen),
        answered_its_shares(seen),
        candidate_serves(seen),
        ends_on(seen, seen.candidate_side),
        by_tick(seen),
        all_healthy(seen),
        is_scaled_in(seen, seen.live_side),
        nothing_lost(seen.watched),
    )


def _stopped(scenario: CanaryRelease, seen: CanarySeen, ended: CommandResult) -> Sequence[Condition]:
    own = seen.of_candidate()
    met = [record for record in own if shows(scenario.harm, seen, record)]
    counted = scenario.harm
    return (
        ended_with(ended, 1),
        execution_ended(seen, "FAILED", NOT_PROMOTED),
        back_before_the_bake(seen, planned(seen)),
        nobody_before(seen),
        answered_its_shares(seen),
        Condition(f"users met the fault: it {scenario.harm.value}", bool(met), f"{len(met)} of its {len(own)} answers"),
        blamed(seen, scenario.blames),
        counted_rightly(seen, scenario.blames, lambda record: shows(counted, seen, record)),
        *only_the_candidate(scenario.harm, seen),
        live_serves(seen),
        ends_on(seen, seen.live_side),
        by_tick(seen),
        is_scaled_in(seen, seen.candidate_side),
    )


def only_the_candidate(harm: Harm, seen: CanarySeen) -> Sequence[Condition]:
    """Nobody suffered who did not meet the candidate, and nobody in another way than by its fault."""
    others = [record for record in seen.watched.records if record.side != seen.candidate_side]
    hurt = [record for record in others if record.is_bad]
    slow = sum(seen.is_slow(record) for record in others)
    lost = [record for record in seen.of_candidate() if record.is_lost]
    unexpected = [] if harm is Harm.ERRORS else lost
    said = f" ({hurt[0].error or hurt[0].status})" if hurt else ""
    unharmed = Condition(
        "nobody suffered who did not meet the candidate",
        bool(others) and not hurt and not unexpected,
        f"{len(hurt)} of {len(others)} other answers failed or were wrong{said}; {len(lost)} of the candidate's were "
        "lost",
    )
    if isinf(seen.target.slow_seconds):  # no guardrail of the target says what is late
        return (unharmed,)
    in_time = Condition(
        "the live release answered in time",
        slow <= 0.01 * len(others),
        f"{slow} of {len(others)} answers later than {seen.target.slow_seconds:g} s",
    )
    return (unharmed, in_time)


def shows(harm: Harm, seen: CanarySeen, record: LoadRecord) -> bool:
    """Whether an answer of the candidate is one that the fault made; a stream does not show that it answers wrongly."""
    match harm:
        case Harm.SLOW:
            return seen.is_slow(record)
        case Harm.PREDICTIONS:
            return record.is_wrong or record.kind is Kind.STREAM
        case Harm.ERRORS:
            return record.status is not None and record.status >= 500
    return False


def planned(seen: CanarySeen) -> tuple[float, ...]:
    """The shares of the target's steps."""
    return tuple(step.percent for step in seen.target.settings.steps)


CANARY_RELEASES: Sequence[CanaryRelease] = (
    CanaryRelease("canary-good", "a good release goes live step by step, and no request is lost", "2.0.0"),
    CanaryRelease(
        "canary-bad-errors",
        "a release that fails one request in five is stopped by the comparison of errors",
        "2.1.0-errors",
        harm=Harm.ERRORS,
        blames="errors",
    ),
    CanaryRelease(
        "canary-bad-slow",
        "a release that answers too late is stopped by the comparison of latency",
        "2.2.0-slow",
        harm=Harm.SLOW,
        blames="slower than 0.8 s",
    ),
    CanaryRelease(
        "canary-bad-predictions",
        "a release whose answers are wrong is stopped by the application's own counts",
        "2.5.0-predictions",
        harm=Harm.PREDICTIONS,
        blames=PREDICTIONS,
    ),
)

FLEET_RELEASES: Sequence[CanaryRelease] = (
    CanaryRelease(
        "fleet-good",
        "a good release goes live from one Auto Scaling group to the other, and no request is lost",
        "2.0.0",
        of=fleet_application,
    ),
    CanaryRelease(
        "fleet-bad",
        "a release on EC2 instances that fails one request in five is stopped by the comparison",
        "2.1.0-errors",
        harm=Harm.ERRORS,
        blames="errors",
        of=fleet_application,
    ),
)
