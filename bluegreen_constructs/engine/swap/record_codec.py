"""The record of an application's slots as JSON and back; the rules of the format are those of `rollout_codec`.

A new phase or kind raises `reads`: an engine that does not know it must not go on with the record.
"""

import json
from datetime import datetime

from ..errors import ObservationError
from ..rollout_codec import decode_note, encode_note, rollout_from_json, rollout_to_json
from ..settings_codec import settings_from_dict, settings_to_dict
from ..slot_settings import PRODUCTION
from ..slot_settings_codec import decode_canary, encode_canary
from ..stored_fields import StoredFields, as_instant
from .lifecycle import SwapPhase
from .record import Kind, LastOperation, Operation, SideRecord, SlotsRecord

SCHEMA = 1

Json = dict[str, object]

_SIDE_DEFAULTS: Json = {"rendering": "", "is_quiet": True}
_OPERATION_DEFAULTS: Json = {
    "caller": "",
    "reason": "",
    "release": "",
    "image": "",
    "settings_from": "",
    "is_preview": False,
    "ignores_alarms": False,
    "canary": None,
    "shares": {},
    "capacity": 0,
    "rendered": "",
    "rendering": "",
    "demoted": "",
    "is_released": False,
    "ends_bake": False,
    "flipped_at": None,
    "attempt": 0,
    "hook_details": {},
    "is_told": False,
    "judged": None,
    "quiet": 0,
    "quiet_until": None,
    "is_closed": False,
    "is_cancelled": False,
    "authentication": [],
    "why_back": "",
    "is_bad": False,
    "halted": "",
    "halted_in": "",
    "answered": [],
}
_RECORD_DEFAULTS: Json = {
    "settings": None,
    "epoch": 0,
    "op_seq": 0,
    "fence": 0,
    "revision": 0,
    "execution": "",
    "op": None,
    "last": None,
    "paused": "",
    "shares": {},
    "outbox": [],
}
_KNOWN = frozenset(("schema", "reads", "target", "stack_id", "sides_of", "sides", *_RECORD_DEFAULTS))


