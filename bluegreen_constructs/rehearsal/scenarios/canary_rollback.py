"""canary-rollback-after-promotion: the release that was live before comes back, although the rollout is long over."""

from dataclasses import dataclass
from typing import ClassVar

from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    by_tick,
    candidate_serves,
    ended_with,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
)
from .canary_seen import CanarySeen
from .canary_stage import on_stage
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.6"
REASON = "wrong prices since noon"
_REFUSED = 3


@dataclass(frozen=True)
class WayBack:
    """How `bluegreen rollback` ended, and how starting the release that it left did."""

    ended: CommandResult
    again: CommandResult


@dataclass(frozen=True)
class CanaryRollback:
    """A promotion is no point of no return: the former release is retained, and so is what was wrong with the later."""

    name: ClassVar[str] = "canary-rollback-after-promotion"
    about: ClassVar[str] = "bluegreen rollback brings the release back that was live before a promotion"

    def play(self, session: Session) -> Outcome:
        """Go back from the release that is live; promote one first if no scenario of this session has."""
        with on_stage(session, self.name) as stage:
            former = stage.application.former_release
            if not former:
                session.say("  nothing was promoted yet; promoting a release first")
                stage.roll_out(RELEASE).require_success()
                stage.wait_until_tidied()
                former = stage.live_release
                stage.begin_anew()
            left = stage.live_release
            ended = stage.bluegreen("rollback", "--wait", "--reason", REASON)
            stage.is_of(ended, former)
            stage.wait_until_tidied()
            again = stage.bluegreen("start", "--release", left)
            seen = stage.seen()
        return judged(self.name, seen, WayBack(ended, again))


def judged(name: str, seen: CanarySeen, back: WayBack) -> Outcome:
    """Judge what was seen: the candidate is the former release here."""
    figures = seen.figures()
    figures["bluegreen rollback to 100 % on every node"] = seen.took(back.ended.began, seen.moment(-1))
    return Outcome(
        name,
        (
            ended_with(back.ended, 0),
            execution_ended(seen, "SUCCEEDED"),
            rule_went(seen, (100.0,)),
            nobody_before(seen),
            candidate_serves(seen),
            ends_on(seen, seen.candidate_side),
            by_tick(seen),
            Condition(
                "the history says who went back and why",
                any(item["event"] == "STARTED" and item["reason"] == REASON for item in seen.history),
                "; ".join(f"{item['event']}: {item['reason']}" for item in seen.history[:1]) or "nothing",
            ),
            Condition(
                "the release that was left is rejected: starting it is refused",
                back.again.exit_code == _REFUSED and "was rejected" in back.again.said,
                f"exit code {back.again.exit_code}: {back.again.said}",
            ),
            is_scaled_in(seen, seen.live_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
