"""The lint as a whole: whatever the values are it answers in sentences, and it says nothing of tokens."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluegreen_constructs.argo.lint import findings, refuse
from bluegreen_constructs.engine.errors import ConfigurationError
from tests.argo.edited_manifests import CANARY, POD, STEPS, accepts, edited
from tests.argo.good_manifests import blue_green, ping_pong, target_group_binding

TOKEN = "${Token[TOKEN.321]}"
NUMBER_TOKEN = -1.8881545897087504e289
ALL = [*ping_pong(), *blue_green()[1:], *target_group_binding()]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["web", "alb", "errors", "{{args.x}}", "{{", "0", "5m", "²", TOKEN, "use-annotation", "Rollout"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([way] if way else []), *(place for key, item in inner for place in places(item, (*way, key)))]


@given(st.lists(st.tuples(st.sampled_from(places(ALL)), JSON), min_size=1, max_size=4))
@settings(max_examples=400)
def test_whatever_the_values_are_the_answer_is_sentences(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    hostile: Any = deepcopy(ALL)
    for way, value in changes:
        here = hostile
        try:
            for key in way[:-1]:
                here = here[key]
            here[way[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    found = findings(hostile)
    assert all(isinstance(sentence, str) and sentence and not sentence.endswith(".") for sentence in found)
    assert list(found) == sorted(set(found))


@given(JSON)
def test_what_is_no_manifest_at_all_is_told_in_sentences(value: Any) -> None:
    assert findings([value])


@pytest.mark.parametrize("kind", sorted({str(item["kind"]) for item in ALL}))
@pytest.mark.parametrize(
    "hostile",
    [None, [], {}, "", 5, 10**5000, [[]], {"": {"": []}}, float("nan")],
    ids=["null", "list", "mapping", "text", "number", "long number", "lists", "mappings", "nan"],
)
def test_an_object_with_nothing_but_a_kind_is_told_in_sentences(kind: str, hostile: Any) -> None:
    bare = {"kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": hostile}
    assert findings([bare])  # it has no apiVersion at least
    assert findings([*ping_pong(), {**bare, "apiVersion": "v1", "metadata": hostile}])


def put(manifests: Any, way: tuple[Any, ...], value: Any) -> Any:
    """The manifests with the value at the place, as it is; the manifests themselves are left alone."""
    if not way:
        return value
    first, *rest = way
    inner = put(manifests[first], tuple(rest), value)
    if isinstance(manifests, dict):
        return {**manifests, first: inner}
    return [*manifests[:first], inner, *manifests[first + 1 :]]


def deep(levels: int) -> Any:
    """A value inside as many lists."""
    value: Any = "end"
    for _ in range(levels):
        value = [value]
    return value


SETS = {"ping_pong": ping_pong(), "blue_green": blue_green(), "bound": target_group_binding()}


@pytest.mark.parametrize("name", SETS)
def test_a_wrong_value_anywhere_is_told_in_sentences(name: str) -> None:
    values: list[Any] = [None, [[]], {"name": [], "kind": {}}, "", 7.5, deep(5_000)]
    for number, way in enumerate(places(SETS[name])):
        assert isinstance(findings(put(SETS[name], way, values[number % len(values)])), tuple)


def test_findings_of_a_manifest_do_not_change_it() -> None:
    before = ping_pong()
    manifests = ping_pong()
    findings(manifests)
    assert manifests == before


@pytest.mark.parametrize(
    "edits",
    [
        {"Service web-ping: spec.selector.app": TOKEN},
        {f"{CANARY}.pingPong.pingService": TOKEN, "Service web-ping: metadata.name": TOKEN},
        {f"{CANARY}.trafficRouting.alb.ingress": TOKEN, "Ingress web: metadata.name": TOKEN},
        {f"{CANARY}.trafficRouting.alb.servicePort": NUMBER_TOKEN},
        {f"{STEPS}.3.setWeight": NUMBER_TOKEN},
        {f"{STEPS}.4.analysis.templates.0.templateName": TOKEN},
        {f"{STEPS}.4.analysis.args.1.value": TOKEN},
        {f"{STEPS}.5.pause.duration": TOKEN},
        {f"{POD}.containers.0.image": TOKEN, f"{POD}.terminationGracePeriodSeconds": NUMBER_TOKEN},
        {"AnalysisTemplate web-errors: spec.metrics.0.interval": TOKEN},
        {"AnalysisTemplate web-errors: spec.metrics.0.count": TOKEN},
        {"AnalysisTemplate web-errors: spec.args.1.value": TOKEN},
        {"AnalysisTemplate web-smoke: spec.metrics.0.provider.web.url": f"http://{TOKEN}"},
        {"AnalysisTemplate web-smoke: spec.metrics.1.name": TOKEN},
        {"Ingress web: metadata.annotations.alb|ingress|kubernetes|io/listen-ports": TOKEN},
        {"Ingress web: metadata.annotations.alb|ingress|kubernetes|io/certificate-arn": TOKEN},
        {"Ingress web: metadata.annotations.alb|ingress|kubernetes|io/target-group-attributes": TOKEN},
        {"PodDisruptionBudget web: spec.minAvailable": TOKEN},
    ],
    ids=str,
)
def test_nothing_is_said_of_a_token(edits: Any) -> None:
    accepts(ping_pong, edits)


def test_manifests_in_a_namespace_that_is_a_token_are_clean() -> None:
    manifests: Any = ping_pong()
    for manifest in manifests:
        if manifest["metadata"].get("namespace"):
            manifest["metadata"]["namespace"] = TOKEN
    assert findings(manifests) == ()


def test_a_refusal_names_the_construct_and_every_finding() -> None:
    manifests = edited(ping_pong(), {f"{STEPS}.3.setWeight": 101, "Service web-ping: spec.ports": []})
    with pytest.raises(ConfigurationError) as refusal:
        refuse("Shop/Web", manifests)
    assert str(refusal.value).startswith("Shop/Web: ")
    assert all(sentence in str(refusal.value) for sentence in findings(manifests))


def test_a_clean_set_is_not_refused() -> None:
    refuse("Shop/Web", ping_pong())


def test_no_manifests_are_clean() -> None:
    assert findings([]) == ()
