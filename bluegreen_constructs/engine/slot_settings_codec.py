"""The slots of a target's settings as JSON and back; the rules of the format are those of `settings_codec`."""

from collections.abc import Mapping

from .slot_settings import SlotSettings, SlotSide, SlotsSettings, WarmUpSettings
from .stored_fields import StoredFields, as_seconds, without_defaults
from .strategy import Step

Json = dict[str, object]

_SLOT_DEFAULTS: Json = {"host_rule": "", "choice_rules": [], "minimum": 1, "maximum": 1, "auto_swap": False}
_WARM_UP_DEFAULTS: Json = {
    "function_arn": "",
    "path": "/",
    "least": 200,
    "most": 299,
    "in_a_row": 3,
    "timeout_seconds": 90,
    "attempts": 5,
}
_DEFAULTS: Json = {
    "sticky": [],
    "host": "",
    "scheme": "https",
    "stack": "",
    "role_parameter": "",
    "warm_up": {},
    "preview_ttl_seconds": 86_400,
    "is_preview_open": False,
    "canary": None,
    "activation_arn": "",
}


def encode_slots(slots: SlotsSettings) -> Json:
    """`slots` as JSON values, without what is the default."""
    values: Json = {
        "cluster": slots.cluster,
        "container": slots.container,
        "sides": [
            {"name": one.name, "group_arn": one.group_arn, "service": one.service, "family": one.family}
            for one in slots.sides
        ],
        "slots": [_encode_slot(slot) for slot in slots.slots],
        "sticky": list(slots.sticky),
        "host": slots.host,
        "scheme": slots.scheme,
        "stack": slots.stack,
        "role_parameter": slots.role_parameter,
        "warm_up": _encode_warm_up(slots.warm_up),
        "preview_ttl_seconds": as_seconds(slots.preview_ttl),
        "is_preview_open": slots.is_preview_open,
        "canary": encode_canary(slots.canary),
        "activation_arn": slots.activation_arn,
    }
    return without_defaults(values, _DEFAULTS)


def decode_slots(stored: StoredFields) -> SlotsSettings:
    """The slots behind JSON values. Raises ObservationError for what no version of the constructs can have written."""
    fields = stored.with_defaults(_DEFAULTS)
    return SlotsSettings(
        cluster=fields.text("cluster"),
        container=fields.text("container"),
        sides=tuple(
            SlotSide(one.text("name"), one.text("group_arn"), one.text("service"), one.text("family"))
            for one in fields.objects("sides")
        ),
        slots=tuple(_decode_slot(one) for one in fields.objects("slots")),
        sticky=fields.texts("sticky"),
        host=fields.text("host"),
        scheme=fields.text("scheme"),
        stack=fields.text("stack"),
        role_parameter=fields.text("role_parameter"),
        warm_up=_decode_warm_up(fields.inside("warm_up")),
        preview_ttl=fields.span("preview_ttl_seconds"),
        is_preview_open=fields.flag("is_preview_open"),
        canary=decode_canary(fields, "canary"),
        activation_arn=fields.text("activation_arn"),
    )


def encode_canary(canary: Step | None) -> Mapping[str, object] | None:
    """A share of the traffic for some time; None for none."""
    return None if canary is None else {"percent": canary.percent, "bake_seconds": as_seconds(canary.span)}


def decode_canary(fields: StoredFields, key: str) -> Step | None:
    """What `encode_canary` wrote behind a key."""
    if not fields.has(key):
        return None
    inside = fields.inside(key)
    return Step(inside.percent("percent"), inside.span("bake_seconds"))


def _encode_slot(slot: SlotSettings) -> Json:
    values: Json = {
        "name": slot.name,
        "definition": slot.definition,
        "host_rule": slot.host_rule_arn,
        "choice_rules": list(slot.choice_rule_arns),
        "minimum": slot.minimum,
        "maximum": slot.maximum,
        "auto_swap": slot.auto_swap,
    }
    return without_defaults(values, _SLOT_DEFAULTS)


def _decode_slot(stored: StoredFields) -> SlotSettings:
    fields = stored.with_defaults(_SLOT_DEFAULTS)
    return SlotSettings(
        name=fields.text("name"),
        definition=fields.text("definition"),
        host_rule_arn=fields.text("host_rule"),
        choice_rule_arns=fields.texts("choice_rules"),
        minimum=fields.count("minimum"),
        maximum=fields.count("maximum"),
        auto_swap=fields.flag("auto_swap"),
    )


def _encode_warm_up(warm_up: WarmUpSettings) -> Json:
    values: Json = {
        "function_arn": warm_up.function_arn,
        "path": warm_up.path,
        "least": warm_up.least,
        "most": warm_up.most,
        "in_a_row": warm_up.in_a_row,
        "timeout_seconds": as_seconds(warm_up.timeout),
        "attempts": warm_up.attempts,
    }
    return without_defaults(values, _WARM_UP_DEFAULTS)


def _decode_warm_up(stored: StoredFields) -> WarmUpSettings:
    fields = stored.with_defaults(_WARM_UP_DEFAULTS)
    return WarmUpSettings(
        function_arn=fields.text("function_arn"),
        path=fields.text("path"),
        least=fields.count("least"),
        most=fields.count("most"),
        in_a_row=fields.count("in_a_row"),
        timeout=fields.span("timeout_seconds"),
        attempts=fields.count("attempts"),
    )
