"""Services, Ingresses and TargetGroupBindings: what carries the traffic."""

from typing import Any

from bluegreen_constructs.argo.lint import findings
from tests.argo.edited_manifests import BLUE_GREEN, CANARY, POD, REMOVED, accepts, cases, edited, harmless, refuses
from tests.argo.good_manifests import blue_green, ingress, ping_pong, rollout, service, target_group_binding

ALB = "alb|ingress|kubernetes|io"
NOTES = "Ingress web: metadata.annotations"
BACKEND = "Ingress web: spec.rules.0.http.paths.0.backend"
BINDING = "TargetGroupBinding web"


@cases(
    (ping_pong, {"Service web-pong": REMOVED}, "pongService 'web-pong', which no Service"),
    (blue_green, {"Service web-preview": REMOVED}, "previewService 'web-preview', which no Service"),
    (ping_pong, {"Service web-pong: metadata.namespace": "other"}, "pongService 'web-pong', which no Service"),
    (
        ping_pong,
        {"Service web-pong: spec.selector": REMOVED},
        "has no spec.selector although Rollout shop/web names it",
    ),
    (ping_pong, {"Service web-pong: spec.selector.rollouts-pod-template-hash": "abc"}, "each deployment would move"),
    (
        ping_pong,
        {"Service web-pong: metadata.annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "other"}},
        "'other' although Rollout shop/web moves it",
    ),
    (ping_pong, {"Service web-pong: spec.ports.0.targetPort": "grpc"}, "targetPort 'grpc', which the pods of Rollout"),
    (ping_pong, {"Service web-pong: spec.ports.0.targetPort": 70000}, "targetPort 70000"),
    (
        ping_pong,
        {"Service web-pong: spec.ports.0.port": 81},
        "servicePort 80, which Service shop/web-pong does not have",
    ),
    (blue_green, {"Service web-preview: spec.ports.0.port": 99999}, "port 99999: 1 to 65535"),
    (blue_green, {"Service web-preview: spec.ports": []}, "has no spec.ports"),
    (ping_pong, {"Service web-pong: spec.ports.1": {"port": 81, "targetPort": 81}}, "each needs a name of its own"),
)
def test_a_service_that_does_not_lead_to_the_pods_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


def test_a_selector_that_misses_the_pods_is_a_finding() -> None:
    found = findings(edited(ping_pong(), {"Service web-ping: spec.selector.app": "wbe"}))
    assert len(found) == 2
    assert "selects app=wbe, which no pods of the set have: select the labels of a pod template" in found[0]
    assert "selects app=wbe, which the pods of Rollout shop/web do not have although it names the Service" in found[1]


@harmless(
    (ping_pong, {"Service web-pong: spec.ports.0.targetPort": 8080}),
    (ping_pong, {"Service web-pong: spec.ports.0.targetPort": REMOVED}),
    (ping_pong, {"Service web-pong: spec.ports.1": {"name": "admin", "port": 81, "targetPort": 81}}),
    (
        ping_pong,
        {"Service web-pong: metadata.annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}},
    ),
)
def test_a_service_that_leads_to_the_pods_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_a_service_may_select_the_label_that_the_controller_gives_a_role() -> None:
    candidate = service("web-candidate")
    candidate["spec"]["selector"]["role"] = "candidate"  # type: ignore[call-overload,index]
    named = {f"{CANARY}.canaryMetadata": {"labels": {"role": "candidate"}}}
    assert findings([*edited(ping_pong(), named), candidate]) == ()
    (finding,) = findings([*ping_pong(), candidate])
    assert "Service shop/web-candidate selects app=web, role=candidate, which no pods of the set have" in finding


def test_a_service_is_moved_by_one_rollout_only() -> None:
    other = rollout({"canary": {"stableService": "web-preview", "canaryService": "web"}})
    other["metadata"] = {"name": "other", "namespace": "shop"}
    other["spec"]["selector"] = {"matchLabels": {"app": "web", "of": "other"}}  # type: ignore[call-overload,index]
    other["spec"]["template"]["metadata"]["labels"]["of"] = "other"  # type: ignore[call-overload,index]
    found = findings([*blue_green(), other])
    assert [one.partition(":")[0] for one in found] == [
        "Service shop/web is moved by Rollout shop/web and by Rollout shop/other",
        "Service shop/web-preview is moved by Rollout shop/web and by Rollout shop/other",
    ]


def test_an_external_name_needs_no_pods() -> None:
    outside = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "outside", "namespace": "shop"},
        "spec": {"type": "ExternalName", "externalName": "db.example.com"},
    }
    assert findings([*blue_green(), outside]) == ()


