"""slots-preview-cancel, slots-bad-warmup: a swap that does not happen, and production that never hears of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..outcome import Condition, Outcome
from ..session import Session
from .slots_conditions import (
    command_ends,
    ended_as,
    rules_follow,
    settings_stayed,
    slot_was_closed,
    untouched,
)
from .slots_seen import SlotsSeen
from .slots_stage import SLOT, on_slots_stage

PREVIEWED = "2.0.1"
# Fails every prediction and stream while a file exists that no other build looks at.
FAILING = "2.7.2-bad-hotfix"
_FILE = "late-incident"  # in the home folder of the emulator, and so of every task
_DURING, _PINNED = "during the preview", "during the preview, by the other slot's hostname"
_OTHER = "blue"


@dataclass(frozen=True)
class SlotsPreviewCancel:
    """A preview shows the release with production's settings to nobody but testers, and can be called off."""

    name: ClassVar[str] = "slots-preview-cancel"
    about: ClassVar[str] = "a swap with preview waits before the flip, is cancelled, and production never heard of it"

    def play(self, session: Session) -> Outcome:
        """Deploy, preview, look at it as a tester does, cancel."""
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(PREVIEWED)
            stage.to_the_end("preview", SLOT)
            stage.ask(_DURING, stage.host_of(SLOT))
            stage.ask(_PINNED, stage.host_of(_OTHER))
            previewed = stage.settings_on(stage.candidate)
            stage.bluegreen("cancel", "--reason", "the numbers look odd")
            stage.wait_for_phase("IDLE")
            seen = stage.seen()
        return _judged(
            self.name,
            seen,
            (
                command_ends(seen, "preview", 0),
                command_ends(seen, "cancel", 0),
                ended_as(seen, "CANCELLED"),
                Condition(
                    "the candidate ran with production's settings meanwhile",
                    previewed.get("MODEL_STAGE") == previewed.get("SLOT") == "production",
                    f"MODEL_STAGE {previewed.get('MODEL_STAGE')}, SLOT {previewed.get('SLOT')}",
                ),
                slot_was_closed(seen, _DURING),
                Condition(
                    "the other slot's hostname was served as ever",
                    (seen.answers[_PINNED].status, seen.answers[_PINNED].side) == (200, seen.side_of(_OTHER)),
                    f"{seen.answers[_PINNED].status} by {seen.answers[_PINNED].side}",
                ),
                Condition(
                    f"the release is still on {SLOT}",
                    seen.release_of(SLOT) == PREVIEWED,
                    seen.release_of(SLOT),
                ),
                Condition(
                    "a cancelled preview pauses nothing", not seen.record["paused"], seen.record["paused"] or "-"
                ),
            ),
        )


@dataclass(frozen=True)
class SlotsBadWarmUp:
    """What answers its health check and fails its work is found before anybody met it."""

    name: ClassVar[str] = "slots-bad-warmup"
    about: ClassVar[str] = (
        "a release that fails once it has production's settings is not swapped in: it never gets warm"
    )

    def play(self, session: Session) -> Outcome:
        """Deploy a build that is good, let it fail from now on, and ask for the swap."""
        broken = Path(session.emulator.config.work_dir) / "home" / _FILE
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(FAILING)
            broken.write_text("1", encoding="ascii")
            try:
                stage.to_the_end("swap", SLOT)
            finally:
                broken.unlink()
            seen = stage.seen()
        last = seen.record["last"]
        return _judged(
            self.name,
            seen,
            (
                command_ends(seen, "swap", 1),
                ended_as(seen, "ROLLED_BACK"),
                Condition(
                    "the reason names the task, what it answered, and how often it was asked",
                    "not warm after 3 attempts" in last["why"] and "answered 500" in last["why"],
                    last["why"],
                ),
                Condition(
                    "no slot swaps by itself until somebody resumes it",
                    bool(seen.record["paused"]),
                    seen.record["paused"] or "not paused",
                ),
            ),
        )


def _judged(name: str, seen: SlotsSeen, own: tuple[Condition, ...]) -> Outcome:
    return Outcome(
        name,
        (
            *own,
            *untouched(seen),
            Condition(
                "the epoch is as it was",
                seen.record["epoch"] == seen.before["epoch"],
                f"{seen.before['epoch']} then {seen.record['epoch']}",
            ),
            settings_stayed(seen),
            rules_follow(seen),
        ),
        figures=seen.figures(),
        timeline=seen.timeline(),
        samples=seen.samples(),
    )
