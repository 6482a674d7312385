"""canary-common-incident: something that both sides depend on fails for some minutes; the candidate is not blamed."""

import time
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import ClassVar

from ...engine.errors import RehearsalError
from ..load import LoadRecord
from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    all_healthy,
    by_tick,
    candidate_serves,
    ended_with,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_release import planned
from .canary_seen import CanarySeen
from .canary_stage import Stage, on_stage
from .traffic_conditions import SETTLE_SECONDS, load_was_whole

RELEASE = "2.0.1"
SHARE = 0.5
SECONDS = 5.0  # real: two and a half rehearsed minutes, at 30 times the clock's speed
_AT_PERCENT = 50.0
_FILE = "incident"  # in the home folder of the emulator, and so of every task: INCIDENT_FILE of the tasks file


@dataclass(frozen=True)
class Incident:
    """When half of all requests failed, whoever answered them; wall-clock seconds."""

    began: float
    ended: float

    def holds(self, record: LoadRecord) -> bool:
        """Whether a request can have met it."""
        return self.began <= record.scheduled + record.latency and record.scheduled <= self.ended + SETTLE_SECONDS


@dataclass(frozen=True)
class CanaryCommonIncident:
    """What a fixed threshold or an alarm gets wrong: the error rate is terrible, and the release is innocent."""

    name: ClassVar[str] = "canary-common-incident"
    about: ClassVar[str] = (
        "half of all requests fail on both sides for some minutes, and the release is not rolled back"
    )

    def play(self, session: Session) -> Outcome:
        """Roll a good release out, and make the incident while both sides have half of the traffic."""
        with on_stage(session, self.name) as stage:
            with stage.command("start", "--release", RELEASE, "--wait") as run:
                stage.wait_for_share(_AT_PERCENT)
                incident = _made(stage)
                ended = stage.to_the_end(run)
                stage.is_of(ended, RELEASE)
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self.name, seen, ended, incident)


def judged(name: str, seen: CanarySeen, ended: CommandResult, incident: Incident) -> Outcome:
    """Judge what was seen."""
    met = [record for record in seen.watched.records if incident.holds(record)]
    outside = [record for record in seen.watched.lost if not incident.holds(record)]
    live, candidate = (
        [record for record in met if record.side == side] for side in (seen.live_side, seen.candidate_side)
    )
    failed = [sum(record.is_failed for record in side) for side in (live, candidate)]
    figures = seen.figures()
    figures["incident"] = seen.took(incident.began, incident.ended)
    figures["lost in it"] = sum(failed)
    return Outcome(
        name,
        (
            Condition(
                "the incident hit both sides alike",
                all(number >= seen.watched.enough for number in failed)
                and _alike(failed[0], live, failed[1], candidate),
                f"{failed[0]} of live's {len(live)} answers failed, {failed[1]} of the candidate's {len(candidate)}",
            ),
            Condition(
                "nothing was lost before or after it",
                bool(seen.watched.lost) and not outside and not seen.watched.result.wrong_answers,
                f"{len(outside)} of {len(seen.watched.lost)} lost requests were due at other times",
            ),
            ended_with(ended, 0),
            execution_ended(seen, "SUCCEEDED"),
            rule_went(seen, (*planned(seen), 100 - seen.target.settings.hold_back, 100.0)),
            all_healthy(seen),
            nobody_before(seen),
            candidate_serves(seen),
            ends_on(seen, seen.candidate_side),
            by_tick(seen),
            is_scaled_in(seen, seen.live_side),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _alike(live: int, of_live: list[LoadRecord], candidate: int, of_candidate: list[LoadRecord]) -> bool:
    """Whether the two rates are within four standard deviations of each other."""
    rate = (live + candidate) / (len(of_live) + len(of_candidate))
    spread = 4 * sqrt(rate * (1 - rate) * (1 / len(of_live) + 1 / len(of_candidate)))
    return abs(live / len(of_live) - candidate / len(of_candidate)) <= spread


def _made(stage: Stage) -> Incident:
    file = Path(stage.session.emulator.config.work_dir) / "home" / _FILE
    stage.session.say(f"  half of all requests fail on both sides, for {SECONDS:g} s")
    began = time.time()
    try:
        file.write_text(str(SHARE), encoding="ascii")
        time.sleep(SECONDS)
    except OSError as error:
        raise RehearsalError(f"the incident's file {file} cannot be written ({error.strerror})") from None
    finally:
        file.unlink(missing_ok=True)
    return Incident(began, time.time())
