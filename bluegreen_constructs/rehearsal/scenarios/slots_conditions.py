"""Conditions that several scenarios of slots share. Pure."""

from collections.abc import Sequence

from ..outcome import Condition
from .slots_seen import SlotsSeen
from .slots_stage import SLOT
from .traffic_conditions import load_was_whole, nothing_lost

_STICKY = "MODEL_STAGE"
_CLOSED = 503


def command_ends(seen: SlotsSeen, verb: str, code: int) -> Condition:
    """The exit code of a `bluegreen slots` command."""
    found = seen.commands[verb]
    return Condition(
        f"bluegreen slots {verb} ends {code}", found.exit_code == code, f"exit code {found.exit_code}: {found.said}"
    )


def production_is(seen: SlotsSeen, release: str) -> Condition:
    """At the end production serves this release: by the record, and by every last answer."""
    after = seen.after_flip() if seen.changes else list(seen.watched.records)
    own = sum(record.release == release for record in after)
    return Condition(
        f"production serves {release}",
        seen.release_of("production") == release and len(after) >= seen.watched.enough and own == len(after),
        f"the record says {seen.release_of('production')}, {own} of {len(after)} answers",
    )


def untouched(seen: SlotsSeen) -> Sequence[Condition]:
    """Production was never led elsewhere, and every answer was of the release that served before."""
    former = seen.former_release_of("production")
    own = sum(record.release == former for record in seen.watched.records)
    return (
        Condition("the live rule never moved", not seen.writes and not seen.changes, f"{len(seen.writes)} writes"),
        Condition(
            "every answer was of the release that served before",
            own == len(seen.watched.records) > 0,
            f"{own} of {len(seen.watched.records)} of {former}",
        ),
        nothing_lost(seen.watched),
        load_was_whole(seen.watched),
    )


def moved_once_to(seen: SlotsSeen, side: str) -> Condition:
    """One write made the whole flip: from one side alone to another one alone."""
    return Condition(
        "one write of the live rule made the flip",
        seen.moves() == (side,) and len(seen.writes) == 1,
        f"{' then '.join(seen.moves()) or 'no change'}, {len(seen.writes)} writes",
    )


def by_the_engine(seen: SlotsSeen) -> Condition:
    """Nobody but the engine's tick wrote the live rule's actions."""
    tick = f"lambda/{seen.slots.target.functions['tick']}"
    callers = {write.caller for write in seen.writes}
    return Condition(
        "nobody but the engine's tick wrote the live rule", callers <= {tick}, ", ".join(sorted(callers)) or "no write"
    )


def everybody_met_one(seen: SlotsSeen) -> Condition:
    """Before the flip only the former release answered, after it only the new one."""
    before, after = seen.before_flip(), seen.after_flip()
    former, new = seen.former_release_of("production"), seen.release_of("production")
    wrong = sum(one.release != former for one in before) + sum(one.release != new for one in after)
    return Condition(
        "before the flip everybody met the former release, after it everybody the new one",
        len(before) >= seen.watched.enough and len(after) >= seen.watched.enough and not wrong,
        f"{len(before)} requests before and {len(after)} after, {wrong} met another",
    )


def settings_stayed(seen: SlotsSeen) -> Condition:
    """Each slot runs with its own sticky settings, whichever side it is on."""
    found = {slot: seen.settings[side].get(_STICKY) for slot, side in seen.record["sides_of"].items()}
    return Condition(
        "every slot runs with its own sticky settings",
        len(found) == len(seen.slots.slots.slots) and all(slot == said for slot, said in found.items()),
        ", ".join(f"{slot}: {said}" for slot, said in found.items()),
    )


def rules_follow(seen: SlotsSeen) -> Condition:
    """Each slot's own hostname leads to its side alone, and so does production's."""
    found = {slot: list(weights) for slot, weights in seen.final.items()}
    return Condition(
        "each hostname leads to its slot's side alone",
        len(found) == len(seen.slots.slots.slots)
        and all(sides == [seen.side_of(slot)] for slot, sides in found.items()),
        ", ".join(f"{slot}: {' and '.join(sides) or 'nowhere'}" for slot, sides in found.items()),
    )


def slot_was_closed(seen: SlotsSeen, answer: str) -> Condition:
    """While the candidate had production's settings its own hostname answered 503."""
    found = seen.answers[answer]
    return Condition(
        f"{SLOT}'s own hostname is closed while its side has production's settings",
        found.status == _CLOSED and not found.side,
        f"{found.status} by {found.side or 'the load balancer'}",
    )


def ended_as(seen: SlotsSeen, outcome: str) -> Condition:
    """How the record says that the last operation ended."""
    last = seen.record["last"] or {}
    return Condition(
        f"the operation ended {outcome}",
        last.get("outcome") == outcome and seen.record["op"] is None,
        f"{last.get('outcome')}: {last.get('why') or 'no reason given'}",
    )
