"""Stored settings: small, the same after reading, read across versions, refused in a sentence when they are none."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from example_rollouts import (
    CODE_DEPLOY_FIELDS,
    HOOK_FIELDS,
    POOL_FIELDS,
    SETTINGS,
    SETTINGS_FIELDS,
    SIDE_FIELDS,
    SPANS,
    TERMS,
    places,
    settings,
    side,
    spoil,
    with_more,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bluegreen_constructs.engine.code_deploy_settings import CodeDeploySettings
from bluegreen_constructs.engine.errors import ConfigurationError, ObservationError
from bluegreen_constructs.engine.guardrails import AbsoluteFloor, ErrorComparison, LatencyComparison, MetricComparison
from bluegreen_constructs.engine.settings_codec import (
    settings_from_dict,
    settings_from_json,
    settings_to_dict,
    settings_to_json,
)
from bluegreen_constructs.engine.strategy import Linear, Step
from bluegreen_constructs.engine.target_settings import (
    AlarmName,
    Compute,
    HookSettings,
    SideSettings,
    TargetSettings,
)
from bluegreen_constructs.engine.warm_pool import WarmPool

RECORDED = Path(__file__).parent / "recorded" / "settings_schema_1.json"
METRIC_FIELDS = ("namespace", "bad", "total", "dimensions", "side_dimension")
STANDARD_TIER = 4096
ADVANCED_TIER = 8192


def least() -> TargetSettings:
    fixed = SideSettings("b", "b", Compute.FIXED)
    return TargetSettings("Serving/Model", "rule", "app/serving/1", fixed, replace(fixed, group_arn="g"))


@hypothesis_settings(deadline=None, max_examples=60)
@given(SETTINGS)
def test_settings_are_the_same_after_writing_and_reading(given_settings: TargetSettings) -> None:
    assert settings_from_json(settings_to_json(given_settings)) == given_settings
    assert settings_from_dict(settings_to_dict(given_settings)) == given_settings


@pytest.mark.parametrize(
    ("kind", "tried"),
    [
        (TargetSettings, {*SETTINGS_FIELDS}),
        (SideSettings, {*SIDE_FIELDS}),
        (WarmPool, {*POOL_FIELDS}),
        (CodeDeploySettings, {*CODE_DEPLOY_FIELDS}),
        (HookSettings, {*HOOK_FIELDS}),
        (ErrorComparison, {*TERMS, "mode"}),
        (LatencyComparison, {*TERMS, "mode", "slo", "expected_rate"}),
        (MetricComparison, {*TERMS, "mode", *METRIC_FIELDS, "expected_rate"}),
        (AbsoluteFloor, {"success_percent", "false_alarm", "wrong_promotion"}),
        (AlarmName, {"alarm"}),
        (Step, {"percent", "bake"}),
    ],
)
def test_no_field_was_forgotten_when_settings_were_tried(kind: type, tried: set[str]) -> None:
    assert {one.name for one in fields(kind)} == tried


def test_an_ordinary_target_fits_a_parameter_of_the_standard_tier() -> None:
    assert len(settings_to_json(settings())) < STANDARD_TIER * 0.6


def test_a_hundred_steps_fit_the_standard_tier_and_a_thousand_the_advanced_one() -> None:
    minute = timedelta(minutes=1)
    assert len(settings_to_json(replace(settings(), steps=Linear(1, minute).steps()))) < STANDARD_TIER
    finest = replace(settings(), steps=Linear(0.1, minute).steps())
    assert len(settings_to_json(finest)) < ADVANCED_TIER
    assert settings_from_json(settings_to_json(finest)) == finest


def test_steps_stay_in_their_order_when_bakes_repeat() -> None:
    one, two = timedelta(minutes=1), timedelta(minutes=2)
    given_settings = replace(settings(), steps=(Step(1, one), Step(2, one), Step(3, two), Step(4, one)))
    assert settings_to_dict(given_settings)["steps"] == [
        {"bake_seconds": 60, "percents": [1, 2]},
        {"bake_seconds": 120, "percents": [3]},
        {"bake_seconds": 60, "percents": [4]},
    ]
    assert settings_from_json(settings_to_json(given_settings)) == given_settings


def test_what_is_the_default_is_left_out() -> None:
    assert settings_to_dict(least()) == {
        "schema": 1,
        "reads": 1,
        "target": "Serving/Model",
        "rule_arn": "rule",
        "load_balancer": "app/serving/1",
        "blue": {"group_arn": "b", "metric_name": "b", "compute": "fixed"},
        "green": {"group_arn": "g", "metric_name": "b", "compute": "fixed"},
    }


def test_what_schema_1_left_out_means_the_same_for_ever() -> None:
    # Not compared with the defaults of TargetSettings: those may change, a rollout that runs must not.
    read = settings_from_json(settings_to_json(least()))
    assert (read.steps, read.split, read.test_rule_arns, read.guardrails, read.hooks) == ((), None, (), (), ())
    assert (read.stickiness_seconds, read.hold_back, read.retained, read.shares_load_balancer) == (None, 5.0, 5, True)
    minutes = [getattr(read, name) / timedelta(minutes=1) for name in SPANS]
    assert minutes == [15, 30, 1440, 20, 10, 2160, 30, 0, 1]
    assert read.blue == SideSettings("b", "b", Compute.FIXED, "", "", "", "", False)
    stored = settings_to_dict(least()) | {
        "guardrails": [
            {"kind": "errors"},
            {"kind": "floor", "success_percent": 99},
            {"kind": "metric", "namespace": "M", "bad": "b", "total": "t"},
        ],
        "hooks": [{"name": "owner"}],
    }
    more = settings_from_dict(stored)
    errors, floor, metric = more.guardrails
    assert [getattr(errors, name) for name in ("false_alarm", "margin", "wrong_promotion", "mode", "negligible")] == [
        0.01,
        2.0,
        0.05,
        "independent",
        None,
    ]
    assert [getattr(floor, name) for name in ("false_alarm", "wrong_promotion")] == [0.01, 0.05]
    assert isinstance(metric, MetricComparison)
    assert (metric.dimensions, metric.side_dimension) == ((), "Side")
    assert more.hooks == (HookSettings("owner", "", {}, "TESTING", timedelta(hours=1)),)


def test_spans_are_seconds() -> None:
    stored = settings_to_dict(replace(settings(), metric_lag=timedelta(seconds=90)))
    slow = [one for one in stored["guardrails"] if one["kind"] == "latency"]  # type: ignore[attr-defined]
    assert (stored["bake_seconds"], stored["metric_lag_seconds"]) == (1200, 90)
    assert slow == [{"kind": "latency", "slo_seconds": 0.8, "margin": 1.5}]


def test_texts_pass_untouched_because_they_are_tokens_at_synth() -> None:
    tokens = [f"${{Token[TOKEN.{number}]}}" for number in range(6)]
    given_settings = replace(
        least(),
        rule_arn=tokens[0],
        load_balancer=tokens[1],
        blue=replace(side("Blue"), group_arn=tokens[2]),
        test_rule_arns=(tokens[3],),
        hooks=(HookSettings("smoke", tokens[4]),),
        guardrails=(AlarmName(tokens[5]),),
    )

    def texts(value: object) -> list[str]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return [value] if isinstance(value, str) else [text for one in inner for text in texts(one)]

    assert {id(token) for token in tokens} <= {id(text) for text in texts(settings_to_dict(given_settings))}


def test_the_keys_come_in_one_order_so_that_a_template_does_not_change_by_itself() -> None:
    assert json.dumps(settings_to_dict(settings())) == json.dumps(settings_to_dict(settings()))
    again = settings_from_json(settings_to_json(settings()))
    assert json.dumps(settings_to_dict(again)) == json.dumps(settings_to_dict(settings()))


def test_the_expected_rate_stays_at_synth() -> None:
    slow = LatencyComparison(slo=timedelta(seconds=1), expected_rate=0.03)
    read = settings_from_json(settings_to_json(replace(least(), guardrails=(slow,))))
    assert read.guardrails == (LatencyComparison(slo=timedelta(seconds=1)),)


def test_what_schema_1_wrote_is_still_read() -> None:
    assert settings_from_json(RECORDED.read_text(encoding="utf-8")) == settings()


def test_this_version_writes_what_schema_1_did() -> None:
    written, recorded = settings_to_dict(settings()), json.loads(RECORDED.read_text(encoding="utf-8"))
    assert {key: written[key] for key in recorded} == recorded


def test_a_later_writer_may_add_keys_anywhere() -> None:
    later = with_more(settings_to_dict(settings()))
    assert isinstance(later, dict)
    assert settings_from_json(json.dumps(later | {"schema": 7})) == settings()


def test_hooks_with_details_that_json_cannot_hold_are_refused() -> None:
    spoiled = replace(settings(), hooks=(HookSettings("smoke", "arn", {"at": timedelta()}),))
    with pytest.raises(ConfigurationError, match=r"Serving/Model cannot be written .* give hooks plain values"):
        settings_to_json(spoiled)
    with pytest.raises(ConfigurationError, match="give hooks plain values"):
        settings_to_json(replace(settings(), hooks=(HookSettings("smoke", "arn", {"at": float("nan")}),)))


def change(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda stored: stored | changes


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (
            change(reads=2),
            "settings parameter needs an engine that reads schema 2, and this one reads 1: update the engine",
        ),
        (change(reads=None), "reads of the settings parameter is None, not a whole number"),
        (change(target=3), "target of the settings parameter is 3, not a text"),
        (change(blue=None), "blue of the settings parameter is NoneType, not an object"),
        (change(blue={"group_arn": "b"}), "compute of blue of the settings parameter is missing"),
        (
            change(green={"group_arn": "b", "metric_name": "b", "compute": "mainframe"}),
            "compute of green of the settings parameter is 'mainframe', not one of ecs, asg, fixed, lambda",
        ),
        (change(bake_seconds=-1), "bake_seconds of the settings parameter is -1, not seconds"),
        (change(bake_seconds=1e12), "seconds, from zero to a century"),
        (change(deadline_seconds=None), "deadline_seconds of the settings parameter is None, not a finite number"),
        (change(hold_back=101), "hold_back of the settings parameter is 101, not a percentage"),
        (change(test_rule_arns=["a", 1]), r"test_rule_arns of the settings parameter is \['a', 1\], not a list of te"),
        (change(steps={}), "steps of the settings parameter is {}, not a list of objects"),
        (
            change(steps=[{"percents": [0.05], "bake_seconds": 60}]),
            r"steps\[0\] of the settings parameter is impossible: a step's percent is 0.05",
        ),
        (
            change(guardrails=[{"kind": "errors"}, {"kind": "hunch"}]),
            r"kind of guardrails\[1\] of the settings .*'hunch'",
        ),
        (
            change(guardrails=[{"kind": "errors", "margin": 1}]),
            r"guardrails\[0\] of the settings parameter is impossible: margin is 1",
        ),
        (change(guardrails=[{"kind": "latency"}]), r"slo_seconds of guardrails\[0\] .* is missing"),
        (
            change(guardrails=[{"kind": "metric", "namespace": "M", "bad": "b", "total": "t", "dimensions": [["a"]]}]),
            r"dimensions of guardrails\[0\] of the settings parameter is \[\['a'\]\], not a list of \[name, value\]",
        ),
        (change(hooks=[{"name": "x", "stage": "LATER"}]), "'LATER', not one of TESTING, BAKING"),
        (change(hooks=["x"]), r"hooks\[0\] of the settings parameter is str, not an object"),
    ],
)
def test_what_no_construct_can_have_written_is_refused_in_a_sentence(
    spoiled: Callable[[dict[str, object]], dict[str, object]], words: str
) -> None:
    with pytest.raises(ObservationError, match=words) as refusal:
        settings_from_json(json.dumps(spoiled(settings_to_dict(settings()))))
    assert not str(refusal.value).endswith(".")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"reads":NaN}', '{"reads":1e999}', "[" * 200_000])
def test_what_is_not_even_an_object_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ObservationError, match="the settings parameter is"):
        settings_from_json(text)


@pytest.mark.parametrize("key", ["target", "rule_arn", "blue", "green", "reads"])
def test_what_has_no_default_is_asked_for(key: str) -> None:
    stored = settings_to_dict(settings())
    del stored[key]
    with pytest.raises(ObservationError, match=f"{key} of the settings parameter is"):
        settings_from_dict(stored)


@hypothesis_settings(deadline=None, max_examples=300)
@given(st.data())
def test_settings_with_one_thing_replaced_are_read_or_refused_and_never_fail_otherwise(data: st.DataObject) -> None:
    stored = json.loads(settings_to_json(settings()))
    spoil(stored, data.draw(st.sampled_from(places(stored))), data)
    text = json.dumps(stored)
    refusal = refused(text)
    if refusal:
        assert "settings parameter" in refusal
        assert len(refusal) < 600
    else:
        read = settings_from_json(text)
        assert settings_from_json(settings_to_json(read)) == read


def refused(text: str) -> str:
    try:
        settings_from_json(text)
    except ObservationError as refusal:
        return str(refusal)
    return ""


def test_a_refusal_does_not_quote_all_of_what_is_stored() -> None:
    with pytest.raises(ObservationError) as refusal:
        settings_from_dict(settings_to_dict(settings()) | {"bake_seconds": ["x" * 5000]})
    assert len(str(refusal.value)) < 200


def test_names_in_metrics_are_read_from_arns_where_they_are_left_out() -> None:
    stored = settings_to_dict(settings())
    del stored["load_balancer"], stored["blue"]["metric_name"]
    assert settings_from_dict(stored) == settings()


def test_a_target_without_a_controller_is_the_engines_and_judged() -> None:
    stored = settings_to_dict(settings())
    assert not {"controller", "is_judged"} & set(stored)
    assert (settings_from_dict(stored).controller, settings_from_dict(stored).is_judged) == ("engine", True)
    by_ecs = replace(settings(), controller="ecs", is_judged=False)
    assert settings_from_json(settings_to_json(by_ecs)) == by_ecs


def test_instances_under_codedeploy_of_which_an_earlier_version_said_no_number_are_read() -> None:
    where = CodeDeploySettings("App", "Blue", platform="Server", size=4, size_alarm="App/HealthyInstances")
    stored = settings_to_dict(replace(settings(), controller="codedeploy", codedeploy=where))
    read = settings_from_dict(stored).codedeploy
    assert read == where
    del stored["codedeploy"]["size"], stored["codedeploy"]["size_alarm"]
    assert settings_from_dict(stored).codedeploy == replace(where, size=0, size_alarm="")


def test_a_controller_that_nobody_has_is_refused() -> None:
    stored = settings_to_dict(settings()) | {"controller": "spinnaker"}
    with pytest.raises(ObservationError, match="controller of the settings parameter is 'spinnaker', not one of engi"):
        settings_from_dict(stored)


@pytest.mark.parametrize(
    ("pool", "sentence"),
    [
        ({"minimum": -1}, "minimum of warm_pool of blue of the settings parameter is -1, not zero or more"),
        ({"most_prepared": 1.5}, "most_prepared of warm_pool of blue of the settings parameter is 1.5"),
        ({"state": "Asleep"}, "state of warm_pool of blue of the settings parameter is 'Asleep', not one of Stopped"),
        ({"reuse": "yes"}, "reuse of warm_pool of blue of the settings parameter is 'yes', not true or false"),
    ],
)
def test_a_pool_that_no_construct_writes_is_refused(pool: dict[str, object], sentence: str) -> None:
    stored = settings_to_dict(settings())
    stored["blue"] = {**stored["blue"], "warm_pool": pool}  # type: ignore[dict-item]
    with pytest.raises(ObservationError, match=sentence):
        settings_from_dict(stored)
