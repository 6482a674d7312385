"""A rollout as JSON and back: what an engine stored, the next version reads, and the one before it still can.

Rules of the format, which let a running rollout survive an update of the engine and CloudFormation's rollback of it:

- `schema` is the version that wrote; `reads` is the oldest version that can read it. A reader refuses only `reads`
  above its own version. A new phase, or anything else that must not be ignored, raises `reads`.
- Keys that a reader does not know come back in `Rollout.extra` and are written back as they came; so do keys inside of
  the settings, the release and the hold, as long as those stay what they are. Keys inside of evidence are not kept:
  they would know nothing of what this version has observed since.
- Keys that a writer did not know take the defaults below. They are the format's own, whatever `Rollout` says later. The
  phase has none: to begin again would be no safe answer.
"""

import json
from collections.abc import Callable
from typing import TypeVar

from .ab_effect import AbEvidence
from .absolute_floor import FloorEvidence
from .errors import ObservationError
from .evidence_codec import AnyEvidence, decode, encode
from .guardrails import Assessment
from .joint_comparison import JointEvidence
from .lifecycle import Phase
from .model import Verdict
from .release import Release
from .rollout import Hold, HoldKind, Note, Rollout
from .settings_codec import settings_from_dict, settings_to_dict
from .stored_fields import StoredFields, as_instant
from .target_settings import SIDES, Side, TargetSettings

SCHEMA = 1

Json = dict[str, object]
Given = TypeVar("Given")
Stored = TypeVar("Stored")
Kind = TypeVar("Kind", bound=AnyEvidence)

_DEFAULTS: Json = {
    "revision": 0,
    "execution": "",
    "caller": "",
    "reason": "",
    "weight": 0.0,
    "applied": None,
    "applied_at": None,
    "wanted_at": None,
    "is_test_routed": False,
    "step": -1,
    "step_minutes": 0,
    "needs": 0,
    "desired": 0,
    "minimums": {},
    "evidence": None,
    "floors": {},
    "ab": None,
    "judged": None,
    "said": [],
    "hook": 0,
    "hook_since": None,
    "hook_details": {},
    "hold": None,
    "why_back": "",
    "is_bad": False,
    "is_expedited": False,
    "is_irreversible": False,
    "is_quarantined": False,
    "is_left_running": False,
    "takes_over": False,
    "was": 0.0,
    "answered": [],
    "is_baked": False,
    "leaves": "",
    "hotfix": "",
    "authentication": [],
    "is_kept": False,
    "kept_until": None,
    "quiet": 0,
    "quiet_until": None,
    "is_tidied": False,
    "outbox": [],
}
_NEEDED = ("schema", "reads", "id", "settings", "release", "live", "fence", "started_at", "phase_since", "phase")
_KNOWN = frozenset((*_NEEDED, *_DEFAULTS))
_RELEASE_DEFAULTS: Json = {"image": "", "version": ""}


