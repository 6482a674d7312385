"""Evidence as JSON and back: what an engine stored, the next version reads, and the one before it still can.

Rules of the format, which let a running rollout survive an update of the engine and CloudFormation's rollback of it:

- `schema` is the version that wrote; `reads` is the oldest version that can read it. A reader refuses only `reads`
  above its own version. Adding a key that may be ignored leaves `reads` alone.
- Keys that a reader does not know are ignored; keys that a writer did not know take their defaults.
- The bets travel with the capital: a later engine that would bet otherwise plays on with the bets of the start.
"""

import json
from collections.abc import Callable, Collection
from math import inf
from typing import TypeAlias, cast

from .ab_effect import AbEvidence
from .absolute_floor import AbsoluteFloor, FloorEvidence
from .comparison import Evidence, Mode, Terms
from .eprocess import Bets, EProcess, Form
from .errors import ConfigurationError, ObservationError
from .interval_window import IntervalWindow
from .joint_comparison import JointEvidence
from .stored_fields import StoredFields

SCHEMA = 1

AnyEvidence: TypeAlias = Evidence | FloorEvidence | JointEvidence | AbEvidence
Json: TypeAlias = dict[str, object]


def to_json(evidence: AnyEvidence) -> str:
    """`evidence` as one line of JSON; the same evidence always gives the same line."""
    return json.dumps(encode(evidence), allow_nan=False, separators=(",", ":"), sort_keys=True)


def from_json(text: str) -> AnyEvidence:
    """What `to_json` wrote, in this version or another. Raises ObservationError for anything else."""
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ObservationError(f"the stored evidence is no JSON: {error}") from None
    return decode(stored)


def encode(evidence: AnyEvidence) -> Json:
    """`evidence` as JSON values."""
    kind, body = _body(evidence)
    return {"schema": SCHEMA, "reads": 1, "kind": kind, **body}


def decode(stored: object) -> AnyEvidence:
    """The evidence behind JSON values. Raises ObservationError for what no engine can have written."""
    fields = StoredFields(stored, "the stored evidence")
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
        return "joint", {"members": members, "guilty": list(evidence.guilty)}
    if isinstance(evidence, AbEvidence):
        return "ab", {
            "process": _process(evidence.process),
            "live": [evidence.live.requests, evidence.live.bad],
            "candidate": [evidence.candidate.requests, evidence.candidate.bad],
            "intervals": evidence.intervals,
            "seen": _seen(evidence.seen),
        }
    common: Json = {
        "harm": _process(evidence.harm),
        "safety": _process(evidence.safety),
        "candidate": [evidence.candidate.requests, evidence.candidate.bad],
        "was_unhealthy": evidence.was_unhealthy,
        "was_healthy": evidence.was_healthy,
        "seen": _seen(evidence.seen),
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


def _seen(seen: IntervalWindow) -> Json:
    return {"newest": seen.newest, "counted": seen.counted}


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


def _read_process(fields: StoredFields) -> EProcess:
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
    return EProcess(bets, logs, fields.count("clock"))


def _read_one_sided(fields: StoredFields) -> EProcess:
    process = _read_process(fields)
    if not _are_playable(process.bets):
        raise ObservationError(
            "the stored evidence bets what cannot be bet: shares are above 0 and sum to 1, and all bets lie on one "
            "side of the null"
        )
    return process


def _read_grid(fields: StoredFields) -> EProcess:
    process = _read_process(fields)
    bets = process.bets
    ascend = all(before < after for before, after in zip((0.0, *bets.at), bets.at, strict=False))
    if bets.form is not Form.LIKELIHOOD or bets.pace is not None or not ascend or not _are_shares(bets.shares):
        raise ObservationError(
            "the stored evidence has a grid that is none: ratios are above 0 and ascend, their shares are above 0 and "
            "sum to 1, and nothing is held back"
        )
    return process


def _are_playable(bets: Bets) -> bool:
    if not _are_shares(bets.shares) or (bets.pace is not None and bets.pace <= 0):
        return False
    null, least, most = (1.0, 0.0, inf) if bets.form is Form.LIKELIHOOD else (0.0, -1.0, 1.0)
    return all(null < bet < most for bet in bets.at) or all(least < bet < null for bet in bets.at)


def _are_shares(parts: Collection[float]) -> bool:
    return min(parts) > 0 and abs(sum(parts) - 1) < 1e-6


def _read_seen(fields: StoredFields) -> IntervalWindow:
    if not fields.has("seen"):
        return IntervalWindow()
    seen = fields.inside("seen")
    return IntervalWindow(seen.whole("newest") if seen.has("newest") else None, seen.count("counted"))


def _comparison(fields: StoredFields) -> Evidence:
    stored = fields.inside("terms")
    terms = Terms(
        stored.number("false_alarm"),
        stored.number("margin"),
        stored.number("wrong_promotion"),
        cast("Mode", stored.text("mode")),  # Terms refuses any other text
        stored.number("negligible") if stored.has("negligible") else None,
    )
    if fields.has("calm") is (terms.negligible is None):
        raise ObservationError("the stored evidence has calm without a negligible rate, or such a rate without calm")
    return Evidence(
        terms,
        harm=_read_one_sided(fields.inside("harm")),
        safety=_read_one_sided(fields.inside("safety")),
        calm=_read_one_sided(fields.inside("calm")) if fields.has("calm") else None,
        live=fields.arm("live"),
        candidate=fields.arm("candidate"),
        intervals=fields.count("intervals"),
        was_unhealthy=fields.flag("was_unhealthy"),
        was_healthy=fields.flag("was_healthy"),
        seen=_read_seen(fields),
    )


def _floor(fields: StoredFields) -> FloorEvidence:
    floor = fields.inside("floor")
    return FloorEvidence(
        AbsoluteFloor(floor.number("success_percent"), floor.number("false_alarm"), floor.number("wrong_promotion")),
        harm=_read_one_sided(fields.inside("harm")),
        safety=_read_one_sided(fields.inside("safety")),
        candidate=fields.arm("candidate"),
        was_unhealthy=fields.flag("was_unhealthy"),
        was_healthy=fields.flag("was_healthy"),
        seen=_read_seen(fields),
    )


def _joint(fields: StoredFields) -> JointEvidence:
    inside = fields.inside("members")
    stored = {name: inside.inside(name) for name in inside.names()}
    if not stored:
        raise ObservationError("the stored evidence has no members: nobody would be asked")
    weights = {name: member.number("weight") for name, member in stored.items()}
    if not _are_shares(weights.values()):
        raise ObservationError("the stored evidence has weights that are not above 0 or do not sum to 1")
    members = {name: _comparison(member) for name, member in stored.items()}
    return JointEvidence(weights, members, fields.names_among(members, "guilty"))


def _ab(fields: StoredFields) -> AbEvidence:
    return AbEvidence(
        _read_grid(fields.inside("process")),
        live=fields.arm("live"),
        candidate=fields.arm("candidate"),
        intervals=fields.count("intervals"),
        seen=_read_seen(fields),
    )


_DECODERS: dict[str, Callable[[StoredFields], AnyEvidence]] = {
    "comparison": _comparison,
    "floor": _floor,
    "joint": _joint,
    "ab": _ab,
}