@cases(
    (ping_pong, {f"{NOTES}.{ALB}/target-type": "instance"}, "'instance' alb.ingress.kubernetes.io/target-type: ip"),
    (ping_pong, {f"{NOTES}.{ALB}/target-type": REMOVED}, "no alb.ingress.kubernetes.io/target-type: ip is allowed"),
    (ping_pong, {f"{NOTES}.{ALB}/actions|web": "{}"}, "the controller writes it"),
    (ping_pong, {f"{NOTES}.{ALB}/listen-ports": "[{HTTP: 80}]"}, "JSON is allowed"),
    (ping_pong, {f"{NOTES}.{ALB}/target-group-attributes": "deregistration_delay"}, "key=value,key=value is allowed"),
    (ping_pong, {f"{NOTES}.{ALB}/group|name": "shared"}, "which Auto Mode does not support"),
    (ping_pong, {f"{BACKEND}.service.port": {"name": "http"}}, "the name use-annotation is allowed"),
    (ping_pong, {f"{BACKEND}.service.port.number": 80}, "exactly one of name and number is allowed"),
    (ping_pong, {"Namespace shop: metadata.labels": REMOVED}, "lacks the label eks.amazonaws.com/pod-readiness-gate"),
    (
        ping_pong,
        {"Namespace shop: metadata.labels": {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}},
        "lacks the label eks.amazonaws.com/pod-readiness-gate-inject: enabled",
    ),
    (
        ping_pong,
        {"IngressClass alb: spec.parameters.apiGroup": "elbv2.k8s.aws"},
        "those of eks.amazonaws.com are allowed",
    ),
    (
        ping_pong,
        {"Ingress web: spec.rules.0.http.paths.1": {"path": "/x", "backend": {"service": {"port": {"number": 80}}}}},
        "backend.service.name: name the Service that answers",
    ),
    (
        ping_pong,
        {
            "Ingress web: spec.rules.0.http.paths.1": {
                "path": "/x",
                "backend": {"service": {"name": "elsewhere", "port": {"number": 80}}},
            }
        },
        "the backend 'elsewhere', which no Service",
    ),
    (
        ping_pong,
        {
            "Ingress web: spec.rules.0.http.paths.1": {
                "path": "/x",
                "backend": {"service": {"name": "web-ping", "port": {"number": 8080}}},
            }
        },
        "the port 8080 of Service shop/web-ping, which does not have it: its ports (80 (http)) are allowed",
    ),
    (
        ping_pong,
        {
            "Ingress web: spec.rules.0.http.paths.1": {
                "path": "/x",
                "backend": {"service": {"name": "redirect", "port": {"name": "use-annotation"}}},
            }
        },
        "neither the annotation alb.ingress.kubernetes.io/actions.redirect nor a Rollout that writes it",
    ),
    (
        ping_pong,
        {"Ingress web: spec.rules.0.http.paths.1": {"path": "/x", "backend": {"resource": {"kind": "Bucket"}}}},
        "has a resource as backend although Rollout shop/web moves it",
    ),
    (
        blue_green,
        {"Service web-preview": {**ingress(), "spec": {}}, f"{BLUE_GREEN}.previewService": REMOVED},
        "neither spec.rules",
    ),
)
def test_an_ingress_without_an_answer_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


def test_an_ingress_that_is_not_there_is_a_finding() -> None:
    found = findings(edited(ping_pong(), {f"{CANARY}.trafficRouting.alb.ingress": "web-2"}))
    assert any("for the Ingress 'web-2', which its namespace in the set does not have: add it" in one for one in found)


def test_an_ingress_without_the_root_is_a_finding() -> None:
    port = {"name": "web-ping", "port": {"number": 80}}
    refuses(ping_pong, {f"{BACKEND}.service": port}, "has no rule whose backend is 'web', which Rollout shop/web moves")


