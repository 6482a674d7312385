"""canary-engine-killed: the engine's function fails half way; the state machine gives live all traffic by itself."""

import time
from dataclasses import dataclass
from typing import ClassVar

from ..operator_command import CommandResult
from ..outcome import Condition, Outcome
from ..session import Session
from .canary_conditions import (
    answered_its_shares,
    ends_on,
    execution_ended,
    is_scaled_in,
    nobody_before,
    rule_went,
    tick_of,
    wrote_the_rule,
)
from .canary_release import planned
from .canary_seen import CanarySeen
from .canary_stage import on_stage
from .candidate_traffic import live_serves
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.4"
STATE_MACHINE = "states"  # the caller that the call log gives to the state machine's own calls
_BAKED_SECONDS = 1.0
_ALARM_LIMIT_SECONDS = 15.0


@dataclass(frozen=True)
class Killed:
    """When the function began to fail (wall clock), what was seen right after, and how it was closed.

    mark, rollout: the rule's mark of an abort, and whose it is to be. alarms: the engine's own alarms that went off.
    """

    began: float
    rollout: str
    mark: str
    alarms: tuple[str, ...]
    closed: CommandResult


@dataclass(frozen=True)
class CanaryEngineKilled:
    """The way back needs no function: without the engine the worst is that nothing moves, and live has everything."""

    name: ClassVar[str] = "canary-engine-killed"
    about: ClassVar[str] = "the engine's function fails half way, and the state machine gives live all traffic"

    def play(self, session: Session) -> Outcome:
        """Let `tick` fail while the candidate has its first share; close what is left when it works again."""
        with on_stage(session, self.name) as stage:
            stage.start(RELEASE)
            since = stage.wait_for_share(stage.target.settings.steps[0].percent)
            stage.wait_since(since + _BAKED_SECONDS)
            tick = stage.target.functions["tick"]
            session.say("  the engine's tick fails from now on")
            began = time.time()
            session.emulator.switches.fail_function(tick)
            try:
                stage.wait_for_share(0)
                stage.wait(stage.is_over, "the end of the execution")
                mark = stage.rule_tags().get("bluegreen:aborted", "")
                stage.wait(
                    lambda: bool(stage.engine_alarms()), "an alarm of the engine", limit_seconds=_ALARM_LIMIT_SECONDS
                )
                alarms = stage.engine_alarms()
            finally:
                session.emulator.switches.restore_function(tick)
            closed = stage.bluegreen("abort", "--reason", "the engine works again")
            stage.wait_until_tidied()
            seen = stage.seen()
        return judged(self.name, seen, Killed(began, stage.rollout, mark, alarms, closed))


def judged(name: str, seen: CanarySeen, killed: Killed) -> Outcome:
    """Judge what was seen."""
    writes = [write.wall for write in seen.writes if write.caller == STATE_MACHINE]
    late = [write for write in seen.writes if write.caller == tick_of(seen) and write.wall > killed.began]
    back = writes[0] if writes else seen.watched.stopped
    figures = seen.figures()
    figures["first failure to 100 % live on every node"] = seen.took(killed.began, seen.moment(-1))
    figures["alarms of the engine"] = ", ".join(killed.alarms) or None
    return Outcome(
        name,
        (
            rule_went(seen, (planned(seen)[0], 0.0)),
            Condition(
                "the state machine itself gave live all traffic",
                bool(writes) and back > killed.began and back <= seen.moment(-1),
                f"{len(writes)} writes by {STATE_MACHINE}",
            ),
            Condition(
                "no function moved weights any more",
                bool(seen.writes) and not late,
                f"{len(late)} writes by the engine's tick after it had failed",
            ),
            wrote_the_rule(
                seen,
                "besides it only the tick before, and the operator after",
                tick_of(seen),
                STATE_MACHINE,
                "operator",
            ),
            Condition(
                "it left the mark of an abort on the rule",
                bool(killed.rollout) and killed.mark == killed.rollout,
                killed.mark or "no mark",
            ),
            execution_ended(seen, "FAILED", "EngineFailed"),
            Condition("an alarm of the engine went off", bool(killed.alarms), ", ".join(killed.alarms) or "none"),
            Condition(
                "bluegreen abort closed what it had left",
                killed.closed.exit_code == 0 and seen.explained.get("is_tidied") is True,
                f"exit code {killed.closed.exit_code}, {seen.explained.get('phase')}, tidied: "
                f"{seen.explained.get('is_tidied')}",
            ),
            nobody_before(seen),
            answered_its_shares(seen),
            live_serves(seen),
            ends_on(seen, seen.live_side),
            is_scaled_in(seen, seen.candidate_side),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
