"""canary-low-traffic: too few requests to know anything; the rollout ends held, not passed."""

from dataclasses import dataclass
from typing import ClassVar

from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import LoadMix, Session
from .canary_conditions import back_before_the_bake, by_operator_and_tick, ends_on, is_scaled_in
from .canary_release import planned
from .canary_seen import CanarySeen
from .canary_stage import on_stage
from .candidate_traffic import live_serves
from .told_by_bluegreen import events_in
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.2"
PART = 0.05  # of the other scenarios' requests: six in a rehearsed minute
HOLDS = ("UNSURE", "NO_DATA")
_HOLD_LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Held:
    """What `bluegreen explain` said once the rollout was held, and how many requests it then was held for."""

    explained: CommandResult
    aborted: CommandResult


@dataclass(frozen=True)
class CanaryLowTraffic:
    """What saw nothing never passes (I4): a good release waits for somebody's answer."""

    name: ClassVar[str] = "canary-low-traffic"
    about: ClassVar[str] = "with six requests a minute nothing is shown in time: the rollout is held, and not promoted"

    def play(self, session: Session) -> Outcome:
        """Start a good release under next to no load, wait for the hold, and abort it."""
        with on_stage(session, self.name, mix=LoadMix(part=PART, arrivals="uniform")) as stage:
            stage.start(RELEASE)
            stage.wait(
                lambda: (stage.state().get("hold") or {}).get("kind") == HOLDS[0] or stage.is_over(),
                "the rollout being held",
                limit_seconds=_HOLD_LIMIT_SECONDS,
            )
            stage.look()
            explained = stage.bluegreen("explain")
            aborted = stage.bluegreen("abort", "--reason", "too little traffic at night")
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self.name, seen, Held(explained, aborted))


def judged(name: str, seen: CanarySeen, held: Held) -> Outcome:
    """Judge what was seen."""
    hold = held.explained.answer.get("hold") or {}
    verdict = held.explained.answer.get("verdict")
    last = planned(seen)[-1]
    figures = seen.figures()
    figures["held for"] = str(hold.get("reason"))
    return Outcome(
        name,
        (
            Condition(
                "it was held for want of evidence",
                hold.get("kind") in HOLDS and bool(events_in(seen.history, "HELD")),
                f"{hold.get('kind')}: {hold.get('reason')}" if hold else "it was not held",
            ),
            Condition("with the verdict UNSURE", verdict == "UNSURE", str(verdict)),
            Condition(
                "it never got more than its last step's share",
                max(seen.shares, default=0.0) <= last,
                f"at most {max(seen.shares, default=0.0):g} %, the last step has {last:g} %",
            ),
            Condition(
                "bluegreen abort ended it",
                held.aborted.exit_code == 0 and held.aborted.answer.get("state") == "RESTORED",
                f"exit code {held.aborted.exit_code}, {held.aborted.answer.get('state') or held.aborted.said}",
            ),
            back_before_the_bake(seen, planned(seen)),
            live_serves(seen),
            ends_on(seen, seen.live_side),
            by_operator_and_tick(seen),
            is_scaled_in(seen, seen.candidate_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
