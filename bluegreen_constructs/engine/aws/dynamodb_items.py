"""Items of the engine's table: their keys, and the values they hold as DynamoDB's attributes."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, cast

from ..ports import Command, HistoryItem, ReleaseRecord, ReleaseStatus, Verb, Watched
from ..release import Release
from ..rollout import Rollout
from ..rollout_codec import rollout_to_json
from ..swap.record import SlotsRecord
from ..swap.record_codec import record_to_json
from ..target_settings import SIDES

Item: TypeAlias = Mapping[str, Mapping[str, str]]
"""Attributes by name, each as {type: text}; only texts (S) and numbers (N) are used."""

KEPT = timedelta(days=400)
"""How long history stays."""

WATCHED = "judged"
"""The partition key of the deployments that are looked at: all of them in one query, without a scan."""

ONLY = "-"
"""The sort key of an item that is alone under its partition key."""


def key(kind: str, target: str, sort: str = ONLY) -> dict[str, dict[str, str]]:
    """The key of an item: `state`, `slots`, `history`, `release`, or the verb of a command."""
    return {"pk": {"S": f"{kind}#{target}"}, "sk": {"S": sort}}


def stamp(at: datetime) -> str:
    """A time as text that sorts as the times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def text(item: Item, name: str) -> str:
    """The text of an attribute; a missing one is empty."""
    return item.get(name, {}).get("S", "")


def numeral(item: Item, name: str) -> str | None:
    """The digits of a numeric attribute; None for a missing one."""
    return item.get(name, {}).get("N")


def state_item(rollout: Rollout, write: str) -> Item:
    """A rollout's state. `write` tells its writer, after a time-out, whether the item is what it wrote."""
    return {
        **key("state", rollout.target),
        "fence": {"N": str(rollout.fence)},
        "revision": {"N": str(rollout.revision)},
        "write": {"S": write},
        "rollout": {"S": rollout_to_json(rollout)},
    }


def slots_item(record: SlotsRecord, write: str) -> Item:
    """The record of an application's slots; it is guarded and written as a rollout's state is."""
    return {
        **key("slots", record.target),
        "fence": {"N": str(record.fence)},
        "revision": {"N": str(record.revision)},
        "write": {"S": write},
        "record": {"S": record_to_json(record)},
    }


def command_item(target: str, command: Command) -> Item:
    """What an operator asks for."""
    return _with_digest(
        {
            **key(command.verb, target),
            "verb": {"S": command.verb},
            "rollout": {"S": command.rollout},
            "caller": {"S": command.caller},
            "reason": {"S": command.reason},
            "at": {"S": stamp(command.at)},
            **({} if command.step is None else {"step": {"N": str(command.step)}}),
        }
    )


def command_of(item: Item) -> Command:
    """What `command_item` made."""
    step = numeral(item, "step")
    return Command(
        verb=cast("Verb", text(item, "verb")),
        rollout=text(item, "rollout"),
        caller=text(item, "caller"),
        reason=text(item, "reason"),
        at=datetime.fromisoformat(text(item, "at")),
        step=None if step is None else int(step),
    )


def history_item(happened: HistoryItem) -> Item:
    """One thing that happened, still without a key; its digest is the same for the same thing again."""
    expires = int((happened.at + KEPT).timestamp())
    return _with_digest(
        {
            "at": {"S": stamp(happened.at)},
            "event": {"S": happened.event},
            "rollout": {"S": happened.rollout},
            "release": {"S": happened.release},
            "caller": {"S": happened.caller},
            "reason": {"S": happened.reason},
            "phase": {"S": happened.phase},
            "evidence": {"S": json.dumps(happened.evidence, sort_keys=True)},
            "expires": {"N": str(expires)},
            **({} if happened.weight is None else {"weight": {"N": repr(happened.weight)}}),
        }
    )


def history_of(item: Item) -> HistoryItem:
    """What `history_item` made."""
    weight = numeral(item, "weight")
    return HistoryItem(
        at=datetime.fromisoformat(text(item, "at")),
        event=text(item, "event"),
        rollout=text(item, "rollout"),
        release=text(item, "release"),
        caller=text(item, "caller"),
        reason=text(item, "reason"),
        phase=text(item, "phase"),
        weight=None if weight is None else float(weight),
        evidence=json.loads(text(item, "evidence") or "{}"),
    )


def release_item(target: str, record: ReleaseRecord) -> Item:
    """What is remembered of a release."""
    return {
        **key("release", target, record.release.name),
        "name": {"S": record.release.name},
        "image": {"S": record.release.image},
        "version": {"S": record.release.version},
        "status": {"S": record.status},
        "at": {"S": stamp(record.at)},
        "reason": {"S": record.reason},
        "caller": {"S": record.caller},
        "rollout": {"S": record.rollout},
        **({} if record.side is None else {"side": {"S": record.side}}),
    }


def release_of(item: Item) -> ReleaseRecord:
    """What `release_item` made, also that of an engine which kept no side."""
    stored = text(item, "side")
    return ReleaseRecord(
        release=Release(text(item, "name"), text(item, "image"), text(item, "version")),
        status=cast("ReleaseStatus", text(item, "status")),
        at=datetime.fromisoformat(text(item, "at")),
        reason=text(item, "reason"),
        caller=text(item, "caller"),
        rollout=text(item, "rollout"),
        side=next((side for side in SIDES if side == stored), None),
    )


def watched_key(one: Watched) -> dict[str, dict[str, str]]:
    """The key of a deployment that is looked at: its own, so that a later one of the target is never taken away."""
    return {"pk": {"S": WATCHED}, "sk": {"S": one.execution}}


def watched_item(one: Watched) -> Item:
    """A deployment that is looked at."""
    return {**watched_key(one), "target": {"S": one.target}}


def watched_of(item: Item) -> Watched:
    """What `watched_item` made."""
    return Watched(text(item, "target"), text(item, "sk"))


def _with_digest(item: dict[str, dict[str, str]]) -> Item:
    digest = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
    return {**item, "digest": {"S": digest}}
