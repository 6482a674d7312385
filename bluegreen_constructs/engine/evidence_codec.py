"""Evidence as JSON and back: what an engine stored, the next version reads, and the one before it still can.

Rules of the format, which let a running rollout survive an update of the engine and CloudFormation's rollback of it:

- `schema` is the version that wrote; `reads` is the oldest version that can read it. A reader refuses only `reads`
  above its own version. Adding a key that may be ignored leaves `reads` alone.
- Keys that a reader does not know are ignored; keys that a writer did not know take their defaults.
- The bets travel with the capital: a later engine that would bet otherwise plays on with the bets of the start.
"""

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TypeAlias, cast

from .absolute_floor import AbsoluteFloor, FloorEvidence
from .comparison import Evidence, Mode, Terms
from .eprocess import Bets, EProcess, Form
from .errors import ConfigurationError, ObservationError
from .interval_window import IntervalWindow
from .joint_comparison import JointEvidence
from .model import Arm

SCHEMA = 1

AnyEvidence: TypeAlias = Evidence | FloorEvidence | JointEvidence
Json: TypeAlias = dict[str, object]


def to_json(evidence: AnyEvidence) -> str:
    """`evidence` as one line of JSON; the same evidence always gives the same line."""
    return json.dumps(encode(evidence), allow_nan=False, separators=(",", ":"), sort_keys=True)


def from_json(text: str) -> AnyEvidence:
    """What `to_json` wrote, in this version or another. Raises ObservationError for anything else."""
    try:
        stored = json.loads(text)
    except ValueError as error:
        raise ObservationError(f"the stored evidence is no JSON: {error}") from None
    return decode(stored)


def encode(evidence: AnyEvidence) -> Json:
    """`evidence` as JSON values."""
    kind, body = _body(evidence)
    return {"schema": SCHEMA, "reads": 1, "kind": kind, **body}


def decode(stored: object) -> AnyEvidence:
    """The evidence behind JSON values. Raises ObservationError for what no engine can have written."""
    fields = _Fields(stored, "the stored evidence")
    reads = fields.whole("reads")
    if reads > SCHEMA:
        raise ObservationError(
            f"the stored evidence needs an engine that reads schema {reads}, and this one reads {SCHEMA}: update the "
            "engine, or abort the rollout"
        )
    kind = fields.text("kind")
    if kind not in _DECODERS:
        raise ObservationError(f"the stored evidence is of kind {kind!r}; this engine knows {', '.join(_DECODERS)}")
    try:
        return _DECODERS[kind](fields)
    except ConfigurationError as error:
        raise ObservationError(f"the stored evidence has impossible terms: {error}") from None


def _body(evidence: AnyEvidence) -> tuple[str, Json]:
    if isinstance(evidence, JointEvidence):
        members: Json = {
            name: {"weight": evidence.weights[name], **_body(member)[1]} for name, member in evidence.members.items()
        }
        return "joint", {"members": members, "was_unhealthy": evidence.was_unhealthy}
    common: Json = {
        "harm": _process(evidence.harm),
        "safety": _process(evidence.safety),
        "candidate": [evidence.candidate.requests, evidence.candidate.bad],
        "was_unhealthy": evidence.was_unhealthy,
        "was_healthy": evidence.was_healthy,
        "seen": {"newest": evidence.seen.newest, "counted": evidence.seen.counted},
    }
    if isinstance(evidence, FloorEvidence):
        floor = evidence.floor
        return "floor", common | {
            "floor": {
                "success_percent": floor.success_percent,
                "false_alarm": floor.false_alarm,
                "wrong_promotion": floor.wrong_promotion,
            }
        }
    terms = evidence.terms
    return "comparison", common | {
        "terms": {
            "false_alarm": terms.false_alarm,
            "margin": terms.margin,
            "wrong_promotion": terms.wrong_promotion,
            "mode": terms.mode,
            "negligible": terms.negligible,
        },
        "calm": None if evidence.calm is None else _process(evidence.calm),
        "live": [evidence.live.requests, evidence.live.bad],
        "intervals": evidence.intervals,
    }


def _process(process: EProcess) -> Json:
    bets = process.bets
    return {
        "form": bets.form.value,
        "at": list(bets.at),
        "shares": list(bets.shares),
        "pace": bets.pace,
        "logs": list(process.logs),
        "clock": process.clock,
    }


