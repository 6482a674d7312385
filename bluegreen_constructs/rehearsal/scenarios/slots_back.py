"""slots-rollback-in-bake, slots-killed-at-commit: the flip is taken back at once, or survives what runs it."""

import time
from dataclasses import dataclass
from typing import ClassVar

from ..outcome import Condition, Outcome
from ..session import Session
from .slots_conditions import (
    by_the_engine,
    command_ends,
    ended_as,
    everybody_met_one,
    moved_once_to,
    production_is,
    rules_follow,
    settings_stayed,
)
from .slots_seen import SideTasks, SlotsSeen
from .slots_stage import CALM_SECONDS, SLOT, on_slots_stage
from .traffic_conditions import load_was_whole, nothing_lost

ROLLED_BACK, KILLED = "2.0.2", "2.0.3"
_PARAMETERS = "ssm"
_MOST_RESTART_SECONDS = 3.0


@dataclass(frozen=True)
class SlotsRollbackInBake:
    """Until the bake is over the former side is as it was, so the way back is one write and restarts nothing."""

    name: ClassVar[str] = "slots-rollback-in-bake"
    about: ClassVar[str] = "in the bake bluegreen slots rollback gives the former side all traffic, without a restart"

    def play(self, session: Session) -> Outcome:
        """Swap, wait for the bake, roll back."""
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(ROLLED_BACK)
            tasks = stage.tasks_of(stage.production)
            stage.bluegreen("swap", SLOT).require_success()
            stage.wait_for_phase("BAKING")
            time.sleep(CALM_SECONDS)
            asked = time.time()
            stage.bluegreen("rollback", "--reason", "a customer called")
            back = time.time()
            kept = stage.tasks_of(stage.production)
            stage.wait_for_phase("IDLE")
            seen = stage.seen()
        return _judged_back(self.name, seen, tasks, kept, (asked, back))


def _judged_back(name: str, seen: SlotsSeen, tasks: SideTasks, kept: SideTasks, times: tuple[float, float]) -> Outcome:
    production, candidate = (str(seen.before["sides_of"][slot]) for slot in ("production", SLOT))
    figures = seen.figures()
    figures["bluegreen slots rollback, from its start to its end"] = seen.took(*times)
    if len(seen.changes) > 1:
        figures["from the command's start to everybody on the former release"] = seen.took(
            times[0], seen.changes[-1].wall
        )
    return Outcome(
        name,
        (
            command_ends(seen, "rollback", 0),
            ended_as(seen, "ROLLED_BACK"),
            Condition(
                "the live rule went to the candidate and back, each by one write",
                seen.moves() == (candidate, production) and len(seen.writes) == 2,
                f"{' then '.join(seen.moves())}, {len(seen.writes)} writes",
            ),
            Condition(
                "the second write was the operator's own",
                seen.writes[-1].caller == "operator" if seen.writes else False,
                ", ".join(write.caller for write in seen.writes),
            ),
            Condition(
                "users met the candidate in between",
                ROLLED_BACK in seen.watched.result.by_release,
                f"{sum(one.release == ROLLED_BACK for one in seen.watched.records)} answers",
            ),
            Condition(
                "no task of the former side was started anew",
                bool(tasks.kept) and tasks.kept == kept.kept,
                f"{len(tasks.kept)} tasks before, {len(set(tasks.kept) & set(kept.kept))} of them after",
            ),
            production_is(seen, seen.former_release_of("production")),
            Condition(
                "no slot swaps by itself until somebody resumes it", bool(seen.record["paused"]), seen.record["paused"]
            ),
            Condition(
                "the epoch says that something happened",
                seen.record["epoch"] == seen.before["epoch"] + 2,
                f"{seen.before['epoch']} then {seen.record['epoch']}",
            ),
            settings_stayed(seen),
            rules_follow(seen),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


@dataclass(frozen=True)
class Unrecorded:
    """The flip without its record: what phase the record was in, and three moments (wall clock).

    flipped: the flip was seen. restored: the failing call works again. recorded: the record said that it was flipped.
    """

    phase: str
    flipped: float
    restored: float
    recorded: float


@dataclass(frozen=True)
class SlotsKilledAtCommit:
    """Between the flip and its record nothing is undone by guessing: the next turn finds the flip, and goes on."""

    name: ClassVar[str] = "slots-killed-at-commit"
    about: ClassVar[str] = "the engine fails between the flip and its record, and goes forward when it works again"

    def play(self, session: Session) -> Outcome:
        """Fail the first call after the flip until the flip is seen; then let it work again."""
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(KILLED)
            stage.to_the_end("preview", SLOT).require_success()
            session.emulator.switches.fail_service(_PARAMETERS, actions={"PutParameter"})
            try:
                stage.bluegreen("complete")
                stage.wait(lambda: set(stage.live_shares()) == {stage.candidate}, "the flip")
                flipped = time.time()
                phase = stage.phase()
            finally:
                session.emulator.switches.restore_service(_PARAMETERS)
            restored = time.time()
            stage.wait_for_phase("BAKING", "DEMOTING", "IDLE")
            recorded = time.time()
            stage.wait_for_phase("IDLE")
            seen = stage.seen()
        return judged_killed(self.name, seen, Unrecorded(phase, flipped, restored, recorded))


def judged_killed(name: str, seen: SlotsSeen, killed: Unrecorded) -> Outcome:
    """Judge what was seen."""
    figures = seen.figures()
    figures["flip without its record"] = seen.took(killed.flipped, killed.recorded)
    return Outcome(
        name,
        (
            command_ends(seen, "complete", 0),
            ended_as(seen, "DONE"),
            Condition(
                "the live rule was flipped and the record did not say so yet",
                killed.phase == "COMMITTING",
                killed.phase,
            ),
            Condition(
                "the failing call worked again before the engine was given up",
                killed.restored - killed.flipped < _MOST_RESTART_SECONDS,
                f"{killed.restored - killed.flipped:.2f} s later",
            ),
            moved_once_to(seen, str(seen.before["sides_of"][SLOT])),
            by_the_engine(seen),
            Condition(
                "the epoch grew by one, however often it was tried",
                seen.record["epoch"] == seen.before["epoch"] + 1,
                f"{seen.before['epoch']} then {seen.record['epoch']}",
            ),
            everybody_met_one(seen),
            production_is(seen, KILLED),
            settings_stayed(seen),
            rules_follow(seen),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