@harmless(
    (ping_pong, {f"{NOTES}.{ALB}/target-type": REMOVED, "IngressClassParams alb: spec.targetType": "ip"}),
    (ping_pong, {"Namespace shop": REMOVED}),
    (
        ping_pong,
        {
            "IngressClassParams alb": REMOVED,
            "IngressClass alb": REMOVED,
            "Namespace shop: metadata.labels": {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"},
            f"{NOTES}.{ALB}/group|name": "shared",
        },
    ),
    (
        ping_pong,
        {
            f"{NOTES}.{ALB}/actions|redirect": '{"Type": "redirect"}',
            "Ingress web: spec.rules.0.http.paths.1": {
                "path": "/x",
                "backend": {"service": {"name": "redirect", "port": {"name": "use-annotation"}}},
            },
        },
    ),
    (ping_pong, {f"{NOTES}.{ALB}/target-group-attributes": REMOVED, f"{POD}.terminationGracePeriodSeconds": 25}),
)
def test_an_ingress_with_answers_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_two_rollouts_do_not_move_the_same_root() -> None:
    other = edited(
        ping_pong(),
        {
            "Rollout web: metadata.name": "other",
        },
    )[-3]
    other["spec"]["strategy"]["canary"]["pingPong"] = {"pingService": "o-ping", "pongService": "o-pong"}  # type: ignore[call-overload,index]
    other["spec"]["selector"]["matchLabels"]["of"] = "other"  # type: ignore[call-overload,index]
    other["spec"]["template"]["metadata"]["labels"]["of"] = "other"  # type: ignore[call-overload,index]
    (finding,) = findings([*ping_pong(), service("o-ping"), service("o-pong"), other])
    assert "Rollout shop/other moves 'web' in Ingress shop/web as Rollout shop/web does" in finding


def behind_an_alb() -> Any:
    """Blue/green whose active Service is the backend of an ALB."""
    balanced = ingress()
    balanced["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"name": "http"}  # type: ignore[call-overload,index]
    return [*blue_green(), balanced]


def test_blue_green_behind_an_alb_is_a_finding() -> None:
    refuses(behind_an_alb, {}, "drops requests meanwhile, use canary with pingPong")


def test_blue_green_behind_an_alb_may_be_accepted() -> None:
    accepts(behind_an_alb, {"Rollout web: metadata.annotations": {"bluegreen-constructs/alb-downtime": "accepted"}})


def test_blue_green_behind_another_ingress_is_clean() -> None:
    accepts(behind_an_alb, {"Ingress web: spec.ingressClassName": "nginx", NOTES: {}})


def test_the_preview_may_be_behind_an_alb() -> None:
    accepts(behind_an_alb, {f"{BACKEND}.service.name": "web-preview"})


@cases(
    (target_group_binding, {f"{BINDING}: apiVersion": "elbv2.k8s.aws/v1"}, "(Auto Mode) and elbv2.k8s.aws/v1beta1"),
    (target_group_binding, {f"{BINDING}: spec.targetGroupARN": REMOVED}, "has no spec.targetGroupARN"),
    (target_group_binding, {f"{BINDING}: spec.targetType": "instance"}, "spec.targetType 'instance': ip is allowed"),
    (target_group_binding, {f"{BINDING}: spec.targetType": REMOVED}, "which Auto Mode requires"),
    (
        target_group_binding,
        {f"{BINDING}: spec.networking": {"ingress": [{"from": [{"securityGroup": {"groupID": "sg-1"}}], "ports": []}]}},
        "which Auto Mode does not support",
    ),
    (target_group_binding, {f"{BINDING}: spec.serviceRef.name": "wbe"}, "serviceRef.name 'wbe', which no Service"),
    (
        target_group_binding,
        {f"{BINDING}: spec.serviceRef.port": "grpc"},
        "serviceRef.port 'grpc', which Service shop/web",
    ),
    (target_group_binding, {f"{BINDING}: spec.serviceRef.port": REMOVED}, "no spec.serviceRef.port"),
)
def test_a_binding_that_registers_nothing_is_a_finding(good: Any, edits: Any, sentence: str) -> None:
    refuses(good, edits, sentence)


@harmless(
    (target_group_binding, {f"{BINDING}: spec.serviceRef.port": "http"}),
    (
        target_group_binding,
        {
            f"{BINDING}: apiVersion": "elbv2.k8s.aws/v1beta1",
            f"{BINDING}: spec.targetType": REMOVED,
            f"{BINDING}: spec.networking": {
                "ingress": [{"from": [{"securityGroup": {"groupID": "sg-1"}}], "ports": [{"protocol": "TCP"}]}]
            },
        },
    ),
)
def test_a_binding_of_a_port_is_clean(good: Any, edits: Any) -> None:
    accepts(good, edits)


def test_a_bound_service_is_not_switched_by_its_selector() -> None:
    binding = target_group_binding()[-1]
    (finding,) = findings([*blue_green(), binding])
    assert "binds Service shop/web, which Rollout shop/web switches by its selector" in finding