class _Fields:
    """A JSON object whose values are asked for by type; `where` names it in refusals."""

    def __init__(self, stored: object, where: str) -> None:
        if not isinstance(stored, Mapping):
            raise ObservationError(f"{where} is {type(stored).__name__}, not an object with keys")
        self._stored = stored
        self._where = where

    def _refused(self, key: str, wanted: str) -> ObservationError:
        given = repr(self._stored[key]) if key in self._stored else "missing"
        return ObservationError(f"{key} of {self._where} is {given}, not {wanted}")

    def has(self, key: str) -> bool:
        return self._stored.get(key) is not None

    def names(self) -> list[str]:
        return [str(key) for key in self._stored]

    def inside(self, key: str) -> "_Fields":
        return _Fields(self._stored.get(key), f"{key} of {self._where}")

    def whole(self, key: str) -> int:
        value = self._stored.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refused(key, "a whole number")
        return value

    def count(self, key: str) -> int:
        value = self.whole(key)
        if value < 0:
            raise self._refused(key, "zero or more")
        return value

    def number(self, key: str) -> float:
        value = self._stored.get(key)
        if not _is_number(value):
            raise self._refused(key, "a finite number")
        return cast("float", value)

    def flag(self, key: str) -> bool:
        value = self._stored.get(key)
        if not isinstance(value, bool):
            raise self._refused(key, "true or false")
        return value

    def text(self, key: str) -> str:
        value = self._stored.get(key)
        if not isinstance(value, str):
            raise self._refused(key, "a text")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        value = self._stored.get(key)
        if not isinstance(value, list) or not value or not all(map(_is_number, value)):
            raise self._refused(key, "a list of finite numbers")
        return tuple(float(number) for number in value)

    def arm(self, key: str) -> Arm:
        value = self._stored.get(key)
        if not isinstance(value, list) or len(value) != 2:
            raise self._refused(key, "[requests, bad]")
        return Arm(*value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _read_process(fields: _Fields) -> EProcess:
    form = fields.text("form")
    if form not in {known.value for known in Form}:
        raise ObservationError(
            f"the stored evidence bets by {form!r}, which this engine does not know: abort the rollout"
        )
    bets = Bets(
        Form(form),
        fields.numbers("at"),
        fields.numbers("shares"),
        fields.number("pace") if fields.has("pace") else None,
    )
    logs = fields.numbers("logs")
    if not len(bets.at) == len(bets.shares) == len(logs):
        raise ObservationError("the stored evidence has bets, shares and capital of different numbers")
    if (
        min(bets.shares) <= 0
        or (bets.pace is not None and bets.pace <= 0)
        or not all(map(_playable(bets.form), bets.at))
    ):
        raise ObservationError("the stored evidence bets what cannot be bet: shares, pace and ratios are above 0")
    return EProcess(bets, logs, fields.count("clock"))


def _playable(form: Form) -> Callable[[float], bool]:
    return (lambda ratio: ratio > 0) if form is Form.LIKELIHOOD else (lambda stake: -1 < stake < 1)


def _read_seen(fields: _Fields) -> IntervalWindow:
    if not fields.has("seen"):
        return IntervalWindow()
    seen = fields.inside("seen")
    return IntervalWindow(seen.whole("newest") if seen.has("newest") else None, seen.count("counted"))


def _comparison(fields: _Fields) -> Evidence:
    terms = fields.inside("terms")
    return Evidence(
        Terms(
            terms.number("false_alarm"),
            terms.number("margin"),
            terms.number("wrong_promotion"),
            cast("Mode", terms.text("mode")),  # Terms refuses any other text
            terms.number("negligible") if terms.has("negligible") else None,
        ),
        harm=_read_process(fields.inside("harm")),
        safety=_read_process(fields.inside("safety")),
        calm=_read_process(fields.inside("calm")) if fields.has("calm") else None,
        live=fields.arm("live"),
        candidate=fields.arm("candidate"),
        intervals=fields.count("intervals"),
        was_unhealthy=fields.flag("was_unhealthy"),
        was_healthy=fields.flag("was_healthy"),
        seen=_read_seen(fields),
    )


def _floor(fields: _Fields) -> FloorEvidence:
    floor = fields.inside("floor")
    return FloorEvidence(
        AbsoluteFloor(floor.number("success_percent"), floor.number("false_alarm"), floor.number("wrong_promotion")),
        harm=_read_process(fields.inside("harm")),
        safety=_read_process(fields.inside("safety")),
        candidate=fields.arm("candidate"),
        was_unhealthy=fields.flag("was_unhealthy"),
        was_healthy=fields.flag("was_healthy"),
        seen=_read_seen(fields),
    )


def _joint(fields: _Fields) -> JointEvidence:
    members = fields.inside("members")
    stored = {name: members.inside(name) for name in members.names()}
    if not stored:
        raise ObservationError("the stored evidence has no members: nobody would be asked")
    return JointEvidence(
        {name: member.number("weight") for name, member in stored.items()},
        {name: _comparison(member) for name, member in stored.items()},
        fields.flag("was_unhealthy"),
    )


_DECODERS: dict[str, Callable[[_Fields], AnyEvidence]] = {"comparison": _comparison, "floor": _floor, "joint": _joint}