def rollout_to_json(rollout: Rollout) -> str:
    """`rollout` as one line of JSON; the same rollout always gives the same line.

    Raises ObservationError for a time without its zone, and for values of a hook that JSON cannot hold.
    """
    known = _encoded(rollout)
    kept = {key: value for key, value in rollout.extra.items() if key not in known or _is_still(rollout, key, value)}
    try:
        return json.dumps(known | kept, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ObservationError(f"the rollout {rollout.id} cannot be written as JSON: {error}") from None


def rollout_from_json(text: str) -> Rollout:
    """What `rollout_to_json` wrote, in this version or another. Raises ObservationError for anything else."""
    stored = StoredFields.of_json(text, "the stored rollout")
    stored.refuse_above(SCHEMA, "update the engine, or abort the rollout")
    return stored.with_defaults(_DEFAULTS).built(_decoded)


def _encoded(rollout: Rollout) -> Json:
    return {
        "schema": SCHEMA,
        "reads": 1,
        "id": rollout.id,
        "settings": settings_to_dict(rollout.settings),
        "release": _encode_release(rollout.release),
        "live": rollout.live,
        "fence": rollout.fence,
        "started_at": as_instant(rollout.started_at),
        "phase_since": as_instant(rollout.phase_since),
        "phase": rollout.phase.value,
        "revision": rollout.revision,
        "execution": rollout.execution,
        "caller": rollout.caller,
        "reason": rollout.reason,
        "weight": rollout.weight,
        "applied": rollout.applied,
        "applied_at": _maybe(as_instant, rollout.applied_at),
        "wanted_at": _maybe(as_instant, rollout.wanted_at),
        "is_test_routed": rollout.is_test_routed,
        "step": rollout.step,
        "step_minutes": rollout.step_minutes,
        "needs": rollout.needs,
        "desired": rollout.desired,
        "minimums": dict(rollout.minimums),
        "evidence": _maybe(encode, rollout.evidence),
        "floors": {name: encode(floor) for name, floor in rollout.floors.items()},
        "ab": _maybe(encode, rollout.ab),
        "judged": rollout.judged,
        "said": [_encode_assessment(one) for one in rollout.said],
        "hook": rollout.hook,
        "hook_since": _maybe(as_instant, rollout.hook_since),
        "hook_details": dict(rollout.hook_details),
        "hold": _maybe(_encode_hold, rollout.hold),
        "why_back": rollout.why_back,
        "is_bad": rollout.is_bad,
        "is_expedited": rollout.is_expedited,
        "is_irreversible": rollout.is_irreversible,
        "is_quarantined": rollout.is_quarantined,
        "is_left_running": rollout.is_left_running,
        "takes_over": rollout.takes_over,
        "was": rollout.was,
        "answered": list(rollout.answered),
        "is_baked": rollout.is_baked,
        "leaves": rollout.leaves,
        "hotfix": rollout.hotfix,
        "authentication": [dict(action) for action in rollout.authentication],
        "is_kept": rollout.is_kept,
        "kept_until": _maybe(as_instant, rollout.kept_until),
        "quiet": rollout.quiet,
        "quiet_until": rollout.quiet_until,
        "is_tidied": rollout.is_tidied,
        "outbox": [encode_note(note) for note in rollout.outbox],
    }


def _decoded(fields: StoredFields) -> Rollout:
    settings, release, hold = _decode_settings(fields), _decode_release(fields), _decode_hold(fields)
    return Rollout(
        id=fields.text("id"),
        settings=settings,
        release=release,
        live=fields.word("live", SIDES),
        fence=fields.count("fence"),
        started_at=fields.instant("started_at"),
        phase_since=fields.instant("phase_since"),
        phase=fields.member("phase", Phase),
        revision=fields.count("revision"),
        execution=fields.text("execution"),
        caller=fields.text("caller"),
        reason=fields.text("reason"),
        weight=fields.percent("weight"),
        applied=fields.maybe(fields.percent, "applied"),
        applied_at=fields.maybe(fields.instant, "applied_at"),
        wanted_at=fields.maybe(fields.instant, "wanted_at"),
        is_test_routed=fields.flag("is_test_routed"),
        step=_decode_step(fields),
        step_minutes=fields.count("step_minutes"),
        needs=fields.count("needs"),
        desired=fields.count("desired"),
        minimums=_decode_minimums(fields),
        evidence=_decode_evidence(fields, "evidence", JointEvidence) if fields.has("evidence") else None,
        floors=_decode_floors(fields),
        ab=_decode_evidence(fields, "ab", AbEvidence) if fields.has("ab") else None,
        judged=fields.maybe(fields.whole, "judged"),
        said=tuple(map(_decode_assessment, fields.objects("said"))),
        hook=fields.count("hook"),
        hook_since=fields.maybe(fields.instant, "hook_since"),
        hook_details=fields.mapping("hook_details"),
        hold=hold,
        why_back=fields.text("why_back"),
        is_bad=fields.flag("is_bad"),
        is_expedited=fields.flag("is_expedited"),
        is_irreversible=fields.flag("is_irreversible"),
        is_quarantined=fields.flag("is_quarantined"),
        is_left_running=fields.flag("is_left_running"),
        takes_over=fields.flag("takes_over"),
        was=fields.number("was"),
        answered=fields.texts("answered"),
        is_baked=fields.flag("is_baked"),
        leaves=fields.text("leaves"),
        hotfix=fields.text("hotfix"),
        authentication=fields.mappings("authentication"),
        is_kept=fields.flag("is_kept"),
        kept_until=fields.maybe(fields.instant, "kept_until"),
        quiet=fields.count("quiet"),
        quiet_until=fields.maybe(fields.whole, "quiet_until"),
        is_tidied=fields.flag("is_tidied"),
        outbox=tuple(map(decode_note, fields.objects("outbox"))),
        extra=_not_ours(fields, settings, release, hold),
    )


def _maybe(write: Callable[[Given], Stored], value: Given | None) -> Stored | None:
    return None if value is None else write(value)


def _encode_release(release: Release) -> Json:
    return {"name": release.name, "image": release.image, "version": release.version}


def _encode_hold(hold: Hold) -> Json:
    return {
        "kind": hold.kind.value,
        "reason": hold.reason,
        "since": as_instant(hold.since),
        "until": as_instant(hold.until),
    }


def _encode_assessment(said: Assessment) -> Json:
    return {"guardrail": said.guardrail, "verdict": said.verdict.value, "reason": said.reason}


def encode_note(note: Note) -> Json:
    """A note as JSON values."""
    return {
        "at": as_instant(note.at),
        "event": note.event,
        "reason": note.reason,
        "caller": note.caller,
        "phase": note.phase,
        "weight": note.weight,
    }


def _decode_settings(fields: StoredFields) -> TargetSettings:
    return settings_from_dict(fields.value("settings"), fields.place("settings"))


def _decode_release(fields: StoredFields) -> Release:
    return (
        fields.inside("release")
        .with_defaults(_RELEASE_DEFAULTS)
        .built(lambda stored: Release(stored.text("name"), stored.text("image"), stored.text("version")))
    )


def _decode_hold(fields: StoredFields) -> Hold | None:
    if not fields.has("hold"):
        return None
    stored = fields.inside("hold")
    return Hold(
        stored.member("kind", HoldKind), stored.text("reason"), stored.instant("since"), stored.instant("until")
    )


def _decode_step(fields: StoredFields) -> int:
    step = fields.whole("step")
    if step < -1:
        raise ObservationError(f"{fields.place('step')} is below -1, which means none yet")
    return step


def _decode_minimums(fields: StoredFields) -> dict[Side, int]:
    stored = fields.inside("minimums")
    if not set(stored.names()) <= set(SIDES):
        raise ObservationError(f"{fields.place('minimums')} names a side that is neither {' nor '.join(SIDES)}")
    return {side: stored.count(side) for side in SIDES if side in stored.names()}


def _decode_floors(fields: StoredFields) -> dict[str, FloorEvidence]:
    stored = fields.inside("floors")
    return {name: _decode_evidence(stored, name, FloorEvidence) for name in stored.names()}


def _decode_evidence(fields: StoredFields, key: str, kind: type[Kind]) -> Kind:
    try:
        evidence = decode(fields.value(key))
    except ObservationError as error:
        raise ObservationError(f"in {fields.place(key)}, {str(error)[:300]}") from None
    if not isinstance(evidence, kind):
        raise ObservationError(f"{fields.place(key)} is {type(evidence).__name__}, not {kind.__name__}")
    return evidence


def _decode_assessment(fields: StoredFields) -> Assessment:
    return Assessment(fields.text("guardrail"), fields.member("verdict", Verdict), fields.text("reason"))


def decode_note(fields: StoredFields) -> Note:
    """What `encode_note` wrote."""
    known = fields.with_defaults({"phase": "", "weight": 0.0})
    return Note(
        known.instant("at"),
        known.text("event"),
        known.text("reason"),
        known.text("caller"),
        known.text("phase"),
        known.number("weight"),
    )


# What stays as it is for long, and so is kept whole when a later version has put more into it.
_LASTING: dict[str, Callable[[StoredFields], object]] = {
    "settings": _decode_settings,
    "release": _decode_release,
    "hold": _decode_hold,
}


def _not_ours(fields: StoredFields, settings: TargetSettings, release: Release, hold: Hold | None) -> Json:
    """What this version would not write, or would write otherwise."""
    ours: Json = {
        "settings": settings_to_dict(settings),
        "release": _encode_release(release),
        "hold": _maybe(_encode_hold, hold),
    }
    more = {key: fields.value(key) for key in fields.names() if key not in _KNOWN}
    return more | {key: fields.value(key) for key, value in ours.items() if fields.value(key) != value}


def _is_still(rollout: Rollout, key: str, value: object) -> bool:
    """Whether a known key's stored value, which says more than we can read, is still this rollout's."""
    read = _LASTING.get(key)
    return read is not None and read(StoredFields({key: value}, "the stored rollout")) == getattr(rollout, key)
