"""slots-swap, slots-swap-back: deploy to a slot, test it there, swap it with production, and swap back."""

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
from .slots_seen import SlotsSeen
from .slots_stage import SLOT, on_slots_stage
from .traffic_conditions import load_was_whole, nothing_lost

RELEASE = "2.0.0"
_TESTED, _CHOSEN, _COOKIE = "by the slot's own hostname", "by header", "by query parameter"


@dataclass(frozen=True)
class SlotsSwap:
    """The walk-through of an App Service: a plan, an app, two slots; deploy to one, test, swap."""

    name: ClassVar[str] = "slots-swap"
    about: ClassVar[str] = "a release is deployed to a slot, tested there, and swapped with production by one write"

    def play(self, session: Session) -> Outcome:
        """Deploy, look at it as a tester does, swap, and look at what happened to every request."""
        with on_slots_stage(session, self.name) as stage:
            stage.deployed(RELEASE)
            stage.ask(_TESTED, stage.host_of(SLOT))
            stage.ask(_CHOSEN, stage.host_of("production"), headers={"x-slot-routing": SLOT})
            stage.ask(_COOKIE, stage.host_of("production"), path=f"/ready?x-slot-routing={SLOT}")
            stage.to_the_end("swap", SLOT)
            seen = stage.seen()
        return swapped(self.name, seen, RELEASE, (*_was_tested(seen), *_scaled(seen)))


@dataclass(frozen=True)
class SlotsSwapBack:
    """After the bake the way back is a swap like any other: rendered, warmed, and then one write."""

    name: ClassVar[str] = "slots-swap-back"
    about: ClassVar[str] = "the former release is swapped back into production, with production's settings"

    def play(self, session: Session) -> Outcome:
        """Swap the same slot once more."""
        with on_slots_stage(session, self.name) as stage:
            stage.to_the_end("swap", SLOT)
            seen = stage.seen()
        return swapped(self.name, seen, seen.former_release_of(SLOT), ())


def swapped(name: str, seen: SlotsSeen, release: str, further: tuple[Condition, ...]) -> Outcome:
    """Judge a swap that brought `release` to production."""
    figures = seen.figures()
    if seen.changes and seen.writes:
        figures["flip to the next steady second"] = seen.took(seen.writes[0].wall, seen.changes[0].wall)
    return Outcome(
        name,
        (
            command_ends(seen, "swap", 0),
            ended_as(seen, "DONE"),
            *further,
            moved_once_to(seen, str(seen.before["sides_of"][SLOT])),
            by_the_engine(seen),
            Condition(
                "the epoch grew by one",
                seen.record["epoch"] == seen.before["epoch"] + 1,
                f"{seen.before['epoch']} then {seen.record['epoch']}",
            ),
            everybody_met_one(seen),
            production_is(seen, release),
            settings_stayed(seen),
            rules_follow(seen),
            nothing_lost(seen.watched),
            load_was_whole(seen.watched),
        ),
        figures=figures,
        timeline=seen.timeline(),
        samples=seen.samples(),
    )


def _was_tested(seen: SlotsSeen) -> tuple[Condition, ...]:
    candidate = str(seen.before["sides_of"][SLOT])
    tested, chosen, cookie = (seen.answers[name] for name in (_TESTED, _CHOSEN, _COOKIE))
    return (
        Condition(
            "testers met the release before its users, by hostname and by header",
            all((one.status, one.release, one.side) == (200, RELEASE, candidate) for one in (tested, chosen)),
            f"{tested.status} {tested.release} by {tested.side}, {chosen.status} {chosen.release} by {chosen.side}",
        ),
        Condition(
            "a query parameter chooses the slot by a cookie, and leads back to the same path",
            cookie.status == 302
            and cookie.headers.get("Location") == "/ready"
            and cookie.headers.get("Set-Cookie", "").startswith(f"x-slot-routing={SLOT};"),
            f"{cookie.status} to {cookie.headers.get('Location')}, {cookie.headers.get('Set-Cookie')}",
        ),
    )


def _scaled(seen: SlotsSeen) -> tuple[Condition, ...]:
    wanted = {slot.name: slot.minimum for slot in seen.slots.slots.slots}
    found = {slot: seen.tasks[seen.side_of(slot)].desired for slot in wanted}
    return (Condition("each slot runs as many tasks as it is to", found == wanted, str(found)),)
