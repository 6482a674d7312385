"""Autoscalers and disruption budgets."""

from typing import Any

from bluegreen_constructs.argo.lint import findings
from tests.argo.edited_manifests import REMOVED, accepts, cases, edited, harmless, refuses
from tests.argo.good_manifests import autoscaler, blue_green, ping_pong, target_group_binding

SCALER = "HorizontalPodAutoscaler web"
BUDGET = "PodDisruptionBudget web"


@cases(
    (
        ping_pong,
        {"Rollout web: spec.replicas": 3},
        "spec.replicas 3 although HorizontalPodAutoscaler shop/web scales it",
    ),
    (ping_pong, {f"{SCALER}: spec.minReplicas": 11}, "spec.minReplicas 11 above maxReplicas 10"),
    (ping_pong, {f"{SCALER}: spec.maxReplicas": REMOVED}, "has no spec.maxReplicas"),
    (ping_pong, {f"{SCALER}: spec.scaleTargetRef.apiVersion": "apps/v1"}, "argoproj.io/v1alpha1 is allowed"),
    (ping_pong, {f"{SCALER}: spec.scaleTargetRef.name": REMOVED, BUDGET: REMOVED}, "has no spec.scaleTargetRef.name"),
    (ping_pong, {f"{BUDGET}: spec.minAvailable": 2}, "spec.minAvailable 2 of the 2 pods that Rollout shop/web may run"),
    (ping_pong, {f"{SCALER}: spec.minReplicas": REMOVED}, "spec.minAvailable 1 of the 1 pods"),
    (blue_green, {f"{BUDGET}: spec.minAvailable": 4}, "spec.minAvailable 4 of the 4 pods"),
    (blue_green, {f"{BUDGET}: spec.minAvailable": "100%"}, "no node drained, lower it"),
    (blue_green, {f"{BUDGET}: spec.minAvailable": "most"}, "a whole number or a percentage"),
    (blue_green, {f"{BUDGET}: spec": {"maxUnavailable": 0, "selector": {}}}, "spec.maxUnavailable 0"),
    (blue_green, {f"{BUDGET}: spec": {"maxUnavailable": "0%", "selector": {}}}, "spec.maxUnavailable '0%'"),
    (blue_green, {f"{BUDGET}: spec.maxUnavailable": 1}, "minAvailable and maxUnavailable: exactly one is allowed"),
    (blue_green, {f"{BUDGET}: spec.minAvailable": REMOVED}, "neither minAvailable nor maxUnavailable"),
    (blue_green, {f"{BUDGET}: spec.selector": REMOVED}, "has no spec.selector: it would protect no pod"),
    (blue_green, {f"{BUDGET}: spec.selector.matchLabels.app": "wbe"}, "matches no pods of the set"),
)
def test_what_fights_over_the_number_of_pods_or_holds_each_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@harmless(
    (blue_green, {f"{BUDGET}: spec.minAvailable": 3}),
    (blue_green, {f"{BUDGET}: spec.minAvailable": "75%"}),
    (blue_green, {f"{BUDGET}: spec": {"maxUnavailable": "25%", "selector": {}}}),
    (ping_pong, {f"{SCALER}: spec.minReplicas": 10}),
    (ping_pong, {f"{SCALER}": REMOVED, "Rollout web: spec.replicas": 2}),
)
def test_a_budget_that_lets_one_pod_go_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_an_autoscaler_without_its_rollout_is_a_finding() -> None:
    found = findings(edited(ping_pong(), {f"{SCALER}: spec.scaleTargetRef.name": "wbe"}))
    assert any("scaleTargetRef.name 'wbe', which no Rollout of its namespace" in one for one in found)


def test_two_autoscalers_of_one_rollout_are_a_finding() -> None:
    other = autoscaler()
    other["metadata"] = {"name": "second", "namespace": "shop"}
    (finding,) = findings([*ping_pong(), other])
    assert "HorizontalPodAutoscaler shop/second scales Rollout web as HorizontalPodAutoscaler shop/web does" in finding


def test_the_deployment_behind_a_rollout_is_not_scaled_itself() -> None:
    deployment = target_group_binding()[2]
    del deployment["spec"]["replicas"]  # type: ignore[union-attr]
    edits = {
        f"{SCALER}: spec.scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "Rollout web: spec.template": REMOVED,
        "Rollout web: spec.workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        f"{BUDGET}": REMOVED,
    }
    (finding,) = findings([*edited(ping_pong(), edits), deployment])
    assert "scales Deployment web, whose pods Rollout shop/web runs: scale the Rollout instead" in finding