def record_to_json(record: SlotsRecord) -> str:
    """`record` as one line of JSON; the same record always gives the same line.

    Raises ObservationError for a time without its zone, and for answers of a hook that JSON cannot hold.
    """
    try:
        return json.dumps({**record.extra, **_encoded(record)}, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ObservationError(f"the slots of {record.target} cannot be written as JSON: {error}") from None


def record_from_json(text: str) -> SlotsRecord:
    """What `record_to_json` wrote, in this version or another. Raises ObservationError for anything else."""
    stored = StoredFields.of_json(text, "the stored slots")
    stored.refuse_above(SCHEMA, "update the engine, or wait until the newer one is done")
    return stored.with_defaults(_RECORD_DEFAULTS).built(_decoded)


def _encoded(record: SlotsRecord) -> Json:
    return {
        "schema": SCHEMA,
        "reads": 1,
        "target": record.target,
        "stack_id": record.stack_id,
        "sides_of": dict(record.sides_of),
        "sides": {name: _encode_side(side) for name, side in record.sides.items()},
        "settings": None if record.settings is None else settings_to_dict(record.settings),
        "epoch": record.epoch,
        "op_seq": record.op_seq,
        "fence": record.fence,
        "revision": record.revision,
        "execution": record.execution,
        "op": None if record.op is None else _encode_operation(record.op),
        "last": None if record.last is None else _encode_last(record.last),
        "paused": record.paused,
        "shares": dict(record.shares),
        "outbox": [encode_note(note) for note in record.outbox],
    }


def _decoded(fields: StoredFields) -> SlotsRecord:
    sides = fields.inside("sides")
    return SlotsRecord(
        target=fields.text("target"),
        stack_id=fields.text("stack_id"),
        sides_of=_map(fields),
        sides={name: _decode_side(sides.inside(name)) for name in sides.names()},
        settings=settings_from_dict(fields.value("settings"), fields.place("settings"))
        if fields.has("settings")
        else None,
        epoch=fields.count("epoch"),
        op_seq=fields.count("op_seq"),
        fence=fields.count("fence"),
        revision=fields.count("revision"),
        execution=fields.text("execution"),
        op=_decode_operation(fields.inside("op")) if fields.has("op") else None,
        last=_decode_last(fields.inside("last")) if fields.has("last") else None,
        paused=fields.text("paused"),
        shares=_percents(fields, "shares"),
        outbox=tuple(map(decode_note, fields.objects("outbox"))),
        extra={key: fields.value(key) for key in fields.names() if key not in _KNOWN},
    )


def _encode_side(side: SideRecord) -> Json:
    return {
        "release": side.release,
        "definition": side.definition,
        "rendering": side.rendering,
        "is_quiet": side.is_quiet,
    }


def _decode_side(stored: StoredFields) -> SideRecord:
    fields = stored.with_defaults(_SIDE_DEFAULTS)
    return SideRecord(
        fields.text("release"), fields.text("definition"), fields.text("rendering"), fields.flag("is_quiet")
    )


def _encode_operation(op: Operation) -> Json:
    return {
        "id": op.id,
        "kind": op.kind.value,
        "slot": op.slot,
        "candidate": op.candidate,
        "live": op.live,
        "from_epoch": op.from_epoch,
        "started_at": as_instant(op.started_at),
        "phase_since": as_instant(op.phase_since),
        "was": _encode_side(op.was),
        "phase": op.phase.value,
        "caller": op.caller,
        "reason": op.reason,
        "release": op.release,
        "image": op.image,
        "settings_from": op.settings_from,
        "is_preview": op.is_preview,
        "ignores_alarms": op.ignores_alarms,
        "canary": encode_canary(op.canary),
        "shares": dict(op.shares),
        "capacity": op.capacity,
        "rendered": op.rendered,
        "rendering": op.rendering,
        "demoted": op.demoted,
        "is_released": op.is_released,
        "ends_bake": op.ends_bake,
        "flipped_at": _maybe_instant(op.flipped_at),
        "attempt": op.attempt,
        "hook_details": dict(op.hook_details),
        "is_told": op.is_told,
        "judged": None if op.judged is None else json.loads(rollout_to_json(op.judged)),
        "quiet": op.quiet,
        "quiet_until": op.quiet_until,
        "is_closed": op.is_closed,
        "is_cancelled": op.is_cancelled,
        "authentication": [dict(action) for action in op.authentication],
        "why_back": op.why_back,
        "is_bad": op.is_bad,
        "halted": op.halted,
        "halted_in": op.halted_in,
        "answered": list(op.answered),
    }


def _decode_operation(stored: StoredFields) -> Operation:
    fields = stored.with_defaults(_OPERATION_DEFAULTS)
    return Operation(
        id=fields.text("id"),
        kind=fields.member("kind", Kind),
        slot=fields.text("slot"),
        candidate=fields.text("candidate"),
        live=fields.text("live"),
        from_epoch=fields.count("from_epoch"),
        started_at=fields.instant("started_at"),
        phase_since=fields.instant("phase_since"),
        was=_decode_side(fields.inside("was")),
        phase=fields.member("phase", SwapPhase),
        caller=fields.text("caller"),
        reason=fields.text("reason"),
        release=fields.text("release"),
        image=fields.text("image"),
        settings_from=fields.text("settings_from"),
        is_preview=fields.flag("is_preview"),
        ignores_alarms=fields.flag("ignores_alarms"),
        canary=decode_canary(fields, "canary"),
        shares=_percents(fields, "shares"),
        capacity=fields.count("capacity"),
        rendered=fields.text("rendered"),
        rendering=fields.text("rendering"),
        demoted=fields.text("demoted"),
        is_released=fields.flag("is_released"),
        ends_bake=fields.flag("ends_bake"),
        flipped_at=fields.maybe(fields.instant, "flipped_at"),
        attempt=fields.count("attempt"),
        hook_details=fields.mapping("hook_details"),
        is_told=fields.flag("is_told"),
        judged=rollout_from_json(json.dumps(fields.mapping("judged"))) if fields.has("judged") else None,
        quiet=fields.count("quiet"),
        quiet_until=fields.maybe(fields.whole, "quiet_until"),
        is_closed=fields.flag("is_closed"),
        is_cancelled=fields.flag("is_cancelled"),
        authentication=fields.mappings("authentication"),
        why_back=fields.text("why_back"),
        is_bad=fields.flag("is_bad"),
        halted=fields.text("halted"),
        halted_in=fields.text("halted_in"),
        answered=fields.texts("answered"),
    )


def _encode_last(last: LastOperation) -> Json:
    return {
        "id": last.id,
        "kind": last.kind.value,
        "slot": last.slot,
        "outcome": last.outcome,
        "ended_at": as_instant(last.ended_at),
        "why": last.why,
    }


def _decode_last(fields: StoredFields) -> LastOperation:
    return LastOperation(
        fields.text("id"),
        fields.member("kind", Kind),
        fields.text("slot"),
        fields.text("outcome"),
        fields.instant("ended_at"),
        fields.text("why"),
    )


def _maybe_instant(at: datetime | None) -> str | None:
    return None if at is None else as_instant(at)


def _map(fields: StoredFields) -> dict[str, str]:
    """The side of each slot: every slot has one, and no side has two."""
    sides_of = _texts(fields, "sides_of")
    if PRODUCTION not in sides_of or len(set(sides_of.values())) < len(sides_of):
        raise ObservationError(
            f"{fields.place('sides_of')} is {sides_of}, not a side for {PRODUCTION} and for each slot another one"
        )
    return sides_of


def _texts(fields: StoredFields, key: str) -> dict[str, str]:
    inside = fields.inside(key)
    return {name: inside.text(name) for name in inside.names()}


def _percents(fields: StoredFields, key: str) -> dict[str, float]:
    inside = fields.inside(key)
    return {name: inside.percent(name) for name in inside.names()}
