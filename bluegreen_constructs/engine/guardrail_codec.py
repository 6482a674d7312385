"""Guardrails as JSON values and back: what a construct was given, and what the engine judges by."""

from typing import cast

from .absolute_floor import AbsoluteFloor
from .comparison import ErrorComparison, Mode, Terms
from .guardrails import LatencyComparison, MetricComparison
from .stored_fields import StoredFields, as_seconds, without_defaults
from .target_settings import AlarmName, EngineGuardrail

Json = dict[str, object]

KINDS = ("errors", "latency", "metric", "floor", "alarm")

# What a key means that is left out. They are the format's own: a later engine with other defaults still reads what was
# meant when it was written.
_FLOOR: Json = {"false_alarm": 0.01, "wrong_promotion": 0.05}
_TERMS: Json = {**_FLOOR, "margin": 2.0, "mode": "independent", "negligible": None}
_METRIC: Json = {"dimensions": [], "side_dimension": "Side"}


def encode_guardrail(guardrail: EngineGuardrail) -> Json:
    """`guardrail` as JSON values, without what is the default; spans in seconds.

    `expected_rate` is left behind: only the check of the plan at synth reads it.
    """
    if isinstance(guardrail, AlarmName):
        return {"kind": "alarm", "alarm": guardrail.alarm}
    if isinstance(guardrail, AbsoluteFloor):
        odds = {"false_alarm": guardrail.false_alarm, "wrong_promotion": guardrail.wrong_promotion}
        return {
            "kind": "floor",
            "success_percent": guardrail.success_percent,
            **without_defaults(odds, _FLOOR),
        }
    if isinstance(guardrail, LatencyComparison):
        return {"kind": "latency", "slo_seconds": as_seconds(guardrail.bound), **_encode_terms(guardrail)}
    if isinstance(guardrail, MetricComparison):
        # Pairs, not an object: nothing forbids a dimension that is named twice.
        rest: Json = {
            "dimensions": [list(pair) for pair in guardrail.dimensions],
            "side_dimension": guardrail.side_dimension,
        }
        return {
            "kind": "metric",
            "namespace": guardrail.namespace,
            "bad": guardrail.bad,
            "total": guardrail.total,
            **without_defaults(rest, _METRIC),
            **_encode_terms(guardrail),
        }
    return {"kind": "errors", **_encode_terms(guardrail)}


def decode_guardrail(stored: StoredFields) -> EngineGuardrail:
    """The guardrail behind JSON values. Raises ObservationError for a kind or values that no engine has written.

    Raises ConfigurationError for terms that promise nothing; call it through `StoredFields.built`.
    """
    kind = stored.word("kind", KINDS)
    if kind == "alarm":
        return AlarmName(stored.text("alarm"))
    if kind == "floor":
        floor = stored.with_defaults(_FLOOR)
        return AbsoluteFloor(
            floor.number("success_percent"), floor.number("false_alarm"), floor.number("wrong_promotion")
        )
    fields = stored.with_defaults(_TERMS)
    false_alarm, margin = fields.number("false_alarm"), fields.number("margin")
    wrong_promotion = fields.number("wrong_promotion")
    mode = cast("Mode", fields.text("mode"))  # the comparison refuses any other text
    negligible = fields.maybe(fields.number, "negligible")
    if kind == "errors":
        return ErrorComparison(false_alarm, margin, wrong_promotion, mode, negligible)
    if kind == "latency":
        return LatencyComparison(false_alarm, margin, wrong_promotion, mode, negligible, slo=fields.span("slo_seconds"))
    fields = fields.with_defaults(_METRIC)
    return MetricComparison(
        false_alarm,
        margin,
        wrong_promotion,
        mode,
        negligible,
        namespace=fields.text("namespace"),
        bad=fields.text("bad"),
        total=fields.text("total"),
        dimensions=fields.pairs("dimensions"),
        side_dimension=fields.text("side_dimension"),
    )


def _encode_terms(terms: Terms) -> Json:
    return without_defaults({key: getattr(terms, key) for key in _TERMS}, _TERMS)
