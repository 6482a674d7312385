"""A target's settings as JSON and back: a construct writes them at synth, the engine and the command line read them.

Rules of the format:

- `schema` is the version that wrote; `reads` is the oldest version that can read it. A reader refuses only `reads`
  above its own version. Keys that a reader does not know are ignored.
- What is the default is left out, because a parameter of the standard tier holds 4 KB. What a missing key means is
  fixed below for this schema: a later version whose defaults differ writes its own, and reads ours as they were meant.
- Texts are passed on as they are: at synth an ARN is a token, which nobody may look into.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Literal

from .code_deploy_settings_codec import decode_code_deploy, encode_code_deploy
from .errors import ConfigurationError
from .guardrail_codec import decode_guardrail, encode_guardrail
from .slot_settings_codec import decode_slots, encode_slots
from .stored_fields import StoredFields, as_seconds, without_defaults
from .strategy import Step
from .target_settings import Compute, Controller, HookSettings, SideSettings, TargetSettings
from .warm_pool import POOL_STATES, WarmPool

SCHEMA = 1

Json = dict[str, object]

_SPANS = {
    "bake": 900,
    "patience": 1800,
    "hold_timeout": 86_400,
    "prepare_timeout": 1200,
    "restore_timeout": 600,
    "deadline": 129_600,
    "drain_timeout": 1800,
    "keep": 0,
    "metric_lag": 60,
}
_DEFAULTS: Json = {
    "load_balancer": "",
    "steps": [],
    "split": None,
    "test_rule_arns": [],
    "guardrails": [],
    "hooks": [],
    "stickiness_seconds": None,
    "hold_back": 5.0,
    "retained": 5,
    "shares_load_balancer": True,
    "controller": "engine",
    "is_judged": True,
    "slots": None,
    "codedeploy": None,
    **{f"{name}_seconds": default for name, default in _SPANS.items()},
}
_SIDE_DEFAULTS: Json = {
    "metric_name": "",
    "cluster": "",
    "service": "",
    "container": "",
    "auto_scaling_group": "",
    "scalable": False,
    "named": False,
    "warm_pool": None,
}
_POOL_DEFAULTS: Json = {"minimum": 0, "most_prepared": None, "state": "Stopped", "reuse": False}
_HOOK_DEFAULTS: Json = {"function_arn": "", "details": {}, "stage": "TESTING", "timeout_seconds": 3600}
_CONTROLLERS: tuple[Controller, ...] = ("engine", "ecs", "slots", "codedeploy")
_STAGES: tuple[Literal["TESTING"], Literal["BAKING"]] = ("TESTING", "BAKING")


def settings_to_json(settings: TargetSettings) -> str:
    """`settings` as one line of JSON; the same settings always give the same line.

    Raises ConfigurationError when a hook's details hold what JSON cannot.
    """
    try:
        return json.dumps(settings_to_dict(settings), allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"the settings of {settings.target} cannot be written as JSON: {error}: give hooks plain values as details"
        ) from None


def settings_from_json(text: str) -> TargetSettings:
    """What `settings_to_json` wrote, in this version or another. Raises ObservationError for anything else."""
    return _settings(StoredFields.of_json(text, "the settings parameter"))


def settings_to_dict(settings: TargetSettings) -> Json:
    """`settings` as JSON values, in one order; for `Stack.to_json_string`, which resolves the tokens in them."""
    values: Json = {
        "schema": SCHEMA,
        "reads": 1,
        "target": settings.target,
        "rule_arn": settings.rule_arn,
        "load_balancer": settings.load_balancer,
        "blue": _encode_side(settings.blue),
        "green": _encode_side(settings.green),
        "steps": _encode_steps(settings.steps),
        "split": settings.split,
        "test_rule_arns": list(settings.test_rule_arns),
        "guardrails": [encode_guardrail(guardrail) for guardrail in settings.guardrails],
        "hooks": [_encode_hook(hook) for hook in settings.hooks],
        "stickiness_seconds": settings.stickiness_seconds,
        "hold_back": settings.hold_back,
        "retained": settings.retained,
        "shares_load_balancer": settings.shares_load_balancer,
        "controller": settings.controller,
        "is_judged": settings.is_judged,
        "slots": None if settings.slots is None else encode_slots(settings.slots),
        "codedeploy": None if settings.codedeploy is None else encode_code_deploy(settings.codedeploy),
    }
    spans: Json = {f"{name}_seconds": as_seconds(getattr(settings, name)) for name in _SPANS}
    return without_defaults(values | spans, _DEFAULTS)


def settings_from_dict(stored: object, where: str = "the settings parameter") -> TargetSettings:
    """The settings behind JSON values; `where` names them in refusals.

    Raises ObservationError for what no version of the constructs can have written.
    """
    return _settings(StoredFields(stored, where))


def _settings(fields: StoredFields) -> TargetSettings:
    fields.refuse_above(SCHEMA, "update the engine and the command line to the version that wrote it")
    return fields.with_defaults(_DEFAULTS).built(_decoded)


def _decoded(fields: StoredFields) -> TargetSettings:
    spans = {name: fields.span(f"{name}_seconds") for name in _SPANS}
    return TargetSettings(
        target=fields.text("target"),
        rule_arn=fields.text("rule_arn"),
        load_balancer=fields.text("load_balancer") or _balancer_of(fields.text("rule_arn")),
        blue=_decode_side(fields.inside("blue")),
        green=_decode_side(fields.inside("green")),
        steps=tuple(step for group in fields.objects("steps") for step in group.built(_decode_steps)),
        split=fields.maybe(fields.percent, "split"),
        test_rule_arns=fields.texts("test_rule_arns"),
        guardrails=tuple(one.built(decode_guardrail) for one in fields.objects("guardrails")),
        hooks=tuple(map(_decode_hook, fields.objects("hooks"))),
        stickiness_seconds=fields.maybe(fields.count, "stickiness_seconds"),
        hold_back=fields.percent("hold_back"),
        retained=fields.count("retained"),
        shares_load_balancer=fields.flag("shares_load_balancer"),
        controller=fields.word("controller", _CONTROLLERS),
        is_judged=fields.flag("is_judged"),
        slots=decode_slots(fields.inside("slots")) if fields.has("slots") else None,
        codedeploy=decode_code_deploy(fields.inside("codedeploy")) if fields.has("codedeploy") else None,
        **spans,
    )


def _balancer_of(rule_arn: str) -> str:
    """`app/name/id` of `...:listener-rule/app/name/id/listener/rule`; metrics call a load balancer so."""
    return "/".join(rule_arn.split("/")[1:4])


def _encode_steps(steps: Sequence[Step]) -> list[Json]:
    """Percents under the bake that they share: a thousand equal steps fit a parameter."""
    return [
        {"bake_seconds": as_seconds(bake), "percents": [_plain(step.percent) for step in group]}
        for bake, group in groupby(steps, key=_bake)
    ]


def _bake(step: Step) -> timedelta:
    return step.span


def _plain(percent: float) -> float:
    return int(percent) if percent == int(percent) else percent


def _decode_steps(fields: StoredFields) -> list[Step]:
    bake = fields.span("bake_seconds")
    return [Step(percent, bake) for percent in fields.numbers("percents")]


def _encode_side(side: SideSettings) -> Json:
    values: Json = {
        "group_arn": side.group_arn,
        "metric_name": side.metric_name,
        "compute": side.compute.value,
        "cluster": side.cluster,
        "service": side.service,
        "container": side.container,
        "auto_scaling_group": side.auto_scaling_group,
        "scalable": side.scalable,
        "named": side.named,
        "warm_pool": None if side.warm_pool is None else _encode_pool(side.warm_pool),
    }
    return without_defaults(values, _SIDE_DEFAULTS)


def _decode_side(stored: StoredFields) -> SideSettings:
    fields = stored.with_defaults(_SIDE_DEFAULTS)
    return SideSettings(
        group_arn=fields.text("group_arn"),
        metric_name=fields.text("metric_name") or fields.text("group_arn").rpartition(":")[2],
        compute=fields.member("compute", Compute),
        cluster=fields.text("cluster"),
        service=fields.text("service"),
        container=fields.text("container"),
        auto_scaling_group=fields.text("auto_scaling_group"),
        scalable=fields.flag("scalable"),
        named=fields.flag("named"),
        warm_pool=fields.inside("warm_pool").built(_decode_pool) if fields.has("warm_pool") else None,
    )


def _encode_pool(pool: WarmPool) -> Json:
    values: Json = {
        "minimum": pool.minimum,
        "most_prepared": pool.most_prepared,
        "state": pool.state,
        "reuse": pool.reuse,
    }
    return without_defaults(values, _POOL_DEFAULTS)


def _decode_pool(stored: StoredFields) -> WarmPool:
    fields = stored.with_defaults(_POOL_DEFAULTS)
    return WarmPool(
        minimum=fields.count("minimum"),
        most_prepared=fields.maybe(fields.count, "most_prepared"),
        state=fields.word("state", POOL_STATES),
        reuse=fields.flag("reuse"),
    )


def _encode_hook(hook: HookSettings) -> Json:
    values: Json = {
        "name": hook.name,
        "function_arn": hook.function_arn,
        "details": dict(hook.details),
        "stage": hook.stage,
        "timeout_seconds": as_seconds(hook.timeout),
    }
    return without_defaults(values, _HOOK_DEFAULTS)


def _decode_hook(stored: StoredFields) -> HookSettings:
    fields = stored.with_defaults(_HOOK_DEFAULTS)
    return HookSettings(
        name=fields.text("name"),
        function_arn=fields.text("function_arn"),
        details=fields.mapping("details"),
        stage=fields.word("stage", _STAGES),
        timeout=fields.span("timeout_seconds"),
    )
