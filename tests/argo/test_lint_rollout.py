"""A Rollout's own fields, its pods, names and labels."""

from decimal import Decimal
from typing import Any

import pytest

from bluegreen_constructs.argo.lint import findings
from bluegreen_constructs.argo.quantities import amount
from tests.argo.edited_manifests import CANARY, POD, REMOVED, accepts, cases, edited, harmless, refuses
from tests.argo.good_manifests import blue_green, ping_pong, rollout, service, target_group_binding

REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old-web", "scaleDown": "onsuccess"}


@harmless((ping_pong, {}), (blue_green, {}), (target_group_binding, {}))
def test_good_manifests_are_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


@cases(
    (blue_green, {"Rollout web: spec.selector": REMOVED}, "no spec.selector"),
    (blue_green, {"Rollout web: spec.selector": {"matchLabels": {}}}, "an empty spec.selector"),
    (blue_green, {"Rollout web: spec.selector.matchLabels.tier": "front"}, "do not match: give the pod template all"),
    (
        blue_green,
        {"Rollout web: spec.selector.matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
        "do not match",
    ),
    (
        blue_green,
        {"Rollout web: spec.selector.matchExpressions": [{"key": "app", "operator": "Is", "values": ["web"]}]},
        "In, NotIn, Exists and DoesNotExist are allowed",
    ),
    (blue_green, {"Rollout web: spec.replicas": -1}, "spec.replicas -1: 0 or more"),
    (blue_green, {"Rollout web: spec.minReadySeconds": -1}, "spec.minReadySeconds -1: 0 or more"),
    (blue_green, {"Rollout web: spec.revisionHistoryLimit": -1}, "spec.revisionHistoryLimit -1: 0 or more"),
    (blue_green, {"Rollout web: spec.minReadySeconds": 600}, "progressDeadlineSeconds 600 and minReadySeconds 600"),
    (blue_green, {"Rollout web: spec.progressDeadlineSeconds": 0}, "progressDeadlineSeconds 0 and minReadySeconds 0"),
    (blue_green, {"Rollout web: spec.rollbackWindow": {"revisions": 0}}, "revisions 0: 1 or more"),
    (blue_green, {"Rollout web: spec.rollbackWindow": {"revisions": 4}}, "revisions 4 above revisionHistoryLimit 3"),
    (blue_green, {"Rollout web: spec.analysis": {"successfulRunHistoryLimit": -2}}, "-2: 0 or more"),
    (blue_green, {"Rollout web: spec.workloadRef": REFERENCE}, "both spec.template and spec.workloadRef"),
)
def test_a_field_that_the_controller_refuses_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@harmless(
    (
        blue_green,
        {"Rollout web: spec.selector.matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "shop"]}]},
    ),
    (blue_green, {"Rollout web: spec.selector.matchExpressions": [{"key": "app", "operator": "Exists"}]}),
    (blue_green, {"Rollout web: spec.selector.matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}),
    (blue_green, {"Rollout web: spec.rollbackWindow": {"revisions": 3}}),
    (blue_green, {"Rollout web: spec.minReadySeconds": 599}),
    (blue_green, {"Rollout web: spec.replicas": 0, "PodDisruptionBudget web": REMOVED}),
    (blue_green, {"Rollout web: spec.progressDeadlineSeconds": None}),
)
def test_the_neighbouring_value_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_a_rollout_without_pods_is_a_finding() -> None:
    found = findings(edited(blue_green(), {"Rollout web: spec.template": REMOVED}))
    assert found == (
        "Rollout shop/web has neither spec.template nor spec.workloadRef: give it the pods to run by one of them",
    )


def test_the_workload_that_it_refers_to_may_be_outside_the_set() -> None:
    edits = {
        "Rollout web: spec.workloadRef": REFERENCE,
        "Rollout web: spec.template": REMOVED,
        "Rollout web: spec.selector": REMOVED,
    }
    accepts(blue_green, edits)


@cases(
    (
        blue_green,
        {"Rollout web: spec.workloadRef.kind": "StatefulSet"},
        "Deployment, ReplicaSet, PodTemplate are allowed",
    ),
    (blue_green, {"Rollout web: spec.workloadRef.apiVersion": "extensions/v1beta1"}, "apps/v1 is allowed"),
    (blue_green, {"Rollout web: spec.workloadRef.scaleDown": "later"}, "never, onsuccess, progressively are allowed"),
    (blue_green, {"Rollout web: spec.workloadRef.name": REMOVED}, "no spec.workloadRef.name"),
)
def test_a_reference_that_the_controller_cannot_follow_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    def referring() -> Any:
        return edited(good(), {"Rollout web: spec.template": REMOVED, "Rollout web: spec.workloadRef": REFERENCE})

    refuses(referring, edits, sentence)


def test_services_are_judged_by_the_pods_of_the_workload_that_is_referred_to() -> None:
    deployment = next(item for item in target_group_binding() if item["kind"] == "Deployment")
    referring = [
        *edited(
            blue_green(),
            {
                "Rollout web: spec.template": REMOVED,
                "Rollout web: spec.workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        ),
        deployment,
    ]
    assert findings(referring) == ()
    (finding,) = findings(
        edited(referring, {"Service web: spec.selector.app": "wbe", "Service web: metadata.name": "web"})
    )[:1]
    assert "Service shop/web selects app=wbe" in finding


@cases(
    (ping_pong, {f"{POD}.restartPolicy": "Never"}, "Always is allowed in a Rollout"),
    (ping_pong, {f"{POD}.activeDeadlineSeconds": 60}, "none is allowed in a Rollout"),
    (ping_pong, {f"{POD}.initContainers": [{"name": "web", "image": "a"}]}, "two containers called 'web'"),
    (ping_pong, {f"{POD}.containers.0.ports.0.containerPort": 99999}, "1 to 65535 is allowed"),
    (ping_pong, {f"{POD}.containers.0.ports.0.containerPort": REMOVED}, "no spec.template.spec.containers[0].ports[0]"),
    (
        ping_pong,
        {f"{POD}.containers.0.ports": [{"name": "http", "containerPort": 1}, {"name": "http", "containerPort": 2}]},
        "two ports called 'http'",
    ),
    (
        ping_pong,
        {f"{POD}.containers.0.readinessProbe.httpGet.port": "htpt"},
        "container's ports (http) are allowed",
    ),
    (ping_pong, {f"{POD}.containers.0.volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}, "no volume of the pod"),
    (ping_pong, {f"{POD}.containers.0.name": "The Web"}, "containers[0].name 'The Web'"),
    (ping_pong, {f"{POD}.containers.0.name": REMOVED}, "containers[0].name: name the container"),
    (ping_pong, {f"{POD}.containers.0.ports.0.protocol": "HTTP"}, "TCP, UDP and SCTP are allowed"),
    (ping_pong, {f"{POD}.containers.0.readinessProbe.httpGet.port": 0}, "port 0: 1 to 65535"),
    (ping_pong, {f"{POD}.containers.0.readinessProbe.periodSeconds": -1}, "periodSeconds -1: 0 or more"),
    (ping_pong, {f"{POD}.containers.0.readinessProbe": {}}, "exactly one of exec, grpc, httpGet and tcpSocket"),
    (ping_pong, {f"{POD}.containers.0.resources.limits.memory": "100 MB"}, "memory '100 MB': 0 or more is allowed"),
    (
        ping_pong,
        {f"{POD}.containers.0.resources.limits.memory": "64Mi"},
        "'128Mi' above its limit '64Mi'",
    ),
    (ping_pong, {f"{POD}.containers.0.resources.requests.cpu": -1}, "cpu -1: 0 or more"),
    (ping_pong, {f"{POD}.containers.0.lifecycle.preStop": {"sleep": {"seconds": 60}}}, "of 60 s and termination"),
    (
        ping_pong,
        {f"{POD}.containers.0.lifecycle.preStop.exec.command": ["/bin/sh", "-c", "sleep 90; rm -f /ready"]},
        "of 90 s and terminationGracePeriodSeconds 60",
    ),
    (
        ping_pong,
        {f"{POD}.terminationGracePeriodSeconds": 29},
        "below the deregistration delay of Ingress shop/web, 30 s",
    ),
)
def test_pods_that_would_not_start_or_be_killed_too_early_are_findings(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


def test_a_port_name_that_kubernetes_refuses_is_a_finding() -> None:
    name = "http-of-the-web-server"
    edits = {f"{POD}.containers.0.ports.0.name": name, f"{POD}.containers.0.readinessProbe.httpGet.port": name}
    for item in ("web", "web-ping", "web-pong"):
        edits[f"Service {item}: spec.ports.0.targetPort"] = name
    refuses(ping_pong, edits, "up to 15 of a-z, 0-9 and '-'")


@harmless(
    (ping_pong, {f"{POD}.containers.0.lifecycle.preStop": {"sleep": {"seconds": 59}}}),
    (ping_pong, {f"{POD}.containers.0.lifecycle.preStop": {"httpGet": {"path": "/stop", "port": 8080}}}),
    (ping_pong, {f"{POD}.containers.0.readinessProbe.httpGet.port": 8080}),
    (ping_pong, {f"{POD}.containers.0.resources": {"requests": {"cpu": 0.5}, "limits": {"cpu": "500m"}}}),
    (ping_pong, {f"{POD}.terminationGracePeriodSeconds": 30}),
    (
        ping_pong,
        {
            f"{POD}.containers.0.volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
            f"{POD}.volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    ),
)
def test_pods_with_time_to_stop_are_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_a_pod_without_containers_is_a_finding() -> None:
    found = findings(edited(target_group_binding(), {"Deployment web: spec.template.spec.containers": []}))
    assert any("no spec.template.spec.containers" in sentence for sentence in found)


@cases(
    (blue_green, {"AnalysisTemplate web-smoke: metadata.labels": {"a b": "c"}}, "has the key 'a b' in metadata.labels"),
    (blue_green, {"AnalysisTemplate web-smoke: metadata.labels": {"a": "x" * 64}}, "(these are 64)"),
    (
        blue_green,
        {"Rollout web: spec.template.metadata.labels.owner": "me@example.com"},
        "'me@example.com' for 'owner'",
    ),
    (blue_green, {"AnalysisTemplate web-smoke: metadata.annotations": {"a/b/c": "d"}}, "has the key 'a/b/c'"),
    (blue_green, {"PodDisruptionBudget web: metadata.name": "Web"}, "has metadata.name 'Web'"),
    (blue_green, {"PodDisruptionBudget web: metadata.name": "w" * 254}, "up to 253"),
    (blue_green, {"Rollout web: metadata.name": "w" * 64}, "(these are 64), change the name"),
    (target_group_binding, {"TargetGroupBinding web: metadata.namespace": 5}, "has metadata.namespace 5"),
)
def test_a_name_or_a_label_that_the_api_server_refuses_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    found = findings(edited(good(), edits))
    assert any(sentence in one for one in found), found


def test_annotations_may_be_longer_than_labels() -> None:
    accepts(blue_green, {"AnalysisTemplate web-smoke: metadata.annotations": {"example.com/why": "x y! " * 100}})


def test_a_service_begins_with_a_letter() -> None:
    found = findings([*blue_green(), {**service("8-web")}])
    assert found == ("Service shop/8-web has metadata.name '8-web': a Service's begins with a letter, change the name",)


def test_an_object_that_is_there_twice_is_a_finding() -> None:
    (finding,) = findings([*blue_green(), service("web")])
    assert finding.startswith("Service shop/web is in the set twice")


def test_a_namespace_stands_before_what_is_in_it() -> None:
    first, *others = blue_green()
    found = findings([*others, first])
    assert len(found) == len(others)
    assert all("stands before its namespace shop" in sentence for sentence in found)


def test_two_rollouts_do_not_own_the_same_pods() -> None:
    other = rollout({"canary": {}})
    other["metadata"] = {"name": "web-2", "namespace": "shop"}
    (finding,) = findings([*blue_green(), other])
    assert "has the spec.selector of Rollout shop/web-2" in finding


def test_the_findings_are_sorted_by_object() -> None:
    found = findings(edited(ping_pong(), {f"{CANARY}.steps.3.setWeight": 101, "Service web-ping: spec.ports": []}))
    assert list(found) == sorted(found)
    assert len(found) > 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        ("128Mi", "134217728"),
        ("1k", "1000"),
        ("2E", "2e18"),
        ("1e3", "1000"),
        ("-1", "-1"),
        ("", None),
        ("128MB", None),
        ("1 Gi", None),
        ("Mi", None),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, value: str | None) -> None:
    assert amount(text) == (None if value is None else Decimal(value))
