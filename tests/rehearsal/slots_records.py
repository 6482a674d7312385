"""Made-up recordings of operations on slots, for the conditions of the scenarios: no emulator, no clock.

Production is on side a, blue on side b, and green on side c, which is tried; the records went through the engine's own
codec, so that their keys are those of the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bluegreen_constructs.engine.slot_settings import SlotSettings, SlotSide, SlotsSettings
from bluegreen_constructs.engine.swap.record import Kind as OperationKind
from bluegreen_constructs.engine.swap.record import LastOperation, SideRecord, SlotsRecord
from bluegreen_constructs.engine.swap.record_codec import record_to_json
from bluegreen_constructs.rehearsal.deployed_slots import DeployedSlots, record_of
from bluegreen_constructs.rehearsal.load import Kind, LoadRecord, LoadResult
from bluegreen_constructs.rehearsal.rollout_watch import Weights
from bluegreen_constructs.rehearsal.scenarios.slots_seen import Answer, SideTasks, SlotsSeen, Write
from bluegreen_constructs.rehearsal.scenarios.traffic_conditions import Watched
from tests.rehearsal.canary_records import TARGET, command

RATE, SPEED = 10.0, 30.0
FLIP, BACK, END = 10.0, 16.0, 24.0
ENGINE, OPERATOR = f"lambda/{TARGET.functions['tick']}", "operator"
FORMER, NEW, OTHERS = "1.0.0", "2.0.0", "0.9.0"
A, B, C = "side a", "side b", "side c"
NAMES = ("production", "blue", "green")

SLOTS = DeployedSlots.of(
    replace(
        TARGET,
        settings=replace(
            TARGET.settings,
            controller="slots",
            slots=SlotsSettings(
                cluster="c",
                container="Inference",
                sides=tuple(SlotSide(one, f"arn:{one}", f"service-{one}", f"family-{one}") for one in "abc"),
                slots=(
                    SlotSettings("production", "arn:settings/production", minimum=2, maximum=4),
                    SlotSettings("blue", "arn:settings/blue", host_rule_arn="arn:rule/blue"),
                    SlotSettings("green", "arn:settings/green", host_rule_arn="arn:rule/green"),
                ),
                sticky=("MODEL_STAGE",),
            ),
        ),
    )
)


class Table:
    """The engine's table with one record in it."""

    def __init__(self, record: SlotsRecord | None) -> None:
        self._record = record
        self.asked: list[Mapping[str, Any]] = []

    def get_item(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(asked)
        return {} if self._record is None else {"Item": {"record": {"S": record_to_json(self._record)}}}


def recorded(
    places: str = "abc", *, green: str = NEW, epoch: int = 4, outcome: str = "", why: str = "", paused: str = ""
) -> Mapping[str, Any]:
    """The record as the rehearsal reads it.

    places: the sides of production, blue and green, by their letters; side c runs `green`. outcome: of the last
    operation (empty: there was none).
    """
    last = LastOperation("op", OperationKind.SWAP, "green", outcome, datetime(2026, 1, 1, tzinfo=UTC), why)
    releases = {"a": FORMER, "b": OTHERS, "c": green}
    record = SlotsRecord(
        target=TARGET.name,
        stack_id="arn:stack",
        sides_of=dict(zip(NAMES, places, strict=True)),
        sides={side: SideRecord(release, f"arn:family-{side}:1") for side, release in releases.items()},
        epoch=epoch,
        last=last if outcome else None,
        paused=paused,
    )
    return record_of(SLOTS, Table(record))


def answered(at: float, by: str, own: str, **changes: object) -> LoadRecord:
    """One good answer by a side, of its own release, with changes."""
    known: dict[str, object] = {"late": 0.0, "latency": 0.01, "kind": Kind.PREDICT, "status": 200}
    known |= {"side": by, "release": own}
    return LoadRecord(**{**known, "scheduled": at, **changes})  # type: ignore[arg-type]


def spread(start: float, end: float, side: str, release: str) -> list[LoadRecord]:
    """Load of a span, all answered by one side."""
    return [answered(start + n / RATE, side, release) for n in range(round((end - start) * RATE))]


def watched(records: Iterable[LoadRecord]) -> Watched:
    everything = tuple(sorted(records, key=lambda record: record.scheduled))
    return Watched(RATE, 0.0, END, everything, LoadResult.from_records(everything))


def with_records(seen: SlotsSeen, *more: LoadRecord) -> SlotsSeen:
    """The same, with some requests more."""
    return replace(seen, watched=watched([*seen.watched.records, *more]))


def led_to(*moves: tuple[float, str]) -> tuple[Weights, ...]:
    """(wall, the one side that got everything)."""
    return tuple(Weights(wall, {side: 100}) for wall, side in moves)


def said(event: str, minute: int) -> Mapping[str, str]:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return {"at": at.isoformat(), "event": event, "reason": "because"}


def _seen(before: Mapping[str, Any], record: Mapping[str, Any], load: list[LoadRecord], **changes: object) -> SlotsSeen:
    """What is right of every scenario follows from the record at its end; the rest is given."""
    sides = record["sides_of"]
    known: dict[str, object] = {
        "slots": SLOTS,
        "before": before,
        "record": record,
        "changes": (),
        "writes": (),
        "final": {slot: {side: 100} for slot, side in sides.items()},
        "settings": {side: {"MODEL_STAGE": slot, "LOW_CONFIDENCE_BELOW": "0.4"} for slot, side in sides.items()},
        "tasks": {side: SideTasks(2 if slot == "production" else 1, (f"{side}-1",)) for slot, side in sides.items()},
        "history": (said("STARTED", 0), said("ENDED", 3)),
        "commands": {},
        "answers": {},
        "watched": watched(load),
        "speed": SPEED,
    }
    return SlotsSeen(**{**known, **changes})  # type: ignore[arg-type]


def _flipped(release: str, verb: str, **changes: object) -> SlotsSeen:
    """Green was swapped with production, by one write."""
    known: dict[str, object] = {
        "changes": led_to((FLIP, C)),
        "writes": (Write(FLIP - 0.1, ENGINE),),
        "commands": {verb: command(verb)},
        **changes,
    }
    load = [*spread(0, FLIP, A, FORMER), *spread(FLIP, END, C, release)]
    return _seen(recorded(green=FORMER), recorded("cba", green=release, epoch=5, outcome="DONE"), load, **known)


def swap(tested: str, chosen: str, cookie: str) -> SlotsSeen:
    """A good swap; given are the names of the testers' three requests."""
    headers = {"Location": "/ready", "Set-Cookie": "x-slot-routing=green; Path=/; HttpOnly"}
    answers = {tested: Answer(200, NEW, C), chosen: Answer(200, NEW, C), cookie: Answer(302, "", "", headers)}
    return _flipped(NEW, "swap", answers=answers)


def swap_back() -> SlotsSeen:
    """The former release came back by another swap."""
    return _seen(
        recorded("cba", epoch=5, outcome="DONE"),
        recorded("abc", epoch=6, outcome="DONE"),
        [*spread(0, FLIP, C, NEW), *spread(FLIP, END, A, FORMER)],
        changes=led_to((FLIP, A)),
        writes=(Write(FLIP - 0.1, ENGINE),),
        commands={"swap": command("swap")},
    )


def preview_cancelled(release: str, during: str, pinned: str) -> SlotsSeen:
    """A preview that was called off; given are the names of the testers' two requests."""
    return _seen(
        recorded(green=FORMER),
        recorded(green=release, outcome="CANCELLED", why="the numbers look odd"),
        spread(0, END, A, FORMER),
        commands={"preview": command("preview"), "cancel": command("cancel")},
        answers={during: Answer(503, "", ""), pinned: Answer(200, OTHERS, B)},
    )


def swap_refused(release: str) -> SlotsSeen:
    """A swap that ended before the flip: the candidate never got warm."""
    why = "not warm after 3 attempts: task 8d2f answered 500 to /stream"
    return _seen(
        recorded(green=FORMER),
        recorded(green=release, outcome="ROLLED_BACK", why=why, paused="the swap of green went back"),
        spread(0, END, A, FORMER),
        commands={"swap": command("swap", 1)},
    )


def rolled_back(release: str) -> SlotsSeen:
    """A swap that an operator took back in its bake."""
    return _seen(
        recorded(green=FORMER),
        recorded(green=release, epoch=6, outcome="ROLLED_BACK", why="a customer called", paused="rolled back"),
        [*spread(0, FLIP, A, FORMER), *spread(FLIP, BACK, C, release), *spread(BACK, END, A, FORMER)],
        changes=led_to((FLIP, C), (BACK, A)),
        writes=(Write(FLIP - 0.1, ENGINE), Write(BACK - 0.1, OPERATOR)),
        commands={"swap": command("swap"), "rollback": command("rollback")},
    )


def completed_though_killed(release: str) -> SlotsSeen:
    """A swap whose engine failed between the flip and its record."""
    return _flipped(release, "complete", commands={verb: command(verb) for verb in ("preview", "complete")})


def swap_before_the_redeploy(release: str) -> SlotsSeen:
    """A swap after which everything stayed."""
    return _flipped(release, "swap")
