"""Manifests against the schemas of an API server, without one."""

from pathlib import Path
from typing import Any

import pytest

from tests.argo.edited_manifests import BLUE_GREEN, CANARY, METRIC, POD, REMOVED, STEPS, edited, name_of
from tests.argo.good_manifests import blue_green, ping_pong, target_group_binding
from tests.argo.schemas import violations


@pytest.mark.parametrize("good", [ping_pong, blue_green, target_group_binding])
def test_good_manifests_are_clean(good: Any) -> None:
    assert {str(item["kind"]): violations(item) for item in good() if violations(item)} == {}


@pytest.mark.parametrize(
    ("good", "edits", "sentence"),
    [
        (ping_pong, {f"{CANARY}.pingpong": {}}, "'pingpong' was unexpected"),
        (ping_pong, {f"{STEPS}.0.setWeigth": 5}, "'setWeigth' was unexpected"),
        (ping_pong, {f"{POD}.containers.0.imagePullPolcy": "Always"}, "'imagePullPolcy' was unexpected"),
        (ping_pong, {f"{POD}.containers.0.lifecycle.preStop": {"exec": {"comand": []}}}, "'comand' was unexpected"),
        (ping_pong, {f"{STEPS}.3.setWeight": "100"}, "'100' is not of type 'integer'"),
        (ping_pong, {f"{STEPS}.3.setWeight": 12.5}, "12.5 is not of type 'integer'"),
        (ping_pong, {f"{STEPS}.3.setWeight": 100.0}, "100.0 is not of type 'integer'"),
        (ping_pong, {f"{STEPS}.3.setWeight": True}, "True is not of type 'integer'"),
        (ping_pong, {f"{STEPS}.5.pause.duration": True}, "True is not of type 'integer', 'string'"),
        (ping_pong, {f"{CANARY}.maxSurge": False}, "False is not of type 'integer', 'string'"),
        (ping_pong, {f"{CANARY}.pingPong.pongService": REMOVED}, "'pongService' is a required property"),
        (ping_pong, {f"{CANARY}.trafficRouting.alb.servicePort": REMOVED}, "'servicePort' is a required property"),
        (blue_green, {f"{BLUE_GREEN}.activeService": REMOVED}, "'activeService' is a required property"),
        (blue_green, {f"{BLUE_GREEN}.scaleDownDelaySeconds": "10m"}, "'10m' is not of type 'integer'"),
        (blue_green, {f"{METRIC}.name": REMOVED}, "'name' is a required property"),
        (blue_green, {f"{METRIC}.count": True}, "True is not of type 'integer', 'string'"),
        (blue_green, {f"{METRIC}.provider.cloudWatch.metricDataQueries": REMOVED}, "is a required property"),
        (blue_green, {"AnalysisTemplate web-errors: spec.args.0.defaut": "a"}, "'defaut' was unexpected"),
        (blue_green, {f"{POD}.containers.0.ports.0.containerPort": "8080"}, "'8080' is not of type 'integer'"),
        (blue_green, {"Service web: spec.ports.0.port": "80"}, "'80' is not of type 'integer'"),
        (blue_green, {"Service web: spec.prots": []}, "'prots' was unexpected"),
        (ping_pong, {"Ingress web: spec.ingressClass": "alb"}, "'ingressClass' was unexpected"),
        (ping_pong, {"HorizontalPodAutoscaler web: spec.maxReplicas": REMOVED}, "'maxReplicas' is a required property"),
        (ping_pong, {"PodDisruptionBudget web: spec.minavailable": 1}, "'minavailable' was unexpected"),
        (
            target_group_binding,
            {"TargetGroupBinding web: spec.targetGroupArn": "arn"},
            "'targetGroupArn' was unexpected",
        ),
        (target_group_binding, {"TargetGroupBinding web: spec.targetType": REMOVED}, "'targetType' is a required"),
        (ping_pong, {"IngressClassParams alb: spec.certificateArn": ["a"]}, "'certificateArn' was unexpected"),
    ],
    ids=name_of,
)
def test_what_an_api_server_refuses_is_named(good: Any, edits: Any, sentence: str) -> None:
    found = [one for item in edited(good(), edits) for one in violations(item)]
    assert any(sentence in one for one in found), found


def test_a_violation_says_where_it_is() -> None:
    (rollout,) = [item for item in edited(ping_pong(), {f"{STEPS}.3.setWeight": "x"}) if item["kind"] == "Rollout"]
    assert violations(rollout) == ("spec.strategy.canary.steps.3.setWeight: 'x' is not of type 'integer'",)


def test_a_rollouts_pods_are_judged_as_pods_too() -> None:
    (rollout,) = [
        item for item in edited(blue_green(), {f"{POD}.containers.0.name": REMOVED}) if item["kind"] == "Rollout"
    ]
    found = violations(rollout)
    assert any(one.startswith("spec.template: ") for one in found)


@pytest.mark.parametrize(
    "manifest",
    [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rolout", "metadata": {"name": "web"}},
        {"apiVersion": "argoproj.io/v1", "kind": "Rollout", "metadata": {"name": "web"}},
        {"apiVersion": "eks.amazonaws.com/v1", "kind": "NodePool", "metadata": {"name": "web"}},
    ],
    ids=str,
)
def test_a_kind_without_a_schema_raises(manifest: Any) -> None:
    with pytest.raises(LookupError, match=str(manifest["kind"])):
        violations(manifest)


def test_the_crds_carry_no_date_and_stay_small() -> None:
    files = sorted((Path(__file__).parent / "crds").glob("*.json.gz"))
    assert len(files) == 5
    for file in files:
        content = file.read_bytes()
        assert content[4:8] == bytes(4)
        assert len(content) < 6_000
